#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Reads wait for the disk, two seconds each, in the middle of a stream of writes: none of the writes
# waits along with them.

. "$(dirname "$0")/functions.sh"
requires fio jq

export SLOW_CALLS=pread
slow_daemon 2000000
make_disk 16M "$tmp/other.img"
start_wb 64M 16M -d "other=$tmp/other.img" -o allow_migrate=0,update_interval=0
touch "$tmp/slow"
# Few blocks, so that nothing has to be written.
(cd "$tmp" && exec fio --name=stream --filename="$mnt/other" --allow_file_create=0 --size=64k \
	--rw=randwrite --bs=4k --ioengine=libaio --iodepth=256 --numjobs=2 --group_reporting --direct=1 --time_based --runtime=18 \
	--output-format=json --output="$tmp/stream") &
sleep 1
for ((i = 0; i < 8; i++)); do
	dd if="$exposed" of=/dev/null bs=4k skip=$((1000 + i * 200)) count=1 iflag=direct status=none
done
wait $! || fail 'fio'
rm "$tmp/slow"
longest=$(jq '.jobs[0].write.clat_ns.max / 1e6 | floor' "$tmp/stream")
[ "$longest" -lt 1800 ] || fail "a write took $longest ms"
umount_wb
