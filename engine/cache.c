/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A cache as a whole: opening, starting, stopping, closing, and the pump that lets every flow look
 * at the state after each change. The only file that knows all the others.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/carry.h"
#include "engine/discard.h"
#include "engine/engine.h"
#include "engine/log.h"
#include "engine/migrate.h"
#include "engine/reason.h"
#include "engine/recover.h"

#define DEFAULT_BUFFERS 64u
#define MIN_BUFFERS 2u /* the current segment, and one on its way */
#define STOP_POLL NS_PER_MS
#define USUAL_BATCH 32u /* segments; what wb_ram_needed counts with */

void wb_pump(struct wb *wb)
{
	wb->pending.wake_at = UINT64_MAX;
	while (wb->pending.kicked) {
		wb->pending.kicked = false;
		sync_pump(wb);
		if (wb->stopped)
			break;
		log_pump(wb);
		super_pump(wb);
		carry_pump(wb);
		discard_pump(wb);
		write_pump(wb);
		read_pump(wb);
		migrate_pump(wb);
	}
	if (wb->segments.to_populate)
		wb_wake_at(wb, 0);
	ladder_check(&wb->ladder);
}

void wb_tick(struct wb *wb)
{
	uint64_t first;

	wb_lock(wb);
	wb->pending.timer = UINT64_MAX;
	first = wb->segments.to_populate;
	wb->segments.to_populate = 0;
	wb_kick(wb);
	wb_unlock(wb);
	if (first)
		segments_populate(wb, first);
}

/* ---- opening ---- */

uint64_t wb_ram_needed(uint64_t nr_segments, uint32_t segment_blocks, unsigned int nr_buffers)
{
	struct layout layout = {segment_blocks, (uint32_t)nr_segments};
	uint64_t buffers = min_u64(nr_buffers ? nr_buffers : DEFAULT_BUFFERS, nr_segments);

	return index_memory(nr_segments * segment_blocks) + nr_segments * sizeof(struct slot) +
	       (buffers + 1) * layout_segment_len(&layout) +
	       zeros_memory(EXTENT_RECOVERY * ZEROS_CAPACITY) +
	       zeros_log_memory(EXTENT_RECOVERY * ZEROS_CAPACITY) +
	       migrate_memory(&layout,
			      (uint32_t)max_u64(USUAL_BATCH,
						space_largest_batch(nr_segments, USUAL_BATCH)));
}

static void free_wb(struct wb *wb)
{
	list_for_each(node, tmp, &wb->backings)
		backing_free(wb, container_of(node, struct wb_backing, link));
	migrate_fini(wb);
	carry_fini(wb);
	discard_fini(wb);
	head_fini(wb);
	segments_fini(wb);
	if (wb->index.env)
		index_fini(&wb->index);
	if (wb->zeros.env)
		zeros_fini(&wb->zeros);
	if (wb->zeros_log.env)
		zeros_log_fini(&wb->zeros_log);
	if (wb->super.memory)
		wb->env.free(wb->env.ctx, wb->super.memory, WB_SUPER_AREA);
	pthread_mutex_destroy(&wb->mutex);
	free(wb);
}

static struct wb *new_wb(struct bdev *cache, const struct wb_options *options,
			 const struct wb_env *env)
{
	struct wb *wb = aligned_alloc(_Alignof(struct wb), sizeof(*wb));

	if (!wb)
		return NULL;
	memset(wb, 0, sizeof(*wb));
	wb->cache = cache;
	wb->env = *env;
	wb->read_only = options->read_only || cache->read_only;
	wb->recover_truncate = options->recover_truncate;
	wb->progress = options->progress;
	wb->progress_ctx = options->progress_ctx;
	wb->pending.tail = &wb->pending.head;
	wb->pending.works_tail = &wb->pending.works;
	wb->pending.wake_at = wb->pending.timer = UINT64_MAX;
	pthread_mutex_init(&wb->mutex, NULL);
	list_init(&wb->backings);
	list_init(&wb->writes);
	list_init(&wb->early);
	list_init(&wb->reads);
	list_init(&wb->waiters);
	for (unsigned int i = 0; i < WB_NR_KNOBS; i++)
		wb->knobs[i] = wb_knobs[i].initial;
	return wb;
}

