# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154,SC2034,SC2017
#
# What the rows of bench/run are made of: disks, daemons, loads. On top of tests/e2e/functions.sh.
# A row runs in a subshell, which cleans up at its end by end_all.

# ---- what a machine may not have ----

# lacking WHY...: this row can't be measured here
lacking() {
	echo "$*" >"$tmp/lacking"
	exit 3
}

# needs_room DIRECTORY MEBIBYTES: and as much again, for whoever else is there
needs_room() {
	local free
	free=$(df --output=avail -B1M "$1" | tail -n 1)
	[ "$free" -ge $(($2 * 5 / 4)) ] ||
		lacking "$1 has ${free// /} MiB free, $(($2 * 5 / 4)) are needed (--size, TMPDIR)"
}

needs_memory() {
	local free
	free=$(awk '$1 == "MemAvailable:" { print int($2 / 1024) }' /proc/meminfo)
	[ "$free" -ge "$1" ] || lacking "$free MiB of memory are available, $1 are needed"
}

needs_loop() {
	[ -e /dev/loop-control ] || modprobe -q loop 2>/dev/null || lacking 'no loop devices'
}

# Are there enough CPUs to have a writer and a daemon at work at the same time?
needs_cpus() {
	[ "$(nproc)" -ge 2 ] || lacking "one CPU; a writer and a daemon need two"
}

# ---- disks ----

# new_image FILE MEBIBYTES: with everything written once, so that nothing has to be allocated later
new_image() {
	rm -f "$1"
	fallocate -l "${2}M" "$1" || lacking "$1: can't allocate $2 MiB"
	"$RAW" --bytes "${2}M" --seconds 600 "$1" >/dev/null || fail "can't write $1"
}

# sparse_image FILE MEBIBYTES
sparse_image() {
	rm -f "$1"
	truncate -s "${2}M" "$1"
}

# bench_loop FILE: sets $loop
bench_loop() {
	loop=$(losetup --find --show --direct-io=on "$1") ||
		lacking "$1: no loop device with direct I/O"
}

drop_loop() {
	local i
	[ -n "$loop" ] || return 0
	losetup --detach "$loop" 2>/dev/null || true
	for ((i = 0; i < 100; i++)); do
		has_loop "$loop" || break
		sleep 0.05
	done
	loop=
}

# ---- daemons ----

# How a daemon or a yardstick is started: within the control group of an emulated disk, if any.
within=()

# What else it is mounted with: no migration.
mount_options=(-o 'update_interval=0,allow_migrate=0')

# new_wbfs CACHE [ARGUMENT...]: an empty cache, mounted on $mnt
new_wbfs() {
	local dev=$1
	shift
	mkwbfs --force "$dev" >/dev/null 2>"$tmp/mkwbfs.err" || fail "$(cat "$tmp/mkwbfs.err")"
	"${within[@]}" "$WBFS" mount --cache "$dev" "$@" "${mount_options[@]}" "$mnt" \
		2>"$tmp/mount.err" || fail "$(cat "$tmp/mount.err")"
	wbfs_pid=$(figure pid)
	log_bytes=$(($(figure nr_segments) * ($(figure segment_blocks) - 1) * 4096))
}

# figure NAME: of status
figure() {
	awk -v name="$1:" '$1 == name { print $2; exit }' "$control/status"
}

kill_wbfs() {
	kill -KILL "$wbfs_pid" 2>/dev/null || true
	umount -l "$mnt" 2>/dev/null || true
}

# drop_wbfs [now]: in order, or at once, whatever migration is about to do
drop_wbfs() {
	local i
	[ -n "$wbfs_pid" ] || return 0
	if [ "${1-}" = now ] || ! "$WBFS" umount "$mnt" >/dev/null 2>&1; then
		kill_wbfs
	fi
	for ((i = 0; i < 200; i++)); do
		kill -0 "$wbfs_pid" 2>/dev/null || break
		sleep 0.05
	done
	wbfs_pid=
}

# new_null [ARGUMENT...]: the daemon without an engine, on $null_dir
new_null() {
	"$NULL" "$@" "$null_dir" &
	served_by $! "$null_dir"
}

# served_by PID DIRECTORY: wait until it is mounted
served_by() {
	local i
	other_pid=$1 other_dir=$2
	for ((i = 0; i < 200; i++)); do
		! findmnt --noheadings --mountpoint "$other_dir" >/dev/null || return 0
		kill -0 "$other_pid" 2>/dev/null || break
		sleep 0.05
	done
	fail "nothing is mounted on $other_dir"
}

