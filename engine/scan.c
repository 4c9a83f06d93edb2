/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "engine/scan.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/engine.h"
#include "engine/reason.h"

#define SCAN_IOS 128u /* in flight */

static void note_header(struct wb *wb, struct scan *scan, uint32_t slot, const void *block)
{
	struct scan_slot *s = &scan->slots[slot];
	struct record_header header;

	if (record_decode(block, wb->uuid, wb->layout.segment_blocks, &header) || header.block ||
	    layout_slot(&wb->layout, header.segment) != slot)
		return;
	*s = (struct scan_slot){
		.segment = header.segment,
		.record = header.record,
		.generation = header.generation,
		.generation_record = header.generation_record,
		.durable = header.durable,
		.fills = header.nr_blocks + 3u > wb->layout.segment_blocks,
	};
	scan->last_generation = max_u64(scan->last_generation, header.generation);
}

/* Read the first blocks of nr slots at once into memory. */
static int read_headers(struct wb *wb, struct bdev_io *ios, uint32_t first, uint32_t nr)
{
	uint8_t *memory = wb->segments.memory;
	int err = 0;

	for (uint32_t i = 0; i < nr; i++) {
		bdev_io_init(&ios[i], BDEV_READ,
			     layout_offset((first + i) * wb->layout.segment_blocks),
			     memory + (size_t)i * WB_BLOCK_SIZE, WB_BLOCK_SIZE);
		ios[i].dev = wb->cache;
		ios[i].next = i + 1 < nr ? &ios[i + 1] : NULL;
	}
	wb->cache->ops->submit(wb->cache, ios);
	for (uint32_t i = 0; i < nr; i++) {
		wb->cache->ops->wait(wb->cache, &ios[i]);
		if (!ios[i].err || err)
			continue;
		err = ios[i].err;
		wb_log(wb, WB_LOG_ERROR, "%s: recover: read header at byte %llu: %s",
		       wb->cache->path, (unsigned long long)ios[i].off, reason(err));
	}
	return err;
}

static int by_generation(const void *a, const void *b)
{
	const struct scan_generation *x = a, *y = b;

	return x->generation < y->generation ? -1 : x->generation > y->generation;
}

/* Generations with the first records they may have: from headers, and from the superblock. */
static int list_generations(struct wb *wb, struct scan *scan)
{
	const struct super *super = &wb->super.super;
	uint32_t nr = 0;

	scan->generations = calloc(wb->layout.nr_segments + 1ull, sizeof(*scan->generations));
	if (!scan->generations)
		return -ENOMEM;
	scan->generations[nr++] = (struct scan_generation){super->generation,
							   super->generation_record};
	for (uint32_t i = 0; i < wb->layout.nr_segments; i++)
		if (scan->slots[i].segment)
			scan->generations[nr++] = (struct scan_generation){
				scan->slots[i].generation, scan->slots[i].generation_record};
	qsort(scan->generations, nr, sizeof(*scan->generations), by_generation);
	for (uint32_t i = nr - 1; i-- > 0;)
		scan->generations[i].first_record = min_u64(scan->generations[i].first_record,
							    scan->generations[i + 1].first_record);
	scan->nr_generations = nr;
	scan->last_generation = max_u64(scan->last_generation, super->generation);
	return 0;
}

bool scan_is_stale(const struct scan *scan, uint64_t generation, uint64_t record)
{
	uint32_t low = 0, high = scan->nr_generations;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (scan->generations[middle].generation <= generation)
			low = middle + 1;
		else
			high = middle;
	}
	return low < scan->nr_generations && record >= scan->generations[low].first_record;
}

static void find_durable(struct wb *wb, struct scan *scan)
{
	scan->durable = wb->super.super.durable;
	for (uint32_t i = 0; i < wb->layout.nr_segments; i++) {
		const struct scan_slot *s = &scan->slots[i];

		if (!s->segment || scan_is_stale(scan, s->generation, s->record))
			continue;
		scan->durable = max_u64(scan->durable, s->durable);
		scan->last_segment = max_u64(scan->last_segment, s->segment);
	}
}

int scan_slots(struct wb *wb, struct scan *scan)
{
	uint32_t at_once = (uint32_t)min_u64(SCAN_IOS, (uint64_t)wb->segments.nr_buffers *
							       wb->layout.segment_blocks);
	struct bdev_io *ios = calloc(at_once, sizeof(*ios));
	int err = 0;

	*scan = (struct scan){0};
	scan->slots = calloc(wb->layout.nr_segments, sizeof(*scan->slots));
	if (!ios || !scan->slots)
		err = -ENOMEM;
	for (uint32_t slot = 0; !err && slot < wb->layout.nr_segments; slot += at_once) {
		uint32_t nr = (uint32_t)min_u64(at_once, wb->layout.nr_segments - slot);

		err = wb_progress(wb, WB_PROGRESS_SCAN, slot * (uint64_t)WB_BLOCK_SIZE,
				  wb->layout.nr_segments * (uint64_t)WB_BLOCK_SIZE);
		if (!err)
			err = read_headers(wb, ios, slot, nr);
		for (uint32_t i = 0; !err && i < nr; i++)
			note_header(wb, scan, slot + i,
				    wb->segments.memory + (size_t)i * WB_BLOCK_SIZE);
	}
	free(ios);
	if (!err)
		err = list_generations(wb, scan);
	if (!err)
		find_durable(wb, scan);
	return err;
}

void scan_fini(struct scan *scan)
{
	free(scan->slots);
	free(scan->generations);
}
