/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Progress on standard error: the bar is redrawn in its line. The rate is that of the last seconds,
 * so that a disk that becomes slow shows. Runs in the main thread of a command or a daemon.
 */
#include "config.h"

#include "fuse/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/message.h"
#include "common/size.h"
#include "fuse/timer.h"

enum { BAR_MIN = 6, BAR_MAX = 30, PARTS = 3, PART_LEN = 40, REST_LEN = 160, USUAL_COLUMNS = 80 };
#define SECOND 1000000000ull
#define REPORT_EVERY (10 * SECOND)
#define DRAW_EVERY (SECOND / 10)
#define DRAW_AFTER (SECOND / 2) /* what is done at once needs no bar */
#define STALLED_AFTER (3 * SECOND)

struct progress progress_begin(const char *what)
{
	uint64_t now = timer_now();

	return (struct progress){
		.what = what,
		.terminal = isatty(STDERR_FILENO),
		.begin = now,
		.shown = now,
		.moved = now,
	};
}

void progress_time(uint64_t seconds, char *text, size_t size)
{
	unsigned long long s = seconds;

	if (s < 60)
		snprintf(text, size, "%llu s", s);
	else if (s < 3600)
		snprintf(text, size, "%llu min %llu s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(text, size, "%llu h %llu min", s / 3600, s / 60 % 60);
	else
		snprintf(text, size, "%llu d %llu h", s / 86400, s / 3600 % 24);
}

static unsigned int percent_of(const struct progress *progress)
{
	double done = (double)(progress->total - progress->left);

	return progress->total ? (unsigned int)(done * 100 / (double)progress->total) : 100;
}

/* Bytes per second over what is remembered, 0 if nothing can be said. */
static uint64_t rate_of(const struct progress *progress)
{
	unsigned int nr = progress->nr_marks;
	const struct progress_mark *first, *last;
	double seconds;

	if (nr < 2)
		return 0;
	first = &progress->marks[nr > PROGRESS_MARKS ? nr % PROGRESS_MARKS : 0];
	last = &progress->marks[(nr - 1) % PROGRESS_MARKS];
	seconds = (double)(last->at - first->at) / (double)SECOND;
	if (last->left >= first->left || seconds <= 0)
		return 0;
	return (uint64_t)((double)(first->left - last->left) / seconds);
}

/* What is said behind the percentage, the most important first. Returns how many. */
static unsigned int make_parts(const struct progress *progress, char parts[PARTS][PART_LEN])
{
	uint64_t rate = rate_of(progress);
	char text[SIZE_TEXT_LEN];

	snprintf(parts[0], PART_LEN, "%s left", format_size(progress->left, text));
	if (!rate || !progress->left)
		return 1;
	progress_time((progress->left + rate - 1) / rate, parts[1], PART_LEN);
	snprintf(parts[2], PART_LEN, "%s/s", format_size(rate, text));
	return PARTS;
}

static size_t join(char *to, size_t size, unsigned int percent, char parts[PARTS][PART_LEN],
		   unsigned int nr)
{
	size_t len = (size_t)snprintf(to, size, "%3u %%", percent);

	for (unsigned int i = 0; i < nr && len < size; i++)
		len += (size_t)snprintf(to + len, size - len, ", %s", parts[i]);
	return len;
}

void progress_words(const struct progress *progress, char *words, size_t size)
{
	char text[REST_LEN], parts[PARTS][PART_LEN];

	join(text, sizeof(text), percent_of(progress), parts, make_parts(progress, parts));
	snprintf(words, size, "%s", text + strspn(text, " "));
}

void progress_line(const struct progress *progress, unsigned int columns,
		   char line[PROGRESS_LINE_LEN])
{
	char rest[REST_LEN], parts[PARTS][PART_LEN], bar[BAR_MAX + 1];
	unsigned int percent = percent_of(progress);
	unsigned int nr = make_parts(progress, parts);
	size_t room = columns < PROGRESS_LINE_LEN ? columns : PROGRESS_LINE_LEN - 1;
	size_t around = strlen(progress->what) + strlen(": [] ");
	size_t len = join(rest, sizeof(rest), percent, parts, nr);
	size_t bar_len;

	while (nr && around + BAR_MIN + len > room)
		len = join(rest, sizeof(rest), percent, parts, --nr);
	if (around + BAR_MIN + len > room) {
		snprintf(line, room + 1, "%.64s: %s", progress->what, rest);
		return;
	}
	bar_len = room - around - len < BAR_MAX ? room - around - len : BAR_MAX;
	memset(bar, ' ', bar_len);
	memset(bar, '#', bar_len * percent / 100);
	bar[bar_len] = '\0';
	snprintf(line, room + 1, "%.64s: [%s] %s", progress->what, bar, rest);
}

/* The last column stays free: some terminals go to the next line there. */
static unsigned int terminal_columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) < 0 || !size.ws_col)
		return USUAL_COLUMNS - 1;
	return size.ws_col - 1u;
}

static void clear_bar(struct progress *progress)
{
	if (progress->drawn)
		dprintf(STDERR_FILENO, "\r\033[K");
	progress->drawn = false;
}

/* The cursor goes back to the first column, so that a message of another thread begins there. */
static void draw(struct progress *progress, const char *end)
{
	char line[PROGRESS_LINE_LEN];

	progress_line(progress, terminal_columns(), line);
	dprintf(STDERR_FILENO, "\r%s\033[K%s", line, end);
	progress->drawn = true;
}

static void show(struct progress *progress, uint64_t now)
{
	char words[PROGRESS_LINE_LEN];

	if (now - progress->shown < (progress->terminal ? DRAW_EVERY : REPORT_EVERY) ||
	    now - progress->begin < DRAW_AFTER)
		return;
	progress->shown = now;
	if (progress->terminal) {
		draw(progress, "\r");
		return;
	}
	progress_words(progress, words, sizeof(words));
	message(MESSAGE_INFO, "%s: %s", progress->what, words);
}

/* Once a second. */
static void note(struct progress *progress, uint64_t now)
{
	unsigned int nr = progress->nr_marks;

	if (nr && now - progress->marks[(nr - 1) % PROGRESS_MARKS].at < SECOND)
		return;
	progress->marks[nr % PROGRESS_MARKS] = (struct progress_mark){now, progress->left};
	progress->nr_marks = nr + 1 < 2 * PROGRESS_MARKS ? nr + 1 : nr + 1 - PROGRESS_MARKS;
}

bool progress_left(struct progress *progress, uint64_t bytes)
{
	uint64_t now = timer_now();

	if (bytes > progress->total)
		progress->total = bytes;
	if (bytes < progress->left || !progress->nr_marks) {
		progress->moved = now;
		progress->told_why = false;
	}
	progress->left = bytes;
	note(progress, now);
	show(progress, now);
	return now - progress->moved >= STALLED_AFTER;
}

void progress_stalled(struct progress *progress, const char *why)
{
	if (progress->told_why)
		return;
	progress->told_why = true;
	clear_bar(progress);
	message(MESSAGE_WARNING, "%s: stands still: %s", progress->what, why);
}

void progress_end(struct progress *progress, bool complete)
{
	if (complete && progress->drawn) {
		progress->left = 0;
		progress->nr_marks = 0;
		draw(progress, "\n");
		progress->drawn = false;
	}
	clear_bar(progress);
}
