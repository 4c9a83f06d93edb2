/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log as a ring of segments, drawn in a line. No state, any thread. */
#include "config.h"

#include "fuse/ring.h"

static const struct {
	const char *ascii, *utf8, *meaning;
} signs[NR_RING_PARTS] = {
	[RING_FREE] = {".", "\u2591", "free"},
	[RING_DURABLE] = {"#", "\u2588", "durable, still needed"},
	[RING_WRITTEN] = {"+", "\u2593", "not yet durable"},
	[RING_FILLING] = {">", "\u258c", "being written"},
};

const char *ring_sign(enum ring_part part, bool utf8)
{
	return utf8 ? signs[part].utf8 : signs[part].ascii;
}

const char *ring_meaning(enum ring_part part)
{
	return signs[part].meaning;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* What is in a slot: the segments in use are those up to the last one, without a gap. */
static enum ring_part part_of(const struct ring *ring, uint64_t slot)
{
	uint64_t last = larger(ring->current, larger(ring->flushed, ring->durable));
	uint64_t nr = ring->nr_segments, used = nr - ring->nr_free;
	uint64_t back = (last % nr + nr - slot) % nr; /* how far behind the last one it is */
	uint64_t segment = last - back;

	if (!last || back > last)
		return RING_FREE;
	if (segment == ring->current && segment)
		return RING_FILLING;
	if (segment > ring->durable)
		return RING_WRITTEN;
	return back < used ? RING_DURABLE : RING_FREE;
}

unsigned int ring_columns(const struct ring *ring, unsigned int room)
{
	return room < ring->nr_segments ? room : (unsigned int)ring->nr_segments;
}

enum ring_part ring_column(const struct ring *ring, unsigned int i, unsigned int columns)
{
	uint64_t nr = ring->nr_segments;
	enum ring_part part = RING_FREE;

	for (uint64_t slot = i * nr / columns; slot < (i + 1) * nr / columns; slot++)
		if (part_of(ring, slot) > part)
			part = part_of(ring, slot);
	return part;
}

void ring_draw(const struct ring *ring, unsigned int columns, bool utf8, struct text *text)
{
	columns = ring_columns(ring, columns);
	for (unsigned int i = 0; i < columns; i++)
		text_printf(text, "%s", ring_sign(ring_column(ring, i, columns), utf8));
}

void ring_legend(bool utf8, struct text *text)
{
	for (int part = NR_RING_PARTS - 1; part >= 0; part--)
		text_printf(text, "%s %s%s", ring_sign((enum ring_part)part, utf8),
			    signs[part].meaning, part ? ", " : "");
}
