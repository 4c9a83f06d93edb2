#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wbfs umount says who is in its way, by name, and changes nothing: processes with the file, loop
# devices, what is mounted of them, other mount points. --detach takes away what stands on the
# exposed files, from the top down, but only if nobody uses any of it; it touches nothing else.

. "$(dirname "$0")/functions.sh"
requires_loop
requires mkfs.ext4 perl unshare
requires_filesystem ext4

# told PATTERN...: wbfs umount OPTIONS refuses as busy and says all of that
told() {
	local pattern
	expect_status 5 wbfs umount "${options[@]}" "$mnt"
	for pattern; do
		grep -Eq "^wbfs: .*: in use: $pattern" "$tmp/err" || fail "it does not say '$pattern'"
	done
	mountpoint -q "$mnt" || fail 'refused, but unmounted'
}

start_wb 64M 64M
options=()

# Processes: with an open file, a directory, a mapping.
exec 5<"$exposed"
told "process $$ \(.*\) has open $exposed"
exec 5<&-
told_from() {
	cd "$1" && told "process $BASHPID \(.*\) works in $1"
}
(told_from "$mnt")
[ "$(uname -m)" = x86_64 ] || skip 'the number of mmap is not known here'
perl -e 'open my $f, "<", $ARGV[0] or die;
	my $p = syscall(9, 0, 4096, 1, 1, fileno $f, 0); die if $p < 0; close $f; # mmap
	syswrite STDOUT, "x"; sleep 60' "$exposed" >"$tmp/mapped" &
mapper=$!
on_exit kill "$mapper"
wait_until 10 test -s "$tmp/mapped"
told "process $mapper \(perl\) has mapped $exposed"
kill "$mapper"
wait "$mapper" 2>/dev/null || true

# Another mount point of the same file system, and one on it.
mkdir "$tmp/bound" "$fs"
mount --bind "$mnt" "$tmp/bound"
on_exit end_fs "$tmp/bound"
told ".* is also mounted on $tmp/bound"
options=(--drain)
told ".* is also mounted on $tmp/bound"
options=()
wbfs umount --detach "$mnt"
not mountpoint -q "$tmp/bound" || fail 'it is still mounted elsewhere'
no_daemons || fail 'the daemon outlives wbfs umount'
mount_wb

# Another mount namespace, which had it before: nothing can be done from here but to say so.
unshare --mount --propagation private sleep 5 &
sleeper=$!
is_apart() {
	[ "$(readlink "/proc/$sleeper/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ]
}
wait_until 5 is_apart
wbfs umount "$mnt" 2>"$tmp/err"
cat "$tmp/err"
grep -q "waiting: process $sleeper (sleep) has it in its mount namespace" "$tmp/err" ||
	fail 'it does not say what it waits for'
no_daemons || fail 'the daemon outlives wbfs umount'
wait "$sleeper"
mount_wb

# A tower: a file system on a loop device, with an image that is a file system on a loop device.
loop=$(wbfs loop "$mnt" disk)
on_exit end_loop "$loop" "$exposed"
mkfs.ext4 -q "$loop"
mount "$loop" "$fs"
on_exit end_fs "$fs"
truncate -s 16M "$fs/image"
mkfs.ext4 -q "$fs/image"
upper=$(losetup --find --show "$fs/image")
on_exit end_loop "$upper" "$fs/image"
mkdir "$tmp/top"
mount "$upper" "$tmp/top"
on_exit end_fs "$tmp/top"
echo kept >"$tmp/top/file"
told "$loop shows $exposed" "$loop is mounted on $fs" "$upper shows $fs/image" \
	"$upper is mounted on $tmp/top"
grep -q "^hint: wbfs umount --detach $mnt" "$tmp/err" || fail 'no hint'
expect_status 5 wbfs loop --detach "$mnt" disk
grep -q "$loop: in use: mounted on $fs" "$tmp/err" || fail 'it does not say where it is mounted'

# Somebody up there, or something that isn't ours: all stays.
options=(--detach)
exec 5<"$tmp/top/file"
told "process $$ \(.*\) has open $tmp/top/file"
mountpoint -q "$tmp/top" || fail 'refused, but unmounted above'
exec 5<&-
exec 5<"$fs/image" # further down: what is above it stays, too
told "process $$ \(.*\) has open $fs/image"
mountpoint -q "$tmp/top" || fail 'refused, but unmounted above'
exec 5<&-
mkdir "$tmp/top/foreign"
mount -t tmpfs foreign "$tmp/top/foreign"
on_exit end_fs "$tmp/top/foreign"
told "foreign is mounted on $tmp/top/foreign"
mountpoint -q "$tmp/top/foreign" || fail 'it took away what is not ours'
mountpoint -q "$fs" || fail 'refused, but unmounted below'
umount "$tmp/top/foreign"

# What the kernel itself uses: swap space, of which the table is enough here.
cat >"$tmp/swaps" <<END
Filename				Type		Size		Used		Priority
$upper                              partition	16380		0		-2
END
swapping() {
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount --propagation private sh -ec 'mount --bind "$1" /proc/swaps; shift; exec "$@"' \
		sh "$tmp/swaps" "$WBFS" "$@"
}
expect_status 5 swapping umount --detach "$mnt"
grep -q "$upper: in use: swap space is made of it" "$tmp/err" || fail 'not said what it is used for'
has_loop "$upper" || fail 'refused, but taken away'

# Another loop device of the machine stays.
make_disk 1M "$tmp/stranger.img"
stranger=$(losetup --find --show "$tmp/stranger.img")
on_exit end_loop "$stranger" "$tmp/stranger.img"
wbfs umount --detach --drain "$mnt"
no_daemons || fail 'the daemon outlives wbfs umount'
not mountpoint -q "$tmp/top" || fail 'the top is still mounted'
not mountpoint -q "$fs" || fail 'still mounted'
not has_loop "$loop" || fail 'the loop device is still there'
not has_loop "$upper" || fail 'the upper loop device is still there'
has_loop "$stranger" || fail "a stranger's loop device is gone"

# What was written up there went all the way down before it was drained.
mkdir "$tmp/below"
mount -o loop,ro "$disk" "$tmp/below"
on_exit end_fs "$tmp/below"
mount -o loop,ro "$tmp/below/image" "$tmp/top"
[ "$(cat "$tmp/top/file")" = kept ] || fail 'the file is not there'
umount "$tmp/top"
umount "$tmp/below"
