/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of wbfs top's picture that are lists: backings, messages, help. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "common/size.h"
#include "engine/wb_format.h"
#include "fuse/top_draw.h"
#include "fuse/top_parts.h"

/* Columns of the list of backings; those of gauges are left out on a narrow screen. */
struct columns {
	unsigned int name, state, dirty, dirty_gauge, busy, busy_gauge; /* where they begin */
	unsigned int gauge;						/* width, or 0 */
	bool has_busy, has_rate;
};

enum { NAME_WIDTH = 10, STATE_WIDTH = 10, DIRTY_WIDTH = 9, BUSY_WIDTH = 8, RATE_WIDTH = 11 };
enum { LABEL_CLOCK = 9 }; /* where messages begin, behind their time */

static struct columns columns_for(unsigned int width)
{
	const unsigned int fixed = NAME_WIDTH + STATE_WIDTH + DIRTY_WIDTH + BUSY_WIDTH +
				   RATE_WIDTH + 4;
	struct columns c = {0};
	unsigned int gap;

	c.has_rate = width >= fixed;
	c.has_busy = width >= fixed - RATE_WIDTH - 1;
	if (width >= fixed + 16)
		c.gauge = (width - fixed) / 2 - 1 < 24 ? (width - fixed) / 2 - 1 : 24;
	gap = c.gauge ? c.gauge + 1 : 0;
	c.state = NAME_WIDTH + 1;
	c.dirty_gauge = c.state + STATE_WIDTH + 1;
	c.dirty = c.dirty_gauge + gap;
	c.busy_gauge = c.dirty + DIRTY_WIDTH + 1;
	c.busy = c.busy_gauge + gap;
	return c;
}

/* The one thing that there is to say of a backing. */
static const char *backing_word(const struct top_backing *b, enum canvas_style *style)
{
	*style = STYLE_BAD;
	if (!b->attached)
		return "missing";
	if (strcmp(b->state, "healthy") != 0)
		return b->state;
	*style = STYLE_WARNING;
	if (b->paused)
		return "paused";
	if (b->simulated)
		return "simulated";
	*style = STYLE_GOOD;
	return b->id ? b->state : "no cache";
}

/* What the word doesn't say needs a row of its own. */
static bool needs_note(const struct top_backing *b)
{
	enum canvas_style style;

	return *b->reason || (b->simulated && strcmp(backing_word(b, &style), "simulated") != 0);
}

static void draw_note(struct canvas *canvas, unsigned int row, const struct top_backing *b)
{
	canvas_put(canvas, row, 2, canvas->cols, *b->reason ? STYLE_BAD : STYLE_WARNING, "%s%s%s",
		   b->simulated ? "simulated" : "", b->simulated && *b->reason ? ": " : "",
		   b->reason);
}

static void draw_backing(const struct top_history *h, struct canvas *canvas, unsigned int row,
			 unsigned int i)
{
	const struct top_sample *s = &h->now;
	const struct top_backing *b = &s->backings[i];
	const struct columns c = columns_for(canvas->cols);
	double all = (double)(s->nr_segments * s->segment_blocks * WB_BLOCK_SIZE);
	char dirty[SIZE_TEXT_LEN], rate[SIZE_TEXT_LEN];
	enum canvas_style style;
	const char *word = backing_word(b, &style);

	canvas_put(canvas, row, 0, NAME_WIDTH, STYLE_PLAIN, "%s", b->name);
	canvas_put(canvas, row, c.state, STATE_WIDTH, style, "%s", word);
	if (!b->id)
		return;
	canvas_put_right(canvas, row, c.dirty + DIRTY_WIDTH, STYLE_PLAIN, "%s",
			 format_size(b->dirty_bytes, dirty));
	if (c.has_busy)
		canvas_put_right(canvas, row, c.busy + BUSY_WIDTH,
				 b->busy ? STYLE_BAD : STYLE_PLAIN, "%u/%u %%", b->utilisation,
				 b->threshold);
	if (c.has_rate)
		canvas_put_right(canvas, row, canvas->cols, STYLE_PLAIN, "%s/s",
				 format_size((uint64_t)h->migrate[i], rate));
	if (!c.gauge)
		return;
	draw_gauge(canvas, (struct spot){row, c.dirty_gauge, c.gauge},
		   all > 0 ? (double)b->dirty_bytes * 100 / all : 0, -1, STYLE_WARNING);
	draw_gauge(canvas, (struct spot){row, c.busy_gauge, c.gauge},
		   b->utilisation < 100 ? b->utilisation : 100, (int)b->threshold,
		   b->busy ? STYLE_BAD : STYLE_GOOD);
}

