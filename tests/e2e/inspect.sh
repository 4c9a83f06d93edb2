#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wbfs inspect shows the structures on a cache, for people and as JSON, broken ones with what is
# wrong, and changes nothing.

. "$(dirname "$0")/functions.sh"

inspect() { # STATUS [OPTION...]
	local before status=$1
	shift
	before=$(sum_images)
	expect_status "$status" wbfs inspect "$@" "$cache"
	[ "$before" = "$(sum_images)" ] || fail 'inspect has written to an image'
}

says() {
	grep -Eq -- "$1" "$tmp/out" || fail "no '$1'"
}

is_json() {
	! command -v python3 >/dev/null || python3 -m json.tool <"$tmp/out" >/dev/null
}

make_cache 5M --segment-size 64K -L 'a "label"'
make_disk 16M
mount_wb -d "disk=$disk" -o allow_migrate=0 -o update_interval=0
refused 5 'in use' wbfs inspect "$cache"
dd if=/dev/urandom of="$exposed" bs=4K seek=100 count=4 conv=notrunc,fsync status=none
fallocate --punch-hole --keep-size --offset 409600 --length 8192 "$exposed"
umount_wb

inspect 0
says '^superblock 0:$'
says '^superblock 1:$'
says '^  label: "a \\"label\\""$'
says '^  nr_segments: 64$'
says '^  state_means: closed in order$'
says '^    name: "disk"$'
says '^    size: 16777216$'
! grep -q '^slot' "$tmp/out" || fail 'slots, though nobody wants them'

inspect 0 --superblock
! grep -q '^table' "$tmp/out" || fail 'tables, though nobody wants them'

inspect 0 --segments
says '^slot 0: offset 1048576, verdict no record of this cache$'
says '^slot 1: offset 1114112, segment 1, generation 1, first_record 1, last_record [12], entries 5, '
[ "$(grep -c ^slot "$tmp/out")" -eq 64 ] || fail 'not 64 slots'

inspect 0 --segment 1
says '^record 1:$'
says '^  entry 0: kind data, backing 1, block 100, sectors 0xff, checksum 0x[0-9a-f]+, verdict good$'
says 'kind zeros, backing 1, block 100, blocks 2$'

inspect 0 --json --superblock --table --segments --segment 1
is_json

inspect 1 --segment 2
grep -q 'segment 2: not there' "$tmp/err"
inspect 1 --segment 65
grep -q 'slot 1 at byte 1114112 holds segment 1' "$tmp/err"
inspect 1 --json --segment 2
is_json
refused 1 'not the number of a segment' wbfs inspect --segment two "$cache"
refused 1 'no such file' wbfs inspect "$tmp/nothing"
refused 1 'too few' wbfs inspect

# Broken structures are shown too.
printf 'XX' | dd of="$cache" bs=1 seek=$((1114112 + 4096 * 2)) conv=notrunc status=none
inspect 7 --segment 1
says 'entry 1: .*, verdict checksum mismatch$'
says 'entry 2: .*, verdict good$'
printf 'new\033name' | dd of="$cache" bs=1 seek=$((524288 + 56)) conv=notrunc status=none
printf 'new\033name' | dd of="$cache" bs=1 seek=$((4096 + 8)) conv=notrunc status=none
inspect 7
says '^  verdict: checksum mismatch$'
says '^  label: "new\\x1bname'
says '^    name: "new\\x1bname'
inspect 7 --json
is_json
inspect 7 --segments # laid out as the broken superblocks say
says '^slot 1: offset 1114112, segment 1,'

truncate -s 5M "$tmp/none.img"
expect_status 4 wbfs inspect "$tmp/none.img"
grep -q 'no wbfs magic' "$tmp/err"
expect_status 4 wbfs inspect --segments "$tmp/none.img"
truncate -s 4K "$tmp/none.img"
refused 4 'too small' wbfs inspect "$tmp/none.img"
