#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wbfs mount -f stays in the foreground as a single process, serves, and ends with status 0 when
# the file system is unmounted or when it gets SIGTERM.

. "$(dirname "$0")/functions.sh"

make_cache 16M
make_disk 16M
mkdir "$mnt"
on_exit end_wb "$mnt"

in_foreground() {
	"${daemon[@]}" mount --cache "$cache" ${WB_MOUNT_OPTIONS:+-o "$WB_MOUNT_OPTIONS"} -f "$@" \
		"$mnt" &
	job=$!
	wait_until 30 test -e "$exposed"
	[ "$(daemon_pid)" = "$job" ] || fail "not one process in the foreground: $(daemons)"
}

in_foreground -d "disk=$disk"
dd if=/dev/urandom of="$tmp/model" bs=1M count=3 status=none
dd if="$tmp/model" of="$exposed" bs=1M conv=notrunc status=none
wbfs umount "$mnt"
wait "$job" || fail "exit status $? after wbfs umount"

in_foreground
cmp -n 3M "$tmp/model" "$exposed"
umount "$mnt"
wait "$job" || fail "exit status $? after umount"

in_foreground
kill -TERM "$job"
wait "$job" || fail "exit status $? after SIGTERM"
not mountpoint -q "$mnt" || fail 'still mounted after SIGTERM'
