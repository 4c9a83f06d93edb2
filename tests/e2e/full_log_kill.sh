#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Killed while the log of a small cache is full and going round: what was synced before the last
# writes began is there afterwards.

. "$(dirname "$0")/functions.sh"

make_cache 5M
make_disk 64M
mount_wb -d "disk=$disk"
for round in 1 2 3; do
	random_file "$tmp/model" 16M
	dd if="$tmp/model" of="$exposed" bs=100K conv=notrunc,fsync status=none
	dd if=/dev/urandom of="$exposed" bs=100K seek=32M oflag=seek_bytes count=200 conv=notrunc \
		status=none &
	writer=$!
	sleep "0.$round"
	kill_wb
	wait "$writer" || true
	umount "$mnt"
	mount_wb
	cmp -n 16M "$tmp/model" "$exposed"
done
umount_wb
