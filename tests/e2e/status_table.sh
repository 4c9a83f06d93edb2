#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The tree of wbfs status: cache, backing, and what lies on its loop device; as JSON, raw, with
# chosen columns, in bytes; on a terminal as narrow as 40 columns, in ASCII or UTF-8.

. "$(dirname "$0")/functions.sh"
requires mkfs.ext4 script
requires_loop

# shows LINE: exactly, but for blanks
shows() {
	sed 's/[[:space:]]\+/ /g; s/ $//' "$tmp/out" | grep -Fxq -- "$1" || fail "no line '$1'"
}

# on_terminal COLUMNS LOCALE COMMAND...: as seen there, in $tmp/out
on_terminal() {
	local columns=$1 locale=$2
	shift 2
	LC_ALL=$locale script -qec "stty cols $columns rows 24; $(printf '%q ' "$@")" /dev/null \
		</dev/null >"$tmp/pty"
	tr -d '\r' <"$tmp/pty" >"$tmp/out"
	cat "$tmp/out"
}

make_cache 16M
make_disk 16M
make_disk 8M "$tmp/second.img"
mount_wb -d "disk=$disk" -d "second=$tmp/second.img,cache=none"
loop_on "$exposed"
mkfs.ext4 -q "$loop"
mount_fs "$loop"
name=${loop#/dev/}

expect_status 0 wbfs status --output NAME,TYPE,SIZE,MOUNTPOINT "$mnt"
shows 'NAME TYPE SIZE MOUNTPOINT'
shows "cache.img cache 15M $mnt"
shows '|-disk backing 16M'
shows "| \`-$name loop 16M $fs"
shows '`-second backing 8M'
expect_status 0 wbfs status --raw --bytes --noheadings -o name,size,id,path "$mnt"
shows "cache.img 15728640 $cache"
shows "second 8388608 0 $tmp/second.img"
expect_status 0 wbfs status --json --output name,size,mountpoint,use% --bytes "$mnt"
perl -MJSON::PP -e '
	local $/;
	my $cache = decode_json(<STDIN>)->{wbfs}[0];
	my $loop = $cache->{children}[0]{children}[0];
	exit 1 unless $cache->{size} == 15728640 && $loop->{mountpoint} eq $ARGV[0];' "$fs" \
	<"$tmp/out" || fail 'not the tree as JSON'
expect_status 0 wbfs status --output +label,uuid --noheadings --raw "$mnt"
grep -Eq '^cache.img cache .* [0-9a-f]{8}-[0-9a-f-]+$' "$tmp/out" || fail 'no column was added'
refused 1 'nmae: unknown column' wbfs status --output size,nmae "$mnt"
grep -Fxq 'hint: did you mean NAME?' "$tmp/err" || fail 'the nearest column is not named'
refused 1 'no columns' wbfs status --output '' "$mnt"

for locale in C C.UTF-8; do
	on_terminal 40 "$locale" "$WBFS" status "$mnt"
	grep -Eq '^log \[.+\] [0-9]+ % in use$' "$tmp/out" || fail 'the log is not drawn in a line'
	LC_ALL=C.UTF-8 grep -E '^.{41}' "$tmp/out" && fail 'wider than the terminal'
done
grep -Fq '░' "$tmp/out" || fail 'no UTF-8 in a locale that has it'
on_terminal 40 C "$WBFS" get "$mnt"
! grep -E '^.{41}' "$tmp/out" || fail 'wider than the terminal'
on_terminal 40 C "$WBFS" stat "$mnt"
! grep -E '^.{41}' "$tmp/out" || fail 'wider than the terminal'
! LC_ALL=C grep -q '[^ -~]' <("$WBFS" status "$mnt") || fail 'not ASCII'
