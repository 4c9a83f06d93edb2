/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of wbfs top's picture that are rows of words and pieces from top_draw.c. */
#include "config.h"

#include "fuse/top_parts.h"

#include <stdio.h>
#include <string.h>

#include "common/size.h"
#include "engine/wb_format.h"
#include "fuse/top_draw.h"

enum { LABEL = 9, RATE_TEXT_LEN = 32 }; /* LABEL: where rows with a label begin */

static const char *rate_text(double rate, char text[RATE_TEXT_LEN])
{
	char size[SIZE_TEXT_LEN];

	if (rate < 0)
		snprintf(text, RATE_TEXT_LEN, "-");
	else
		snprintf(text, RATE_TEXT_LEN, "%s/s", format_size((uint64_t)rate, size));
	return text;
}

static unsigned int put_label(struct canvas *canvas, unsigned int row, const char *label)
{
	canvas_put(canvas, row, 0, LABEL - 1, STYLE_HEADING, "%s", label);
	return LABEL;
}

void part_cache(const struct top_view *view, struct canvas *canvas, unsigned int row,
		unsigned int nr)
{
	const struct top_sample *s = &view->history->now;
	unsigned int col = put_label(canvas, row, "cache");
	uint64_t size = s->nr_segments * s->segment_blocks * WB_BLOCK_SIZE;
	char text[SIZE_TEXT_LEN];

	(void)nr;
	if (*s->label)
		col = canvas_put(canvas, row, col, canvas->cols, STYLE_PLAIN, "%s  ", s->label);
	col = canvas_put(canvas, row, col, canvas->cols, STYLE_PLAIN, "%s, %ju segments%s",
			 format_size(size, text), (uintmax_t)s->nr_segments,
			 s->read_only ? ", read-only" : "");
	canvas_put(canvas, row, col + 2, canvas->cols, STYLE_DIM, "%s", s->device);
}

void part_reason(const struct top_view *view, struct canvas *canvas, unsigned int row,
		 unsigned int nr)
{
	(void)nr;
	canvas_put(canvas, row, 0, canvas->cols, STYLE_BAD, "%s", view->history->now.reason);
}

void part_legend(const struct top_view *view, struct canvas *canvas, unsigned int row,
		 unsigned int nr)
{
	(void)view, (void)nr;
	draw_ring_legend(canvas, (struct spot){row, LABEL, canvas->cols});
}

void part_ring(const struct top_view *view, struct canvas *canvas, unsigned int row,
	       unsigned int nr)
{
	const struct top_sample *s = &view->history->now;
	unsigned int col = put_label(canvas, row, "log");
	unsigned int used = 0;

	(void)nr;
	if (s->nr_segments)
		used = (unsigned int)((s->nr_segments - s->nr_free_segments) * 100 /
				      s->nr_segments);
	draw_ring(canvas, (struct spot){row, col, canvas->cols - col - 11}, s);
	canvas_put_right(canvas, row, canvas->cols, used >= 90 ? STYLE_WARNING : STYLE_PLAIN,
			 "%u %% used", used);
}

void part_dirty(const struct top_view *view, struct canvas *canvas, unsigned int row,
		unsigned int nr)
{
	const struct top_sample *s = &view->history->now;
	unsigned int col = put_label(canvas, row, "dirty");
	char dirty[SIZE_TEXT_LEN], unsynced[SIZE_TEXT_LEN];

	(void)nr;
	if (s->dirty_bytes)
		col = canvas_put(canvas, row, col, canvas->cols, STYLE_PLAIN,
				 "%s only in cache, oldest %.0f s; ",
				 format_size(s->dirty_bytes, dirty), s->oldest_dirty_age);
	else
		col = canvas_put(canvas, row, col, canvas->cols, STYLE_PLAIN,
				 "all is on the backings; ");
	if (s->unsynced_bytes)
		canvas_put(canvas, row, col, canvas->cols, STYLE_WARNING, "not yet durable %s",
			   format_size(s->unsynced_bytes, unsynced));
	else
		canvas_put(canvas, row, col, canvas->cols, STYLE_GOOD, "all durable");
}

/* ---- throughput ---- */

static void draw_rate(const struct top_view *view, struct canvas *canvas, unsigned int row,
		      enum top_series series)
{
	static const char *const labels[] = {
		[SERIES_WRITE] = "write", [SERIES_READ] = "read", [SERIES_MIGRATE] = "migrate"};
	unsigned int col = put_label(canvas, row, labels[series]);
	unsigned int behind = canvas->cols < 60 ? 14 : 32;
	unsigned int width = canvas->cols - col - behind;
	char now[RATE_TEXT_LEN], most[RATE_TEXT_LEN];
	double top = 0;

