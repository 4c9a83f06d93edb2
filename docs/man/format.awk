# SPDX-License-Identifier: GPL-2.0-or-later
#
# docs/FORMAT.md as the man page wbfs-format(5), in the language of scdoc. Knows what that page
# uses of Markdown: headings, paragraphs, tables, indented blocks and numbered lists.

BEGIN {
	WIDTH = 66
	if (version == "")
		version = "wbfs"
	printf "wbfs-format(5) \"wbfs %s\" \"File Formats Manual\"\n\n", version
	print "# NAME\n\nwbfs-format - what is on a cache of wbfs\n\n# DESCRIPTION"
}

# Emphasis and code; what scdoc would take for its own is escaped.
function text(s, out, part) {
	gsub(/\\/, "\\\\", s)
	gsub(/_/, "\\_", s)
	gsub(/\*\*/, "`", s)
	out = ""
	while (match(s, /\*[^*]+\*|`[^`]+`/)) {
		part = substr(s, RSTART, RLENGTH)
		out = out substr(s, 1, RSTART - 1)
		if (substr(part, 1, 1) == "`")
			out = out "*" substr(part, 2, length(part) - 2) "*"
		else
			out = out "_" substr(part, 2, length(part) - 2) "_"
		s = substr(s, RSTART + RLENGTH)
	}
	return out s
}

function trim(s) {
	gsub(/^ +| +$/, "", s)
	return s
}

# Print in lines that stay short even with what scdoc adds.
function wrap(first, next_lines, s, n, words, i, line) {
	n = split(s, words, / +/)
	line = first
	for (i = 1; i <= n; i++) {
		if (length(line words[i]) > WIDTH) {
			sub(/ +$/, "", line)
			print line
			line = next_lines
		}
		line = line words[i] " "
	}
	sub(/ +$/, "", line)
	print line
}

function row(line, n, cells, i, cell, lead) {
	sub(/^\| */, "", line)
	sub(/ *\|$/, "", line)
	n = split(line, cells, / *\| */)
	for (i = 1; i <= n; i++) {
		cell = text(trim(cells[i]))
		lead = (i == 1) ? "|" : ":"
		if (!in_table)
			lead = lead "["
		else
			lead = lead " "
		if (!in_table && cell != "")
			cell = "*" cell "*"
		if (cell == "")
			print lead
		else
			print lead " " cell
	}
	in_table = 1
}

function end_block() {
	if (in_code)
		print "```"
	if (in_code || in_table)
		print ""
	in_code = in_table = 0
}

/^# / { next }

/^## / {
	end_block()
	in_list = 0
	printf "# %s\n", toupper(substr($0, 4))
	next
}

/^\|[-|]+\|$/ { next }

/^\|/ {
	row($0)
	next
}

/^    / {
	if (!in_code)
		print "```"
	in_code = 1
	print substr($0, 5)
	next
}

/^$/ {
	if (in_code)
		end_block()
	else if (in_table) {
		in_table = 0
		print ""
	} else
		print ""
	in_list = 0
	next
}

/^[0-9]+\. / {
	sub(/^[0-9]+\. /, "")
	wrap(". ", "  ", text($0))
	in_list = 1
	next
}

in_list {
	wrap("  ", "  ", text(trim($0)))
	next
}

{ wrap("", "", text($0)) }

END {
	end_block()
	print "\n# SEE ALSO\n\n*wbfs*(8), *mkwbfs*(8), *wbfs-control*(5)"
}
