#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wbfs detach while other backings are written to: what is on the backing then is everything. It
# shows progress, stops at Ctrl-C leaving the backing where it was, and refuses while the file is
# open. With --discard-dirty it says what would be lost, wants a yes, and touches nothing; so it
# does for a backing that is missing.

. "$(dirname "$0")/functions.sh"
requires perl script

make_cache 128M
make_disk 64M
make_disk 64M "$tmp/other.img"
make_disk 1G "$tmp/slow.img"
mount_wb -d "disk=$disk" -d "other=$tmp/other.img" -d "slow=$tmp/slow.img,sim=hdd"
echo 0 >"$control/update_interval"
echo 0 >"$control/allow_migrate"
random_file "$tmp/model" 8M

# Under load beyond the log's size, on another one.
write_other() {
	local i
	for ((i = 0; i < 80; i++)); do
		dd if="$tmp/model" of="$mnt/other" bs=64K seek=$((i % 7 * 128)) conv=notrunc status=none
	done
}

dd if="$tmp/model" of="$exposed" bs=1M conv=notrunc status=none
write_other &
load=$!
wbfs detach "$mnt" disk
[ ! -e "$exposed" ] || fail 'the detached backing is still there'
[ ! -e "$control/devices/disk" ] || fail 'its control files are still there'
cmp -n 8M "$tmp/model" "$disk"
wait "$load"

# Blocks far apart take a simulated hard disk some ten seconds.
dd if="$tmp/model" of="$mnt/slow" bs=1M conv=notrunc status=none
perl -e 'open(my $f, "+<", $ARGV[0]) or die;
	for (1 .. 4000) { sysseek($f, 4096 * (4096 + $_ * 7919 % 200000), 0); syswrite($f, "x" x 4096) }
' "$mnt/slow"
exec {open}<"$mnt/slow"
expect_status 5 wbfs detach "$mnt" slow
exec {open}<&-

interrupted() {
	"$WBFS" detach "$mnt" slow &
	local pid=$!
	sleep 1
	kill -TERM "$pid"
	wait "$pid"
}
begin=$SECONDS
expect_status 8 interrupted
[ $((SECONDS - begin)) -lt 5 ] || fail 'an interrupted detach goes on waiting'
grep -Eq 'slow: detach: stopped: .* still only in the cache' "$tmp/err" ||
	fail 'it does not say that it has stopped'
[ -e "$mnt/slow" ] || fail 'an interrupted detach took the backing away'
cmp -n 8M "$tmp/model" "$mnt/slow"
script -qec "$WBFS detach $mnt slow" /dev/null >"$tmp/bar" </dev/null
grep -q 'detach: \[#.*left' "$tmp/bar" || fail "no progress bar: $(cat "$tmp/bar")"
cmp -n 8M "$tmp/model" "$tmp/slow.img"

# Giving up.
dd if="$tmp/model" of="$mnt/other" bs=1M conv=notrunc,fsync status=none
wbfs drain "$mnt"
dd if=/dev/zero of="$mnt/other" bs=1M count=2 conv=notrunc,fsync status=none
expect_status 1 wbfs detach --discard-dirty "$mnt" other </dev/null
grep -Fq '2 MiB' "$tmp/err" || fail 'it does not say what would be lost'
cmp -n 2M /dev/zero "$mnt/other"
echo n | script -qec "$WBFS detach --discard-dirty $mnt other" /dev/null >"$tmp/asked" || true
grep -q '2 MiB.*lost' "$tmp/asked" || fail "it did not ask: $(cat "$tmp/asked")"
[ -e "$mnt/other" ] || fail 'it went on after a no'
sum=$(sha256sum <"$tmp/other.img")
echo other >"$control/detach_discard"
[ "$sum" = "$(sha256sum <"$tmp/other.img")" ] || fail 'the backing was written to'
cmp -n 8M "$tmp/model" "$tmp/other.img"
wbfs attach "$mnt" other="$tmp/other.img"
cmp -n 8M "$tmp/model" "$mnt/other"

# A missing one.
dd if=/dev/zero of="$mnt/other" bs=1M count=2 conv=notrunc,fsync status=none
umount_wb
mv "$tmp/other.img" "$tmp/away"
mount_wb --without other
expect_status 6 wbfs detach "$mnt" other
grep -Fq '512 blocks' "$tmp/err" || fail 'it does not say how much there is'
wbfs detach --discard-dirty --yes "$mnt" other
! grep -Fq 'backing other' "$control/status" || fail 'it is still remembered'
umount_wb
mount_wb
[ -z "$(ls "$mnt")" ] || fail "something is there: $(ls "$mnt")"
cmp -n 8M "$tmp/model" "$tmp/away"
umount_wb
