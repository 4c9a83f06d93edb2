#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A backing with cache=none is passed straight through: nothing of it is logged, what is synced is
# on the backing, and a cached one beside it is not disturbed.

. "$(dirname "$0")/functions.sh"

make_cache 32M
make_disk 64M
make_disk 64M "$tmp/plain.img"
mount_wb -d "disk=$disk" -d "plain=$tmp/plain.img,cache=none"
expect_value 0 "$control/devices/plain/cache_id"
[ "$(cat "$control/devices/disk/cache_id")" -gt 0 ] || fail 'a cached backing has cache_id 0'

truncate -s 64M "$tmp/model" "$tmp/plain.model"
seed=${WB_SEED:-$RANDOM}
"$top_srcdir/tests/e2e/odd_io.pl" "$mnt/plain" "$tmp/plain.model" "$seed" 500
"$top_srcdir/tests/e2e/odd_io.pl" "$exposed" "$tmp/model" "$((seed + 1))" 500
cmp "$tmp/plain.img" "$tmp/plain.model"
cmp "$mnt/plain" "$tmp/plain.model"
cmp "$exposed" "$tmp/model"
expect_value 0 "$control/devices/plain/nr_dirty_caches"
umount_wb
cmp "$tmp/plain.img" "$tmp/plain.model"
