#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# mount(8), umount(8) and fstab: the helpers are found by the type, options of all kinds are taken,
# several backings fit into one line, and umount DIR waits for the daemon and says who is in its way.

# Helpers are looked for in /sbin only: in a mount namespace of our own it has ours too.
. "$(dirname "$0")/namespace_functions.sh"
. "$(dirname "$0")/functions.sh"
requires_plain_build 'mount(8) starts the daemon'

sbin=$(realpath /sbin)
mkdir "$tmp/sbin"
mount --bind "$sbin" "$tmp/sbin"
on_exit umount -l "$tmp/sbin"
mount -t tmpfs none "$sbin"
on_exit umount -l "$sbin"
ln -s "$tmp/sbin"/* "$sbin/"
for helper in mount.wbfs mount.fuse.wbfs umount.wbfs umount.fuse.wbfs; do
	ln -sf "$(realpath "$WBFS")" "$sbin/$helper"
done

make_cache 16M
make_disk 16M
make_disk 16M "$tmp/other.img"
mkdir "$mnt"
on_exit end_wb "$mnt"

# What fstab may hold. systemd's options and mount's own are not ours to understand.
cat >"$tmp/fstab" <<END
# a comment
/dev/null /mnt ext4 noauto 0 0
$cache $mnt fuse.wbfs device=disk=$disk,device="other=$tmp/other.img,cache=none",nofail,_netdev,noauto,x-systemd.requires=a.service,x-systemd.mount-timeout=30,noatime,nosuid,nodev,user,nr_max_batched_migration=8 0 0
END
export LIBMOUNT_FSTAB=$tmp/fstab

check_mounted() {
	mountpoint -q "$mnt" || fail 'not mounted'
	grep -q "^$cache $mnt fuse.wbfs [^ ]*nosuid,nodev" /proc/mounts ||
		fail "not mounted as asked: $(grep "$mnt" /proc/mounts)"
	[ -e "$mnt/disk" ] || fail 'a backing is missing'
	[ -e "$mnt/other" ] || fail 'the other backing is missing'
	expect_value 8 "$control/nr_max_batched_migration"
	expect_value 0 "$control/devices/other/cache_id"
}

wbfs mount "$mnt"
check_mounted
umount_wb

mount "$mnt"
check_mounted
dd if=/dev/urandom of="$exposed" bs=1M count=10 conv=notrunc status=none
pid=$(daemon_pid)
umount "$mnt"
[ ! -e "/proc/$pid/exe" ] || fail 'umount did not wait for the daemon'
not mountpoint -q "$mnt" || fail 'still mounted'

(cd "$tmp" && wbfs mount wb) # found in fstab by any path to it
check_mounted

# In use: umount's status for that, and who it is.
exec 5<"$exposed"
expect_status 32 umount "$mnt"
grep -q "process $$ (.*) has open $exposed" "$tmp/err" || fail 'it does not say who uses it'
exec 5<&-
umount "$mnt"
no_daemons || fail 'umount did not wait for the daemon'

mount -t fuse.wbfs "$cache" "$mnt" -o "ro,device=disk=$disk,nofail,x-test"
grep -q " $mnt fuse.wbfs ro" /proc/mounts || fail 'not mounted read-only'
umount "$mnt"
mount -t wbfs "$cache" "$mnt"
umount -l "$mnt"
sleep_until_no_daemons || fail 'a lazy umount did not end the daemon'

# What mount(8) makes of our failures.
expect_status 1 mount -t fuse.wbfs "$cache" "$mnt" -o nosuchoption
grep -q 'nosuchoption' "$tmp/err" || fail 'it does not name the unknown option'
expect_status 32 mount -t fuse.wbfs "$disk" "$mnt"
not mountpoint -q "$mnt" || fail 'mounted all the same'
mount -f -t fuse.wbfs "$cache" "$mnt"
not mountpoint -q "$mnt" || fail 'mounted although only to be faked'
expect_status 1 wbfs mount "$fs"
