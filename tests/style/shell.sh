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
shellcheck --external-sources .ci/run bench/{emulated,migration,run,*.sh} contrib/completion/* scripts/* \
	tests/docs/*.sh tests/e2e/*.sh tests/style/*.sh
