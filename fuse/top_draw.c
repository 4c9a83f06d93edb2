/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "fuse/top_draw.h"

enum { LEVELS = 9 };

/* A column from empty to full; anything that is not nothing shows. */
static wchar_t level_glyph(bool utf8, double value, double top)
{
	static const wchar_t fine[LEVELS + 1] = L" ▁▂▃▄▅▆▇█", coarse[LEVELS + 1] = L" .,:-=+*#";
	unsigned int level = 0;

	if (value > 0 && top > 0)
		level = value >= top ? LEVELS - 1
				     : 1 + (unsigned int)(value / top * (LEVELS - 1) * 0.999);
	if (level > LEVELS - 1)
		level = LEVELS - 1;
	return (utf8 ? fine : coarse)[level];
}

void draw_gauge(struct canvas *canvas, struct spot spot, double percent, int mark,
		enum canvas_style style)
{
	unsigned int inner = spot.width > 2 ? spot.width - 2 : 0;
	unsigned int filled = (unsigned int)(percent * inner / 100 + 0.5);

	if (percent > 0 && !filled)
		filled = 1;
	canvas_glyph(canvas, spot.row, spot.col, L'[', STYLE_DIM);
	for (unsigned int i = 0; i < inner; i++)
		canvas_glyph(canvas, spot.row, spot.col + 1 + i,
			     i < filled	    ? (canvas->utf8 ? L'■' : L'#')
			     : canvas->utf8 ? L'·'
					    : L'.',
			     i < filled ? style : STYLE_DIM);
	if (mark >= 0 && mark <= 100 && inner)
		canvas_glyph(canvas, spot.row,
			     spot.col + 1 + (unsigned int)mark * (inner - 1) / 100, L'|',
			     STYLE_HEADING);
	canvas_glyph(canvas, spot.row, spot.col + 1 + inner, L']', STYLE_DIM);
}

void draw_sparkline(struct canvas *canvas, struct spot spot, const struct top_history *history,
		    enum top_series series, double top, enum canvas_style style)
{
	for (unsigned int i = 0; i < spot.width; i++)
		canvas_glyph(canvas, spot.row, spot.col + spot.width - 1 - i,
			     level_glyph(canvas->utf8, top_history_value(history, series, i), top),
			     style);
}

void draw_buckets(struct canvas *canvas, struct spot spot, const uint64_t count[TOP_BUCKETS],
		  enum canvas_style style)
{
	uint64_t most = 0;

	for (unsigned int i = 0; i < TOP_BUCKETS; i++)
		most = count[i] > most ? count[i] : most;
	for (unsigned int i = 0; i < TOP_BUCKETS && i < spot.width; i++)
		canvas_glyph(canvas, spot.row, spot.col + i,
			     level_glyph(canvas->utf8, (double)count[i], (double)most), style);
}

wchar_t ring_glyph(bool utf8, enum ring_part part)
{
	static const wchar_t fine[NR_RING_PARTS] = {L'·', L'▒', L'█', L'▶'};
	static const wchar_t coarse[NR_RING_PARTS] = {L'.', L'=', L'#', L'>'};

	return (utf8 ? fine : coarse)[part];
}

enum canvas_style ring_style(enum ring_part part)
{
	static const enum canvas_style styles[NR_RING_PARTS] = {
		[RING_FREE] = STYLE_DIM,
		[RING_DIRTY] = STYLE_WARNING,
		[RING_NOT_DURABLE] = STYLE_BAD,
		[RING_HEAD] = STYLE_HEADING,
	};

	return styles[part];
}

/* Columns that show any of the segments first..last, in order. A segment is in slot s % nr. */
static void mark_segments(struct canvas *canvas, struct spot spot, uint64_t nr, uint64_t first,
			  uint64_t last, enum ring_part part)
{
	if (!nr || !spot.width || first > last)
		return;
	if (last - first >= nr)
		first = last - nr + 1;
	while (first <= last) {
		/* Up to the end of the slots, then from their beginning. */
		uint64_t slot = first % nr, here = nr - slot;
		uint64_t len = last - first + 1 < here ? last - first + 1 : here;
		uint64_t from = slot * spot.width / nr, to = (slot + len - 1) * spot.width / nr;

		/* Where a segment has several columns, all of them. */
		if (nr < spot.width)
			to = ((slot + len) * spot.width - 1) / nr;
		for (uint64_t i = from; i <= to && i < spot.width; i++)
			canvas_glyph(canvas, spot.row, spot.col + (unsigned int)i,
				     ring_glyph(canvas->utf8, part), ring_style(part));
		first += len;
	}
}

void draw_ring(struct canvas *canvas, struct spot spot, const struct top_sample *s)
{
	uint64_t head = s->current > s->flushed ? s->current : s->flushed;
	uint64_t nr = s->nr_segments;

	for (unsigned int i = 0; i < spot.width; i++)
		canvas_glyph(canvas, spot.row, spot.col + i, ring_glyph(canvas->utf8, RING_FREE),
			     ring_style(RING_FREE));
	if (!head)
		return;
	mark_segments(canvas, spot, nr, s->migrated + 1, s->durable, RING_DIRTY);
	mark_segments(canvas, spot, nr, s->durable + 1, head, RING_NOT_DURABLE);
	if (nr)
		canvas_glyph(canvas, spot.row,
			     spot.col + (unsigned int)(head % nr * spot.width / nr),
			     ring_glyph(canvas->utf8, RING_HEAD), ring_style(RING_HEAD));
}
