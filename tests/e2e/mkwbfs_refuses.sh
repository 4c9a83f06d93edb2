#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What mkwbfs won't touch: with one message, the right exit status, and nothing changed.

. "$(dirname "$0")/functions.sh"
requires mkfs.ext4 blkid
requires_loop
exec {BASH_XTRACEFD}>&2 # the trace doesn't mix with messages that are looked at

# ---- usage ----

refused 1 'CACHE' mkwbfs
refused 1 'only one' mkwbfs "$tmp/a.img" "$tmp/b.img"
refused 1 '--frobnicate: usage' mkwbfs --frobnicate "$tmp/a.img"
refused 1 '-x: usage' mkwbfs -x "$tmp/a.img"
for size in 0 -1 1.5G 1KB '' 1000 99999999T; do
	refused 1 '--size: ' mkwbfs --size "$size" "$tmp/a.img"
done
for size in 0 32K 2M 96K 1; do
	refused 1 'power of two' mkwbfs --size 1G --segment-size "$size" "$tmp/a.img"
done
refused 1 'longer than 63' mkwbfs --size 8M -L "$(printf '%064d' 0)" "$tmp/a.img"
refused 1 'too small.*least is 5120K' mkwbfs --size 4M --segment-size 1M "$tmp/a.img"
refused 1 'too small' mkwbfs --size 1M "$tmp/a.img"
[ ! -e "$tmp/a.img" ] || fail 'a refused image was made'

# ---- unfit objects ----

refused 1 'no such file' mkwbfs "$tmp/a.img"
grep -q "^hint: mkwbfs --size" "$tmp/err"
refused 1 'no such file' mkwbfs --size 8M "$tmp/missing/a.img"
refused 1 'is a directory' mkwbfs "$tmp"
refused 1 'is a directory' mkwbfs --size 8M "$tmp"
refused 1 'neither' mkwbfs /dev/null
refused 1 'neither' mkwbfs "$tmp/never"
: >"$tmp/empty.img"
refused 1 'is empty' mkwbfs "$tmp/empty.img"
truncate -s 8000001 "$tmp/odd.img"
refused 1 'multiple of 512' mkwbfs "$tmp/odd.img"
truncate -s 1M "$tmp/small.img"
refused 1 'too small' mkwbfs "$tmp/small.img"
refused 1 'exists with a size of 1 MiB' mkwbfs --force --size 8M "$tmp/small.img"

# ---- out of space: what was begun is removed ----

truncate -s 32M "$tmp/full"
mkfs.ext4 -q "$tmp/full"
loop_on "$tmp/full"
mount_fs "$loop"
refused 3 'allocate: no space' mkwbfs --size 100M "$fs/big.img"
[ ! -e "$fs/big.img" ] || fail 'left behind'
: >"$fs/big.img"
refused 3 'allocate: no space' mkwbfs --size 100M "$fs/big.img"
[ "$(stat -c '%s %b' "$fs/big.img")" = '0 0' ] || fail 'left behind'

# ---- in use: whatever is forced ----

refused 5 'in use' mkwbfs "$loop"
refused 5 'in use' mkwbfs --force "$loop"
refused 5 'in use' mkwbfs --dry-run --force "$loop"
umount_fs
refused 1 'has its size' mkwbfs --size 32M "$loop"
truncate -s 8M "$tmp/locked.img"
flock "$tmp/locked.img" "$MKWBFS" --force "$tmp/locked.img" 2>"$tmp/err" && status=0 || status=$?
[ "$status" -eq 5 ] || fail "exit status $status instead of 5 for a locked image"

# ---- something is there ----

mkfs.ext4 -q -F -L archive "$tmp/ext4.img" 32M
refused 4 'holds ext4 \(label archive\)' mkwbfs "$tmp/ext4.img"
grep -q '^hint: .*mkwbfs --force' "$tmp/err"
refused 4 'holds ext4' mkwbfs --size 32M "$tmp/ext4.img"
refused 4 'holds ext4' mkwbfs --dry-run "$tmp/ext4.img"
refused 4 'holds ext4' mkwbfs "$loop"
truncate -s 32M "$tmp/table.img"
# One Linux partition of 2048 sectors from sector 2048 on, as in a master boot record.
printf '\0\0\0\0\203\0\0\0\0\10\0\0\0\10\0\0' |
	dd of="$tmp/table.img" bs=1 seek=446 conv=notrunc status=none
printf '\125\252' | dd of="$tmp/table.img" bs=1 seek=510 conv=notrunc status=none
refused 4 'holds a dos partition table' mkwbfs "$tmp/table.img"
# The magic number of a software RAID's superblock: at the end, where formatting doesn't write.
truncate -s 32M "$tmp/raid.img"
printf '\374\116\53\251' |
	dd of="$tmp/raid.img" bs=1 seek=$((32 * 1048576 - 65536)) conv=notrunc status=none
refused 4 'holds linux_raid_member' mkwbfs "$tmp/raid.img"
mkwbfs --size 8M "$tmp/cache.img"
refused 4 'holds a wbfs cache' mkwbfs "$tmp/cache.img"
# Of a version to come: libblkid doesn't know it, and neither do we.
mkwbfs --size 8M "$tmp/future.img"
for off in 8 524296; do
	printf '\x63' | dd of="$tmp/future.img" bs=1 seek="$off" conv=notrunc status=none
done
refused 4 'a (damaged )?wbfs cache' mkwbfs "$tmp/future.img"

# ---- forced: nothing of it is recognised any more ----

for image in ext4 table raid cache future; do
	expect_status 0 mkwbfs --force "$tmp/$image.img"
	grep -q 'overwriting' "$tmp/err"
	if blkid -p "$tmp/$image.img"; then
		fail "still recognised: $image"
	fi
	refused 4 'holds a wbfs cache$' mkwbfs "$tmp/$image.img"
done
expect_status 0 mkwbfs --force "$loop"
refused 4 'holds a wbfs cache$' mkwbfs "$loop"
loop_off "$loop"
