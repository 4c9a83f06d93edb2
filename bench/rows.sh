# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154,SC2034,SC2017
#
# The rows of bench/run: how each is measured and what it has to reach. A row is a function row_NAME
# (a - is a _ there), in a process of its own. Its cases, functions take_NAME, take turns.

random_write=(--rw=randwrite --bs=4k)
random_read=(--rw=randread --bs=4k)
nanoseconds='.write | 1e6 * .runtime / .total_ios' # for each

# What a row has its cases do.
how=direct        # or over a loop device
device=$cache     # the cache
backing=''        # more of the backing's options
work=()           # for fio
rate=$write_rate  # what is taken from its result

# in_turns CASE...: all in each round, so that what is compared was measured close together; every
# other round the other way round, so that none always comes after the same one
in_turns() {
	local i cases=("$@") nr=$#
	for ((run = 1; run <= runs; run++)); do
		for ((i = 0; i < nr; i++)); do
			"take_${cases[run % 2 ? i : nr - 1 - i]}"
		done
	done
}

# More rounds, each so much shorter: where what disturbs comes and goes.
shorter_rounds() {
	runs=$((runs * $1)) seconds_ms=$((seconds_ms / $1))
	[ "$seconds_ms" -ge 100 ] || seconds_ms=100
}

# through FILE: sets $target, what the load goes to
through() {
	target=$1
	[ "$how" = direct ] || {
		bench_loop "$1"
		target=$loop
	}
}

own_disks() {
	needs_room "$tmp" "$size_mib"
	needs_cpus
	[ "$how" = direct ] || needs_loop
	new_image "$cache" "$size_mib"
	sparse_image "$disk" "$disk_mib"
}

# ---- what most have in common ----

take_raw() {
	local rate ms
	for ms in $((seconds_ms / 8)) "$seconds_ms"; do
		rate=$("${within[@]}" "$RAW" --depth 4 \
			--seconds "$((ms / 1000)).$(printf %03d $((ms % 1000)))" "$device")
	done
	result raw "$rate"
}

take_wbfs() {
	local warm_room
	new_wbfs "$device" -d "disk=$disk$backing"
	through "$exposed"
	log_room
	load_warm "$target" "${work[@]}" "${room[@]}"
	lasted
	drop_loop
	drop_wbfs
	result wbfs "$(fio_is "$rate")"
}

take_null() {
	new_null --size "${disk_mib}M"
	through "$null_dir/0"
	load_warm "$target" "${work[@]}" --time_based
	drop_loop
	drop_other
	result null "$(fio_is "$rate")"
}

# The same to the disk itself, or to a plain loop device on it.
take_disk() {
	through "$device"
	load_warm "$target" "${work[@]}" --time_based --size="${size_mib}M"
	drop_loop
	result disk "$(fio_is "$rate")"
}

# ---- writes ----

emulated_rate=266000000

# The null daemon only has to be faster than the disk: not so long.
take_shorter_null() {
	local seconds_ms=$((seconds_ms / 3))
	take_null
}

# Where there is room in memory for the image, what this machine's disk does doesn't matter.
emulated_image() {
	local need=$1
	fast_image=$cache
	if [ "$(stat -f -c %T /dev/shm)" = tmpfs ] &&
		[ "$(df --output=avail -B1M /dev/shm | tail -n 1)" -gt $((2 * need)) ] &&
		[ "$(awk '$1 == "MemAvailable:" { print int($2 / 1024) }' /proc/meminfo)" -gt \
			$((2 * need)) ]; then
		fast_image=$(mktemp /dev/shm/wbfs-bench.XXXXXX)
	else
		needs_room "$tmp" "$need"
	fi
	new_image "$fast_image" "$need"
}