/* Backings of the table, but for those detached whose records are all migrated. */
static int load_table(struct wb *wb)
{
	const struct wb_backing_disk *table = (void *)(wb->super.memory + WB_TABLE_OFF);

	for (unsigned int i = 0; i < wb->super.super.table_entries; i++) {
		struct table_entry entry;
		int err = table_entry_decode(&table[i], &entry);

		if (err)
			return err;
		if (entry.detached && entry.last_record <= wb->super.super.migrated)
			continue;
		if (!backing_new(wb, &entry))
			return -ENOMEM;
	}
	return 0;
}

static int load_super(struct wb *wb)
{
	struct super_writer *w = &wb->super;
	unsigned int copy;
	int err;

	w->memory = wb->env.alloc(wb->env.ctx, WB_SUPER_AREA, WB_MEMORY_SPARSE);
	if (!w->memory)
		return -ENOMEM;
	err = super_read(wb->cache, &wb->env, w->memory, &w->super, &copy, &w->alone);
	if (err)
		return err;
	if (w->super.features_ro_compat & ~WB_FEATURES_RO_COMPAT && !wb->read_only) {
		wb_log(wb, WB_LOG_ERROR,
		       "%s: open cache: it has features (0x%llx) with which this program can only "
		       "read it",
		       wb->cache->path,
		       (unsigned long long)(w->super.features_ro_compat & ~WB_FEATURES_RO_COMPAT));
		return -EROFS;
	}
	w->copy = (copy + 1) % WB_NR_SUPERS;
	wb->layout.segment_blocks = w->super.segment_blocks;
	wb->layout.nr_segments = w->super.nr_segments;
	memcpy(wb->uuid, w->super.uuid, WB_UUID_LEN);
	wb->seed = format_seed(wb->uuid);
	wb->was_clean = w->super.state == WB_SUPER_CLEAN;
	return load_table(wb);
}

static int allocate(struct wb *wb, const struct wb_options *options)
{
	unsigned int nr_buffers = options->nr_buffers;
	int err;

	nr_buffers = (unsigned int)min_u64(nr_buffers ? nr_buffers : DEFAULT_BUFFERS,
					   wb->layout.nr_segments);
	if (nr_buffers < MIN_BUFFERS)
		nr_buffers = MIN_BUFFERS;
	wb->ram = wb_ram_needed(wb->layout.nr_segments, wb->layout.segment_blocks, nr_buffers);
	err = segments_init(wb, nr_buffers);
	if (!err)
		err = head_init(wb);
	if (!err)
		err = index_init(&wb->index, &wb->env, layout_nr_positions(&wb->layout));
	if (!err)
		err = zeros_init(&wb->zeros, &wb->env,
				 EXTENT_RECOVERY *
					 (options->nr_zeros ? options->nr_zeros : ZEROS_CAPACITY));
	if (!err)
		err = zeros_log_init(&wb->zeros_log, &wb->env, wb->zeros.capacity);
	if (!err && !wb->read_only)
		err = migrate_init(wb);
	if (!err && !wb->read_only)
		err = carry_init(wb);
	if (!err && !wb->read_only)
		err = discard_init(wb);
	if (err)
		wb_log(wb, WB_LOG_ERROR, "%s: open cache: not enough memory: %llu MiB are needed",
		       wb->cache->path, (unsigned long long)(wb->ram >> 20));
	return err;
}

int wb_open(struct bdev *cache, const struct wb_options *options, const struct wb_env *env,
	    struct wb **result)
{
	struct wb *wb = new_wb(cache, options, env);
	int err;

	if (!wb)
		return -ENOMEM;
	err = load_super(wb);
	if (!err)
		err = allocate(wb, options);
	if (!err)
		err = recover(wb);
	if (err) {
		free_wb(wb);
		return err;
	}
	segments_populate(wb, wb->segments.next);
	wb->counted_since = wb_now(wb);
	*result = wb;
	return 0;
}

/* ---- starting ---- */

void wb_start(struct wb *wb, wb_done_fn done, void *ctx)
{
	struct waiter *waiter;

	if (wb->read_only) {
		done(ctx, 0);
		return;
	}
	waiter = waiter_alloc(done, ctx);
	if (!waiter)
		return;
	wb_lock(wb);
	wb->generation++;
	wb->generation_record = wb->ladder.open;
	wb->super.super.generation_segment = wb->segments.next;
	list_for_each(node, tmp, &wb->backings) {
		struct wb_backing *b = container_of(node, struct wb_backing, link);

		if (b->dev)
			b->entry.sample_valid = false;
	}
	wb->started = true;
	space_advance_tail(wb);
	waiter_add(wb, waiter, WAIT_SUPER, super_commit(wb, true));
	wb_unlock(wb);
}

