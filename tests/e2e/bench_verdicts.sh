#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The exit status of bench/run is 0 only if each row was measured and holds: not if one misses its
# target, and not if one can't be measured. What is known beforehand stands in for what would depend
# on the machine.

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/functions.sh"
requires fio jq
requires_plain_build 'measures'

# A build tree whose programs say what they are told.
tree=$tmp/tree
mkdir -p "$tree/bench"
for part in fuse mkwbfs bench/null bench/raw; do
	ln -s "$(realpath "$top_builddir/$part")" "$tree/$part"
done

# says PROGRAM FIGURES
says() {
	printf '#!/bin/sh\ncat <<END\n%s\nEND\n' "$2" >"$tree/bench/$1"
	chmod +x "$tree/bench/$1"
}

# engine_says WRITE SCALING, median ratios
engine_says() {
	says engine "# how
write_over_memcpy_xxh3 1.0 $1 9.0 ratio
write_scaling_over_memcpy 0.1 $2 2.0 ratio
memcpy_xxh3_1 900 1000 1100 ns/op
write_1 1200 1300 1400 ns/op
memcpy_xxh3_2_rate 1e6 2e6 3e6 ops/s
write_2_rate 1e6 2e6 3e6 ops/s"
}

# scale_says MEMORY SECONDS
scale_says() {
	says scale "recover_16g 0.5 0.6 0.7 s
memory_16g 19.1 19.2 19.3 bytes
memory_64g 19.0 19.0 19.0 bytes
recover_64g 1 $2 99 s
recover_growth_256g 0.9 1.0 9 ratio
memory_256g 10 $1 30 bytes
recover_two_block 1 2 3 s
read_two_block 1 1 1 s
recover_two_block_over_reading 1 2 3 ratio"
}

bench() {
	TMPDIR=$tmp WB_TIMEOUT=100 top_builddir=$tree \
		"$top_srcdir/bench/run" --seconds 0.1 --runs 1 --size 64M --out "$tmp/results" "$@"
}

# verdicts: "row verdict" of each line
verdicts() {
	awk -F '|' '{ print $1, ($5 ~ /^not measured/ ? "not measured" : $5) }' \
		"$tmp/results/verdicts"
}

engine_says 1.5 0.85
scale_says 20 5
expect_status 0 bench engine engine-scaling memory recovery sync-space
[ "$(verdicts | grep -c ' ok$')" -eq 9 ] || fail "not all hold: $(verdicts)"

# A little too much or too little, each alone among others that hold.
engine_says 1.501 0.85
expect_status 1 bench engine sync-space
[ "$(verdicts)" = $'engine MISSED\nsync-space ok' ] || fail "$(verdicts)"
engine_says 1.5 0.849
expect_status 1 bench sync-space engine-scaling
[ "$(verdicts)" = $'sync-space ok\nengine-scaling MISSED' ] || fail "$(verdicts)"
scale_says 20.1 5
expect_status 1 bench memory recovery
[ "$(verdicts | grep -v ' ok$')" = 'memory MISSED' ] || fail "$(verdicts)"
scale_says 20 5.1
expect_status 1 bench memory recovery
[ "$(verdicts | grep -v ' ok$')" = 'recovery MISSED' ] || fail "$(verdicts)"

# A program that says nothing, or fails.
says engine '# nothing'
expect_status 1 bench engine
[ "$(verdicts)" = 'engine not measured' ] || fail "$(verdicts)"
printf '#!/bin/sh\nexit 9\n' >"$tree/bench/engine"
expect_status 1 bench engine
grep -q 'not measured: bench/engine: exit status 9' "$tmp/out" || fail 'no reason'

# --all leaves no row out, also where most can't be measured; peers have no target.
engine_says 1 1
scale_says 19 1
expect_status 1 bench --size 900000G --all
"$top_srcdir/bench/run" --help | awk '/^  [a-z]/ && $1 != "peers" { print $1 }' >"$tmp/rows"
[ "$(wc -l <"$tmp/rows")" -eq 20 ] || fail 'the rows are not told'
while read -r row; do
	verdicts | grep -q "^$row " || fail "--all leaves out $row"
done <"$tmp/rows"
verdicts | grep -q '^own-direct not measured' || fail 'measured without room'
verdicts | grep -q '^recovery ok' || fail 'nothing was measured'
