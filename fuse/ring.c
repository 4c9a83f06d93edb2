/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log as a ring of segments, drawn in a line. No state, any thread. */
#include "config.h"

#include "fuse/ring.h"

/* In the order of their urgency. */
enum kind { KIND_FREE, KIND_DURABLE, KIND_WRITTEN, KIND_FILLING, NR_KINDS };

static const struct {
	const char *ascii, *utf8, *meaning;
} signs[NR_KINDS] = {
	[KIND_FREE] = {".", "\u2591", "free"},
	[KIND_DURABLE] = {"#", "\u2588", "durable, still needed"},
	[KIND_WRITTEN] = {"+", "\u2593", "not yet durable"},
	[KIND_FILLING] = {">", "\u258c", "being written"},
};

static const char *sign(enum kind kind, bool utf8)
{
	return utf8 ? signs[kind].utf8 : signs[kind].ascii;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* What is in a slot: the segments in use are those up to the last one, without a gap. */
static enum kind kind_of(const struct ring *ring, uint64_t slot)
{
	uint64_t last = larger(ring->current, larger(ring->flushed, ring->durable));
	uint64_t nr = ring->nr_segments, used = nr - ring->nr_free;
	uint64_t back = (last % nr + nr - slot) % nr; /* how far behind the last one it is */
	uint64_t segment = last - back;

	if (!last || back > last)
		return KIND_FREE;
	if (segment == ring->current && segment)
		return KIND_FILLING;
	if (segment > ring->durable)
		return KIND_WRITTEN;
	return back < used ? KIND_DURABLE : KIND_FREE;
}

void ring_draw(const struct ring *ring, unsigned int columns, bool utf8, struct text *text)
{
	uint64_t nr = ring->nr_segments;

	if (columns > nr)
		columns = (unsigned int)nr;
	for (unsigned int i = 0; i < columns; i++) {
		enum kind kind = KIND_FREE;

		for (uint64_t slot = i * nr / columns; slot < (i + 1) * nr / columns; slot++)
			if (kind_of(ring, slot) > kind)
				kind = kind_of(ring, slot);
		text_printf(text, "%s", sign(kind, utf8));
	}
}

void ring_legend(bool utf8, struct text *text)
{
	for (int kind = NR_KINDS - 1; kind >= 0; kind--)
		text_printf(text, "%s %s%s", sign((enum kind)kind, utf8), signs[kind].meaning,
			    kind ? ", " : "");
}
