#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# bench/migration works: everything it measures has a value. How fast it is doesn't matter here.

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/functions.sh"
requires fio awk
requires_plain_build 'measures'

TMPDIR=$tmp top_builddir=$top_builddir "$top_srcdir/bench/migration" --quick --out "$tmp/out" |
	tee "$tmp/report"

for name in straight_writes_per_s closed_before_writes_per_s closed_beyond_writes_per_s \
	open_before_p99_ms open_after_p99_ms batch_1_blocks_per_s batch_4_blocks_per_s \
	batch_4_unsorted_blocks_per_s light_reads_off_p99_ms light_reads_modulated_p99_ms; do
	awk -v name="$name" '$1 == name && $3 > 0 { found = 1 } END { exit !found }' \
		"$tmp/out/results" || fail "no $name in $(cat "$tmp/out/results")"
done
