/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Signals are blocked except while we wait, so that none is missed and no other thread gets one:
 * threads are to be started after top_terminal_open.
 */
#include "config.h"

#include "fuse/top_terminal.h"

#include <errno.h>

#ifdef HAVE_NCURSESW

#include <curses.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <term.h>
#include <unistd.h>

/* curses.h has its own idea of these. */
#undef lines
#undef columns

static SCREEN *screen;
static volatile sig_atomic_t ending;
static sigset_t before, waiting; /* masks: the process's own; while we wait */
static attr_t attributes[NR_STYLES];

static void end(int signal)
{
	(void)signal;
	ending = 1;
}

/* SIGWINCH is ncurses' own, and comes only while we wait, too. */
static void take_signals(void)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = end};
	sigset_t mine;

	sigemptyset(&mine);
	sigaddset(&mine, SIGWINCH);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		sigaddset(&mine, ends[i]);
		sigaction(ends[i], &action, NULL);
	}
	sigprocmask(SIG_BLOCK, &mine, &before);
	waiting = before;
	sigdelset(&waiting, SIGWINCH);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
		sigdelset(&waiting, ends[i]);
}

static void choose_attributes(void)
{
	static const struct {
		attr_t plain; /* without colour */
		short colour;
		attr_t with_colour;
	} styles[NR_STYLES] = {
		[STYLE_PLAIN] = {A_NORMAL, -1, A_NORMAL},
		[STYLE_TITLE] = {A_REVERSE, -1, A_REVERSE},
		[STYLE_HEADING] = {A_BOLD, -1, A_BOLD},
		[STYLE_DIM] = {A_NORMAL, -1, A_DIM},
		[STYLE_GOOD] = {A_NORMAL, COLOR_GREEN, A_NORMAL},
		[STYLE_WARNING] = {A_NORMAL, COLOR_YELLOW, A_NORMAL},
		[STYLE_BAD] = {A_BOLD, COLOR_RED, A_BOLD},
	};
	const char *no_color = getenv("NO_COLOR");
	bool colours = !(no_color && *no_color) && has_colors() && start_color() == OK &&
		       use_default_colors() == OK;

	for (short i = 0; i < NR_STYLES; i++) {
		attributes[i] = colours ? styles[i].with_colour : styles[i].plain;
		if (colours && styles[i].colour >= 0 &&
		    init_pair((short)(i + 1), styles[i].colour, -1) == OK)
			attributes[i] |= (attr_t)COLOR_PAIR(i + 1);
	}
}

int top_terminal_open(void)
{
	const char *term = getenv("TERM");
	int unused;
	bool able;

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return -ENOTTY;
	if (setupterm(term, STDOUT_FILENO, &unused) != OK)
		return -EOPNOTSUPP;
	able = cursor_address && !hard_copy && !generic_type;
	del_curterm(cur_term);
	if (!able)
		return -EOPNOTSUPP;
	take_signals();
	screen = newterm(NULL, stdout, stdin);
	if (!screen) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		return -EOPNOTSUPP;
	}
	cbreak();
	noecho();
	nonl();
	nodelay(stdscr, TRUE);
	keypad(stdscr, TRUE);
	curs_set(0);
	choose_attributes();
	return 0;
}

void top_terminal_close(void)
{
	endwin();
	delscreen(screen);
	screen = NULL;
	sigprocmask(SIG_SETMASK, &before, NULL);
}

void top_terminal_size(unsigned int *rows, unsigned int *cols)
{
	*rows = (unsigned int)LINES;
	*cols = (unsigned int)COLS;
}

static void show_cell(const struct canvas_cell *cell)
{
	wchar_t text[2] = {cell->c, 0};
	attr_t attribute = attributes[cell->style];
	cchar_t character;

	if (cell->c && setcchar(&character, text, attribute & ~A_COLOR,
				(short)PAIR_NUMBER(attribute), NULL) == OK)
		add_wch(&character);
}

void top_terminal_show(const struct canvas *canvas)
{
	erase();
	for (unsigned int row = 0; row < canvas->rows; row++) {
		move((int)row, 0);
		for (unsigned int col = 0; col < canvas->cols; col++)
			show_cell(&canvas->cells[(size_t)row * canvas->cols + col]);
	}
	refresh();
}

int top_terminal_wait(int fd, unsigned int ms)
{
	const struct timespec timeout = {
		.tv_sec = ms / 1000,
		.tv_nsec = (long)(ms % 1000) * 1000000,
	};
	struct pollfd polled[] = {{.fd = STDIN_FILENO, .events = POLLIN},
				  {.fd = fd, .events = POLLIN}};
	int key = getch(); /* may be there already, taken in together with an earlier one */

	if (key == ERR) {
		if (ppoll(polled, 2, &timeout, &waiting) > 0 &&
		    polled[0].revents & (POLLHUP | POLLERR | POLLNVAL))
			return TOP_KEY_END;
		key = getch();
		if (key == ERR && polled[0].revents & POLLIN)
			return TOP_KEY_END; /* end of file */
	}
	if (ending)
		return TOP_KEY_END;
	if (key == 12) { /* Ctrl-L */
		clearok(stdscr, TRUE);
		return TOP_KEY_NONE;
	}
	return key == ERR || key > 255 ? TOP_KEY_NONE : key;
}

#else

int top_terminal_open(void)
{
	return -ENOSYS;
}

void top_terminal_close(void)
{
}

void top_terminal_size(unsigned int *rows, unsigned int *cols)
{
	*rows = *cols = 0;
}

void top_terminal_show(const struct canvas *canvas)
{
	(void)canvas;
}

int top_terminal_wait(int fd, unsigned int ms)
{
	(void)fd, (void)ms;
	return TOP_KEY_END;
}

#endif
