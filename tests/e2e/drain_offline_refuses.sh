#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wbfs drain --offline refuses what a mount refuses, with the same exit status, and changes nothing.

. "$(dirname "$0")/functions.sh"

make_cache 16M
make_disk 16M
mount_wb -d "disk=$disk" -o allow_migrate=0 -o update_interval=0
refused 5 'in use' wbfs drain --offline "$cache"
refused 1 'needs --offline' wbfs drain --without disk "$mnt"
refused 1 'not a mount point' wbfs drain "$cache"
random_file "$tmp/model" 2000000
dd if="$tmp/model" of="$exposed" bs=64K conv=notrunc,fsync status=none
umount_wb

refused 1 'too few' wbfs drain --offline
refused 1 'unknown option' wbfs drain --ofline "$cache"
refused 1 'no such file' wbfs drain --offline "$tmp/nothing"
refused 4 'no wbfs magic' wbfs drain --offline "$disk"
refused 1 'nobody.*no backing' wbfs drain --offline --without nobody "$cache"
refused 1 'nobody.*no backing' wbfs drain --offline -d "nobody=$disk" "$cache"
refused 1 'truncate' wbfs drain --offline --recover everything "$cache"

exec {lock}<"$disk"
flock --exclusive "$lock"
refused 5 'in use' wbfs drain --offline "$cache"
exec {lock}<&-

mkdir "$tmp/away"
mv "$disk" "$tmp/away"
refused 7 'disk.*missing' wbfs drain --offline "$cache"
grep -q '^hint: --without disk' "$tmp/err"
make_disk 8M
refused 7 'size' wbfs drain --offline "$cache"
rm "$disk"
random_file "$disk" 16M
refused 7 'contents|identity|another' wbfs drain --offline "$cache"
rm "$disk"
mv "$tmp/away/disk.img" "$disk"

expect_status 0 wbfs drain --offline "$cache"
cmp -n 2000000 "$tmp/model" "$disk"

# A block that is damaged in the log is lost, which is not kept quiet.
mount_wb -o allow_migrate=0 -o update_interval=0
dd if=/dev/urandom of="$exposed" bs=4K count=16 conv=notrunc,fsync status=none
umount_wb
offset=$(wbfs inspect --segments "$cache" |
	sed -n 's/.* offset \([0-9]*\), segment.* entries 16, .*/\1/p' | head -n 1)
printf 'XX' | dd of="$cache" bs=1 seek=$((offset + 4096 * 3)) conv=notrunc status=none
expect_status 7 wbfs drain --offline "$cache"
grep -q 'disk: drain: has blocks that are lost' "$tmp/err"
expect_status 7 wbfs check "$cache"
grep -q 'was found to be lost earlier' "$tmp/err"