emulated() {
	local raw null
	how=$1 work=("${random_write[@]}" --iodepth=32 --end_fsync=1) backing=,sim=hdd
	seconds_ms=$((3 * seconds_ms))
	needs_cpus
	[ "$how" = direct ] || needs_loop
	"$BENCH/emulated" check 2>"$tmp/err" || lacking "$(cat "$tmp/err")"
	emulated_image $((emulated_rate / 1000 * seconds_ms / 1048576 * 2 + 64))
	sparse_image "$disk" "$disk_mib"
	group_up "$fast_image" write_bps="$emulated_rate" 2>"$tmp/err"
	device=$emulated
	in_turns raw wbfs shorter_null
	derive ratio wbfs/raw
	derive headroom null/raw
	show raw MB/s 1e6 'cache alone, 1 MiB writes'
	show null MB/s 1e6 'null daemon' headroom
	show wbfs MB/s 1e6 'wbfs' ratio
	raw=$(median raw)
	[ "$(calc "$raw > 0.97 * $emulated_rate && $raw < 1.03 * $emulated_rate")" = 1 ] ||
		lacking "the emulated disk makes $(calc "int($raw / 1e6)") MB/s instead of \
$((emulated_rate / 1000000)): this machine is too busy"
	null=$(median null)
	[ "$(calc "$null < 1.05 * $raw")" = 0 ] ||
		lacking "the null daemon makes $(calc "int($null / 1e6)") MB/s, no more than the \
cache: this machine is too slow or too busy"
	verdict 'wbfs / cache alone' ratio at-least 0.99 '' raw wbfs MB/s 1e6
}

row_emulated_direct() {
	emulated direct
}

row_emulated_loop() {
	emulated loop
}

own() {
	local limit
	how=$1 work=("${random_write[@]}" --iodepth=32 --end_fsync=1)
	own_disks
	in_turns raw wbfs null disk
	limit=$(lesser raw null)
	derive ratio "wbfs/$limit"
	derive gain wbfs/disk
	derive share disk/null
	show raw MB/s 1e6 'cache alone, 1 MiB writes'
	show disk MB/s 1e6 "cache alone, the same writes ($how)" share
	show null MB/s 1e6 'null daemon'
	show wbfs MB/s 1e6 'wbfs' ratio
	verdict "wbfs / min(null, cache alone): $limit" ratio at-least 0.80 '' \
		"$limit" wbfs MB/s 1e6
	if [ "$(calc "$(median share) < 0.3")" = 1 ]; then
		verdict 'wbfs / the same writes to the disk' gain at-least 2.5 '' \
			disk wbfs MB/s 1e6
	else
		no_verdict "the disk alone has $(calc "int(100 * $(median share))") % of the null \
daemon's random writes: no gain is asked for from 30 % on"
	fi
}

row_own_direct() {
	own direct
}

row_own_loop() {
	own loop
}

# Where the scheduler puts writer and daemon matters most here.
qd1() {
	how=$1 work=("${random_write[@]}" --iodepth=1 --end_fsync=1) rate=$write_iops
	own_disks
	shorter_rounds 3
	in_turns wbfs null
	judge_against_null 'null daemon'
}

# judge_against_null WHAT-IT-IS
judge_against_null() {
	derive ratio wbfs/null
	show null k/s 1e3 "$1"
	show wbfs k/s 1e3 wbfs ratio
	verdict "wbfs / $1" ratio at-least 0.85 '' null wbfs k/s 1e3
}

row_qd1_direct() {
	qd1 direct
}

row_qd1_loop() {
	qd1 loop
}

sequential() {
	local limit
	how=$1 work=(--rw=write --bs=1M --iodepth=4 --end_fsync=1)
	own_disks
	in_turns raw wbfs null
	limit=$(lesser raw null)
	derive ratio "wbfs/$limit"
	show raw MB/s 1e6 'cache alone, 1 MiB writes'
	show null MB/s 1e6 'null daemon'
	show wbfs MB/s 1e6 'wbfs' ratio
	verdict "wbfs / min(null, cache alone): $limit" ratio at-least 0.90 '' \
		"$limit" wbfs MB/s 1e6
}

row_sequential_direct() {
	sequential direct
}

row_sequential_loop() {
	sequential loop
}

# ---- reads ----

reads=("${random_read[@]}" --iodepth=32 --time_based)

