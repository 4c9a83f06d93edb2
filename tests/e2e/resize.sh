#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A backing grows while a file system on a loop device on it is mounted: after wbfs resize,
# losetup -c and resize2fs there is more room, and everything is there after a kill. One that
# shrank is refused. A size in the middle of a block grows once the file is closed, and what the
# backing has behind its old end can be read; a simulated disk grows too.

. "$(dirname "$0")/functions.sh"
requires mkfs.ext4 resize2fs e2fsck
requires_filesystem ext4
requires_loop

# Online only with CAP_SYS_RESOURCE, which containers may lack.
grow_fs() {
	local caps
	caps=$(sed -n 's/^CapEff:[[:space:]]*//p' /proc/self/status)
	if (((16#$caps >> 24 & 1) == 1)); then
		resize2fs "$loop"
		return
	fi
	umount_fs
	e2fsck -fp "$loop"
	resize2fs "$loop"
	mount "$loop" "$fs"
}

make_cache 64M
make_disk 64M
make_disk 16M "$tmp/hdd.img"
make_disk 10000384 "$tmp/odd.img"
mount_wb -d "disk=$disk" -d "hdd=$tmp/hdd.img,sim=hdd" -d "odd=$tmp/odd.img"
loop_on "$exposed"
mkfs.ext4 -q "$loop"
mount_fs "$loop"
random_file "$fs/before" 20M

truncate -s 32M "$disk"
expect_status 1 wbfs resize "$mnt" disk
grep -Fq 'disk: has shrunk from 67108864 to 33554432 bytes' "$tmp/err" ||
	fail 'it does not say that it has shrunk'
truncate -s 64M "$disk"
[ "$(stat -c %s "$exposed")" -eq $((64 << 20)) ] || fail 'the size changed while it was refused'
wbfs resize "$mnt" disk # nothing to do

truncate -s 192M "$disk"
wbfs resize "$mnt" disk
losetup --set-capacity "$loop"
[ "$(blockdev --getsize64 "$loop")" -eq $((192 << 20)) ] || fail 'the loop device has not grown'
[ "$(stat -c %s "$exposed")" -eq $((192 << 20)) ] || fail 'the exposed file has not grown'
expect_value $((192 << 20)) "$control/devices/disk/size"
grow_fs
random_file "$fs/after" 90M
sum=$(cat "$fs/before" "$fs/after" | sha256sum)
sync -f "$fs"
kill_wb
umount -l "$fs"
loop_off
umount -l "$mnt"

mount_wb
[ "$(stat -c %s "$exposed")" -eq $((192 << 20)) ] || fail 'the new size is forgotten'
loop_on "$exposed"
mount_fs "$loop"
[ "$(cat "$fs/before" "$fs/after" | sha256sum)" = "$sum" ] || fail 'the files are not what they were'
umount_fs
e2fsck -fn "$loop"
loop_off

truncate -s 32M "$tmp/hdd.img"
wbfs resize "$mnt" hdd
printf y | dd of="$mnt/hdd" bs=1 seek=$((32 * 1024 * 1024 - 1)) conv=notrunc status=none

# 10000384 = 2441 * 4096 + 2048
echo 0 >"$control/update_interval"
echo 0 >"$control/allow_migrate"
printf a | dd of="$mnt/odd" bs=1 seek=10000383 conv=notrunc status=none
exec {open}<"$mnt/odd"
truncate -s 12M "$tmp/odd.img"
printf b | dd of="$tmp/odd.img" bs=1 seek=10000384 conv=notrunc status=none
expect_status 5 wbfs resize "$mnt" odd
[ "$(stat -c %s "$mnt/odd")" -eq 10000384 ] || fail 'it grew while it was refused'
exec {open}<&-
echo 1 >"$control/devices/odd/resize"
[ "$(stat -c %s "$mnt/odd")" -eq $((12 << 20)) ] || fail 'it has not grown'
[ "$(dd if="$mnt/odd" bs=1 skip=10000383 count=2 status=none)" = ab ] ||
	fail 'not what was there around the old end'
umount_wb
