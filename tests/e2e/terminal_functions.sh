# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Read by end-to-end tests that need a terminal, after functions.sh: tmux is one whose screen can be
# looked at.

: "${tmp:?}"
requires tmux
export TMUX_TMPDIR=$tmp
unset TMUX NO_COLOR

terminals=0
in_tmux() {
	local -
	set +x
	tmux -L "test$terminals" -f /dev/null "$@"
}

# on_terminal COLUMNSxROWS COMMAND...: run it there; its exit status goes to $tmp/status
on_terminal() {
	local size=$1 command
	shift
	rm -f "$tmp/status"
	terminals=$((terminals + 1)) # a server that is on its way out is not the next one
	printf -v command '%q ' "$@"
	in_tmux new-session -d -x "${size%x*}" -y "${size#*x}" \
		"stty cols ${size%x*} rows ${size#*x}; $command; echo \$? >$tmp/s; mv $tmp/s $tmp/status; read -r _"
	on_exit end_terminal
}

end_terminal() {
	in_tmux kill-server 2>/dev/null || true
}

# The screen, as text; what was too long for a line in one.
screen() {
	in_tmux capture-pane -J -p "$@"
}

# screen_has PATTERN
screen_has() {
	local -
	set +x
	screen | grep -Eq -- "$1"
}

# expect_screen PATTERN: sooner or later
expect_screen() {
	local -
	set +x
	local i
	for ((i = 0; i < 150; i++)); do
		! screen_has "$1" || return 0
		sleep 0.1
	done
	screen >&2
	fail "not on the screen: $1"
}

press() {
	in_tmux send-keys "$@"
}

resize() {
	in_tmux resize-window -x "${1%x*}" -y "${1#*x}"
}

# expect_ended STATUS: the command on the terminal has ended so
expect_ended() {
	wait_until 15 test -e "$tmp/status"
	expect_value "$1" "$tmp/status"
	screen
	end_terminal
}
