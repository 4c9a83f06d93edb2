#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A daemon that hangs makes nobody hang who asks it: after some seconds each command says so and
# ends, and those on all mounts go on with the others.

. "$(dirname "$0")/functions.sh"

end_stopped() {
	kill -CONT "$pid" 2>/dev/null || true
}

# silent COMMAND...: it ends with the one message
silent() {
	local lines
	expect_status 6 timeout --foreground --kill-after=5 20 "$WBFS" "$@" </dev/null
	lines=$(grep -c "^wbfs: $mnt: .*: its daemon doesn't answer" "$tmp/err") || true
	[ "$lines" -eq 1 ] || fail "not said once: $(cat "$tmp/err")"
}

make_cache 16M
make_disk 16M
mount_wb -d "disk=$disk"
pid=$(daemon_pid)
mkwbfs --size 16M "$tmp/other.img" >/dev/null
make_disk 16M "$tmp/well.img"
mkdir "$tmp/other"
on_exit end_wb "$tmp/other"
wbfs mount --cache "$tmp/other.img" -d "well=$tmp/well.img" "$tmp/other"
on_exit end_stopped
kill -STOP "$pid"

silent status
grep -q '^well: clean' "$tmp/out" || fail 'nothing about the mount that answers'
grep -Eq "^cache\.img +cache +no answer +$mnt\$" "$tmp/out" || fail 'it is not on the list'
silent status --json
python3 - "$tmp/out" "$mnt" <<-'EOF'
	import json, sys
	states = {m["mount_point"]: m["state"] for m in json.load(open(sys.argv[1]))}
	assert states.pop(sys.argv[2]) == "no answer", states
	assert "healthy" in states.values(), states
EOF
silent status --test
silent stat
grep -q well "$tmp/out" || fail 'nothing about the mount that answers'
silent status "$mnt"
silent status "$mnt/"
silent get "$mnt/disk"
silent set "$mnt" force_migrate=1
silent top -b -n 1 "$mnt"
silent flush "$mnt"
silent drain "$mnt"
silent detach "$mnt" disk
silent attach "$mnt" "more=$tmp/well.img"
silent loop "$mnt" disk
expect_status 0 timeout --foreground --kill-after=5 20 "$WBFS" status --scan "$cache"
grep -q 'no answer' "$tmp/out" || fail 'taken for well'

# Ctrl-C doesn't wait for that.
begin=$SECONDS
expect_status 124 timeout --foreground --signal=INT --kill-after=10 1 "$WBFS" get "$mnt"
[ $((SECONDS - begin)) -lt 4 ] || fail 'Ctrl-C waits for the daemon'

# It comes back, with all of it.
kill -CONT "$pid"
expect_value 0 "$control/force_migrate"
expect_status 0 wbfs status --test
wbfs umount "$tmp/other"
umount_wb
