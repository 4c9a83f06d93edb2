#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Each synchronous write waits until the log is durable: the ladder's numbers are equal when it
# returns. RWF_DSYNC on a direct write counts as well.

. "$(dirname "$0")/functions.sh"
requires xfs_io

everything_is_durable() {
	[ "$(cat "$control/last_flushed_segment_id")" = "$(cat "$control/last_durable_segment_id")" ]
}

# By counting what the cache was asked to flush.
flushes() {
	sed -n 's/.*"\(nr_\)\?flushes": *\([0-9]*\).*/\2/p' "$control/status.json" | head -n 1
}

start_wb 64M 64M -o flush_current_buffer_interval=0
before=$(flushes)
[ -n "$before" ] || fail 'status.json does not count flushes'
dd if=/dev/urandom of="$exposed" bs=4096 count=10 oflag=direct,dsync conv=notrunc status=none
everything_is_durable || fail 'O_DSYNC returned before the log was durable'
after=$(flushes)
[ $((after - before)) -ge 10 ] || fail "10 O_DSYNC writes made $((after - before)) flushes"

before=$after
xfs_io -d -c 'pwrite -D -V 1 0 4096' "$exposed"
after=$(flushes)
[ $((after - before)) -ge 1 ] || fail 'RWF_DSYNC made no flush'

before=$after
dd if=/dev/urandom of="$exposed" bs=4096 count=10 oflag=direct conv=notrunc status=none
after=$(flushes)
[ $((after - before)) -eq 0 ] || fail "writes without O_DSYNC made $((after - before)) flushes"
umount_wb
