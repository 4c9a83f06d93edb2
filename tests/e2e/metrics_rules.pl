#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The rules of `promtool check metrics` and of the text format, on standard input:
# prometheus.io/docs/instrumenting/exposition_formats, .../practices/naming. Complains and exits 1.

use strict;
use warnings;

my (%help, %type, %labels, %seen, %bucket, %count, %sum, @order);
my $bad = 0;

sub complain { print STDERR "line $.: @_\n"; $bad = 1 }

# The family of a sample's name: a histogram has three kinds of them.
sub family {
	my ($name) = @_;
	(my $base = $name) =~ s/_(bucket|sum|count)$//;
	return ($type{$base} // '') eq 'histogram' ? $base : $name;
}

sub check_name {
	my ($name, $type) = @_;
	complain("$name: not a good name") unless $name =~ /^[a-z][a-z0-9_]*$/;
	complain("$name: a counter ends in _total") if $type eq 'counter' && $name !~ /_total$/;
	complain("$name: only a counter ends in _total") if $type ne 'counter' && $name =~ /_total$/;
	complain("$name: ends as a part of a histogram") if $name =~ /_(bucket|sum|count)$/;
	complain("$name: its type is in its name")
		if $name =~ /_(counter|gauge|histogram|summary)(_|$)/;
	complain("$name: not in base units")
		if $name =~ /_(?:(?:milli|micro|nano)seconds?|minutes?|hours?|days?|m?s|us|ns|secs?|
			kilobytes|megabytes|[kmg]i?b|bits|percent|percentage)(?:_|$)/x;
}

sub check_sample {
	my ($name, $labels, $value) = @_;
	my $family = family($name);
	my (@names, $le, $others);
	complain("$name: no HELP before it") unless defined $help{$family};
	complain("$name: no TYPE before it") unless defined $type{$family};
	complain("$name: not a number: $value")
		unless $value =~ /^[-+]?(\d+(\.\d*)?([eE][-+]?\d+)?|Inf|NaN)$/;
	complain("$name: not together with its family")
		if (!@order || $order[-1] ne $family) && grep { $_ eq $family } @order;
	push @order, $family if !@order || $order[-1] ne $family;
	complain("$name\{$labels}: twice") if $seen{"$name\{$labels}"}++;
	while ($labels =~ /\G([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/gc) {
		push @names, $1;
		complain("$name: label $1 not in snake_case") if $1 =~ /[A-Z]/;
		$le = $2 if $1 eq 'le';
	}
	complain("$name: labels: $labels") if (pos($labels) // 0) < length $labels;
	$names[0] //= '';
	my $set = join ',', sort grep { $_ ne 'le' } @names;
	complain("$name: other labels than before: $set instead of $labels{$family}")
		if defined $labels{$family} && $labels{$family} ne $set;
	$labels{$family} = $set;
	($others = $labels) =~ s/,?le="[^"]*"//;
	my $type = $type{$family} // '';
	complain("$name: le outside of a histogram") if defined $le && $name !~ /_bucket$/;
	return unless $type eq 'histogram';
	complain("$name: a counter of a histogram is below 0") if $value < 0;
	if ($name =~ /_bucket$/) {
		push @{$bucket{$family}{$others}}, [$le // 'none', $value];
	} elsif ($name =~ /_count$/) {
		$count{$family}{$others} = $value;
	} elsif ($name =~ /_sum$/) {
		$sum{$family}{$others} = $value;
	} else {
		complain("$name: not a part of a histogram");
	}
}

sub check_histogram {
	my ($name, $labels) = @_;
	my ($last_le, $last);
	for my $b (@{$bucket{$name}{$labels} // []}) {
		my ($le, $value) = @$b;
		my $number = $le eq '+Inf' ? 9**9**9 : $le;
		complain("$name: le=$le not above $last_le") if defined $last_le && $number <= $last_le;
		complain("$name: le=$le below the one before") if defined $last && $value < $last;
		($last_le, $last) = ($number, $value);
	}
	complain("$name\{$labels}: no +Inf") unless defined $last_le && $last_le == 9**9**9;
	complain("$name\{$labels}: no _sum") unless defined $sum{$name}{$labels};
	complain("$name\{$labels}: +Inf is not _count")
		unless defined $last && ($count{$name}{$labels} // -1) == $last;
}

while (<STDIN>) {
	complain('no newline at the end') unless chomp;
	if (/^# HELP (\S+) (.+)$/) {
		complain("$1: HELP twice") if defined $help{$1};
		$help{$1} = $2;
	} elsif (/^# TYPE (\S+) (counter|gauge|histogram)$/) {
		complain("$1: TYPE twice") if defined $type{$1};
		complain("$1: no HELP") unless defined $help{$1};
		$type{$1} = $2;
		check_name($1, $2);
	} elsif (/^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/) {
		check_sample($1, $2 // '', $3);
	} else {
		complain("not understood: $_");
	}
}
for my $name (sort keys %type) {
	next unless $type{$name} eq 'histogram';
	my %labels = map { $_ => 1 } keys %{$bucket{$name} // {}}, keys %{$count{$name} // {}},
		keys %{$sum{$name} // {}};
	check_histogram($name, $_) for sort keys %labels;
}
complain('nothing there') unless keys %seen;
exit $bad;
