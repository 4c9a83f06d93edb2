/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Backings come and go. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/migrate.h"
#include "engine/reason.h"

#define LARGEST_BACKING (1ull << 52) /* bytes: block numbers have 40 bits */

const char *wb_name_error(const char *name)
{
	if (!*name)
		return "a name can't be empty";
	if (strlen(name) >= WB_NAME_LEN)
		return "a name has at most 63 bytes";
	if (name[0] == '.')
		return "a name can't begin with a dot";
	for (const char *p = name; *p; p++) {
		if (*p == '/')
			return "a name can't contain a slash";
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			return "a name can't contain blanks or control characters";
	}
	return NULL;
}

static unsigned int count_attached(struct wb *wb)
{
	unsigned int n = 0;

	list_for_each(node, tmp, &wb->backings)
		n += container_of(node, struct wb_backing, link)->dev != NULL;
	return n;
}

/* Nothing in the index, the zeros or the log needs the id of a detached backing any more. */
static bool id_is_free(struct wb *wb, const struct wb_backing *b)
{
	const struct slot *oldest = segment_slot(wb, wb->segments.oldest);

	if (!backing_gone(b) || b->entry.last_record > wb->ladder.migrated_on_disk)
		return false;
	return !b->nr_cached &&
	       (!b->entry.last_record || (oldest->segment == wb->segments.oldest &&
					  oldest->first_record > b->entry.last_record));
}

/* An id that nothing uses: a fresh one, or that of a backing long detached. 0: none. */
static uint8_t free_id(struct wb *wb)
{
	for (unsigned int id = 1; id <= WB_MAX_TABLE; id++)
		if (!wb->by_id[id])
			return (uint8_t)id;
	for (unsigned int id = 1; id <= WB_MAX_TABLE; id++) {
		if (!id_is_free(wb, wb->by_id[id]))
			continue;
		backing_free(wb, wb->by_id[id]);
		return (uint8_t)id;
	}
	return 0;
}

/* Whether a remembered backing is another device now. sample: of the device, if its is valid. */
static const char *changed(const struct wb_backing *b, const struct wb_backing_spec *spec,
			   uint64_t sample)
{
	if (spec->dev->size != b->entry.size)
		return "its size has changed";
	if (b->entry.sample_valid)
		return sample == b->entry.sample ? NULL : "its contents have changed";
	/* What is remembered may have been cut. */
	return strncmp(b->entry.identity, spec->identity, WB_IDENTITY_LEN - 1) == 0
		       ? NULL
		       : "it is another device";
}

/*
 * Whether the log's blocks mean the same on a device of another size. A last block that was short
 * is padded with zeros in the log, which would hide what is behind the old end.
 */
static bool fits(const struct wb_backing *b, const struct wb_backing_spec *spec)
{
	return spec->dev->size == b->entry.size ||
	       (spec->dev->size > b->entry.size && b->entry.size % WB_BLOCK_SIZE == 0);
}

/* Whether a device that has a backing's identity now may be that backing's. */
static bool may_be_of(const struct wb_backing *b, const struct wb_backing_spec *spec,
		      uint64_t sample)
{
	return !spec->numbered || (spec->dev->size == b->entry.size &&
				   (!b->entry.sample_valid || sample == b->entry.sample));
}

/* Two that are still nearly empty look the same. */
static bool is_of_another(struct wb *wb, const struct wb_backing *b,
			  const struct wb_backing_spec *spec, uint64_t sample)
{
	if (strncmp(b->entry.identity, spec->identity, WB_IDENTITY_LEN - 1) == 0)
		return false;
	list_for_each(node, tmp, &wb->backings) {
		const struct wb_backing *other = container_of(node, struct wb_backing, link);

		if (other->entry.id && !backing_gone(other) && may_be_of(other, spec, sample) &&
		    strncmp(other->entry.identity, spec->identity, WB_IDENTITY_LEN - 1) == 0)
			return true;
	}
	return false;
}

static int check_remembered(struct wb *wb, const struct wb_backing *b,
			    const struct wb_backing_spec *spec, uint64_t sample)
{
	const char *what = changed(b, spec, sample);

	if (!backing_pending(b) && !blocks_have_poison(wb, b))
		return 0;
	if (!spec->cached) {
		wb_log(wb, WB_LOG_ERROR,
		       "%s: attach %s: the log has blocks of it, so it can't be used uncached",
		       spec->name, spec->path);
		return -EUCLEAN;
	}
	if (!what && is_of_another(wb, b, spec, sample))
		what = "it is the device of another backing";
	if (!what)
		return 0;
	wb_log(wb, spec->force ? WB_LOG_WARNING : WB_LOG_ERROR,
	       "%s: attach %s: %s while the log has blocks of it", spec->name, spec->path, what);
	return spec->force && fits(b, spec) ? 0 : -ESTALE;
}

/* Another device gets a name of which nobody needs the blocks any more. */
static bool takes_over(struct wb *wb, const struct wb_backing *b,
		       const struct wb_backing_spec *spec, uint64_t sample)
{
	return changed(b, spec, sample) && !backing_pending(b) && !blocks_have_poison(wb, b);
}

