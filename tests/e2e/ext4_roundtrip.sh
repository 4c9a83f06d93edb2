#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A real tree on ext4 on a loop device on an exposed file is the same after everything was
# unmounted and mounted again. The cache is smaller than the tree, so its log goes round.

. "$(dirname "$0")/functions.sh"
requires mkfs.ext4 e2fsck
requires_filesystem ext4
requires_loop

real_tree "$tmp/model" 100
start_wb 64M 512M
loop_on "$exposed"
mkfs.ext4 -q "$loop"
mount_fs "$loop"
cp -a "$tmp/model" "$fs/tree"
same_tree "$tmp/model" "$fs/tree"
umount_fs
loop_off
umount_wb

mount_wb
loop_on "$exposed" --direct-io=on
e2fsck -fn "$loop"
mount_fs "$loop"
same_tree "$tmp/model" "$fs/tree"
umount_fs
loop_off
umount_wb
