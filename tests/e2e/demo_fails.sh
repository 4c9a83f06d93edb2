#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wbfs demo whose disk fails ends by itself, says why, and leaves nothing behind; so does Ctrl-C of
# one whose daemon doesn't answer any more.

. "$(dirname "$0")/functions.sh"
requires_plain_build 'bounded by time'

export TMPDIR=$tmp/scratch
mkdir "$TMPDIR"
mount -t tmpfs -o size=520M wbfs-test "$TMPDIR" || skip 'no tmpfs can be mounted'
on_exit umount "$TMPDIR"

demo=
end_demo() {
	if [ -n "$demo" ]; then
		kill -TERM "$demo" 2>/dev/null && wait "$demo"
	fi
}
on_exit end_demo

nothing_left() {
	rm -f "$TMPDIR/filler"
	[ -z "$(ls -A "$TMPDIR")" ] || fail "left behind: $(ls -A "$TMPDIR")"
	! grep -q " $TMPDIR/" /proc/mounts || fail 'left mounted'
}

start_demo() {
	"$WBFS" demo >"$tmp/out" 2>"$tmp/err" &
	demo=$!
	wait_until 60 grep -q "$1" "$tmp/out"
}

expect_end() { # STATUS
	local status=0
	timeout 90 tail --pid="$demo" -f /dev/null || fail 'it goes on for ever'
	wait "$demo" || status=$?
	demo=
	cat "$tmp/out" "$tmp/err"
	[ "$status" -eq "$1" ] || fail "exit status $status instead of $1"
}

# The image of the disk has holes, which can't be filled any more.
start_demo '^2\. '
cat /dev/zero >"$TMPDIR/filler" 2>/dev/null || true
expect_end 6
grep -Eq "^wbfs: $TMPDIR/wbfs-demo\.[^/]*: disk: (degraded|failed): .*disk\.img: write " "$tmp/err" ||
	fail 'it does not say why'
[ "$(grep -c '^wbfs: ' "$tmp/err")" -eq 1 ] || fail 'not one message'
nothing_left

start_demo '^1\. '
mounted=$(wait_until 10 compgen -G "$TMPDIR/wbfs-demo.*/mnt/disk")
pid=$(wbfs status --json "$(dirname "$mounted")" | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')
stop_process "$pid"
kill -TERM "$demo"
expect_end 8
grep -q 'Stopped' "$tmp/out" || fail 'does not say that it was stopped'
nothing_left
