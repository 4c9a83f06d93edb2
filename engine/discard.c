/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Discarding slots of the cache device, if the knob discard_cache asks for it: a segment all of
 * which is migrated, and both superblocks say so, is forgotten and its slot discarded, one at a
 * time. (If only one said so and got lost, the other one would send recovery there.) The slot is
 * pinned meanwhile, so nobody takes it.
 */
#include "config.h"

#include "engine/discard.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/engine.h"
#include "engine/reason.h"

/* Protected by the mutex. */
struct discard {
	struct wb *wb;
	struct slot *slot; /* NULL: nothing is in flight */
	struct bdev_io io;
};

static void done(struct bdev_io *io)
{
	struct discard *d = io->owner;
	struct wb *wb = d->wb;

	wb_lock(wb);
	d->slot->pins--;
	d->slot = NULL;
	if (io->err) {
		wb->knobs[WB_KNOB_DISCARD_CACHE] = 0;
		wb_log(wb, WB_LOG_WARNING,
		       "%s: discard %llu bytes at byte %llu: %s: discard_cache is off now",
		       wb->cache->path, (unsigned long long)io->len, (unsigned long long)io->off,
		       reason(io->err));
	}
	wb_kick(wb);
	wb_unlock(wb);
}

static void discard(struct discard *d, struct slot *slot)
{
	struct wb *wb = d->wb;

	slot->pins++;
	d->slot = slot;
	bdev_io_init(&d->io, BDEV_DISCARD,
		     layout_offset(layout_position(&wb->layout, slot->segment, 0)), NULL,
		     layout_segment_len(&wb->layout));
	d->io.owner = d;
	d->io.done = done;
	wb_submit_later(wb, wb->cache, &d->io);
}

void discard_pump(struct wb *wb)
{
	struct discard *d = wb->discard;

	if (!d || !wb->started || wb->stopping || wb->failed || !wb->knobs[WB_KNOB_DISCARD_CACHE])
		return;
	while (!d->slot && wb->segments.oldest < wb->tail.segment) {
		uint64_t segment = wb->segments.oldest;
		struct slot *slot = segment_slot(wb, segment);
		bool is_there = slot->segment == segment;

		if (is_there && (slot->pins || slot->last_record > wb->ladder.migrated_on_disk))
			return;
		segments_forget(wb, segment);
		if (is_there)
			discard(d, slot);
	}
}

bool discard_is_busy(struct wb *wb)
{
	return wb->discard && wb->discard->slot;
}

int discard_init(struct wb *wb)
{
	wb->discard = calloc(1, sizeof(*wb->discard));
	if (!wb->discard)
		return -ENOMEM;
	wb->discard->wb = wb;
	return 0;
}

void discard_fini(struct wb *wb)
{
	free(wb->discard);
}
