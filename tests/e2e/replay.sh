#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wbfs replay CACHE NAME=OUTPUT writes a backing as it was exposed to a new file or a disk, and
# changes neither cache nor backing. What is lost is named and not invented.

. "$(dirname "$0")/functions.sh"
requires mkfs.ext4
requires_loop

replay() { # STATUS ARGUMENT...: and leaves the images as they are
	local status=$1
	shift
	expect_status "$status" wbfs replay "$@"
	[ "$before" = "$(sum_images)" ] || fail 'replay has changed an image'
}

make_cache 16M
truncate -s 20000256 "$disk" # ends in part of a block
random_file "$tmp/old" 8000000
dd if="$tmp/old" of="$disk" conv=notrunc status=none
mount_wb -d "disk=$disk" -o allow_migrate=0 -o update_interval=0
refused 5 'in use' wbfs replay "$cache" "disk=$tmp/copy"
dd if=/dev/urandom of="$exposed" bs=100k seek=20 count=20 conv=notrunc,fsync status=none
dd if=/dev/urandom of="$exposed" bs=512 seek=39000 count=63 conv=notrunc,fsync status=none
fallocate --punch-hole --keep-size --offset 1000000 --length 70000 "$exposed"
cp "$exposed" "$tmp/model"
kill_wb
end_wb "$mnt"
before=$(sum_images)

replay 0 "$cache" "disk=$tmp/copy"
cmp "$tmp/model" "$tmp/copy"
[ "$(du -k "$tmp/copy" | cut -f 1)" -lt 15000 ] || fail 'what is zero takes space'

cp "$tmp/copy" "$tmp/copy.before"
replay 1 "$cache" "disk=$tmp/copy" # it is there
cmp "$tmp/copy.before" "$tmp/copy"
refused 1 '/dev/full: create: it exists, and is no block device' \
	wbfs replay "$cache" disk=/dev/full
refused 1 'NAME=OUTPUT' wbfs replay "$cache" disk
refused 1 'nobody' wbfs replay "$cache" "nobody=$tmp/new"
refused 1 'no such file' wbfs replay "$cache" "disk=$tmp/no/directory"
refused '[15]' '.' wbfs replay "$cache" "disk=$disk"
[ ! -e "$tmp/new" ] || fail 'left a file'

# To a disk that takes the place of the old one.
truncate -s 32M "$tmp/new_disk"
loop_on "$tmp/new_disk"
replay 0 "$cache" "disk=$loop"
loop_off
cmp -n 20000256 "$tmp/model" "$tmp/new_disk"
# Not over what somebody may need.
mkfs.ext4 -q -F "$tmp/new_disk"
loop_on "$tmp/new_disk"
refused 4 'holds ext4' wbfs replay "$cache" "disk=$loop"
loop_off
truncate -s 1M "$tmp/small_disk"
loop_on "$tmp/small_disk"
refused 1 'smaller' wbfs replay "$cache" "disk=$loop"
loop_off

# Some of it is lost: the rest is there.
offset=$(wbfs inspect --segments "$cache" |
	sed -n 's/.* offset \([0-9]*\), segment.*/\1/p' | head -n 1)
cp --sparse=always "$cache" "$tmp/rotten.img"
printf 'XX' | dd of="$tmp/rotten.img" bs=1 seek=$((offset + 4096 * 3)) conv=notrunc status=none
before=$(sum_images)
replay 6 "$tmp/rotten.img" "disk=$tmp/copy2"
grep -Eq "disk: replay: bytes [0-9]+ to [0-9]+ can't be read: zeros instead" "$tmp/err"
different=$({ cmp -l "$tmp/model" "$tmp/copy2" || true; } | wc -l)
[[ $different -gt 0 && $different -le 4096 ]] || fail "$different bytes are different"

# Another backing of the cache, which nothing has open now.
truncate -s 32M "$tmp/other_disk"
loop_on "$tmp/other_disk"
mount_wb -d "other=$loop" -o allow_migrate=0 -o update_interval=0
umount_wb
refused 5 'backing other' wbfs replay "$cache" "disk=$loop"
loop_off
