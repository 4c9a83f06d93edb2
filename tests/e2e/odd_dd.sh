#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# dd with block sizes from 512 bytes to 1 MiB, at offsets that are no multiple of them, buffered
# and direct, against a plain file.

. "$(dirname "$0")/functions.sh"

start_wb 32M 16M
truncate -s 16M "$tmp/model"
random_file "$tmp/noise" 2M
for size in 512 513 1024 4095 4096 4097 6144 65536 100000 262144 524288 1000000 1048576; do
	for flags in '' direct; do
		for seek in 0 3 511 512 4096 5000 1048577; do
			for of in "$exposed" "$tmp/model"; do
				[ "$of" = "$exposed" ] || flags=
				dd if="$tmp/noise" of="$of" bs="$size" count=1 seek="$seek" \
					oflag="seek_bytes${flags:+,$flags}" conv=notrunc status=none
			done
		done
	done
	cmp "$exposed" "$tmp/model"
	random_file "$tmp/noise" 2M
done
umount_wb
mount_wb
cmp "$exposed" "$tmp/model"
umount_wb
