#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Is what the files hold after a crash a state of the past?
#
#	history.pl LOG CUT BEFORE=AFTER...
#
# BEFORE is what a file held before the session that LOG recorded, AFTER what it holds now; in the
# order in which writer.pl had them. CUT is where in LOG the crash was, - for its end.
#
# It is, if for each writer there is a prefix of its operations that gives exactly what is there;
# if these prefixes can be those of one common order, in which nothing comes before what had been
# acknowledged when it began; and if they hold all that had been acknowledged when a sync began
# that was answered before the crash.

use strict;
use warnings;
use FindBin;
require "$FindBin::Bin/log.pl";

use constant CELL => 256;
use constant STAMP => 'L4';
use constant FILE_SHIFT => 40;	# of a cell's number over all files

my ($log, $cut, @files) = @ARGV;
die "usage: $0 LOG CUT BEFORE=AFTER...\n" unless @files;

my %before;	# cell => who wrote it; none: zeros
my %after;
for my $file (0 .. $#files) {
	my ($before, $after) = split /=/, $files[$file], 2;
	load(\%before, $before, $file);
	load(\%after, $after, $file);
}
my ($life, @operations);	# of each writer: {begin, end, kind, cells, needs}
collect(read_log($log, $cut eq '-' ? undef : $cut));
untouched();
my @prefixes = map { [prefixes($_)] } 0 .. $#operations;
my @least = needed();
my @choice = choose();
print join('; ', map { sprintf 'writer %d: %d of %d, %d synced', $_, $choice[$_],
	scalar @{$operations[$_]}, $least[$_] } 0 .. $#choice) || 'nothing was written', "\n";

# ---- what is there ----

sub load {
	my ($cells, $path, $file) = @_;
	open(my $handle, '<:raw', $path) or die "$path: open: $!\n";
	my ($n, $data, $zeros) = (0, '', "\0" x CELL);
	while (read($handle, $data, CELL)) {
		my $cell = $n++;
		next if $data eq $zeros;
		my ($writer, $operation, $its_file, $its_cell) = unpack(STAMP, $data);
		die sprintf "%s: byte %d: not what anybody wrote\n", $path, $cell * CELL
			unless $data eq substr($data, 0, 16) x (CELL / 16);
		die sprintf "%s: byte %d: has what belongs to byte %d of file %d\n", $path,
			$cell * CELL, $its_cell * CELL, $its_file
			unless $its_file == $file && $its_cell == $cell;
		$cells->{$file << FILE_SHIFT | $cell} = "$writer.$operation";
	}
}

# ---- what was done ----

sub collect {
	my ($events) = @_;
	my @acknowledged;	# of each writer: how many operations so far
	for my $event (grep { $_->{kind} eq 'M' } @$events) {
		my ($what, $writer, $operation, @rest) = split / /, $event->{data};
		if ($what eq 'life') {
			$life = $writer;
		} elsif ($what eq 'begin') {
			my ($kind, $file, $cell, $n) = @rest;
			my $from = $file << FILE_SHIFT | $cell;
			my $new = $operations[$writer][$operation - 1] = {
				begin => $event->{at}, kind => $kind, from => $from, n => $n,
				needs => [map { $_ // 0 } @acknowledged],
			};
		} else {
			my $op = $operations[$writer][$operation - 1];
			$op->{end} = $event->{at};
			$op->{synced} = @rest;
			$acknowledged[$writer] = $operation;
		}
	}
	$_ //= [] for @operations;
}

# Who wrote a cell, after an operation.
sub value {
	my ($writer, $number) = @_;
	my $op = $operations[$writer][$number - 1];
	return undef if $op->{kind} eq 'zero';
	return ($life << 8 | $writer) . ".$number";
}

sub same {
	my ($a, $b) = @_;
	return ($a // '') eq ($b // '');
}

# What no operation touched is as it was.
sub untouched {
	my %touched;
	for my $op (map { @$_ } @operations) {
		$touched{$_} = 1 for $op->{from} .. $op->{from} + $op->{n} - 1;
	}
	for my $cell (grep { !$touched{$_} } keys %{{%before, %after}}) {
		same($before{$cell}, $after{$cell}) or die sprintf
			"file %d, byte %d: has %s instead of %s, and nobody wrote there\n", where($cell),
			$after{$cell} // 'zeros', $before{$cell} // 'zeros';
	}
}

sub where {
	my ($cell) = @_;
	return ($cell >> FILE_SHIFT, ($cell & (1 << FILE_SHIFT) - 1) * CELL);
}

# ---- prefixes ----

# How many of a writer's operations were done, going by what is there; often more than one number
# is possible, for a sync changes nothing.
sub prefixes {
	my ($writer) = @_;
	my %now;	# those that operations touch
	for my $op (@{$operations[$writer]}) {
		$now{$_} = $before{$_} for $op->{from} .. $op->{from} + $op->{n} - 1;
	}
	my $wrong = grep { !same($now{$_}, $after{$_}) } keys %now;
	my ($fewest, $closest) = ($wrong, 0);
	my @found = $wrong ? () : (0);
	for my $number (1 .. @{$operations[$writer]}) {
		my $op = $operations[$writer][$number - 1];
		my $value = $op->{n} ? value($writer, $number) : undef;
		for my $cell ($op->{from} .. $op->{from} + $op->{n} - 1) {
			$wrong += same($now{$cell}, $after{$cell}) - same($value, $after{$cell});
			$now{$cell} = $value;
		}
		push @found, $number unless $wrong;
		($fewest, $closest) = ($wrong, $number) if $wrong < $fewest;
	}
	complain($writer, $closest, $fewest) unless @found;
	return @found;
}

sub complain {
	my ($writer, $number, $wrong) = @_;
	my %now;
	for my $op (@{$operations[$writer]}) {
		$now{$_} //= $before{$_} for $op->{from} .. $op->{from} + $op->{n} - 1;
	}
	for my $i (1 .. $number) {
		my $op = $operations[$writer][$i - 1];
		$now{$_} = value($writer, $i) for $op->{from} .. $op->{from} + $op->{n} - 1;
	}
	my ($cell) = grep { !same($now{$_}, $after{$_}) } sort { $a <=> $b } keys %now;
	die sprintf "writer %d: no prefix of its %d operations gives this; closest is %d, with %d cells "
		. "wrong: file %d, byte %d has %s instead of %s\n", $writer,
		scalar @{$operations[$writer]}, $number, $wrong, where($cell),
		$after{$cell} // 'zeros', $now{$cell} // 'zeros';
}

# How many must be there, because of syncs.
sub needed {
	my @needed = (0) x @operations;
	for my $writer (0 .. $#operations) {
		for my $number (1 .. @{$operations[$writer]}) {
			my $op = $operations[$writer][$number - 1];
			next unless $op->{synced};
			my @needs = @{$op->{needs}};
			$needs[$writer] = $number;
			for my $other (0 .. $#needs) {
				my $n = $needs[$other] // 0;
				$needed[$other] = $n if $n > $needed[$other];
			}
		}
	}
	return @needed;
}

# The smallest prefixes that hold what was synced and, with each operation, what had been
# acknowledged when it began. If there are any, there are smallest: what each demands of the
# others only grows.
sub choose {
	my @chosen = @least;
	my $changed = 1;
	while ($changed) {
		$changed = 0;
		for my $writer (0 .. $#operations) {
			my ($number) = grep { $_ >= $chosen[$writer] } @{$prefixes[$writer]};
			die sprintf "writer %d: has operations up to %d; %d are synced, %d needed by what "
				. "others have\n", $writer, $prefixes[$writer][-1], $least[$writer],
				$chosen[$writer] unless defined $number;
			$changed = 1 if $number != $chosen[$writer];
			$chosen[$writer] = $number;
			next unless $number;
			my $needs = $operations[$writer][$number - 1]{needs};
			for my $other (grep { $_ != $writer } 0 .. $#operations) {
				next if ($needs->[$other] // 0) <= $chosen[$other];
				$chosen[$other] = $needs->[$other];
				$changed = 1;
			}
		}
	}
	return @chosen;
}
