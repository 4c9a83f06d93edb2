# SPDX-License-Identifier: GPL-2.0-or-later
#
# What scdoc leaves to be done: take away paragraph macros that do nothing, so that mandoc has
# nothing to warn of, and say in the first line if there are tables, so that man calls tbl.

function say(line) {
	lines[++nr] = line
}

function say_held() {
	if (held != "")
		say(held)
	held = ""
}

/^\.P$/ {
	if (!after_heading)
		held = $0
	next
}

# The end of an indented part: the paragraph begins behind it.
/^\.RE$/ {
	say($0)
	next
}

/^\.TS$/ {
	has_tables = 1
	say_held()
	say($0)
	say("nokeep;") # long tables may go on on the next page
	next
}

/^\.S[HS] / { held = "" }

{
	say_held()
	say($0)
	after_heading = /^\.S[HS] /
}

END {
	if (has_tables)
		print "'\\\" t"
	for (i = 1; i <= nr; i++)
		print lines[i]
}
