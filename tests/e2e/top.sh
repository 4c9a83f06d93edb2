#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wbfs top shows a mount on a terminal, follows what is done and the terminal's size, and obeys its
# keys.

. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/terminal_functions.sh"
grep -q 'define HAVE_NCURSESW' "$top_builddir/config.h" || skip 'built without ncurses'

start_wb 16M 16M
on_terminal 80x24 env LC_ALL=C.UTF-8 "$WBFS" top -d 0.2 "$mnt"
expect_screen "^wbfs top  $mnt +healthy"
expect_screen '^log +(░)+ +0 % used$'
expect_screen '^write .* bytes/s '
expect_screen '^disk +healthy .* 0 bytes .* [0-9]+/70 % '
expect_screen '^messages$'
expect_screen '^q quit .*p pause migration'
[ "$(screen | wc -l)" -eq 24 ] || fail 'not all rows'

press p
expect_screen '^disk +paused '
expect_value 1 "$control/devices/disk/paused"
expect_screen 'migration is paused'
dd if=/dev/urandom of="$exposed" bs=1M count=3 conv=notrunc status=none
expect_screen '^dirty +3 MiB only in cache'
expect_screen '^write .*█.* max [0-9.]+ MiB/s$'
expect_screen '^log +(░)*(█)+▌'
echo 0 >"$control/flush_current_buffer_interval"
dd if=/dev/urandom of="$exposed" bs=4k count=1 conv=notrunc status=none
expect_screen '^dirty .*not yet durable'
press f
expect_screen 'flushed: everything'
expect_screen '^dirty .*all durable'
wait_until 10 screen_has 'p resume migration'
press p
expect_screen '^disk +healthy '
expect_value 0 "$control/devices/disk/paused"
expect_screen '^dirty +all is on the backings'

press h
expect_screen '^ q  quit'
press x
expect_screen '^log '
resize 40x10
expect_screen '^disk +healthy +0 bytes'
wait_until 10 not screen_has '^latency'
resize 20x4
expect_screen '^too small \(20x4\)'
resize 100x30
expect_screen '^latency .*p99'
press q
expect_ended 0

on_terminal 80x24 "$WBFS" top "$mnt"
expect_screen healthy
press C-c
expect_ended 0
umount_wb
