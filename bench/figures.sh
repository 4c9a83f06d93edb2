# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154,SC2034
#
# What the rows of bench/run have measured: figures of each round, ratios, verdicts; as lines on
# standard output, and for the HTML page, whose form fuse/results.h describes.

# result FIGURE VALUE: of this row and round
result() {
	[[ $2 =~ ^-?[0-9.]+([eE][-+]?[0-9]+)?$ ]] || fail "$row: $1: not a number: '$2'"
	echo "$row $1 $run $2" >>"$results"
	[ -z "$verbose" ] || printf '  %2s %-28s %s\n' "$run" "$1" "$2"
}

# stats FIGURE: its minimum, median and maximum
stats() {
	awk -v row="$row" -v figure="$1" '$1 == row && $2 == figure { print $4 }' "$results" |
		sort -g | awk '
			{ v[NR] = $1 }
			END {
				if (!NR)
					exit 1
				printf "%.9g %.9g %.9g\n", v[1],
					(v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2, v[NR]
			}' || fail "$row: no $1"
}

median() {
	local all
	all=$(stats "$1")
	read -r _ all _ <<<"$all"
	echo "$all"
}

calc() {
	awk "BEGIN { printf \"%.9g\\n\", ($1) }"
}

# lesser FIGURE FIGURE: the one whose median is less
lesser() {
	local a b
	a=$(median "$1")
	b=$(median "$2")
	[ "$(calc "$a <= $b")" = 1 ] && echo "$1" || echo "$2"
}

# derive FIGURE EXPRESSION: of the figures of each round, so that what disturbs a round disturbs
# both sides of a ratio
derive() {
	local run value known
	for ((run = 1; run <= runs; run++)); do
		mapfile -t known < <(awk -v row="$row" -v run="$run" \
			'$1 == row && $3 == run { print "-v"; print $2 "=" $4 }' "$results")
		value=$(awk "${known[@]}" "BEGIN { printf \"%.9g\\n\", ($2) }") ||
			fail "$row: $1: can't calculate $2"
		result "$1" "$value"
	done
}

# three A B C [SCALE]: as columns
three() {
	awk -v scale="${4:-1}" -v a="$1" -v b="$2" -v c="$3" \
		'BEGIN { printf "%10.4g %10.4g %10.4g", a / scale, b / scale, c / scale }'
}

# show FIGURE UNIT SCALE WHAT [RATIO-FIGURE]: a line of the row: minimum, median, maximum, ratio
show() {
	local values ratio=
	values=$(stats "$1")
	[ -z "${5-}" ] || ratio=$(median "$5")
	# shellcheck disable=SC2086 # three words
	printf '  %-46s %s %-7s %8s\n' "$4" "$(three $values "$3")" "$2" \
		"${ratio:+$(printf %.3f "$ratio")}"
}

# page WORD...: a line for the HTML page
page() {
	local IFS=$'\t'
	printf '%s\n' "$*" >>"$page"
}

# page_figures FIGURE SCALE: sets $columns; without a figure, what stands for nothing
page_figures() {
	local values
	columns=(- - -)
	[ -n "$1" ] || return 0
	values=$(stats "$1")
	read -ra columns <<<"$values"
	columns=("$(calc "${columns[0]} / $2")" "$(calc "${columns[1]} / $2")"
		"$(calc "${columns[2]} / $2")")
}

# page_row NAME UNIT SCALE LIMIT-FIGURE FIGURE RATIO [TARGET yes|no]
page_row() {
	local columns limit
	page_figures "$4" "$3"
	limit=("${columns[@]}")
	page_figures "$5" "$3"
	page row "$row: $1" "$2" "${limit[@]}" "${columns[@]}" "$6" "${@:7}"
}

# verdict WHAT FIGURE at-least|at-most TARGET UNIT [LIMIT-FIGURE FIGURE UNIT SCALE]: the figure's
# median has to be so; what it is a ratio of is for the page
verdict() {
	local how=missed values all
	values=$(stats "$2")
	read -ra all <<<"$values"
	judge "${all[1]}" "$@"
}

# verdict_most ...: the same for the worst round
verdict_most() {
	local values all
	values=$(stats "$2")
	read -ra all <<<"$values"
	judge "${all[2]}" "$@"
}

# judge VALUE ...: as verdict
judge() {
	local value=$1 what=$2 bound=${4/-/ } target=$5${6:+ $6} how met=no ratio=-
	awk -v a="$value" -v b="$5" -v how="$4" \
		'BEGIN { exit !(how == "at-least" ? a >= b : a <= b) }' && met=yes
	how=MISSED
	[ "$met" = no ] || how=ok
	# shellcheck disable=SC2046 # three words
	printf '  => %-43s %s %-7s %s %s: %s\n' "$what" "$(three $(stats "$3"))" "${6:-ratio}" \
		"$bound" "$target" "$how"
	printf '%s|%s|%s %s|%.4g%s|%s\n' "$row" "$what" "$bound" "$target" "$value" "${6:+ $6}" \
		"$how" >>"$verdicts"
	if [ $# -gt 6 ]; then
		page_row "$what" "$9" "${10}" "$7" "$8" "$value" "$bound $target" "$met"
	else
		page_row "$what" "${6:-ratio}" 1 '' "$3" - "$bound $target" "$met"
	fi
}

# What there is nothing to compare with.
no_verdict() {
	printf '  => %s\n' "$1"
	page note "$row: $1"
}

# not_measured WHY: nor does it hold
not_measured() {
	printf '  => not measured: %s\n' "$1"
	printf '%s|-|-|-|not measured: %s\n' "$row" "$1" >>"$verdicts"
	page row "$row" "not measured: ${1//$'\t'/ }" - - - - - - - 'not measured' unknown
}
