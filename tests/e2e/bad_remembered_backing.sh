#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A backing that is missing, of another size or another identity than remembered is refused by
# name while the log has blocks of it. --without serves the others and keeps its blocks;
# --force-backing accepts another identity.

. "$(dirname "$0")/functions.sh"

make_cache 16M
make_disk 16M
make_disk 16M "$tmp/two.img"
mount_wb -d "disk=$disk" -d "two=$tmp/two.img"
echo 0 >"$control/update_interval"
echo 0 >"$control/allow_migrate"
random_file "$tmp/model" 1000000
dd if="$tmp/model" of="$exposed" conv=notrunc status=none
umount_wb

refused_mount() {
	refused 7 "$1" wbfs mount --cache "$cache" "$mnt"
}

mkdir "$tmp/away"
mv "$disk" "$tmp/away/"
refused_mount 'disk.*(no such file|missing|not found)'

wbfs mount --cache "$cache" --without disk "$mnt"
[ "$(ls "$mnt")" = two ] || fail "not only two is there: $(ls "$mnt")"
umount_wb

make_disk 8M
refused_mount 'disk.*size'
rm "$disk"
random_file "$disk" 16M
refused_mount 'disk.*(identity|contents|another)'
cp --sparse=always "$tmp/away/disk.img" "$disk"
wbfs mount --cache "$cache" --force-backing disk "$mnt"
cmp -n 1000000 "$tmp/model" "$exposed"
umount_wb

mount_wb # from now on this is the one
wbfs drain "$mnt"
umount_wb
cmp -n 1000000 "$tmp/model" "$disk"
