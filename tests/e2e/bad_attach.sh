#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What can't be attached, detached or resized while mounted: one clear message, the exit status says
# which kind, last_error has it too, and nothing has changed.

. "$(dirname "$0")/functions.sh"

cache=$tmp/cache # what is written there now and then is not what is looked at
start_wb 16M 16M
make_disk 16M "$tmp/late.img"
echo 0 >"$control/update_interval"
echo 0 >"$control/allow_migrate"
dd if=/dev/urandom of="$exposed" bs=1M count=1 conv=notrunc,fsync status=none
state=$(ls "$mnt" "$control/devices")

# bad STATUS PATTERN COMMAND...
bad() {
	refused "$@"
	[ "$state" = "$(ls "$mnt" "$control/devices")" ] || fail "changed: $(ls "$mnt")"
}

bad 1 'no such file' wbfs attach "$mnt" late="$tmp/nosuch"
bad 1 'directory' wbfs attach "$mnt" late="$tmp"
bad 1 'neither a file nor a block device' wbfs attach "$mnt" late=/dev/null
bad 1 'NAME=PATH' wbfs attach "$mnt" late
bad 1 'unfit|name' wbfs attach "$mnt" .late="$tmp/late.img"
bad 1 'unfit|name' wbfs attach "$mnt" ="$tmp/late.img"
bad 1 'name' wbfs attach "$mnt" "$(printf 'x%.0s' {1..64})=$tmp/late.img"
bad 1 'unknown option' wbfs attach "$mnt" late="$tmp/late.img,cache=never"
bad 1 'migrate_threshold' wbfs attach "$mnt" late="$tmp/late.img,migrate_threshold=101"
bad 5 'in use' wbfs attach "$mnt" late="$cache"
bad 5 'in use' wbfs attach "$mnt" late="$disk"
bad 1 'disk: the name is in use' wbfs attach "$mnt" disk="$tmp/late.img"
: >"$tmp/empty.img"
bad 1 'empty' wbfs attach "$mnt" late="$tmp/empty.img"
truncate -s 1000 "$tmp/uneven.img"
bad 1 'multiple of 512' wbfs attach "$mnt" late="$tmp/uneven.img"

bad 1 'nosuch: no such backing' wbfs detach "$mnt" nosuch
bad 1 'no such backing' wbfs detach "$mnt" ../disk
bad 1 'no such backing' wbfs resize "$mnt" nosuch
bad 1 'no such backing' wbfs resize "$mnt" ../late.img
exec {open}<"$exposed"
bad 5 'disk: in use' wbfs detach "$mnt" disk
bad 5 'disk: in use' wbfs detach --discard-dirty --yes "$mnt" disk
exec {open}<&-
expect_error 'Invalid argument' dd of="$control/devices/disk/resize" <<<2
expect_error 'Invalid argument' dd of="$control/attach" <<<nonsense
grep -q 'NAME=PATH' "$control/last_error" || fail "last_error: $(cat "$control/last_error")"
expect_error 'No such file' dd of="$control/detach" <<<nosuch
expect_value 'detach: nosuch: no such backing' "$control/last_error"
umount_wb

# With blocks in the log it can't be used without it, nor after it has shrunk, in whatever way.
mount_wb --without disk
state=$(ls "$mnt" "$control/devices")
bad 7 'disk: .*uncached' wbfs attach "$mnt" "disk=$disk,cache=none"
truncate -s 8M "$disk"
bad 7 'disk: .*size' wbfs attach "$mnt" "disk=$disk"
truncate -s 16M "$disk"
wbfs attach "$mnt" "disk=$disk"
umount_wb
