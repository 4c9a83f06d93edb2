#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A backing fails at run time while all are under load beyond the log's size. The others go on, its
# blocks stay safe in the log and can be read, the status says how many there are. Attaching the
# device when it is back, at another path, makes it go on; another device is refused, and so is the
# name of one that works.

. "$(dirname "$0")/functions.sh"
requires_loop

small=$tmp/small
mkdir "$small"
mount -t tmpfs -o size=3M wbfs-test "$small" || skip 'no tmpfs can be mounted'
on_exit umount "$small"
truncate -s 16M "$small/image"
truncate -s 16M "$small/wrong"
loop_on "$small/wrong"
wrong=$loop
loop_on "$small/image"
gone=$loop
loop_on "$small/image"
back=$loop

state() {
	sed -n "/^backing $1:/,/^backing /s/^  state: //p" "$control/status"
}
is_failed() {
	[ "$(state disk)" = failed ]
}
is_clean() {
	[ "$(cat "$control/devices/disk/nr_dirty_caches")" -eq 0 ]
}

# said_no STATUS PATTERN COMMAND...: images may change, migration goes on
said_no() {
	local pattern=$2
	expect_status "$1" "${@:3}"
	grep -Eq -- "$pattern" "$tmp/err" || fail "message does not match '$pattern'"
}

# To the last page: the loop driver calls a write good of which a part found room.
cat /dev/zero >"$small/filler" 2>/dev/null || true

make_cache 32M
make_disk 64M "$tmp/other.img"
mount_wb -d "disk=$gone" -d "other=$tmp/other.img"
random_file "$tmp/model" 8M
random_file "$tmp/model2" 48M
echo 1 >"$control/force_migrate"
dd if="$tmp/model" of="$exposed" bs=1M conv=notrunc,fsync status=none
wait_until 60 is_failed

# Four times the log.
for i in 1 2 3; do
	dd if="$tmp/model2" of="$mnt/other" bs=1M conv=notrunc,fsync status=none
done
[ "$(state other)" = healthy ] || fail "other is $(state other)"
cmp -n 48M "$tmp/model2" "$mnt/other"
cmp -n 8M "$tmp/model" "$exposed"
dirty=$(cat "$control/devices/disk/nr_dirty_caches")
[ "$dirty" -gt 0 ] || fail 'none of its blocks is left'
sed -n '/^backing disk:/,/^backing /p' "$control/status" | grep -Fxq "  nr_dirty: $dirty blocks" ||
	fail 'the status does not say how many'
expect_status 6 wbfs detach "$mnt" disk
grep -Eq "disk: [0-9]+ blocks can't be written back: $gone" "$tmp/err" || fail 'it does not say why'
[ -e "$exposed" ] || fail 'it is gone although it could not be written back'

said_no 7 'disk: .*another device' wbfs attach "$mnt" disk="$wrong"
said_no 1 'other: .*in use' wbfs attach "$mnt" other="$wrong"
said_no 1 'disk: .*in use' wbfs attach "$mnt" disk="$back,cache=none"

mount -o remount,size=64M "$small"
wbfs attach "$mnt" disk="$back"
[ "$(readlink "$control/devices/disk/device")" = "$back" ] || fail 'it does not have its new path'
wait_until 60 is_clean
[ "$(state disk)" = healthy ] || fail "it is $(state disk)"
cmp -n 8M "$tmp/model" "$exposed"
blockdev --flushbufs "$back"
cmp -n 8M "$tmp/model" "$back"
loop_off "$gone" # nothing holds it any more
umount_wb
mount_wb # known by its new path
cmp -n 8M "$tmp/model" "$exposed"
umount_wb
loop_off "$back"
loop_off "$wrong"
cmp -n 8M "$tmp/model" "$small/image"
cmp -n 48M "$tmp/model2" "$tmp/other.img"
