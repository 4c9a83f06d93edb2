#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wbfs check finds each kind of damage, with its place, and exits 7; what a crash leaves is none.

. "$(dirname "$0")/functions.sh"

second=524288  # superblock 1
slots=1048576  # slot 0; segment 1 is in slot 1
segment=65536

spoil() { # OFFSET: bytes there become others
	dd if="$cache" bs=1 skip="$1" count=4 status=none | LC_ALL=C tr '\0-\377' '\1-\377\0' |
		dd of="$cache" bs=1 seek="$1" conv=notrunc status=none
}

as_before() {
	cp --sparse=always "$tmp/good" "$cache"
}

finds() { # STATUS PATTERN: in messages or report
	local before
	before=$(sum_images)
	expect_status "$1" wbfs check "$cache"
	grep -Eq -- "$2" "$tmp/out" "$tmp/err" || fail "does not find '$2'"
	[ "$before" = "$(sum_images)" ] || fail 'check has written to an image'
}

# Block 100 twice, in segment 1 and later; nothing is migrated.
make_cache 5M --segment-size 64K
make_disk 16M
mount_wb -d "disk=$disk" -o allow_migrate=0 -o update_interval=0
dd if=/dev/urandom of="$exposed" bs=4K seek=100 count=4 conv=notrunc,fsync status=none
dd if=/dev/urandom of="$exposed" bs=4K seek=200 count=40 conv=notrunc,fsync status=none
dd if=/dev/urandom of="$exposed" bs=4K seek=100 count=1 conv=notrunc,fsync status=none
umount_wb
cp --sparse=always "$cache" "$tmp/good"
finds 0 '^result +good'

spoil $((slots + segment + 2 * 4096 + 17)) # the second block of the first record
finds 7 "segment 1 \(slot 1\), byte $((slots + segment + 2 * 4096)): checksum mismatch"
finds 7 "1 block at byte $((101 * 4096)) of disk lost"
finds 7 '^damage +1 places, 1 blocks lost'
finds 7 '^result +damaged'
expect_status 7 wbfs check --json "$cache"
grep -q '"backing": "disk", "block": 101, "blocks": 1, "lost": true' "$tmp/out"

as_before
spoil $((slots + segment + 4096 + 17)) # the first one, which was written again
finds 7 'of disk not needed any more'
finds 7 '^damage +1 places, 0 blocks lost'

as_before # more places than are worth a message each
for ((i = 0; i < 30; i++)); do
	spoil $((slots + (2 + i / 15) * segment + (1 + i % 15) * 4096 + 5))
done
finds 7 ' 10 more places; --json shows them all'
[ "$(grep -c ' checksum mismatch' "$tmp/err")" -eq 20 ] || fail 'not 20 messages'

as_before # the header of a record in the middle of the log
spoil $((slots + 2 * segment + 40))
finds 7 'record .* is damaged'
finds 7 'recover=truncate'

as_before # a broken superblock of a cache that was closed in order
spoil $((second + 100))
finds 7 'superblock 1 at byte 524288: checksum mismatch'

as_before
spoil 100
spoil $((second + 100))
refused 7 'superblock 0 at byte 0' wbfs check "$cache"

# A power cut may tear the one that is being written.
as_before
mount_wb -o allow_migrate=0 -o update_interval=0
dd if=/dev/urandom of="$exposed" bs=4K seek=300 count=1 conv=notrunc,fsync status=none
kill_wb
end_wb "$mnt"
spoil $((second + 100))
finds 0 'superblock 1 at byte 524288: checksum mismatch'
finds 0 '^result +good; not closed in order'