static void describe(struct table_entry *entry, const struct wb_backing_spec *spec)
{
	snprintf(entry->name, sizeof(entry->name), "%s", spec->name);
	snprintf(entry->path, sizeof(entry->path), "%s", spec->path);
	snprintf(entry->identity, sizeof(entry->identity), "%s", spec->identity);
	entry->size = spec->dev->size;
}

static int add(struct wb *wb, const struct wb_backing_spec *spec, struct wb_backing **backing)
{
	/* Numbers beyond *durable* may be given to other records after a crash. */
	struct table_entry entry = {
		.migrated = wb->ladder.durable,
		.batch_end = wb->ladder.durable,
		.zeroed = wb->ladder.durable,
	};

	describe(&entry, spec);
	if (spec->cached) {
		entry.id = free_id(wb);
		if (!entry.id)
			return -ENOSPC;
	}
	*backing = backing_new(wb, &entry);
	return *backing ? 0 : -ENOMEM;
}

static int attach_locked(struct wb *wb, const struct wb_backing_spec *spec, uint64_t sample,
			 struct wb_backing **backing)
{
	struct wb_backing *known = backing_by_name(wb, spec->name);
	int err = 0;

	/* One that is being detached goes, or stays after all. */
	if (known && (known->dev || known->detach.done)) {
		wb_log(wb, WB_LOG_ERROR, "%s: attach %s: the name is in use", spec->name,
		       spec->path);
		return -EEXIST;
	}
	if (count_attached(wb) >= WB_MAX_BACKINGS) {
		wb_log(wb, WB_LOG_ERROR, "%s: attach %s: more than %u backings", spec->name,
		       spec->path, WB_MAX_BACKINGS);
		return -ENOSPC;
	}
	if (known)
		err = check_remembered(wb, known, spec, sample);
	if (err)
		return err;
	/* Old records of its id are still in the log, and may name blocks that the other lacks. */
	if (known && (!spec->cached || takes_over(wb, known, spec, sample))) {
		known->entry.detached = true;
		known->entry.last_record = known->last_record;
		known = NULL;
	}
	if (known)
		describe(&known->entry, spec);
	else
		err = add(wb, spec, &known);
	if (err)
		return err;
	known->dev = spec->dev;
	if (wb->started && !wb->read_only) {
		known->entry.sample_valid = false;
		migrate_retry(wb); /* perhaps it is what was missing */
		known->attached = super_commit(wb, true);
	}
	*backing = known;
	return 0;
}

int wb_attach(struct wb *wb, const struct wb_backing_spec *spec, struct wb_backing **backing)
{
	const char *why = wb_name_error(spec->name);
	uint64_t sample = 0;
	int err = 0;

	if (!why && strlen(spec->path) >= WB_PATH_LEN)
		why = "its path is too long";
	if (!why && (!format_is_text(spec->path) || !format_is_text(spec->identity)))
		why = "its path or identity contains control characters";
	if (!why && !spec->dev->size)
		why = "the device is empty";
	if (!why && spec->dev->size > LARGEST_BACKING)
		why = "devices beyond 4 PiB are not supported";
	if (why) {
		wb_log(wb, WB_LOG_ERROR, "%s: attach %s: %s", spec->name, spec->path, why);
		return -EINVAL;
	}
	if (spec->cached)
		err = backing_sample(spec->dev, &sample);
	if (err) {
		wb_log(wb, WB_LOG_ERROR, "%s: attach %s: read: %s", spec->name, spec->path,
		       reason(err));
		return err;
	}
	/* A batch that the log has no more may be on the backing, and not for good. */
	if (spec->cached && wb->recover_truncate && !wb->read_only)
		err = bdev_flush(spec->dev);
	if (err) {
		wb_log(wb, WB_LOG_ERROR, "%s: attach %s: flush: %s", spec->name, spec->path,
		       reason(err));
		return err;
	}
	wb_lock(wb);
	err = attach_locked(wb, spec, sample, backing);
	wb_unlock(wb);
	return err;
}

/* ---- detach: drain or give up, then commit a table without it ---- */

static void committed(void *ctx, int err)
{
	struct wb_backing *b = ctx;
	struct detach d = b->detach; /* who knows what becomes of the backing then */

	wb_lock(d.wb);
	b->detaching = false;
	b->detach.done = NULL;
	if (!err) {
		b->dev = NULL;
		d.wb->space_changes++;
		space_advance_tail(d.wb);
	} else if (b->entry.detached) {
		/* A copy of the table may say so by now. */
		b->entry.detached = false;
		b->attached = super_commit(d.wb, true);
	}
	wb_unlock(d.wb);
	d.done(d.ctx, err);
}

