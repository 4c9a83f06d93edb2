#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# When the mount goes away, or its daemon dies or hangs, wbfs top says so, gives the terminal back
# and can be quit.

. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/terminal_functions.sh"
grep -q 'define HAVE_NCURSESW' "$top_builddir/config.h" || skip 'built without ncurses'

show() {
	on_terminal 80x24 "$WBFS" top -d 0.2 "$mnt"
	expect_screen healthy
}

# Not what runs on the terminal.
only_daemon() {
	daemons | while read -r pid; do
		[[ $(tr '\0' ' ' <"/proc/$pid/cmdline") == *' top '* ]] || echo "$pid"
	done
}

start_wb 16M 16M
show
wbfs umount "$mnt"
expect_screen "^wbfs: $mnt: top: no longer mounted$"
not screen_has healthy || fail 'the terminal was not given back'
expect_ended 8

mount_wb
if [ "$WB_SANITIZERS" = no ]; then # their check for leaks waits for all threads
	show
	pid=$(only_daemon)
	stop_process "$pid"
	expect_screen 'NO ANSWER for [0-9]+ s'
	press f # waits for the daemon, too
	expect_screen '^flush\.\.\.'
	press q
	expect_ended 0
	kill -CONT "$pid"
fi

show
pid=$(only_daemon)
kill -KILL "$pid"
expect_screen "^wbfs: $mnt: status.json: the daemon of this mount is gone$"
expect_screen "^hint: wbfs umount $mnt$"
expect_ended 6
refused 6 'daemon of this mount is gone' wbfs top "$mnt"
wbfs umount "$mnt"
refused 1 'not a mount point of wbfs' wbfs top "$mnt"
