#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Write the same at random places, in random sizes from one byte to 1 MiB, to a file and to a
# model of it, reading back here and there.
#
#	odd_io.pl FILE MODEL SEED COUNT [direct] [dsync]
#
# MODEL is a plain file of the same size and contents. The same seed does the same again.

use strict;
use warnings;
use Fcntl;

use constant MIB => 1 << 20;
my %FLAGS = (direct => O_DIRECT, dsync => O_DSYNC);

my ($path, $model_path, $seed, $count, @modes) = @ARGV;
die "usage: $0 FILE MODEL SEED COUNT [direct] [dsync]\n" unless defined $count;
my $flags = O_RDWR;
$flags |= $FLAGS{$_} // die "$0: $_: unknown\n" for @modes;

sysopen(my $file, $path, $flags) or die "$path: open: $!\n";
sysopen(my $model, $model_path, O_RDWR) or die "$model_path: open: $!\n";
my $size = -s $model;
die "$path: other size than $model_path\n" unless -s $file == $size;
print "$path: seed $seed\n";
srand($seed);

my $noise = pack('L*', map { int(rand(1 << 32)) } 1 .. (2 * MIB) / 4);
for my $i (1 .. $count) {
	my ($off, $len) = place();
	if (rand() < 0.2) {
		compare($off, $len);
		next;
	}
	my $data = substr($noise, int(rand(MIB)), $len);
	put($file, $path, $off, $data);
	put($model, $model_path, $off, $data);
	$file->sync if rand() < 0.02;
}
compare(0, MIB < $size ? MIB : $size);
$file->sync or die "$path: fsync: $!\n";
close($file) or die "$path: close: $!\n";

# A range inside the file: sectors, blocks, single bytes, and sometimes its very end.
sub place {
	my $unit = (512, 512, 4096, 1)[int(rand(4))];
	my $max = (4096, 4096, 65536, MIB)[int(rand(4))];
	my $len = (1 + int(rand($max / $unit))) * $unit;
	$len = $size if $len > $size;
	my $off = int(rand(1 + int(($size - $len) / $unit))) * $unit;
	$off = $size - $len if rand() < 0.02;
	return ($off, $len);
}

sub put {
	my ($handle, $name, $off, $data) = @_;
	sysseek($handle, $off, 0) // die "$name: seek: $!\n";
	my $done = syswrite($handle, $data);
	die "$name: write of " . length($data) . " at $off: $!\n" unless defined $done;
	die "$name: $done of " . length($data) . " at $off\n" unless $done == length($data);
}

sub get {
	my ($handle, $name, $off, $len) = @_;
	sysseek($handle, $off, 0) // die "$name: seek: $!\n";
	my $done = sysread($handle, my $data, $len);
	die "$name: read of $len at $off: $!\n" unless defined $done;
	die "$name: $done of $len at $off\n" unless $done == $len;
	return $data;
}

sub compare {
	my ($off, $len) = @_;
	my $is = get($file, $path, $off, $len);
	my $should_be = get($model, $model_path, $off, $len);
	return if $is eq $should_be;
	my $difference = $is ^ $should_be;
	$difference =~ /[^\0]/g;
	die "$path: wrong at " . ($off + pos($difference) - 1) . ", reading $len at $off\n";
}
