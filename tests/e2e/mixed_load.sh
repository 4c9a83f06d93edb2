#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A single small write gets through while large reads come without a pause: what a receiver holds
# back to submit several at once doesn't wait for the others to stop.

. "$(dirname "$0")/functions.sh"
requires fio

end_reader() {
	[ -z "$reader" ] || kill "$reader" 2>/dev/null || true
}

make_cache 64M
make_disk 64M
# One CPU for all of them, so that the daemon never finds its queue empty.
reader=
on_exit end_reader
taskset -cp 0 $$ >/dev/null
mount_wb -d "disk=$disk" -o allow_migrate=0,update_interval=0
dd if=/dev/urandom of="$exposed" bs=1M count=32 conv=notrunc,fsync status=none

(cd "$tmp" && exec fio --name=readers --filename="$exposed" --rw=randread --bs=1M --size=32M \
	--ioengine=libaio --iodepth=64 --numjobs=3 --thread --direct=1 --time_based --runtime=60 \
	--output="$tmp/fio") &
reader=$!
sleep 3
kill -0 "$reader" || fail "fio has ended: $(cat "$tmp/fio")"
timeout 30 dd if=/dev/zero of="$exposed" bs=4k count=30 seek=10000 oflag=direct conv=notrunc \
	status=none || fail 'writes wait for the readers to stop'
kill -0 "$reader" || fail "fio has ended: $(cat "$tmp/fio")"
kill "$reader"
wait "$reader" || true
reader=
umount_wb
