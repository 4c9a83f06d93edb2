/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wbfs top: the figures of a mount as they change, on a terminal or as text. Runs in main's
 * thread; the terminal belongs to it, and what may wait for the daemon is in top_source.c.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "fuse/commands.h"
#include "fuse/mounts.h"
#include "fuse/terminal.h"
#include "fuse/timer.h"
#include "fuse/top_source.h"
#include "fuse/top_terminal.h"
#include "fuse/top_view.h"

#define SHORTEST_DELAY 0.1
#define LONGEST_DELAY 3600.0
#define SILENT_AFTER 2.0 /* s without an answer before we say so */
#define NOTICE_FOR 5.0	 /* s */

struct top_flags {
	bool batch;
	unsigned long count; /* pictures; 0: no end */
	double delay;	     /* s */
};

static int set_batch(void *ctx, const struct arg_option *option, const char *value)
{
	(void)option, (void)value;
	((struct top_flags *)ctx)->batch = true;
	return 0;
}

static int set_count(void *ctx, const struct arg_option *option, const char *value)
{
	struct top_flags *flags = ctx;
	char *end;

	errno = 0;
	flags->count = strtoul(value, &end, 10);
	if (*value >= '0' && *value <= '9' && !*end && !errno && flags->count)
		return 0;
	message(MESSAGE_ERROR, "top: %s: %s: not a number from 1 on", option->name, value);
	return -EINVAL;
}

static int set_delay(void *ctx, const struct arg_option *option, const char *value)
{
	struct top_flags *flags = ctx;
	char *end;

	flags->delay = strtod(value, &end);
	if (end != value && !*end && flags->delay >= SHORTEST_DELAY &&
	    flags->delay <= LONGEST_DELAY)
		return 0;
	message(MESSAGE_ERROR, "top: %s: %s: not in %.1f..%.0f seconds", option->name, value,
		SHORTEST_DELAY, LONGEST_DELAY);
	return -EINVAL;
}

const struct arg_option top_options[] = {
	{"batch", 'b', NULL, "print text, for a file or a pipe", set_batch},
	{"count", 'n', "N", "end after N pictures", set_count},
	{"delay", 'd', "SECONDS", "from one picture to the next (1)", set_delay},
	{0},
};

/* The Linux console's usual fonts lack most of the signs. */
static bool can_utf8(bool batch)
{
	const char *term = getenv("TERM");

	terminal_init();
	return terminal_is_utf8() && (batch || !term || strcmp(term, "linux") != 0);
}

/* Why there are no more figures. Messages are written again. */
static int explain_end(const struct mount_entry *mount)
{
	CLEANUP_FREE struct top_sample *sample = malloc(sizeof(*sample));
	CLEANUP_FREE struct mount_entry *now = malloc(sizeof(*now));

	if (!sample || !now)
		return -ENOMEM;
	if (mounts_find(mount->point, now))
		return top_source_read(mount, sample);
	message(MESSAGE_ERROR, "%s: top: no longer mounted", mount->point);
	return -ECANCELED;
}

/* ---- as text ---- */

static int print_picture(const struct top_view *view, struct canvas *canvas)
{
	TEXT_SCOPE text = {0};
	int err = canvas_clear(canvas, top_view_rows(view), terminal_width());

	if (err)
		return err;
	top_view_draw(view, canvas);
	canvas_print(canvas, &text);
	if (text.failed)
		return -ENOMEM;
	printf("%s\n", text.bytes);
	/* Whoever is at the other end has gone: main says so. */
	return fflush(stdout) ? -EIO : 0;
}

static void sleep_until(uint64_t when)
{
	const struct timespec time = {
		.tv_sec = (time_t)(when / 1000000000),
		.tv_nsec = (long)(when % 1000000000),
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) == EINTR)
		;
}

/* The first picture comes after one interval, because there are no rates before. */
static int run_batch(const struct mount_entry *mount, const struct top_flags *flags,
		     struct top_view *view, struct canvas *canvas, struct top_history *history)
{
	CLEANUP_FREE struct top_sample *sample = malloc(sizeof(*sample));
	uint64_t next = timer_now();
	int err = sample ? 0 : -ENOMEM;

	canvas->utf8 = can_utf8(true);
	for (unsigned long i = 0; !err && (!flags->count || i <= flags->count); i++) {
		struct mount_entry now;

		if (!mounts_find(mount->point, &now))
			return explain_end(mount);
		err = top_source_read(mount, sample);
		if (err)
			break;
		top_history_add(history, sample);
		view->time = time(NULL);
		if (i)
			err = print_picture(view, canvas);
		if (i == flags->count && flags->count)
			break;
		next += (uint64_t)(flags->delay * 1e9);
		sleep_until(next);
	}
	return err;
}

/* ---- on a terminal ---- */

struct screen {
	const struct mount_entry *mount;
	struct top_view *view;
	struct canvas *canvas;
	struct top_history *history;
	struct top_sample *sample;
	unsigned long left; /* pictures; 0: no end */
	char notice[TOP_NOTICE_LEN];
	uint64_t noticed; /* ns: when it was new */
};

