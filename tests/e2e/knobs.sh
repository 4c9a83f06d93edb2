#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wbfs get lists the knobs with ranges and defaults; wbfs set turns all that it is given, or none,
# and says why not. Names that aren't known get the nearest that is.

. "$(dirname "$0")/functions.sh"

suggests() {
	grep -Fxq "hint: $1" "$tmp/err" || fail "no hint: $1"
}

start_wb 5M 1M
wbfs set "$mnt" on_full=error barrier_deadline_ms=9
expect_status 0 wbfs get --raw "$mnt"
wbfs --list-knobs | while IFS=$'\t' read -r knob of; do
	[ "$of" = cache ] || of=disk
	grep -q "^$of $knob " "$tmp/out" || fail "$knob is not listed"
done
grep -Fq 'cache barrier_deadline_ms 9 3 1..10000\x20ms ' "$tmp/out" || fail 'no range and default'
grep -Fq 'cache on_full error wait wait/error ' "$tmp/out" || fail 'no words'
expect_status 0 wbfs get --json "$mnt/disk"
perl -MJSON::PP -e 'local $/; exit !grep { $_->{knob} eq "migrate_threshold" &&
	$_->{value} eq "70" } @{decode_json(<>)->{knobs}}' <"$tmp/out" || fail 'not as JSON'

# On a narrow terminal it is still to be seen whose they are.
requires script
script -qec "stty cols 40; $WBFS get $mnt" /dev/null </dev/null | tr -d '\r' >"$tmp/narrow"
cat "$tmp/narrow"
grep -Eq '^migrate_threshold +70 +disk$' "$tmp/narrow" || fail 'not said of which backing'
awk 'length > 40 { exit 1 }' "$tmp/narrow" || fail 'wider than the terminal'

# The first would do; then none is turned.
refused 1 'barrier_deadline_ms: 0 not in 1\.\.10000' \
	wbfs set "$mnt" nr_max_batched_migration=5 barrier_deadline_ms=0
expect_value 32 "$control/nr_max_batched_migration"
refused 1 'on_full=: needs a value' wbfs set "$mnt" on_full=
refused 1 'form KNOB=VALUE' wbfs set "$mnt" nr_max_batched_migration=5 on_full
expect_value 32 "$control/nr_max_batched_migration"
refused 1 'on_ful: no such knob' wbfs set "$mnt" nr_max_batched_migration=5 on_ful=wait
suggests 'did you mean on_full?'
expect_value 32 "$control/nr_max_batched_migration"

refused 1 'bogus: no such knob' wbfs get "$mnt" bogus
suggests 'wbfs get MOUNTPOINT lists them'
refused 1 'migrate_threshold: no such knob of a cache' wbfs get "$mnt" migrate_threshold
suggests 'it is one of each backing: wbfs COMMAND MOUNTPOINT/NAME migrate_threshold'
refused 1 'on_full: no such knob of a backing' wbfs get "$mnt/disk" on_full
refused 1 'dsik: no such backing' wbfs set "$mnt/dsik" paused=1
suggests 'did you mean disk?'
refused 1 'dsik: no such backing' wbfs loop "$mnt" dsik
suggests 'did you mean disk?'
refused 1 'dsik: no such backing' wbfs detach "$mnt" dsik
suggests 'did you mean disk?'
refused 1 'dsik: no such backing' wbfs resize "$mnt" dsik
suggests 'did you mean disk?'
refused 1 'too few' wbfs set "$mnt"
refused 1 'too many' wbfs get "$mnt" on_full on_full
umount_wb
