#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a new user tries: commands without words, on the wrong directory, on a file, on somebody
# else's mount, on a mount that died, with closed or full outputs and without a terminal. Each time
# one message that names what was meant, the right exit status, and nothing half done.

. "$(dirname "$0")/functions.sh"
requires_loop
requires setsid

make_cache 16M
make_disk 16M
mkdir "$mnt" "$tmp/empty" "$tmp/theirs"
mount -t tmpfs theirs "$tmp/theirs"
on_exit end_fs "$tmp/theirs"
commands=(umount flush drain)

for command in mount loop "${commands[@]}"; do
	refused 1 "$command: too few" wbfs "$command"
	grep -q "^hint: wbfs $command --help" "$tmp/err" || fail 'no hint'
	refused 1 'unknown option' wbfs "$command" --nosuchoption "$mnt"
done
for command in "${commands[@]}"; do
	for wrong in "$tmp/empty" "$tmp/theirs" "$disk" / /proc; do
		refused 1 "$wrong: $command: not a mount point of wbfs" wbfs "$command" "$wrong"
	done
	refused 1 'missing/x: .*no such file' wbfs "$command" "$tmp/missing/x"
	refused 1 'too many' wbfs "$command" "$tmp/empty" "$tmp/theirs" "$mnt"
done
mountpoint -q "$tmp/theirs" || fail "unmounted somebody else's"
refused 1 'not a mount point of wbfs' wbfs loop "$tmp/theirs" disk
refused 1 'no line of type fuse.wbfs' env LIBMOUNT_FSTAB=/dev/null "$WBFS" mount "$tmp/empty"

# No terminal, and nobody who could read what is said.
quietly() {
	setsid "${daemon[@]}" mount --cache "$cache" ${WB_MOUNT_OPTIONS:+-o "$WB_MOUNT_OPTIONS"} "$@" \
		"$mnt" <&- >&- 2>&-
}
on_exit end_wb "$mnt"
quietly -d "disk=$disk"
mountpoint -q "$mnt" || fail 'not mounted'
ls -l "/proc/$(daemon_pid)/fd" >"$tmp/descriptors"
for fd in 0 1 2; do
	grep -q " $fd -> /dev/null" "$tmp/descriptors" || fail "descriptor $fd is not /dev/null"
done
for command in flush drain; do
	"$WBFS" "$command" "$mnt" <&- >&- 2>&-
done
to_nobody() {
	"$WBFS" loop "$mnt" disk >&-
}
expect_status 6 to_nobody
[ "$(grep -c . "$tmp/err")" -eq 1 ] || fail 'not one message'
[ -z "$(losetup --noheadings --associated "$exposed")" ] || fail 'a loop device is left'
expect_status 5 quietly # in use
"$WBFS" umount "$mnt" <&- >&- 2>&-
no_daemons || fail 'the daemon outlives wbfs umount'

# One that died: everything says so and what to do, and umount takes it away.
mount_wb
kill_wb
wait_until 30 is_dead "$mnt"
for command in flush drain status; do
	expect_status 6 wbfs "$command" "$mnt"
	grep -q "^wbfs: $mnt: .*: the daemon of this mount is gone" "$tmp/err" || fail 'not said why'
	grep -q "^hint: wbfs umount $mnt" "$tmp/err" || fail 'no hint'
	[ "$(wc -l <"$tmp/err")" -eq 2 ] || fail "more than that: $(cat "$tmp/err")"
done
expect_status '[16]' wbfs loop "$mnt" disk
expect_status 0 wbfs umount "$mnt"
not mountpoint -q "$mnt" || fail 'still mounted'
[ ! -s "$tmp/err" ] || fail 'it complains'

# Dead, and with a loop device that nobody can use any more.
mount_wb
loop_on "$exposed"
kill_wb
wait_until 30 is_dead "$mnt"
expect_status 0 wbfs umount --detach "$mnt"
not has_loop "$loop" || fail 'the loop device is still there'
