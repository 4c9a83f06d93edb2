#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wbfs top -b prints pictures of a mount as plain text, as many as asked for.

. "$(dirname "$0")/functions.sh"

# How many pictures there are in $tmp/out.
pictures() {
	grep -c "^wbfs top  /" "$tmp/out" || true
}

start_wb 16M 16M
expect_status 0 wbfs top -b -n 1 -d 0.2 "$mnt"
[ "$(pictures)" -eq 1 ] || fail "$(pictures) pictures instead of 1"
for pattern in 'healthy' '^cache .*'"$cache" '^log .* % used$' '^dirty .*all is on the backings' \
	'^write' '^read' '^migrate' '^hits' '^latency' '^sync' '^backing +state' '^disk +healthy' \
	'^messages'; do
	grep -Eq "$pattern" "$tmp/out" || fail "no '$pattern'"
done
not grep -q '[^ -~]' "$tmp/out" || fail 'more than ASCII in the locale C'

expect_status 0 env COLUMNS=50 "$WBFS" top --batch --count 3 --delay 0.2 "$mnt"
[ "$(pictures)" -eq 3 ] || fail "$(pictures) pictures instead of 3"
[ "$(wc -L <"$tmp/out")" -le 50 ] || fail 'wider than asked for'

for wrong in '-n 0' '-n x' '-n -1' '-n 1x' '-d 0' '-d 0.01' '-d nan' '-d x' '-d 4000' '-x'; do
	read -ra words <<<"$wrong"
	refused 1 '(not a number|not in 0.1|unknown)' wbfs top -b "${words[@]}" "$mnt"
done
refused 1 'not a mount point of wbfs' wbfs top -b -n 1 "$tmp"
refused 1 '.' wbfs top -b -n 1
refused 6 'standard output' bash -c "'$WBFS' top -b -n 1 -d 0.2 '$mnt' >/dev/full"

echo 1 >"$control/devices/disk/paused"
dd if=/dev/urandom of="$exposed" bs=1M count=2 conv=notrunc,fsync status=none
expect_status 0 env LC_ALL=C.UTF-8 "$WBFS" top -b -n 1 -d 0.2 "$mnt"
grep -Eq '^dirty +2 MiB only in cache' "$tmp/out" || fail 'not what is dirty'
grep -Eq '^disk +paused .*■' "$tmp/out" || fail 'not that it is paused'

# It doesn't keep the mount from going, and says that it went.
wbfs top -b -d 0.2 "$mnt" >"$tmp/pictures" 2>"$tmp/said" &
pid=$!
wait_until 10 grep -q healthy "$tmp/pictures"
wbfs umount "$mnt"
status=0
wait "$pid" || status=$?
[ "$status" -eq 8 ] || fail "exit status $status instead of 8"
grep -qx "wbfs: $mnt: top: no longer mounted" "$tmp/said" || fail "said: $(cat "$tmp/said")"
