#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# As with ext4, a real tree on xfs survives unmounting and mounting; here with direct I/O by the
# loop device, and sectors of 4096 bytes.

. "$(dirname "$0")/functions.sh"
requires mkfs.xfs xfs_repair
requires_filesystem xfs
requires_loop

real_tree "$tmp/model" 100
start_wb 64M 512M
loop_on "$exposed" --direct-io=on --sector-size 4096
mkfs.xfs -q -s size=4096 "$loop"
mount_fs "$loop"
cp -a "$tmp/model" "$fs/tree"
same_tree "$tmp/model" "$fs/tree"
umount_fs
loop_off
umount_wb

mount_wb
loop_on "$exposed" --sector-size 4096
xfs_repair -n "$loop"
mount_fs "$loop"
same_tree "$tmp/model" "$fs/tree"
umount_fs
loop_off
umount_wb
