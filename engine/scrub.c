/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checking a cache: both superblocks, and every record that recovery has found, with its data.
 * Recovery believes records that were durable by their headers; here all is read. Runs in one
 * thread between wb_open and wb_close, so the segment buffers are free. Writes nothing.
 */
#include "config.h"

#include <errno.h>

#include "engine/engine.h"

#define LONGEST_POISON 4096u /* blocks in an extent that are looked at one by one */

struct scrubber {
	struct wb *wb;
	struct wb_scrub *scrub;
	struct bdev_io io[2]; /* the segment that is looked at, and the next one */
	uint64_t record;      /* the next one */
	uint64_t segment;
	const uint8_t *memory;		      /* of the segment */
	int block_err[WB_MAX_SEGMENT_BLOCKS]; /* of reading each of its blocks */
};

static uint64_t offset_of(const struct scrubber *s, uint32_t block)
{
	return layout_offset(layout_position(&s->wb->layout, s->segment, block));
}

static void tell(struct scrubber *s, struct wb_damage damage)
{
	s->scrub->nr_damaged++;
	if (damage.lost)
		s->scrub->nr_lost += damage.nr_blocks;
	if (damage.err != -EUCLEAN && !s->scrub->err)
		s->scrub->err = damage.err;
	s->scrub->damage(s->scrub->ctx, &damage);
}

/* ---- superblocks ---- */

static int check_supers(struct scrubber *s)
{
	struct wb *wb = s->wb;
	uint8_t *memory = wb->env.alloc(wb->env.ctx, WB_SUPER_AREA, WB_MEMORY_SPARSE);

	if (!memory)
		return -ENOMEM;
	for (unsigned int i = 0; i < WB_NR_SUPERS; i++) {
		struct super_copy copy;

		super_read_copy(wb->cache, i, memory, &copy);
		if (!copy.err)
			continue;
		s->scrub->bad_super = true;
		tell(s, (struct wb_damage){.off = (uint64_t)i * WB_SUPER_AREA,
					   .what = copy.why,
					   .err = copy.err == -EMEDIUMTYPE ? -EUCLEAN : copy.err});
	}
	wb->env.free(wb->env.ctx, memory, WB_SUPER_AREA);
	return 0;
}

/* ---- reading segments, one ahead ---- */

static void submit(struct scrubber *s, uint64_t segment)
{
	struct wb *wb = s->wb;
	struct bdev_io *io = &s->io[segment % 2];

	bdev_io_init(io, BDEV_READ, layout_offset(layout_position(&wb->layout, segment, 0)),
		     wb->segments.buffers[segment % 2].memory, layout_segment_len(&wb->layout));
	bdev_submit(wb->cache, io);
}

/* Wait for a segment. If it can't be read as a whole, find out which blocks can. */
static void load(struct scrubber *s, uint64_t segment)
{
	struct wb *wb = s->wb;
	struct bdev_io *io = &s->io[segment % 2];
	uint8_t *memory = wb->segments.buffers[segment % 2].memory;

	wb->cache->ops->wait(wb->cache, io);
	s->segment = segment;
	s->memory = memory;
	for (uint32_t i = 0; i < wb->layout.segment_blocks; i++)
		s->block_err[i] = io->err ? bdev_read(wb->cache, offset_of(s, i),
						      memory + (size_t)i * WB_BLOCK_SIZE,
						      WB_BLOCK_SIZE)
					  : 0;
}

/* The record that is at a block of the segment, if it is one of ours that belongs there. */
static bool header_at(const struct scrubber *s, uint32_t block, struct record_header *header)
{
	const struct wb *wb = s->wb;

	if (block + 2 > wb->layout.segment_blocks || s->block_err[block])
		return false;
	return !record_decode((const void *)(s->memory + (size_t)block * WB_BLOCK_SIZE), wb->uuid,
			      wb->layout.segment_blocks, header) &&
	       header->segment == s->segment && header->block == block &&
	       header->record == s->record;
}

/* ---- records ---- */

/* Whether reads of a block would be answered with what is at a place of the log. */
static bool is_needed(struct scrubber *s, const struct wb_backing *backing,
		      const struct record_entry *e, uint32_t at)
{
	struct wb *wb = s->wb;
	struct block_state state;

	if (!backing || backing_gone(backing) || s->record <= backing->entry.migrated)
		return false;
	wb_lock(wb);
	state = blocks_lookup(wb, backing, e->block);
	wb_unlock(wb);
	return state.kind == BLOCK_CACHED &&
	       state.position == layout_position(&wb->layout, s->segment, at);
}

static void check_data(struct scrubber *s, const struct record_entry *e, uint32_t at)
{
	struct wb *wb = s->wb;
	const struct wb_backing *backing = backing_by_id(wb, e->backing);
	bool needed = is_needed(s, backing, e, at);
	int err = s->block_err[at];

	s->scrub->nr_blocks++;
	s->scrub->nr_needless += !needed;
	if (!err && format_block_checksum(wb->seed, e->backing, e->block,
					  s->memory + (size_t)at * WB_BLOCK_SIZE) == e->value)
		return;
	tell(s,
	     (struct wb_damage){.segment = s->segment,
				.slot = layout_slot(&wb->layout, s->segment),
				.off = offset_of(s, at),
				.what = err ? "can't be read" : "checksum mismatch",
				.backing = backing && !backing_gone(backing) ? backing->entry.name
									     : NULL,
				.block = e->block,
				.nr_blocks = 1,
				.lost = needed,
				.err = err ? err : -EUCLEAN});
}

