/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Recovery. Follows the chain of records from *migrated* on: the next record is right behind the
 * last one or at the start of the next segment, has the next number, and is not stale. Records
 * that were durable are believed by their headers (reads check the data); later ones must have
 * all their data, and the first that hasn't ends the log. The end of a request whose end is
 * missing is not applied. A break where records were durable is damage and not an end.
 */
#include "config.h"

#include "engine/recover.h"

#include <errno.h>
#include <stdlib.h>

#include "engine/ahead.h"
#include "engine/engine.h"
#include "engine/reason.h"
#include "engine/scan.h"

#define EXPECT_DEPTH 2u		   /* entries of a bucket; few have more */
#define EXPECT_AHEAD 8u		   /* blocks from one step of `expect` to the next */
#define LARGEST_START (1ull << 49) /* half of what format.c accepts */

/* An entry of a request whose end has not been seen yet. */
struct held_entry {
	struct record_entry entry;
	uint64_t segment, record;
	uint32_t block; /* of the record's header */
	uint32_t at;	/* its block of the segment, or for zeros the next one */
};

struct held_record {
	uint64_t segment, record;
	uint32_t block, end_block;
};

struct recovery {
	struct wb *wb;
	struct scan scan;
	struct ahead ahead;
	uint64_t began;		 /* ns */
	struct held_entry *held; /* [WRITE_RUNS * WB_RECORD_ENTRIES] */
	uint32_t nr_held;
	struct held_record held_records[WRITE_RUNS];
	uint32_t nr_held_records;
	/* the end of the chain: where the next record is looked for, and what it must be */
	uint64_t segment;
	uint32_t block;
	uint64_t next_record, generation;
	uint64_t last_generation; /* in any header that has been looked at */
	bool continued;		  /* the last record's request goes on */
	uint64_t first_segment;	  /* where the chain begins */
	/* the end of the last complete request */
	uint64_t end, end_segment;
	uint32_t end_block;
};

/* Who opens the cache is told, and may stop it. */
static int tell_progress(const struct recovery *r, uint64_t segment)
{
	uint64_t last = max_u64(r->scan.last_segment, segment);
	uint64_t len = layout_segment_len(&r->wb->layout);

	return wb_progress(r->wb, WB_PROGRESS_RECOVER, (segment - r->first_segment) * len,
			   (last - r->first_segment + 1) * len);
}

/* ---- applying what the chain holds ---- */

static bool names_a_backing(const struct held_entry *held, struct wb_backing *backing, uint64_t nr)
{
	return backing && held->entry.block + nr <= backing_nr_blocks(backing) &&
	       (!backing->entry.detached || held->record <= backing->entry.last_record);
}

static int too_many_zeros(struct wb *wb)
{
	wb_log(wb, WB_LOG_ERROR, "%s: recover: too many extents of zeros", wb->cache->path);
	return -EUCLEAN;
}

/* What the backing has already: it only replaces poison. */
static int apply_migrated(struct recovery *r, const struct held_entry *held, uint64_t nr)
{
	struct wb *wb = r->wb;
	const struct record_entry *e = &held->entry;

	if (!wb->has_poison || e->kind == WB_ENTRY_OLD_ZEROS)
		return 0;
	if (!zeros_room(&wb->zeros, 1))
		return too_many_zeros(wb);
	zeros_remove(&wb->zeros, e->backing, e->block, nr);
	return 0;
}

static int apply_extent(struct recovery *r, struct wb_backing *backing,
			const struct held_entry *held)
{
	struct wb *wb = r->wb;
	const struct record_entry *e = &held->entry;
	uint64_t home = layout_version(held->segment, held->at);

	if (!zeros_room(&wb->zeros, 1) || !zeros_log_room(&wb->zeros_log, 1))
		return too_many_zeros(wb);
	zeros_log_add(&wb->zeros_log, &(struct zeros_entry){
					      .home = home,
					      .record = held->record,
					      .block = e->block,
					      .nr_blocks = e->value,
					      .backing = e->backing,
					      .kind = e->kind,
				      });
	wb->has_poison |= e->kind == WB_ENTRY_POISON;
	if (e->kind == WB_ENTRY_OLD_ZEROS)
		return zeros_add_old(&wb->zeros, e->backing, e->block, e->value, home)
			       ? 0
			       : too_many_zeros(wb);
	blocks_publish_zeros(wb, backing, e->block, e->value, held->segment, held->at,
			     e->kind == WB_ENTRY_POISON);
	return 0;
}

