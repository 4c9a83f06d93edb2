#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Migration makes way for others: it stops while somebody else keeps a backing's disk busy, for that
# backing alone, and goes on afterwards. It doesn't stop because of itself.

. "$(dirname "$0")/functions.sh"

requires_loop
requires_plain_build 'measures load'

# state NAME: of a backing, 1 if it may be migrated
migrating() {
	[ "$(cat "$control/devices/$1/migrating")" -eq 1 ]
}

migrated() {
	[ "$(cat "$control/devices/$1/nr_dirty_caches")" -eq 0 ]
}

utilisation() {
	sed -n 's/^utilisation: \([0-9]*\) %$/\1/p' "$control/devices/$1/stat"
}

# Read it with direct I/O, here and there, by several processes, until they are killed.
load=()
begin_load() {
	local i
	for i in 1 2 3; do
		perl -MFcntl -e 'sysopen my $f, $ARGV[0], O_RDONLY | O_DIRECT or die;
			my $memory = "\0" x 69632;
			my $at = -unpack("Q", pack("P", $memory)) & 4095;
			for (;;) {
				sysseek $f, int(rand(200 << 20)) & ~4095, 0;
				defined sysread $f, $memory, 65536, $at or die
			}' "$1" &
		load+=($!)
	done
	on_exit end_load
}

end_load() {
	local pid
	for pid in "${load[@]}"; do
		kill "$pid"
		wait "$pid" || true
	done
	load=()
}

# write_some SEED: 1M into the backing on the loop device, durable
write_some() {
	random_file "$tmp/some" $((1 << 20))
	dd if="$tmp/some" of="$exposed" bs=64K seek="$1" conv=notrunc,fsync status=none
}

# stays SECONDS COMMAND...: true all the time
stays() {
	local -
	set +x
	local deadline=$((SECONDS + $1))
	shift
	while [ "$SECONDS" -lt "$deadline" ]; do
		"$@" || fail "not for long: $*"
		sleep 0.2
	done
}

make_cache 64M
make_disk 256M
make_disk 2G "$tmp/slow.img"
dd if=/dev/zero of="$disk" bs=1M count=256 conv=notrunc status=none
loop_on "$disk" --direct-io=on
mount_wb -d "disk=$loop" -d "slow=$tmp/slow.img,sim=hdd"
migrating disk || fail 'an idle backing is not to be migrated'
expect_value 1 "$control/allow_migrate"
echo 30 >"$control/devices/disk/migrate_threshold" # far below what the load makes of it

# Our own migration keeps the simulated disk busy for some seconds, and isn't stopped by that.
perl -e 'open my $f, "+<", $ARGV[0] or die; for my $i (1 .. 2000) {
	sysseek $f, $i << 20, 0; defined syswrite $f, "x" x 4096 or die }' "$mnt/slow"
echo 1 >"$control/flush_current_buffer"
wait_until 10 grep -q '^in_log: 1' "$control/devices/slow/stat"
sleep 2
not migrated slow || fail 'migrated too fast to show anything'
stays 4 migrating slow
[ "$(utilisation slow)" -lt 30 ] || fail "our own migration counts: $(utilisation slow) %"
wait_until 60 migrated slow

# Somebody else's I/O stops that of its disk only. What it says is the same everywhere.
begin_load "$loop"
wait_until 20 not migrating disk
migrating slow || fail 'the other backing is stopped, too'
expect_value 1 "$control/allow_migrate"
write_some 1
stays 3 not migrated disk
[ "$(utilisation disk)" -ge 30 ] || fail "stopped at $(utilisation disk) %"
grep -Eq '"name": "disk".*"busy": 1, "utilisation": [0-9]{2,3},' "$control/status.json" ||
	fail 'not in status.json'
grep -Fxq 'wbfs_backing_busy{device="disk"} 1' "$control/metrics.prom" || fail 'not in metrics.prom'
end_load
wait_until 20 migrating disk
wait_until 20 migrated disk

# Reads through the mount are load as well.
begin_load "$mnt/slow"
wait_until 20 not migrating slow
migrating disk || fail 'the other backing is stopped, too'
end_load
wait_until 20 migrating slow

# Threshold 0: never by itself. 100: whatever the load. All busy: allow_migrate says so.
echo 0 >"$control/devices/disk/migrate_threshold"
wait_until 5 not migrating disk
write_some 2
stays 3 not migrated disk
echo 0 >"$control/devices/slow/migrate_threshold"
wait_until 5 grep -qx 0 "$control/allow_migrate"
begin_load "$loop"
echo 100 >"$control/devices/disk/migrate_threshold"
wait_until 5 migrating disk
wait_until 20 migrated disk
expect_value 1 "$control/allow_migrate"
stays 3 migrating disk

# Without the modulator nothing is measured, and allow_migrate stays as written.
echo 30 >"$control/devices/disk/migrate_threshold"
wait_until 20 not migrating disk
echo 0 >"$control/update_interval"
wait_until 5 migrating disk
wait_until 5 migrating slow
echo 0 >"$control/allow_migrate"
write_some 3
stays 3 not migrated disk
expect_value 0 "$control/allow_migrate"
expect_value 0 <(utilisation disk)
echo 1 >"$control/update_interval"
wait_until 5 not migrating disk
end_load
wait_until 20 migrating disk
expect_value 1 "$control/allow_migrate"
wait_until 20 migrated disk

# One that leaves is not looked at any more.
pid=$(daemon_pid)
stat_files() {
	find "/proc/$pid/fd" -lname '*/stat' | wc -l
}
before=$(stat_files)
wbfs detach "$mnt" disk
wait_until 5 eval "[ \$(stat_files) -lt $before ]"
umount_wb
