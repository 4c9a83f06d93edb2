/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes and zeroing. A request is cut into units that go into the log whole or not at all (nearly
 * always there is one), and a unit goes through
 *
 *	BLOCKED   while an earlier unit overlaps and one of the two covers a block in part: the later
 *	          one has to see the earlier one's data
 *	FETCHING  the old log copy of blocks that it covers in part, so that the new copy has all
 *	          that the old one had; where it cuts through a sector, the backing's data too
 *	SPACE     until there is room in the log for all of it
 *	COPYING   it has its places; data is copied and checksummed without the mutex
 *
 * and is then published: from one moment to the next all of it is seen by readers. It is
 * acknowledged then, or already before the data is copied, because nothing can go wrong any more;
 * whoever reads one of its blocks waits until it is published. The log's order is that of placing;
 * a block published late loses against a newer one. Units that a thread was given together are
 * placed, copied and published together, a few at a time, so that the mutex and what it protects go
 * from one CPU to another once for all of them.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/unit.h"

#define MAX_ZEROS (1ull << 31) /* blocks in a single extent */
#define PUBLISHED_TOGETHER 16u /* entries, from which on no unit is added */

static void begin_unit(struct wb *wb, struct request *r);

static uint64_t unit_end(struct wb *wb, struct request *r)
{
	struct wb_io *io = io_of(r);
	uint64_t end = io->off + io->len;
	uint32_t most = head_max_blocks(wb);

	if (!r->zero)
		return min_u64(end, (unit_first(r) + most) * WB_BLOCK_SIZE);
	end = min_u64(end, (unit_first(r) + MAX_ZEROS) * WB_BLOCK_SIZE);
	if (most >= 2)
		return end;
	/* A tiny log takes the two edges and the middle one by one. */
	if (r->off % WB_BLOCK_SIZE)
		return min_u64(end, (unit_first(r) + 1) * WB_BLOCK_SIZE);
	if (end - r->off > WB_BLOCK_SIZE && end != io->backing->entry.size)
		return round_down_u64(end, WB_BLOCK_SIZE);
	return end;
}

static void leave(struct wb *wb, struct request *r)
{
	list_del(&r->link);
	if (r->partial)
		wb->nr_partial--;
	if (wb->nr_blocked || wb->stopping || !list_empty(&wb->reads))
		wb_kick(wb);
}

static void finish(struct wb *wb, struct request *r, int err)
{
	if (!err)
		histogram_add(&wb->figures.write_ns, r->early ? r->took : wb_now(wb) - r->began);
	request_answer(wb, r, err);
}

/* ---- copying and publishing ---- */

static void copy_block(struct request *r, uint64_t block, uint8_t *to)
{
	const uint8_t *from = unit_edge_page(r, block != unit_first(r));
	struct wb_io *io = io_of(r);
	size_t len = WB_BLOCK_SIZE;

	if (unit_covers(r, block)) {
		len = backing_block_end(io->backing, block) - block * WB_BLOCK_SIZE;
		from = (const uint8_t *)io->buf + (block * WB_BLOCK_SIZE - io->off);
	}
	memcpy(to, from, len);
	if (len < WB_BLOCK_SIZE)
		memset(to + len, 0, WB_BLOCK_SIZE - len);
}

static void copy_run(struct request *r, const struct head_run *run)
{
	struct wb *wb = r->wb;
	struct wb_record_disk *header = run->record->header;
	uint8_t *to = (uint8_t *)header + (size_t)(run->block - run->record->block) * WB_BLOCK_SIZE;

	for (uint32_t i = 0; i < run->nr; i++, to += WB_BLOCK_SIZE) {
		struct wb_entry_disk *disk = &header->entries[run->entry + i];
		struct record_entry entry = record_entry(header, run->entry + i);

		index_expect(&wb->index, entry.backing, entry.block);
		copy_block(r, entry.block, to);
		disk->value = le32_put(
			format_block_checksum(wb->seed, entry.backing, entry.block, to));
	}
}

