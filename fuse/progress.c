/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Progress on standard error: the bar is redrawn in its line. Runs in a command's main thread. */
#include "config.h"

#include "fuse/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/message.h"
#include "common/size.h"
#include "fuse/timer.h"

enum { BAR_LEN = 24, SECOND = 1000000000 };
#define REPORT_EVERY (10ull * SECOND)

struct progress progress_begin(const char *what)
{
	uint64_t now = timer_now();

	return (struct progress){
		.what = what,
		.terminal = isatty(STDERR_FILENO),
		.start = now,
		.shown = now,
	};
}

static void draw(struct progress *progress, unsigned int percent, const char *rest)
{
	char bar[BAR_LEN + 1];

	memset(bar, ' ', BAR_LEN);
	memset(bar, '#', BAR_LEN * percent / 100);
	bar[BAR_LEN] = '\0';
	fprintf(stderr, "\r%s: [%s] %3u %% %s\033[K", progress->what, bar, percent, rest);
	fflush(stderr);
	progress->drawn = true;
}

void progress_left(struct progress *progress, uint64_t bytes)
{
	uint64_t now = timer_now();
	uint64_t elapsed = now - progress->start + 1;
	char left[SIZE_TEXT_LEN], rate_text[SIZE_TEXT_LEN], rest[128];
	uint64_t rate, done;

	if (bytes > progress->total)
		progress->total = bytes;
	done = progress->total - bytes;
	rate = (uint64_t)((double)done / (double)elapsed * SECOND);
	snprintf(rest, sizeof(rest), "%s left, %s/s, %" PRIu64 " s", format_size(bytes, left),
		 format_size(rate, rate_text), rate ? bytes / rate : 0);
	if (progress->terminal) {
		draw(progress, progress->total ? (unsigned int)(done * 100 / progress->total) : 100,
		     rest);
	} else if (now - progress->shown >= REPORT_EVERY) {
		progress->shown = now;
		message(MESSAGE_INFO, "%s: %s", progress->what, rest);
	}
}

void progress_end(struct progress *progress, bool complete)
{
	if (!progress->drawn)
		return;
	if (complete)
		draw(progress, 100, "done");
	fprintf(stderr, "\n");
}
