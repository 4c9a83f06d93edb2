#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wbfs doctor looks at mounts, caches and backings that it is asked about, and changes nothing.

. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/terminal_functions.sh"

# found LEVEL PATTERN: a line of $tmp/out
found() {
	grep -Eq "^$1 +$2" "$tmp/out" || fail "not found: $1 $2"
}

start_wb 16M 16M
echo 0 >"$control/update_interval"
echo 1 >"$control/devices/disk/paused"
dd if=/dev/urandom of="$exposed" bs=1M count=2 conv=notrunc,fsync status=none
expect_status 0 wbfs doctor "$mnt" "$cache"
found ok "$mnt: mounted, healthy"
found ok "$cache: in use, as the cache of $mnt"
requires_loop
loop_on "$exposed"
expect_status 0 wbfs doctor "$mnt"
found ok "$loop: shows $exposed"
loop_off

# A daemon that hangs, or has died: others' is no failure of ours.
pid=$(daemon_pid)
stop_process "$pid"
expect_status 3 wbfs doctor "$mnt"
found FAIL "$mnt: its daemon doesn't answer"
kill -CONT "$pid"
kill_wb
expect_status 3 wbfs doctor "$mnt"
found FAIL "$mnt: its daemon is gone"
grep -q "^ *fix: wbfs umount $mnt" "$tmp/out" || fail 'no fix'
expect_status 0 wbfs doctor
found warn "$mnt: its daemon is gone"
wbfs umount "$mnt"

before=$(sum_images)
expect_status 0 wbfs doctor "$cache" "$disk" "$mnt"
found ok "$cache: direct I/O in units of [0-9]+ bytes"
found ok "$cache: a wbfs cache, not closed cleanly; 2 MiB only in it; [0-9.]+ s to read its log"
found ok "$disk: no wbfs cache; it could be a backing"
found ok "$mnt: empty, and nothing is mounted here"
[ "$before" = "$(sum_images)" ] || fail 'an image changed'

mount_wb
wbfs drain "$mnt"
umount_wb
expect_status 0 wbfs doctor "$cache"
found ok "$cache: a wbfs cache, closed cleanly; 0 bytes only in it"

truncate -s 1000 "$tmp/odd.img"
expect_status 3 wbfs doctor "$tmp/nothing" "$tmp/odd.img" "$tmp"
found FAIL "$tmp/nothing: no such file"
found FAIL "$tmp/odd.img: .*not a multiple of 512"
found warn "$tmp: nothing of wbfs is mounted here"
dd if=/dev/urandom of="$cache" bs=1 seek=100 count=16 conv=notrunc status=none
dd if=/dev/urandom of="$cache" bs=1 seek=$((524288 + 100)) count=16 conv=notrunc status=none
expect_status 3 wbfs doctor "$cache"
found FAIL "$cache: "
refused 1 'unknown option' wbfs doctor --nothing

# In colours, if they are wanted.
on_terminal 120x40 "$WBFS" doctor
expect_screen '^wbfs can be used'
screen -e | grep -q $'\e''\[32mok' || fail 'no colours'
expect_ended 0
on_terminal 120x40 env NO_COLOR=1 "$WBFS" doctor
expect_screen '^wbfs can be used'
not grep -q $'\e' <(screen -e) || fail 'colours in spite of NO_COLOR'
expect_ended 0