static void count_write(struct wb *wb, struct wb_backing *backing, const struct record_entry *entry)
{
	struct block_state old = blocks_lookup(wb, backing, entry->block);
	unsigned int which = WB_STAT_WRITE | (entry->mask == 0xff ? WB_STAT_FULLSIZE : 0);

	if (old.kind == BLOCK_CACHED) {
		which |= WB_STAT_HIT;
		if (segment_slot_at(wb, old.position)->buffer)
			which |= WB_STAT_ON_BUFFER;
	}
	wb->figures.stat[which]++;
}

static void publish_run(struct wb *wb, struct request *r, const struct head_run *run)
{
	struct wb_backing *backing = io_of(r)->backing;
	struct wb_record_disk *header = run->record->header;
	uint32_t position = layout_position(&wb->layout, run->record->segment, run->block);

	for (uint32_t i = 0; i < run->nr; i++) {
		struct record_entry entry = record_entry(header, run->entry + i);

		count_write(wb, backing, &entry);
		blocks_publish(wb, backing, entry.block, position + i, entry.mask, entry.value);
	}
	if (!run->nr) {
		struct record_entry entry = record_entry(header, run->entry);

		blocks_publish_zeros(wb, backing, entry.block, entry.value, run->record->segment,
				     run->block, false);
	}
}

/* Each record counts a request once, however many runs it has there. */
static void let_go(struct wb *wb, struct request *r)
{
	for (unsigned int i = 0; i < r->nr_runs; i++)
		if (!i || r->runs[i].record != r->runs[i - 1].record)
			head_copied(wb, r->runs[i].record);
}

static void acknowledge(struct wb *wb, struct request *r)
{
	uint64_t last = r->runs[r->nr_runs - 1].record->number;
	struct wb_io *io = io_of(r);

	if (!(io->flags & WB_IO_DSYNC)) {
		finish(wb, r, 0);
		return;
	}
	wb->figures.nr_syncs++;
	waiter_add(wb, &r->waiter, WAIT_DURABLE, last);
}

static void publish(struct wb *wb, struct request *r)
{
	struct wb_io *io = io_of(r);

	for (unsigned int i = 0; i < r->nr_runs; i++)
		publish_run(wb, r, &r->runs[i]);
	wb->nr_zeroing -= r->zero;
	if (r->early)
		list_del(&r->early_link);
	io->backing->nr_placed -= unit_entries(r);
	if (io->backing->detach.done)
		wb_kick(wb);
	leave(wb, r);
	if (r->end == io->off + io->len)
		acknowledge(wb, r);
	let_go(wb, r);
	if (r->end != io->off + io->len) {
		r->off = r->end;
		begin_unit(wb, r);
	}
}

/* The units that this thread has copied and not yet published, and the work that will do so. */
static _Thread_local struct {
	struct work work;
	struct request *first, **last;
	uint32_t nr_entries;
} copied;

static void publish_copied(struct work *work)
{
	struct wb *wb = copied.first->wb;

	(void)work;
	wb_lock(wb);
	while (copied.first) {
		struct request *r = copied.first;

		copied.first = r->next_copied;
		publish(wb, r);
	}
	wb_unlock(wb);
}

static void copy_unit(struct work *work);

static bool copies_next(const struct wb *wb)
{
	const struct work *next = wb_next_due();

	return next && next->fn == copy_unit && container_of(next, struct request, work)->wb == wb;
}

static void copy_unit(struct work *work)
{
	struct request *r = container_of(work, struct request, work);

	if (r->early) {
		r->took = wb_now(r->wb) - r->began;
		io_of(r)->acknowledged(io_of(r));
	}
	for (unsigned int i = 0; i < r->nr_runs; i++)
		copy_run(r, &r->runs[i]);
	if (!copied.first) {
		copied.last = &copied.first;
		copied.nr_entries = 0;
	}
	r->next_copied = NULL;
	*copied.last = r;
	copied.last = &r->next_copied;
	copied.nr_entries += unit_entries(r);
	/* Who reads what is acknowledged already waits for nothing else that this thread has to do. */
	if (copied.nr_entries < PUBLISHED_TOGETHER && copies_next(r->wb))
		return;
	copied.work.fn = publish_copied;
	wb_call_next(&copied.work);
}

