#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Every control file is listed with the right kind and mode, has its default, and can be read.

. "$(dirname "$0")/functions.sh"

start_wb 16M 16M

# has PATH KIND [DEFAULT]: KIND is rw, ro, wo, trigger, directory or symlink
has() {
	local path=$control/$1 mode
	mode=$(stat -c %A "$path") || fail "$1 is missing"
	case $2:$mode in
	rw:-rw* | ro:-r-* | wo:--w* | trigger:-rw* | directory:dr?x* | symlink:l*) ;;
	*) fail "$1 is not $2, but $mode" ;;
	esac
	[ "$(find "$control" -maxdepth 3 -path "$path")" ] || fail "$1 is not listed"
	case $2 in
	rw | ro) [ -n "$(cat "$path")" ] || [ "$1" = last_error ] || fail "$1 is empty" ;;
	trigger) expect_value 0 "$path" ;;
	esac
	if [ $# -gt 2 ]; then
		expect_value "$3" "$path"
	fi
}

has allow_migrate rw
has force_migrate rw 0
has barrier_deadline_ms rw 3
has nr_max_batched_migration rw 32
has commit_super_block trigger
has commit_super_block_interval rw 0
has flush_current_buffer trigger
has flush_current_buffer_interval rw 1
has on_full rw wait
has discard_cache rw 0
has retry trigger
has update_interval rw 1
has last_flushed_segment_id ro
has last_durable_segment_id ro
has last_migrated_segment_id ro
has clear_stat trigger
has drain trigger
has status ro
has status.json ro
has metrics.prom ro
has params ro
has last_error ro
has version ro
has attach wo
has detach wo
has detach_discard wo
has device symlink
has devices directory
has devices/disk directory
has devices/disk/cache_id ro
has devices/disk/migrating ro
has devices/disk/dev ro
has devices/disk/device symlink
has devices/disk/device_no ro
has devices/disk/id ro
has devices/disk/size ro 16777216
has devices/disk/migrate_threshold rw 70
has devices/disk/nr_dirty_caches ro 0
has devices/disk/paused rw 0
has devices/disk/drain trigger
has devices/disk/resize trigger
has devices/disk/nr_open ro 0
has devices/disk/stat ro

[ "$(realpath "$control/device")" = "$cache" ] || fail 'device does not lead to the cache'
[ "$(realpath "$control/devices/disk/device")" = "$disk" ] || fail 'device does not lead to the disk'
[ "$(find "$control" "$control/devices/disk" -maxdepth 1 -mindepth 1 | wc -l)" -eq 42 ] ||
	fail "more or fewer files than described: $(ls "$control" "$control/devices/disk")"

for file in "$control"/* "$control"/devices/disk/*; do # one value, with a newline
	if [ -f "$file" ] && [ -r "$file" ] && [ -s "$file" ]; then
		[ -z "$(tail -c 1 "$file")" ] || fail "$file does not end in a newline"
	fi
done
perl -e 'exit(eval { require JSON::PP; JSON::PP::decode_json(join "", <STDIN>); 1 } ? 0 : 1)' \
	<"$control/status.json" || ! perl -e 'require JSON::PP' 2>/dev/null ||
	fail 'status.json is not JSON'
not grep -Ev '^(#.*|[a-z_]+(\{[^}]*\})? [-+.0-9eE]+|)$' "$control/metrics.prom" ||
	fail 'metrics.prom is not in the text format of Prometheus'
if command -v promtool >/dev/null; then
	promtool check metrics <"$control/metrics.prom" || fail 'promtool complains of metrics.prom'
fi
for knob in allow_migrate barrier_deadline_ms nr_max_batched_migration migrate_threshold on_full; do
	grep -q "$knob" "$control/params" || fail "params does not mention $knob"
done
umount_wb
