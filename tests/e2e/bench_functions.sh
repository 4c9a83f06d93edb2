# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What tests of benchmarks have in common, on top of functions.sh.

# report_is_whole FILE CHARTS: HTML that needs nothing else
report_is_whole() {
	head -n 1 "$1" | grep -Fxq '<!DOCTYPE html>' || fail 'not HTML'
	tail -n 1 "$1" | grep -Fxq '</html>' || fail 'HTML that does not end'
	[ "$(grep -c '^<svg ' "$1")" -eq "$2" ] || fail "not $2 charts"
	! grep -Eiq 'src=|href=|url\(|@import|<script' "$1" || fail 'needs something from elsewhere'
	! grep -Eq '[" ML>](nan|-nan|inf|-inf)' "$1" || fail 'a number that is none'
	if command -v xmllint >/dev/null; then
		xmllint --noout "$1" || fail 'not well-formed'
	fi
}
