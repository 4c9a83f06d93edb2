#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Of no script has shellcheck anything to say.

set -euo pipefail
cd "${top_srcdir:-$(dirname "$0")/../..}"

command -v shellcheck >/dev/null || {
	echo 'SKIP: no shellcheck on this machine'
	exit 77
}
mapfile -t scripts < <(find .ci bench contrib scripts tests -type f ! -name '*.log' -exec \
	awk 'FNR <= 3 && (/^#!\/bin\/(ba)?sh/ || /^# shellcheck shell=/) { print FILENAME; nextfile }' {} +)
[ "${#scripts[@]}" -ge 100 ] || {
	echo "FAIL: shell: only ${#scripts[@]} scripts found" >&2
	exit 1
}
shellcheck --external-sources "${scripts[@]}"
