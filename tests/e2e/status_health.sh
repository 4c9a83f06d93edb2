#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wbfs status says in words what is wrong with a backing and what would help; --test says only that,
# and its exit status tells how bad it is.

. "$(dirname "$0")/functions.sh"

says() {
	grep -Eq -- "$1" "$tmp/out" || fail "status does not say '$1'"
}

# unwell STATUS PATTERN: --test exits so, with such a message
unwell() {
	expect_status "$1" wbfs status --test "$mnt"
	[ ! -s "$tmp/out" ] || fail '--test writes to standard output'
	grep -Eq "^wbfs: $mnt: $2" "$tmp/err" || fail "--test does not say '$2'"
	[ "$(grep -c '^hint: ' "$tmp/err")" -eq 1 ] || fail 'not one hint'
}

start_wb 16M 16M
expect_status 0 wbfs status --test "$mnt"
[ ! -s "$tmp/out" ] || fail '--test writes to standard output'
[ ! -s "$tmp/err" ] || fail '--test has something to say about nothing'

wbfs set "$mnt/disk" paused=1
dd if=/dev/urandom of="$exposed" bs=1M count=1 conv=notrunc,fsync status=none
expect_status 0 wbfs status "$mnt"
says '^disk: paused, 1 MiB only in cache \(7 %\), kept there; a power cut now loses nothing$'
says "^  hint: wbfs set $mnt/disk paused=0$"
says 'backing .*paused'
unwell 8 'disk: paused, 1 MiB only in cache'
expect_status 0 wbfs status --output state,name --raw --noheadings "$mnt"
grep -Fxq 'paused disk' "$tmp/out" || fail 'the table does not say that it is paused'

umount_wb
mount_wb --without disk
expect_status 0 wbfs status "$mnt"
says '^disk: missing, 1 MiB only in cache \(7 %\), kept there'
says "^  hint: when it is back: wbfs attach $mnt disk=$disk$"
unwell 6 'disk: missing, 1 MiB only in cache'
umount_wb

mount_wb -o ro
expect_status 0 wbfs status "$mnt"
says '^disk: 1 MiB only in cache \(7 %\), not written back: mounted read-only'
expect_status 0 wbfs status --test "$mnt"
umount_wb

mount_wb
kill_wb
wait_until 30 is_dead "$mnt"
unwell 6 'status.json: the daemon of this mount is gone'
