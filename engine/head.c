/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "engine/head.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "engine/engine.h"

#define MAX_RECORDS 1024u	/* that are not durable */
#define SMALL_LOG 4u		/* segments */
#define MAX_REQUEST_BLOCKS 257u /* 1 MiB at any offset */

int head_init(struct wb *wb)
{
	uint64_t most = (uint64_t)wb->segments.nr_buffers * wb->layout.segment_blocks / 2 + 2;

	wb->head.nr = (uint32_t)min_u64(most, MAX_RECORDS);
	wb->head.records = calloc(wb->head.nr, sizeof(*wb->head.records));
	return wb->head.records ? 0 : -ENOMEM;
}

void head_fini(struct wb *wb)
{
	free(wb->head.records);
}

void head_start(struct wb *wb, uint64_t record, uint64_t segment)
{
	wb->ladder.open = record;
	wb->head.ended = record - 1;
	wb->segments.next = segment;
	wb->segments.current = 0;
	wb->head.cursor = wb->layout.segment_blocks;
}

uint32_t head_max_blocks(const struct wb *wb)
{
	uint64_t per_segment = wb->layout.segment_blocks - 1;
	uint64_t most = min_u64(MAX_REQUEST_BLOCKS, (WRITE_RUNS - 2) * per_segment);

	most = min_u64(most, wb->layout.nr_segments * per_segment / 4);
	most = min_u64(most, wb->segments.nr_buffers * per_segment / 2);
	return (uint32_t)max_u64(most, 1);
}

struct record *head_record(struct wb *wb, uint64_t number)
{
	return &wb->head.records[number % wb->head.nr];
}

uint64_t head_last(const struct wb *wb)
{
	return wb->head.open ? wb->ladder.open : wb->ladder.open - 1;
}

/* Whether the open record takes all of a request, and if not, at least its beginning. */
static bool open_record_serves(const struct wb *wb, uint32_t nr_blocks)
{
	const struct record *open = wb->head.open;
	uint32_t left = wb->layout.segment_blocks - wb->head.cursor;

	if (!open)
		return false;
	if (nr_blocks <= left && nr_blocks < WB_RECORD_ENTRIES - open->nr_entries)
		return true;
	return !open->continuation && nr_blocks < WB_RECORD_ENTRIES - open->nr_entries;
}

/* Data blocks that fit into the current segment, for a request of nr_blocks. */
static uint32_t room_in_segment(const struct wb *wb, uint32_t nr_blocks)
{
	uint32_t left = wb->layout.segment_blocks - wb->head.cursor;

	if (open_record_serves(wb, nr_blocks))
		return left;
	return left >= 2 ? left - 1 : 0;
}

bool head_room(struct wb *wb, uint32_t nr_blocks, uint32_t reserve)
{
	uint32_t per_segment = wb->layout.segment_blocks - 1;
	uint32_t left = room_in_segment(wb, nr_blocks);
	uint32_t wanted = 0;

	if (nr_blocks > left)
		wanted = (nr_blocks - left + per_segment - 1) / per_segment;
	else if (!left && !open_record_serves(wb, nr_blocks))
		wanted = 1;
	if (wb->ladder.open - wb->ladder.durable + wanted + 2 > wb->head.nr)
		return false;
	if (!segments_have_slots(wb, wanted + reserve))
		return false;
	return segments_available(wb, wanted) == wanted;
}

uint32_t head_reserve(const struct wb *wb)
{
	return wb->layout.nr_segments < SMALL_LOG ? 1 : 2;
}

void head_begin(struct wb *wb, uint32_t nr_blocks)
{
	if (wb->head.open && wb->head.open->continuation && !open_record_serves(wb, nr_blocks))
		head_seal(wb, false);
}

static struct record *open_record(struct wb *wb, bool continuation)
{
	struct head *head = &wb->head;
	struct record *record = head_record(wb, wb->ladder.open);
	struct slot *slot;

	assert(record->state == RECORD_NONE);
	if (wb->layout.segment_blocks - head->cursor < 2) {
		segment_take(wb);
		head->cursor = 0;
	}
	slot = segment_slot(wb, wb->segments.current);
	if (!slot->first_record)
		slot->first_record = wb->ladder.open;
	slot->last_record = wb->ladder.open;
	*record = (struct record){
		.state = RECORD_OPEN,
		.continuation = continuation,
		.number = wb->ladder.open,
		.since = wb_now(wb),
		.segment = wb->segments.current,
		.block = head->cursor,
		.header = (void *)segment_memory(wb, slot->buffer, head->cursor),
	};
	index_clear(&wb->index, layout_position(&wb->layout, record->segment, record->block));
	slot->end_block = ++head->cursor;
	head->open = record;
	return record;
}

static void note_entry(struct wb *wb, const struct record_entry *entry, const struct record *record,
		       uint32_t at)
{
	backing_uses(wb->by_id[entry->backing],
		     &(struct mark){record->number, record->segment, record->block}, record->since);
	if (entry->kind != WB_ENTRY_DATA)
		zeros_log_add(&wb->zeros_log, &(struct zeros_entry){
						      .home = layout_version(record->segment, at),
						      .record = record->number,
						      .block = entry->block,
						      .nr_blocks = entry->value,
						      .backing = entry->backing,
						      .kind = entry->kind,
					      });
}

struct record *head_place(struct wb *wb, const struct record_entry *entry, bool *started,
			  struct record *last, uint32_t *block)
{
	struct head *head = &wb->head;
	bool data = entry->kind == WB_ENTRY_DATA;
	struct record *record = head->open;

	if (record && (record->nr_entries == WB_RECORD_ENTRIES ||
		       (data && head->cursor == wb->layout.segment_blocks))) {
		head_seal(wb, *started);
		record = NULL;
	}
	if (!record)
		record = open_record(wb, *started);
	entry_encode(entry, &record->header->entries[record->nr_entries++]);
	*block = head->cursor;
	if (data) {
		segment_slot(wb, record->segment)->end_block = ++head->cursor;
		record->nr_blocks++;
	}
	if (record != last)
		record->copiers++;
	*started = true;
	if (!head->unsynced_from) {
		head->unsynced_from = wb_now(wb);
		wb_kick(wb); /* for flush_current_buffer_interval */
	}
	note_entry(wb, entry, record, *block);
	return record;
}

void head_copied(struct wb *wb, struct record *record)
{
	assert(record->copiers);
	if (!--record->copiers && record->state == RECORD_CLOSED)
		wb_kick(wb);
}

void head_seal(struct wb *wb, bool continued)
{
	struct record *record = wb->head.open;

	if (!record)
		return;
	record->state = RECORD_CLOSED;
	record->continued = continued;
	if (!continued) {
		struct slot *slot = segment_slot(wb, record->segment);

		slot->end_record = record->number;
		slot->end_at = record->block + 1 + record->nr_blocks;
		wb->head.ended = record->number;
	}
	wb->head.open = NULL;
	ladder_raise(&wb->ladder, &wb->ladder.open, wb->ladder.open + 1);
	wb_kick(wb);
}

void head_end_segment(struct wb *wb)
{
	head_seal(wb, false);
	wb->head.cursor = wb->layout.segment_blocks;
}
