#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The daemon is killed while a file system is being written to. What was synced before is all
# there when it is mounted again, and e2fsck finds nothing wrong.

. "$(dirname "$0")/functions.sh"
requires mkfs.ext4 e2fsck
requires_filesystem ext4
requires_loop

real_tree "$tmp/model" 40
start_wb 128M 512M
loop_on "$exposed"
mkfs.ext4 -q "$loop"
mount_fs "$loop"
cp -a "$tmp/model" "$fs/synced"
sync -f "$fs"

cp -a "$tmp/model" "$fs/unsynced" &
copier=$!
sleep 1
kill_wb
kill "$copier" || true
wait "$copier" || true
umount_fs
loop_off
umount "$mnt"

mount_wb
loop_on "$exposed"
mount_fs "$loop" # replays ext4's journal
same_tree "$tmp/model" "$fs/synced"
umount_fs
e2fsck -fn "$loop"
loop_off
umount_wb