/* ---- stopping and closing ---- */

static void call_done(struct work *work)
{
	struct request *r = container_of(work, struct request, work);

	io_of(r)->done(io_of(r), r->err);
}

void request_answer(struct wb *wb, struct request *r, int err)
{
	r->err = err;
	r->work.fn = call_done;
	wb_answer(wb, &r->work);
}

void request_end(struct wb *wb, struct request *r, int err, struct wb_histogram *latency)
{
	wb_lock(wb);
	if (latency && !err)
		histogram_add(latency, wb_now(wb) - r->began);
	wb->nr_others--;
	if (wb->stopping)
		wb_kick(wb);
	request_answer(wb, r, err);
	wb_unlock(wb);
}

static bool is_idle(struct wb *wb)
{
	bool super_idle = wb->super.state == SUPER_IDLE || wb->super.state == SUPER_WRITTEN;

	if (wb->log.in_flight || wb->log.flushing || !list_empty(&wb->writes) || wb->nr_others ||
	    !migrate_is_idle(wb) || carry_is_busy(wb) || discard_is_busy(wb) || !super_idle)
		return false;
	return wb->failed || (wb->ladder.durable == head_last(wb) &&
			      wb->super.state == SUPER_IDLE && wb->super.done == wb->super.wanted);
}

bool wb_has_stopped(struct wb *wb)
{
	if (!is_idle(wb))
		return false;
	if (wb_all_called(wb))
		return true;
	/* Who calls something for the last time can't tell: the wb may be gone by then. */
	wb_wake_at(wb, wb_now(wb) + STOP_POLL);
	return false;
}

void wb_stop(struct wb *wb, wb_done_fn done, void *ctx)
{
	struct waiter *waiter = waiter_alloc(done, ctx);

	if (!waiter)
		return;
	wb_lock(wb);
	wb->stopping = true;
	wb->log.wanted = head_last(wb);
	head_seal(wb, false);
	waiter_add(wb, waiter, WAIT_STOPPED, 0);
	wb_unlock(wb);
}

/* A hash of what each backing holds now tells the next user if somebody else has written to it. */
static void sample_backings(struct wb *wb)
{
	list_for_each(node, tmp, &wb->backings) {
		struct wb_backing *b = container_of(node, struct wb_backing, link);

		if (b->dev && b->entry.id)
			b->entry.sample_valid = !b->to_flush && bdev_flush(b->dev) == 0 &&
						backing_sample(b->dev, &b->entry.sample) == 0;
	}
}

static int write_clean_super(struct wb *wb)
{
	for (unsigned int i = 0; i < WB_NR_SUPERS; i++) {
		uint64_t len = super_fill(wb, WB_SUPER_CLEAN);
		int err = bdev_write(wb->cache, (uint64_t)wb->super.copy * WB_SUPER_AREA,
				     wb->super.memory, len);

		if (!err)
			err = bdev_flush(wb->cache);
		if (err) {
			wb_log(wb, WB_LOG_ERROR, "%s: write the last superblock: %s",
			       wb->cache->path, reason(err));
			return err;
		}
		wb->super.copy = (wb->super.copy + 1) % WB_NR_SUPERS;
	}
	return 0;
}

void wb_abandon(struct wb *wb)
{
	list_for_each(node, tmp, &wb->waiters) {
		struct waiter *waiter = container_of(node, struct waiter, link);

		if (waiter->done)
			free(waiter);
	}
	free_wb(wb);
}

int wb_close(struct wb *wb)
{
	int err = 0;

	if (wb->started) {
		wb_lock(wb);
		assert(wb->stopped);
		wb_unlock(wb);
		if (wb->failed) {
			err = -EIO;
		} else {
			sample_backings(wb);
			err = write_clean_super(wb);
		}
	}
	free_wb(wb);
	return err;
}

void wb_retry(struct wb *wb)
{
	wb_lock(wb);
	wb_log(wb, WB_LOG_INFO, "%s: starting over after failures", wb->cache->path);
	if (wb->failed)
		log_write_all_again(wb);
	health_retry(wb);
	wb->log.flush_attempts = 0;
	wb->log.flush_not_before = 0;
	wb->super.attempts = 0;
	wb->super.not_before = 0;
	migrate_retry(wb);
	wb_kick(wb);
	wb_unlock(wb);
}
