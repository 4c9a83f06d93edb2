#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wbfs bench overwrites nothing that holds something unless it is forced to, and says what is too
# small to be measured. A report can be made of results from elsewhere, if they are understood.

. "$(dirname "$0")/functions.sh"

export TMPDIR=$tmp/scratch
mkdir "$TMPDIR"
truncate -s 64M "$tmp/good.img" "$tmp/data.img" "$tmp/ext4.img" "$tmp/late.img"
truncate -s 63M "$tmp/small.img"
printf 'somebody needs this' | dd of="$tmp/data.img" bs=1 seek=50000000 conv=notrunc status=none
mkfs.ext4 -q "$tmp/ext4.img"
make_cache 64M

# bench ARGUMENT...
bench() {
	timeout --kill-after=5 60 "$WBFS" bench --seconds 0.3 "$@"
}

good=$tmp/good.img
refused 4 'data.img: bench: holds data' bench --cache "$good" --device "$tmp/data.img"
grep -q '^hint: .*--force' "$tmp/err" || fail 'no hint'
refused 4 'data.img: bench: holds data' bench --cache "$tmp/data.img" --device "$good"
refused 4 'ext4.img: bench: holds ext4' bench --device "$tmp/ext4.img"
refused 4 'cache.img: bench: holds a wbfs cache' bench --cache "$cache"
refused 1 'small.img: bench: too small to be measured: 63 MiB' bench --device "$tmp/small.img"
refused 1 'none.img: open: no such file' bench --device "$tmp/none.img"
refused 1 'cache and device are the same' bench --cache "$good" --device "$tmp/./good.img"
refused 1 'seconds=0: not a number of seconds' bench --seconds 0
refused 1 'seconds=1s: not a number of seconds' bench --seconds 1s
refused 1 'report.html: write: no such file' bench --report "$tmp/none/report.html"
refused 1 'make a temporary directory' env TMPDIR="$tmp/none" "$WBFS" bench
refused 1 'too many arguments' bench "$good"

# Busy: the backing of a mount.
make_disk 64M
mount_wb -d "disk=$disk"
refused 5 'disk.img: .*in use by another wbfs' bench --device "$disk"
umount_wb

# Too little space for its own images, whichever would be the smallest.
mkdir "$tmp/tiny"
mount -t tmpfs -o size=100M none "$tmp/tiny"
on_exit umount "$tmp/tiny"
refused 3 'needs .*, has .*: too little to measure' env TMPDIR="$tmp/tiny" "$WBFS" bench
refused 3 'create images: needs .*, has ' env TMPDIR="$tmp/tiny" "$WBFS" demo
[ -z "$(ls -A "$tmp/tiny")" ] || fail "left behind: $(ls -A "$tmp/tiny")"

# A report that could not be written is not left there, and a good one is not lost, when refused.
refused 4 'holds data' bench --device "$tmp/data.img" --report "$tmp/report.html"
[ ! -e "$tmp/report.html" ] || fail 'left an empty report'

# By force.
expect_status 0 bench --force --cache "$good" --device "$tmp/data.img"
grep -q 'data.img: bench: overwriting what is there' "$tmp/err" || fail 'says nothing of it'
cmp "$tmp/data.img" "$tmp/late.img" || fail 'not empty afterwards'


# Results from elsewhere.
{
	printf '%s\t%s\n' title 'A <title>' fact 'device	/dev/x & y' note 'a note'
	printf 'columns\tone\tother\n'
	printf 'row\twrites\tMiB/s\t1\t2\t3\t4\t5\t6\t\tat least 2\tyes\n'
	printf 'row\tsyncs\tMiB/s\t-\t-\t-\t-\t-\t-\t-\tnot measured\tunknown\n'
	printf 'row\treads\tMiB/s\t-\t-\t-\t4\t5\t6\n# so\n\nchart\tline\tT\ts\tMiB/s\tnote\n'
	printf 'series\tone\t0:1 1:2 2.5:1e3\nseries\tother\t0:1 1:2\n'
} >"$tmp/results"
expect_status 0 wbfs bench --from "$tmp/results" --report "$tmp/report.html"
for text in 'A &lt;title&gt;' '/dev/x &amp; y' '2.50 ×' 'at least 2' '✓ met' \
	'not measured <span class="no">?<' '<svg '; do
	grep -Fq "$text" "$tmp/report.html" || fail "not in the report: $text"
done
refused 1 'needs --report' wbfs bench --from "$tmp/results"
printf 'series\tone\t0:1 1;2\n' >>"$tmp/results"
refused 1 'results: line 13: a point has the form X:Y' \
	wbfs bench --from "$tmp/results" --report "$tmp/report.html"
