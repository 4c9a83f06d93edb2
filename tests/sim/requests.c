/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads, writes, zeroing and syncs of a life, and what they may return. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/util.h"
#include "tests/sim/world.h"

#define SECTOR 512u

static const char *const kind_names[] = {"read", "write", "zero", "sync"};

static uint32_t first_sector(const struct client *c)
{
	return (uint32_t)(c->io.off / SECTOR);
}

static uint32_t nr_sectors(const struct client *c)
{
	return (uint32_t)(c->io.len / SECTOR);
}

static bool is_write(const struct client *c)
{
	return c->kind == WRITE || c->kind == ZERO;
}

static bool is_dsync(const struct client *c)
{
	return is_write(c) && c->io.flags & WB_IO_DSYNC;
}

/* ---- the order of the log ---- */

/* The one of those not yet registered that was placed first. */
static struct client *next_placed(struct world *w, uint64_t *record)
{
	struct client *next = NULL;
	uint32_t next_entry = 0;

	for (unsigned int i = 0; i < MAX_REQUESTS; i++) {
		struct client *c = &w->clients[i];
		uint64_t r;
		uint32_t entry;

		if (!c->busy || !is_write(c) || c->disk == UNCACHED || c->op != NO_OP ||
		    !peek_placed(&c->io, &r, &entry))
			continue;
		if (!next || r < *record || (r == *record && entry < next_entry)) {
			next = c;
			*record = r;
			next_entry = entry;
		}
	}
	return next;
}

void requests_note_placed(struct world *w)
{
	struct client *c;
	uint64_t record = 0;

	while ((c = next_placed(w, &record))) {
		c->op = model_placed(&w->model, c->disk, c->io.off, c->io.len, c->stamp, record);
		note(w, "operation %llu: stamp %u ends in record %llu", (unsigned long long)c->op,
		     c->stamp, (unsigned long long)record);
	}
}

/* ---- what an error may be ---- */

static uint64_t read_fails(struct world *w, unsigned int disk)
{
	return w->cache->nr_failed[BDEV_READ] + w->disks[disk].dev->nr_failed[BDEV_READ];
}

/*
 * A read fails when a read of the cache or its disk did meanwhile, or what the cache has is
 * damaged; a write too, for its edges, or when the cache has failed, or when the log is full of
 * what its disk can't take and the knob says so; a sync when the cache has failed. What is not
 * cached fails when its disk did.
 */
static bool error_is_right(struct world *w, struct client *c, int err)
{
	const struct disk *d = &w->disks[c->disk];
	bool read_failed = read_fails(w, c->disk) > c->read_fails || faults_damaged(w);
	struct wb_status status;

	backings_look(w);
	if (c->must_be_refused || err == -EROFS)
		return c->must_be_refused && err == -EROFS;
	if (err == -ESHUTDOWN)
		return w->stopping;
	if (c->disk == UNCACHED)
		return faults_of(w->disks[c->disk].dev) > c->disk_fails;
	if (c->kind != SYNC &&
	    (read_failed || backing_lost(w, c->disk, c->io.off, c->io.len, c->covered)))
		return true;
	if (c->kind == READ)
		return false;
	if (err == -ENOSPC)
		return is_write(c) && (d->paused || d->unable_at >= c->tasks) &&
		       wb_knob_get(w->wb, NULL, WB_KNOB_ON_FULL);
	wb_status(w->wb, &status);
	return err == -EIO && status.state == WB_FAILED;
}

/* ---- the end of a request ---- */

static bool read_uncached_is_right(struct world *w, struct client *c)
{
	const uint8_t *at = c->buf + c->io.off % WB_BLOCK_SIZE;

	for (uint32_t s = first_sector(c); s < first_sector(c) + nr_sectors(c); s++, at += SECTOR)
		if (!uncached_seen(&w->uncached, s, model_stamp_of(UNCACHED, s, at)))
			return false;
	return true;
}

