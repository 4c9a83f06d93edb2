#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# As a service: in the foreground, telling the service manager by datagrams, to a socket in the file
# system or an abstract one, when it is ready, how it is, that it needs more time and that it stops.
# The units that come with wbfs are what systemd understands.

. "$(dirname "$0")/functions.sh"
requires perl
slow_daemon 40000

# listen SOCKET: what arrives there is written to $tmp/told, a line each
listen() {
	: >"$tmp/told"
	perl -MSocket -e '
		my ($path, $file) = @ARGV;
		$path =~ s/^@/\0/;
		socket(my $s, AF_UNIX, SOCK_DGRAM, 0) or die;
		bind($s, pack_sockaddr_un($path)) or die;
		open(my $f, ">>", $file) or die;
		select((select($f), $| = 1)[0]);
		while (defined recv($s, my $text, 4096, 0)) { print $f "$text\n" }
	' "$1" "$tmp/told" &
	listener=$!
	on_exit kill "$listener"
	wait_until 60 grep -q -F "$1" /proc/net/unix
}

told() {
	grep -Eq "$1" "$tmp/told"
}

serve() {
	NOTIFY_SOCKET=$1 "${daemon[@]}" mount --cache "$cache" -o io=threads -f "${@:2}" "$mnt" &
	job=$!
}

make_cache 32M --segment-size 64K
make_disk 64M
mkdir "$mnt"
on_exit end_wb "$mnt"

listen "$tmp/socket"
serve "$tmp/socket" -d "disk=$disk"
wait_until 30 told '^READY=1$'
mountpoint -q "$mnt" || fail 'ready, but not mounted'
wait_until 10 told '^STATUS=healthy: 0 bytes only in the cache'
echo 0 >"$control/update_interval"
echo 0 >"$control/allow_migrate"
dd if=/dev/urandom of="$exposed" bs=1M count=8 conv=notrunc,fsync status=none
wait_until 20 told '^STATUS=healthy: 8 MiB only in the cache'
not told '^STOPPING=1$' || fail 'stopping too soon'
: >"$tmp/slow"
not told '^EXTEND_TIMEOUT_USEC=' || : >"$tmp/told" # it has asked at the beginning
wbfs umount "$mnt"
wait "$job" || fail "exit status $?"
told '^STOPPING=1$' || fail 'it did not tell that it stops'
told '^EXTEND_TIMEOUT_USEC=' || fail 'it did not ask for time to flush'
kill "$listener"
wait "$listener" 2>/dev/null || true

# An abstract socket; recovery asks for time and says how far it is.
listen "@$tmp/abstract"
serve "@$tmp/abstract" -o allow_migrate=0,update_interval=0
wait_until 30 told '^READY=1$'
told '^STATUS=looking for the log.s end: [0-9]+ %' || fail 'it does not say how far it is'
told '^EXTEND_TIMEOUT_USEC=[0-9]+$' || fail 'it does not ask for time'
[ "$(grep -n '^READY=1$' "$tmp/told" | cut -d: -f1)" -gt 1 ] || fail 'ready at once'
rm "$tmp/slow"

# A drain, too: who drains may be what is to stop the service. Of blocks far apart.
perl -e 'open(my $f, "+<", $ARGV[0]) or die;
	for (1 .. 3000) { sysseek($f, 4096 * (2048 + $_ * 7919 % 14000), 0); syswrite($f, "x" x 4096) }
' "$exposed"
: >"$tmp/told"
: >"$tmp/slow"
wbfs drain "$mnt" &
drainer=$!
wait_until 20 told '^STATUS=healthy: .*, draining'
told EXTEND_TIMEOUT_USEC || fail 'it does not ask for time to drain'
rm "$tmp/slow"
wait "$drainer"
kill -TERM "$job"
wait "$job" || fail "exit status $?"
kill "$listener"
wait "$listener" 2>/dev/null || true

# A manager that isn't there is no reason not to serve.
serve "$tmp/nobody"
wait_until 30 test -e "$exposed"
umount_wb
wait "$job" || fail "exit status $?"

for unit in wbfs@ wbfs-loop@; do
	[ -s "$top_builddir/contrib/systemd/$unit.service" ] || fail "no unit $unit.service"
	! grep -q '@sbindir@' "$top_builddir/contrib/systemd/$unit.service" || fail 'a path is missing'
done
command -v systemd-analyze >/dev/null || skip 'all but the units tested: no systemd-analyze here'
mkdir "$tmp/units"
for unit in wbfs@ wbfs-loop@; do
	sed "s|^\(Exec[a-zA-Z]*=-\?\)[^ ]*/wbfs|\1$(realpath "$WBFS")|" \
		"$top_builddir/contrib/systemd/$unit.service" >"$tmp/units/${unit}mnt-wb.service"
done
systemd-analyze verify --man=no --recursive-errors=no "$tmp/units/"*.service >"$tmp/verified" 2>&1 ||
	fail "systemd-analyze: $(cat "$tmp/verified")"
[ ! -s "$tmp/verified" ] || fail "systemd-analyze: $(cat "$tmp/verified")"