/* Returns false to quit. */
static bool obey(struct screen *screen, int key)
{
	struct top_view *view = screen->view;
	const struct top_sample *s = &screen->history->now;

	if (key == 'q' || key == 'Q' || key == TOP_KEY_END)
		return false;
	if (key == 'f')
		top_source_flush();
	else if (key == 'p' && s->at)
		top_source_pause(s, !top_is_paused(s));
	else if (view->help && key != TOP_KEY_NONE)
		view->help = false;
	else if (key == 'h' || key == '?')
		view->help = true;
	return true;
}

/* What is said stays for a little while. */
static void follow_notice(struct screen *screen, uint64_t now)
{
	char notice[TOP_NOTICE_LEN];

	top_source_notice(notice);
	if (strcmp(notice, screen->notice) != 0) {
		strcpy(screen->notice, notice);
		screen->noticed = now;
	}
	if ((double)(now - screen->noticed) / 1e9 < NOTICE_FOR)
		screen->view->notice = screen->notice;
	else
		screen->view->notice = "";
}

static int draw_screen(struct screen *screen, uint64_t asked)
{
	struct top_view *view = screen->view;
	uint64_t now = timer_now();
	unsigned int rows, cols;
	int err;

	view->time = time(NULL);
	view->silent = asked ? (double)(now - asked) / 1e9 : 0;
	if (view->silent < SILENT_AFTER)
		view->silent = 0;
	follow_notice(screen, now);
	top_terminal_size(&rows, &cols);
	err = canvas_clear(screen->canvas, rows, cols);
	if (err)
		return err;
	top_view_draw(view, screen->canvas);
	top_terminal_show(screen->canvas);
	return 0;
}

/* 0 when somebody wants to quit, or the last picture has been shown for its time. */
static int show_until_end(struct screen *screen, int fd)
{
	uint64_t asked;
	int err = 0;

	for (;;) {
		int got = top_source_take(screen->sample, &asked);

		if (got < 0)
			return got;
		if (got) {
			top_history_add(screen->history, screen->sample);
			if (screen->left && !--screen->left)
				return 0;
		}
		err = draw_screen(screen, asked);
		if (err || !obey(screen, top_terminal_wait(fd, 500)))
			return err;
	}
}

static int run_terminal(struct screen *screen, const struct top_flags *flags)
{
	int fd = top_source_start(screen->mount, flags->delay);
	int err = fd < 0 ? fd : 0;

	screen->canvas->utf8 = can_utf8(false);
	screen->view->keys = true;
	screen->left = flags->count ? flags->count + 2 : 0;
	if (!err)
		err = show_until_end(screen, fd);
	top_terminal_close();
	top_source_stop();
	if (!err)
		return 0;
	if (err == -ENOMEM)
		message(MESSAGE_ERROR, "top: %s", reason(err));
	else
		err = explain_end(screen->mount);
	return err;
}

static int refuse_terminal(const char *point, int err)
{
	if (err == -ENOSYS)
		message(MESSAGE_ERROR, "top: terminal: built without ncurses");
	else
		message(MESSAGE_ERROR, "top: standard input or output: not a terminal");
	hint("wbfs top -b -n 1 %s", point);
	return -EINVAL;
}

/* ---- */

static int run(const struct mount_entry *mount, const struct top_flags *flags)
{
	CLEANUP_FREE struct top_history *history = calloc(1, sizeof(*history));
	CLEANUP_FREE struct top_sample *sample = malloc(sizeof(*sample));
	CANVAS_SCOPE canvas = {0};
	struct top_view view = {.mount_point = mount->point, .history = history, .notice = ""};
	struct screen screen = {mount, &view, &canvas, history, sample, 0, "", 0};
	int err;

	if (!history || !sample)
		return -ENOMEM;
	err = flags->batch ? -EOPNOTSUPP : top_source_read(mount, sample);
	if (!err)
		err = top_terminal_open();
	else if (!flags->batch)
		return err;
	if (err == -ENOTTY || err == -ENOSYS)
		return refuse_terminal(mount->point, err);
	/* One that can't move its cursor gets lines. */
	if (err)
		return run_batch(mount, flags, &view, &canvas, history);
	return run_terminal(&screen, flags);
}

enum exit_status command_top(int argc, char **argv)
{
	struct top_flags flags = {.delay = 1};
	const struct args args = {
		.command = argv[0],
		.options = top_options,
		.ctx = &flags,
		.min_words = 1,
		.max_words = 1,
	};
	char below[NAME_MAX + 1];
	struct mount_entry mount;

	if (args_parse(&args, argc, argv) < 0)
		return EXIT_STATUS_USAGE;
	if (!mounts_find_for("top", argv[0], &mount, below))
		return EXIT_STATUS_USAGE;
	return exit_status_of(run(&mount, &flags));
}