# What a segment buffer still has.
row_read_buffer() {
	rate=$read_iops work=("${reads[@]}" --size=512k)
	own_disks
	in_turns buffer null
	judge_against_null 'null daemon'
}

take_buffer() {
	new_wbfs "$cache" -d "disk=$disk"
	load "$exposed" --rw=write --bs=4k --size=512k
	load_warm "$exposed" "${work[@]}"
	drop_wbfs
	result wbfs "$(fio_is "$rate")"
}

# By the null daemon, from $plain.
take_plain() {
	new_null --file "$plain" --size "${part}M"
	load_warm "$null_dir/0" "${work[@]}"
	drop_other
	result null "$(fio_is "$rate")"
}

# Most of it must have left the buffers, which are 64 MiB by default.
take_log() {
	new_wbfs "$cache" -d "disk=$disk"
	load "$exposed" --rw=write --bs=1M --iodepth=4 --size="${part}M" --end_fsync=1 --runtime=0
	load_warm "$exposed" "${work[@]}"
	drop_wbfs
	result wbfs "$(fio_is "$rate")"
}

row_read_log() {
	local part=$((size_mib / 2)) plain=$cache
	rate=$read_iops work=("${reads[@]}" --size="${part}M")
	own_disks
	in_turns log plain
	judge_against_null 'null daemon, plain reads'
}

take_miss() {
	new_wbfs "$cache" -d "disk=$disk"
	load_warm "$exposed" "${work[@]}"
	drop_wbfs
	result wbfs "$(fio_is "$rate")"
}

row_read_miss() {
	local part=$((size_mib / 2)) plain=$disk
	rate=$read_iops work=("${reads[@]}" --size="${part}M")
	needs_room "$tmp" "$((part + 256))"
	needs_cpus
	new_image "$disk" "$part"
	new_image "$cache" 256
	in_turns miss plain
	judge_against_null 'null daemon, plain reads'
}

# ---- syncs ----

each_synced=("${random_write[@]}" --ioengine=psync --fdatasync=1)

# One write and a flush of what a block and its header take, as they lie in the log: in a row.
take_flush() {
	load_warm "$cache" --rw=write --bs=8k --ioengine=psync --fdatasync=1 \
		--size="${size_mib}M" --time_based
	result disk "$(fio_is "$nanoseconds")"
}

# new_wbfs_files N: sets $files, its exposed files, with as many backings
new_wbfs_files() {
	local i devices=()
	files=()
	for ((i = 0; i < $1; i++)); do
		[ -e "$tmp/disk$i.img" ] || sparse_image "$tmp/disk$i.img" 256
		devices+=(-d "$i=$tmp/disk$i.img")
		files+=("$mnt/$i")
	done
	new_wbfs "$cache" "${devices[@]}"
}

# load_files FIO-ARGUMENT...: a writer on each of $files
load_files() {
	local file jobs=() i warm_ms=$((seconds_ms / 8))
	for file in "${files[@]}"; do
		jobs+=(--name=job --filename="$file")
	done
	for i in "$warm_ms" "$seconds_ms"; do
		fio_does --ioengine=psync --runtime="${i}ms" "$@" "${jobs[@]}"
	done
}

# Two blocks of the log for each.
take_one() {
	local warm_room
	new_wbfs_files 1
	log_room 2
	load_files "${each_synced[@]}" "${room[@]}"
	lasted
	drop_wbfs
	result "$1" "$(fio_is "$rate")"
}

take_wbfs_synced() {
	take_one wbfs
}

take_one_synced() {
	take_one one
}

row_fdatasync() {
	work=("${each_synced[@]}") rate=$nanoseconds
	own_disks
	shorter_rounds 2
	in_turns flush wbfs_synced null
	derive limit '1.25 * disk + null'
	derive ratio wbfs/limit
	show disk us 1e3 'cache alone, 8 KiB write + flush'
	show null us 1e3 'null daemon: two round trips'
	show wbfs us 1e3 'wbfs' ratio
	verdict 'wbfs / (1.25 disk + two round trips)' ratio at-most 1 '' limit wbfs us 1e3
}

