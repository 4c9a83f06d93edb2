# SPDX-License-Identifier: GPL-2.0-or-later
#
# What scdoc leaves to be done: take away paragraph macros that do nothing, so that mandoc has
# nothing to warn of, and say in the first line if there are tables, so that man calls tbl. Titles
# are capitals and lines of text short, as mandoc would have them.

function say(line) {
	lines[++nr] = line
}

# Filled text, in lines of up to 80 bytes; none may begin as a request does.
function say_text(line, n, words, i, part) {
	n = split(line, words, / /)
	part = words[1]
	for (i = 2; i <= n; i++) {
		if (length(part " " words[i]) > 80 && words[i] !~ /^[.']/ && words[i] != "") {
			say(part)
			part = words[i]
		} else
			part = part " " words[i]
	}
	say(part)
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
	has_tables = as_it_is = 1
	say_held()
	say($0)
	say("nokeep;") # long tables may go on on the next page
	next
}

/^\.S[HS] / { held = "" }

/^\.TH / { $2 = toupper($2) }

/^\.nf$/ { as_it_is = 1 }

/^\.(fi|TE)$/ { as_it_is = 0 }

{
	say_held()
	if (as_it_is || /^\./)
		say($0)
	else
		say_text($0)
	after_heading = /^\.S[HS] /
}

END {
	if (has_tables)
		print "'\\\" t"
	for (i = 1; i <= nr; i++)
		print lines[i]
}
