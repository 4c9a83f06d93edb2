#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Write stamped data to several files, with syncs and discards, and log what was begun and what
# was acknowledged.
#
#	writer.pl LOG LIFE WRITER NR_WRITERS SEED COUNT FILE...
#
# WRITER, one of 0..NR_WRITERS-1, has its own part of each file, so several can run together. LIFE
# tells this run from earlier ones on the same files. Ends after COUNT operations, or when one
# fails. Data is in cells of 256 bytes, each full of its stamp: life and writer, operation, file,
# cell. history.pl finds out from them what is there.
#
# The marks in the log:
#
#	life LIFE
#	begin WRITER OPERATION write|zero|sync FILE CELL NR_CELLS
#	end WRITER OPERATION [synced]

use strict;
use warnings;
use Fcntl;
use FindBin;
use IO::Handle;
require "$FindBin::Bin/log.pl";

use constant CELL => 256;
use constant STAMP => 'L4';
use constant BLOCK_CELLS => 4096 / CELL;
use constant MAX_CELLS => 32 * BLOCK_CELLS;	# a write of 128 KiB

my ($log_path, $life, $writer, $nr_writers, $seed, $count, @paths) = @ARGV;
die "usage: $0 LOG LIFE WRITER NR_WRITERS SEED COUNT FILE...\n" unless @paths;
srand($seed * 1009 + $writer);

my $log = open_log($log_path);
append_mark($log, "life $life");
my (@plain, @dsync);
for my $path (@paths) {
	sysopen($plain[@plain], $path, O_RDWR | O_DIRECT) or die "$path: open: $!\n";
	sysopen($dsync[@dsync], $path, O_RDWR | O_DIRECT | O_DSYNC) or die "$path: open: $!\n";
}
my $cells = int((-s $plain[0]) / CELL / $nr_writers / BLOCK_CELLS) * BLOCK_CELLS;
my $first = $cells * $writer;

my $syncs;	# so many of the operations are one; for a time
for my $operation (1 .. $count) {
	my $file = int(rand(@paths));
	my $what = rand();
	$syncs = (0, 0.02, 0.1, 0.3)[int(rand(4))] if $operation % 20 == 1;
	if ($what < $syncs / 2) {
		put($operation, $file, \@dsync, ' synced');
	} elsif ($what < $syncs) {
		append_mark($log, "begin $writer $operation sync $file 0 0");
		$plain[$file]->sync or die "$paths[$file]: fsync: $!\n";
		append_mark($log, "end $writer $operation synced");
	} elsif ($what < 0.9) {
		put($operation, $file, \@plain, '');
	} else {
		zero($operation, $file);
	}
}

# A part of a block, a few blocks, a lot, something odd; now and then where others were before.
sub place {
	my $kind = int(rand(4));
	my $max = (BLOCK_CELLS - 1, 4 * BLOCK_CELLS, MAX_CELLS, 3 * BLOCK_CELLS)[$kind];
	my $unit = (1, BLOCK_CELLS, BLOCK_CELLS, rand() < 0.5 ? 1 : 2)[$kind];
	my $n = (1 + int(rand($max / $unit))) * $unit;
	my $range = rand() < 0.3 ? $cells / 8 : $cells;
	$n = $unit if $n > $range;
	return ($first + int(rand(($range - $n) / $unit + 1)) * $unit, $n);
}

sub put {
	my ($operation, $file, $handles, $synced) = @_;
	my ($cell, $n) = place();
	my $data = join '', map {
		pack(STAMP, $life << 8 | $writer, $operation, $file, $_) x (CELL / 16)
	} $cell .. $cell + $n - 1;
	append_mark($log, "begin $writer $operation write $file $cell $n");
	sysseek($handles->[$file], $cell * CELL, 0) // die "$paths[$file]: seek: $!\n";
	my $done = syswrite($handles->[$file], $data);
	die "$paths[$file]: write: $!\n" unless defined $done;
	die "$paths[$file]: wrote $done of " . length($data) . "\n" if $done != length($data);
	append_mark($log, "end $writer $operation$synced");
}

sub zero {
	my ($operation, $file) = @_;
	my ($cell, $n) = place();
	my $how = rand() < 0.5 ? '--punch-hole' : '--zero-range';
	append_mark($log, "begin $writer $operation zero $file $cell $n");
	system('fallocate', $how, '--keep-size', '--offset', $cell * CELL, '--length', $n * CELL,
		$paths[$file]) == 0 or die "$paths[$file]: fallocate failed\n";
	append_mark($log, "end $writer $operation");
}
