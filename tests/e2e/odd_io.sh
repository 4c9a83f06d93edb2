#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Writes at odd offsets and in odd sizes, from one byte to 1 MiB, compared with a plain file that
# got the same: at once, after a remount, and on the backing after a drain.

. "$(dirname "$0")/functions.sh"

start_wb 32M 100000256 # neither whole blocks nor whole MiB, but whole sectors
truncate -s 100000256 "$tmp/model"
seed=${WB_SEED:-$RANDOM}

"$top_srcdir/tests/e2e/odd_io.pl" "$exposed" "$tmp/model" "$seed" 1500
cmp "$exposed" "$tmp/model"
umount_wb
mount_wb
cmp "$exposed" "$tmp/model"

"$top_srcdir/tests/e2e/odd_io.pl" "$exposed" "$tmp/model" "$((seed + 1))" 1000 direct
cmp "$exposed" "$tmp/model"
"$top_srcdir/tests/e2e/odd_io.pl" "$exposed" "$tmp/model" "$((seed + 2))" 200 direct dsync
cmp "$exposed" "$tmp/model"
wbfs drain "$mnt"
cmp "$exposed" "$tmp/model"
cmp "$disk" "$tmp/model"
umount_wb

mount_wb
cmp "$exposed" "$tmp/model"
umount_wb
