#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wbfs status --scan finds caches on block devices and in files, mounted or not, and changes none.

. "$(dirname "$0")/functions.sh"
requires_loop

# found STATE DIRTY MOUNTPOINT: the last scan has $1 so
found() {
	grep -Eq "^$1 mine [0-9a-f-]{36} 8388608 $2 ?$" "$tmp/out" || fail "not found as $*"
}

make_cache 8M --label mine
make_disk 8M
scan=(wbfs status --scan --raw --bytes)
expect_status 0 "${scan[@]}" "$cache"
found "$cache" 'clean no'
loop_on "$cache"
expect_status 0 "${scan[@]}"
found "$loop" 'clean no'
loop_off

mount_wb -d "disk=$disk"
echo 0 >"$control/update_interval"
echo 0 >"$control/allow_migrate"
dd if=/dev/urandom of="$exposed" bs=64K count=1 conv=notrunc,fsync status=none
expect_status 0 "${scan[@]}"
found "$cache" "mounted 65536 $mnt"
kill_wb
wait_until 30 is_dead "$mnt"
expect_status 0 "${scan[@]}" "$cache"
grep -Eq '^.*daemon\\x20dead perhaps' "$tmp/out" || fail 'a dead daemon is not told'
umount "$mnt"
expect_status 0 "${scan[@]}" "$cache"
found "$cache" 'not\\x20closed perhaps'
expect_status 0 wbfs status --scan --json "$cache"
grep -Eq '"dirty": *"perhaps"' "$tmp/out" || fail 'no JSON'

refused 4 'not a wbfs cache' wbfs status --scan "$disk"
refused 1 'no such file' wbfs status --scan "$tmp/nothing.img"
refused 4 'not a wbfs cache' wbfs status --scan "$tmp"
before=$(sum_images)
dd if=/dev/zero of="$cache" bs=1 seek=40 count=8 conv=notrunc status=none
dd if=/dev/zero of="$cache" bs=1 seek=$((512 * 1024 + 40)) count=8 conv=notrunc status=none
[ "$before" != "$(sum_images)" ] || fail 'nothing was damaged'
refused 7 'damaged' wbfs status --scan "$cache"
