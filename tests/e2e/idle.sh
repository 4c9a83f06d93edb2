#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# With nothing to do the daemon does no I/O, uses no CPU to speak of, and all its threads together
# wake up once a second at most: that is the modulator (update_interval 1); without it, hardly ever.
# The kernel's own workers for io_uring, which look around every five seconds, are not counted.

. "$(dirname "$0")/functions.sh"
requires_plain_build 'measures an idle daemon'

seconds=7

# of all threads
wake_ups() {
	awk '/^Name:/ { kernel = /iou-/ }
		/^voluntary_ctxt_switches/ && !kernel { n += $2 }
		END { print n }' "/proc/$pid"/task/*/status
}

# of the machine's clock, usually 100 a second
cpu_ticks() {
	sed 's/.*) //' "/proc/$pid/stat" | awk '{ print $12 + $13 }'
}

bytes_of_io() {
	awk '/^(read|write)_bytes/ { n += $2 } END { print n }' "/proc/$pid/io"
}

# idles_with MOST: wake-ups while nobody wants anything. Others may ask for something (df, a desktop),
# so one quiet time of three is enough.
idles_with() {
	local most=$1 woken ticks io marks
	touch "$tmp/before"
	io=$(bytes_of_io)
	for _ in 1 2 3; do
		woken=$(wake_ups) ticks=$(cpu_ticks)
		sleep "$seconds"
		woken=$(($(wake_ups) - woken)) ticks=$(($(cpu_ticks) - ticks))
		[ "$woken" -gt "$most" ] || [ "$ticks" -gt 1 ] || break
	done
	[ "$woken" -le "$most" ] || fail "$woken wake-ups in $seconds seconds"
	[ "$ticks" -le 1 ] || fail "$ticks ticks of CPU in $seconds seconds"
	[ "$(bytes_of_io)" -eq "$io" ] || fail "I/O: $io bytes before, $(bytes_of_io) after"
	marks=$(find "$tmp" -name '*.img' -newer "$tmp/before")
	[ -z "$marks" ] || fail "written to: $marks"
}

start_wb 32M 32M
pid=$(daemon_pid)
random_file "$tmp/model" 3000000
dd if="$tmp/model" of="$exposed" bs=30000 conv=notrunc,fsync status=none
wbfs drain "$mnt"
sleep 3 # for what comes by intervals

idles_with $((seconds + 1))
echo 0 >"$control/update_interval"
idles_with 2
umount_wb
