#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What somebody else takes while wbfs bench is running is not emptied at its end.

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
