#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# wbfs doctor finds what keeps wbfs from working on this machine, and names what would help.

. "$(dirname "$0")/functions.sh"
requires unshare setpriv perl

# found LEVEL PATTERN: a line of $tmp/out
found() {
	grep -Eq "^$1 +$2" "$tmp/out" || fail "not found: $1 $2"
}

# fixed PATTERN: a command is offered
fixed() {
	grep -Eq "^ +fix: .*$1" "$tmp/out" || fail "no fix: $1"
}

# with MOUNT-COMMAND COMMAND...: in a mount namespace where that was done first
with() {
	unshare --mount --propagation private sh -ec "$1; shift; exec \"\$@\"" sh "$@"
}

as_nobody() {
	setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

# As a container does that knows io_uring as a danger only.
# shellcheck disable=SC2016 # perl's variables
without_uring=(perl -e '
	my @filter = (pack("SCCL", 0x20, 0, 0, 0),   # load the number of the system call
		pack("SCCL", 0x15, 0, 1, 425),       # io_uring_setup?
		pack("SCCL", 0x06, 0, 0, 0x50001),   # EPERM
		pack("SCCL", 0x06, 0, 0, 0x7fff0000)); # allowed
	my $filter = join "", @filter;
	my $program = pack("S x![Q] P", scalar @filter, $filter);
	syscall(157, 38, 1, 0, 0, 0) == 0 or exit 77; # no_new_privs
	syscall(157, 22, 2, $program, 0, 0) == 0 or exit 77; # seccomp
	exec @ARGV or die')

expect_status 0 wbfs doctor
for what in kernel container /dev/fuse mounting /etc/fuse.conf io_uring 'locked memory' memory \
	'huge pages' 'open files'; do
	found '(ok|warn)' "$what: "
done
found ok '/dev/fuse: can be opened'
grep -q '^wbfs can be used' "$tmp/out" || fail 'not the sum'
not grep -q $'\e' "$tmp/out" || fail 'colours in a file'

expect_status 3 with 'mount -t tmpfs none /dev; mknod /dev/null c 1 3' "$WBFS" doctor
found FAIL '/dev/fuse: no such file'
fixed '(modprobe fuse|--device /dev/fuse)'
found warn '/dev/loop-control: not there'
fixed '(modprobe loop|--privileged)'
grep -q '^1 of [0-9]* things do not work' "$tmp/out" || fail 'not the sum'

# In a container that says so, it is the container that has to be started in another way.
expect_status 3 with 'mount -t tmpfs none /dev; mknod /dev/null c 1 3' \
	env container=podman "$WBFS" doctor
found ok 'container: in one \(podman\)'
found FAIL '/dev/fuse: no such file'
fixed '--device /dev/fuse --cap-add SYS_ADMIN'
fixed 'start the container with --privileged'
expect_status 3 env container=podman setpriv --bounding-set=-sys_admin "$WBFS" doctor
fixed 'start the container with --cap-add SYS_ADMIN'

# Where mount(8) doesn't find its helpers, and after what it says would mend that.
sbin=$(realpath /sbin)
expect_status 0 with "mount -t tmpfs none $sbin" "$WBFS" doctor
found warn 'mount\(8\): /sbin/mount.fuse.wbfs is missing'
fix=$(sed -n 's/^ *fix: \(cd \/sbin .*\)  *# as root$/\1/p' "$tmp/out")
expect_status 0 with "mount -t tmpfs none $sbin; $fix" "$WBFS" doctor
found ok 'mount\(8\): knows wbfs'

# A virtual machine whose CPUs halt as soon as they have nothing to do.
haltpoll() {
	with "mount -t tmpfs none /sys/devices/system/cpu; mount -t tmpfs none /sys/module
		mkdir -p /sys/devices/system/cpu/cpuidle /sys/module/haltpoll/parameters
		echo $1 >/sys/devices/system/cpu/cpuidle/current_driver
		echo $2 >/sys/module/haltpoll/parameters/guest_halt_poll_ns" "$WBFS" doctor
}
expect_status 0 haltpoll haltpoll 0
found warn 'halt polling: off'
fixed 'echo 200000 >/sys/module/haltpoll/parameters/guest_halt_poll_ns'
expect_status 0 haltpoll haltpoll 200000
found ok 'halt polling: 200 us'
expect_status 0 haltpoll none 0
not grep -q 'halt polling' "$tmp/out" || fail 'another driver'

# Loop devices that could be made, but have no name in /dev.
expect_status 0 with 'mount -t tmpfs none /dev; mknod /dev/null c 1 3; mknod /dev/fuse c 10 229
	mknod /dev/loop-control c 10 237' "$WBFS" doctor
found warn 'loop devices: the next free one, /dev/loop[0-9]+, is not there'
fixed 'mknod /dev/loop[0-9]+ b 7 [0-9]+'

expect_status 3 with 'mount --bind /dev/null /dev/fuse' "$WBFS" doctor
found FAIL '/dev/fuse: is not the device of FUSE'

expect_status 3 setpriv --bounding-set=-sys_admin "$WBFS" doctor
found FAIL 'mounting: root without the capability CAP_SYS_ADMIN'
fixed 'CAP_SYS_ADMIN|--cap-add SYS_ADMIN'

expect_status 0 bash -c "ulimit -n 4; exec '$WBFS' doctor"
found warn 'open files: only 4'
found warn 'io_uring: .*threads are used instead'

if [ "$(uname -m)" = x86_64 ] && [ "$WB_SANITIZERS" = no ]; then
	expect_status 0 "${without_uring[@]}" "$WBFS" doctor
	found warn 'io_uring: operation not permitted: threads are used instead'
	if [ -e /proc/sys/kernel/io_uring_disabled ]; then
		echo 2 >"$tmp/disabled"
		expect_status 0 with "mount --bind $tmp/disabled /proc/sys/kernel/io_uring_disabled" \
			"${without_uring[@]}" "$WBFS" doctor
		fixed 'sysctl kernel.io_uring_disabled=0 .*is 2'
	fi
	make_cache 5M
	make_disk 1M
	mkdir -p "$mnt"
	"${without_uring[@]}" "$WBFS" mount --cache "$cache" -d "disk=$disk" "$mnt"
	expect_status 0 wbfs status "$mnt"
	umount_wb
fi

# An ordinary user, with a /dev/fuse as udev makes it.
chmod 755 "$tmp"
as_nobody test -x "$WBFS" || skip 'the programs are where only root can run them'
dev='mount -t tmpfs none /dev; mknod -m 666 /dev/null c 1 3; mknod -m 666 /dev/fuse c 10 229'
user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
expect_status 0 with "$dev" "${user[@]}" bash -c "ulimit -l 0; exec '$WBFS' doctor"
found ok '/dev/fuse: can be opened'
found ok 'mounting: by /.*fusermount3'
found warn 'locked memory: limited to 0 bytes'
fixed 'ulimit -l unlimited'

expect_status 3 with "$dev; chmod 600 /dev/fuse" "${user[@]}" "$WBFS" doctor
found FAIL '/dev/fuse: open: permission denied'
fixed 'chmod 666 /dev/fuse'

echo '# nothing' >"$tmp/fuse.conf"
expect_status 0 with "$dev; mount --bind $tmp/fuse.conf /etc/fuse.conf" "${user[@]}" "$WBFS" doctor
found warn '/etc/fuse.conf: user_allow_other is not set'
fixed 'echo user_allow_other >>/etc/fuse.conf'
echo user_allow_other >"$tmp/fuse.conf"
expect_status 0 with "$dev; mount --bind $tmp/fuse.conf /etc/fuse.conf" "${user[@]}" "$WBFS" doctor
found ok '/etc/fuse.conf: user_allow_other is set'

fusermount=$(command -v fusermount3)
expect_status 3 with "$dev; mount --bind /dev/null $fusermount" "${user[@]}" "$WBFS" doctor
found FAIL 'fusermount3: not found, and you are not root'
fixed 'apt-get install fuse3'
cp "$fusermount" "$tmp/plain"
chmod 755 "$tmp/plain"
expect_status 3 with "$dev; mount --bind $tmp/plain $fusermount" "${user[@]}" "$WBFS" doctor
found FAIL 'fusermount3: .* is not setuid root'
expect_status 3 with "$dev" "${user[@]}" --no-new-privs "$WBFS" doctor
found FAIL 'fusermount3: setuid has no effect here'