static bool is_migrated(const struct wb_backing *backing, const struct held_entry *held)
{
	switch ((enum wb_entry_kind)held->entry.kind) {
	case WB_ENTRY_DATA:
	case WB_ENTRY_ZEROS:
		return held->record <= backing->entry.migrated;
	case WB_ENTRY_OLD_ZEROS:
		return held->record <= backing->entry.zeroed;
	case WB_ENTRY_POISON:
		break;
	}
	return false;
}

static int apply_entry(struct recovery *r, const struct held_entry *held)
{
	struct wb *wb = r->wb;
	const struct record_entry *e = &held->entry;
	struct wb_backing *backing = backing_by_id(wb, e->backing);
	uint64_t nr = e->kind == WB_ENTRY_DATA ? 1 : e->value;

	if (!names_a_backing(held, backing, nr)) {
		wb_log(wb, WB_LOG_ERROR,
		       "%s: recover: segment %llu: a record names a block that no backing has",
		       wb->cache->path, (unsigned long long)held->segment);
		return -EUCLEAN;
	}
	backing_uses(backing, &(struct mark){held->record, held->segment, held->block}, r->began);
	if (backing->entry.detached)
		return 0;
	if (is_migrated(backing, held))
		return apply_migrated(r, held, nr);
	if (e->kind != WB_ENTRY_DATA)
		return apply_extent(r, backing, held);
	blocks_publish(wb, backing, e->block, layout_position(&wb->layout, held->segment, held->at),
		       e->mask, e->value);
	return 0;
}

static void apply_record(struct recovery *r, const struct held_record *held, bool last)
{
	struct slot *slot = segment_slot(r->wb, held->segment);

	if (slot->segment != held->segment)
		*slot = (struct slot){.segment = held->segment, .first_record = held->record};
	slot->last_record = held->record;
	slot->end_block = held->end_block;
	if (last) {
		slot->end_record = held->record;
		slot->end_at = held->end_block;
	}
}

/*
 * Where the index has blocks that are to be applied later is fetched from memory meanwhile, step by
 * step: that takes longer than all the rest, and most of the time that recovery takes.
 */
static void expect(struct recovery *r, uint32_t i)
{
	const struct index *index = &r->wb->index;
	const struct held_entry *held = r->held;

	for (unsigned int depth = EXPECT_DEPTH; depth-- > 0;) {
		i += EXPECT_AHEAD;
		if (i < r->nr_held)
			index_expect_entry(index, held[i].entry.backing, held[i].entry.block,
					   depth);
	}
	i += EXPECT_AHEAD;
	if (i < r->nr_held)
		index_expect(index, held[i].entry.backing, held[i].entry.block);
}

/* The last of the held records ends a request: all of them count. */
static int apply_held(struct recovery *r)
{
	int err = 0;

	for (uint32_t i = 0; i < r->nr_held_records; i++)
		apply_record(r, &r->held_records[i], i + 1 == r->nr_held_records);
	for (uint32_t i = 0; !err && i < r->nr_held; i++) {
		expect(r, i);
		err = apply_entry(r, &r->held[i]);
	}
	r->nr_held = r->nr_held_records = 0;
	r->end = r->next_record - 1;
	r->end_segment = r->segment;
	r->end_block = r->block;
	return err;
}

static void hold_record(struct recovery *r, const struct wb_record_disk *disk,
			const struct record_header *header)
{
	uint32_t at = header->block + 1;

	r->held_records[r->nr_held_records++] = (struct held_record){
		.segment = header->segment,
		.record = header->record,
		.block = header->block,
		.end_block = at + header->nr_blocks,
	};
	for (unsigned int i = 0; i < header->nr_entries; i++) {
		struct record_entry e = record_entry(disk, i);

		r->held[r->nr_held++] = (struct held_entry){e, header->segment, header->record,
							    header->block, at};
		at += e.kind == WB_ENTRY_DATA;
	}
}

/* ---- following the chain ---- */

static bool data_is_good(struct recovery *r, const uint8_t *memory,
			 const struct record_header *header)
{
	const struct wb_record_disk *disk = (const void *)(memory +
							   (size_t)header->block * WB_BLOCK_SIZE);
	const uint8_t *data = (const uint8_t *)disk + WB_BLOCK_SIZE;

	for (unsigned int i = 0; i < header->nr_entries; i++) {
		struct record_entry e = record_entry(disk, i);

		if (e.kind != WB_ENTRY_DATA)
			continue;
		if (format_block_checksum(r->wb->seed, e.backing, e.block, data) != e.value)
			return false;
		data += WB_BLOCK_SIZE;
	}
	return true;
}

