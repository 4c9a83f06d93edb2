#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Backings that can't be: missing, a directory, empty, no multiple of 512 bytes, the cache itself,
# already used.

. "$(dirname "$0")/functions.sh"
requires_loop

make_cache 5M
make_disk 1M
mkdir "$mnt"
on_exit end_wb "$mnt"

refused_backing() {
	refused "$1" "$2" wbfs mount --cache "$cache" -d "disk=$3" "$mnt"
}

refused_backing 1 'missing\.img.*(no such file|does not exist)' "$tmp/missing.img"
refused_backing 1 "$tmp.*directory" "$tmp"
: >"$tmp/empty.img"
refused_backing 1 'empty\.img.*empty' "$tmp/empty.img"
make_disk 1000000 "$tmp/odd.img"
refused_backing 1 'odd\.img.*512' "$tmp/odd.img"
refused_backing 1 'tty|neither|not a' /dev/null
refused_backing 5 'cache\.img' "$cache"
ln -s cache.img "$tmp/link"
refused_backing 5 'cache\.img' "$tmp/link"

# twice in one mount, under two names
refused 5 'disk\.img' wbfs mount --cache "$cache" -d "disk=$disk" -d "again=$disk" "$mnt"

# in use by another mount
mkwbfs --size 5M "$tmp/other.img"
mkdir "$tmp/other"
on_exit end_wb "$tmp/other"
wbfs mount --cache "$tmp/other.img" -d "disk=$disk" "$tmp/other"
refused 5 'disk\.img' wbfs mount --cache "$cache" -d "disk=$disk" "$mnt"
wbfs umount "$tmp/other"

# mounted by somebody else
make_disk 64M "$tmp/mounted.img"
mkfs.ext4 -q "$tmp/mounted.img"
loop_on "$tmp/mounted.img"
mount_fs "$loop"
expect_status 5 wbfs mount --cache "$cache" -d "disk=$loop" "$mnt"
grep -q '^wbfs: ' "$tmp/err" || fail 'no message'
no_daemons || fail 'left running'
umount_fs
loop_off

# After all that the cache knows nothing of what was refused.
wbfs mount --cache "$cache" -d "disk=$disk" "$mnt"
[ "$(ls "$mnt")" = disk ] || fail "not only disk is there: $(ls "$mnt")"
umount_wb
