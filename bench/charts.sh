# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154,SC2034
#
# The charts of bench/run's page: what the cache does for a slow disk. The disk is simulated
# (sim=hdd), the cache is an image on this machine's disk; without cache is the same disk in a
# mount that doesn't cache it. These runs look at the clock for each I/O; no row is made of them.

timed=(--gtod_reduce=0 --disable_clat=0 --disable_slat=1 --output-format=json+)
chart_mib=$((size_mib < 1024 ? size_mib : 1024))

# without_cache FIO-ARGUMENT...
without_cache() {
	local mount_options=()
	new_wbfs "$cache" -d "disk=$disk,cache=none,sim=hdd"
	load "$exposed" "$@"
	drop_wbfs now
}

# points FILE: of a log of fio (milliseconds, value, ...), one for each time
points() {
	awk -F ', *' '
		{
			if (!($1 in sum))
				order[++n] = $1
			sum[$1] += $2
		}
		END {
			for (i = 1; i <= n; i++)
				printf "%.6g:%.6g ", order[i] / 1000, sum[order[i]]
		}' "$1"
}

# occupancy FILE: "milliseconds, percent" of the log that are in use, until it is killed
occupancy() {
	local began=$EPOCHREALTIME
	while awk -v began="$began" -v now="$EPOCHREALTIME" '
		$1 == "nr_segments:" { all = $2 }
		$1 == "nr_free_segments:" { free = $2 }
		END {
			if (!all)
				exit 1
			printf "%d, %.6g\n", (now - began) * 1000, 100 * (all - free) / all
		}' "$control/status" >>"$1" 2>/dev/null; do
		sleep 0.1
	done
}

stop_looking() {
	[ -n "$looking_pid" ] || return 0
	kill "$looking_pid" 2>/dev/null || true
	wait "$looking_pid" 2>/dev/null || true
	looking_pid=
}

# fio averages over each tenth of a second.
over_time() {
	local seconds_ms=$((10 * seconds_ms)) mount_options=()
	local writes=("${random_write[@]}" --iodepth=32 --time_based --log_avg_msec=100)
	local per_second="writes of 4 KiB per second"
	without_cache "${writes[@]}" --write_iops_log="$tmp/without"
	new_wbfs "$cache" -d "disk=$disk,sim=hdd"
	occupancy "$tmp/occupancy" &
	looking_pid=$!
	load "$exposed" "${writes[@]}" --write_iops_log="$tmp/with"
	stop_looking
	drop_wbfs now
	page note 'The disk of the charts is simulated (sim=hdd): a model of 7200 rpm. That of the rows is not.'
	page chart line "Random writes that don't stop, 32 at a time" s "$per_second" \
		"Until the log is full it takes them at its own pace; from then on they can only be \
as fast as it is emptied, sorted, onto the disk (simulated, 7200 rpm)."
	page series 'without cache' "$(points "$tmp/without_iops.1.log")"
	page series 'with cache' "$(points "$tmp/with_iops.1.log")"
	page chart area 'How full the log gets' s '% of the log in use' \
		"The same writes, a cache of $chart_mib MiB."
	page series 'log in use' "$(points "$tmp/occupancy")"
}

# distribution write|read: of what load left, as steps of half an octave
distribution() {
	jq -r --arg way "$1" '.jobs[0][$way].clat_ns.bins // {} | to_entries[] |
		"\(.key) \(.value)"' "$tmp/fio.json" | awk '
		{
			step = int(2 * log($1 + 1) / log(2))
			count[step] += $2
			all += $2
			if (!first || step < first)
				first = step
			if (step > last)
				last = step
		}
		END {
			for (i = first; all && i <= last; i++)
				printf "%.6g:%.6g ", exp(i / 2 * log(2)) / 1e9, 100 * count[i] / all
			if (all)
				printf "%.6g:0\n", exp((last + 1) / 2 * log(2)) / 1e9
		}'
}

# latency TITLE NOTE write|read FIO-ARGUMENT...
latency() {
	local title=$1 note=$2 way=$3 without with room warm_room
	shift 3
	without_cache "$@" --time_based
	without=$(distribution "$way")
	new_wbfs "$cache" -d "disk=$disk,sim=hdd"
	log_room 2
	[ "$way" = write ] || {
		load "$exposed" --rw=write --bs=1M --iodepth=4 --size="$((chart_mib / 2))M" \
			--end_fsync=1 --runtime=0
		room=(--time_based)
	}
	load "$exposed" "$@" "${room[@]}"
	with=$(distribution "$way")
	drop_wbfs now
	page chart steps "How long one takes: $title" s '% of them' "$note"
	page series 'without cache' "$without"
	page series 'with cache' "$with"
}

row_charts() {
	needs_room "$tmp" $((chart_mib + 1024))
	needs_cpus
	timing=("${timed[@]}")
	new_image "$cache" "$chart_mib"
	sparse_image "$disk" "$disk_mib"
	run=1
	over_time
	latency 'random writes' '4 KiB, 32 at a time, while the log has room' write \
		"${random_write[@]}" --iodepth=32
	latency 'synced writes' '4 KiB, O_DSYNC, one at a time' write "${dsync[@]}"
	latency 'reads of recent writes' '4 KiB at random, 32 at a time' read \
		"${random_read[@]}" --iodepth=32 --size="$((chart_mib / 2))M"
}
