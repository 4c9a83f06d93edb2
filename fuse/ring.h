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

/*
 * In so many columns at the most, or fewer if there are fewer segments. From left to right they are
 * the places on the cache; a column shows the most urgent of what it stands for.
 */
void ring_draw(const struct ring *ring, unsigned int columns, bool utf8, struct text *text);

/* What the signs of it mean. */
void ring_legend(bool utf8, struct text *text);

#endif
