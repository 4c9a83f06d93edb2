#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every source is formatted as .clang-format says; `make format` does it.

set -euo pipefail
cd "${top_srcdir:-$(dirname "$0")/../..}"

command -v clang-format >/dev/null || {
	echo 'SKIP: no clang-format on this machine'
	exit 77
}
# Other versions break lines elsewhere.
clang-format --version | grep -q 'version 14\.' || {
	echo "SKIP: not version 14: $(clang-format --version)"
	exit 77
}
find bench common engine fuse mkwbfs tests -name '*.[ch]' -print0 |
	xargs -0 clang-format --dry-run --Werror --ferror-limit=3
