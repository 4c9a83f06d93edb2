# SPDX-License-Identifier: GPL-2.0-or-later
#
# Take away the paragraph macros of scdoc that do nothing, so that mandoc has nothing to warn of.

function flush() {
	if (held != "")
		print held
	held = ""
}

/^\.P$/ {
	if (!after_heading)
		held = $0
	next
}

# The end of an indented part: the paragraph begins behind it.
/^\.RE$/ {
	print
	next
}

/^\.S[HS] / { held = "" }

{
	flush()
	print
	after_heading = /^\.S[HS] /
}

