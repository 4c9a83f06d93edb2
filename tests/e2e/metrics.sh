#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# metrics.prom is what Prometheus wants: its own checker has nothing to say where it is installed,
# and the rules of that are tested everywhere. Each device has its own series.

. "$(dirname "$0")/functions.sh"
requires perl

rules() {
	perl "$top_srcdir/tests/e2e/metrics_rules.pl"
}

make_cache 16M -L 'a "label"'
make_disk 16M
make_disk 16M "$tmp/two.img"
mount_wb -d "disk=$disk" -d "two\"=$tmp/two.img" -o allow_migrate=0 -o update_interval=0
dd if=/dev/urandom of="$exposed" bs=64K count=10 conv=notrunc,fsync status=none
dd if="$exposed" of=/dev/null bs=64K status=none
cp "$control/metrics.prom" "$tmp/metrics" # also when it is longer than a page
rules <"$tmp/metrics"
if command -v promtool >/dev/null; then
	promtool check metrics <"$tmp/metrics" >"$tmp/out" 2>&1 || fail "promtool: $(cat "$tmp/out")"
	[ ! -s "$tmp/out" ] || fail "promtool: $(cat "$tmp/out")"
fi
grep -q '^wbfs_info{cache="'"$cache"'",.*label="a \\"label\\"",mount_point="'"$mnt"'",' \
	"$tmp/metrics"
grep -q '^wbfs_backing_dirty_blocks{device="disk"} 160$' "$tmp/metrics"
grep -q '^wbfs_backing_dirty_blocks{device="two\\""} 0$' "$tmp/metrics"
grep -q '^wbfs_backing_migration_write_seconds_bucket{device="disk",le="+Inf"} 0$' "$tmp/metrics"
[ "$(sed -n 's/^wbfs_start_time_seconds \([0-9]*\)\..*/\1/p' "$tmp/metrics")" -gt 1600000000 ]

wbfs drain "$mnt"
rules <"$control/metrics.prom"
grep -q '^wbfs_backing_migrated_bytes_total{device="disk"} 655360$' "$control/metrics.prom"

# While it is busy with both, each snapshot is whole, and no counter falls.
echo 1 >"$control/force_migrate"
keep_busy() {
	while [ ! -e "$tmp/enough" ]; do
		dd if=/dev/urandom of="$exposed" bs=64K count=50 conv=notrunc,fsync status=none
		dd if=/dev/urandom of="$mnt/two\"" bs=4K count=50 conv=notrunc oflag=dsync status=none
		dd if="$exposed" of=/dev/null bs=64K iflag=direct status=none
	done
}
keep_busy &
busy=$!
counters() {
	sed -nE 's/^([a-z_]+_(total|count|bucket)(\{.*\})?) ([0-9]+)$/\4\t\1/p' "$1" | sort -k 2
}
for ((i = 0; i < 20; i++)); do
	! [ -e "$tmp/now" ] || mv "$tmp/now" "$tmp/before"
	cat "$control/metrics.prom" >"$tmp/now"
	rules <"$tmp/now"
	if command -v promtool >/dev/null; then
		promtool check metrics <"$tmp/now" >"$tmp/out" 2>&1 || fail "promtool: $(cat "$tmp/out")"
	fi
	[ -e "$tmp/before" ] || continue
	join -t $'\t' -j 2 <(counters "$tmp/before") <(counters "$tmp/now") >"$tmp/both"
	[ "$(wc -l <"$tmp/both")" -gt 100 ] || fail 'no counters compared'
	awk -F '\t' '$3 < $2 { print; bad = 1 } END { exit bad }' "$tmp/both" || fail 'a counter fell'
	sleep 0.1
done
touch "$tmp/enough"
wait "$busy"
for device in disk 'two\"'; do
	grep -F "wbfs_backing_migrated_bytes_total{device=\"$device\"} " "$tmp/now" | grep -q ' [1-9]' ||
		fail "nothing was migrated to $device"
done

# The rules can fail.
broken() { # SED-COMMAND...
	! sed "$@" "$tmp/metrics" | rules 2>/dev/null || fail "the rules allow: $*"
}
broken '/^# HELP wbfs_dirty_bytes /d'
broken '/^# TYPE wbfs_dirty_bytes /d'
broken 's/wbfs_dirty_bytes/wbfs_dirty_total/'
broken 's/wbfs_syncs_total/wbfs_syncs/'
broken 's/wbfs_sync_seconds/wbfs_sync_milliseconds/'
broken 's/wbfs_dirty_bytes/wbfs:dirty_bytes/'
broken 's/wbfs_dirty_bytes/wbfs_dirtyBytes/'
broken '/wbfs_sync_seconds_bucket{le="+Inf"}/d'
broken '/wbfs_sync_seconds_sum/d'
broken 's/^\(wbfs_sync_seconds_bucket{le="+Inf"}\) .*/\1 0/'
broken '0,/^wbfs_dirty_bytes .*/s//&\n&/'
broken 's/^wbfs_backing_dirty_blocks{device="disk"}/wbfs_backing_dirty_blocks{disk="disk"}/'