/* A flush that fails leaves doubts about all that it may have dropped, whoever asked for it. */
static void uncached_done(struct world *w, struct client *c, int err)
{
	struct uncached *u = &w->uncached;
	bool flushed = c->kind == SYNC || is_dsync(c);
	bool dropped = w->disks[UNCACHED].dev->nr_failed[BDEV_FLUSH] > c->flush_fails;

	if (c->kind == READ && !err && !read_uncached_is_right(w, c))
		fail(w, "a read of a disk that is not cached returned something else");
	if (is_write(c))
		uncached_end(u, first_sector(c), nr_sectors(c), err || dropped);
	if (dropped || (err && flushed))
		uncached_doubt(u);
	else if (c->kind == SYNC)
		uncached_synced(u);
	else if (is_dsync(c))
		uncached_dsynced(u, first_sector(c), nr_sectors(c));
}

static void cached_done(struct world *w, struct client *c, int err)
{
	if (c->kind == READ) {
		if (!err && !model_check_read(&w->model, c->disk, c->io.off, c->io.len,
					      c->buf + c->io.off % WB_BLOCK_SIZE, c->covered))
			fail(w, "a read returned something that was never there");
	} else if (err) {
		return;
	} else if (c->kind == SYNC) {
		model_synced(&w->model, c->covered);
	} else if (c->op == NO_OP) {
		fail(w, "a write was acknowledged that is not in the log");
	} else if (is_dsync(c)) {
		model_synced(&w->model, c->op + 1 > c->covered ? c->op + 1 : c->covered);
	}
}

/* Its data is not copied yet; whatever begins now has to see it. */
static void request_acknowledged(struct wb_io *io)
{
	static const enum kind kinds[] = {READ, READ, READ, WRITE, ZERO, SYNC};
	struct client *c = io->ctx;
	struct world *w = c->world;

	requests_note_placed(w);
	if (c->acknowledged || c->op == NO_OP || is_dsync(c))
		fail(w, "a write was acknowledged that is not to be");
	c->acknowledged = true;
	while (w->acting && !w->near && one_in(w, 3)) {
		w->near = c;
		request_start(w, kinds[dice(w, ARRAY_SIZE(kinds))]);
		w->near = NULL;
	}
}

static void request_done(struct wb_io *io, int err)
{
	struct client *c = io->ctx;
	struct world *w = c->world;

	requests_note_placed(w);
	c->busy = false;
	if (c->acknowledged && err)
		fail(w, "a write that was acknowledged got error %d", -err);
	if (c->io.acknowledged && !c->acknowledged && !err && c->kind == WRITE && !is_dsync(c) &&
	    c->disk != UNCACHED)
		fail(w, "a write was not acknowledged");
	if (err && !error_is_right(w, c, err))
		fail(w, "a %s of disk %u got error %d without a reason", kind_names[c->kind],
		     c->disk, -err);
	if (!err && c->must_be_refused)
		fail(w, "a read-only cache accepted a write");
	if (c->disk == UNCACHED)
		uncached_done(w, c, err);
	else
		cached_done(w, c, err);
}

/* ---- the beginning ---- */

static struct client *free_client(struct world *w)
{
	for (unsigned int i = 0; i < MAX_REQUESTS; i++)
		if (!w->clients[i].busy)
			return &w->clients[i];
	return NULL;
}

static bool choose_disk(struct world *w, unsigned int *disk)
{
	unsigned int first = (unsigned int)dice(w, NR_DISKS);

	if (w->near) {
		*disk = w->near->disk;
		return w->disks[*disk].state == DISK_THERE;
	}
	for (unsigned int i = 0; i < NR_DISKS; i++) {
		*disk = (first + i) % NR_DISKS;
		if (w->disks[*disk].state == DISK_THERE)
			return true;
	}
	return false;
}

static uint64_t most_blocks(struct world *w, enum kind kind)
{
	if (w->large && kind != WRITE)
		return kind == ZERO ? 512 : w->max_len / WB_BLOCK_SIZE - 1;
	return kind == WRITE ? w->max_blocks : 8;
}

