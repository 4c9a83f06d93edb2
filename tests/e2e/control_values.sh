#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Knobs take the whole value with or without newline, at whatever offset, and refuse what is out
# of range or malformed with EINVAL, changing nothing and saying why in last_error. wbfs get and
# set do the same by name.

. "$(dirname "$0")/functions.sh"

start_wb 16M 16M

# takes FILE VALUE...
takes() {
	local file=$control/$1 value
	shift
	for value; do
		echo "$value" >"$file"
		expect_value "$value" "$file"
	done
}

# refuses FILE VALUE...: one that it has stays
refuses() {
	local name=$1 file=$control/$1 value before
	before=$(cat "$file")
	shift
	for value; do
		printf '%s' "$value" >"$tmp/value"
		expect_error 'Invalid argument' dd if="$tmp/value" of="$file" bs=4096 conv=notrunc
		expect_value "$before" "$file"
		grep -q "^$(basename "$name"): " "$control/last_error" ||
			fail "last_error for '$value': $(cat "$control/last_error")"
	done
}

takes update_interval 0 3600 1 0
takes allow_migrate 1 0 1
takes force_migrate 1 0
takes barrier_deadline_ms 1 10000 3
takes nr_max_batched_migration 1 256 32
takes commit_super_block_interval 1 0
takes flush_current_buffer_interval 0 60 1
takes on_full error wait
takes devices/disk/migrate_threshold 0 100 70

malformed=('' ' ' 'x' '-1' '+1x' '1 1' '1.5' '0x10' '99999999999999999999' $'1\n2')
for knob in allow_migrate force_migrate barrier_deadline_ms nr_max_batched_migration \
	commit_super_block_interval flush_current_buffer_interval update_interval \
	devices/disk/migrate_threshold; do
	refuses "$knob" "${malformed[@]:1}"
done
refuses allow_migrate 2
refuses force_migrate 2
refuses barrier_deadline_ms 0 10001
refuses nr_max_batched_migration 0 257
refuses on_full maybe Wait 2
refuses devices/disk/migrate_threshold 101 500
expect_value 'migrate_threshold: 500 not in 0..100' "$control/last_error"
for trigger in commit_super_block flush_current_buffer retry clear_stat; do
	echo 1 >"$control/$trigger"
	refuses "$trigger" 0 2 x
done

printf 5 >"$control/barrier_deadline_ms"
expect_value 5 "$control/barrier_deadline_ms"
echo 6 >>"$control/barrier_deadline_ms"
expect_value 6 "$control/barrier_deadline_ms"
echo 7 | dd of="$control/barrier_deadline_ms" seek=3 bs=2 conv=notrunc status=none
expect_value 7 "$control/barrier_deadline_ms"

expect_error 'Permission denied|Invalid argument|Operation not permitted|Read-only' \
	sh -c "echo 1 >'$control/last_flushed_segment_id'"
expect_error 'Permission denied|Invalid argument|Operation not permitted' cat "$control/attach"

wbfs set "$mnt" barrier_deadline_ms=9
expect_status 0 wbfs get "$mnt" barrier_deadline_ms
grep -Fxq 9 "$tmp/out" || fail 'wbfs get does not say what wbfs set has set'
wbfs set "$mnt/disk" migrate_threshold=40
expect_value 40 "$control/devices/disk/migrate_threshold"
refused 1 '500 not in 0\.\.100' wbfs set "$mnt/disk" migrate_threshold=500
refused 1 'no_such_knob' wbfs get "$mnt" no_such_knob
umount_wb
