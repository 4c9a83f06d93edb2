#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# PUNCH_HOLE and ZERO_RANGE, aligned and not, read as zeros: at once, after a remount and on the
# backing after a drain. Data written over them later is data.

. "$(dirname "$0")/functions.sh"
requires fallocate

# on both the exposed file and its model
both() {
	"$@" "$exposed"
	"$@" "$tmp/model"
}

write_at() {
	dd if="$tmp/noise" of="$3" bs="$2" count=1 seek="$1" oflag=seek_bytes conv=notrunc status=none
}

start_wb 32M 32M
random_file "$tmp/model" 32M
random_file "$tmp/noise" 1M
dd if="$tmp/model" of="$exposed" bs=1M conv=notrunc status=none
for range in '0 4096' '8192 1048576' '2000000 1' '3000001 70001' '4194304 512' '5000000 9000000' \
	'33553920 512' '20971520 8388608'; do
	read -r off len <<<"$range"
	both fallocate --punch-hole --offset "$off" --length "$len"
	both fallocate --zero-range --keep-size --offset "$((off / 2))" --length "$len"
	both write_at "$((off / 2 + 1000))" 700
	cmp "$exposed" "$tmp/model"
done
umount_wb

mount_wb
cmp "$exposed" "$tmp/model"
wbfs drain "$mnt"
cmp "$exposed" "$tmp/model"
cmp "$disk" "$tmp/model"
both fallocate --punch-hole --offset 0 --length 33554432
wbfs drain "$mnt"
cmp "$disk" "$tmp/model"

# Within its size it already has all it could be given; beyond, there is nothing.
expect_error 'not supported|No space left|File too large' \
	fallocate --zero-range --offset 33554432 --length 4096 "$exposed"
[ "$(stat -c %s "$exposed")" -eq 33554432 ] || fail 'the size changed'
umount_wb