/* ---- placing ---- */

static void add_to_runs(struct request *r, struct record *record, uint32_t block, bool data)
{
	struct head_run *run = r->nr_runs ? &r->runs[r->nr_runs - 1] : NULL;

	if (run && data && run->nr && run->record == record) {
		run->nr++;
		return;
	}
	assert(r->nr_runs < WRITE_RUNS);
	r->runs[r->nr_runs++] = (struct head_run){
		.record = record,
		.block = block,
		.nr = data,
		.entry = record->nr_entries - 1u,
	};
}

static void place(struct wb *wb, struct request *r)
{
	struct wb_backing *backing = io_of(r)->backing;
	uint64_t first = unit_first(r), last = unit_last(r);
	struct record *record = NULL;
	bool started = false;

	r->nr_runs = 0;
	wb->space_changes++;
	head_begin(wb, unit_blocks(r));
	wb->nr_zeroing += r->zero;
	backing->nr_placed += unit_entries(r);
	for (uint64_t block = first; block <= last; block++) {
		bool whole = unit_covers(r, block);
		bool zeros = r->zero && whole;
		struct record_entry entry = {
			.backing = backing->entry.id,
			.block = block,
			.kind = zeros ? WB_ENTRY_ZEROS : WB_ENTRY_DATA,
			.mask = whole ? 0xff : r->edge_mask[block != first],
		};
		uint32_t at;

		if (zeros) {
			entry.value = (uint32_t)(last - block + unit_covers(r, last));
			block += entry.value - 1;
		}
		record = head_place(wb, &entry, &started, record, &at);
		add_to_runs(r, record, at, !zeros);
	}
	if (wb->head.open && wb->head.cursor == wb->layout.segment_blocks)
		head_seal(wb, false);
}

/* All of the request has its place: nothing can keep it from being seen. */
static void acknowledge_early(struct wb *wb, struct request *r)
{
	struct wb_io *io = io_of(r);

	if (r->zero || !io->acknowledged || io->flags & WB_IO_DSYNC || r->end != io->off + io->len)
		return;
	r->early = true;
	r->nr_early = wb->nr_early++;
	list_add_tail(&wb->early, &r->early_link);
}

static bool room(struct wb *wb, struct request *r)
{
	/* Nothing of a backing may be in the log before the table knows it. */
	if (io_of(r)->backing->attached > wb->super.done)
		return false;
	if (r->zero && !blocks_extent_room(wb, EXTENT_REQUEST)) {
		segments_forget_migrated(wb);
		if (!blocks_extent_room(wb, EXTENT_REQUEST))
			return false;
	}
	return head_room(wb, unit_blocks(r), head_reserve(wb));
}

static int refusal(const struct wb *wb)
{
	if (wb->failed)
		return -EIO;
	if (wb->stopping)
		return -ESHUTDOWN;
	return 0;
}

/* Place the unit if there is room. False: there is none. */
static bool try_place(struct wb *wb, struct request *r)
{
	bool over_limit = backing_over_limit(wb, io_of(r)->backing, unit_blocks(r), r->zero);
	bool is_room = !over_limit && space_may_place(wb) && room(wb, r);
	int err = refusal(wb);

	io_of(r)->backing->over_limit = over_limit;
	if (over_limit) {
		wb->log.wanted = head_last(wb);
		head_seal(wb, false);
	}
	if (!err && over_limit && wb->knobs[WB_KNOB_ON_FULL] && backing_held(wb, io_of(r)->backing))
		err = -ENOSPC;
	if (!err && !is_room)
		return false;
	if (err) {
		leave(wb, r);
		finish(wb, r, err);
		return true;
	}
	place(wb, r);
	acknowledge_early(wb, r);
	space_placed(wb, unit_blocks(r));
	r->state = REQUEST_COPYING;
	r->work.fn = copy_unit;
	wb_defer(wb, &r->work);
	return true;
}

