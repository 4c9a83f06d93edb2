#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A mount point whose daemon died (Transport endpoint is not connected) is cleaned up by the next
# wbfs mount, and by wbfs umount.

. "$(dirname "$0")/functions.sh"

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
