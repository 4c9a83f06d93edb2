# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154,SC2034,SC2017
#
# The rows of bench/run: how each is measured and what it has to reach. A row is a function row_NAME
# (a - is a _ there); it measures each of its cases once in each round, so that what is compared was
# measured close together.

random_write=(--rw=randwrite --bs=4k)
random_read=(--rw=randread --bs=4k)

# in_rounds COMMAND...
in_rounds() {
	for ((run = 1; run <= runs; run++)); do
		"$@"
	done
}

# through direct|loop FILE: sets $target, what the load goes to
through() {
	target=$2
	[ "$1" = direct ] || {
		bench_loop "$2"
		target=$loop
	}
}

# On the null daemon: direct|loop FIO-ARGUMENT...
null_load() {
	new_null --size "${disk_mib}M"
	through "$1" "$null_dir/0"
	load "$target" "${@:2}"
	drop_loop
	drop_other
}

# On a new cache: DEVICE DISK-OPTIONS direct|loop FIO-ARGUMENT...
wbfs_load() {
	new_wbfs "$1" -d "disk=$disk$2"
	through "$3" "$exposed"
	log_room
	load "$target" "${room[@]}" "${@:4}"
	drop_loop
	drop_wbfs
}

raw_rate() {
	"${within[@]}" "$RAW" --seconds "$1" --depth 4 "$2"
}

# ---- writes ----

emulated_rate=266000000
emulated_run() {
	result raw "$(raw_rate "$((seconds_ms / 1000)).$((seconds_ms % 1000))" "$emulated")"
	wbfs_load "$emulated" ,sim=hdd "$1" "${random_write[@]}" --iodepth=32 --end_fsync=1
	result wbfs "$(fio_is "$write_rate")"
	null_load "$1" "${random_write[@]}" --iodepth=32 --end_fsync=1
	result null "$(fio_is "$write_rate")"
}

# The log's third that has to stay free, and a bit for the raw rate to have room.
emulated() {
	local need raw null
	seconds_ms=$((2 * seconds_ms))
	need=$((emulated_rate / 1000 * seconds_ms / 1048576 * 7 / 4 + 64))
	"$BENCH/emulated" check 2>"$tmp/err" || lacking "$(cat "$tmp/err")"
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
	sparse_image "$disk" "$disk_mib"
	group_up "$fast_image" write_bps="$emulated_rate" 2>"$tmp/err"
	in_rounds emulated_run "$1"
	raw=$(median "$row" raw)
	show raw MB/s 1e6 'cache alone, 1 MiB writes'
	show null MB/s 1e6 'null daemon'
	show wbfs MB/s 1e6 'wbfs' "$raw"
	[ "$(calc "$raw > 0.97 * $emulated_rate && $raw < 1.03 * $emulated_rate")" = 1 ] ||
		lacking "the emulated disk makes $(calc "int($raw / 1e6)") MB/s instead of \
$((emulated_rate / 1000000)): this machine is too busy"
	null=$(median "$row" null)
	[ "$(calc "$null < 1.05 * $raw")" = 0 ] ||
		lacking "the null daemon makes $(calc "int($null / 1e6)") MB/s, no more than the \
cache: this machine is too slow or too busy"
	verdict 'wbfs / cache alone' "$(calc "$(median "$row" wbfs) / $raw")" at-least 0.99
}

row_emulated_direct() {
	emulated direct
}

row_emulated_loop() {
	needs_loop
	emulated loop
}

own_disks() {
	needs_room "$tmp" "$size_mib"
	needs_cpus
	new_image "$cache" "$size_mib"
	sparse_image "$disk" "$disk_mib"
}

own_run() {
	result raw "$(raw_rate "$((seconds_ms / 1000)).$((seconds_ms % 1000))" "$cache")"
	wbfs_load "$cache" '' "$1" "${random_write[@]}" --iodepth=32 --end_fsync=1
	result wbfs "$(fio_is "$write_rate")"
	null_load "$1" "${random_write[@]}" --iodepth=32 --end_fsync=1
	result null "$(fio_is "$write_rate")"
	through "$1" "$cache"
	load "$target" "${random_write[@]}" --iodepth=32 --end_fsync=1 --size="${size_mib}M"
	result random "$(fio_is "$write_rate")"
	drop_loop
}