static void check_record(struct scrubber *s, const struct record_header *header)
{
	const struct wb_record_disk *disk = (const void *)(s->memory +
							   (size_t)header->block * WB_BLOCK_SIZE);
	uint32_t at = header->block + 1;

	s->scrub->nr_records++;
	for (unsigned int i = 0; i < header->nr_entries; i++) {
		struct record_entry e = record_entry(disk, i);

		if (e.kind == WB_ENTRY_DATA)
			check_data(s, &e, at++);
	}
}

/* Recovery has read this header a moment ago. */
static void tell_of_header(struct scrubber *s, uint32_t block)
{
	int err = block < s->wb->layout.segment_blocks ? s->block_err[block] : 0;

	tell(s, (struct wb_damage){.segment = s->segment,
				   .slot = layout_slot(&s->wb->layout, s->segment),
				   .off = offset_of(s, block),
				   .what = err ? "can't be read" : "header of a record is gone",
				   .err = err ? err : -EUCLEAN});
}

static void check_segment(struct scrubber *s)
{
	struct wb *wb = s->wb;
	const struct slot *slot = segment_slot(wb, s->segment);
	uint32_t block = s->segment == wb->tail.segment ? wb->tail.block : 0;
	struct record_header header;

	if (slot->segment != s->segment)
		return; /* the tail is behind all that is in it */
	s->scrub->nr_segments++;
	while (s->record <= slot->last_record) {
		if (!header_at(s, block, &header)) {
			tell_of_header(s, block);
			s->record = slot->last_record + 1;
			return;
		}
		check_record(s, &header);
		block += 1u + header.nr_blocks;
		s->record++;
	}
}

static int check_log(struct scrubber *s)
{
	struct wb *wb = s->wb;
	uint64_t last = wb->log.durable_segment;
	int err = 0;

	s->record = wb->ladder.migrated + 1;
	if (wb->ladder.durable < s->record)
		return 0;
	submit(s, wb->tail.segment);
	for (uint64_t segment = wb->tail.segment; segment <= last; segment++) {
		load(s, segment);
		if (!s->scrub->progress(s->scrub->ctx,
					(last - segment) * layout_segment_len(&wb->layout)))
			err = -EINTR;
		if (err)
			break;
		if (segment < last)
			submit(s, segment + 1);
		check_segment(s);
	}
	return err;
}

/* ---- what is not there as it was written ---- */

/* How many blocks of an extent of poison nothing newer hides. Nobody logs extents that long. */
static uint64_t still_lost(struct scrubber *s, const struct wb_backing *backing,
			   const struct zeros_extent *z)
{
	uint64_t block = z->first - zeros_key(backing->entry.id, 0), nr = 0;

	if (z->end - z->first > LONGEST_POISON)
		return z->end - z->first;
	wb_lock(s->wb);
	for (uint64_t key = z->first; key < z->end; key++, block++)
		nr += blocks_lookup(s->wb, backing, block).kind == BLOCK_POISON;
	wb_unlock(s->wb);
	return nr;
}

/* Blocks whose contents were found to be lost while the cache was in use. */
static void tell_of_poison(struct scrubber *s)
{
	struct wb *wb = s->wb;

	for (uint32_t i = 0; i < wb->zeros.nr; i++) {
		const struct zeros_extent *z = &wb->zeros.extents[i];
		const struct wb_backing *backing = backing_by_id(wb, (uint8_t)(z->first >> 40));
		uint64_t segment = layout_version_segment(z->home);
		uint64_t nr = z->poison && backing ? still_lost(s, backing, z) : 0;

		if (!nr)
			continue;
		s->scrub->nr_lost += nr;
		s->scrub->damage(s->scrub->ctx,
				 &(struct wb_damage){
					 .segment = segment,
					 .slot = layout_slot(&wb->layout, segment),
					 .off = layout_offset(
						 layout_position(&wb->layout, segment, 0)),
					 .what = "was found to be lost earlier",
					 .backing = backing->entry.name,
					 .block = z->first - zeros_key(backing->entry.id, 0),
					 .nr_blocks = nr,
					 .lost = true,
					 .err = -EUCLEAN,
				 });
	}
}

/* Behind the end: a request of the last life that is not there as a whole. */
static void find_torn(struct scrubber *s)
{
	struct wb *wb = s->wb;
	uint64_t segment = wb->log.durable_segment;
	uint32_t block = wb->log.durable_block;
	struct record_header header;

	if (wb->was_clean)
		return;
	s->record = wb->ladder.durable + 1;
	submit(s, segment);
	load(s, segment);
	for (unsigned int moved = 0; s->scrub->nr_torn_records < WRITE_RUNS;) {
		if (header_at(s, block, &header) && header.generation == wb->generation) {
			if (!s->scrub->nr_torn_records++) {
				s->scrub->torn_segment = s->segment;
				s->scrub->torn_off = offset_of(s, block);
			}
			block += 1u + header.nr_blocks;
			s->record++;
			moved = 0;
			continue;
		}
		if (moved++)
			return;
		submit(s, s->segment + 1);
		load(s, s->segment + 1);
		block = 0;
	}
}

int wb_scrub(struct wb *wb, struct wb_scrub *scrub)
{
	struct scrubber s = {.wb = wb, .scrub = scrub};
	int err = check_supers(&s);

	scrub->first_record = wb->ladder.migrated + 1;
	scrub->last_record = wb->ladder.durable;
	scrub->first_segment = wb->tail.segment;
	scrub->last_segment = wb->log.durable_segment;
	if (!err)
		err = check_log(&s);
	if (!err) {
		tell_of_poison(&s);
		find_torn(&s);
	}
	return err;
}
