# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154,SC2034
#
# What the rows of bench/run are made of: disks, daemons, loads, figures, verdicts. On top of
# tests/e2e/functions.sh. A row runs in a subshell, which cleans up at its end by end_all.

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

# new_wbfs CACHE [ARGUMENT...]: an empty cache, mounted on $mnt, without migration
new_wbfs() {
	local dev=$1
	shift
	mkwbfs --force "$dev" >/dev/null 2>"$tmp/mkwbfs.err" || fail "$(cat "$tmp/mkwbfs.err")"
	"${within[@]}" "$WBFS" mount --cache "$dev" "$@" -o update_interval=0,allow_migrate=0 "$mnt" \
		2>"$tmp/mount.err" || fail "$(cat "$tmp/mount.err")"
	wbfs_pid=$(figure pid)
	log_bytes=$(($(figure nr_segments) * ($(figure segment_blocks) - 1) * 4096))
}

# figure NAME: of status
figure() {
	awk -v name="$1:" '$1 == name { print $2; exit }' "$control/status"
}

drop_wbfs() {
	local i
	[ -n "$wbfs_pid" ] || return 0
	"$WBFS" umount "$mnt" >/dev/null 2>&1 || {
		kill -KILL "$wbfs_pid" 2>/dev/null || true
		umount -l "$mnt" 2>/dev/null || true
	}
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

end_all() {
	trap - EXIT
	trap '' INT TERM HUP
	set +e
	[ -z "$working_pid" ] || {
		kill "$working_pid" 2>/dev/null
		wait "$working_pid" 2>/dev/null
	}
	drop_all
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

# load FILE FIO-ARGUMENT...: leaves the result in $tmp/fio.json
load() {
	local file=$1
	shift
	working fio --name=load --filename="$file" --direct=1 --ioengine=libaio --norandommap \
		--random_generator=tausworthe64 --randrepeat=0 --randseed=$((++seed)) \
		--gtod_reduce=1 --group_reporting --runtime="${seconds_ms}ms" \
		--output-format=json --output="$tmp/fio.json" "$@" >"$tmp/fio.out" 2>&1 ||
		fail "fio: $(cat "$tmp/fio.out")"
}

# fio_is EXPRESSION: of what load left, by jq
fio_is() {
	jq -r ".jobs[0] | $1 |
		if . == null or . == 0 then error(\"nothing was done\") else . end" \
		"$tmp/fio.json" || fail 'fio: no result'
}

write_rate='.write | .io_bytes * 1000 / .runtime' # bytes a second
write_iops='.write | .total_ios * 1000 / .runtime'
read_iops='.read | .total_ios * 1000 / .runtime'

# No more than the log takes without having to migrate.
room=()
log_room() {
	room=(--io_size=$((log_bytes * 2 / 3 / 4096 * 4096)))
}

# ---- figures ----

# result FIGURE VALUE: of this row and run
result() {
	echo "$row $1 $run $2" >>"$results"
	[ -z "$verbose" ] || printf '  %2s %-28s %s\n' "$run" "$1" "$2"
}

# median ROW FIGURE: what can't be calculated with if there is none
median() {
	awk -v row="$1" -v figure="$2" '$1 == row && $2 == figure { print $4 }' "$results" |
		sort -g | awk '
			{ v[NR] = $1 }
			END {
				if (!NR) {
					print "nothing()"
					exit
				}
				printf "%.9g\n", (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2
			}'
}

calc() {
	awk "BEGIN { printf \"%.9g\\n\", ($1) }"
}

min() {
	awk -v a="$1" -v b="$2" 'BEGIN { printf "%.9g\n", a < b ? a : b }'
}

# show FIGURE UNIT SCALE WHAT [OF]: a line of the row: min, median, max, and the ratio of its median
# to a number
show() {
	awk -v row="$row" -v figure="$1" '$1 == row && $2 == figure { print $4 }' "$results" |
		sort -g | awk -v unit="$2" -v scale="$3" -v what="$4" -v of="${5-}" '
		{ v[NR] = $1 }
		END {
			if (!NR)
				exit
			m = (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2
			ratio = of ? sprintf("%.3f", m / of) : ""
			printf "  %-46s %10.4g %10.4g %10.4g %-7s %8s\n", what, v[1] / scale,
				m / scale, v[NR] / scale, unit, ratio
		}'
}

# verdict WHAT VALUE at-least|at-most TARGET [UNIT]
verdict() {
	local how=missed
	[[ $2 =~ ^[0-9.]+(e[-+]?[0-9]+)?$ ]] || fail "$row: $1: not a number: '$2'"
	awk -v a="$2" -v b="$4" -v how="$3" \
		'BEGIN { exit !(how == "at-least" ? a >= b : a <= b) }' && how=ok
	[ "$how" = ok ] || how=MISSED
	printf '  %-46s %10s %8s %-8s %s\n' "=> $1" "$(printf '%.4g' "$2")" "${3/-/ }" \
		"$4${5:+ $5}" "$how"
	printf '%s|%s|%s %s|%.4g%s|%s\n' "$row" "$1" "${3/-/ }" "$4${5:+ $5}" "$2" "${5:+ $5}" \
		"$how" >>"$verdicts"
}

# What there is nothing to compare with.
no_verdict() {
	printf '  => %s\n' "$1"
}
