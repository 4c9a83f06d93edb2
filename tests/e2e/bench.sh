#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wbfs bench tells figures and writes a report, on its own images and on given ones, which are
# empty afterwards; a stopped one leaves nothing behind either.

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/functions.sh"
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/bench_functions.sh"

# has_figures FILE NAME: with and without cache
has_figures() {
	sed -n "/^$2 (/,/^\$/p" "$1" |
		grep -Ec '^  with(out)? cache( +[0-9.,]+){3}' | grep -qx 2 ||
		fail "no figures: $2"
}

export TMPDIR=$tmp/scratch
mkdir "$TMPDIR"
truncate -s 128M "$tmp/fast.img" "$tmp/slow.img"
touch "$tmp/empty"
truncate -s 128M "$tmp/zeros"

expect_status 0 timeout --kill-after=5 120 "$WBFS" bench --cache "$tmp/fast.img" \
	--device "$tmp/slow.img" --seconds 1 --report "$tmp/report.html"
cp "$tmp/out" "$tmp/table"
[ ! -s "$tmp/err" ] || fail 'complains'
! grep -q simulated "$tmp/table" || fail 'a real image is called simulated'
awk 'length > 80 { exit 1 }' "$tmp/table" || fail 'wider than 80 columns'
has_figures "$tmp/table" 'random writes'
has_figures "$tmp/table" 'reads of recent writes'
report_is_whole "$tmp/report.html" 5
grep -Fq "$tmp/slow.img" "$tmp/report.html" || fail 'the report does not name the device'
cmp "$tmp/zeros" "$tmp/fast.img"
cmp "$tmp/zeros" "$tmp/slow.img"
[ -z "$(ls -A "$TMPDIR")" ] || fail "left behind: $(ls -A "$TMPDIR")"

# Before a disk of its own; columns are few.
expect_status 0 timeout --kill-after=5 120 env COLUMNS=40 "$WBFS" bench --seconds 0.3 \
	--cache "$tmp/fast.img"
grep -q 'simulated' "$tmp/out" || fail 'not labelled as simulated'
grep -Eq '^  with( +([0-9.,]+|-)){3}$' "$tmp/out" || fail 'no table'
awk 'length > 40 && !/\// { exit 1 }' "$tmp/out" || fail 'wider than 40 columns'
[ -z "$(ls -A "$TMPDIR")" ] || fail "left behind: $(ls -A "$TMPDIR")"

# On images of its own, as small as there is room for; stopped as soon as it has mounted something.
mount -t tmpfs -o size=400M none "$TMPDIR"
on_exit umount "$TMPDIR"
"$WBFS" bench >"$tmp/out" 2>"$tmp/err" &
pid=$!
wait_until 60 grep -Eq "$TMPDIR/wbfs-bench.*fuse.wbfs" /proc/mounts
kill -INT "$pid"
status=0
wait "$pid" || status=$?
cat "$tmp/out" "$tmp/err"
[ "$status" -eq 8 ] || fail "exit status $status instead of 8"
[ -z "$(ls -A "$TMPDIR")" ] || fail "left behind: $(ls -A "$TMPDIR")"
! grep -q "$TMPDIR/" /proc/mounts || fail 'left mounted'
