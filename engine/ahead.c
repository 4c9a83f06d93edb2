/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "engine/ahead.h"

#include <errno.h>

#include "engine/engine.h"
#include "engine/reason.h"

void ahead_start(struct ahead *ahead, struct wb *wb, const struct scan *scan, uint64_t segment)
{
	ahead->wb = wb;
	ahead->scan = scan;
	ahead->nr = (uint32_t)min_u64(AHEAD_SEGMENTS, wb->segments.nr_buffers);
	ahead->requested = segment;
}

static void wait_for(struct ahead *ahead, struct ahead_read *read)
{
	if (read->in_flight)
		ahead->wb->cache->ops->wait(ahead->wb->cache, &read->io);
	read->in_flight = false;
}

void ahead_stop(struct ahead *ahead)
{
	for (uint32_t i = 0; i < ahead->nr; i++)
		wait_for(ahead, &ahead->reads[i]);
}

/* NULL: there is nothing to read. */
static struct bdev_io *prepare(struct ahead *ahead, uint64_t segment)
{
	struct wb *wb = ahead->wb;
	const struct scan_slot *slot = &ahead->scan->slots[layout_slot(&wb->layout, segment)];
	struct ahead_read *read = &ahead->reads[segment % ahead->nr];
	bool whole = !slot->fills || slot->record > ahead->scan->durable;

	read->segment = 0;
	if (slot->segment != segment)
		return NULL;
	read->segment = segment;
	read->in_flight = true;
	bdev_io_init(&read->io, BDEV_READ, layout_offset(layout_position(&wb->layout, segment, 0)),
		     wb->segments.buffers[segment % ahead->nr].memory,
		     whole ? layout_segment_len(&wb->layout) : WB_BLOCK_SIZE);
	read->io.dev = wb->cache;
	return &read->io;
}

/* Half of them at once: to submit one costs more than to read a header. */
static void submit(struct ahead *ahead, uint64_t segment)
{
	struct bdev_io *chain = NULL, **tail = &chain;

	if (ahead->requested > segment + ahead->nr / 2)
		return;
	for (; ahead->requested < segment + ahead->nr; ahead->requested++) {
		struct bdev_io *io = prepare(ahead, ahead->requested);

		if (!io)
			continue;
		*tail = io;
		tail = &io->next;
	}
	*tail = NULL;
	if (chain)
		ahead->wb->cache->ops->submit(ahead->wb->cache, chain);
}

int ahead_load(struct ahead *ahead, uint64_t segment, const uint8_t **memory)
{
	struct ahead_read *read = &ahead->reads[segment % ahead->nr];

	*memory = NULL;
	submit(ahead, segment);
	if (read->segment != segment)
		return 0;
	wait_for(ahead, read);
	if (read->io.err) {
		wb_log(ahead->wb, WB_LOG_ERROR, "%s: recover: read segment %llu at byte %llu: %s",
		       ahead->wb->cache->path, (unsigned long long)segment,
		       (unsigned long long)read->io.off, reason(read->io.err));
		return -EIO;
	}
	*memory = ahead->wb->segments.buffers[segment % ahead->nr].memory;
	return 0;
}