/* Whether the next record of the chain is at this block of a segment; it is held then. */
static bool accept(struct recovery *r, const uint8_t *memory, uint64_t segment, uint32_t block)
{
	const struct wb_record_disk *disk;
	struct record_header header;

	if (block + 2 > r->wb->layout.segment_blocks)
		return false;
	disk = (const void *)(memory + (size_t)block * WB_BLOCK_SIZE);
	if (record_decode(disk, r->wb->uuid, r->wb->layout.segment_blocks, &header) ||
	    header.segment != segment || header.block != block || header.record != r->next_record ||
	    header.generation < r->generation ||
	    scan_is_stale(&r->scan, header.generation, header.record))
		return false;
	if (header.record > r->scan.durable && !data_is_good(r, memory, &header))
		return false;
	if (r->nr_held_records == WRITE_RUNS)
		return false;
	hold_record(r, disk, &header);
	r->segment = segment;
	r->block = block + 1 + header.nr_blocks;
	r->generation = header.generation;
	r->last_generation = max_u64(r->last_generation, header.generation);
	r->continued = header.continued;
	r->next_record++;
	return true;
}

/* Take the next record: 1, or 0 at the end of the chain. */
static int next(struct recovery *r, const uint8_t **memory)
{
	int err;

	if (*memory && accept(r, *memory, r->segment, r->block))
		return 1;
	err = tell_progress(r, r->segment + 1);
	if (!err)
		err = ahead_load(&r->ahead, r->segment + 1, memory);
	if (err || !*memory)
		return err;
	return accept(r, *memory, r->segment + 1, 0);
}

static int follow_chain(struct recovery *r)
{
	const uint8_t *memory;
	int found = 1, err;

	ahead_start(&r->ahead, r->wb, &r->scan, r->segment);
	err = ahead_load(&r->ahead, r->segment, &memory);
	while (!err && found) {
		found = next(r, &memory);
		if (found < 0)
			err = found;
		else if (found && !r->continued)
			err = apply_held(r);
	}
	ahead_stop(&r->ahead);
	return err;
}

/* Also if the newer superblock can't be read: nothing is reused before both say that it may be. */
static void find_start(struct recovery *r)
{
	const struct super *super = &r->wb->super.super;

	r->segment = r->first_segment = super->tail_segment;
	r->block = super->tail_block;
	r->next_record = super->migrated + 1;
	r->end = super->migrated;
	r->end_segment = r->segment;
	r->end_block = r->block;
}

static void set_ladder(struct recovery *r)
{
	struct wb *wb = r->wb;

	wb->generation = r->last_generation;
	wb->log.written = wb->log.logged_end = r->end;
	wb->log.next_write = r->end + 1;
	wb->log.durable_segment = r->end_segment;
	wb->log.durable_block = r->end_block;
	wb->super.durable = wb->super.super.durable;
	wb->ladder.sealed = wb->ladder.logged = wb->ladder.durable = r->end;
	list_for_each(node, tmp, &wb->backings) {
		struct wb_backing *b = container_of(node, struct wb_backing, link);

		/* It has all that the log has nothing of. */
		if (!backing_pending(b))
			b->entry.migrated = b->entry.batch_end = r->end;
		else if (wb->super.alone)
			b->entry.batch_end = r->end; /* the other one may have announced more */
	}
	head_start(wb, r->end + 1, r->end_block ? r->end_segment + 1 : r->end_segment);
}

static int look_into(struct recovery *r, uint64_t segment)
{
	struct wb *wb = r->wb;
	uint8_t *memory = wb->segments.buffers[0].memory;
	uint64_t off = layout_offset(layout_position(&wb->layout, segment, 0));
	int err = bdev_read(wb->cache, off, memory, layout_segment_len(&wb->layout));

	if (err) {
		wb_log(wb, WB_LOG_ERROR, "%s: recover: read segment at byte %llu: %s",
		       wb->cache->path, (unsigned long long)off, reason(err));
		return err;
	}
	for (uint32_t block = 0; block < wb->layout.segment_blocks; block++) {
		struct record_header header;

		if (record_decode((void *)(memory + (size_t)block * WB_BLOCK_SIZE), wb->uuid,
				  wb->layout.segment_blocks, &header) ||
		    header.segment != segment || header.block != block)
			continue;
		r->last_generation = max_u64(r->last_generation, header.generation);
		if (header.record >= r->next_record &&
		    !scan_is_stale(&r->scan, header.generation, header.record))
			r->scan.durable = max_u64(r->scan.durable, header.durable);
	}
	return 0;
}