static void choose_range(struct world *w, struct client *c)
{
	const struct bdev *dev = &w->disks[c->disk].dev->bdev;
	uint64_t size = w->disks[c->disk].size;
	uint64_t blocks = most_blocks(w, c->kind);
	uint64_t len = (1 + dice(w, one_in(w, 3) ? blocks : (blocks + 3) / 4)) * WB_BLOCK_SIZE;
	uint64_t off = dice(w, size / WB_BLOCK_SIZE) * WB_BLOCK_SIZE;
	uint64_t skip = dice(w, 8) * SECTOR, less = dice(w, 8) * SECTOR;
	bool whole = c->disk == UNCACHED && dev->logical_block_size > SECTOR;

	if (one_in(w, 4) && !whole) {
		off += skip;
		len -= less;
	}
	if (c->kind != READ && off % WB_BLOCK_SIZE + len > blocks * WB_BLOCK_SIZE)
		len = blocks * WB_BLOCK_SIZE - off % WB_BLOCK_SIZE;
	if (w->near)
		off = w->near->io.off / WB_BLOCK_SIZE * WB_BLOCK_SIZE + off % WB_BLOCK_SIZE;
	else if (w->growing && one_in(w, 4))
		off = size - size % WB_BLOCK_SIZE - (size % WB_BLOCK_SIZE ? 0 : WB_BLOCK_SIZE);
	if (off >= size)
		off = size - SECTOR;
	if (off + len > size)
		len = size - off;
	if (c->kind == ZERO && w->max_blocks < 2) {
		off = off / WB_BLOCK_SIZE * WB_BLOCK_SIZE;
		len = size - off < WB_BLOCK_SIZE ? size - off : WB_BLOCK_SIZE;
	}
	c->io.off = off;
	c->io.len = len;
}

static bool overlap(const struct client *a, const struct client *b)
{
	return a->disk == b->disk && a->io.off < b->io.off + b->io.len &&
	       b->io.off < a->io.off + a->io.len;
}

/*
 * While another is being acknowledged, some may have their places that are not: a read may see them
 * or not.
 */
static uint64_t must_be_read(struct world *w, const struct client *c)
{
	uint64_t until = c->covered;

	for (unsigned int i = 0; i < MAX_REQUESTS; i++) {
		const struct client *o = &w->clients[i];

		if (o->busy && is_write(o) && !o->acknowledged && o->op < until && overlap(o, c))
			until = o->op;
	}
	return until;
}

/* What is not cached has no order of its own: nothing overlaps there. */
static bool would_overlap(struct world *w, struct client *c)
{
	for (unsigned int i = 0; i < MAX_REQUESTS; i++) {
		const struct client *o = &w->clients[i];

		if (!o->busy || o == c || o->disk != UNCACHED || o->io.backing != c->io.backing)
			continue;
		if (c->kind == SYNC && o->kind == SYNC)
			return true;
		if (c->kind != SYNC && o->kind != SYNC && overlap(c, o))
			return true;
	}
	return false;
}

static void prepare(struct world *w, struct client *c, enum kind kind, unsigned int disk)
{
	c->kind = kind;
	c->disk = disk;
	c->world = w;
	c->op = NO_OP;
	c->covered = model_now(&w->model);
	c->tasks = w->nr_tasks;
	c->read_fails = read_fails(w, disk);
	c->disk_fails = faults_of(w->disks[disk].dev);
	c->flush_fails = w->disks[disk].dev->nr_failed[BDEV_FLUSH];
	c->must_be_refused = w->read_only && is_write(c);
	c->io.backing = w->disks[disk].handle;
	c->acknowledged = false;
	c->io.done = request_done;
	c->io.acknowledged = one_in(w, 2) ? request_acknowledged : NULL;
	c->io.ctx = c;
	c->io.flags = 0;
	c->io.buf = c->buf;
	c->io.pages = c->pages;
	peek_reset(&c->io);
}

static void submit(struct world *w, struct client *c)
{
	c->busy = true;
	totals->requests++;
	if (c->disk == UNCACHED && is_write(c) && !c->must_be_refused)
		uncached_begin(&w->uncached, first_sector(c), nr_sectors(c), c->stamp);
	switch (c->kind) {
	case READ:
		wb_read(w->wb, &c->io);
		break;
	case WRITE:
		model_fill(c->disk, c->io.off, c->io.len, c->stamp, c->buf);
		if (w->chain) {
			*w->chain = &c->io;
			w->chain = &c->io.next;
			*w->chain = NULL;
		} else {
			wb_write(w->wb, &c->io);
		}
		break;
	case ZERO:
		wb_zero(w->wb, &c->io);
		break;
	case SYNC:
		totals->syncs++;
		if (c->disk == UNCACHED)
			uncached_sync_begin(&w->uncached);
		wb_sync(w->wb, &c->io);
		break;
	}
}

