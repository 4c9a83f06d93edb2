#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# An exposed file has the size of its backing, whatever is tried: writes beyond the end say
# ENOSPC or EFBIG, other sizes and other names EPERM.

. "$(dirname "$0")/functions.sh"
requires xfs_io

start_wb 16M 10000384 # 19532 sectors and a half block
[ "$(stat -c %s "$exposed")" -eq 10000384 ] || fail 'not of the exact size'
[ "$(stat -c %a "$exposed")" = 600 ] || fail 'mode is not 0600'
[ "$(stat -c %F "$exposed")" = 'regular file' ] || fail 'not a regular file'

beyond='No space left on device|File too large'
expect_error "$beyond" dd if=/dev/zero of="$exposed" bs=512 count=1 seek=10000384 \
	oflag=seek_bytes conv=notrunc
expect_error "$beyond" dd if=/dev/zero of="$exposed" bs=512 count=1 seek=99999999999 \
	oflag=seek_bytes,direct conv=notrunc
expect_error "$beyond" dd if=/dev/zero of="$exposed" bs=4096 count=2 seek=10000000 \
	oflag=seek_bytes conv=notrunc
dd if=/dev/urandom of="$exposed" bs=384 count=1 seek=10000000 oflag=seek_bytes conv=notrunc
[ "$(tail -c 1000 "$exposed" | wc -c)" -eq 1000 ] || fail 'the end is not readable'
[ "$(dd if="$exposed" bs=1M iflag=skip_bytes skip=10000384 status=none | wc -c)" -eq 0 ] ||
	fail 'something is readable beyond the end'

truncate -s 10000384 "$exposed"
expect_error 'Operation not permitted' truncate -s 0 "$exposed"
expect_error 'Operation not permitted' truncate -s 20000000 "$exposed"
expect_error 'Operation not permitted' touch "$mnt/other"
expect_error 'Operation not permitted' mv "$exposed" "$mnt/other"
expect_error 'Operation not permitted' rm -f "$exposed"
expect_error 'Operation not permitted' mkdir "$mnt/directory"
expect_error 'Operation not permitted' ln "$exposed" "$mnt/other"
expect_error 'Operation not permitted' ln -s "$exposed" "$mnt/other"
expect_error 'Operation not permitted' rm -f "$control/status"
expect_error 'Operation not permitted' touch "$control/other"

[ "$(stat -c %s "$exposed")" -eq 10000384 ] || fail 'the size changed'
[ "$(ls "$mnt")" = disk ] || fail "not only the backing is there: $(ls "$mnt")"
umount_wb
[ "$(stat -c %s "$disk")" -eq 10000384 ] || fail 'the size of the backing changed'
