#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Not enough memory for the index of a large cache: refused with a message, nothing is changed.

. "$(dirname "$0")/functions.sh"
requires_plain_build 'limits the address space'

truncate -s 100G "$tmp/large" # sparse; an index of 26 million blocks
mkwbfs "$tmp/large"
make_disk 16M
mkdir "$mnt"
on_exit end_wb "$mnt"

with_little_memory() {
	(ulimit -v 400000 && "$@")
}

refused 3 'memory' with_little_memory wbfs mount --cache "$tmp/large" -d "disk=$disk" "$mnt"