/* Everything is on the backing, or given up and nothing of it under way. */
static void drained(void *ctx, int err)
{
	struct wb_backing *b = ctx;
	struct wb *wb = b->detach.wb;
	struct waiter *waiter;

	if (err) {
		committed(b, err);
		return;
	}
	waiter = waiter_alloc(committed, b);
	if (!waiter)
		return;
	wb_lock(wb);
	b->detaching = true;
	b->entry.detached = true;
	b->entry.last_record = b->last_record;
	b->entry.sample_valid = false;
	waiter_add(wb, waiter, WAIT_SUPER, super_commit(wb, true));
	wb_unlock(wb);
}

static void give_up(struct wb *wb, struct wb_backing *b)
{
	struct waiter *waiter = waiter_alloc(drained, b);

	if (!waiter)
		return;
	wb_lock(wb);
	b->detaching = true;
	b->carried = false; /* not all of it, and it may come back */
	if (b->old_zeros > wb->ladder.durable) {
		wb->log.wanted = head_last(wb);
		head_seal(wb, false);
	}
	waiter->backing = b;
	waiter_add(wb, waiter, WAIT_UNUSED, 0);
	wb_unlock(wb);
}

static void detach_uncached(struct wb *wb, struct wb_backing *backing, wb_done_fn done, void *ctx)
{
	wb_lock(wb);
	backing_free(wb, backing);
	wb_unlock(wb);
	done(ctx, 0);
}

void wb_detach(struct wb *wb, struct wb_backing *backing, bool discard, wb_done_fn done, void *ctx)
{
	int err = 0;

	if (!backing->entry.id) {
		detach_uncached(wb, backing, done, ctx);
		return;
	}
	if (wb->read_only) {
		done(ctx, -EROFS);
		return;
	}
	wb_lock(wb);
	if (backing_gone(backing))
		err = -ENOENT;
	else if (backing->detach.done)
		err = -EALREADY;
	else
		backing->detach = (struct detach){.wb = wb, .done = done, .ctx = ctx};
	wb_unlock(wb);
	if (err)
		done(ctx, err);
	else if (discard)
		give_up(wb, backing);
	else
		wb_drain(wb, backing, drained, backing);
}

/* ---- another device for the same backing ---- */

void wb_suspend(struct wb *wb, struct wb_backing *b, wb_done_fn done, void *ctx)
{
	struct waiter *waiter = waiter_alloc(done, ctx);

	if (!waiter)
		return;
	wb_lock(wb);
	b->suspended = true;
	waiter->backing = b;
	waiter_add(wb, waiter, WAIT_NO_BATCH, 0);
	wb_unlock(wb);
}

void wb_resume(struct wb *wb, struct wb_backing *b, const char *path, const char *identity,
	       wb_done_fn done, void *ctx)
{
	wb_lock(wb);
	b->suspended = false;
	if (path) {
		snprintf(b->entry.path, sizeof(b->entry.path), "%s", path);
		snprintf(b->entry.identity, sizeof(b->entry.identity), "%s", identity);
		b->entry.sample_valid = false;
		backing_forgive(wb, b);
		if (!wb->stopping && !wb->read_only)
			super_commit(wb, true);
	}
	wb_kick(wb);
	wb_unlock(wb);
	if (path)
		wb_commit(wb, done, ctx);
	else
		done(ctx, 0);
}

/* ---- resize ---- */

/*
 * The last block has been padded with zeros in the log, which would hide what is behind the old
 * end. All of it that the log has is on the backing, so that has it.
 */
static int let_go_of_last_block(struct wb *wb, struct wb_backing *b)
{
	uint64_t last = backing_nr_blocks(b) - 1;
	uint32_t position = index_find(&wb->index, b->entry.id, last);

	if (b->entry.size % WB_BLOCK_SIZE == 0)
		return 0;
	/* A copier needs to know where the device ends. */
	if (b->nr_placed)
		return -EBUSY;
	/* It stays lost, all of it, until it is overwritten. */
	if (blocks_lookup(wb, b, last).kind == BLOCK_POISON)
		return 0;
	if (backing_pending(b) || !zeros_room(&wb->zeros, 1))
		return -EBUSY;
	if (position != INDEX_NONE)
		wb->index.entries[position].flags |= INDEX_DAMAGED;
	zeros_remove(&wb->zeros, b->entry.id, last, 1);
	return 0;
}

void wb_resize(struct wb *wb, struct wb_backing *b, wb_done_fn done, void *ctx)
{
	struct waiter *waiter = waiter_alloc(done, ctx);
	int err = 0;

	if (!waiter)
		return;
	wb_lock(wb);
	if (b->dev->size < b->entry.size)
		err = -EINVAL;
	else if (b->dev->size > LARGEST_BACKING)
		err = -EFBIG;
	else if (wb->read_only || wb->stopping)
		err = wb->read_only ? -EROFS : -ESHUTDOWN;
	else if (b->entry.id)
		err = let_go_of_last_block(wb, b);
	if (!err)
		b->entry.size = b->dev->size;
	waiter->err = err;
	if (err || !b->entry.id) {
		wb_answer(wb, &waiter->work);
	} else {
		b->entry.sample_valid = false;
		waiter_add(wb, waiter, WAIT_SUPER, super_commit(wb, true));
	}
	wb_unlock(wb);
}
