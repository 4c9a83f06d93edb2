#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# fstrim of a fragmented file system on a loop device: thousands of discards, more than the log's
# room for them. Afterwards what is left is right, the rest has become holes of the backing, and the
# file system is whole.

. "$(dirname "$0")/functions.sh"
requires mkfs.ext4 e2fsck fstrim filefrag
requires_filesystem ext4
requires_loop

start_wb 32M 512M
loop_on "$exposed" --direct-io=on
mkfs.ext4 -q -b 4096 -E nodiscard -O ^has_journal "$loop"
mount_fs "$loop"
# Every other of these is removed, which leaves as many gaps.
mkdir "$fs/d"
(cd "$fs/d" && head -c 160M /dev/urandom | split -b 8K -a 5 - f)
sync -f "$fs"
(cd "$fs/d" && find . -name 'f*[bdfhjlnprtvxz]' -delete)
cp -a "$fs/d" "$tmp/model"
sync -f "$fs"
wbfs drain "$mnt"
before=$(stat -c %b "$disk")
fstrim -v "$fs"
same_tree "$tmp/model" "$fs/d"
nr=$(sed -n '/^backing disk:/,/^backing /s/^  nr_zeros: \([0-9]*\).*/\1/p' "$control/status")
[ "$nr" -gt 2000 ] || fail "only $nr discards"
umount_fs
e2fsck -fn "$loop"
wbfs drain "$mnt"
loop_off
cmp "$exposed" "$disk"
after=$(stat -c %b "$disk")
[ $((before - after)) -gt $((60 * 2048)) ] || fail "$before sectors have become $after"
umount_wb
loop_on "$disk" --read-only
mount_fs "$loop" -o ro
same_tree "$tmp/model" "$fs/d"
umount_fs
loop_off
