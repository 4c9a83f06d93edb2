#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Caches that are none, too small, damaged, or of another version are refused, and not touched.

. "$(dirname "$0")/functions.sh"
requires xxhsum

# The superblocks are at 0 and 512 KiB; the last 8 bytes of each are its checksum.
second=524288

# put OFFSET FORMAT: bytes as of printf
put() {
	# shellcheck disable=SC2059 # it is a format
	printf "$2" | dd of="$cache" bs=1 seek="$1" conv=notrunc status=none
}

# seal OFFSET: make the checksum of the superblock there right
seal() {
	local hash byte bytes=
	put $(($1 + 4088)) '\0\0\0\0\0\0\0\0'
	hash=$(dd if="$cache" bs=4096 skip="$1" count=1 iflag=skip_bytes status=none | xxhsum -H3)
	hash=${hash##*= }
	for byte in 14 12 10 8 6 4 2 0; do
		bytes+="\\x${hash:byte:2}"
	done
	put $(($1 + 4088)) "$bytes"
}

fresh() {
	rm -f "$cache"
	make_cache 5M
}

refused_mount() {
	refused "$1" "$2" wbfs mount --cache "$cache" -d "disk=$disk" "$mnt"
}

mkdir "$mnt"
on_exit end_wb "$mnt"
make_disk 1M

refused_mount 1 'cache\.img.*no such file'
: >"$cache"
refused_mount 1 'cache\.img.*empty'
truncate -s 4096 "$cache"
refused_mount 4 'cache\.img'
truncate -s 5M "$cache"
refused_mount 4 'cache\.img.*(not a wbfs cache|no wbfs magic)'
random_file "$cache" 5M
refused_mount 4 'cache\.img.*(not a wbfs cache|no wbfs magic)'
refused 1 'directory' wbfs mount --cache "$tmp" -d "disk=$disk" "$mnt"

fresh # of another version
for super in 0 "$second"; do
	put $((super + 8)) '\x63\0\0\0'
	seal "$super"
done
refused_mount 4 'version'

fresh # with an unknown incompatible feature
for super in 0 "$second"; do
	put $((super + 32)) '\0\0\0\0\x10\0\0\0'
	seal "$super"
done
refused_mount 4 'feature'

fresh # cut off
truncate -s 2M "$cache"
refused_mount '[47]' 'cache\.img'

for super in 0 "$second"; do # one broken copy: the other does
	fresh
	put $((super + 100)) 'damage'
	mount_wb -d "disk=$disk"
	umount_wb
done
mount_wb # and both are whole again
umount_wb

fresh
for super in 0 "$second"; do
	put $((super + 100)) 'damage'
done
refused_mount 7 'superblock'
