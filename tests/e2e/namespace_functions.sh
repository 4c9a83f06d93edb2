# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Read before functions.sh by a test that mounts something over parts of the system: it goes on in a
# mount namespace of its own.

if [ -z "${WB_OWN_NAMESPACE-}" ]; then
	if ! unshare --mount --propagation private true 2>/dev/null; then
		echo "SKIP: $(basename "$0" .sh): no mount namespaces here"
		exit 77
	fi
	exec env WB_OWN_NAMESPACE=1 unshare --mount --propagation private "$0"
fi