own() {
	local raw null random wbfs
	own_disks
	in_rounds own_run "$1"
	raw=$(median "$row" raw) null=$(median "$row" null)
	wbfs=$(median "$row" wbfs) random=$(median "$row" random)
	show raw MB/s 1e6 'cache alone, 1 MiB writes'
	show random MB/s 1e6 "cache alone, the same writes ($1)"
	show null MB/s 1e6 'null daemon'
	show wbfs MB/s 1e6 'wbfs' "$(min "$raw" "$null")"
	verdict 'wbfs / min(null, cache alone)' "$(calc "$wbfs / $(min "$raw" "$null")")" \
		at-least 0.80
	if [ "$(calc "$random < 0.3 * $null")" = 1 ]; then
		verdict 'wbfs / the same writes to the disk' "$(calc "$wbfs / $random")" \
			at-least 2.5
	else
		no_verdict "the disk alone has $(calc "int(100 * $random / $null)") % of the null \
daemon's random writes: nothing to gain is asked for"
	fi
}

row_own_direct() {
	own direct
}

row_own_loop() {
	needs_loop
	own loop
}

# wbfs next to the null daemon: TARGET direct|loop READ-OR-WRITE FIO-ARGUMENT...
against_null_run() {
	wbfs_load "$cache" '' "$@"
	result wbfs "$(fio_is "$write_iops")"
	null_load "$@"
	result null "$(fio_is "$write_iops")"
}

# Where the scheduler puts writer and daemon matters most here: more rounds, but shorter ones.
qd1() {
	own_disks
	runs=$((3 * runs)) seconds_ms=$((seconds_ms / 3))
	in_rounds against_null_run "$1" "${random_write[@]}" --iodepth=1
	show null 'k/s' 1e3 'null daemon'
	show wbfs 'k/s' 1e3 'wbfs' "$(median "$row" null)"
	verdict 'wbfs / null' "$(calc "$(median "$row" wbfs) / $(median "$row" null)")" \
		at-least 0.85
}

row_qd1_direct() {
	qd1 direct
}

row_qd1_loop() {
	needs_loop
	qd1 loop
}

sequential_run() {
	result raw "$(raw_rate "$((seconds_ms / 1000)).$((seconds_ms % 1000))" "$cache")"
	wbfs_load "$cache" '' "$1" --rw=write --bs=1M --iodepth=4 --end_fsync=1
	result wbfs "$(fio_is "$write_rate")"
	null_load "$1" --rw=write --bs=1M --iodepth=4 --end_fsync=1
	result null "$(fio_is "$write_rate")"
}

sequential() {
	local limit
	own_disks
	in_rounds sequential_run "$1"
	limit=$(min "$(median "$row" raw)" "$(median "$row" null)")
	show raw MB/s 1e6 'cache alone, 1 MiB writes'
	show null MB/s 1e6 'null daemon'
	show wbfs MB/s 1e6 'wbfs' "$limit"
	verdict 'wbfs / min(null, cache alone)' "$(calc "$(median "$row" wbfs) / $limit")" \
		at-least 0.90
}

row_sequential_direct() {
	sequential direct
}

row_sequential_loop() {
	needs_loop
	sequential loop
}

# ---- reads ----

# What a segment buffer still has.
row_read_buffer() {
	own_disks
	in_rounds read_buffer_run
	show null 'k/s' 1e3 'null daemon'
	show wbfs 'k/s' 1e3 'wbfs' "$(median "$row" null)"
	verdict 'wbfs / null' "$(calc "$(median "$row" wbfs) / $(median "$row" null)")" \
		at-least 0.85
}

read_buffer_run() {
	new_wbfs "$cache" -d "disk=$disk"
	load "$exposed" --rw=write --bs=4k --size=512k
	load "$exposed" "${random_read[@]}" --iodepth=32 --size=512k --time_based
	result wbfs "$(fio_is "$read_iops")"
	drop_wbfs
	new_null --size "${disk_mib}M"
	load "$null_dir/0" "${random_read[@]}" --iodepth=32 --size=512k --time_based
	result null "$(fio_is "$read_iops")"
	drop_other
}

# plain_reads FILE MEBIBYTES: by the null daemon from a file
plain_reads() {
	new_null --file "$1" --size "${2}M"
	load "$null_dir/0" "${random_read[@]}" --iodepth=32 --size="${2}M" --time_based
	result null "$(fio_is "$read_iops")"
	drop_other
}

judge_reads() {
	show null 'k/s' 1e3 'null daemon, plain reads'
	show wbfs 'k/s' 1e3 'wbfs' "$(median "$row" null)"
	verdict 'wbfs / null' "$(calc "$(median "$row" wbfs) / $(median "$row" null)")" \
		at-least 0.85
}

