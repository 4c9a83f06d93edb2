#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The smallest cache, four segments, takes many times what it holds: writers wait for migration,
# nothing is lost or reordered, and what the control files say about the log only grows.

. "$(dirname "$0")/functions.sh"
requires fio

make_cache 5M
make_disk 64M
mount_wb -d "disk=$disk"
truncate -s 64M "$tmp/model"

dd if=/dev/urandom of="$tmp/model" bs=1M count=64 status=none
dd if="$tmp/model" of="$exposed" bs=1M conv=notrunc status=none
cmp "$exposed" "$tmp/model"
first=$(cat "$control/last_migrated_segment_id")
[ "$first" -gt 40 ] || fail "only segment $first is migrated: the log can't have been full"

"$top_srcdir/tests/e2e/odd_io.pl" "$exposed" "$tmp/model" "${WB_SEED:-$RANDOM}" 1000
cmp "$exposed" "$tmp/model"
[ "$(cat "$control/last_migrated_segment_id")" -gt "$first" ] || fail 'migration stands still'
umount_wb

mount_wb
cmp "$exposed" "$tmp/model"
for seed in 1 2; do # many writers at once
	fio --name=full --filename="$exposed" --allow_file_create=0 --fallocate=none --size=64M \
		--rw=randwrite --bsrange=4k-256k --ioengine=libaio --iodepth=32 --direct=1 \
		--randseed="$seed" --verify=crc32c --verify_fatal=1 --verify_state_save=0 >"$tmp/fio" ||
		fail "$(cat "$tmp/fio")"
done
wbfs drain "$mnt"
cmp "$exposed" "$disk"
umount_wb
