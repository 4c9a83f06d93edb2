#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wbfs check says what a cache holds, finds nothing wrong with good ones, whether closed in order or
# killed, and never changes a byte. It refuses what is in use, what is no cache and what it can't
# read.

. "$(dirname "$0")/functions.sh"
requires runuser

check() { # STATUS [OPTION...]: and leaves the image as it is
	local before status=$1
	shift
	before=$(sum_images)
	expect_status "$status" wbfs check "$@" "$cache"
	[ "$before" = "$(sum_images)" ] || fail 'check has written to an image'
}

says() {
	grep -Eq -- "$1" "$tmp/out" || fail "no '$1' in the report"
}

make_cache 16M -L fast
check 0
says '^label +fast$'
says '^log +empty'
says '^result +clean$'

make_disk 16M
mount_wb -d "disk=$disk" -o allow_migrate=0 -o update_interval=0
refused 5 'in use' wbfs check "$cache"
dd if=/dev/urandom of="$exposed" bs=1M count=3 conv=notrunc,fsync status=none
umount_wb
check 0
says '^closed +in order'
says '^backing +disk: 768 blocks \(3 MiB\) only in the cache; '
says '^checked +768 blocks'
says '^result +good; has blocks'

mount_wb -o allow_migrate=0 -o update_interval=0
dd if=/dev/urandom of="$exposed" bs=64K count=100 conv=notrunc,fsync status=none
kill_wb
end_wb "$mnt"
check 0
says '^closed +not'
says '^backing +disk: 1600 blocks'
says '^result +good; not closed in order'
check 0 --json
if command -v python3 >/dev/null; then
	python3 -c 'import json, sys
report = json.load(open(sys.argv[1]))
assert not report["clean"] and not report["damage"]
assert report["backings"][0]["dirty_blocks"] == 1600, report' "$tmp/out"
fi

mount_wb
wbfs drain "$mnt"
umount_wb
check 0
says '^result +clean$'

refused 4 'no wbfs magic' wbfs check "$disk"
refused 1 'no such file' wbfs check "$tmp/nothing"
refused 1 'directory' wbfs check "$tmp"
refused 1 'too few' wbfs check
refused 1 'too many' wbfs check "$cache" "$cache"
refused 1 'unknown option' wbfs check --fix "$cache"
chmod 755 "$tmp"
chmod 600 "$cache"
refused 2 'permission' runuser -u nobody -- "$WBFS" check "$cache"
# shellcheck disable=SC2016 # for the inner shell
expect_error 'standard output' sh -c '"$0" check "$1" >/dev/full' "$WBFS" "$cache"
