#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# mkwbfs keeps its hands off a cache that is mounted, and off one with blocks that are not on
# their backings, until it is told to.

. "$(dirname "$0")/functions.sh"
exec {BASH_XTRACEFD}>&2 # the trace doesn't mix with messages that are looked at

start_wb 16M 64M -o allow_migrate=0 -o update_interval=0
refused 5 'in use' mkwbfs "$cache"
refused 5 'in use' mkwbfs --force "$cache"
dd if=/dev/urandom of="$exposed" bs=1M count=2 conv=notrunc,fsync status=none
umount_wb

refused 4 'holds a wbfs cache, .*not yet on their backings' mkwbfs "$cache"
grep -q '^hint: .*wbfs drain' "$tmp/err"
refused 4 'not yet on their backings' mkwbfs --dry-run "$cache"

mount_wb
wbfs drain "$mnt"
umount_wb
refused 4 'holds a wbfs cache$' mkwbfs "$cache"

mount_wb -o allow_migrate=0 -o update_interval=0
dd if=/dev/urandom of="$exposed" bs=1M count=2 conv=notrunc,fsync status=none
umount_wb
expect_status 0 mkwbfs --force "$cache"
grep -q 'overwriting a wbfs cache, .*not yet on their backings' "$tmp/err"
