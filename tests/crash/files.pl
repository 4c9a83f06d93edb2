#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Write files with fsync, and note which of them must be there after a crash.
#
#	files.pl DIRECTORY JOURNAL SEED
#
# Goes on until something fails. JOURNAL gets a line for each file, "MD5  PATH" as md5sum has it,
# when it and its directory have been synced; and "gone  PATH" before one of these is removed.

use strict;
use warnings;
use Digest::MD5 'md5_hex';
use Fcntl;
use IO::Handle;

my ($directory, $journal_path, $seed) = @ARGV;
die "usage: $0 DIRECTORY JOURNAL SEED\n" unless defined $seed;
srand($seed);

mkdir($directory) or die "$directory: mkdir: $!\n";
my $parent = $directory =~ s{[^/]+$}{}r;
sync_path($parent, O_RDONLY | O_DIRECTORY);
sysopen(my $journal, $journal_path, O_WRONLY | O_APPEND | O_CREAT)
	or die "$journal_path: open: $!\n";
my $noise = pack('L*', map { int(rand(1 << 32)) } 1 .. 1 << 17);
my @synced;

for (my $i = 1;; $i++) {
	my $path = "$directory/$i";
	my $content = "$path $seed\n" . substr($noise, int(rand(1 << 17)), int(rand(1 << (8 + rand(11)))));
	put($path, $content);
	sync_path($directory, O_RDONLY | O_DIRECTORY);
	note(md5_hex($content), $path);
	push @synced, $path;
	remove(splice(@synced, int(rand(@synced)), 1)) if rand() < 0.1;
}

# Under its own name at once, or under another one first as editors do; in one or two parts.
sub put {
	my ($path, $content) = @_;
	my $first = rand() < 0.5 ? $path : "$path.new";
	my $half = int(length($content) * rand());
	sysopen(my $file, $first, O_WRONLY | O_CREAT | O_EXCL) or die "$first: open: $!\n";
	append($file, $first, substr($content, 0, $half));
	$file->sync or die "$first: fsync: $!\n" if rand() < 0.3;
	append($file, $first, substr($content, $half));
	$file->sync or die "$first: fsync: $!\n";
	close($file) or die "$first: close: $!\n";
	return if $first eq $path;
	rename($first, $path) or die "$first: rename: $!\n";
}

sub append {
	my ($file, $path, $data) = @_;
	my $done = syswrite($file, $data);
	die "$path: write: $!\n" unless defined $done && $done == length($data);
}

sub sync_path {
	my ($path, $flags) = @_;
	sysopen(my $handle, $path, $flags) or die "$path: open: $!\n";
	$handle->sync or die "$path: fsync: $!\n";
}

sub remove {
	my ($path) = @_;
	note('gone', $path);
	unlink($path) or die "$path: unlink: $!\n";
}

sub note {
	append($journal, $journal_path, "$_[0]  $_[1]\n");
}
