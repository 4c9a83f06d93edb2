/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log as a ring of segments, drawn in a line. No state, any thread. */
#ifndef FUSE_RING_H
#define FUSE_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "fuse/text.h"

struct ring {
	uint64_t nr_segments, nr_free;
	uint64_t current; /* segment ids; 0: none */
	uint64_t flushed, durable;
};

/* What a segment is, in the order of urgency. */
enum ring_part { RING_FREE, RING_DURABLE, RING_WRITTEN, RING_FILLING, NR_RING_PARTS };

const char *ring_sign(enum ring_part part, bool utf8);
const char *ring_meaning(enum ring_part part);

/* So many columns are drawn where there is room for that many. */
unsigned int ring_columns(const struct ring *ring, unsigned int room);
/* What the i-th of so many shows. */
enum ring_part ring_column(const struct ring *ring, unsigned int i, unsigned int columns);

/*
 * In so many columns at the most, or fewer if there are fewer segments. From left to right they are
 * the places on the cache; a column shows the most urgent of what it stands for.
 */
void ring_draw(const struct ring *ring, unsigned int columns, bool utf8, struct text *text);

/* What the signs of it mean. */
void ring_legend(bool utf8, struct text *text);

#endif
