#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A backing begins to fail while mounted: a disk whose image lies on a file system without room.
# The status names it with the reason and calls the others healthy; everything stays readable, and
# syncs succeed. Once there is room, retry and drain bring everything onto it.

. "$(dirname "$0")/functions.sh"
requires_loop

small=$tmp/small
mkdir "$small"
mount -t tmpfs -o size=2M wbfs-test "$small" || skip 'no tmpfs can be mounted'
on_exit umount "$small"
truncate -s 16M "$small/image"
loop_on "$small/image"

# state NAME: as the status has it, with the reason
state() {
	sed -n "/^backing $1:/,/^backing /{s/^  state: //p;s/^  reason: //p}" "$control/status"
}

# expect_metric NAME STATE
expect_metric() {
	grep -Fxq "wbfs_backing_state{device=\"$1\",state=\"$2\"} 1" "$control/metrics.prom" ||
		fail "metrics: $1 is not $2: $(grep backing_state "$control/metrics.prom")"
}

# expect_state STATE [REASON]: of the backing called disk
expect_state() {
	local said
	said=$(state disk)
	[[ $said == "$1"${2:+$'\n'*$2*} ]] || fail "disk is '$said' instead of '$1 $2'"
	grep -Eq "\"name\": \"disk\",.*\"state\": \"$1\", \"reason\": \".*${2-}" \
		"$control/status.json" || fail "JSON: disk is not $1"
	expect_metric disk "$1"
	[[ $(state other) == healthy ]] || fail "other is $(state other)"
	expect_metric other healthy
}

# To the last page: the loop driver calls a write good of which a part found room.
cat /dev/zero >"$small/filler" 2>/dev/null || true

make_cache 32M
make_disk 16M
mount_wb -d "disk=$loop" -d "other=$disk"
echo 0 >"$control/update_interval"
echo 0 >"$control/allow_migrate"
expect_state healthy

random_file "$tmp/model" 8M
random_file "$tmp/model2" 1M
dd if="$tmp/model" of="$exposed" bs=1M conv=notrunc,fsync status=none
expect_status 6 wbfs drain "$mnt"
expect_state failed "$loop: write"
[ "$(sed -n '1s/^state: //p' "$control/status")" = healthy ] ||
	fail "a failing backing makes the cache $(head -2 "$control/status")"
expect_status 0 wbfs status "$mnt"
grep -Fq "reason: $loop: write" "$tmp/out" || fail 'wbfs status does not say why'

# Neither readers nor other writers notice.
cmp -n 8M "$tmp/model" "$exposed"
dd if="$tmp/model2" of="$mnt/other" bs=1M conv=notrunc,fsync status=none
cmp -n 1M "$tmp/model2" "$mnt/other"

# Trying again does not help while the cause is there.
echo 1 >"$control/retry"
expect_status 6 wbfs drain "$mnt"
expect_state failed "$loop: write"

mount -o remount,size=32M "$small"
echo 1 >"$control/retry"
wbfs drain "$mnt"
expect_state healthy
[ "$(sed -n '1s/^state: //p' "$control/status")" = healthy ] ||
	fail "the cache is $(head -2 "$control/status")"
expect_value 0 "$control/devices/disk/nr_dirty_caches"
cmp -n 8M "$tmp/model" "$loop"
umount_wb
cmp -n 8M "$tmp/model" "$small/image"
cmp -n 1M "$tmp/model2" "$disk"
loop_off
