#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Whatever is on a cache, the offline commands say something about it and exit in order: each image
# that the fuzzing targets start from, and cut off ones.

. "$(dirname "$0")/functions.sh"
requires perl

mkdir "$tmp/seeds" "$tmp/images"
perl "$top_srcdir/tests/fuzz/seeds.pl" "$tmp/seeds"
inputs=("$top_srcdir"/tests/fuzz/corpus/replay/* "$tmp/seeds"/*)
[ -x "$top_builddir/tests/fuzz/save_image" ] || make -s -C "$top_builddir" tests/fuzz/save_image
FUZZ_SAVE=$tmp/images "$top_builddir/tests/fuzz/save_image" "${inputs[@]}" 2>"$tmp/log" ||
	fail "save_image: $(tail -n 3 "$tmp/log")"
nr=0
for image in "$tmp/images"/*.img; do
	before=$(cksum <"$image")
	expect_status '[0467]' wbfs check "$image"
	expect_status '[0467]' wbfs check --json "$image"
	expect_status '[0467]' wbfs inspect --json --superblock --table --segments "$image"
	expect_status '[01467]' wbfs inspect --segment 1 "$image"
	[ "$before" = "$(cksum <"$image")" ] || fail "$image was changed"
	# Their backings are not there.
	expect_status '[0247]' wbfs drain --offline "$image"
	rm "$image"
	nr=$((nr + 1))
done
[ "$nr" -ge 50 ] || fail "only $nr images"

make_cache 5M
for size in 0 1 511 4096 524288 1048576 1052672 4194304; do
	head -c "$size" "$cache" >"$tmp/short.img"
	expect_status '[147]' wbfs check "$tmp/short.img"
	expect_status '[147]' wbfs inspect --segments "$tmp/short.img"
done
