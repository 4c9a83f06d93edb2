#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What goes wrong again and again is told at powers of two, each time with where it went wrong.

. "$(dirname "$0")/functions.sh"
exec {BASH_XTRACEFD}>&2

make_cache 16M
make_disk 16M
mount_wb -d "disk=$disk" -o allow_migrate=0 -o update_interval=0
dd if=/dev/urandom of="$exposed" bs=4K count=20 conv=notrunc,fsync status=none
umount_wb
offset=$(wbfs inspect --segments "$cache" |
	sed -n 's/.* offset \([0-9]*\), segment.*/\1/p' | head -n 1)
for ((i = 1; i <= 20; i++)); do
	printf 'XX' | dd of="$cache" bs=1 seek=$((offset + 4096 * i)) conv=notrunc status=none
done

"${daemon[@]}" mount --cache "$cache" -o allow_migrate=0 -o update_interval=0 -f "$mnt" \
	2>"$tmp/log" &
job=$!
wait_until 30 test -e "$exposed"
for ((i = 0; i < 20; i++)); do
	! dd if="$exposed" of=/dev/null bs=4K skip="$i" count=1 iflag=direct status=none 2>/dev/null ||
		fail "block $i could be read"
done
umount "$mnt"
wait "$job" || fail "exit status $?"
cat "$tmp/log"
grep -o 'checksum mismatch.*' "$tmp/log" | grep -o '([0-9]* times)\|disk)$' >"$tmp/times"
diff - "$tmp/times" <<'END'
disk)
(2 times)
(4 times)
(8 times)
(16 times)
END
grep -q "cache.img: read block at byte $((offset + 4096 * 8)): checksum mismatch (block 7 of disk) (8 times)" \
	"$tmp/log" || fail 'the place is not told'
