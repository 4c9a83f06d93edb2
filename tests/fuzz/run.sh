#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A short run of each fuzzing target with new inputs, from a copy of the corpus, with ASan and
# UBSan. Needs clang with libFuzzer; skipped (77) without.
#
#	FUZZ_SECONDS=15    for each target
#	FUZZ_TARGETS='super record replay'
#	FUZZ_DIR=DIR       for programs, grown corpora and what was found; default: build directory
#
# An input that fails is left in FUZZ_DIR/found, which `FUZZ_DIR/fuzz_TARGET FILE` repeats.

set -euo pipefail
source=$(cd "${top_srcdir:-$(dirname "$0")/../..}" && pwd)
build=$(cd "${top_builddir:-$source/build/default}" && pwd)
dir=${FUZZ_DIR:-$build/tests/fuzz/libfuzzer}
seconds=${FUZZ_SECONDS:-15}
read -ra targets <<<"${FUZZ_TARGETS:-super record replay}"

skip() {
	printf 'SKIP: %s\n' "$*"
	exit 77
}

[ -e "$build/config.h" ] || skip "not configured: $build"
mkdir -p "$dir/found"
for clang in "${FUZZ_CC:-clang}" clang-14; do
	command -v "$clang" >/dev/null || continue
	flags=(-std=gnu11 -D_GNU_SOURCE -g -O1 -fno-strict-aliasing -fno-omit-frame-pointer
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined
		-I"$build" -I"$source")
	printf '#include <stddef.h>\nint LLVMFuzzerTestOneInput(const char *, size_t);\n%s\n' \
		'int LLVMFuzzerTestOneInput(const char *p, size_t n) { return !p && n; }' |
		"$clang" "${flags[@]}" -x c - -o "$dir/try" 2>"$dir/try.log" && break
	clang=
done
[ -n "${clang-}" ] && [ -x "$dir/try" ] || skip 'no clang that links with -fsanitize=fuzzer'
rm -f "$dir/try" "$dir/try.log"

# build TARGET
build() {
	local more=()
	[ "$1" != replay ] || more=("$source/tests/fuzz/image.c")
	"$clang" "${flags[@]}" -pthread "$source/tests/fuzz/fuzz_$1.c" "${more[@]}" \
		"$source/tests/sim/simdev.c" "$source"/engine/*.c -lxxhash -o "$dir/fuzz_$1"
}

for target in "${targets[@]}"; do
	build "$target"
	corpus=$dir/corpus/$target
	mkdir -p "$corpus"
	cp "$source/tests/fuzz/corpus/$target"/* "$corpus/"
	printf '== %s: %d inputs to begin with\n' "$target" "$(find "$corpus" -type f | wc -l)"
	"$dir/fuzz_$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=1024 \
		-malloc_limit_mb=64 -max_len=2048 -use_value_profile=1 -print_final_stats=1 -verbosity=1 \
		-artifact_prefix="$dir/found/$target-" "$corpus" 2>"$dir/$target.log" || {
		tail -n 60 "$dir/$target.log"
		printf '== %s: FAILED, input in %s\n' "$target" "$dir/found"
		exit 1
	}
	grep -E '^(Done|stat::number_of_executed|stat::average_exec|#[0-9]+[[:space:]]+DONE)' \
		"$dir/$target.log" || true
done
