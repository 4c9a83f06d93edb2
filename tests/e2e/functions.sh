# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Read by every end-to-end test. A test works in $tmp, a new directory on a real disk, with names
# that are the same in all of them:
#
#	$cache $disk      image files of the cache and of the backing called disk
#	$mnt $exposed     the mount point, and the backing seen there
#	$fs $loop         where a file system is mounted, and the loop device under it
#	$control          the cache's control files
#
# Whatever a helper sets up is undone when the test ends, however it ends, in the opposite order.
# A test that runs too long has its daemons killed, so that nothing can hang on them.
#
# From the environment:
#
#	top_builddir      where the programs were built (the source tree)
#	WB_VALGRIND=1     run the daemon under valgrind
#	WB_MOUNT_OPTIONS  given to each mount, as in -o
#	WB_KEEP=1         leave $tmp there if the test fails
#	WB_TIMEOUT        seconds a test may take (300)
#	TMPDIR            where $tmp is made (/tmp)

set -euo pipefail
PATH=$PATH:/usr/sbin:/sbin

top_srcdir=${top_srcdir:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
top_builddir=${top_builddir:-$top_srcdir}
test_name=$(basename "$0" .sh)
WBFS=$top_builddir/fuse/wbfs
MKWBFS=$top_builddir/mkwbfs/mkwbfs
: "${WB_KEEP=}" "${WB_VALGRIND=}" "${WB_MOUNT_OPTIONS=}" "${WB_TIMEOUT=300}" "${WB_SANITIZERS=no}"
if [ -n "$WB_VALGRIND" ] || [ "$WB_SANITIZERS" = thread ]; then
	# They don't see what io_uring does, and everything takes longer.
	WB_MOUNT_OPTIONS=io=threads${WB_MOUNT_OPTIONS:+,$WB_MOUNT_OPTIONS}
	WB_TIMEOUT=$((WB_TIMEOUT * 10))
fi

# ---- how a test ends ----

skip() {
	echo "SKIP: $test_name: $*"
	exit 77
}

fail() {
	echo "FAIL: $test_name: $*" >&2
	exit 1
}

undo=() # commands, one a string

# on_exit COMMAND...: run it at the end; what was said last is done first
on_exit() {
	local -
	set +x
	undo+=("$(printf '%q ' "$@")")
}

# Kill the daemons after so many seconds; they are all that a test can hang on for ever.
watchdog_pid=
start_watchdog() {
	local -
	set +x
	stop_watchdog
	(
		set +x
		trap - EXIT
		read -r -t "$1" <>"$tmp/never" || true
		echo "FAIL: $test_name: not done after $1 s" >&2
		daemons | while read -r pid; do kill -KILL "$pid"; done
		kill -TERM $$
	) >&2 &
	watchdog_pid=$!
}

stop_watchdog() {
	local -
	set +x
	if [ -n "$watchdog_pid" ]; then
		kill -KILL "$watchdog_pid" 2>/dev/null || true
		wait "$watchdog_pid" 2>/dev/null || true
	fi
	watchdog_pid=
}

finish() {
	local status=$? i
	trap - EXIT
	trap '' TERM
	set +ex
	start_watchdog 60
	for ((i = ${#undo[@]} - 1; i >= 0; i--)); do
		echo "+ finish: ${undo[i]}"
		eval "${undo[i]}"
	done
	stop_watchdog
	if [ "$status" -eq 0 ] && reports; then
		status=1
	fi
	if [ "$status" -eq 0 ] || [ -z "$WB_KEEP" ]; then
		rm -rf --one-file-system "$tmp"
	fi
	exit "$status"
}

# What sanitizers and valgrind wrote; true if they complained.
reports() {
	local -
	set +x
	local file found=1
	for file in "$tmp"/sanitizer.* "$tmp"/valgrind.*; do
		[ -s "$file" ] || continue
		if [[ $file == */valgrind.* ]] && grep 'ERROR SUMMARY: 0 errors' "$file"; then
			continue
		fi
		cat "$file" >&2
		found=0
	done
	return "$found"
}

# ---- what a test needs ----

requires() {
	local program
	for program; do
		command -v "$program" >/dev/null || skip "no $program on this machine"
	done
}

requires_filesystem() {
	grep -qw "$1" /proc/filesystems || modprobe -q "$1" 2>/dev/null ||
		skip "this kernel has no $1"
}

requires_loop() {
	[ -e /dev/loop-control ] || modprobe -q loop 2>/dev/null || true
	[ -e /dev/loop-control ] || skip 'no loop devices on this machine'
}

# Without sanitizers and valgrind, for what they can't do.
requires_plain_build() {
	[ "$WB_SANITIZERS" = no ] || skip "$1, but built with sanitizers"
	[ -z "$WB_VALGRIND" ] || skip "$1, but run under valgrind"
}

# ---- saying what should be ----

# expect_status N COMMAND...: it exits so (a number or a pattern such as [13]); its output is then
# in $tmp/out and $tmp/err
expect_status() {
	local expected=$1 status=0
	shift
	"$@" >"$tmp/out" 2>"$tmp/err" || status=$?
	cat "$tmp/out" "$tmp/err"
	# shellcheck disable=SC2053 # a pattern
	[[ $status == $expected ]] || fail "exit status $status instead of $expected: $*"
}

# expect_error PATTERN COMMAND...: it fails, and says so (for programs other than ours)
expect_error() {
	local pattern=$1
	shift
	if LC_ALL=C "$@" >"$tmp/out" 2>&1; then
		fail "succeeded: $*"
	fi
	cat "$tmp/out"
	grep -Eq -- "$pattern" "$tmp/out" || fail "not '$pattern': $(cat "$tmp/out")"
}

# expect_value VALUE FILE: the first line of a control file
expect_value() {
	local value
	value=$(cat "$2")
	[ "$value" = "$1" ] || fail "$2: '$value' instead of '$1'"
}

# refused STATUS PATTERN COMMAND...: it exits so with one message that matches, changes no image,
# and leaves nothing mounted or running that was not before
refused() {
	local expected=$1 pattern=$2 before running mounted lines
	shift 2
	before=$(sum_images)
	running=$(daemons)
	mounted=$(mounts)
	expect_status "$expected" "$@"
	lines=$(grep -cEv '^hint: ' "$tmp/err") || true
	[ "$lines" -eq 1 ] || fail "$lines messages instead of one: $(cat "$tmp/err")"
	grep -Eq '^(mk)?wbfs: .+: .+' "$tmp/err" || fail "not an error message: $(cat "$tmp/err")"
	grep -Eqi -- "$pattern" "$tmp/err" || fail "message does not match '$pattern'"
	[ "$before" = "$(sum_images)" ] || fail "an image changed: $*"
	[ "$running" = "$(daemons)" ] || fail "left running: $(daemons)"
	[ "$mounted" = "$(mounts)" ] || fail "left mounted: $*"
}

# What is mounted in $tmp.
mounts() {
	awk -v tmp="$tmp/" 'index($2, tmp) == 1 { print $1, $2 }' /proc/mounts
}

sum_images() {
	local -
	set +x
	local summer
	summer=$(command -v xxhsum || echo sha256sum) # the faster one
	find "$tmp" -maxdepth 1 -name '*.img' -print0 | sort -z | xargs -0r "$summer"
}

# wait_until SECONDS COMMAND...: until it succeeds
wait_until() {
	local -
	set +x
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		[ "$SECONDS" -lt "$deadline" ] || fail "did not happen in time: $*"
		sleep 0.1
	done
}

not() {
	! "$@"
}

# same_tree A B: names, kinds, modes, times and contents
same_tree() {
	diff -r --no-dereference "$1" "$2" || fail "$1 and $2 differ"
	diff <(list_tree "$1") <(list_tree "$2") || fail "$1 and $2 differ in their attributes"
}

list_tree() {
	local -
	set +x
	(cd "$1" && find . -mindepth 1 \( -type d -printf '%P %y %m\n' -o \
		-printf '%P %y %m %s %T@ %l\n' \) | LC_ALL=C sort)
}

# real_tree DIRECTORY MEBIBYTES: fill it with as much of what is in /usr
real_tree() {
	local part max=$(($2 * 1024 * 1024 / 2))
	if [ -n "$WB_VALGRIND" ]; then
		max=$((max / 16))
	fi
	mkdir -p "$1"
	for part in include share/doc; do
		[ -d "/usr/$part" ] || continue
		(cd /usr && find "$part" \( -type f -o -type l \) -size -4M -printf '%s\t%p\n') |
			LC_ALL=C sort -k2 |
			awk -F '\t' -v max="$max" '{ n += $1 + 4096 } n <= max { print $2 }' |
			tar -C /usr --no-recursion -T - -cf - | tar -C "$1" -xf -
	done
	[ -n "$(ls -A "$1")" ] || skip 'nothing in /usr/include and /usr/share/doc to copy'
}

# random_file FILE BYTES
random_file() {
	head -c "$2" /dev/urandom >"$1"
}

# ---- wbfs ----

wbfs() {
	if [ "${1-}" = mount ]; then
		"${daemon[@]}" "$@"
	else
		"$WBFS" "$@"
	fi
}

mkwbfs() {
	"$MKWBFS" "$@"
}

# The daemons of this test, and whatever else of wbfs runs for it: one pid a line.
daemons() {
	local -
	set +x
	local proc arguments argument
	for proc in /proc/[0-9]*; do
		[[ $proc/exe -ef /proc/$$/fd/$program_fd || -n $WB_VALGRIND ]] || continue
		mapfile -d '' arguments 2>/dev/null <"$proc/cmdline" || continue
		[[ -z $WB_VALGRIND || ${arguments[0]-} == *valgrind || ${arguments[0]-} == "$WBFS" ]] ||
			continue
		for argument in "${arguments[@]}"; do
			if [[ $argument == "$tmp"/* || $argument == *"=$tmp"/* ]]; then
				echo "${proc#/proc/}"
				break
			fi
		done
	done
}

no_daemons() {
	local -
	set +x
	[ -z "$(daemons)" ]
}

# The one daemon of this test.
daemon_pid() {
	local pids
	pids=$(daemons)
	[[ $pids =~ ^[0-9]+$ ]] || fail "not one daemon, but: '$pids'"
	echo "$pids"
}

# make_cache SIZE [OPTION...]
make_cache() {
	local size=$1
	shift
	mkwbfs --size "$size" "$@" "$cache"
}

# make_disk SIZE [FILE]: sparse
make_disk() {
	truncate -s "$1" "${2:-$disk}"
}

# mount_wb [ARGUMENT...]: mount $cache on $mnt
mount_wb() {
	mkdir -p "$mnt"
	on_exit end_wb "$mnt"
	wbfs mount --cache "$cache" ${WB_MOUNT_OPTIONS:+-o "$WB_MOUNT_OPTIONS"} "$@" "$mnt"
	mountpoint -q "$mnt" || fail "not mounted: $mnt"
}

# start_wb CACHE-SIZE DISK-SIZE [ARGUMENT...]: a new cache with one backing, mounted
start_wb() {
	make_cache "$1"
	make_disk "$2"
	shift 2
	mount_wb -d "disk=$disk" "$@"
}

umount_wb() {
	wbfs umount "$@" "$mnt"
	! mountpoint -q "$mnt" || fail "still mounted: $mnt"
	no_daemons || fail 'the daemon outlives wbfs umount'
}

# Whatever state it is in.
end_wb() {
	local pid
	if mountpoint -q "$1" || is_dead "$1"; then
		"$WBFS" umount "$1" || umount -l "$1"
	fi
	sleep_until_no_daemons || for pid in $(daemons); do
		kill -KILL "$pid"
	done
}

is_dead() {
	local -
	set +x
	[[ $(stat --file-system "$1" 2>&1) == *'not connected'* ]]
}

sleep_until_no_daemons() {
	local -
	set +x
	local i
	for ((i = 0; i < 100; i++)); do
		! no_daemons || return 0
		sleep 0.1
	done
	return 1
}

# kill_wb: SIGKILL, and wait until it is gone; the dead mount stays
kill_wb() {
	kill -KILL "$(daemon_pid)"
	wait_until 30 no_daemons
}

# stop_process PID: SIGSTOP, and wait until none of its threads runs; some do for a while
stop_process() {
	kill -STOP "$1"
	wait_until 30 no_thread_runs "$1"
}

no_thread_runs() {
	local -
	set +x
	! grep -h '^State:' "/proc/$1/task"/*/status | grep -qv 'T (stopped)'
}

# slow_daemon MICROSECONDS: from now on `wbfs mount` starts one whose disks take so much longer for
# each I/O while the file $tmp/slow is there
slow_daemon() {
	local compiler
	[ -z "$WB_VALGRIND" ] || skip 'a slow disk can not be preloaded into valgrind'
	read -ra compiler <<<"${CC:-cc}"
	requires "${compiler[0]}"
	"${compiler[@]}" -D_GNU_SOURCE -O1 -fPIC -shared -o "$tmp/slow.so" \
		"$top_srcdir/tests/e2e/slow.c" -ldl
	daemon=(env LD_PRELOAD="$tmp/slow.so" SLOW_SWITCH="$tmp/slow" SLOW_US="$1"
		ASAN_OPTIONS="verify_asan_link_order=0:$ASAN_OPTIONS" "$WBFS")
	WB_MOUNT_OPTIONS=io=threads
}

# on_terminal COLUMNS INPUT COMMAND...: run it on a terminal of its own, where INPUT (as for printf)
# is typed after two seconds; what it shows is then in $tmp/screen, a redrawn line as several
on_terminal() {
	local columns=$1 input=$2 status=0
	shift 2
	requires script
	{
		sleep 2
		# shellcheck disable=SC2059 # escapes are wanted
		printf "$input"
		wait_until 60 test -e "$tmp/typed"
	} | script -qec "trap : INT; stty cols $columns; $(printf '%q ' "$@"); s=\$?; : >$tmp/typed; exit \$s" \
		/dev/null >"$tmp/screen.raw" || status=$?
	rm -f "$tmp/typed"
	tr '\r' '\n' <"$tmp/screen.raw" | sed 's/\x1b\[K//g' >"$tmp/screen"
	cat "$tmp/screen"
	return "$status"
}

# ---- loop devices and file systems ----

# loop_on FILE [OPTION...]: sets $loop
loop_on() {
	local file=$1 i
	shift
	loop=
	for ((i = 0; i < 10; i++)); do # somebody else may take the free one first
		loop=$(losetup --find --show "$@" "$file") && break
		sleep 0.2
	done
	[ -n "$loop" ] || fail "no loop device for $file"
	on_exit end_loop "$loop" "$file"
}

loop_off() {
	local device=${1:-$loop}
	losetup --detach "$device"
	wait_until 30 not has_loop "$device"
}

has_loop() {
	local -
	set +x
	[ -n "$(losetup --noheadings --output BACK-FILE "$1" 2>/dev/null)" ]
}

end_loop() {
	case $(losetup --noheadings --output BACK-FILE "$1" 2>/dev/null) in
	"$2" | "$2 "*) losetup --detach "$1" ;;
	esac
}

# mount_fs DEVICE [OPTION...]: on $fs
mount_fs() {
	local device=$1
	shift
	mkdir -p "$fs"
	on_exit end_fs "$fs"
	mount "$@" "$device" "$fs"
}

umount_fs() {
	umount "$fs"
}

end_fs() {
	if mountpoint -q "$1"; then
		umount "$1" || umount -l "$1"
	fi
}

# ---- begin ----

# The directory of an earlier run that was killed is not ours to remove: it may still be mounted.
tmp=$(mktemp -d "${TMPDIR:-/tmp}/wbfs-$test_name.XXXXXX")
tmp=$(realpath "$tmp")
trap finish EXIT
trap 'exit 1' INT TERM HUP
mkfifo "$tmp/never"

cache=$tmp/cache.img
disk=$tmp/disk.img
mnt=$tmp/wb
exposed=$mnt/disk
control=$mnt/.control
fs=$tmp/fs
loop=
export cache disk mnt exposed control fs loop # not all are used in each test

export ASAN_OPTIONS="log_path=$tmp/sanitizer:${ASAN_OPTIONS-}"
export UBSAN_OPTIONS="log_path=$tmp/sanitizer:print_stacktrace=1:${UBSAN_OPTIONS-}"
export TSAN_OPTIONS="log_path=$tmp/sanitizer:${TSAN_OPTIONS-}"
export LC_ALL=C
export SHELL=/bin/bash TERM=xterm # what script(1) and the programs in it see, wherever this runs

[ "$(id -u)" -eq 0 ] || skip 'not root'
[ -e /dev/fuse ] || skip 'no /dev/fuse on this machine'
[ -x "$WBFS" ] || fail "not built: $WBFS"
[ -x "$MKWBFS" ] || fail "not built: $MKWBFS"
exec {program_fd}<"$WBFS" # even if it is built anew meanwhile
start_watchdog "$WB_TIMEOUT"
daemon=("$WBFS")
if [ -n "$WB_VALGRIND" ]; then
	daemon=(valgrind --verbose --log-file="$tmp/valgrind.%p" --leak-check=full
		--errors-for-leak-kinds=definite "$WBFS")
fi

# The trace goes past what is captured of a command's messages.
exec {BASH_XTRACEFD}>&2
PS4='+ ${BASH_SOURCE##*/}:$LINENO: '
set -x
