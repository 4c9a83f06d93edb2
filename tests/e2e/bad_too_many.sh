#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# 127 backings are possible, 128 are refused.

. "$(dirname "$0")/functions.sh"

make_cache 5M
devices=()
for ((i = 1; i <= 128; i++)); do
	make_disk 4096 "$tmp/$i.backing"
	devices+=(-d "d$i=$tmp/$i.backing")
done
mkdir "$mnt"
refused '[13]' '127|too many' wbfs mount --cache "$cache" "${devices[@]}" "$mnt"

mount_wb "${devices[@]:0:254}"
[ "$(find "$mnt" -maxdepth 1 -type f | wc -l)" -eq 127 ] || fail 'not 127 backings'
echo data | dd of="$mnt/d127" conv=notrunc status=none
umount_wb
mount_wb
[ "$(head -c 4 "$mnt/d127")" = data ] || fail 'd127 lost its data'
umount_wb
