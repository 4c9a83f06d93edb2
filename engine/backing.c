/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "engine/backing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/xxh.h"

#define SAMPLES 16u
#define SMALL_LOG 16u /* segments: an eighth would be too little for others */

struct wb_backing *backing_by_id(struct wb *wb, unsigned int id)
{
	return id <= WB_MAX_TABLE ? wb->by_id[id] : NULL;
}

struct wb_backing *backing_by_name(struct wb *wb, const char *name)
{
	list_for_each(node, tmp, &wb->backings) {
		struct wb_backing *b = container_of(node, struct wb_backing, link);

		if (!backing_gone(b) && strcmp(b->entry.name, name) == 0)
			return b;
	}
	return NULL;
}

struct wb_backing *backing_new(struct wb *wb, const struct table_entry *entry)
{
	struct wb_backing *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->entry = *entry;
	b->migrated_on_disk = b->writing_migrated = entry->migrated;
	for (unsigned int i = WB_NR_KNOBS; i < WB_NR_ALL_KNOBS; i++)
		b->knobs[i - WB_NR_KNOBS] = wb_knobs[i].initial;
	list_add_tail(&wb->backings, &b->link);
	if (entry->id)
		wb->by_id[entry->id] = b;
	return b;
}

void backing_free(struct wb *wb, struct wb_backing *backing)
{
	list_del(&backing->link);
	if (wb->last_begun == backing)
		wb->last_begun = NULL;
	if (backing->entry.id)
		wb->by_id[backing->entry.id] = NULL;
	free(backing);
}

bool backing_pending(const struct wb_backing *b)
{
	return b->entry.id && !backing_gone(b) && b->last_record > b->entry.migrated;
}

bool backing_unable(const struct wb_backing *b)
{
	return !b->dev || b->dev->read_only || b->attempts > RETRY_ATTEMPTS ||
	       b->health.causes[CAUSE_MIGRATION].state == WB_FAILED;
}

bool backing_drained(const struct wb_backing *b, uint64_t target)
{
	uint64_t needed = min_u64(max_u64(target, b->carried_until), b->last_record);

	if (!b->entry.id || b->entry.detached || needed <= b->migrated_on_disk)
		return true;
	/* What it has in the log is all newer, and may not even be durable. */
	return b->mark.record > target && b->entry.migrated == b->migrated_on_disk &&
	       b->entry.migrated >= b->entry.batch_end;
}

bool backing_held(const struct wb *wb, const struct wb_backing *b)
{
	bool paused = b->knobs[WB_KNOB_PAUSED - WB_NR_KNOBS];

	return backing_unable(b) || (paused && !b->nr_drains && !wb->nr_drains);
}

/*
 * The most that the log may have of backings that are held, so that carrying it forward packs it
 * into segments that leave room for a request of the others. Packing wastes a header now and then.
 */
static uint64_t most_held(const struct wb *wb)
{
	uint64_t per_segment = wb->layout.segment_blocks - 1;
	uint64_t others = (head_max_blocks(wb) + per_segment - 1) / per_segment + head_reserve(wb);
	uint64_t left = wb->layout.nr_segments - min_u64(others, wb->layout.nr_segments - 1);

	return left * (per_segment < 2 ? per_segment : per_segment - 1);
}

static bool counts(const struct wb *wb, const struct wb_backing *b, const struct wb_backing *only)
{
	return only ? b == only : b->entry.id && !b->entry.detached && backing_held(wb, b);
}

static bool is_there(const struct wb_backing *b, const struct zeros_entry *e)
{
	return (e->kind == WB_ENTRY_ZEROS && e->record <= b->entry.migrated) ||
	       (e->kind == WB_ENTRY_OLD_ZEROS && e->record <= b->entry.zeroed);
}

/* What is on its backing, or was replaced, is dropped when the tail gets there. */
static bool is_needed(const struct wb *wb, const struct zeros_entry *e,
		      const struct wb_backing *only)
{
	const struct wb_backing *b = wb->by_id[e->backing];
	bool counted = e->kind == WB_ENTRY_POISON ? !only && !b->entry.detached
						  : counts(wb, b, only);

	return counted && !is_there(b, e) && zeros_of_entry(&wb->zeros, e);
}

/*
 * Dirty blocks and extents of zeros of a backing, or of all that are held, with all poison. Counts
 * no further than needed to tell whether it is more than `most`.
 */
static uint64_t count_not_there(struct wb *wb, const struct wb_backing *only, uint64_t most)
{
	const struct zeros_log *log = &wb->zeros_log;
	uint64_t nr = 0;

	list_for_each(node, tmp, &wb->backings) {
		const struct wb_backing *b = container_of(node, struct wb_backing, link);

		if (counts(wb, b, only))
			nr += b->nr_dirty + b->nr_placed;
	}
	if (nr + log->end - log->first + WB_MAX_SEGMENT_BLOCKS + 1 <= most)
		return nr;
	for (uint64_t i = log->first; i < log->end && nr <= most; i++)
		nr += is_needed(wb, zeros_log_at(log, i), only);
	return nr;
}

/* Extents of a backing, or of all that are held. */
static uint64_t count_zeros(const struct wb *wb, const struct wb_backing *only)
{
	const struct zeros_log *log = &wb->zeros_log;
	uint64_t nr = 0;

	for (uint64_t i = log->first; i < log->end; i++) {
		const struct zeros_entry *e = zeros_log_at(log, i);
		const struct wb_backing *b = wb->by_id[e->backing];

		nr += counts(wb, b, only) && !is_there(b, e);
	}
	return nr;
}

