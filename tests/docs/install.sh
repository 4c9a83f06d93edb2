#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# make install puts everything where DESTDIR, prefix and the other directories say, the mount
# helpers lead to wbfs, and make uninstall leaves nothing.

set -euo pipefail
cd "${top_builddir:-.}"
dest=$(mktemp -d "${TMPDIR:-/tmp}/wbfs-install.XXXXXX")
trap 'rm -rf "$dest"' EXIT

fail() {
	echo "FAIL: install: $*" >&2
	exit 1
}

# in_make TARGET: elsewhere than configure was told
in_make() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make --silent "$1" DESTDIR="$dest" prefix=/opt/wbfs \
		mounthelperdir=/opt/sbin >"$dest.log" 2>&1 || {
		cat "$dest.log"
		fail "make $1"
	}
	rm -f "$dest.log"
}

in_make install
files=(
	opt/wbfs/sbin/mkwbfs
	opt/wbfs/sbin/wbfs
	opt/wbfs/share/bash-completion/completions/mkwbfs
	opt/wbfs/share/bash-completion/completions/wbfs
	opt/wbfs/share/doc/wbfs/README
	opt/wbfs/share/doc/wbfs/DESIGN.md
	opt/wbfs/share/doc/wbfs/FORMAT.md
	opt/wbfs/share/doc/wbfs/TESTING.md
)
if grep -q '^dist_man_MANS =' Makefile; then
	files+=(
		opt/wbfs/share/man/man5/wbfs-control.5
		opt/wbfs/share/man/man5/wbfs-format.5
		opt/wbfs/share/man/man8/mkwbfs.8
		opt/wbfs/share/man/man8/mount.fuse.wbfs.8
		opt/wbfs/share/man/man8/mount.wbfs.8
		opt/wbfs/share/man/man8/umount.fuse.wbfs.8
		opt/wbfs/share/man/man8/umount.wbfs.8
		opt/wbfs/share/man/man8/wbfs.8
	)
fi
for unit in contrib/systemd/*.service; do
	[ ! -e "$unit" ] || files+=("opt/wbfs/lib/systemd/system/${unit##*/}")
done
for file in "${files[@]}"; do
	[ -s "$dest/$file" ] || fail "not installed: $file"
done
for helper in mount.wbfs mount.fuse.wbfs umount.wbfs umount.fuse.wbfs; do
	[ "$(readlink "$dest/opt/sbin/$helper")" = /opt/wbfs/sbin/wbfs ] ||
		fail "$helper does not lead to wbfs"
done
"$dest/opt/wbfs/sbin/wbfs" --version
"$dest/opt/wbfs/sbin/mkwbfs" --version
outside=$(find "$dest" -mindepth 1 -maxdepth 1 ! -name opt)
[ -z "$outside" ] || fail "outside of the prefix: $outside"

in_make uninstall
left=$(find "$dest" ! -type d)
[ -z "$left" ] || fail "left by make uninstall: $left"
