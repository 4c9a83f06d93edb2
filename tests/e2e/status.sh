#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wbfs status and the status files carry the figures of the log, which follow what is done. The
# command says them in sentences, which agree with the files, and all of them with --verbose.

. "$(dirname "$0")/functions.sh"

says() {
	grep -Eq -- "$1" "$tmp/out" || fail "status does not say '$1'"
}

start_wb 16M 16M
echo 0 >"$control/update_interval"
echo 0 >"$control/allow_migrate"
expect_status 0 wbfs status "$mnt"
says '^disk: clean, all of it is on the backing; a power cut now loses nothing$'
says '^log \[\.+\] 0 % in use$'

dd if=/dev/urandom of="$exposed" bs=1M count=2 conv=notrunc,fsync status=none
expect_value 512 "$control/devices/disk/nr_dirty_caches"
for word in nr_segments last_migrated last_flushed current cursor allow_migrate; do
	grep -q "$word" "$control/status" || fail "status does not have $word"
done
expect_status 0 wbfs status "$mnt"
says '^disk: 2 MiB only in cache \(13 %\), not written back: allow_migrate is 0; a power cut now loses nothing$'
says "^  hint: wbfs set $mnt allow_migrate=1$"
says '^log \[.*##.*\] (13|20) % in use$'
expect_status 0 wbfs status --verbose "$mnt"
diff <(grep -v '^counted_for\|age:' "$tmp/out") <(grep -v '^counted_for\|age:' "$control/status") ||
	fail '--verbose is not what the file says'
expect_status 0 wbfs status --json "$mnt"
grep -q '"dirty_bytes": 2097152,' "$tmp/out" || fail 'wbfs status --json has other figures'
# Of all mounts: there may be others on this machine, and dead ones.
expect_status '[026]' wbfs status
grep -Fq "$mnt" "$tmp/out" || fail 'wbfs status does not list the mount point'
expect_status '[026]' wbfs status --json
perl -MJSON::PP -e 'local $/; ref(decode_json(<>)) eq "ARRAY" or exit 1' <"$tmp/out" ||
	fail 'the JSON of all mounts is not a list'

# What is acknowledged and not synced would be lost.
wbfs set "$mnt" flush_current_buffer_interval=0
dd if=/dev/urandom of="$exposed" bs=64K count=1 seek=64 conv=notrunc status=none
expect_status 0 wbfs status "$mnt"
says 'a power cut now loses at most 64 KiB not yet synced$'
says '^log \[.*>.*\]'
wbfs flush "$mnt"
expect_status 0 wbfs status "$mnt"
says 'a power cut now loses nothing$'

wbfs set "$mnt" force_migrate=1
wbfs drain "$mnt"
expect_value 0 "$control/devices/disk/nr_dirty_caches"
expect_value "$(cat "$control/last_durable_segment_id")" "$control/last_migrated_segment_id"
expect_status 0 wbfs status "$mnt"
says '^disk: clean'
umount_wb
expect_status 1 wbfs status --test "$mnt"
