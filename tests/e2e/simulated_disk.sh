#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A backing with sim=hdd is as slow as a hard disk, says everywhere that it only pretends, and holds
# what was written to it; the cache doesn't remember that it was one.

. "$(dirname "$0")/functions.sh"

# labelled NAME yes|no: in status, status.json, metrics and stat
labelled() {
	local labels=0 expected=0 number=0
	if [ "$2" = yes ]; then expected=3 number=1; fi
	labels=$((labels + $(sed -n "/^backing $1:/,/ size:/p" "$control/status" |
		grep -c '^  simulated: hdd$' || true)))
	labels=$((labels + $(grep -c "\"name\": \"$1\".*\"simulated\": \"hdd\"" \
		"$control/status.json" || true)))
	labels=$((labels + $(grep -c '^simulated: hdd$' "$control/devices/$1/stat" || true)))
	[ "$labels" -eq "$expected" ] || fail "$1 is labelled in $labels of 3 places"
	grep -Fqx "wbfs_backing_simulated{device=\"$1\"} $number" "$control/metrics.prom" ||
		fail "metrics.prom does not say $number for $1"
}

# random_reads FILE: 50 reads of a block, each a quarter of 16M from the last; prints how many milliseconds
random_reads() {
	local -
	set +x
	local i begin end
	begin=$(date +%s%N)
	for ((i = 0; i < 50; i++)); do
		dd if="$1" of=/dev/null bs=4096 count=1 skip=$((i * 1031 % 4096)) iflag=direct status=none
	done
	end=$(date +%s%N)
	echo $(((end - begin) / 1000000))
}

make_cache 16M
make_disk 16M
random_file "$tmp/model" $((16 << 20))
cp "$tmp/model" "$tmp/slow.img"
refused 1 'a: sim=hhd: unknown option' \
	wbfs mount --cache "$cache" -d "a=$tmp/slow.img,sim=hhd" "$tmp"
grep -q '^hint: did you mean sim=hdd?$' "$tmp/err" || fail 'no hint'

# Uncached, so that each read and write goes to the disk.
mount_wb -d "disk=$disk" -d "slow=$tmp/slow.img,cache=none,sim=hdd" 2>"$tmp/messages"
grep -q "slow: $tmp/slow.img: simulated" "$tmp/messages" || fail 'not labelled when mounted'
labelled slow yes
labelled disk no
elapsed=$(random_reads "$mnt/slow")
[ "$elapsed" -ge $((49 * 8400 / 1000)) ] || fail "50 random reads took only $elapsed ms"
cmp "$tmp/model" "$mnt/slow"

seed=${WB_SEED:-$RANDOM}
"$top_srcdir/tests/e2e/odd_io.pl" "$mnt/slow" "$tmp/model" "$seed" 100
cmp "$tmp/model" "$mnt/slow"
umount_wb
cmp "$tmp/model" "$tmp/slow.img"

# Cached: slow only behind the log, and it stays so only as long as it is asked for.
cp "$tmp/model" "$tmp/late.img"
mount_wb -d "disk=$disk,sim=hdd"
labelled disk yes
wbfs attach "$mnt" "late=$tmp/late.img,sim=hdd"
labelled late yes
dd if="$tmp/model" of="$exposed" bs=1M count=4 conv=notrunc,fsync status=none
wbfs drain "$mnt"
cmp -n $((4 << 20)) "$tmp/model" "$disk"
cmp "$tmp/model" "$mnt/late"
umount_wb
mount_wb
labelled disk no
labelled late no
umount_wb
