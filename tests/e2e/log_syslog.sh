#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A daemon's messages go to the system's log, with priority and name. A log that nobody reads holds
# up neither its work nor its end.

. "$(dirname "$0")/functions.sh"
requires unshare perl

make_cache 16M
make_disk 16M
mkdir "$mnt"
on_exit sleep_until_no_daemons

# Listens on /dev/log: at first it writes down what comes; told to by SIGUSR1, it reads no more.
cat >"$tmp/listen.pl" <<'END'
use IO::Socket::UNIX;
my $socket = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => '/dev/log') or die;
my ($line, $stop);
$SIG{USR1} = sub { $stop = 1 };
open my $log, '>', "$ARGV[0]/syslog" or die;
$log->autoflush(1);
while (!$stop) {
	print $log "$line\n" if defined $socket->recv($line, 9999);
}
print $log "deaf\n";
sleep 1 while 1;
END

# In a mount namespace of its own, where /dev/log is ours.
cat >"$tmp/inside" <<'END'
set -eu
wbfs=$1 tmp=$2 mnt=$3 cache=$4 disk=$5
mount -t tmpfs none /dev
mknod -m 666 /dev/null c 1 3
mknod -m 666 /dev/urandom c 1 9
mknod -m 666 /dev/fuse c 10 229
perl "$tmp/listen.pl" "$tmp" &
listener=$!
trap 'kill -KILL $listener' EXIT
while [ ! -S /dev/log ]; do sleep 0.1; done
"$wbfs" mount --cache "$cache" -d "disk=$disk" "$mnt"
echo "one=$disk" >"$mnt/.control/attach" && exit 1
echo 1 >"$mnt/.control/retry"
sleep 0.5
kill -USR1 $listener
while ! grep -q deaf "$tmp/syslog"; do sleep 0.1; done
i=0
while [ $i -lt 500 ]; do # each with a message of its own, or more
	echo "x$i=/nowhere/x$i" >"$mnt/.control/attach" && exit 1
	i=$((i + 1))
done 2>/dev/null
dd if=/dev/urandom of="$mnt/disk" bs=64K count=20 conv=notrunc,fsync status=none
"$wbfs" umount "$mnt"
echo ended >"$tmp/ended"
END
WB_VALGRIND='' expect_status 0 timeout 100 unshare --mount --propagation private \
	sh "$tmp/inside" "$WBFS" "$tmp" "$mnt" "$cache" "$disk"
cat "$tmp/syslog"
[ -e "$tmp/ended" ] || fail 'did not end'
grep -Eq '^<27>[A-Z][a-z]{2} [ 0-9][0-9] [0-9:]{8} wbfs\[[0-9]+\]: .*disk\.img.*in use' "$tmp/syslog" ||
	fail 'an error is not in the log, or not in its form'
grep -Eq '^<30>.* wbfs\[[0-9]+\]: .*cache\.img: starting over' "$tmp/syslog" ||
	fail 'information is not in the log, or not as such'
