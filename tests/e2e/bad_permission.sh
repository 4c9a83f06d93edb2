#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Who may not open the cache or mount is told so, with exit status 2.

. "$(dirname "$0")/functions.sh"
requires setpriv

make_cache 5M
make_disk 1M
mkdir "$mnt"
chmod 755 "$tmp"
chmod 600 "$cache" "$disk"

as_nobody() {
	setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

as_nobody test -x "$WBFS" || skip 'the programs are where only root can run them'
refused 2 'permission|not permitted|root' \
	as_nobody "$WBFS" mount --cache "$cache" -d "disk=$disk" "$mnt"

# Root without the right to mount is told where to look.
expect_status 2 setpriv --bounding-set=-sys_admin "$WBFS" mount --cache "$cache" \
	-d "disk=$disk" "$mnt"
grep -q "^wbfs: $mnt: mount: operation not permitted$" "$tmp/err" || fail 'not said what failed'
grep -q '^hint: wbfs doctor$' "$tmp/err" || fail 'no hint'
no_daemons || fail "left running: $(daemons)"
