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

# peer_load NAME CASE FIO-ARGUMENT...
peer_load() {
	local value=$write_iops size=$((disk_mib < 1024 ? disk_mib : 1024))
	[ "$2" != sequential ] || value=$write_rate
	room=()
	"peer_$1"
	[ "$1" != wbfs ] || log_room
	load "$target" --size="${size}M" "${room[@]:---time_based}" "${@:3}"
	result "$1-$2" "$(fio_is "$value")"
	drop_all
}

peers_run() {
	local peer
	for peer in "${peers[@]}"; do
		peer_load "$peer" deep "${random_write[@]}" --iodepth=32
		peer_load "$peer" single "${random_write[@]}" --iodepth=1
		peer_load "$peer" sequential --rw=write --bs=1M --iodepth=4
	done
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
	local peers=(wbfs null) peer
	needs_loop
	own_disks
	peers+=(loop)
	peer_if qemu qemu-storage-daemon
	peer_if nbd nbdkit nbdfuse
	peer_if s3backer s3backer
	in_rounds peers_run
	for peer in "${peers[@]}"; do
		show "$peer-deep" 'k/s' 1e3 "$peer: 4 KiB random writes, depth 32" \
			"$(median "$row" wbfs-deep)"
		show "$peer-single" 'k/s' 1e3 "$peer: the same, depth 1" \
			"$(median "$row" wbfs-single)"
		show "$peer-sequential" 'MB/s' 1e6 "$peer: 1 MiB sequential writes, depth 4" \
			"$(median "$row" wbfs-sequential)"
	done
	no_verdict 'the ratio is to wbfs'
}
