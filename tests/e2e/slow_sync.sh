#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# While a sync or a read waits for a disk that takes seconds, others are served. (The kernel lets
# nobody else write to a file that is being synced, so they write to another one.)

. "$(dirname "$0")/functions.sh"

# Everything that needs no disk, in less time than that takes for one I/O.
others_are_served() {
	local i
	for ((i = 0; i < 3; i++)); do
		random_file "$tmp/block" 4096
		timeout --foreground 4 dd if="$tmp/block" of="$mnt/other" bs=4k seek=9 oflag=direct \
			conv=notrunc status=none || fail "$1: not written"
		timeout --foreground 4 dd if="$mnt/other" of="$tmp/copy" bs=4k skip=9 count=1 \
			iflag=direct status=none || fail "$1: not read"
		cmp "$tmp/block" "$tmp/copy" || fail "$1: something else was read"
		timeout --foreground 4 cat "$control/status" >"$tmp/status" || fail "$1: no status"
	done
}

# during COMMAND...: while it waits for the disk
during() {
	local pid
	touch "$tmp/slow"
	"$@" &
	pid=$!
	sleep 1
	others_are_served "$*"
	kill -0 "$pid" || fail "it didn't wait for the disk: $*"
	rm "$tmp/slow"
	wait "$pid" || fail "failed: $*"
}

# Nothing else reads a file meanwhile: all of them are slow.
quiet=allow_migrate=0,update_interval=0,flush_current_buffer_interval=0

slow_daemon 6000000
random_file "$tmp/block" 4096
random_file "$disk" 16M
make_disk 16M "$tmp/other.img"
start_wb 16M 16M -d "other=$tmp/other.img" -o "$quiet"

during dd if="$tmp/block" of="$exposed" bs=4k seek=1 oflag=direct conv=notrunc,fdatasync status=none
during dd if="$tmp/block" of="$exposed" bs=4k seek=2 oflag=direct,dsync conv=notrunc status=none
during dd if="$exposed" of="$tmp/read" bs=4k skip=100 count=1 iflag=direct status=none
cmp <(dd if="$disk" bs=4k skip=100 count=1 status=none) "$tmp/read" || fail 'something else was read'

# The daemon is told to end meanwhile: it waits, and what it acknowledges is there.
random_file "$tmp/block" 4096
touch "$tmp/slow"
dd if="$tmp/block" of="$exposed" bs=4k seek=3 oflag=direct,dsync conv=notrunc status=none &
sleep 1
kill -TERM "$(daemon_pid)"
sleep 1
not no_daemons || fail "it didn't wait for the disk"
rm "$tmp/slow"
wait $! || fail 'the write has failed'
wait_until 30 no_daemons
mount_wb
cmp "$tmp/block" <(dd if="$exposed" bs=4k skip=3 count=1 status=none) || fail 'it is lost'
umount_wb