take_wbfs_16() {
	local warm_room
	new_wbfs_files 16
	log_room 2 16
	load_files "${each_synced[@]}" "${room[@]}"
	lasted
	drop_wbfs
	result wbfs "$(fio_is "$rate")"
}

take_null_16() {
	new_null --files 16 --size 256M
	files=("$null_dir/"{0..15})
	load_files "${each_synced[@]}" --time_based
	drop_other
	result null "$(fio_is "$rate")"
}

# judge_sixteen FIGURE: what one writer makes
judge_sixteen() {
	local limit
	derive six "6 * $1"
	derive most '0.7 * null'
	limit=$(lesser six most)
	derive ratio "wbfs/$limit"
	show null k/s 1e3 'null daemon, 16 writers'
	show wbfs k/s 1e3 'wbfs, 16 writers' ratio
	verdict 'wbfs / min(6 x one writer, 0.7 null)' ratio at-least 1 '' "$limit" wbfs k/s 1e3
}

row_fdatasync_16() {
	rate=$write_iops
	own_disks
	in_turns one_synced wbfs_16 null_16
	show one k/s 1e3 'wbfs, one writer'
	judge_sixteen one
}

dsync=("${random_write[@]}" --ioengine=psync --sync=dsync)

take_one_dsync() {
	work=("${dsync[@]}")
	dsync_load 1
	result one_dsync "$(fio_is "$rate")"
}

take_dsync_16() {
	work=("${dsync[@]}" --numjobs=16)
	dsync_load 16
	result wbfs "$(fio_is "$rate")"
}

# dsync_load WRITERS
dsync_load() {
	local warm_room
	new_wbfs "$cache" -d "disk=$disk"
	log_room 2 "$1"
	load_warm "$exposed" "${work[@]}" "${room[@]}"
	lasted
	drop_wbfs
}

# One writer is the faster of the two kinds.
row_dsync_16() {
	rate=$write_iops
	own_disks
	in_turns one_synced one_dsync dsync_16 null
	derive best 'one > one_dsync ? one : one_dsync'
	show one k/s 1e3 'wbfs, one writer with fdatasync'
	show one_dsync k/s 1e3 'wbfs, one writer with O_DSYNC'
	judge_sixteen best
}

take_sync_space() {
	local before
	new_wbfs "$cache" -d "disk=$disk"
	before=$(figure nr_record_blocks)
	load "$exposed" "${each_synced[@]}" --number_ios=$((size_mib < 200 ? size_mib * 20 : 4000))
	result blocks "$(calc "($(figure nr_record_blocks) - $before) / \
		$(fio_is '.write.total_ios')")"
	drop_wbfs
}

row_sync_space() {
	own_disks
	in_turns sync_space
	verdict 'log blocks for each' blocks at-most 2.2 blocks
}

# ---- the engine alone, memory, recovery: programs of their own ----

# program NAME [ARGUMENT...]: its lines "figure minimum median maximum unit" in $tmp/NAME.txt. Rows
# that look at one program share a run of it.
program() {
	local name=$1
	shift
	[ ! -s "$tmp/$name.txt" ] || return 0
	[ -x "$top_builddir/bench/$name" ] || lacking "bench/$name is not built: make bench/$name"
	working timeout 1800 "$top_builddir/bench/$name" "$@" >"$tmp/part.txt" ||
		lacking "bench/$name: exit status $?"
	mv "$tmp/part.txt" "$tmp/$name.txt"
}

