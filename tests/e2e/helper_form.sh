#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# As mount(8) calls it: wbfs SOURCE DIRECTORY -o OPTIONS, and under the name mount.wbfs. Generic
# mount options are accepted.

. "$(dirname "$0")/functions.sh"

make_cache 16M
make_disk 16M
mkdir "$mnt"
on_exit end_wb "$mnt"
wbfs mount --cache "$cache" -d "disk=$disk" "$mnt" # it remembers its backing
umount_wb

"$WBFS" "$cache" "$mnt" -o rw,nofail,_netdev,x-systemd.automount,noatime
mountpoint -q "$mnt" || fail 'not mounted'
[ -e "$exposed" ] || fail 'the backing is not there'
umount_wb

ln -s "$WBFS" "$tmp/mount.wbfs"
"$tmp/mount.wbfs" "$cache" "$mnt" -o rw,on_full=error,nr_max_batched_migration=8
expect_value 8 "$control/nr_max_batched_migration"
expect_value error "$control/on_full"
umount_wb
