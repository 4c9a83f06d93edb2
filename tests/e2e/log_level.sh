#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# --log-level, also as -o log_level=, says what is left out on standard error; the journal gets
# priorities, and only the journal.

. "$(dirname "$0")/functions.sh"
exec {BASH_XTRACEFD}>&2

make_cache 16M
make_disk 16M
mkdir "$mnt"
on_exit end_wb "$mnt"

# log_of [OPTION...]: mount and unmount in the foreground; what it says is in $tmp/log
log_of() {
	"${daemon[@]}" mount --cache "$cache" -d "disk=$disk,sim=hdd" -f "$@" "$mnt" 2>"$tmp/log" &
	job=$!
	wait_until 30 test -e "$exposed"
	wbfs umount "$mnt"
	wait "$job" || fail "exit status $?"
	cat "$tmp/log"
}

log_of
grep -q '^wbfs: disk: .*simulated' "$tmp/log" || fail 'info is not told'
! grep -q '^wbfs: start: ' "$tmp/log" || fail 'debugging is told'
log_of --log-level debug
grep -q '^wbfs: start: log: done$' "$tmp/log" || fail 'debugging is not told'
log_of -o log_level=warning
! grep -q 'simulated' "$tmp/log" || fail 'info is told'
log_of --log_level=debug -o log-level=error # the last one counts
! grep -q . "$tmp/log" || fail 'something is told'
refused 1 'not one of error, warning, info, debug' wbfs mount --cache "$cache" --log-level loud \
	"$mnt"

# Standard error is the journal if it is what systemd says, by device and inode.
: >"$tmp/log"
JOURNAL_STREAM=$(stat -c %d:%i "$tmp/log") log_of --log-level debug
grep -q '^<6>wbfs: disk: .*simulated' "$tmp/log" || fail 'no priority for info'
grep -q '^<7>wbfs: start: log: done$' "$tmp/log" || fail 'no priority for debugging'
! grep -q '^[^<]' "$tmp/log" || fail 'a line has no priority'
: >"$tmp/err"
export JOURNAL_STREAM
JOURNAL_STREAM=$(stat -c %d:%i "$tmp/err")
expect_status 1 wbfs check "$tmp/nothing"
grep -q '^<3>wbfs: ' "$tmp/err" || fail 'no priority for an error of a command'
JOURNAL_STREAM=1:2
expect_status 1 wbfs check "$tmp/nothing"
grep -q '^wbfs: ' "$tmp/err" || fail 'a priority, though it is not the journal'
