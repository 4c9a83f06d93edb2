/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts that wbfs top's picture is put together of, from top to bottom. For top_view.c. */
#ifndef FUSE_TOP_PARTS_H
#define FUSE_TOP_PARTS_H

#include "fuse/top_view.h"

/* Draws rows row..row+nr-1; nr is at least 1 and not more than the part wants. */
typedef void top_part_draw(const struct top_view *view, struct canvas *canvas, unsigned int row,
			   unsigned int nr);

top_part_draw part_cache, part_reason, part_ring, part_legend, part_dirty, part_rates,
	part_latencies, part_backings, part_messages, part_help;

unsigned int part_backings_rows(const struct top_sample *sample);

enum { PART_RATES_ROWS = 4, PART_LATENCIES_ROWS = 6, PART_HELP_ROWS = 17 };

#endif
