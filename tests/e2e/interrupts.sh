#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Ctrl-C of what works on a cache by itself, once and twice, and of an unmount: exit status 8, one
# message that is true, nothing half done.

. "$(dirname "$0")/functions.sh"
requires_plain_build 'bounded by time'

make_cache 256M
make_disk 512M
mount_wb -d "disk=$disk" -o allow_migrate=0 -o update_interval=0
dd if=/dev/urandom of="$exposed" bs=1M count=150 seek=300 conv=notrunc,fsync status=none
kill_wb
end_wb "$mnt"
out=$tmp/copy

# until_caught PID: it has its own way with SIGINT, or has ended
until_caught() {
	local -
	set +x
	local name value=0
	until [ "/proc/$1/exe" -ef "$WBFS" ] || ! kill -0 "$1" 2>/dev/null; do :; done
	until ((0x$value & 2)); do
		while read -r name value; do
			[ "$name" != SigCgt: ] || break
		done <"/proc/$1/status" || break
	done 2>/dev/null
}

# until_read PID BYTES: from disks, or it has ended
until_read() {
	local -
	set +x
	local name value=0
	while [ "$value" -lt "$2" ]; do
		while read -r name value; do
			[ "$name" != read_bytes: ] || break
		done <"/proc/$1/io" || break
	done 2>/dev/null
}

# stopped MESSAGE COMMAND...: exit status 8, no other message than of progress, and no image changed
stopped() {
	local pattern=$1 before lines
	shift
	before=$(sum_images)
	expect_status 8 "$@"
	lines=$(grep -cEv ': +[0-9]+ %' "$tmp/err") || true
	[ "$lines" -eq 1 ] || fail "$lines messages instead of one: $(cat "$tmp/err")"
	grep -Eq -- "$pattern" "$tmp/err" || fail "message does not match '$pattern'"
	[ "$before" = "$(sum_images)" ] || fail "an image changed: $*"
}

# at_work BYTES SIGNALS COMMAND...: they come when it has read so many
at_work() {
	local bytes=$1 signals=$2 signal pid
	shift 2
	"$WBFS" "$@" &
	pid=$!
	until_caught "$pid"
	until_read "$pid" "$bytes"
	for signal in $signals; do
		kill -"$signal" "$pid" 2>/dev/null || true
	done
	wait "$pid"
}

for signals in INT TERM HUP 'INT TERM'; do
	# While the log is recovered, and while it is read.
	for bytes in 1 30000000; do
		stopped "^wbfs: $cache: check: stopped before complete" \
			at_work "$bytes" "$signals" check "$cache"
		[ ! -s "$tmp/out" ] || fail 'it tells of what it has not read'
	done
	stopped 'replay: stopped before complete' \
		at_work 1 "$signals" replay "$cache" "disk=$out"
	[ ! -e "$out" ] || fail 'left a copy'
	copying() {
		"$WBFS" replay "$cache" "disk=$out" &
		local pid=$! signal
		until_caught "$pid"
		until [ -s "$out" ] || ! kill -0 "$pid" 2>/dev/null; do :; done
		for signal in $signals; do
			kill -"$signal" "$pid" 2>/dev/null || true
		done
		wait "$pid"
	}
	for _ in 1 2 3; do
		stopped 'replay: stopped before complete' copying
		[ ! -e "$out" ] || fail 'left half a copy'
	done
done
expect_status 0 wbfs check "$cache"

# Twice: not in order, but nothing is lost.
draining() {
	"$WBFS" drain --offline -d "disk=$disk,sim=hdd" "$cache" &
	local pid=$!
	until_caught "$pid"
	until_read "$pid" 165000000
	kill -INT "$pid"
	kill -TERM "$pid"
	wait "$pid"
}
expect_status 8 draining
grep -q 'stopped before complete' "$tmp/err" || fail 'it does not say so'
expect_status 0 wbfs check "$cache"

# Of an unmount: it is mounted or not, as it says.
unmounting() {
	"$WBFS" umount "$mnt" &
	local pid=$!
	until_caught "$pid"
	sleep "0.00$i"
	kill -INT "$pid" 2>/dev/null || true
	wait "$pid"
}
for i in 0 1 2 4 8; do
	mountpoint -q "$mnt" || mount_wb
	expect_status '[08]' unmounting
	if grep -q 'still mounted' "$tmp/err"; then
		mountpoint -q "$mnt" || fail 'it is not'
	else
		! mountpoint -q "$mnt" || fail 'still mounted, and nothing said about it'
		sleep_until_no_daemons || fail 'the daemon goes on'
	fi
done
! mountpoint -q "$mnt" || umount_wb

# Of a drain: it ends, after the batch that has begun.
dirty() {
	cat "$control/devices/disk/nr_dirty_caches"
}
mount_wb -o allow_migrate=0,update_interval=0,nr_max_batched_migration=1 -d "disk=$disk,sim=hdd"
dd if=/dev/urandom of="$exposed" bs=1M count=200 conv=notrunc,fsync status=none
all=$(dirty)
expect_status 124 timeout --foreground --signal=INT 1 "$WBFS" drain "$mnt"
grep -q 'stopped: .* still only in the cache' "$tmp/err"
sleep 2
left=$(dirty)
[[ $left -gt 0 && $left -lt $all ]] || fail "$left blocks of $all are left"
sleep 2
[ "$(dirty)" -eq "$left" ] || fail 'the drain goes on'
wbfs drain "$mnt"
[ "$(dirty)" -eq 0 ] || fail 'another drain leaves something'
umount_wb
