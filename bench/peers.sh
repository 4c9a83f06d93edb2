# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154,SC2034
#
# What a user could have instead of wbfs, on an image of the same size: a plain loop device, and the
# FUSE daemons of others. Those that are not installed are left out. None of them is a cache, so
# there is nothing that wbfs has to reach here.

# peer_NAME: sets $target, what it exposes

peer_wbfs() {
	new_wbfs "$cache" -d "disk=$disk"
	target=$exposed
}

peer_null() {
	new_null --size "${disk_mib}M"
	target=$null_dir/0
}

peer_loop() {
	bench_loop "$cache"
	target=$loop
}

peer_qemu() {
	touch "$tmp/qemu"
	qemu-storage-daemon --blockdev \
		"driver=file,node-name=image,filename=$cache,cache.direct=on,aio=native" --export \
		"type=fuse,id=export,node-name=image,mountpoint=$tmp/qemu,writable=on" &
	served_by $! "$tmp/qemu"
	target=$tmp/qemu
}

peer_nbd() {
	nbdkit --foreground --unix "$tmp/nbd" file "$cache" &
	nbdkit_pid=$!
	wait_until 10 test -S "$tmp/nbd"
	nbdfuse "$null_dir" --unix "$tmp/nbd" &
	served_by $! "$null_dir"
	target=$null_dir/nbd
}

peer_s3backer() {
	mkdir -p "$tmp/s3"
	s3backer --test -f --size="${disk_mib}M" --filename=file "$tmp/s3" "$null_dir" \
		>"$tmp/s3.log" 2>&1 &
	served_by $! "$null_dir"
	target=$null_dir/file
}

peer_most=15 # seconds that a load may take, however short it was to be

# killed_after SECONDS PID: sets $killer_pid
killed_after() {
	(
		read -r -t "$1" <>"$tmp/never" || true
		kill -KILL "$2" 2>/dev/null
	) &
	killer_pid=$!
}

too_slow() {
	slow=1
}

# peer_load NAME CASE FIO-ARGUMENT...: unless it took too long before
peer_load() {
	local value=$write_iops size=$((disk_mib < 1024 ? disk_mib : 1024))
	local warm_room room=(--time_based) slow='' killer_pid='' on_trouble=too_slow
	[[ " ${slow_peers[*]} " != *" $1_$2 "* ]] || return 0
	[ "$2" != sequential ] || value=$write_rate
	"peer_$1"
	[ "$1" != wbfs ] || log_room
	[ -z "$other_pid" ] || killed_after $((peer_most + seconds_ms / 1000)) "$other_pid"
	load_warm "$target" --size="${size}M" "${room[@]}" "${@:3}"
	[ -z "$killer_pid" ] || {
		kill -KILL "$killer_pid" 2>/dev/null || true
		wait "$killer_pid" 2>/dev/null || true
	}
	drop_all
	if [ -n "$slow" ]; then
		slow_peers+=("$1_$2")
		echo "  ($1: $2: no answer for $peer_most s)"
	else
		result "$1_$2" "$(fio_is "$value")"
	fi
}

take_peers() {
	local peer
	for peer in "${peers[@]}"; do
		peer_load "$peer" deep "${random_write[@]}" --iodepth=32
		peer_load "$peer" single "${random_write[@]}" --iodepth=1
		peer_load "$peer" sequential --rw=write --bs=1M --iodepth=4
	done
}

# peer_shows PEER CASE UNIT SCALE WHAT: next to wbfs
peer_shows() {
	[[ " ${slow_peers[*]} " != *" $1_$2 "* ]] || return 0
	derive "$1_$2_ratio" "$1_$2 / wbfs_$2"
	show "$1_$2" "$3" "$4" "$1: $5" "$1_$2_ratio"
	[ "$1" = wbfs ] || page_row "$1: $5" "$3" "$4" "$1_$2" "wbfs_$2" -
}

# peer_if NAME PROGRAM...: if these are installed
peer_if() {
	local name=$1 program
	shift
	for program; do
		command -v "$program" >/dev/null || {
			echo "  (no $program on this machine)"
			return 0
		}
	done
	peers+=("$name")
}

row_peers() {
	local peers=(wbfs null) peer slow_peers=()
	own_disks
	needs_loop
	peers+=(loop)
	peer_if qemu qemu-storage-daemon
	peer_if nbd nbdkit nbdfuse
	peer_if s3backer s3backer
	runs=$((runs < 3 ? runs : 3)) seconds_ms=$((seconds_ms / 2))
	[ "$seconds_ms" -ge 100 ] || seconds_ms=100
	in_turns peers
	for peer in "${peers[@]}"; do
		peer_shows "$peer" deep k/s 1e3 '4 KiB random writes, depth 32'
		peer_shows "$peer" single k/s 1e3 'the same, depth 1'
		peer_shows "$peer" sequential MB/s 1e6 '1 MiB sequential writes, depth 4'
	done
	no_verdict 'here the ratio is to wbfs'
}
