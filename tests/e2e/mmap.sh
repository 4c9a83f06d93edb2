#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Shared mappings: what is stored and msynced is there after a remount, and a mapping shows what
# was written.

. "$(dirname "$0")/functions.sh"
requires xfs_io

start_wb 32M 16M
truncate -s 16M "$tmp/model"
random_file "$tmp/noise" 1M
dd if="$tmp/noise" of="$exposed" conv=notrunc status=none
dd if="$tmp/noise" of="$tmp/model" conv=notrunc status=none
for file in "$exposed" "$tmp/model"; do
	xfs_io -c 'mmap -rw 0 16m' -c 'mwrite -S 0x61 1000 100000' -c 'mwrite -S 0x62 5000000 3000000' \
		-c 'mread -v 0 16' -c 'msync -s 0 16m' "$file" >"$tmp/out.$(basename "$file")"
done
cmp "$exposed" "$tmp/model"
kill_wb
umount "$mnt"
mount_wb
cmp "$exposed" "$tmp/model"

xfs_io -r -c 'mmap -r 0 16m' -c 'mread -v 4999992 16' "$exposed" >"$tmp/out"
grep -q '00 00 00 00 00 00 00 00 62 62 62 62 62 62 62 62' "$tmp/out" || fail "$(cat "$tmp/out")"
umount_wb
