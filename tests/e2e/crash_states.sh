#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Power cuts, made from what the real daemon did. One session of writes, syncs and discards on two
# backings is recorded, down to each write and flush of cache and backings. From the record, disks
# are built as a power cut at any moment may leave them: what was not flushed is there, lost or
# torn. Each is mounted, and must show a state of the past, the same for both backings, with all
# that was synced. Some are written on, recorded anew and cut again: in recovery, in what comes
# after it, and in the end.
#
#	WB_SEED=n         the same choices again, but of another recording
#	WB_KEEP=1         leave the recording there, for states.pl and history.pl
#	CRASH_STATES=n    how many disks from the first session (30)
#	CRASH_AGAIN=n     every so many of them is written on (6), and cut ...
#	CRASH_DEEPER=n    ... so often (4)

. "$(dirname "$0")/functions.sh"
requires perl fallocate
read -ra compiler <<<"${CC:-cc}"
requires "${compiler[0]}"
[ -z "$WB_VALGRIND" ] || skip 'the recorder can not be preloaded into valgrind'

tools=$top_srcdir/tests/crash
seed=${WB_SEED:-$RANDOM}
echo "seed $seed"
names=(one two)
nr_writers=3
states=0
life=0

read_backings() { # DIRECTORY: copy what wbfs shows to it
	local name
	mkdir -p "$1"
	for name in "${names[@]}"; do
		cp "$mnt/$name" "$1/$name" || fail "$name can't be read (seed $seed)"
	done
}

mount_again() {
	wbfs mount --cache "$cache" ${WB_MOUNT_OPTIONS:+-o "$WB_MOUNT_OPTIONS"} "$@" "$mnt" ||
		fail "can't be mounted (seed $seed)"
}

# Memory for few segments and small batches, so that the log wraps and migrates all the time. Only
# system calls can be recorded, no io_uring.
mount_recorded() { # LOG
	local plain=("${daemon[@]}") options=io=threads,buffers=24,nr_max_batched_migration=3
	daemon=(env LD_PRELOAD="$tmp/record.so" RECORD_LOG="$1" RECORD_DELAY_US=3000
		RECORD_FILES="$cache:$tmp/one.img:$tmp/two.img"
		ASAN_OPTIONS="verify_asan_link_order=0:$ASAN_OPTIONS" "$WBFS")
	mount_again -o "$options"
	daemon=("${plain[@]}")
}

# write_on LOG COUNT: all writers together, COUNT operations each
write_on() {
	local writers=() writer
	life=$((life + 1))
	for ((writer = 0; writer < nr_writers; writer++)); do
		"$tools/writer.pl" "$1" "$life" "$writer" "$nr_writers" "$((seed + life))" "$2" \
			"${names[@]/#/$mnt/}" &
		writers+=($!)
	done
	for writer in "${writers[@]}"; do
		wait "$writer" || fail 'a writer failed'
	done
}

# build LOG NUMBER BASE: the disks after a power cut; sets $cut
build() {
	local devices=("$3/cache.img=$cache") name
	for name in "${names[@]}"; do
		devices+=("$3/$name.img=$tmp/$name.img")
	done
	cut=$("$tools/states.pl" "$1" "$seed" "$2" "${devices[@]}")
}

save_disks() { # DIRECTORY
	mkdir -p "$1"
	cp "$cache" "$tmp/one.img" "$tmp/two.img" "$1"
}

# expect_past LOG CUT BEFORE AFTER: what AFTER has is a state of the past
expect_past() {
	local files=() name
	for name in "${names[@]}"; do
		files+=("$3/$name=$4/$name")
	done
	"$tools/history.pl" "$1" "$2" "${files[@]}" || fail "not a state of the past (seed $seed)"
	states=$((states + 1))
}

# The backings alone have the same when all is migrated.
expect_drained() { # DIRECTORY
	local name
	wbfs drain "$mnt"
	for name in "${names[@]}"; do
		cmp "$1/$name" "$tmp/$name.img" || fail "drained is not what was read (seed $seed)"
	done
}

# A disk that is mounted and checked is written on and cut again: what was read stays.
cut_again() { # NUMBER
	local log=$tmp/again.log cut_before=$cut i
	rm -f "$log"
	save_disks "$tmp/again"
	mount_recorded "$log"
	read_backings "$tmp/seen"
	expect_past "$tmp/first.log" "$cut_before" "$tmp/begin" "$tmp/seen"
	write_on "$log" 15
	if (($1 % 2)); then
		umount_wb
	else
		kill_wb
		umount "$mnt"
	fi
	for ((i = 1; i <= ${CRASH_DEEPER:-4}; i++)); do
		build "$log" "$((1000 * $1 + i))" "$tmp/again"
		mount_again
		read_backings "$tmp/after"
		expect_past "$log" "$cut" "$tmp/seen" "$tmp/after"
		umount_wb
	done
}

"${compiler[@]}" -D_GNU_SOURCE -O1 -fPIC -shared -o "$tmp/record.so" "$tools/record.c" -ldl

# Not the first mount: the disks have been closed in order before.
make_cache 2M --segment-size 64K
for name in "${names[@]}"; do
	make_disk 2M "$tmp/$name.img"
done
mount_wb -d "one=$tmp/one.img" -d "two=$tmp/two.img"
write_on "$tmp/prepare.log" 20
read_backings "$tmp/begin"
umount_wb

save_disks "$tmp/first"
mount_recorded "$tmp/first.log"
write_on "$tmp/first.log" 200
umount_wb
"$tools/states.pl" --summary "$tmp/first.log"

for ((n = 1; n <= ${CRASH_STATES:-30}; n++)); do
	build "$tmp/first.log" "$n" "$tmp/first"
	if ((n % ${CRASH_AGAIN:-6} == 0)); then
		cut_again "$n"
		continue
	fi
	mount_again
	read_backings "$tmp/after"
	expect_past "$tmp/first.log" "$cut" "$tmp/begin" "$tmp/after"
	((n % 3)) || expect_drained "$tmp/after"
	umount_wb
done
set +x
echo "$states states in $SECONDS s, seed $seed"
