#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Ctrl-C stops wbfs drain --offline in order: exit status 8, what is left is said and still there.
# So it is after SIGKILL. The next one goes on.

. "$(dirname "$0")/functions.sh"
requires fio

make_cache 256M
make_disk 256M
mount_wb -d "disk=$disk" -o allow_migrate=0 -o update_interval=0
fio --name=scatter --filename="$exposed" --rw=randwrite --bs=4k --size=256M --io_size=200M \
	--randseed=7 --end_fsync=1 --minimal >/dev/null
cp --sparse=always "$exposed" "$tmp/model"
umount_wb

blocks_left() {
	wbfs check "$cache" | sed -n 's/^backing *disk: \([0-9]*\) blocks.*/\1/p'
}

# On a disk as slow as a real one it takes minutes.
start_drain() {
	"$WBFS" drain --offline -d "disk=$disk,sim=hdd" "$cache" 2>"$tmp/err" &
	drain=$!
	wait_until 30 has_written
}

has_written() { # something of this drain
	[ "$(awk '/^write_bytes/ { print $2 }' "/proc/$drain/io")" -gt 100000 ]
}

expect_end() { # STATUS
	local status=0
	wait "$drain" || status=$?
	cat "$tmp/err"
	[ "$status" -eq "$1" ] || fail "exit status $status instead of $1"
}

before=$(blocks_left)
for signal in INT TERM; do
	start_drain
	kill -"$signal" "$drain"
	expect_end 8
	grep -Eq '^wbfs: disk: drain: .* only in the cache: stopped before complete$' "$tmp/err"
	[ "$(blocks_left)" -gt 0 ] || fail 'it was not stopped'
	wbfs check "$cache" | grep -q '^closed *in order' || fail 'not closed in order'
done
[ "$(blocks_left)" -le "$before" ] || fail 'more is left than there was'

start_drain
kill -KILL "$drain"
expect_end 137
expect_status 0 wbfs check "$cache"

expect_status 0 wbfs drain --offline "$cache"
cmp "$tmp/model" "$disk"
