#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Writes the named inputs of fuzz_replay: one for each thing that a cache image can have or be
# wrong in. What the bytes mean is in image.h; what is left out here is the usual.
#
#	perl tests/fuzz/seeds.pl DIRECTORY

use strict;
use warnings;

# How it is opened.
my ($crash, $read_only, $truncate, $keep) = (1, 2, 4, 8);

# A number as input_number takes it: so much more or less than usual, an edge, or itself.
sub near { my $n = shift; pack('C', $n >= 0 ? $n : 0xcf - $n) }
sub edge { my %i = ('64K' => 2, '4G' => 3, '2^50' => 7); pack('C', 0xf0 + $i{$_[0]}) }
sub number { pack('CQ<', 0xfc, shift) }

my @fields = qw(segment_blocks nr_segments sequence generation generation_segment
	generation_record migrated tail_segment tail_block durable);

sub image {
	my %i = (geometry => 2, shorter => 0, how => 0, buffers => 3, seed => 1, state => 0,
		table => [{}, {}], other => "\0", log => '', @_);
	my $bytes = pack('C5', $i{geometry}, $i{shorter}, $i{how} | ($i{buffers} - 1) << 4,
		$i{seed}, $i{state});
	$bytes .= $i{$_} // near(0) for @fields;
	$bytes .= pack('C', scalar @{$i{table}});
	for my $entry (@{$i{table}}) {
		$bytes .= ($entry->{id} // near(0)) . pack('C', $entry->{flags} // 0);
		$bytes .= $entry->{$_} // near(0) for qw(size last_record sample);
		$bytes .= pack('C', $entry->{name} // 0);
		$bytes .= $entry->{$_} // near(0) for qw(migrated batch_end zeroed);
	}
	return $bytes . $i{other} . $i{log};
}

# Entries, of backing 1 or 2.
sub data { my ($block, $backing) = @_; pack('CC', ($backing // 1) - 1, 0) . near($block) }
sub part { my ($block, $mask) = @_; pack('C3', 0, 0x80, $mask) . near($block) }
sub zeros { my ($block, $nr, $backing) = @_;
	pack('CC', ($backing // 1) - 1, 0xc0) . near($nr - 1) . near($block) }
sub old_zeros { my ($block, $nr) = @_; pack('CC', 0, 0xd8) . near($nr - 1) . near($block) }
sub poison { my ($block, $nr) = @_; pack('CC', 0, 0xe0) . near($nr - 1) . near($block) }

# Steps: what makes the log.
my %patch = (continued => 1, generation => 2, place => 4, record => 8, durable => 16,
	counts => 32, data => 64, header => 128);
sub record { pack('C3', 0, 0, @_ - 1) . join('', @_) }
sub patched { my ($what, $with, @entries) = @_;
	pack('C3', 0, $patch{$what}, @entries - 1) . join('', @entries) . $with }
sub simple { "\1" x ($_[0] // 1) }
my ($next_segment, $new_generation) = ("\2", "\3");
sub jump { my ($segment, $block) = @_; "\4" . near($segment) . near($block // 0) }
sub many { my ($half, $continued) = @_; pack('C3', 5, $half, $continued // 0) } # 2 * half + 1
sub poke { my ($block, $value) = @_; pack('CvC', 6, $block * 256, $value) }
sub renumber { my ($record, $durable) = @_; "\7" . near($record) . near($durable // 0) }
sub full_of_zeros { my $far = shift; pack('C3', 0, 0, 0xf0) . ($far ? number($far) : near(0)) }

my $mixed = record(data(0), part(5, 0x3c), zeros(8, 3)) . record(data(3), data(15, 2));
my @unusual = (log => $mixed . simple(4));

my %seeds = (
	# as a program could have left it
	empty => '',
	mixed => image(@unusual),
	mixed_crash => image(@unusual, how => $crash, seed => 2),
	mixed_crash_at_start => image(@unusual, how => $crash, seed => 0),
	mixed_kept => image(@unusual, how => $keep),
	mixed_kept_crash => image(@unusual, how => $keep | $crash),
	mixed_read_only => image(@unusual, how => $read_only),
	mixed_one_buffer => image(@unusual, buffers => 1),
	partial => image(log => record(part(3, 0x0f)) . record(part(3, 0xf0), part(4, 1))),
	zeros => image(log => record(data(8)) . record(zeros(6, 6)) . record(part(9, 3)) .
		record(zeros(0, 16, 2))),
	poison => image(log => record(data(2)) . record(poison(2, 3)) . record(data(3))),
	continued => image(log => patched('continued', '', data(0)) x 2 . record(data(2))),
	continued_without_end => image(log => record(data(0)) .
		patched('continued', '', data(1))),
	generations => image(how => $keep, log => (simple(1) . $new_generation) x 2 . simple(2)),
	full_ring => image(geometry => 1, log => many(1)),
	long_log => image(geometry => 4, durable => number(100), log => many(146)),
	clean => image(state => 1, durable => near(4), log => simple(4)),
	tail_within_segment => image(geometry => 3, migrated => near(4), tail_block => near(5),
		durable => near(2), log => simple(3)),
	tail_at_end_of_segment => image(migrated => near(4), tail_block => near(4)),
	batch_in_progress => image(durable => near(4), table => [{batch_end => near(3)}, {}],
		log => simple(6)),
	watermarks => image(durable => near(9),
		table => [{migrated => near(2)}, {migrated => near(4), batch_end => near(2)}],
		log => $mixed . $mixed . record(data(5, 2), data(7)) . simple(2)),
	watermark_at_end => image(durable => near(2),
		table => [{migrated => near(2), zeroed => near(2)}, {}], log => $mixed),
	old_zeros => image(log => record(data(2)) . record(data(6), old_zeros(1, 5)) .
		record(part(3, 3)) . record(zeros(4, 1), data(5))),
	old_zeros_crash => image(how => $crash, seed => 2, log => record(data(2)) .
		record(old_zeros(1, 5)) . record(data(3))),
	old_zeros_on_backing => image(durable => near(4),
		table => [{migrated => near(1), batch_end => near(3), zeroed => near(2)}, {}],
		log => record(data(2)) . record(old_zeros(1, 5)) . record(data(3), old_zeros(8, 4))),
	poison_carried => image(durable => near(3), table => [{migrated => near(3)}, {}],
		log => record(poison(2, 3)) . record(data(3)) . record(poison(3, 1), data(4))),
	poison_healed_on_backing => image(durable => near(3), table => [{migrated => near(2)}, {}],
		log => record(poison(2, 4)) . record(data(3), zeros(5, 1)) . record(data(2))),
	sample_valid => image(table => [{flags => 2}, {}], log => $mixed),
	detached => image(table => [{}, {flags => 1, last_record => near(9)}], log => $mixed),
	full_table => image(table => [{}, {}, {}, {}], log => simple()),

	# cut off or damaged
	torn_header => image(log => simple() . patched('header', '', data(1)) . simple()),
	torn_data => image(log => simple() . patched('data', '', data(1)) . simple()),
	damaged_data => image(durable => near(4), log => simple() .
		patched('data', '', data(1)) . simple(3)),
	damaged_header => image(log => simple(4) . poke(2, 0x55)),
	durable_beyond_end => image(durable => near(9), log => simple(4)),
	durable_beyond_end_truncate => image(how => $truncate, durable => near(9), log => simple(4)),
	durable_beyond_end_truncate_read_only => image(how => $truncate | $read_only,
		durable => near(9), log => simple(4)),
	durable_beyond_end_by_header => image(log => simple(3) . $next_segment x 2 .
		renumber(20, 10) . simple()),
	one_superblock => image(other => "\3", log => simple(2)),
	stale_tail => image(generation_segment => near(1), generation_record => near(1),
		log => simple(2) . renumber(-1) . $new_generation . simple()),
	tail_overwritten => image(migrated => near(2), log => jump(9) . renumber(20) . simple(2)),

	# checksums are right, but no program writes it
	continued_too_long => image(geometry => 4, log => many(30, 1) . simple()),
	batch_end_beyond_end => image(table => [{batch_end => near(9)}, {}], log => simple(4)),
	batch_end_beyond_log => image(durable => near(9), table => [{batch_end => near(9)}, {}],
		log => simple(4)),
	batch_end_beyond_log_truncate => image(how => $truncate, durable => near(9),
		table => [{migrated => near(7), zeroed => near(9)}, {}], log => simple(4)),
	zeroed_beyond_end => image(table => [{zeroed => near(9)}, {}], log => simple(4)),
	watermark_beyond_batch_end => image(table => [{migrated => near(2), batch_end => near(-1)}],
		log => simple(4)),
	batch_of_all_segments => image(geometry => 4, durable => number(290),
		table => [{batch_end => number(290)}, {}], log => many(146)),
	generation_within_segment => image(how => $keep, durable => near(2), log => simple() .
		patched('generation', near(50) . near(0), data(1))),
	generation_backwards => image(durable => near(3),
		log => patched('generation', near(9) . near(0), data(0)) . simple(2)),
	generation_at_limit => image(generation => number(2**50), log => simple()),
	generation_at_limit_by_header => image(
		log => patched('generation', edge('2^50') . near(0), data(0))),
	records_at_limit => image(migrated => number(2**50)),
	records_near_limit => image(migrated => number(2**50 - 3), log => simple(2)),
	segments_at_limit => image(tail_segment => number(2**50)),
	sequence_at_limit => image(how => $crash, sequence => "\xf8", log => simple(4)),
	wrong_place => image(durable => near(2), log => simple() .
		patched('place', near(1) . near(0), data(1))),
	cyclic_records => image(log => simple(2) . jump(0) . renumber(-2) . simple(2)),
	overlapping_records => image(log => record(data(1), data(2)) . jump(-1, 1) .
		renumber(0) . simple()),
	counts_lie => image(log => patched('counts', near(1) . near(0), data(1))),
	counts_too_small => image(log => record(data(0)) .
		patched('counts', near(0) . near(-1), data(1), data(2)) . simple()),
	counts_huge => image(log => patched('counts', edge('64K') . edge('64K'), data(1))),
	unknown_backing => image(log => record("\xf0" . near(9) . "\0" . near(1))),
	block_beyond_end => image(log => record("\0\0" . edge('4G'))),
	zeros_beyond_end => image(log => record("\0\xc0" . edge('4G') . near(3))),
	many_zeros => image(log => full_of_zeros() x 4),
	too_many_zeros => image(geometry => 5, table => [{size => number(2**30)}],
		log => join('', map { full_of_zeros($_ * 1000) } 1 .. 52)),
	bad_names => image(table => [{name => 2}, {name => 3}]),
	same_names => image(table => [{name => 6}, {name => 6}], log => $mixed),
	same_ids => image(table => [{}, {id => near(-1)}]),
	sizes_huge => image(table => [{size => number(3)}, {size => number(2**43)}],
		log => record("\1\0" . number(2**40 - 1))),
	device_too_small => image(shorter => 1),
	device_much_too_small => image(shorter => 9, log => simple(4)),
	longer_than_segment => image(log => record(map { data($_) } 0 .. 7) . simple()),
	longer_than_segment_durable => image(durable => near(1),
		log => record(map { data($_) } 0 .. 7) . simple()),
	geometry_lies => image(segment_blocks => near(1), nr_segments => near(-3), log => simple(3)),
	geometry_huge => image(segment_blocks => edge('64K'), nr_segments => edge('4G')),
	one_segment => image(geometry => 0, nr_segments => near(-2), log => simple()),
	other_superblock_differs => image(other => "\2\0\0\0" . near(20) . near(0) x 8,
		log => simple()),
	tail_beyond_segment => image(tail_block => edge('4G'), log => jump(0, 1) . simple(2)),
	tail_segment_is_one_record => image(geometry => 0, durable => near(3), tail_block => near(1),
		log => jump(0) . record(data(1), data(2), data(3)) . simple()),
);

die "usage: $0 DIRECTORY\n" unless @ARGV == 1 && -d $ARGV[0];
for my $name (sort keys %seeds) {
	open(my $file, '>:raw', "$ARGV[0]/$name") or die "$ARGV[0]/$name: $!\n";
	print {$file} $seeds{$name};
	close($file) or die "$ARGV[0]/$name: $!\n";
}
