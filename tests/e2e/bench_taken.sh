#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What wbfs bench writes to can't be used by others meanwhile, and what somebody else takes while it
# is running is not emptied at its end.

. "$(dirname "$0")/functions.sh"
requires flock

export TMPDIR=$tmp/scratch
mkdir "$TMPDIR"
truncate -s 64M "$tmp/taken.img" "$tmp/late.img"

timeout --kill-after=5 60 "$WBFS" bench --seconds 2 --cache "$tmp/taken.img" \
	--device "$tmp/late.img" >"$tmp/out" 2>"$tmp/err" &
bench_pid=$!
linked() {
	compgen -G "$TMPDIR/wbfs-bench.*/disk.img" >/dev/null
}
wait_until 30 linked
# Between two runs, when nobody has it.
exec {lock}<"$tmp/taken.img"
flock --exclusive "$lock"
status=0
wait "$bench_pid" || status=$?
cat "$tmp/err"
[ "$status" -eq 5 ] || fail "exit status $status instead of 5"
cmp "$tmp/late.img" <(head -c 64M /dev/zero) || fail 'what was free is not empty'
if cmp -s "$tmp/taken.img" <(head -c 64M /dev/zero); then
	fail 'what somebody has taken was emptied'
fi
exec {lock}<&-

# While it fills an image.
truncate -s 0 "$tmp/taken.img"
truncate -s 512M "$tmp/taken.img"
has_data() {
	[ "$(stat -c %b "$tmp/taken.img")" -gt 1000 ]
}
held() {
	not flock --nonblock "$tmp/taken.img" true || fail "somebody else gets it while $1"
}
fallocate -l 64M "$tmp/late.img"
"$WBFS" bench --seconds 3 --cache "$tmp/late.img" \
	--device "$tmp/taken.img" >"$tmp/out" 2>"$tmp/err" &
bench_pid=$!
while ! has_data; do kill -0 "$bench_pid"; done
held 'it is filled'
kill -TERM "$bench_pid"
status=0
wait "$bench_pid" || status=$?
[ "$status" -eq 8 ] || fail "exit status $status instead of 8"
