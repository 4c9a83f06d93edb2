#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Two backings written at the same time through one cache don't get in each other's way: each is
# what was written to it, at once, after a remount, and on the backings after a drain.

. "$(dirname "$0")/functions.sh"

make_cache 32M
for name in one two; do
	make_disk 64M "$tmp/$name.img"
	make_disk 64M "$tmp/$name.model"
done
mount_wb -d "one=$tmp/one.img" -d "two=$tmp/two.img"

seed=${WB_SEED:-$RANDOM}
writers=()
for name in one two; do
	"$top_srcdir/tests/e2e/odd_io.pl" "$mnt/$name" "$tmp/$name.model" "$((seed += 1))" 1000 &
	writers+=($!)
done
for writer in "${writers[@]}"; do
	wait "$writer"
done
for name in one two; do
	cmp "$mnt/$name" "$tmp/$name.model"
done
umount_wb

mount_wb
for name in one two; do
	cmp "$mnt/$name" "$tmp/$name.model"
done
wbfs drain "$mnt"
for name in one two; do
	cmp "$tmp/$name.img" "$tmp/$name.model"
done
umount_wb
