#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wbfs top on terminals that can do less: no colours wanted, ASCII only, no cursor, none at all.

. "$(dirname "$0")/functions.sh"
. "$(dirname "$0")/terminal_functions.sh"
grep -q 'define HAVE_NCURSESW' "$top_builddir/config.h" || skip 'built without ncurses'

coloured() {
	screen -e | grep -q $'\e''\[[0-9;]*3[1-6][;m]'
}

# shows_all ENVIRONMENT...: on a terminal with it
shows_all() {
	on_terminal 80x24 env "$@" "$WBFS" top -d 0.2 "$mnt"
	expect_screen "^wbfs top  $mnt"
	expect_screen '^disk +healthy'
	expect_screen '^q quit'
}

start_wb 16M 16M
shows_all LC_ALL=C.UTF-8 TERM=screen-256color
coloured || fail 'no colours where they are welcome'
screen_has '·' || fail 'only ASCII where there is more'
press q
expect_ended 0

shows_all LC_ALL=C.UTF-8 TERM=screen-256color NO_COLOR=1
not coloured || fail 'colours in spite of NO_COLOR'
press q
expect_ended 0

shows_all LC_ALL=C TERM=vt100
not coloured || fail 'colours on a vt100'
not screen_has '[^ -~]' || fail 'more than ASCII in the locale C'
screen_has '^log +\.\.\.' || fail 'no log in ASCII'
press q
expect_ended 0

# What can't move its cursor gets lines, as with -b.
on_terminal 80x30 env TERM=dumb "$WBFS" top -n 1 "$mnt"
expect_screen '^disk +healthy'
not screen_has '^q quit' || fail 'keys are offered that nobody reads'
expect_ended 0

refused 1 'not a terminal' wbfs top "$mnt"
grep -qx "hint: wbfs top -b -n 1 $mnt" "$tmp/err" || fail 'no hint'
umount_wb