static void want_space(struct wb *wb, struct request *r)
{
	/* Nobody overtakes those who wait already: a large request would wait for ever. */
	if (!wb->segments.wanted && !wb->pace.waiting && try_place(wb, r))
		return;
	r->state = REQUEST_SPACE;
	wb->nr_blocked++;
	if (space_may_place(wb))
		wb->segments.wanted = true;
	else
		wb->pace.waiting = true;
	wb->figures.nr_waits_for_space++;
	wb_kick(wb);
}

/* ---- edges: blocks covered in part ---- */

static void fetch_edge(struct request *r);

static void overlay_edge(struct request *r, uint64_t block, uint8_t *page)
{
	struct wb_io *io = io_of(r);
	uint64_t from = max_u64(r->off, block * WB_BLOCK_SIZE);
	uint64_t to = min_u64(r->end, (block + 1) * WB_BLOCK_SIZE);
	uint8_t *at = page + from % WB_BLOCK_SIZE;
	uint8_t mask = r->fetch.log_only ? r->fetch.mask : 0xff;

	if (r->zero)
		memset(at, 0, to - from);
	else
		memcpy(at, (const uint8_t *)io->buf + (from - io->off), to - from);
	for (uint64_t off = from; off < to; off += WB_SECTOR_SIZE)
		mask |= (uint8_t)(1u << (off % WB_BLOCK_SIZE / WB_SECTOR_SIZE));
	r->edge_mask[r->edge] = mask;
}

static void edge_fetched(struct fetch *fetch, int err)
{
	struct request *r = container_of(fetch, struct request, fetch);
	struct wb *wb = r->wb;

	if (err) {
		wb_lock(wb);
		leave(wb, r);
		finish(wb, r, -EIO);
		wb_unlock(wb);
		return;
	}
	overlay_edge(r, r->edge ? unit_last(r) : unit_first(r), unit_edge_page(r, r->edge));
	if (!r->edge && unit_last(r) != unit_first(r) && !unit_covers(r, unit_last(r))) {
		r->edge = 1;
		fetch_edge(r);
		return;
	}
	wb_lock(wb);
	want_space(wb, r);
	wb_unlock(wb);
}

static void fetch_edge(struct request *r)
{
	struct fetch *f = &r->fetch;
	uint64_t block = r->edge ? unit_last(r) : unit_first(r);
	uint64_t from = max_u64(r->off, block * WB_BLOCK_SIZE);
	uint64_t to = min_u64(r->end, (block + 1) * WB_BLOCK_SIZE);

	f->wb = r->wb;
	f->backing = io_of(r)->backing;
	f->block = block;
	f->end = block + 1;
	f->to = unit_edge_page(r, r->edge);
	f->scratch = unit_edge_page(r, 2);
	f->log_only = from % WB_SECTOR_SIZE == 0 && to % WB_SECTOR_SIZE == 0;
	f->count = false;
	f->done = edge_fetched;
	memset(f->to, 0, WB_BLOCK_SIZE);
	fetch_start(f);
}

static void fetch_edges(struct work *work)
{
	struct request *r = container_of(work, struct request, work);

	r->edge = unit_covers(r, unit_first(r)) ? 1 : 0;
	fetch_edge(r);
}

/* ---- order ---- */

/* Zeroing counts as partial, so that extents of zeros are published in order. */
static bool is_partial(struct request *r)
{
	return r->zero || !unit_covers(r, unit_first(r)) || !unit_covers(r, unit_last(r));
}

