#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wbfs umount shows how much there is to flush. Ctrl-C ends the waiting, not the flush: it says what
# is left, and a mount of the same cache waits until the last daemon has done it. A drain that
# stands still says why.

. "$(dirname "$0")/functions.sh"
slow_daemon 150000

make_cache 64M --segment-size 64K
make_disk 64M
random_file "$tmp/model" 6M
options=flush_current_buffer_interval=0,allow_migrate=0,update_interval=0,buffers=256
fill() {
	mount_wb -d "disk=$disk" -o "$options"
	: >"$tmp/slow"
	dd if="$tmp/model" of="$exposed" bs=64K conv=notrunc status=none
}

fill
on_terminal 60 '' "$WBFS" umount "$mnt"
grep -q '^unmount: .* % *, .* left' "$tmp/screen" || fail 'no progress'
grep -q '^unmount: .*100 %' "$tmp/screen" || fail 'not to the end'
no_daemons || fail 'the daemon is still there'
rm "$tmp/slow"

fill
pid=$(daemon_pid)
status=0
on_terminal 60 '\003' "$WBFS" umount "$mnt" || status=$?
[ "$status" -eq 8 ] || fail "exit status $status instead of 8 after Ctrl-C"
grep -q "stopped waiting: .* not yet durable; process $pid goes on" "$tmp/screen" ||
	fail 'it does not say what is left'
not mountpoint -q "$mnt" || fail 'still mounted'
[ "$(daemon_pid)" = "$pid" ] || fail 'the daemon has not gone on'
rm "$tmp/slow"
mount_wb # which waits for it
[ "$(daemon_pid)" != "$pid" ] || fail 'the last daemon is still there'
cmp -n 6M "$tmp/model" "$exposed"
umount_wb

# The same without our help: whoever mounts next waits.
fill
umount "$mnt"
mount_wb
cmp -n 6M "$tmp/model" "$exposed"
rm "$tmp/slow"
umount_wb

# Stopping the wait for a predecessor mounts nothing.
fill
umount "$mnt"
mkdir "$tmp/elsewhere"
wait_for_it() {
	"${daemon[@]}" mount --cache "$cache" -o io=threads "$mnt" &
	local waiter=$!
	sleep 1
	kill -TERM "$waiter"
	wait "$waiter"
}
expect_status 8 wait_for_it
grep -q 'stopped waiting' "$tmp/err" || fail 'it does not say so'
rm "$tmp/slow"
sleep_until_no_daemons || fail 'the daemon does not end'
not mountpoint -q "$mnt" || fail 'mounted all the same'

# Drain: why it stands still.
slow_daemon 20000000
fill
timeout --foreground -s INT 8 "$WBFS" drain "$mnt" 2>"$tmp/err" && fail 'drained too soon'
grep -q '^wbfs: drain: stands still: .*disk' "$tmp/err" || fail "it does not say why"
grep -q 'stopped: .* still only in the cache' "$tmp/err" || fail 'it does not say what is left'
expect_status 8 timeout --preserve-status --foreground -s INT 2 "$WBFS" umount --drain "$mnt"
grep -q 'drain: stopped: .* still only in the cache' "$tmp/err" || fail 'it does not say what is left'
mountpoint -q "$mnt" || fail 'unmounted, although it was not drained'
rm "$tmp/slow"
umount_wb
