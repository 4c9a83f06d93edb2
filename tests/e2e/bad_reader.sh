#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The commands that only look at a mount: where nothing is mounted, when the daemon is dead, when
# somebody else has mounted it, without permission, with nowhere to write to.

. "$(dirname "$0")/functions.sh"
requires setpriv unshare

readers=(status stat get)

as_nobody() {
	setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

# In a mount namespace with a /dev/fuse for everybody: nobody mounts, root looks.
look_at_others() {
	mknod -m 666 "$tmp/fuse" c 10 229
	mount --bind "$tmp/fuse" /dev/fuse
	mkdir -m 777 "$mnt.other"
	chown 65534 "$tmp/other.img" "$disk.other"
	# Its own temporary directory, for its lock.
	as_nobody env XDG_RUNTIME_DIR="$mnt.other" "$WBFS" mount --cache "$tmp/other.img" \
		-d "disk=$disk.other" "$mnt" || exit 77
	for command in status stat get; do
		expect_status 2 wbfs "$command" "$mnt"
		grep -q '^wbfs: .*: permission denied$' "$tmp/err" || fail 'not said why'
		grep -q '^hint: only the user who mounted it' "$tmp/err" || fail 'no hint'
	done
	expect_status 2 wbfs set "$mnt" on_full=error
	expect_status 0 as_nobody "$WBFS" status "$mnt"
	umount "$mnt"
}

for command in "${readers[@]}"; do
	refused 1 "$tmp: $command: not a mount point of wbfs" wbfs "$command" "$tmp"
	refused 1 'no such file' wbfs "$command" "$tmp/none/none"
	refused 1 'unknown option' wbfs "$command" --nonsense "$tmp"
done
refused 1 'too many' wbfs status "$tmp" "$tmp"
refused 1 'too few' wbfs get

start_wb 5M 1M
refused 1 "$tmp: status: not a mount point of wbfs" wbfs status "$tmp"
grep -q '^hint: wbfs is mounted on ' "$tmp/err" || fail 'not said where it is mounted'
for command in "${readers[@]}"; do
	expect_status 6 sh -c '"$@" >&-' sh "$WBFS" "$command" "$mnt"
	grep -Fxq 'wbfs: standard output: write: bad file descriptor' "$tmp/err" || fail 'not said why'
	expect_status 6 sh -c '"$@" >/dev/full' sh "$WBFS" "$command" "$mnt"
done
expect_status 6 timeout 20 sh -c '"$@" >/dev/full' sh "$WBFS" stat "$mnt" 0.1
expect_status 6 sh -c '"$@" >/dev/full' sh "$WBFS" status --json "$mnt"
chmod 755 "$tmp"
if as_nobody test -x "$WBFS"; then
	expect_status 0 as_nobody "$WBFS" status "$mnt"
	refused 2 'permission denied' as_nobody "$WBFS" set "$mnt" on_full=error
	refused 2 'permission denied' as_nobody "$WBFS" status --scan "$cache"
fi
kill_wb
wait_until 30 is_dead "$mnt"
for command in "${readers[@]}"; do
	refused 6 'the daemon of this mount is gone' wbfs "$command" "$mnt"
	grep -Fxq "hint: wbfs umount $mnt" "$tmp/err" || fail 'no hint'
done
refused 6 'the daemon of this mount is gone' wbfs set "$mnt" on_full=error
wbfs umount "$mnt"

if as_nobody test -x "$WBFS"; then
	mkwbfs --size 5M "$tmp/other.img"
	make_disk 1M "$disk.other"
	chown 65534 "$mnt"
	export -f look_at_others as_nobody expect_status fail wbfs
	export tmp WBFS mnt disk test_name
	unshare --mount bash -euo pipefail -c look_at_others
fi
