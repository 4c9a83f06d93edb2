#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Backings come and go while mounted; a detached one holds everything that was written to it, and
# the cache no longer remembers it.

. "$(dirname "$0")/functions.sh"

start_wb 16M 16M
make_disk 16M "$tmp/late.img"
random_file "$tmp/model" 3000000

wbfs attach "$mnt" late="$tmp/late.img"
dd if="$tmp/model" of="$mnt/late" bs=1M conv=notrunc status=none
dd if="$tmp/model" of="$exposed" bs=1M conv=notrunc status=none
umount_wb
mount_wb
cmp -n 3000000 "$tmp/model" "$mnt/late"

wbfs detach "$mnt" late
[ ! -e "$mnt/late" ] || fail 'the detached backing is still there'
cmp -n 3000000 "$tmp/model" "$tmp/late.img"
umount_wb
mount_wb
[ "$(ls "$mnt")" = disk ] || fail "not only disk is there: $(ls "$mnt")"
cmp -n 3000000 "$tmp/model" "$exposed"
umount_wb