# What was started by new_null, or by a peer.
drop_other() {
	local i
	[ -n "$other_pid" ] || return 0
	umount "$other_dir" 2>/dev/null || umount -l "$other_dir" 2>/dev/null || true
	# They end by themselves then, but some have a lot to write first.
	for ((i = 0; i < 40; i++)); do
		kill -0 "$other_pid" 2>/dev/null || break
		sleep 0.05
	done
	kill -KILL "$other_pid" 2>/dev/null || true
	wait "$other_pid" 2>/dev/null || true
	other_pid=
}

# group_up IMAGE KEY=N...: sets $emulated, and what is then started counts
group_up() {
	group=wbfs-bench-$$
	emulated=$("$BENCH/emulated" up "$group" "$@") || lacking "$(cat "$tmp/err")"
	within=("$BENCH/emulated" run "$group")
}

group_down() {
	[ -n "$group" ] || return 0
	"$BENCH/emulated" down "$group" "$emulated" || true
	within=() group=''
}

# Whatever is exposed now.
drop_all() {
	drop_loop
	drop_wbfs
	drop_other
	[ -z "$nbdkit_pid" ] || {
		kill "$nbdkit_pid" 2>/dev/null || true
		wait "$nbdkit_pid" 2>/dev/null || true
		nbdkit_pid=
	}
	rm -rf "$tmp/s3" "$tmp/nbd"
}

# What waits for a daemon that doesn't answer ends when that has been killed.
stop_working() {
	local i
	[ -n "$working_pid" ] || return 0
	kill "$working_pid" 2>/dev/null
	for ((i = 0; i < 100; i++)); do
		kill -0 "$working_pid" 2>/dev/null || break
		sleep 0.05
	done
}

end_all() {
	trap - EXIT
	trap '' INT TERM HUP
	set +e
	stop_working
	stop_looking
	drop_all
	[ -z "$working_pid" ] || wait "$working_pid" 2>/dev/null
	group_down
	rm -f "$tmp"/*.img "${fast_image:-}"
}

# ---- loads ----

# working COMMAND...: what may take long; bash is not deaf to signals meanwhile
working() {
	local status=0
	"$@" &
	working_pid=$!
	wait "$working_pid" || status=$?
	working_pid=
	return "$status"
}

# What every load has. The clock is not looked at for each I/O unless that is what is wanted.
each_load=(--direct=1 --norandommap --random_generator=tausworthe64 --randrepeat=0
	--group_reporting)
timing=(--gtod_reduce=1 --output-format=json)

on_trouble=fail # what to do if fio fails

# fio_does FIO-ARGUMENT...: leaves the result in $tmp/fio.json
fio_does() {
	working fio "${each_load[@]}" "${timing[@]}" --randseed=$((++seed)) \
		--output="$tmp/fio.json" "$@" >"$tmp/fio.out" 2>&1 ||
		"$on_trouble" "fio: $(cat "$tmp/fio.out")"
}

# load FILE FIO-ARGUMENT...
load() {
	fio_does --name=load --filename="$1" --ioengine=libaio --runtime="${seconds_ms}ms" "${@:2}"
}

# load_warm FILE FIO-ARGUMENT...: the same, after a moment of it that doesn't count: whatever is
# used for the first time has been used, and who is measured first has no disadvantage.
load_warm() {
	local warm_ms=$((seconds_ms / 8))
	load "$@" ${warm_room:+--io_size="$warm_room"} \
		--runtime="$((warm_ms < 300 ? warm_ms : 300))ms"
	load "$@"
}

# fio_is EXPRESSION: of what the last load left, by jq
fio_is() {
	jq -r ".jobs[0] | $1 |
		if . == null or . == 0 then error(\"nothing was done\") else . end" \
		"$tmp/fio.json" || fail 'fio: no result'
}

write_rate='.write | .io_bytes * 1000 / .runtime' # bytes a second
write_iops='.write | .total_ios * 1000 / .runtime'
read_iops='.read | .total_ios * 1000 / .runtime'

# log_room [BLOCKS [WRITERS]]: sets $room, how much each of so many writers may write, and
# $warm_room, how much before: two thirds of the log in all, as beyond three quarters it migrates.
# BLOCKS is what a block takes there.
log_room() {
	local share=$((log_bytes / 12 / ${1:-1} / ${2:-1} / 4096 * 4))
	room=(--io_size="$((7 * share))k") warm_room=${share}k
}

# lasted: was the last load ended by time, not soon by a full log?
lasted() {
	local ms asked=$((seconds_ms / 2))
	ms=$(fio_is .write.runtime)
	[ "$ms" -ge $((asked < 500 ? asked : 500)) ] ||
		lacking "a log of $((log_bytes / 1048576)) MiB has room for $ms ms of this: too short (--size)"
}
