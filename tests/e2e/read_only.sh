#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A read-only mount shows what is in the log and writes neither cache nor backing, not even when
# it is unmounted; whatever would change something is refused.

. "$(dirname "$0")/functions.sh"
requires_loop
requires mkfs.ext4
requires_filesystem ext4

start_wb 64M 64M
echo 0 >"$control/update_interval"
echo 0 >"$control/allow_migrate"
loop_on "$exposed"
mkfs.ext4 -q "$loop"
mount_fs "$loop"
random_file "$fs/file" 5000000
cp "$fs/file" "$tmp/model"
umount_fs
loop_off
umount_wb

before=$(sum_images)
mount_wb -o ro
grep -q " $mnt [^ ]* ro[ ,]" /proc/mounts || fail 'not mounted read-only'
expect_error 'Read-only file system' dd if=/dev/zero of="$exposed" count=1 conv=notrunc
expect_error 'Read-only file system' fallocate --punch-hole --offset 0 --length 4096 "$exposed"
expect_error 'Read-only file system|Permission denied|Invalid argument' \
	sh -c "echo 1 >'$control/flush_current_buffer'"
loop_on "$exposed" --read-only
mount_fs "$loop" -o ro
cmp "$fs/file" "$tmp/model"
umount_fs
loop_off
umount_wb
[ "$before" = "$(sum_images)" ] || fail 'a read-only mount wrote to an image'

mount_wb
umount_wb
