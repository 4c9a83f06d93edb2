#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What an ordinary user does with an exposed file, without any right: mount a file system in it by
# fuse2fs, or give it to qemu; and mount(8) and umount(8) work by a line of fstab with "user".

. "$(dirname "$0")/namespace_functions.sh"
. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/user_functions.sh"
requires mkfs.ext4 e2fsck debugfs fuse2fs fusermount qemu-io qemu-img
requires_plain_build 'mount(8) starts the daemon'

fs=$own/fs
as_user mkdir "$fs"
end_fs() {
	not is_mounted "$fs" || umount -l "$fs"
}
on_exit end_fs
as_user "$MKWBFS" --size 32M "$own/cache.img"
as_user truncate -s 64M "$own/disk.img" "$own/vm.img"
as_user "$WBFS" mount --cache "$own/cache.img" -d "disk=$own/disk.img" -d "vm=$own/vm.img" "$mnt"

# A file system.
random_file "$tmp/model" 3000000
chmod 644 "$tmp/model"
as_user mkfs.ext4 -q -F "$exposed"
as_user fuse2fs "$exposed" "$fs" -o fakeroot
as_user cp "$tmp/model" "$fs/file"
as_user cmp "$tmp/model" "$fs/file"
expect_status 5 as_user "$WBFS" umount "$mnt"
grep -q "in use: process .* (fuse2fs) has open $exposed" "$tmp/err" || fail 'not said by whom'
as_user fusermount -u "$fs"

# A virtual machine's disk.
as_user qemu-io -f raw -t none -c 'write -P 0x5a 1M 3M' -c 'write -z 2M 64k' -c 'discard 3M 64k' \
	-c flush -c 'read -P 0x5a 1M 1M' -c 'read -P 0 2M 64k' "$mnt/vm" >"$tmp/out"
cat "$tmp/out"
not grep -qi 'fail\|error' "$tmp/out" || fail 'qemu-io complains'
as_user qemu-img convert -f raw -O raw "$mnt/vm" "$own/copy"

wait_until 10 as_user "$WBFS" umount --drain "$mnt" # fuse2fs ends a little later
no_daemons || fail 'it did not wait for the daemon'
e2fsck -fn "$own/disk.img"
debugfs -R "dump file $tmp/copy" "$own/disk.img"
cmp "$tmp/model" "$tmp/copy"
cmp "$own/vm.img" "$own/copy"

# By fstab.
sbin=$(realpath /sbin)
mkdir "$tmp/sbin"
mount --bind "$sbin" "$tmp/sbin"
on_exit umount -l "$tmp/sbin"
mount -t tmpfs -o mode=755 none "$sbin"
on_exit umount -l "$sbin"
ln -s "$tmp/sbin"/* "$sbin/"
for helper in mount.fuse.wbfs umount.fuse.wbfs; do
	ln -sf "$(realpath "$WBFS")" "$sbin/$helper"
done
echo "$own/cache.img $mnt fuse.wbfs noauto,user,nofail,_netdev,x-systemd.automount 0 0" >"$tmp/fstab"
mount --bind "$tmp/fstab" /etc/fstab
on_exit umount /etc/fstab
as_user mount "$mnt"
is_mounted || fail 'not mounted'
as_user cmp -n 3M "$own/vm.img" "$mnt/vm"
expect_status '[1-9]*' as_other umount "$mnt"
is_mounted || fail 'somebody else has unmounted it'
as_user umount "$mnt"
no_daemons || fail 'umount did not wait for the daemon'
as_user "$WBFS" mount "$mnt"
as_user umount "$mnt"
no_daemons || fail 'umount did not wait for the daemon'
