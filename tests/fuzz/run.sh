#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Each fuzzing target with its stored inputs and then, for a while, with new ones, under ASan and
# UBSan. Needs clang with libFuzzer; skipped without.
#
#	FUZZ_SECONDS=15    for each target
#	FUZZ_TARGETS='super record replay'
#	FUZZ_DIR=DIR       for programs, new inputs and what was found; default: in the build tree
#
# An input that fails is left in FUZZ_DIR/found; `FUZZ_DIR/fuzz_TARGET FILE` repeats it. New inputs
# that reach more are kept in FUZZ_DIR/corpus for the next time.

set -euo pipefail
source=$(cd "${top_srcdir:-$(dirname "$0")/../..}" && pwd)
build=$(cd "${top_builddir:-.}" && pwd)
dir=${FUZZ_DIR:-$build/tests/fuzz/libfuzzer}
seconds=${FUZZ_SECONDS:-15}
read -ra targets <<<"${FUZZ_TARGETS:-super record replay}"
flags=(-std=gnu11 -D_GNU_SOURCE -g -O1 -fno-strict-aliasing -fno-omit-frame-pointer -pthread
	-fno-sanitize-recover=undefined "-I$build" "-I$source")

skip() {
	printf 'SKIP: %s\n' "$*"
	exit 77
}

# find_clang: one that links with libFuzzer, into $clang
find_clang() {
	local program='#include <stddef.h>
		int LLVMFuzzerTestOneInput(const char *, size_t);
		int LLVMFuzzerTestOneInput(const char *p, size_t n) { return !p && n; }'
	for clang in clang clang-14; do
		command -v "$clang" >/dev/null || continue
		! "$clang" -fsanitize=fuzzer,address,undefined -x c - -o "$dir/try" \
			<<<"$program" 2>"$dir/try.log" || return 0
	done
	return 1
}

compile() {
	local file
	mkdir -p "$dir/objects"
	# What checksums compare is of no interest, and a fifth of the time.
	echo 'fun:XXH*' >"$dir/ignored"
	for file in "$source"/engine/*.c "$source"/tests/sim/simdev.c "$source"/tests/fuzz/{fuzz_*,image}.c; do
		while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
		"$clang" "${flags[@]}" -fsanitize=fuzzer-no-link,address,undefined \
			-fsanitize-coverage-ignorelist="$dir/ignored" -c "$file" \
			-o "$dir/objects/$(basename "$file" .c).o" &
	done
	wait
	for target in "${targets[@]}"; do
		mapfile -t objects < <(find "$dir/objects" -name '*.o' ! -name 'fuzz_*')
		"$clang" -fsanitize=fuzzer,address,undefined -pthread "${objects[@]}" \
			"$dir/objects/fuzz_$target.o" -lxxhash -o "$dir/fuzz_$target"
	done
}

[ -e "$build/config.h" ] || skip "not configured: $build"
mkdir -p "$dir/found" "$dir/seeds"
find_clang || skip 'no clang that links with -fsanitize=fuzzer'
rm -rf "$dir/objects"
compile
perl "$source/tests/fuzz/seeds.pl" "$dir/seeds"

# What was freed is watched for a while, but not so much of it.
export ASAN_OPTIONS=quarantine_size_mb=4:allocator_release_to_os_interval_ms=-1${ASAN_OPTIONS:+:$ASAN_OPTIONS}
nr_inputs=0
nr_executions=0
for target in "${targets[@]}"; do
	corpus=("$dir/corpus/$target" "$source/tests/fuzz/corpus/$target")
	[ "$target" != replay ] || corpus+=("$dir/seeds")
	mkdir -p "${corpus[0]}"
	nr=$(find "${corpus[@]}" -type f | wc -l)
	"$dir/fuzz_$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=1024 \
		-malloc_limit_mb=64 -max_len=2048 -use_value_profile=1 -print_final_stats=1 \
		-artifact_prefix="$dir/found/$target-" "${corpus[@]}" >"$dir/$target.log" 2>&1 || {
		tail -n 60 "$dir/$target.log"
		printf '%s: FAILED, the input is in %s\n' "$target" "$dir/found"
		exit 1
	}
	executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$dir/$target.log")
	printf '%s: %d inputs, %d executions\n' "$target" "$nr" "$executions"
	nr_inputs=$((nr_inputs + nr))
	nr_executions=$((nr_executions + executions))
done
printf 'fuzz: %d targets, %d inputs, %d executions, no failure\n' "${#targets[@]}" "$nr_inputs" \
	"$nr_executions"
