#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A long stream of large writes, of which each crosses the border between two segments, is
# recovered whole: after an orderly unmount, and after a kill with only the end synced.

. "$(dirname "$0")/functions.sh"

dont_migrate=update_interval=0,allow_migrate=0
start_wb 256M 128M -o "$dont_migrate"
for end in umount_wb kill_wb; do
	random_file "$tmp/model" 100M
	dd if="$tmp/model" of="$exposed" bs=1M oflag=direct conv=notrunc,fsync status=none
	"$end"
	if is_dead "$mnt"; then
		umount "$mnt"
	fi
	mount_wb -o "$dont_migrate"
	cmp -n 100M "$tmp/model" "$exposed"
	wbfs drain "$mnt"
	cmp -n 100M "$tmp/model" "$disk"
done
umount_wb