# Most of it must have left the buffers, which are 64 MiB by default.
read_log_run() {
	new_wbfs "$cache" -d "disk=$disk"
	load "$exposed" --rw=write --bs=1M --iodepth=4 --size="${part}M" --end_fsync=1 --runtime=0
	load "$exposed" "${random_read[@]}" --iodepth=32 --size="${part}M" --time_based
	result wbfs "$(fio_is "$read_iops")"
	drop_wbfs
	plain_reads "$cache" "$part"
}

row_read_log() {
	local part=$((size_mib / 2))
	own_disks
	in_rounds read_log_run
	judge_reads
}

read_miss_run() {
	new_wbfs "$cache" -d "disk=$disk"
	load "$exposed" "${random_read[@]}" --iodepth=32 --size="${part}M" --time_based
	result wbfs "$(fio_is "$read_iops")"
	drop_wbfs
	plain_reads "$disk" "$part"
}

row_read_miss() {
	local part=$((size_mib / 2))
	needs_room "$tmp" "$((part + 256))"
	needs_cpus
	new_image "$disk" "$part"
	new_image "$cache" 256
	in_rounds read_miss_run
	judge_reads
}

# ---- syncs ----

each_synced=("${random_write[@]}" --ioengine=psync --fdatasync=1)

fdatasync_run() {
	load "$cache" --rw=write --bs=8k --ioengine=psync --fdatasync=1 --size="${size_mib}M"
	result raw "$(calc "1e9 / $(fio_is "$write_iops")")"
	null_load direct "${each_synced[@]}"
	result null "$(calc "1e9 / $(fio_is "$write_iops")")"
	wbfs_load "$cache" '' direct "${each_synced[@]}"
	result wbfs "$(calc "1e9 / $(fio_is "$write_iops")")"
}

row_fdatasync() {
	local limit
	own_disks
	in_rounds fdatasync_run
	limit=$(calc "1.25 * $(median "$row" raw) + $(median "$row" null)")
	show raw us 1e3 'cache alone, 8 KiB write + flush'
	show null us 1e3 'null daemon: two round trips'
	show wbfs us 1e3 'wbfs' "$limit"
	verdict 'wbfs / (1.25 disk + two round trips)' "$(calc "$(median "$row" wbfs) / $limit")" \
		at-most 1.00
}

# sixteen_files DIRECTORY: the arguments for a job on each
sixteen_files() {
	local i
	many=()
	for i in {0..15}; do
		many+=(--name="job$i" --filename="$1/$i")
	done
}

# load_many FIO-ARGUMENT...: the jobs of sixteen_files
load_many() {
	working fio --direct=1 --ioengine=psync --norandommap --random_generator=tausworthe64 \
		--randrepeat=0 --randseed=$((++seed)) --gtod_reduce=1 --group_reporting \
		--runtime="${seconds_ms}ms" --time_based --output-format=json \
		--output="$tmp/fio.json" "$@" "${many[@]}" >"$tmp/fio.out" 2>&1 ||
		fail "fio: $(cat "$tmp/fio.out")"
}

# Sixteen backings, and the same number of files of the null daemon.
fdatasync_16_run() {
	local i devices=()
	for i in {0..15}; do
		devices+=(-d "$i=$tmp/disk$i.img")
	done
	new_wbfs "$cache" "${devices[@]}"
	load "$mnt/0" "${each_synced[@]}" --time_based
	result one "$(fio_is "$write_iops")"
	sixteen_files "$mnt"
	load_many "${random_write[@]}" --fdatasync=1
	result wbfs "$(fio_is "$write_iops")"
	drop_wbfs
	new_null --files 16 --size 256M
	sixteen_files "$null_dir"
	load_many "${random_write[@]}" --fdatasync=1
	result null "$(fio_is "$write_iops")"
	drop_other
}

judge_sixteen() {
	local limit
	limit=$(min "$(calc "6 * $(median "$row" one)")" "$(calc "0.7 * $(median "$row" null)")")
	show one 'k/s' 1e3 'wbfs, one writer'
	show null 'k/s' 1e3 'null daemon, 16 writers'
	show wbfs 'k/s' 1e3 'wbfs, 16 writers' "$limit"
	verdict 'wbfs / min(6 x one writer, 0.7 null)' "$(calc "$(median "$row" wbfs) / $limit")" \
		at-least 1.00
}

