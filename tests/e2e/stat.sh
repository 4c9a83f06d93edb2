#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wbfs stat reports what was done since the mount and in each interval, in all and by backing.

. "$(dirname "$0")/functions.sh"

# column N ROW: of the last report's row with that name, counted from 0
column() {
	awk -F '\t' -v row="$2" -v n="$1" '$1 == row { value = $(n + 1) } END { print value }' "$tmp/out"
}

start_wb 16M 16M
echo 0 >"$control/update_interval"
echo 0 >"$control/allow_migrate"
dd if=/dev/urandom of="$exposed" bs=64K count=16 conv=notrunc,fsync status=none

expect_status 0 wbfs stat "$mnt"
[ "$(wc -l <"$tmp/out")" -eq 3 ] || fail 'not headings, total and backing'
expect_status 0 wbfs stat --raw "$mnt"
[ "$(column 1 total)" = 1048576 ] || fail 'not the dirty bytes'
[ "$(column 1 disk)" = 1048576 ] || fail 'not the dirty bytes of the backing'
[ "$(column 4 disk)" -gt 0 ] || fail 'nothing was written since the mount'
[ "$(column 7 disk)" = - ] || fail 'syncs are not of a backing'

# An interval has what was done in it.
expect_status 0 wbfs stat --raw -y 0.3 1 "$mnt"
[ "$(column 4 total)" = 0 ] || fail 'something was written in an interval without writes'
[ "$(column 1 total)" = 1048576 ] || fail 'not the dirty bytes'
wbfs stat --raw "$mnt" 1.5 2 >"$tmp/reports" &
wait_until 60 grep -q '^total' "$tmp/reports"
dd if=/dev/urandom of="$exposed" bs=64K count=24 conv=notrunc,fsync status=none
wait $!
tail -n 2 "$tmp/reports" >"$tmp/out"
rate=$(column 4 disk)
[[ $rate -gt 500000 && $rate -lt 1400000 ]] || fail "$rate bytes/s instead of a million"
[ "$(grep -c '^total' "$tmp/reports")" -eq 2 ] || fail 'not two reports'
expect_status 0 wbfs stat 0.1 3 "$mnt"
[ "$(grep -c '^name' "$tmp/out")" -eq 1 ] || fail 'not headed once'
echo 1 >"$control/clear_stat"
expect_status 0 wbfs stat --raw "$mnt"
[ "$(column 4 total)" = 0 ] || fail 'counters are not those since they were cleared'

refused 1 'interval' wbfs stat "$mnt" 0
refused 1 'number of reports' wbfs stat "$mnt" 1 1.5
refused 1 'number of reports' wbfs stat 1 0 "$mnt"
refused 1 'one mount point' wbfs stat "$mnt" "$mnt"
refused 1 'too many' wbfs stat "$mnt" 1 1 1
refused 1 'leaves nothing' wbfs stat -y "$mnt"
refused 1 'not a mount point' wbfs stat "$tmp" 1
refused 1 'unknown option' wbfs stat --skip-frist "$mnt"
grep -Fxq 'hint: did you mean --skip-first?' "$tmp/err" || fail 'the nearest option is not named'
# The daemon goes while it is watched.
status=0
wbfs stat "$mnt" 0.1 >"$tmp/out" 2>"$tmp/err" &
watcher=$!
wait_until 30 grep -q total "$tmp/out"
kill -KILL "$(wbfs status --raw --noheadings --output PID "$mnt" | head -n 1)"
wait "$watcher" || status=$?
[ "$status" -eq 6 ] || fail "exit status $status instead of 6"
grep -q 'the daemon of this mount is gone' "$tmp/err" || fail 'not said why'
