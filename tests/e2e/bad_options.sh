#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Unknown commands, options and values: a usage error which names the nearest that is known.

. "$(dirname "$0")/functions.sh"

make_cache 5M
make_disk 1M
mkdir "$mnt"

mount_with() {
	wbfs mount --cache "$cache" -d "disk=$disk" "$@" "$mnt"
}

refused 1 'no_such_option' mount_with -o no_such_option
refused 1 'barier_deadline_ms' mount_with -o barier_deadline_ms=5
grep -q 'barrier_deadline_ms' "$tmp/err" || fail 'the nearest option is not named'
refused 1 '257' mount_with -o nr_max_batched_migration=257
refused 1 '101' wbfs mount --cache "$cache" -d "disk=$disk,migrate_threshold=101" "$mnt"
refused 1 'barrier_deadline_ms' mount_with -o barrier_deadline_ms=
refused 1 'buffers' mount_with -o buffers=many
refused 1 'no-such-option' mount_with --no-such-option
refused 1 'nocache|no_cache|unknown' wbfs mount --cache "$cache" -d "disk=$disk,nocache" "$mnt"
refused 1 'maybe' wbfs mount --cache "$cache" -d "disk=$disk,cache=maybe" "$mnt"
refused 1 'mout' wbfs mout "$mnt"
expect_status 1 wbfs
expect_status 1 mkwbfs
refused 1 'size|12Q' mkwbfs --size 12Q "$tmp/new.img"
[ ! -e "$tmp/new.img" ] || fail 'created all the same'
refused 1 'segment' mkwbfs --size 16M --segment-size 3000 "$tmp/new.img"
[ ! -e "$tmp/new.img" ] || fail 'created all the same'

for program in "$WBFS" "$MKWBFS"; do
	expect_status 0 "$program" -h
	grep -qi usage "$tmp/out" || fail '-h does not help'
	expect_status 0 "$program" --help
	expect_status 0 "$program" -V
	grep -Eq '[0-9]+\.[0-9]+' "$tmp/out" || fail '-V does not tell the version'
done
expect_status 0 wbfs mount -h
expect_status 0 wbfs status -V
grep -Eq '^wbfs [0-9]+\.[0-9]+' "$tmp/out" || fail '-V behind a command does not tell the version'
expect_status 1 wbfs
[ "$(wc -l <"$tmp/err")" -le 24 ] || fail 'more than a screen'
grep -q '^  wbfs mount --cache ' "$tmp/err" || fail 'no example'
refused 1 'unknown option' wbfs --hlep
grep -Fxq 'hint: did you mean --help?' "$tmp/err" || fail 'the nearest option is not named'
refused 1 '' wbfs umount --darin "$mnt"
grep -Fxq 'hint: did you mean --drain?' "$tmp/err" || fail 'the nearest option is not named'
