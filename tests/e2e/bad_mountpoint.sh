#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Mount points that are missing, no directory, or in use; a cache that is in use.

. "$(dirname "$0")/functions.sh"

make_cache 5M
make_disk 1M
mkwbfs --size 5M "$tmp/other.img"
make_disk 1M "$tmp/second.img"

mount_at() {
	wbfs mount --cache "$cache" -d "disk=$disk" "$@"
}

refused 1 'missing' mount_at "$tmp/missing"
: >"$tmp/file"
refused 1 'file.*directory' mount_at "$tmp/file"
refused 1 'mountpoint|mount point|too few' mount_at

mkdir "$mnt"
on_exit end_wb "$mnt"
mount_at "$mnt"
refused 5 'wb' wbfs mount --cache "$tmp/other.img" -d "disk=$tmp/second.img" "$mnt"
mkdir "$tmp/elsewhere"
refused 5 'cache\.img' mount_at "$tmp/elsewhere"
expect_status 5 mkwbfs --force "$cache"
[ -e "$exposed" ] || fail 'the first mount does not serve any more'
umount_wb
