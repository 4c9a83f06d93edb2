#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# SIGTERM, SIGINT and SIGHUP stop the daemon in order: unmounted, what was acknowledged is in the
# log and durable, nothing is drained. SIGPIPE doesn't stop it.

. "$(dirname "$0")/functions.sh"

start_wb 64M 64M -o flush_current_buffer_interval=0
for signal in TERM INT HUP; do
	echo 0 >"$control/update_interval"
	echo 0 >"$control/allow_migrate"
	random_file "$tmp/model" 5000000
	dd if="$tmp/model" of="$exposed" bs=50000 conv=notrunc status=none
	before=$(sha256sum <"$disk")
	pid=$(daemon_pid)
	kill -PIPE "$pid"
	cmp -n 5000000 "$tmp/model" "$exposed"
	kill "-$signal" "$pid"
	wait_until 30 no_daemons
	not mountpoint -q "$mnt" || fail "still mounted after SIG$signal"
	[ "$before" = "$(sha256sum <"$disk")" ] || fail 'the backing was written to'
	mount_wb -o flush_current_buffer_interval=0
	cmp -n 5000000 "$tmp/model" "$exposed"
done
umount_wb
