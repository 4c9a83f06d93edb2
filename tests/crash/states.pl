#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What may be on the disks after a power cut in the middle of a recorded session.
#
#	states.pl LOG SEED STATE BASE=IMAGE...
#	states.pl --summary LOG
#
# BASE is what a device had before the session, in the order of $RECORD_FILES; IMAGE is overwritten
# with what it has after the cut. It stays the same file, because that is how wbfs knows it.
#
# At the cut, which is anywhere in the log, a device has every write that had ended when its last
# completed flush began. Every later one it may have or not, or a part of its 512-byte sectors.
# The same LOG, SEED and STATE give the same again. Prints where the log was cut, and on standard
# error how. --summary prints what was recorded, and fails if a part of it is missing.

use strict;
use warnings;
use Fcntl;
use FindBin;
require "$FindBin::Bin/log.pl";

use constant SECTOR => 512;

if (@ARGV == 2 && $ARGV[0] eq '--summary') {
	summary(read_log($ARGV[1]));
	exit;
}
my ($log, $seed, $state, @devices) = @ARGV;
die "usage: $0 LOG SEED STATE BASE=IMAGE...\n" unless @devices;
srand($seed * 100003 + $state);

my $events = read_log($log);
my $cut = choose_cut($events);
my @before = @{$events}[0 .. $cut - 1];
my %ended = map { $_->{id} => $before[$_->{index}] } ends(\@before);
my %counts = (durable => 0, kept => 0, lost => 0, torn => 0);

for my $device (0 .. $#devices) {
	my ($base, $image) = split /=/, $devices[$device], 2;
	my $content = slurp($base);
	my $durable = durable_before($device);
	my $fate = fates();
	for my $event (grep { is_change($_) && $_->{device} == $device } @before) {
		my $end = $ended{$event->{id}};
		apply(\$content, $event, $end && $end->{at} < $durable ? 'durable' : $fate->());
	}
	overwrite($image, \$content);
}
printf STDERR "state %d: cut before event %d of %d (%s), %s\n", $state, $cut, scalar @$events,
	describe($events->[$cut]), join(', ', map { "$counts{$_} $_" } qw(durable kept lost torn));
print $cut < @$events ? $events->[$cut]{at} : -s $log, "\n";

# Writes and flushes of each device there must be, or the recording is worth nothing.
sub summary {
	my ($all) = @_;
	my (%calls, %bytes, $marks);
	for my $event (@$all) {
		$marks++ if $event->{kind} eq 'M';
		next unless $event->{kind} =~ /[WFZ]/;
		$calls{$event->{kind}}[$event->{device}]++;
		$bytes{$event->{kind}}[$event->{device}] += $event->{len};
	}
	for my $device (0 .. $#{$calls{F} // []}) {
		my ($writes, $flushes) = map { $calls{$_}[$device] } qw(W F);
		die "device $device: no writes or no flushes recorded\n" unless $writes && $flushes;
		printf "device %d: %d writes of %d KiB, %d flushes, %d times zeros\n", $device, $writes,
			$bytes{W}[$device] / 1024, $flushes, $calls{Z}[$device] // 0;
	}
	die "nothing recorded\n" unless $calls{F};
	print "$marks marks\n";
}

# ---- when ----

# Any moment; or right after something was promised, or a flush came back, or while one is on
# its way: there the most can go wrong.
sub choose_cut {
	my ($all) = @_;
	my (%kinds, @moments);
	for my $i (0 .. $#$all) {
		my $event = $all->[$i];
		$kinds{$event->{id}} = $event->{kind} if $event->{kind} ne 'E' && $event->{kind} ne 'M';
		push @{$moments[0]}, $i + 1;
		push @{$moments[1]}, $i + 1
			if $event->{kind} eq 'M' && $event->{data} =~ /^end .* synced$/;
		next unless $event->{kind} eq 'E' && $kinds{$event->{id}} eq 'F';
		push @{$moments[2]}, $i + 1;
		push @{$moments[3]}, $i;
	}
	@moments = grep { defined } @moments;
	my $some = $moments[int(rand(@moments))];
	return $some->[int(rand(@$some))];
}

sub ends {
	my ($some) = @_;
	my @found;
	for my $i (0 .. $#$some) {
		my $event = $some->[$i];
		next unless $event->{kind} eq 'E';
		die "$log: a call failed at $event->{at}: $event->{len}\n" if $event->{len} < 0;
		push @found, {id => $event->{id}, index => $i};
	}
	return @found;
}

# Where in the log the last flush began that had come back.
sub durable_before {
	my ($device) = @_;
	my $at = 0;
	for my $event (@before) {
		$at = $event->{at}
			if $event->{kind} eq 'F' && $event->{device} == $device && $ended{$event->{id}};
	}
	return $at;
}

sub is_change {
	my ($event) = @_;
	return $event->{kind} eq 'W' || $event->{kind} eq 'Z';
}

sub describe {
	my ($event) = @_;
	return 'the end' unless $event;
	return "mark $event->{data}" if $event->{kind} eq 'M';
	return "$event->{kind} of device $event->{device}";
}

# ---- what becomes of a write that nothing made durable ----

# How a device treats them all, this time.
sub fates {
	my $kept = (0, 0.1, 0.5, 0.5, 0.9, 1)[int(rand(6))];
	my $torn = (0, 0, 0.2, 0.6)[int(rand(4))];
	return sub {
		return 'torn' if rand() < $torn;
		return rand() < $kept ? 'kept' : 'lost';
	};
}

# Which sectors of n arrived: the first ones, the last ones, all but one, only one, any.
sub torn_sectors {
	my ($n) = @_;
	my $where = int(rand($n));
	my $how = int(rand(5));
	return map { $_ < $where } 1 .. $n if $how == 0;
	return map { $_ > $where } 1 .. $n if $how == 1;
	return map { $_ != $where } 0 .. $n - 1 if $how == 2;
	return map { $_ == $where } 0 .. $n - 1 if $how == 3;
	return map { rand() < 0.5 } 1 .. $n;
}

sub apply {
	my ($content, $event, $fate) = @_;
	my $len = $event->{len};
	die "$log: beyond the end of the device at $event->{at}\n"
		if $event->{off} + $len > length($$content);
	$counts{$fate}++;
	return if $fate eq 'lost';
	my $data = $event->{kind} eq 'W' ? $event->{data} : "\0" x $len;
	if ($fate ne 'torn') {
		substr($$content, $event->{off}, $len) = $data;
		return;
	}
	my $i = 0;
	for my $arrived (torn_sectors($len / SECTOR)) {
		substr($$content, $event->{off} + $i * SECTOR, SECTOR) =
			substr($data, $i * SECTOR, SECTOR) if $arrived;
		$i++;
	}
}

# ---- files ----

sub slurp {
	my ($path) = @_;
	open(my $handle, '<:raw', $path) or die "$path: open: $!\n";
	my $content = '';
	my $size = -s $handle;
	read($handle, $content, $size) == $size or die "$path: read: $!\n";
	return $content;
}

sub overwrite {
	my ($path, $content) = @_;
	sysopen(my $handle, $path, O_WRONLY) or die "$path: open: $!\n";
	my $done = syswrite($handle, $$content);
	die "$path: write: $!\n" unless defined $done && $done == length($$content);
}
