#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every stored input of the fuzzing targets, with the programs of this build: needs no libFuzzer.

set -euo pipefail
source=$(cd "${top_srcdir:-$(dirname "$0")/../..}" && pwd)
build=$(cd "${top_builddir:-.}" && pwd)
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

mkdir "$tmp/seeds"
perl "$source/tests/fuzz/seeds.pl" "$tmp/seeds"
nr=0
for target in super record replay; do
	inputs=("$source/tests/fuzz/corpus/$target"/*)
	[ "$target" != replay ] || inputs+=("$tmp/seeds"/*)
	timeout 300 "$build/tests/fuzz/fuzz_$target" "${inputs[@]}" >"$tmp/log" 2>&1 || {
		tail -n 60 "$tmp/log"
		printf '%s: FAILED, with the input that was named last\n' "$target"
		exit 1
	}
	nr=$((nr + ${#inputs[@]}))
done
printf 'fuzz: 3 targets, %d inputs, %d executions, no failure\n' "$nr" "$nr"
