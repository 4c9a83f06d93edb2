#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wbfs umount --drain leaves everything on the backing; without it nothing needs to be there, but
# everything is in the log.

. "$(dirname "$0")/functions.sh"

start_wb 16M 64M
random_file "$tmp/model" 5000000
dd if="$tmp/model" of="$exposed" bs=64K conv=notrunc status=none
umount_wb --drain
cmp -n 5000000 "$tmp/model" "$disk"

mount_wb
cmp -n 5000000 "$tmp/model" "$exposed"
umount_wb
