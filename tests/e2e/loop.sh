#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wbfs loop makes a loop device with direct I/O and the sectors of the backing, prints its name and
# nothing else, and takes it away again.

. "$(dirname "$0")/functions.sh"
requires_loop

attribute() {
	cat "/sys/block/${1#/dev/}/$2"
}

make_disk 32M "$tmp/large.img"
loop_on "$tmp/large.img" --sector-size 4096
large=$loop
make_cache 16M
make_disk 16M
mount_wb -d "disk=$disk" -d "large=$large"

made=$(wbfs loop "$mnt" disk)
on_exit end_loop "$made" "$exposed"
[[ $made =~ ^/dev/loop[0-9]+$ ]] || fail "not a device: $made"
[ "$(attribute "$made" loop/dio)" = 1 ] || fail 'no direct I/O'
[ "$(attribute "$made" queue/logical_block_size)" = 512 ] || fail 'sectors that a file has not'
[ "$(blockdev --getsize64 "$made")" -eq $((16 << 20)) ] || fail 'another size'
again=$(wbfs loop "$mnt" disk 2>"$tmp/err")
grep -q "^wbfs: $exposed: loop: $made shows it already" "$tmp/err" || fail 'no word of the other one'
on_exit end_loop "$again" "$exposed"
[ "$again" != "$made" ] || fail 'the same device twice'

on_large=$(wbfs loop "$mnt" large)
on_exit end_loop "$on_large" "$mnt/large"
[ "$(attribute "$on_large" queue/logical_block_size)" = 4096 ] || fail 'not the sectors of the disk'

# What is in it goes through.
random_file "$tmp/model" 1M
dd if="$tmp/model" of="$on_large" bs=1M oflag=direct conv=fsync status=none
cmp -n 1M "$tmp/model" "$mnt/large"

exec 5<"$made"
expect_status 5 wbfs loop --detach "$mnt" disk
grep -q "$made: in use: process $$ (.*) has open $made" "$tmp/err" || fail 'not said by whom'
exec 5<&-
wbfs loop --detach "$mnt" disk
not has_loop "$made" || fail 'still there'
not has_loop "$again" || fail 'still there'
has_loop "$on_large" || fail 'that of another backing is gone'
wbfs loop --detach "$mnt" large

# For services: by the path of the file, with a name for the device that stays.
made=$(wbfs loop --link "$tmp/links/mnt-disk" "$exposed")
on_exit end_loop "$made" "$exposed"
[ "$(readlink "$tmp/links/mnt-disk")" = "$made" ] || fail 'no link to the device'
wbfs loop --detach --link "$tmp/links/mnt-disk" "$exposed"
[ ! -L "$tmp/links/mnt-disk" ] || fail 'the link is still there'
refused '[12]' "link to /dev/loop.*: " wbfs loop --link "$disk/x" "$exposed"
[ -z "$(losetup --noheadings --associated "$exposed")" ] || fail 'a loop device is left'
refused 1 'not an absolute path' wbfs loop --link links "$exposed"

refused 1 'no such backing' wbfs loop "$mnt" missing
refused 1 'no loop device' wbfs loop --detach "$mnt" disk
refused 1 'needs a mount point and a name' wbfs loop "$mnt"
refused 1 'too few' wbfs loop
refused 1 'not a mount point' wbfs loop "$tmp" disk

# A device that nobody was told of would stay for ever.
to_full() {
	"$WBFS" loop "$mnt" disk >/dev/full
}
expect_status 6 to_full
[ -z "$(losetup --noheadings --associated "$exposed")" ] || fail 'a loop device is left'

# A daemon that is gone is no reason to keep them.
made=$(wbfs loop "$mnt" disk)
on_exit end_loop "$made" "$exposed"
on_large=$(wbfs loop --link "$tmp/links/mnt-large" "$mnt/large")
on_exit end_loop "$on_large" "$mnt/large"
kill_wb
wbfs loop --detach --link "$tmp/links/mnt-large" "$mnt/large"
not has_loop "$on_large" || fail 'still there'
[ ! -L "$tmp/links/mnt-large" ] || fail 'the link is still there'
has_loop "$made" || fail 'that of another backing is gone'
wbfs loop --detach "$mnt" disk
not has_loop "$made" || fail 'still there'
refused 1 'no loop device' wbfs loop --detach "$mnt" disk
wbfs umount "$mnt"
