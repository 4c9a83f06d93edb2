#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# The man pages and the programs' --help name the same commands, usages, options, knobs and
# defaults; README and HACKING name no option that doesn't exist; mandoc has nothing to warn of.

set -euo pipefail
cd "${top_srcdir:-$(dirname "$0")/../..}"
build=${top_builddir:-.}
wbfs=$build/fuse/wbfs
mkwbfs=$build/mkwbfs/mkwbfs
man=docs/man
failed=0

complain() {
	echo "FAIL: $*" >&2
	failed=1
}

# section FILE HEADING-PATTERN: what is below headings that match, up to the next other one
section() {
	awk -v pattern="$2" '/^#+ / {
			inside = $0 ~ pattern || (inside && heading)
			heading = 1
			if ($0 !~ pattern && !(inside && before))
				inside = 0
			before = inside
			next
		}
		/./ { heading = 0; before = 0 }
		inside' "$1"
}

# options_in: the options that a help text has rows for, without dashes
options_in() {
	sed -nE 's/^ +(-[A-Za-z], )?--([a-zA-Z_-]+).*/\2/p' | sort -u
}

# options_of_page: those that begin a paragraph, as *-x*, *--name* _VALUE_
options_of_page() {
	sed -nE 's/^(\*-[A-Za-z]\*, )?\*--([a-zA-Z_-]+)\*( [_*].*)?$/\2/p' | sort -u
}

# same WHAT WHERE A B: two lists of words
same() {
	local word
	for word in $(comm -23 <(echo "$3") <(echo "$4")); do
		complain "$2: $1 $word is not described"
	done
	for word in $(comm -13 <(echo "$3") <(echo "$4")); do
		complain "$2: $1 $word is described but does not exist"
	done
}

# ---- commands ----

commands=$("$wbfs" --help | sed -nE 's/^  ([a-z]+) .*/\1/p' | grep -vx wbfs | sort)
[ "$(wc -w <<<"$commands")" -ge 11 ] || complain "only these commands: $commands"
not_yet=$(grep -v '^#' tests/docs/not_yet) || true
later() {
	grep -qxE "(page )?$1" <<<"$not_yet"
}

without_later() {
	grep -vxF "${not_yet:-nothing}" <<<"$1" || true
}

same command "$man/wbfs.scd" "$(without_later "$commands")" \
	"$(without_later "$(sed -nE 's/^## wbfs ([a-z]+)( .*|$)/\1/p' "$man/wbfs.scd" | sort -u)")"

for command in $commands; do
	! later "$command" || continue
	help=$("$wbfs" "$command" --help)
	while IFS= read -r usage; do
		grep -qxF "## $usage" "$man/wbfs.scd" ||
			complain "$man/wbfs.scd: no heading: ## $usage"
	done < <(sed -n 's/^usage: //p' <<<"$help" | sed 's/ *$//')
	[ "$command" != mount ] || continue
	same 'option' "$man/wbfs.scd, $command" "$(options_in <<<"$help")" \
		"$(section "$man/wbfs.scd" "^## wbfs $command( |\$)" | options_of_page)"
done

help=$("$wbfs" mount --help)
described=$(options_of_page <"$man/mount.wbfs.scd")
while read -r option; do
	grep -q -- "--$option " <<<"$help" || described=$(grep -vx "$option" <<<"$described")
done < <(sed -n 's/^mount --//p' <<<"$not_yet")
same 'option' "$man/mount.wbfs.scd" "$(sed '/^knobs/,$d' <<<"$help" | options_in)" "$described"
same 'option' "$man/mkwbfs.scd" "$("$mkwbfs" --help | options_in)" \
	"$(options_of_page <"$man/mkwbfs.scd")"

# ---- knobs: name and default ----

knobs=$(sed -n '/^knobs/,$p' <<<"$help" | sed -nE 's/^ +--([a-z_]+) .*\((.+)\)$/\1 \2/p')
[ "$(wc -l <<<"$knobs")" -ge 9 ] || complain "only these knobs: $knobs"
while read -r knob default; do
	grep -qE "^\*$knob\* .*\(($default|set by the modulator)\)\$" "$man/wbfs-control.scd" ||
		complain "$man/wbfs-control.scd: $knob with default $default is not described"
	grep -qF -- "*--$knob*" "$man/mount.wbfs.scd" ||
		complain "$man/mount.wbfs.scd: --$knob is not named"
done <<<"$knobs"

# ---- commands within sentences: `wbfs COMMAND --option ...` ----

# shellcheck disable=SC2016 # backticks of the text
while read -r file code; do
	read -r _ command _ <<<"$code"
	if [[ $command == -* ]] || later "$command"; then
		continue
	fi
	if ! grep -qx "$command" <<<"$commands"; then
		complain "$file: $code: no such command"
		continue
	fi
	for option in $(grep -oE -- '--[a-z_-]+' <<<"$code" || true); do
		"$wbfs" "$command" --help | grep -qE -- "$option\\b" ||
			complain "$file: $code: no such option"
	done
done < <(grep -oE '`wbfs [^`]+`' README HACKING docs/*.md | tr -d '`' | sed 's/:wbfs/ wbfs/')

# ---- as pages ----

if command -v mandoc >/dev/null; then
	for page in mkwbfs.8 mount.wbfs.8 wbfs-control.5 wbfs-format.5 wbfs.8; do
		path=$build/$man/$page
		[ -e "$path" ] || path=$man/$page
		if [ -e "$path" ]; then
			mandoc -Tlint "$path" >&2 || complain "$path: mandoc has something to say"
		else
			echo "not made: $page"
		fi
	done
else
	echo 'no mandoc on this machine'
fi
exit "$failed"
