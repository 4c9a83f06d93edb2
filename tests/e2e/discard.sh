#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Discards and write-zeroes of a loop device reach the exposed file: what blkdiscard and fstrim
# gave up reads as zeros, and files that are still there are untouched.

. "$(dirname "$0")/functions.sh"
requires blkdiscard fstrim mkfs.ext4
requires_filesystem ext4
requires_loop

zeros() {
	cmp -n "$2" -i "$1:0" "$exposed" /dev/zero
}

start_wb 64M 128M
loop_on "$exposed"
for mode in --force --zeroout; do
	dd if=/dev/urandom of="$loop" bs=1M count=32 oflag=direct status=none
	blkdiscard "$mode" --offset 1M --length 20M "$loop"
	zeros 1048576 20971520
	not zeros 0 1048576 || fail 'more is gone than was discarded'
done

mkfs.ext4 -q "$loop"
mount_fs "$loop"
random_file "$tmp/model" 10M
cp "$tmp/model" "$fs/kept"
random_file "$fs/removed" 40M
sync -f "$fs"
rm "$fs/removed"
sync -f "$fs"
fstrim --verbose "$fs"
umount_fs
loop_off
umount_wb

mount_wb
loop_on "$exposed"
mount_fs "$loop"
cmp "$fs/kept" "$tmp/model"
umount_fs
e2fsck -fn "$loop"
loop_off
umount_wb
