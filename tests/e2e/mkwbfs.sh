#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# mkwbfs: what it makes, what it says, what it leaves alone.

. "$(dirname "$0")/functions.sh"
exec {BASH_XTRACEFD}>&2 # the trace doesn't mix with messages that are looked at

# An image with --size: of that size, all allocated, private, and a cache.
mkwbfs --size 64M --label fast "$cache" | tee "$tmp/report"
[ "$(stat -c '%s %a' "$cache")" = '67108864 600' ]
[ $(($(stat -c %b "$cache") * 512)) -ge 67108864 ] || fail 'has holes'
grep -Eq '^UUID +[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$' "$tmp/report"
grep -Eq '^label +fast$' "$tmp/report"
grep -Eq '^segments +63 of 1 MiB$' "$tmp/report"
grep -Eq '^RAM +[0-9.]+ [KMG]iB for a mount$' "$tmp/report"
grep -Eq "^next +wbfs mount --cache $cache -d hdd0=/dev/\.\.\. /mnt/wb$" "$tmp/report"

# Each has a UUID of its own, and each segment size its number of segments.
mkwbfs --force --segment-size 64K "$cache" >"$tmp/second"
if cmp <(grep UUID "$tmp/report") <(grep UUID "$tmp/second"); then
	fail 'the same UUID twice'
fi
grep -Eq '^segments +1008 of 64 KiB$' "$tmp/second"

# The smallest.
mkwbfs --size 5M "$tmp/small.img" | grep -E '^segments +4 of 1 MiB$'

# A dry run says the same and does nothing.
mkwbfs --dry-run --size 64M "$tmp/none.img" | grep -E '^segments +63 of 1 MiB$'
[ ! -e "$tmp/none.img" ] || fail 'a dry run made an image'
truncate -s 64M "$tmp/holes.img"
before=$(sum_images)
mkwbfs -n "$tmp/holes.img" | grep -E '^segments +63 of 1 MiB$'
[ "$before" = "$(sum_images)" ] || fail 'a dry run wrote'

# An image that is there: formatted as it is, with a word about its holes; filled with --size.
expect_status 0 mkwbfs "$tmp/holes.img"
grep -q 'has holes' "$tmp/err"
expect_status 0 mkwbfs --force --size 64M "$tmp/holes.img"
[ $(($(stat -c %b "$tmp/holes.img") * 512)) -ge 67108864 ] || fail 'still has holes'

# An empty file is filled like one that isn't there.
: >"$tmp/empty.img"
mkwbfs --size 8M "$tmp/empty.img"
[ "$(stat -c %s "$tmp/empty.img")" -eq 8388608 ]

expect_status 0 mkwbfs --help
grep -q -- '--segment-size' "$tmp/out"
expect_status 0 mkwbfs -V
grep -q '^mkwbfs [0-9]' "$tmp/out"