void request_start(struct world *w, enum kind kind)
{
	struct client *c = free_client(w);
	unsigned int disk;

	if (!c || !choose_disk(w, &disk))
		return;
	prepare(w, c, kind, disk);
	c->stamp = kind == WRITE ? model_stamp(&w->model) : 0;
	choose_range(w, c);
	if (is_write(c) && one_in(w, 8))
		c->io.flags = WB_IO_DSYNC;
	if (kind == SYNC && disk != UNCACHED && one_in(w, 2))
		c->io.backing = NULL;
	if (disk == UNCACHED && would_overlap(w, c))
		return;
	if (w->near && kind == READ)
		c->covered = must_be_read(w, c);
	note(w, "%s disk %u, sectors %u+%u, stamp %u%s", kind_names[kind], disk, first_sector(c),
	     nr_sectors(c), c->stamp, c->io.flags ? ", dsync" : "");
	submit(w, c);
}

void requests_write_all(struct world *w, uint64_t nr)
{
	struct wb_io *first = NULL;

	w->chain = &first;
	while (nr--)
		request_start(w, WRITE);
	w->chain = NULL;
	if (first)
		wb_write_all(w->wb, first);
}

bool requests_busy(const struct world *w, unsigned int disk)
{
	for (unsigned int i = 0; i < MAX_REQUESTS; i++)
		if (w->clients[i].busy && w->clients[i].disk == disk)
			return true;
	return false;
}

bool requests_done(const struct world *w, unsigned int disks)
{
	for (unsigned int i = 0; i < MAX_REQUESTS; i++)
		if (w->clients[i].busy && disks >> w->clients[i].disk & 1)
			return false;
	return true;
}

void requests_wait(struct world *w)
{
	for (unsigned int i = 0; i < MAX_REQUESTS; i++)
		while (w->clients[i].busy) {
			if (world_step(w))
				continue;
			if (world_is_stuck(w))
				return;
			fail(w, "a %s never completes", kind_names[w->clients[i].kind]);
		}
}

void requests_forget(struct world *w)
{
	for (unsigned int i = 0; i < MAX_REQUESTS; i++)
		w->clients[i].busy = false;
}

/* ---- everything ---- */

struct reading {
	bool done;
	int err;
};

static void reading_done(struct wb_io *io, int err)
{
	*(struct reading *)io->ctx = (struct reading){true, err};
}

static int read_range(struct world *w, unsigned int disk, uint64_t off, uint64_t len, uint8_t *to)
{
	struct reading reading = {0};
	uint64_t fails = read_fails(w, disk);
	struct wb_io *io = &w->reader;

	io->backing = w->disks[disk].handle;
	io->off = off;
	io->len = len;
	io->buf = to;
	io->pages = w->clients[0].pages;
	io->done = reading_done;
	io->ctx = &reading;
	wb_read(w->wb, io);
	while (!reading.done)
		if (!world_step(w))
			fail(w, "a read never completes");
	if (reading.err && read_fails(w, disk) == fails && !faults_damaged(w) &&
	    !(disk != UNCACHED && backing_lost(w, disk, off, len, model_now(&w->model))))
		fail(w, "disk %u can't be read", disk);
	return reading.err;
}

void request_read_all(struct world *w, unsigned int disk, uint8_t *image, uint8_t *ok)
{
	uint64_t size = w->disks[disk].size;
	uint64_t nr = (size + WB_BLOCK_SIZE - 1) / WB_BLOCK_SIZE;
	int err = read_range(w, disk, 0, size, image);

	memset(ok, !err, nr);
	for (uint64_t b = 0; err && b < nr; b++) {
		uint64_t off = b * WB_BLOCK_SIZE;
		uint64_t len = size - off < WB_BLOCK_SIZE ? size - off : WB_BLOCK_SIZE;

		ok[b] = read_range(w, disk, off, len, image + off) == 0;
	}
}
