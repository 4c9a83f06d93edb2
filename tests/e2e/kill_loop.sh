#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The daemon is killed again and again, at a random moment under load: programs that write and
# fsync files on ext4 on a loop device, and others that write to two backings without a file
# system. After each time e2fsck finds nothing wrong, every file that had been synced is there, and
# the two backings show one state of the past with all that was synced.
#
#	WB_SEED=n        the same moments and writes again
#	KILL_ROUNDS=n    how often (5)

. "$(dirname "$0")/functions.sh"
requires perl fallocate md5sum mkfs.ext4 e2fsck
requires_filesystem ext4
requires_loop
perl -MDigest::MD5 -e1 || skip 'no Digest::MD5 for perl on this machine'

tools=$top_srcdir/tests/crash
seed=${WB_SEED:-$RANDOM}
echo "seed $seed"
RANDOM=$seed
names=(one two)
nr_files=3 # programs that write files
nr_raw=2   # programs that write to the two backings

mount_all() {
	wbfs mount --cache "$cache" ${WB_MOUNT_OPTIONS:+-o "$WB_MOUNT_OPTIONS"} "$mnt"
	loop_on "$exposed"
	mount -o discard "$loop" "$fs" # replays ext4's journal
}

umount_all() {
	umount "$fs"
	loop_off
	umount_wb
}

# What a dead daemon leaves behind.
clean_up() {
	umount "$fs"
	loop_off
	umount "$mnt"
}

read_backings() { # DIRECTORY: copy what wbfs shows to it
	mkdir -p "$1"
	cp "$mnt/one" "$mnt/two" "$1"
}

writers=()
start_writers() { # ROUND
	local i
	writers=()
	rm -f "$tmp"/*.journal "$tmp/raw.log"
	for ((i = 0; i < nr_files; i++)); do
		"$tools/files.pl" "$fs/$1.$i" "$tmp/$i.journal" "$((seed + 10 * $1 + i))" &
		writers+=($!)
	done
	for ((i = 0; i < nr_raw; i++)); do
		"$tools/writer.pl" "$tmp/raw.log" "$1" "$i" "$nr_raw" "$((seed + $1))" 1000000 \
			"${names[@]/#/$mnt/}" &
		writers+=($!)
	done
}

pause() { # SECONDS
	read -r -t "$1" <>"$tmp/never" || true
}

kill_under_load() {
	local pid writer
	pid=$(daemon_pid)
	pause "$((RANDOM % 2)).$((RANDOM % 10))$((RANDOM % 10))"
	wait_until 30 test -s "$tmp/raw.log" -a -s "$tmp/0.journal"
	for writer in "${writers[@]}"; do
		kill -0 "$writer" || fail 'a writer ended before the daemon was killed'
	done
	kill -KILL "$pid"
	for writer in "${writers[@]}"; do
		! wait "$writer" || fail 'a writer did not notice that the daemon was killed'
	done
	wait_until 30 no_daemons
}

# Of a file that was to be removed nobody can tell.
must_be_there() {
	cat "$tmp"/*.journal | awk '$1 == "gone" { delete sum[$2]; next } { sum[$2] = $1 }
		END { for (path in sum) print sum[path] "  " path }'
}

check_files() {
	must_be_there >"$tmp/sums"
	[ -s "$tmp/sums" ] || fail 'no file was synced'
	md5sum --check --quiet "$tmp/sums" || fail "synced files are missing or wrong (seed $seed)"
	umount "$fs"
	e2fsck -fn "$loop"
	mount -o discard "$loop" "$fs"
	synced=$((synced + $(wc -l <"$tmp/sums")))
}

check_raw() {
	read_backings "$tmp/after"
	"$tools/history.pl" "$tmp/raw.log" - "$tmp/before/one=$tmp/after/one" \
		"$tmp/before/two=$tmp/after/two" || fail "not a state of the past (seed $seed)"
}

make_cache 16M --segment-size 256K
make_disk 256M
make_disk 4M "$tmp/one.img"
make_disk 4M "$tmp/two.img"
mkfs.ext4 -q "$disk"
mkdir -p "$fs"
mount_wb -d "disk=$disk" -d "one=$tmp/one.img" -d "two=$tmp/two.img"
umount_wb
on_exit end_fs "$fs"

synced=0
mount_all
for ((round = 1; round <= ${KILL_ROUNDS:-5}; round++)); do
	read_backings "$tmp/before"
	start_writers "$round"
	kill_under_load
	clean_up
	mount_all
	check_files
	check_raw
	rm -rf "$fs"/*.*
done
umount_all
set +x
echo "$((round - 1)) rounds with $synced synced files in $SECONDS s, seed $seed"
