#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Cache and backing on block devices: a drain leaves everything on the backing's device, and both
# are locked as long as they are in use.

. "$(dirname "$0")/functions.sh"
requires_loop

make_disk 64M "$tmp/fast.img"
make_disk 256M
loop_on "$tmp/fast.img"
cache=$loop
loop_on "$disk"
slow=$loop

mkwbfs "$cache"
mount_wb -d "disk=$slow"
truncate -s 256M "$tmp/model"
"$top_srcdir/tests/e2e/odd_io.pl" "$exposed" "$tmp/model" "${WB_SEED:-$RANDOM}" 500
mkdir "$tmp/second"
expect_status 5 wbfs mount --cache "$cache" "$tmp/second"
expect_status 5 mkwbfs --force "$cache"
wbfs drain "$mnt"
umount_wb
cmp "$slow" "$tmp/model"

mount_wb
cmp "$exposed" "$tmp/model"
umount_wb
loop_off "$slow"
loop_off "$cache"