row_fdatasync_16() {
	local i
	own_disks
	for i in {0..15}; do
		sparse_image "$tmp/disk$i.img" 256
	done
	in_rounds fdatasync_16_run
	judge_sixteen
}

dsync=("${random_write[@]}" --ioengine=psync --sync=dsync)

dsync_16_run() {
	new_wbfs "$cache" -d "disk=$disk"
	load "$exposed" "${dsync[@]}" --time_based
	result one "$(fio_is "$write_iops")"
	load "$exposed" "${dsync[@]}" --numjobs=16 --time_based
	result wbfs "$(fio_is "$write_iops")"
	drop_wbfs
	new_null --size "${disk_mib}M"
	load "$null_dir/0" "${dsync[@]}" --numjobs=16 --time_based
	result null "$(fio_is "$write_iops")"
	drop_other
}

row_dsync_16() {
	own_disks
	in_rounds dsync_16_run
	judge_sixteen
}

sync_space_run() {
	local before
	new_wbfs "$cache" -d "disk=$disk"
	before=$(figure nr_record_blocks)
	load "$exposed" "${each_synced[@]}" --number_ios=5000
	result blocks "$(calc "($(figure nr_record_blocks) - $before) / \
		$(fio_is '.write.total_ios')")"
	drop_wbfs
}

row_sync_space() {
	own_disks
	in_rounds sync_space_run
	show blocks blocks 1 'log blocks for each'
	verdict 'log blocks for each' "$(median "$row" blocks)" at-most 2.2
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

# program_shows NAME PATTERN: its figures of these names
program_shows() {
	awk -v pattern="^($2)\$" '$1 ~ pattern {
		printf "  %-46s %10s %10s %10s %s\n", $1, $2, $3, $4, $5 }' "$tmp/$1.txt"
}

# program_judged NAME FIGURE at-least|at-most TARGET [UNIT]: the last one of that name
program_judged() {
	local value
	value=$(awk -v name="$2" '$1 == name { v = $3 } END { print v }' "$tmp/$1.txt")
	[ -n "$value" ] || lacking "bench/$1 says nothing about $2"
	verdict "$2" "$value" "$3" "$4" "${5-}"
}

row_engine() {
	program engine -r 9
	program_shows engine '(memcpy_xxh3|write|overwrite|read_buffer)_1(_rate)?|write_over_.*'
	program_judged engine write_over_memcpy_xxh3 at-most 1.5
}

row_engine_scaling() {
	needs_cpus
	program engine -r 9
	program_shows engine '(memcpy_xxh3|write)_[12]_rate|write_scaling_.*'
	program_judged engine write_scaling_over_memcpy at-least 0.85
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
		program_judged scale "memory_${gib}g" at-most 20 bytes
	done
}

# How much longer a block takes in the largest log than in the smallest is 1 where it is linear.
row_recovery() {
	scale
	program_shows scale 'recover_.*|read_.*'
	program_judged scale recover_64g at-most 5 s
	program_judged scale recover_growth at-most 1.25
	program_judged scale recover_two_block_over_reading at-most 4
}

# ---- nothing to do ----

# idle_run: CPU time in ticks, and I/O, of a mount that has been written to and is left alone
idle_run() {
	local before after
	new_wbfs "$cache" -d "disk=$disk"
	load "$exposed" "${random_write[@]}" --iodepth=32 --number_ios=1000
	sleep 3
	before=$(daemon_did)
	sleep "$idle_seconds"
	after=$(daemon_did)
	read -ra before <<<"$before"
	read -ra after <<<"$after"
	result io $((after[0] - before[0]))
	result cpu "$(calc "(${after[1]} - ${before[1]}) / 1e9 / $idle_seconds * 100")"
	drop_wbfs
}

# Bytes read and written by the daemon, and the time it ran (ns), in all threads.
daemon_did() {
	echo "$(awk '/^(read|write)_bytes/ { n += $2 } END { print n }' "/proc/$wbfs_pid/io")" \
		"$(cat "/proc/$wbfs_pid/task/"*/schedstat | awk '{ n += $1 } END { print n }')"
}

row_idle() {
	idle_seconds=$((seconds_ms < 2000 ? 2 : 10))
	own_disks
	in_rounds idle_run
	show io bytes 1 "I/O in $idle_seconds s"
	show cpu '%' 1 'CPU time'
	verdict 'I/O' "$(median "$row" io)" at-most 0 bytes
	verdict 'CPU time' "$(median "$row" cpu)" at-most 0.1 %
}
