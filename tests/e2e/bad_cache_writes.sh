#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A cache that can be read but not written: refused with an I/O error, nothing is changed.

. "$(dirname "$0")/functions.sh"
requires_plain_build 'limits the size of files, also of reports'

# Writes fail instead of ending the process.
refused_without_writes() {
	expect_status 6 without_writes "$@"
	grep -q 'failed: .*write superblock' "$tmp/err"
	[ "$before" = "$(sum_images)" ] || fail "an image changed: $*"
	[ -z "$(daemons)" ] || fail "left running: $(daemons)"
}

without_writes() {
	(trap '' XFSZ && ulimit -f 0 && "$@" 2>&1) | cat >&2
}

make_cache 16M
make_disk 16M
mount_wb -d "disk=$disk" -o allow_migrate=0 -o update_interval=0
random_file "$tmp/model" 2000000
dd if="$tmp/model" of="$exposed" bs=64K conv=notrunc,fsync status=none
kill_wb
end_wb "$mnt"
before=$(sum_images)

for how in uring threads; do
	refused_without_writes wbfs mount --io "$how" --cache "$cache" "$mnt"
	refused_without_writes wbfs drain --offline --io "$how" "$cache"
done
mount_wb
cmp -n 2000000 "$tmp/model" "$exposed"
