#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A recovery that takes long shows how far it is, on a terminal of any width as a bar. It can be
# stopped by Ctrl-C or a signal: exit status 8, one message, nothing mounted, running or written. A
# mount that is stopped just when it is there is unmounted again.

. "$(dirname "$0")/functions.sh"
slow_daemon 60000

make_cache 128M --segment-size 64K
make_disk 64M
mount_wb -d "disk=$disk" -o allow_migrate=0,update_interval=0
random_file "$tmp/model" 48M
dd if="$tmp/model" of="$exposed" bs=1M conv=notrunc,fsync status=none
kill_wb
wait_until 30 is_dead "$mnt"
umount -l "$mnt"
mount=("${daemon[@]}" mount --cache "$cache" -o io=threads)

# Some seconds of looking for the end, and some more of recovery.
: >"$tmp/slow"
on_terminal 40 '' "${mount[@]}" "$mnt"
grep -q '^looking for the log.s end: .* %' "$tmp/screen" || fail 'no progress of the first part'
grep -q '^recovering the log: .* %' "$tmp/screen" || fail 'no progress of the second part'
! grep -q '.\{40\}' "$tmp/screen" || fail "wider than the terminal: $(grep '.\{40\}' "$tmp/screen")"
rm "$tmp/slow"
umount_wb
on_terminal 100 '' "${mount[@]}" "$mnt"
! grep -q . "$tmp/screen" || fail 'something is shown although it was quick'
cmp -n 48M "$tmp/model" "$exposed"
dd if="$tmp/model" of="$exposed" bs=1M conv=notrunc,fsync status=none
kill_wb
wait_until 30 is_dead "$mnt"
umount -l "$mnt"

# stop_after SECONDS SIGNAL [OPTION]: a mount, and a signal for who was started
stop_after() {
	local pid status=0
	"${mount[@]}" "${@:3}" "$mnt" &
	pid=$!
	sleep "$1"
	kill "-$2" "$pid"
	SECONDS=0
	wait "$pid" || status=$?
	[ "$SECONDS" -lt 5 ] || fail 'it went on after it was told to stop'
	return "$status"
}
: >"$tmp/slow"
for signal in TERM HUP; do
	refused 8 'stopped: nothing is mounted' stop_after 1 "$signal"
	refused 8 'stopped: nothing is mounted' stop_after 1 "$signal" -f
done
refused 8 'stopped: nothing is mounted' stop_after 5 TERM

before=$(sum_images)
status=0
on_terminal 80 '\003' "${mount[@]}" "$mnt" || status=$?
[ "$status" -eq 8 ] || fail "exit status $status instead of 8 after Ctrl-C"
grep -q 'stopped: nothing is mounted' "$tmp/screen" || fail 'it does not say that it has stopped'
no_daemons || fail 'something still runs'
not mountpoint -q "$mnt" || fail 'mounted all the same'
[ "$before" = "$(sum_images)" ] || fail 'an image changed'

# Not a terminal: a line every ten seconds.
slow_daemon 90000
mount=("${daemon[@]}" mount --cache "$cache" -o io=threads)
expect_status 0 "${mount[@]}" "$mnt"
grep -Eq '^wbfs: (looking|recovering).* [0-9]+ %, .* left' "$tmp/err" || fail 'no line about it'
rm "$tmp/slow"
cmp -n 48M "$tmp/model" "$exposed"
umount_wb
