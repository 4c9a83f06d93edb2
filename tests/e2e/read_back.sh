#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Several writers at a time, each of which reads back at once what it has written: a write is
# acknowledged before its data is copied, and whoever reads it then has to see all of it.

. "$(dirname "$0")/functions.sh"
requires fio

# read_back WRITERS OPTION...
read_back() {
	local writers=$1
	shift
	(cd "$tmp" && fio --name=back --filename="$exposed" --allow_file_create=0 --fallocate=none \
		--numjobs="$writers" --thread --size=16M --offset_increment=16M --rw=randwrite \
		--io_size=256M --ioengine=psync --direct=1 --verify=crc32c --verify_backlog=1 \
		--verify_fatal=1 --verify_state_save=0 --output-format=terse \
		--terse-version=3 "$@") >"$tmp/fio" 2>&1 || {
		cat "$tmp/fio"
		fail "$writers writers read back something else: $*"
	}
}

start_wb 256M 256M
read_back 2 --bs=1M
read_back 4 --bs=1M
read_back 8 --bs=64k
read_back 8 --bsrange=512-32k --blockalign=512 --io_size=8M
umount_wb