	for (unsigned int i = 0; i < width; i++)
		if (top_history_value(view->history, series, i) > top)
			top = top_history_value(view->history, series, i);
	draw_sparkline(canvas, (struct spot){row, col, width}, view->history, series, top,
		       series == SERIES_MIGRATE ? STYLE_WARNING : STYLE_GOOD);
	rate_text(top_history_value(view->history, series, 0), now);
	canvas_put_right(canvas, row, col + width + 14, STYLE_PLAIN, "%s", now);
	if (behind > 14)
		canvas_put_right(canvas, row, canvas->cols, STYLE_DIM, "max %s",
				 rate_text(top, most));
}

static void draw_hits(const struct top_view *view, struct canvas *canvas, unsigned int row)
{
	unsigned int col = put_label(canvas, row, "hits");
	unsigned int width = canvas->cols - col - (canvas->cols < 60 ? 14 : 32);
	double now = top_history_value(view->history, SERIES_HITS, 0);

	draw_sparkline(canvas, (struct spot){row, col, width}, view->history, SERIES_HITS, 100,
		       STYLE_GOOD);
	if (now >= 0)
		canvas_put_right(canvas, row, col + width + 14, STYLE_PLAIN, "%.0f %%", now);
	else
		canvas_put_right(canvas, row, col + width + 14, STYLE_PLAIN, "no reads");
	if (canvas->cols >= 60)
		canvas_put_right(canvas, row, canvas->cols, STYLE_DIM, "of what is read");
}

void part_rates(const struct top_view *view, struct canvas *canvas, unsigned int row,
		unsigned int nr)
{
	(void)nr;
	draw_rate(view, canvas, row, SERIES_WRITE);
	draw_rate(view, canvas, row + 1, SERIES_READ);
	draw_rate(view, canvas, row + 2, SERIES_MIGRATE);
	draw_hits(view, canvas, row + 3);
}

/* ---- latencies ---- */

/* The end of a bucket: a power of two, so "33 ms". The last one has none: ">34 s". */
static void latency_text(const struct top_histogram *h, unsigned int bucket, char text[16])
{
	double ns = (double)(h->first_end << bucket);
	bool rest = h->nr && bucket >= h->nr - 1;

	if (rest)
		ns /= 2;
	snprintf(text, 16, "%s%.0f %s", rest ? ">" : "",
		 ns < 1e6   ? ns / 1e3
		 : ns < 1e9 ? ns / 1e6
			    : ns / 1e9,
		 ns < 1e6   ? "us"
		 : ns < 1e9 ? "ms"
			    : "s");
}

static void draw_latency(const struct top_view *view, struct canvas *canvas, unsigned int row,
			 enum top_latency which)
{
	static const char *const labels[NR_LATENCIES] = {
		[LATENCY_WRITE] = "write",	 [LATENCY_SYNC] = "sync",
		[LATENCY_READ_HIT] = "hits",	 [LATENCY_READ_MISS] = "misses",
		[LATENCY_MIGRATION] = "migrate",
	};
	const struct top_histogram *h = &view->history->now.latency[which];
	unsigned int col = put_label(canvas, row, labels[which]);
	unsigned int behind = col + h->nr, room = canvas->cols - col;
	uint64_t count[TOP_BUCKETS];
	char p50[16], p99[16];
	double seconds;
	uint64_t sum = top_history_latency(view->history, which, count, &seconds);

	draw_buckets(canvas, (struct spot){row, col, room}, count, STYLE_GOOD);
	if (!sum || canvas->cols < behind + 24)
		return;
	latency_text(h, top_percentile(count, sum, 50), p50);
	latency_text(h, top_percentile(count, sum, 99), p99);
	canvas_put_right(canvas, row, behind + 12, STYLE_PLAIN, "%s", p50);
	canvas_put_right(canvas, row, behind + 23, STYLE_PLAIN, "%s", p99);
	canvas_put_right(canvas, row, canvas->cols, STYLE_DIM, "%.0f/s", (double)sum / seconds);
}

void part_latencies(const struct top_view *view, struct canvas *canvas, unsigned int row,
		    unsigned int nr)
{
	const struct top_histogram *h = &view->history->now.latency[LATENCY_WRITE];
	unsigned int col = put_label(canvas, row, "latency");
	unsigned int behind = col + h->nr;
	uint64_t count[TOP_BUCKETS];
	char text[16];
	double seconds;

	(void)nr;
	top_history_latency(view->history, LATENCY_WRITE, count, &seconds);
	for (unsigned int i = 0; i + 1 < h->nr; i += 10) {
		latency_text(h, i, text);
		canvas_put(canvas, row, col + i, 10, STYLE_DIM, "%s", text);
	}
	if (canvas->cols >= behind + 24) {
		canvas_put_right(canvas, row, behind + 12, STYLE_DIM, "p50 up to");
		canvas_put_right(canvas, row, behind + 23, STYLE_DIM, "p99 up to");
		canvas_put_right(canvas, row, canvas->cols, STYLE_DIM, "last %.0f s", seconds);
	}
	for (enum top_latency which = 0; which < NR_LATENCIES; which++)
		draw_latency(view, canvas, row + 1 + which, which);
}
