#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wbfs status and the status files carry the figures of the log, which follow what is done.

. "$(dirname "$0")/functions.sh"

start_wb 16M 16M
echo 0 >"$control/update_interval"
echo 0 >"$control/allow_migrate"
dd if=/dev/urandom of="$exposed" bs=1M count=2 conv=notrunc,fsync status=none
expect_value 512 "$control/devices/disk/nr_dirty_caches"
for word in nr_segments last_migrated last_flushed current cursor allow_migrate; do
	grep -q "$word" "$control/status" || fail "status does not have $word"
done
expect_status 0 wbfs status "$mnt"
grep -q disk "$tmp/out" || fail 'wbfs status does not mention the backing'
expect_status 0 wbfs status --json "$mnt"
grep -q '"' "$tmp/out" || fail 'wbfs status --json is not JSON'
expect_status 0 wbfs status
grep -Fq "$mnt" "$tmp/out" || fail 'wbfs status does not list the mount point'

echo 1 >"$control/force_migrate"
wbfs drain "$mnt"
expect_value 0 "$control/devices/disk/nr_dirty_caches"
expect_value "$(cat "$control/last_durable_segment_id")" "$control/last_migrated_segment_id"
umount_wb
