#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wbfs flush and flush_current_buffer make durable what was written before; with
# flush_current_buffer_interval that happens by itself.

. "$(dirname "$0")/functions.sh"

survives_a_kill() {
	kill_wb
	umount "$mnt"
	mount_wb -o flush_current_buffer_interval=0
	cmp -n 1000000 "$tmp/model" "$exposed"
}

write_some() {
	random_file "$tmp/model" 1000000
	dd if="$tmp/model" of="$exposed" bs=30000 conv=notrunc status=none
}

start_wb 32M 32M -o flush_current_buffer_interval=0
write_some
wbfs flush "$mnt"
survives_a_kill

write_some
echo 1 >"$control/flush_current_buffer"
survives_a_kill

echo 1 >"$control/flush_current_buffer_interval"
write_some
sleep 3
survives_a_kill
umount_wb
