#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Names that a backing can't have, and too many backings.

. "$(dirname "$0")/functions.sh"

make_cache 5M
make_disk 1M
mkdir "$mnt"
on_exit end_wb "$mnt"

refused_name() {
	refused 1 "$2" wbfs mount --cache "$cache" -d "$1=$disk" "$mnt"
}

refused_name 'a/b' '/'
refused_name '.control' 'control'
refused_name '.' 'name'
refused_name '..' 'name'
refused_name '' 'name|empty'
refused_name "$(printf 'x%.0s' {1..64})" 'long|63'
refused 1 'disk' wbfs mount --cache "$cache" -d disk "$mnt"
refused 1 'disk' wbfs mount --cache "$cache" -d disk= "$mnt"

make_disk 1M "$tmp/two.img"
refused 1 'disk.*(twice|already|in use|given)' \
	wbfs mount --cache "$cache" -d "disk=$disk" -d "disk=$tmp/two.img" "$mnt"

name=$(printf 'x%.0s' {1..63})
wbfs mount --cache "$cache" -d "$name=$disk" "$mnt"
[ -e "$mnt/$name" ] || fail 'the longest name is not there'
umount_wb