/*
 * What records behind the end of the chain vouch for: only the first header of each segment has
 * been seen so far, and those may be old ones: the power may have gone after later records of the
 * slot, and before the first. Damage hides those behind it in its segment and may hide the next
 * one; the proof may be further away, as many segments can become durable at once: as many as there
 * are buffers behind the last one that is known. Generations seen here are used up: their records
 * must not look like those that will be written behind this end.
 */
static int look_behind(struct recovery *r)
{
	const struct wb *wb = r->wb;
	uint64_t first = r->segment;
	uint64_t last = max_u64(r->scan.last_segment, first + 1) + wb->segments.nr_buffers;
	int err = 0;

	last = min_u64(last, first + wb->layout.nr_segments - 1);
	for (uint64_t s = first; !err && s <= last; s++) {
		if (s > first + 1 && r->scan.durable >= r->next_record)
			break;
		err = look_into(r, s);
	}
	return err;
}

/*
 * Where a record's data is damaged the chain ends. If records behind it vouch for it, it goes on
 * there: only the damaged blocks are lost, which reads will find out.
 */
static int follow_all(struct recovery *r)
{
	uint64_t durable;
	int err;

	do {
		durable = r->scan.durable;
		err = follow_chain(r);
		/* A clean superblock says it all. */
		if (!err && !r->wb->was_clean)
			err = look_behind(r);
	} while (!err && r->scan.durable > durable && r->scan.durable >= r->next_record);
	return err;
}

/* No backing has what is not in the log any more: numbers will be used again. */
static void give_up_behind(struct recovery *r)
{
	list_for_each(node, tmp, &r->wb->backings) {
		struct table_entry *e = &container_of(node, struct wb_backing, link)->entry;

		e->migrated = min_u64(e->migrated, r->end);
		e->batch_end = min_u64(e->batch_end, r->end);
		e->zeroed = min_u64(e->zeroed, r->end);
	}
}

/* The chain has ended: is that the end of the log, or is it broken? */
static int judge_end(struct recovery *r)
{
	struct wb *wb = r->wb;

	if (r->end >= r->scan.durable)
		return 0;
	wb_log(wb, WB_LOG_ERROR,
	       "%s: recover: record %llu (segment %llu, byte %llu) is damaged; it and all up to "
	       "record %llu at least were durable",
	       wb->cache->path, (unsigned long long)r->next_record, (unsigned long long)r->segment,
	       (unsigned long long)layout_offset(
		       layout_position(&wb->layout, r->segment, r->block)),
	       (unsigned long long)r->scan.durable);
	if (!wb->recover_truncate) {
		wb_log(wb, WB_LOG_ERROR,
		       "hint: -o recover=truncate gives up what lies behind the damage");
		return -EUCLEAN;
	}
	give_up_behind(r);
	wb_log(wb, WB_LOG_WARNING, "%s: recover: giving up records from %llu on, as asked",
	       wb->cache->path, (unsigned long long)r->end + 1);
	return 0;
}

/* What is written from now on has to stay within the numbers that format.c accepts. */
static int check_numbers(const struct recovery *r)
{
	if (r->last_generation < LARGEST_START && r->end < LARGEST_START &&
	    r->end_segment < LARGEST_START && r->wb->super.super.sequence < LARGEST_START)
		return 0;
	wb_log(r->wb, WB_LOG_ERROR,
	       "%s: recover: impossible sequence, generation, segment or record numbers",
	       r->wb->cache->path);
	return -EUCLEAN;
}

static int run(struct recovery *r)
{
	struct wb *wb = r->wb;
	int err = scan_slots(wb, &r->scan);

	if (err)
		return err;
	find_start(r);
	wb->ladder.open = r->next_record;
	wb->ladder.migrated = wb->ladder.migrated_on_disk = r->end;
	wb->super.migrated_on_newest = r->end;
	wb->tail.segment = r->segment;
	wb->tail.block = r->block;
	wb->segments.oldest = r->segment;
	r->last_generation = r->scan.last_generation;
	err = follow_all(r);
	if (!err)
		err = judge_end(r);
	if (!err)
		err = check_numbers(r);
	if (!err)
		set_ladder(r);
	return err;
}

int recover(struct wb *wb)
{
	struct recovery *r = calloc(1, sizeof(*r));
	int err = -ENOMEM;

	if (!r)
		return err;
	r->wb = wb;
	r->began = wb_now(wb);
	r->held = calloc(WRITE_RUNS * WB_RECORD_ENTRIES, sizeof(*r->held));
	if (r->held)
		err = bdev_flush(wb->cache);
	if (err)
		wb_log(wb, WB_LOG_ERROR, "%s: recover: flush: %s", wb->cache->path, reason(err));
	else
		err = run(r);
	scan_fini(&r->scan);
	free(r->held);
	free(r);
	return err;
}