static unsigned int count_cached(const struct wb *wb)
{
	unsigned int nr = 0;

	list_for_each(node, tmp, &wb->backings) {
		const struct wb_backing *b = container_of(node, struct wb_backing, link);

		nr += b->entry.id && !b->entry.detached;
	}
	return nr;
}

bool backing_over_limit(struct wb *wb, const struct wb_backing *backing, uint32_t nr_blocks,
			bool zeros)
{
	uint64_t blocks = (uint64_t)wb->layout.nr_segments * (wb->layout.segment_blocks - 1);
	uint64_t extents = wb->zeros.capacity / EXTENT_RECOVERY;
	uint64_t most = blocks * 7 / 8;
	uint64_t wanted = nr_blocks + zeros, nr;

	if (backing_held(wb, backing)) {
		most = min_u64(blocks / 2, most_held(wb));
		return count_not_there(wb, NULL, most) + wanted > most ||
		       (zeros && count_zeros(wb, NULL) >= extents / 2);
	}
	/* Nearly always. */
	if (backing->nr_dirty + backing->nr_placed + wb->zeros_log.end - wb->zeros_log.first +
			    wanted <=
		    most &&
	    (!zeros || zeros_log_room(&wb->zeros_log, (uint32_t)(extents / 2 * 7))))
		return false;
	if (count_cached(wb) < 2 || wb->layout.nr_segments < SMALL_LOG)
		return false;
	nr = count_not_there(wb, backing, most);
	return (nr && nr + wanted > most) || (zeros && count_zeros(wb, backing) >= extents * 7 / 8);
}

void backing_uses(struct wb_backing *b, const struct mark *record, uint64_t since)
{
	if (!backing_pending(b)) {
		b->mark = *record;
		b->pending_since = since;
	}
	b->last_record = record->record;
}

/* ---- how it does ---- */

enum wb_state backing_state(const struct wb_backing *backing, const char **reason)
{
	if (!backing->dev && backing_pending(backing)) {
		*reason = "missing, and the log has blocks of it";
		return WB_FAILED;
	}
	return health_state(&backing->health, reason);
}

/* The device has gone away: no use in waiting for more errors. */
static bool is_gone(int err)
{
	return err == -ENODEV || err == -ENXIO || err == -ENOMEDIUM;
}

static bool is_where_it_failed(const struct wb_backing *b, const struct bdev_io *io)
{
	if (io->op != b->failed_at.op)
		return false;
	return io->op == BDEV_FLUSH || (io->off < b->failed_at.off + b->failed_at.len &&
					b->failed_at.off < io->off + io->len);
}

static void count_error(struct wb *wb, struct wb_backing *b)
{
	b->figures.nr_errors++;
	wb->figures.nr_backing_errors++;
}

static void request_io_failed(struct wb *wb, struct wb_backing *b, const struct bdev_io *io)
{
	bool failed = ++b->failed_requests > RETRY_ATTEMPTS || is_gone(io->err);

	count_error(wb, b);
	b->failed_at.op = io->op;
	b->failed_at.off = io->off;
	b->failed_at.len = io->len;
	health_io_failed(wb, b, CAUSE_REQUEST, failed ? WB_FAILED : WB_DEGRADED, io);
}

void backing_request_io(struct wb *wb, struct wb_backing *b, const struct bdev_io *io)
{
	const struct complaint *c = &b->health.causes[CAUSE_REQUEST];

	if (io->err) {
		request_io_failed(wb, b, io);
		return;
	}
	if (c->state == WB_HEALTHY)
		return;
	b->failed_requests = 0;
	if (is_where_it_failed(b, io))
		health_clear(wb, b, CAUSE_REQUEST);
	else
		health_set(wb, b, CAUSE_REQUEST, WB_DEGRADED, "%s", c->reason);
}

void backing_batch_io_failed(struct wb *wb, struct wb_backing *b, const struct bdev_io *io)
{
	count_error(wb, b);
	b->batch_failed = true;
	health_io_failed(wb, b, CAUSE_MIGRATION, is_gone(io->err) ? WB_FAILED : WB_DEGRADED, io);
}

void backing_batch_failed(struct wb *wb, struct wb_backing *b)
{
	if (!b->batch_failed)
		return;
	b->batch_failed = false;
	if (++b->failed_batches > RETRY_ATTEMPTS)
		health_set(wb, b, CAUSE_MIGRATION, WB_FAILED, "%s",
			   b->health.causes[CAUSE_MIGRATION].reason);
}

void backing_batch_done(struct wb *wb, struct wb_backing *b)
{
	b->failed_batches = 0;
	health_clear(wb, b, CAUSE_MIGRATION);
}

void backing_forgive(struct wb *wb, struct wb_backing *b)
{
	b->resume_at = 0;
	b->attempts = 0;
	b->failed_batches = 0;
	b->failed_requests = 0;
	health_clear(wb, b, CAUSE_MIGRATION);
	health_clear(wb, b, CAUSE_REQUEST);
	wb->space_changes++;
}

int backing_sample(struct bdev *dev, uint64_t *sample)
{
	_Alignas(WB_BLOCK_SIZE) uint8_t block[WB_BLOCK_SIZE];
	uint64_t nr_blocks = dev->size / WB_BLOCK_SIZE;
	uint64_t hash = dev->size;

	for (uint64_t i = 0; i < SAMPLES && nr_blocks; i++) {
		int err = bdev_read(dev, (nr_blocks - 1) * i / (SAMPLES - 1) * WB_BLOCK_SIZE, block,
				    WB_BLOCK_SIZE);

		if (err)
			return err;
		hash = XXH3_64bits_withSeed(block, WB_BLOCK_SIZE, hash);
	}
	*sample = hash;
	return 0;
}
