#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wbfs drain --offline, and wbfs replay, write everything back with no mount and no /dev/fuse. The
# cache is clean then. Named backings can be left out, or be elsewhere.

. "$(dirname "$0")/functions.sh"
requires unshare
exec {BASH_XTRACEFD}>&2

without_fuse() {
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount --propagation private sh -ec '
		mount -t tmpfs none /dev
		mknod -m 666 /dev/null c 1 3
		mknod -m 666 /dev/urandom c 1 9
		exec "$@"' sh "$@"
}

fill() { # BYTES: new contents, in the log alone
	mount_wb -d "disk=$disk" -d "two=$tmp/two.img" -o allow_migrate=0 -o update_interval=0
	random_file "$tmp/model" "$1"
	dd if="$tmp/model" of="$exposed" bs=64K conv=notrunc,fsync status=none
	dd if="$tmp/model" of="$mnt/two" bs=64K conv=notrunc,fsync status=none
	fallocate --punch-hole --keep-size --offset 8192 --length 12288 "$exposed"
	cp "$exposed" "$tmp/as_exposed"
}

same() { # FILE...: as exposed
	cmp "$tmp/as_exposed" "$1" || fail "$1 is not what was exposed"
}

make_cache 32M
make_disk 16M
make_disk 16M "$tmp/two.img"

fill 4000000
umount_wb
expect_status 0 without_fuse "$WBFS" drain --offline "$cache"
same "$disk"
cmp -n 4000000 "$tmp/model" "$tmp/two.img"
expect_status 0 wbfs check "$cache"
grep -q '^result *clean$' "$tmp/out"
expect_status 4 mkwbfs "$cache"
grep -q 'holds a wbfs cache$' "$tmp/err" # and no blocks

fill 3000000 # after a crash, by the other name
kill_wb
end_wb "$mnt"
expect_status 0 without_fuse "$WBFS" replay "$cache"
same "$disk"
expect_status 0 wbfs drain --offline "$cache" # nothing to do

fill 2000000
umount_wb
mv "$tmp/two.img" "$tmp/elsewhere.img"
expect_status 0 wbfs drain --offline --without two "$cache"
grep -q 'two: drain: .* only in the cache: left out' "$tmp/err"
same "$disk"
expect_status 4 mkwbfs "$cache"
grep -q 'not yet on their backings' "$tmp/err"
expect_status 0 wbfs drain --offline -d "two=$tmp/elsewhere.img" "$cache"
cmp -n 2000000 "$tmp/model" "$tmp/elsewhere.img"

mount_wb -d "two=$tmp/elsewhere.img" # and it is mounted as ever
same "$exposed"
umount_wb
