# SPDX-License-Identifier: GPL-2.0-or-later
#
# The log of a recorded session, as record.c and writer.pl append to it. For the other programs
# here:
#
#	require "$FindBin::Bin/log.pl";
#	append_mark($handle, "begin 0 17 write ...");
#	for my $event (@{read_log($path, $cut)}) { ... }
#
# An event is {kind, device, id, mode, off, len, data, at, next}: as struct entry in record.c says,
# and from where to where in the log it is. The kind M is a mark, whose data is text.

use strict;
use warnings;
use Fcntl;

use constant ENTRY => 'a4 a C S L L Q Q q';
use constant ENTRY_LEN => 40;
use constant MAGIC => 'WBEV';

sub open_log {
	my ($path) = @_;
	sysopen(my $handle, $path, O_WRONLY | O_APPEND | O_CREAT) or die "$path: open: $!\n";
	return $handle;
}

# In a single write, so that it is in order with what others append.
sub append_mark {
	my ($handle, $text) = @_;
	my $entry = pack(ENTRY, MAGIC, 'M', 0, 0, length($text), 0, 0, 0, 0) . $text;
	my $done = syswrite($handle, $entry);
	die "log: write: $!\n" unless defined $done && $done == length($entry);
}

# The events of a log in order, up to where it is cut (all without). What was being appended when
# its writer was killed is left out.
sub read_log {
	my ($path, $cut) = @_;
	open(my $handle, '<:raw', $path) or die "$path: open: $!\n";
	$cut //= -s $handle;
	my ($at, $head, $data, @events) = (0);
	while ($at + ENTRY_LEN <= $cut) {
		read($handle, $head, ENTRY_LEN) == ENTRY_LEN or die "$path: read at $at: $!\n";
		my ($magic, $kind, $device, undef, $data_len, $mode, $id, $off, $len) =
			unpack(ENTRY, $head);
		die "$path: not an event at $at\n" unless $magic eq MAGIC;
		my $next = $at + ENTRY_LEN + $data_len;
		last if $next > $cut;
		(read($handle, $data, $data_len) // -1) == $data_len or die "$path: read at $at: $!\n";
		push @events, {kind => $kind, device => $device, id => $id, mode => $mode, off => $off,
			len => $len, data => $data, at => $at, next => $next};
		$at = $next;
	}
	return \@events;
}

1;
