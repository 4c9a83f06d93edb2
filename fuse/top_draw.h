/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pieces of wbfs top's picture, each in one row of a canvas. No state. */
#ifndef FUSE_TOP_DRAW_H
#define FUSE_TOP_DRAW_H

#include "fuse/canvas.h"
#include "fuse/ring.h"
#include "fuse/top_history.h"

/* A place on the canvas. */
struct spot {
	unsigned int row, col, width;
};

/* A bar filled up to `percent`, with a mark there if 0..100. */
void draw_gauge(struct canvas *canvas, struct spot spot, double percent, int mark,
		enum canvas_style style);

/* The newest value at the right end; `top` is a full column. */
void draw_sparkline(struct canvas *canvas, struct spot spot, const struct top_history *history,
		    enum top_series series, double top, enum canvas_style style);

/* How often each bucket was hit, the most frequent one as a full column. */
void draw_buckets(struct canvas *canvas, struct spot spot, const uint64_t count[TOP_BUCKETS],
		  enum canvas_style style);

/* The log by its slots. */
void draw_ring(struct canvas *canvas, struct spot spot, const struct top_sample *sample);
/* Its signs and what they mean. */
void draw_ring_legend(struct canvas *canvas, struct spot spot);

#endif
