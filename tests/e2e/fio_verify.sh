#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# fio's own verification, direct I/O with 32 requests in flight: on the exposed file, on a loop
# device on top of it, and again after a remount.

. "$(dirname "$0")/functions.sh"
requires fio
requires_loop

# verify FILE SEED OPTION...
verify() {
	local file=$1 seed=$2
	shift 2
	(cd "$tmp" && fio --name=verify --filename="$file" --allow_file_create=0 --fallocate=none \
		--size=192M --rw=randwrite --ioengine=libaio --iodepth=32 --direct=1 \
		--randseed="$seed" --verify=crc32c --verify_fatal=1 --verify_state_save=0 \
		--output-format=terse --terse-version=3 "$@") >"$tmp/fio" 2>&1 || {
		cat "$tmp/fio"
		fail "fio on $file"
	}
}

start_wb 64M 256M
verify "$exposed" 1 --bsrange=4k-128k
umount_wb
mount_wb
verify "$exposed" 1 --bsrange=4k-128k --verify_only

verify "$exposed" 2 --bsrange=512-32k --blockalign=512 --io_size=64M

loop_on "$exposed" --direct-io=on
verify "$loop" 3 --bsrange=4k-64k
loop_off
umount_wb
mount_wb
loop_on "$exposed"
verify "$loop" 3 --bsrange=4k-64k --verify_only
loop_off
umount_wb