static bool must_wait(struct wb *wb, struct request *r)
{
	if (!wb->nr_partial)
		return false;
	for (struct list *node = r->link.prev; node != &wb->writes; node = node->prev) {
		struct request *earlier = container_of(node, struct request, link);

		if ((earlier->partial || r->partial) &&
		    unit_touches(earlier, io_of(r)->backing, unit_first(r), unit_last(r) + 1))
			return true;
	}
	return false;
}

static void proceed(struct wb *wb, struct request *r)
{
	bool edges = !unit_covers(r, unit_first(r)) || !unit_covers(r, unit_last(r));

	if (!edges) {
		want_space(wb, r);
		return;
	}
	r->state = REQUEST_FETCHING;
	r->work.fn = fetch_edges;
	wb_defer(wb, &r->work);
}

static void begin_unit(struct wb *wb, struct request *r)
{
	r->end = unit_end(wb, r);
	r->partial = is_partial(r);
	if (r->partial)
		wb->nr_partial++;
	list_add_tail(&wb->writes, &r->link);
	r->state = REQUEST_BLOCKED;
	if (must_wait(wb, r)) {
		wb->nr_blocked++;
		return;
	}
	proceed(wb, r);
}

void write_pump(struct wb *wb)
{
	bool full = false;

	if (!wb->nr_blocked)
		return;
	wb->segments.wanted = false;
	list_for_each(node, tmp, &wb->writes) {
		struct request *r = container_of(node, struct request, link);

		/* Who waits because of a backing's limit lets the others pass. */
		if (r->state != REQUEST_SPACE || full)
			continue;
		if (try_place(wb, r))
			wb->nr_blocked--;
		else
			full = !io_of(r)->backing->over_limit;
	}
	wb->segments.wanted = full && space_may_place(wb);
	wb->pace.waiting = full && !wb->segments.wanted;
	list_for_each(node, tmp, &wb->writes) {
		struct request *r = container_of(node, struct request, link);

		if (r->state == REQUEST_BLOCKED && !must_wait(wb, r)) {
			wb->nr_blocked--;
			proceed(wb, r);
		}
	}
}

/* ---- entry ---- */

static void count_arrival(struct wb_io *io, bool zero)
{
	if (zero) {
		io->backing->figures.nr_zeros++;
		return;
	}
	io->backing->figures.nr_writes++;
	io->backing->figures.write_bytes += io->len;
}

static void begin(struct wb *wb, struct wb_io *io, bool zero)
{
	bool cached = io->backing->entry.id;
	struct request *r = request_of(io);
	int err = 0;

	r->wb = wb;
	r->zero = zero;
	r->early = false;
	r->off = io->off;
	waiter_init(&r->waiter);
	if (wb->read_only || io->backing->dev->read_only)
		err = -EROFS;
	else if (cached)
		err = refusal(wb);
	else if (wb->stopping)
		err = -ESHUTDOWN;
	if (err != -EROFS)
		count_arrival(io, zero);
	if (err || !io->len) {
		finish(wb, r, err);
	} else if (cached) {
		begin_unit(wb, r);
	} else {
		request_straight(wb, r, zero ? BDEV_ZERO : BDEV_WRITE, zero ? NULL : io->buf);
	}
}

static void begin_all(struct wb *wb, struct wb_io *chain, bool zero)
{
	uint64_t now = wb_now(wb);
	struct wb_io *next;

	wb_lock(wb);
	for (struct wb_io *io = chain; io; io = next) {
		next = io->next;
		request_of(io)->began = now;
		begin(wb, io, zero);
	}
	wb_unlock(wb);
}

void wb_write(struct wb *wb, struct wb_io *io)
{
	io->next = NULL;
	begin_all(wb, io, false);
}

void wb_write_all(struct wb *wb, struct wb_io *chain)
{
	begin_all(wb, chain, false);
}

void wb_zero(struct wb *wb, struct wb_io *io)
{
	io->next = NULL;
	begin_all(wb, io, true);
}
