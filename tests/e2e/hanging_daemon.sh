#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A daemon that hangs makes nobody hang who asks it: after some seconds each command says so and
# ends, and those on all mounts go on with the others.

. "$(dirname "$0")/functions.sh"

end_stopped() {
	kill -CONT "$pid" 2>/dev/null || true
}

# ask NAME COMMAND...: meanwhile others ask too; check_answers looks at what came
ask() {
	local name=$1 status=0
	shift
	asked+=("$name")
	{
		timeout --foreground --kill-after=5 20 "$WBFS" "$@" </dev/null \
			>"$tmp/$name.out" 2>"$tmp/$name.err" || status=$?
		echo "$status" >"$tmp/$name.status"
	} &
	pids+=("$!")
}

# Each ends with the one message.
check_answers() {
	local name lines
	wait "${pids[@]}"
	for name in "${asked[@]}"; do
		[ "$(cat "$tmp/$name.status")" -eq 6 ] ||
			fail "$name: exit status $(cat "$tmp/$name.status"): $(cat "$tmp/$name".{err,out})"
		lines=$(grep -c "^wbfs: $mnt: .*: its daemon doesn't answer" "$tmp/$name.err") || true
		[ "$lines" -eq 1 ] || fail "$name: not said once: $(cat "$tmp/$name.err")"
	done
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
stop_process "$pid"

ask status status
ask json status --json
ask test status --test
ask stat stat
ask status_of status "$mnt"
ask status_of_path status "$mnt/"
ask get get "$mnt/disk"
ask set set "$mnt" force_migrate=1
ask top top -b -n 1 "$mnt"
ask flush flush "$mnt"
ask drain drain "$mnt"
ask detach detach "$mnt" disk
ask attach attach "$mnt" "more=$tmp/well.img"
ask loop loop "$mnt" disk
check_answers
grep -q '^well: clean' "$tmp/status.out" || fail 'nothing about the mount that answers'
grep -Eq "^cache\.img +cache +no answer +$mnt\$" "$tmp/status.out" || fail 'it is not on the list'
python3 - "$tmp/json.out" "$mnt" <<-'EOF'
	import json, sys
	states = {m["mount_point"]: m["state"] for m in json.load(open(sys.argv[1]))}
	assert states.pop(sys.argv[2]) == "no answer", states
	assert "healthy" in states.values(), states
EOF
grep -q well "$tmp/stat.out" || fail 'nothing about the mount that answers'
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
