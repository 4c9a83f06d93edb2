#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Without /dev/fuse a mount is refused, saying so, and nothing is changed.

. "$(dirname "$0")/functions.sh"
requires unshare

make_cache 5M
make_disk 1M
mkdir "$mnt"

# In a mount namespace of its own, with a /dev that has only what every program may expect.
without_fuse() {
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount --propagation private sh -ec '
		mount -t tmpfs none /dev
		mknod -m 666 /dev/null c 1 3
		mknod -m 666 /dev/zero c 1 5
		mknod -m 666 /dev/urandom c 1 9
		exec "$@"' sh "$@"
}

refused '[23]' '/dev/fuse' without_fuse "$WBFS" mount --cache "$cache" -d "disk=$disk" "$mnt"
