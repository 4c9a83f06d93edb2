#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wbfs demo runs through, says what is simulated, and leaves nothing behind; neither does one that is
# stopped while it measures or while the daemon is about to be killed.

. "$(dirname "$0")/functions.sh"

requires setpriv
requires_plain_build 'bounded by time' # the daemon would be too slow for the kill to hit it

# left_behind: files, mounts and daemons in $TMPDIR
left_behind() {
	local -
	set +x
	local proc
	find "$TMPDIR" -mindepth 1
	awk -v tmp="$TMPDIR/" 'index($2, tmp) == 1 { print "mounted:", $2 }' /proc/mounts
	for proc in /proc/[0-9]*; do
		[[ $(readlink "$proc/cwd") != "$TMPDIR"/* ]] || echo "running: $proc"
	done
}

nothing_left() {
	local left
	left=$(left_behind)
	[ -z "$left" ] || fail "left behind: $left"
}

# stopped_at PATTERN SIGNAL: as soon as the output matches
stopped_at() {
	local pid status=0
	"$WBFS" demo >"$tmp/out" 2>"$tmp/err" &
	pid=$!
	wait_until 60 grep -q "$1" "$tmp/out"
	kill -"$2" "$pid"
	wait "$pid" || status=$?
	cat "$tmp/out" "$tmp/err"
	[ "$status" -eq 8 ] || fail "exit status $status instead of 8"
	grep -q 'Stopped' "$tmp/out" || fail 'does not say that it was stopped'
	[ ! -s "$tmp/err" ] || fail 'complains'
	nothing_left
}

export TMPDIR=$tmp/scratch
mkdir "$TMPDIR"
refused 1 'demo: too many arguments' wbfs demo now
refused 1 'make a temporary directory' env TMPDIR="$tmp/none" "$WBFS" demo
nothing_left

# Without the right to mount: what the daemon said of that only, and where to look.
expect_status 2 setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin "$WBFS" demo
grep -q '^wbfs: ' "$tmp/err" || fail 'no error'
not grep -q 'simulated' "$tmp/err" || fail 'more than the error'
grep -q '^hint: wbfs doctor$' "$tmp/err" || fail 'no hint'
[ "$(grep -vc '^fusermount3: ' "$tmp/err")" -eq 2 ] || fail 'more than a message and a hint'
nothing_left

stopped_at '^1\. ' INT
stopped_at '^2\. ' TERM
stopped_at '^3\. ' INT

# Too little room.
mkdir "$tmp/small"
mount -t tmpfs -o size=100M wbfs-test "$tmp/small"
on_exit umount "$tmp/small"
refused 3 'create images: needs [0-9]+ MiB, has [0-9]+' env TMPDIR="$tmp/small" "$WBFS" demo
grep -q '^hint: TMPDIR=' "$tmp/err" || fail 'no hint'
[ -z "$(ls -A "$tmp/small")" ] || fail "left behind: $(ls -A "$tmp/small")"

expect_status 0 timeout --kill-after=5 120 "$WBFS" demo
nothing_left
[ ! -s "$tmp/err" ] || fail 'complains'
! grep -q $'\033' "$tmp/out" || fail 'colours, but not on a terminal'
awk 'length > 80 { exit 1 }' "$tmp/out" || fail 'wider than 80 columns'
grep -q 'simulated (7200 rpm' "$tmp/out" || fail 'not labelled as simulated'
! grep '^[13]\. ' "$tmp/out" | grep -qv simulated || fail 'figures not labelled as simulated'
not grep -q 'the last 0 writes' "$tmp/out" || fail 'nothing is called the last 0 writes'
grep -Eq '^  without cache .* [0-9.,]+/s$' "$tmp/out" || fail 'no bar without cache'
grep -Eq '^  with cache .* [0-9.,]+/s$' "$tmp/out" || fail 'no bar with cache'
grep -q 'every synced$\|every synced block' "$tmp/out" || fail 'nothing said about synced blocks'
grep -q 'holds all' "$tmp/out" || fail 'nothing said about the disk after the drain'
grep -q '^Summary' "$tmp/out" || fail 'no summary'