unsigned int part_backings_rows(const struct top_sample *s)
{
	unsigned int rows = 1 + (s->nr_backings ? s->nr_backings : 1);

	for (unsigned int i = 0; i < s->nr_backings; i++)
		rows += needs_note(&s->backings[i]);
	return rows;
}

static void draw_heading(struct canvas *canvas, unsigned int row)
{
	const struct columns c = columns_for(canvas->cols);

	canvas_put(canvas, row, 0, NAME_WIDTH, STYLE_HEADING, "backing");
	canvas_put(canvas, row, c.state, STATE_WIDTH, STYLE_HEADING, "state");
	canvas_put_right(canvas, row, c.dirty + DIRTY_WIDTH, STYLE_HEADING,
			 c.gauge ? "dirty in the log" : "dirty");
	if (c.has_busy)
		canvas_put_right(canvas, row, c.busy + BUSY_WIDTH, STYLE_HEADING,
				 c.gauge ? "busy | threshold" : "busy");
	if (c.has_rate)
		canvas_put_right(canvas, row, canvas->cols, STYLE_HEADING, "migrates");
}

void part_backings(const struct top_view *view, struct canvas *canvas, unsigned int row,
		   unsigned int nr)
{
	const struct top_sample *s = &view->history->now;
	unsigned int end = row + nr, i;

	draw_heading(canvas, row++);
	if (!s->nr_backings)
		canvas_put(canvas, row, 0, canvas->cols, STYLE_DIM, "none");
	for (i = 0; i < s->nr_backings && row < end; i++) {
		draw_backing(view->history, canvas, row++, i);
		if (needs_note(&s->backings[i]) && row < end)
			draw_note(canvas, row++, &s->backings[i]);
	}
	if (i < s->nr_backings)
		canvas_put_right(canvas, end - 1, NAME_WIDTH, STYLE_DIM, " +%u",
				 s->nr_backings - i);
}

void part_messages(const struct top_view *view, struct canvas *canvas, unsigned int row,
		   unsigned int nr)
{
	const struct top_sample *s = &view->history->now;
	char clock[16];
	struct tm tm;

	canvas_put(canvas, row, 0, canvas->cols, STYLE_HEADING, "messages");
	if (!s->nr_messages)
		canvas_put(canvas, row + 1, 0, canvas->cols, STYLE_DIM, "none");
	for (unsigned int i = 0; i < s->nr_messages && i < nr - 1; i++) {
		const struct recent_message *m = &s->messages[i];
		enum canvas_style style = m->level == MESSAGE_ERROR	? STYLE_BAD
					  : m->level == MESSAGE_WARNING ? STYLE_WARNING
									: STYLE_PLAIN;

		clock[0] = '\0';
		if (localtime_r(&m->time, &tm))
			strftime(clock, sizeof(clock), "%H:%M:%S", &tm);
		canvas_put(canvas, row + 1 + i, 0, LABEL_CLOCK, STYLE_DIM, "%s", clock);
		canvas_put(canvas, row + 1 + i, LABEL_CLOCK, canvas->cols, style, "%s", m->text);
	}
}

void part_help(const struct top_view *view, struct canvas *canvas, unsigned int row,
	       unsigned int nr)
{
	static const char *const lines[PART_HELP_ROWS] = {
		"f  flush: make everything written durable on the cache",
		"p  pause migration of all backings, or let it go on;",
		"   it stays paused when wbfs top ends",
		"q  quit        h  this help",
		"",
		"log       the cache's segments from the first to the last",
		"dirty     what only the cache has; a power cut loses what is not yet durable",
		"write     what was written to the files of the mount point, per second",
		"read      what was read from them",
		"migrate   what was written back to the backings",
		"hits      how much of what was read came from the cache",
		"latency   how long requests took in the last intervals: each column is a",
		"          time twice as long as the one before it, the highest is where most",
		"          were; half of them, or 99 of 100, took no longer than p50 and p99 say",
		"busy      how busy the backing's disk is with what is not migration;",
		"          migration goes on while that is less than the threshold",
		"messages  what the daemon said, the newest first",
	};

	(void)view;
	for (unsigned int i = 0; i < nr; i++)
		canvas_put(canvas, row + i, 1, canvas->cols, STYLE_PLAIN, "%s", lines[i]);
}
