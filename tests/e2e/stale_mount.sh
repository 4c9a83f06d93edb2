#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A mount point whose daemon died (Transport endpoint is not connected) is cleaned up by the next
# wbfs mount, and by wbfs umount; with what stands on it by wbfs umount --detach.

. "$(dirname "$0")/functions.sh"
requires mkfs.ext4
requires_filesystem ext4
requires_loop

start_wb 16M 64M
random_file "$tmp/model" 1000000
dd if="$tmp/model" of="$exposed" bs=1M conv=notrunc,fsync status=none

kill_wb
wait_until 30 is_dead "$mnt" # the kernel may take a moment after the process is gone
mount_wb
[ "$(grep -c " $mnt " /proc/mounts)" -eq 1 ] || fail 'mounted over the dead one'
cmp -n 1000000 "$tmp/model" "$exposed"

kill_wb
wbfs umount "$mnt"
[ "$(grep -c " $mnt " /proc/mounts)" -eq 0 ] || fail 'the dead mount is still there'
mount_wb
umount_wb

mount_wb
loop=$(wbfs loop "$mnt" disk)
on_exit end_loop "$loop" "$exposed"
mkfs.ext4 -q "$loop"
mount_fs "$loop"
echo kept >"$fs/file"
sync -f "$fs"
kill_wb
wait_until 30 is_dead "$mnt"
expect_status 5 wbfs umount "$mnt"
grep -q "^hint: wbfs umount --detach $mnt" "$tmp/err" || fail 'no hint'
wbfs umount --detach "$mnt"
not mountpoint -q "$fs" || fail 'still mounted on top'
not has_loop "$loop" || fail 'the loop device is still there'
[ "$(grep -c " $mnt " /proc/mounts)" -eq 0 ] || fail 'the dead mount is still there'
mount_wb
loop=$(wbfs loop "$mnt" disk)
on_exit end_loop "$loop" "$exposed"
mount_fs "$loop"
[ "$(cat "$fs/file")" = kept ] || fail 'what was synced is not there'
wbfs umount --detach "$mnt"
