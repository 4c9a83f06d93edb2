#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What was written with O_DSYNC, buffered or direct, or was followed by fsync or fdatasync, is
# there after the daemon was killed right afterwards.

. "$(dirname "$0")/functions.sh"

start_wb 64M 64M -o flush_current_buffer_interval=0
for flags in dsync direct,dsync sync direct,sync; do
	random_file "$tmp/model" 1000000
	dd if="$tmp/model" of="$exposed" bs=4096 oflag="$flags" conv=notrunc status=none
	kill_wb
	umount "$mnt"
	mount_wb -o flush_current_buffer_interval=0
	cmp -n 1000000 "$tmp/model" "$exposed"
done

for conversion in fsync fdatasync; do
	random_file "$tmp/model" 3000000
	dd if="$tmp/model" of="$exposed" bs=10000 conv="notrunc,$conversion" status=none
	kill_wb
	umount "$mnt"
	mount_wb -o flush_current_buffer_interval=0
	cmp -n 3000000 "$tmp/model" "$exposed"
done
umount_wb
