/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "engine/segment.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "engine/engine.h"

/* The index has memory for as many segments at least. */
#define POPULATED_AHEAD 128u

int segments_init(struct wb *wb, unsigned int nr_buffers)
{
	struct segments *s = &wb->segments;
	uint64_t len = layout_segment_len(&wb->layout);

	s->nr_buffers = nr_buffers;
	s->slots = wb->env.alloc(wb->env.ctx, wb->layout.nr_segments * sizeof(*s->slots),
				 WB_MEMORY_SPARSE);
	s->buffers = calloc(nr_buffers, sizeof(*s->buffers));
	s->memory = wb->env.alloc(wb->env.ctx, nr_buffers * len, WB_MEMORY_IO);
	if (!s->slots || !s->buffers || !s->memory)
		return -ENOMEM;
	for (unsigned int i = 0; i < nr_buffers; i++)
		s->buffers[i].memory = s->memory + i * len;
	return 0;
}

void segments_fini(struct wb *wb)
{
	struct segments *s = &wb->segments;

	if (s->slots)
		wb->env.free(wb->env.ctx, s->slots, wb->layout.nr_segments * sizeof(*s->slots));
	if (s->memory)
		wb->env.free(wb->env.ctx, s->memory,
			     s->nr_buffers * layout_segment_len(&wb->layout));
	free(s->buffers);
}

struct slot *segment_slot(struct wb *wb, uint64_t segment)
{
	return &wb->segments.slots[layout_slot(&wb->layout, segment)];
}

struct slot *segment_slot_at(struct wb *wb, uint32_t position)
{
	return &wb->segments.slots[position / wb->layout.segment_blocks];
}

uint8_t *segment_memory(struct wb *wb, const struct segbuf *buffer, uint32_t block)
{
	assert(block < wb->layout.segment_blocks);
	(void)wb;
	return buffer->memory + (size_t)block * WB_BLOCK_SIZE;
}

static struct segbuf *buffer_of(struct wb *wb, uint64_t segment)
{
	return &wb->segments.buffers[segment % wb->segments.nr_buffers];
}

static bool slot_reusable(struct wb *wb, const struct slot *slot)
{
	if (!slot->segment)
		return true;
	return slot->segment != wb->segments.current && !slot->pins &&
	       slot->last_record <= wb->ladder.migrated_on_disk;
}

static bool buffer_reusable(struct wb *wb, const struct segbuf *buffer)
{
	if (buffer->pins)
		return false;
	if (!buffer->slot)
		return true;
	return buffer->slot->segment != wb->segments.current &&
	       buffer->slot->last_record <= wb->ladder.durable;
}

unsigned int segments_available(struct wb *wb, unsigned int most)
{
	unsigned int n = 0;

	while (n < most && n < wb->segments.nr_buffers && n < wb->layout.nr_segments &&
	       slot_reusable(wb, segment_slot(wb, wb->segments.next + n)) &&
	       buffer_reusable(wb, buffer_of(wb, wb->segments.next + n)))
		n++;
	return n;
}

bool segments_have_slots(struct wb *wb, unsigned int nr)
{
	if (nr > wb->layout.nr_segments)
		return false;
	for (unsigned int i = 0; i < nr; i++)
		if (!slot_reusable(wb, segment_slot(wb, wb->segments.next + i)))
			return false;
	return true;
}

void segment_take(struct wb *wb)
{
	struct segments *s = &wb->segments;
	uint64_t segment = s->next++;
	struct slot *slot = segment_slot(wb, segment);
	struct segbuf *buffer = buffer_of(wb, segment);

	assert(slot_reusable(wb, slot) && buffer_reusable(wb, buffer));
	if (slot->segment)
		segments_forget(wb, slot->segment);
	if (slot->buffer)
		slot->buffer->slot = NULL;
	if (buffer->slot)
		buffer->slot->buffer = NULL;
	*slot = (struct slot){.segment = segment, .buffer = buffer};
	buffer->slot = slot;
	s->current = segment;
	if (segment % POPULATED_AHEAD == 0) {
		s->to_populate = segment;
		wb_kick(wb);
	}
}

void segments_populate(struct wb *wb, uint64_t first)
{
	const struct layout *l = &wb->layout;
	uint64_t nr = min_u64(2 * POPULATED_AHEAD, l->nr_segments);

	while (nr) {
		uint64_t to_end = l->nr_segments - layout_slot(l, first);
		uint32_t n = (uint32_t)min_u64(nr, to_end);

		index_populate(&wb->index, layout_position(l, first, 0), n * l->segment_blocks);
		first += n;
		nr -= n;
	}
}

unsigned int segments_not_durable(struct wb *wb)
{
	unsigned int n = 0;

	for (uint64_t segment = wb->segments.current; segment; segment--) {
		struct slot *slot = segment_slot(wb, segment);

		if (slot->segment != segment || slot->last_record <= wb->ladder.durable)
			break;
		n++;
	}
	return n;
}

static void forget_one(struct wb *wb, const struct slot *slot, uint32_t to)
{
	uint32_t first = layout_position(&wb->layout, slot->segment, 0);

	for (uint32_t block = 0; block < to; block++) {
		struct index_entry *e = &wb->index.entries[first + block];

		if (!(e->flags & INDEX_LINKED))
			continue;
		assert(!(e->flags & INDEX_DIRTY) || wb->by_id[e->backing]->entry.detached);
		blocks_drop(wb, first + block);
	}
}

void segments_forget(struct wb *wb, uint64_t last)
{
	struct segments *s = &wb->segments;

	for (; s->oldest <= last; s->oldest++) {
		struct slot *slot = segment_slot(wb, s->oldest);

		if (slot->segment != s->oldest)
			continue;
		assert(slot->last_record <= wb->ladder.migrated_on_disk);
		forget_one(wb, slot, slot->end_block);
	}
	zeros_drop(&wb->zeros, layout_version(s->oldest, 0));
}

void segments_forget_migrated(struct wb *wb)
{
	struct segments *s = &wb->segments;

	if (wb->ladder.migrated != wb->ladder.migrated_on_disk)
		return;
	if (s->oldest < wb->tail.segment)
		segments_forget(wb, wb->tail.segment - 1);
	if (segment_slot(wb, wb->tail.segment)->segment == wb->tail.segment)
		forget_one(wb, segment_slot(wb, wb->tail.segment), wb->tail.block);
	/* The zeros at tail.block belong to the last migrated record. */
	zeros_drop(&wb->zeros, layout_version(wb->tail.segment, wb->tail.block + 1));
}

void segments_forget_on_disk(struct wb *wb)
{
	struct segments *s = &wb->segments;

	while (s->oldest < wb->tail.segment) {
		const struct slot *slot = segment_slot(wb, s->oldest);

		if (slot->segment == s->oldest && slot->last_record > wb->ladder.migrated_on_disk)
			return;
		segments_forget(wb, s->oldest);
	}
}

uint64_t segments_free(struct wb *wb)
{
	const struct slot *tail = segment_slot(wb, wb->tail.segment);
	uint64_t used = wb->segments.next - wb->tail.segment;

	if (used &&
	    (tail->segment != wb->tail.segment || tail->last_record <= wb->ladder.migrated_on_disk))
		used--;
	return wb->layout.nr_segments - used;
}
