#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# After a drain the backing alone holds everything: read directly, it is what the exposed file is,
# while mounted and afterwards, and its file system can be used without the cache.

. "$(dirname "$0")/functions.sh"
requires mkfs.ext4 e2fsck
requires_filesystem ext4
requires_loop

real_tree "$tmp/model" 30
start_wb 64M 256M
loop_on "$exposed"
mkfs.ext4 -q "$loop"
mount_fs "$loop"
cp -a "$tmp/model" "$fs/tree"
umount_fs
loop_off

wbfs drain "$mnt"
expect_value 0 "$control/devices/disk/nr_dirty_caches"
cmp "$exposed" "$disk"
umount_wb
e2fsck -fn "$disk"
loop_on "$disk" --read-only
mount_fs "$loop" -o ro
same_tree "$tmp/model" "$fs/tree"
umount_fs
loop_off

mount_wb
cmp "$exposed" "$disk"
umount_wb
