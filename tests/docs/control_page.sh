#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wbfs-control(5) describes each control file that there is, each knob with its range and default,
# and none that is not there.

. "$(dirname "$0")/../e2e/functions.sh"

page=$top_srcdir/docs/man/wbfs-control.scd

# described FIRST-HEADING END-HEADING: the names in bold that begin a paragraph between them
described() {
	sed -n "/^# $1\$/,/^# $2\$/p" "$page" |
		sed -nE '/^\*[a-z_.]+\*/p' | grep -oE '\*[a-z_.]+\*' | tr -d '*' | sort
}

# same_names WHERE DIRECTORY DESCRIBED
same_names() {
	local names
	names=$(find "$2" -mindepth 1 -maxdepth 1 ! -name devices -printf '%f\n' | sort)
	diff <(echo "$names") <(echo "$3") || fail "$1: what is there (<) is not what is described (>)"
}

start_wb 16M 16M
same_names .control "$control" "$(described 'THE CACHE' BACKINGS)"
same_names .control/devices/disk "$control/devices/disk" "$(described BACKINGS STATES)"

nr=0
while IFS= read -r line; do
	name=${line%% *}
	range=$(sed -E 's/^[^[]*\[([^]]*)\].*/\1/' <<<"$line")
	default=$(sed -E 's/.*\] default ([^:]*):.*/\1/' <<<"$line")
	range=$(sed -E 's/^0\.\.1$/0 or 1/; s|^([a-z]+)/([a-z]+)$|\1 or \2|' <<<"$range")
	grep -qF -e "*$name* $range ($default)" -e "*$name* $range (set by the modulator)" "$page" ||
		fail "not described so: $name $range ($default)"
	nr=$((nr + 1))
done <"$control/params"
[ "$nr" -ge 11 ] || fail "only $nr knobs in params"
umount_wb
