#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The shell completes commands, options, mount points, backings, knobs and columns.

. "$(dirname "$0")/functions.sh"
. "$top_srcdir/contrib/completion/wbfs"
. "$top_srcdir/contrib/completion/mkwbfs"

# offers FUNCTION EXPECTED WORD...: what is offered for the last word, joined by blanks
offers() {
	local function=$1 expected=$2
	shift 2
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	"$function"
	[ "${COMPREPLY[*]}" = "$expected" ] || fail "${*:2}: '${COMPREPLY[*]}' instead of '$expected'"
}

start_wb 5M 1M
offers _wbfs 'detach' "$WBFS" det
offers _wbfs 'get' "$WBFS" get
offers _wbfs '--version' "$WBFS" --v
offers _wbfs '--discard-dirty' "$WBFS" detach --d
offers _wbfs '--barrier_deadline_ms' "$WBFS" mount --barr
offers _wbfs 'barrier_deadline_ms' "$WBFS" mount -o barr
offers _wbfs 'USE% UNSYNCED UUID' "$WBFS" status --output U
offers _wbfs "$mnt" "$WBFS" status "$mnt"
offers _wbfs "$mnt/disk" "$WBFS" get "$mnt/"
offers _wbfs 'disk' "$WBFS" loop "$mnt" d
offers _wbfs 'disk' "$WBFS" loop --detach "$mnt" d
offers _wbfs 'migrate_threshold' "$WBFS" get "$mnt/disk" m
offers _wbfs 'force_migrate=' "$WBFS" set "$mnt" force
offers _wbfs "$cache" "$WBFS" mount --cache "$tmp/cach"
offers _mkwbfs '--segment-size' "$MKWBFS" --seg
offers _mkwbfs "$cache" "$MKWBFS" "$tmp/cach"

# What is listed is what the help of its command has.
for command in $("$WBFS" --list-commands); do
	expect_status 0 wbfs "$command" --help
	diff <("$WBFS" --list-options "$command" | cut -f 1 | grep -Fxv -- --help | sort) \
		<(sed -nE 's/^ +(-[A-Za-z], )?(--[a-z_-]+).*/\2/p' "$tmp/out" | sort) ||
		fail "wbfs $command --help and --list-options differ"
done
refused 1 'unknown command' wbfs --list-options nonsense
refused 1 'unknown option' wbfs --list-nonsense
umount_wb
