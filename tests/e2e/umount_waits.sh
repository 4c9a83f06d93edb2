#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wbfs umount returns when the daemon is gone: its process, its mount and its locks, so that the
# next mount of the same cache never finds it busy. While somebody uses the mount it refuses and
# changes nothing.

. "$(dirname "$0")/functions.sh"

start_wb 16M 64M
for i in 1 2 3 4 5 6; do
	dd if=/dev/urandom of="$exposed" bs=1M count=10 seek="$i" conv=notrunc status=none
	pid=$(daemon_pid)
	wbfs umount "$mnt"
	[ ! -e "/proc/$pid/exe" ] || fail "process $pid is still there" # a zombie may be
	not mountpoint -q "$mnt" || fail 'still mounted'
	mount_wb
done

exec 5<"$exposed"
expect_status 5 wbfs umount "$mnt"
mountpoint -q "$mnt" || fail 'refused, but unmounted'
head -c 4096 "$exposed" >"$tmp/out"
exec 5<&-
umount_wb

expect_status 1 wbfs umount "$mnt" # nothing is mounted there