# program_shows NAME PATTERN [BASE]: its figures of these names, which become figures of the row,
# with the ratio to the one that begins with BASE instead. The program keeps its rounds to itself.
program_shows() {
	local name values unit ratio run
	while read -r name unit ratio values; do
		read -ra values <<<"$values"
		run=least result "$name" "${values[0]}"
		run=median result "$name" "${values[1]}"
		run=most result "$name" "${values[2]}"
		printf '  %-46s %s %-7s %8s\n' "$name" "$(three "${values[@]}")" "$unit" \
			"${ratio#-}"
	done < <(awk -v pattern="^($2)\$" -v base="${3-}" '
		$1 !~ /^#/ { names[++n] = $1; line[$1] = $2 " " $3 " " $4; median[$1] = $3
			unit[$1] = $5 }
		END {
			for (i = 1; i <= n; i++) {
				name = names[i]
				if (name !~ pattern)
					continue
				of = ratio = "-"
				if (base && match(name, /_[0-9]+(_rate)?$/))
					of = base substr(name, RSTART)
				if ((of in median) && of != name && median[of] > 0)
					ratio = sprintf("%.3f", median[name] / median[of])
				print name, unit[name], ratio, line[name]
			}
		}' "$tmp/$1.txt")
}

row_engine() {
	program engine -r 9
	program_shows engine '(memcpy_xxh3|write|overwrite|read_buffer)_1(_rate)?' memcpy_xxh3
	program_shows engine 'write_over_.*'
	verdict 'write / (memcpy + XXH3)' write_over_memcpy_xxh3 at-most 1.5 '' \
		memcpy_xxh3_1 write_1 ns 1
}

row_engine_scaling() {
	needs_cpus
	program engine -r 9
	program_shows engine '(memcpy_xxh3|write|overwrite|read_buffer)_[12]_rate' memcpy_xxh3
	program_shows engine 'write_scaling_.*'
	verdict 'gain by a second thread / that of memcpy + XXH3' write_scaling_over_memcpy \
		at-least 0.85 '' memcpy_xxh3_2_rate write_2_rate M/s 1e6
}

# Logs of 16, 64 and 256 GiB: an index of the largest has to fit in memory. The images are sparse.
scale() {
	needs_memory 4096
	needs_room "$tmp" 20480
	program scale -d "$tmp" -r 3
}

row_memory() {
	local gib
	scale
	program_shows scale 'memory_.*'
	for gib in 16 64 256; do
		verdict "for each block, $gib GiB of them" "memory_${gib}g" at-most 20 bytes
	done
}

# How much longer a block takes in the largest log than in the smallest is 1 where it is linear.
row_recovery() {
	scale
	program_shows scale 'recover_.*|read_.*'
	verdict '64 GiB of blocks in full records' recover_64g at-most 5 s
	verdict 'for each block, 256 GiB to 16 GiB' recover_growth_256g at-most 1.25
	verdict 'records of two blocks / reading them' recover_two_block_over_reading \
		at-most 4 '' read_two_block recover_two_block s 1
}

# ---- nothing to do ----

# With the options that it has if nothing is said: CPU time and I/O of a mount that has been written
# to, has migrated all, and is left alone.
take_idle() {
	local before after mount_options=()
	new_wbfs "$cache" -d "disk=$disk"
	load "$exposed" "${random_write[@]}" --iodepth=32 --number_ios=1000
	"$WBFS" drain "$mnt" >/dev/null || fail "can't drain $mnt"
	sleep 3
	before=$(daemon_io)
	daemon_threads >"$tmp/threads"
	sleep "$idle_seconds"
	after=$(daemon_io)
	result io $((after - before))
	# A thread that has ended counts no more.
	result cpu "$(daemon_threads |
		awk -v s="$idle_seconds" 'NR == FNR { before[$1] = $2; next }
			{ ns += $2 - before[$1] } END { print ns / 1e9 / s * 100 }' "$tmp/threads" -)"
	drop_wbfs
}

# Bytes read and written by the daemon
daemon_io() {
	awk '/^(read|write)_bytes/ { n += $2 } END { print n }' "/proc/$wbfs_pid/io"
}

# Its threads, and the time that each has run, ns
daemon_threads() {
	(cd "/proc/$wbfs_pid/task" && awk '{ print FILENAME, $1 }' ./*/schedstat)
}

row_idle() {
	idle_seconds=$((seconds_ms < 1000 ? 2 : 10))
	runs=$((runs < 3 ? runs : 3))
	own_disks
	in_turns idle
	verdict_most "I/O in $idle_seconds s" io at-most 0 bytes
	verdict_most 'CPU time' cpu at-most 0.1 %
}
