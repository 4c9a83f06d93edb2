#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# bench/run measures: each figure of the rows has a value in each round, each row says whether its
# target holds, and the HTML page has charts. How fast anything is is not looked at. What can't be
# measured is said, not invented, and nothing is left mounted.

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/functions.sh"
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/bench_functions.sh"
requires fio jq losetup
requires_plain_build 'measures'
[ -x "$top_builddir/bench/null" ] || fail 'bench/null is not built'

bench() {
	TMPDIR=$tmp WB_TIMEOUT=100 top_builddir=$top_builddir \
		"$top_srcdir/bench/run" --seconds 0.1 --runs 1 --size 256M "$@"
}

# has FIGURE...: of $row, each one number greater than 0
has() {
	local figure
	for figure; do
		awk -v row="$row" -v figure="$figure" '
			$1 == row && $2 == figure && $4 + 0 > 0 { n++ }
			END { exit n != 1 }' "$tmp/results/results" || fail "$row: no $figure"
	done
}

mounted=$(mounts)
expect_status '[01]' bench --out "$tmp/results" --report "$tmp/report.html" own-loop read-log \
	sync-space
grep -q 'cache image of 256 MiB' "$tmp/out" || fail 'no heading'
head -n "$(wc -l <"$tmp/results/table.txt")" "$tmp/out" | cmp - "$tmp/results/table.txt" ||
	fail 'the table is not what was printed'
[ "$(tail -n 1 "$tmp/out")" = "report: $tmp/report.html" ] || fail 'says nothing of the report'
row=own-loop
has raw null wbfs disk ratio gain
row=read-log
has null wbfs ratio
row=sync-space
has blocks
for row in own-loop read-log sync-space; do
	grep -Eq "^$row\|.*\|(ok|MISSED)$" "$tmp/results/verdicts" || fail "$row: no verdict"
	grep -q ">$row: " "$tmp/report.html" || fail "not in the report: $row"
done

# Throughput over time, occupancy, three distributions; each has something to show.
report_is_whole "$tmp/report.html" 5
[ "$(grep -c '^<path class="l ' "$tmp/report.html")" -eq 9 ] || fail 'an empty chart'

# A disk that is too small, and a log that is full at once.
expect_status 1 bench --size 900000G own-direct
grep -q 'not measured: .* MiB free' "$tmp/out" || fail 'measured on a disk that is too small'
expect_status 1 bench --size 64M --seconds 5 sequential-direct
grep -q 'not measured: a log of .* too short' "$tmp/out" || fail 'measured a log that was full'

expect_status 1 bench
grep -q 'hint: bench/run --help' "$tmp/err" || fail 'no hint'
expect_status 1 bench own-directly
grep -q 'own-directly: no such row' "$tmp/err" || fail 'took a row that there is not'
expect_status 1 bench --report "$tmp/none/report.html" own-direct
grep -q "report.html: can't be written" "$tmp/err" || fail 'would measure for nothing'

[ "$mounted" = "$(mounts)" ] || fail "left mounted: $(mounts)"
if losetup --list --noheadings --output BACK-FILE | grep -F "$tmp/"; then
	fail 'left a loop device'
fi
[ -z "$(find "$tmp" -maxdepth 1 -name 'wbfs-run.*')" ] || fail 'left its directory'
