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

static const enum canvas_style ring_styles[NR_RING_PARTS] = {
	[RING_FREE] = STYLE_DIM,
	[RING_DURABLE] = STYLE_WARNING,
	[RING_WRITTEN] = STYLE_BAD,
	[RING_FILLING] = STYLE_HEADING,
};

void draw_ring(struct canvas *canvas, struct spot spot, const struct top_sample *s)
{
	const struct ring ring = {
		.nr_segments = s->nr_segments,
		.nr_free = s->nr_free_segments,
		.current = s->current,
		.flushed = s->flushed,
		.durable = s->durable,
	};
	unsigned int columns = ring_columns(&ring, spot.width);

	for (unsigned int i = 0; i < columns; i++) {
		enum ring_part part = ring_column(&ring, i, columns);

		canvas_put(canvas, spot.row, spot.col + i, 1, ring_styles[part], "%s",
			   ring_sign(part, canvas->utf8));
	}
}

void draw_ring_legend(struct canvas *canvas, struct spot spot)
{
	unsigned int col = spot.col;

	for (enum ring_part part = 0; part < NR_RING_PARTS; part++) {
		col = canvas_put(canvas, spot.row, col, spot.width, ring_styles[part], "%s",
				 ring_sign(part, canvas->utf8));
		col = canvas_put(canvas, spot.row, col + 1, spot.width, STYLE_DIM, "%s",
				 ring_meaning(part));
		col += 2;
	}
}
