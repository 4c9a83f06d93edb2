/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What each backing shows without the cache. Its table entry has a watermark: where the backing is
 * said to be consistent, it is exactly the state there, and never an older one than it was before.
 * Otherwise each sector is that of the last such state, or what an operation wrote there up to the
 * end of what was announced. A backing that the cache does not know has all that was written to it.
 */
#include "config.h"

#include <stdlib.h>

#include "tests/sim/world.h"

#define SECTOR 512u
#define BLOCK_SECTORS (WB_BLOCK_SIZE / SECTOR)

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* ---- blocks that are lost ---- */

/* Whether it may be lost in one of the states [from, to]. */
static bool is_lost(const struct world *w, unsigned int i, uint32_t block, uint64_t from,
		    uint64_t to)
{
	for (unsigned int l = 0; l < w->nr_lost; l++) {
		const struct lost *lost = &w->lost_blocks[l];

		if (lost->disk == i && lost->block == block && lost->since <= to &&
		    !model_replaced(&w->model, i, block, lost->since, larger(from, lost->since)))
			return true;
	}
	return false;
}

bool backing_lost(const struct world *w, unsigned int i, uint64_t off, uint64_t len, uint64_t from)
{
	uint64_t now = model_now(&w->model);

	for (uint64_t b = off / WB_BLOCK_SIZE; w->nr_lost && b * WB_BLOCK_SIZE < off + len; b++)
		if (is_lost(w, i, (uint32_t)b, from, now))
			return true;
	return false;
}

static void forget_lost(struct world *w, unsigned int i)
{
	unsigned int kept = 0;

	for (unsigned int l = 0; l < w->nr_lost; l++)
		if (w->lost_blocks[l].disk != i)
			w->lost_blocks[kept++] = w->lost_blocks[l];
	w->nr_lost = kept;
}

/* ---- watermarks ---- */

static void peek(struct world *w, unsigned int i, struct peek *p)
{
	peek_backing(w->wb, w->disks[i].dev->bdev.path, p);
}

static uint64_t watermark(struct world *w, unsigned int i, const struct peek *p)
{
	if (!p->known || !p->pending)
		return model_now(&w->model);
	return larger(model_until(&w->model, p->migrated), w->disks[i].settled);
}

static bool is_consistent(const struct peek *p)
{
	return !p->known || !p->pending || p->migrated >= p->batch_end;
}

/* What the log has of it is being given up. */
static bool is_going(const struct disk *d, const struct peek *p)
{
	return d->discarding && !p->known;
}

static void look(struct world *w, unsigned int i)
{
	struct disk *d = &w->disks[i];
	struct peek p;
	uint64_t n;

	peek(w, i, &p);
	if (is_going(d, &p))
		return;
	n = watermark(w, i, &p);
	if (p.unable)
		d->unable_at = w->nr_tasks;
	if (p.carried) {
		d->carried = true;
		d->carried_until = UINT64_MAX;
	} else if (d->carried && d->carried_until == UINT64_MAX) {
		d->carried_until = p.batch_end;
	}
	if (!p.carried && (is_consistent(&p) || p.migrated >= d->carried_until))
		d->carried = false;
	if (!d->carried && is_consistent(&p))
		d->floor = larger(d->floor, n);
}

void backings_look(struct world *w)
{
	for (unsigned int i = 0; w->wb && i < w->nr_cached; i++)
		look(w, i);
}

/* ---- what the cache forgets ---- */

/*
 * Its history is what it shows. What a flush would save is saved. If the superblocks that say so
 * may be damaged, it may come back.
 */
static void backing_given_up(struct world *w, unsigned int i, bool may_return)
{
	uint32_t *stamps = malloc(w->model.sectors[i] * sizeof(*stamps));
	struct simdev *dev = w->disks[i].dev;

	if (!stamps)
		fail(w, "no memory");
	simdev_save(dev);
	for (uint32_t at = 0; at < w->model.sectors[i]; at++) {
		stamps[at] = model_stamp_of(i, at, dev->visible + (size_t)at * SECTOR);
		if (stamps[at] == MODEL_GARBAGE)
			fail(w, "a backing that was given up has what nobody wrote");
		if (may_return)
			stamps[at] = MODEL_ANY;
	}
	model_forget(&w->model, i, stamps);
	free(stamps);
	forget_lost(w, i);
	w->disks[i].settled = w->disks[i].floor = w->disks[i].seen = model_now(&w->model);
}

static bool has_losses(const struct world *w, unsigned int i)
{
	return faults_damaged(w) ||
	       backing_lost(w, i, 0, w->disks[i].dev->bdev.size, model_now(&w->model));
}

/* It has been forgotten: what was lost in the log is older on it. */
void backing_detached(struct world *w, unsigned int i, bool discarded)
{
	if (discarded || has_losses(w, i))
		backing_given_up(w, i, faults_damaged(w));
}

/* ---- after opening ---- */

/* What the table says may be older than what was known before. */
void backings_opened(struct world *w)
{
	for (unsigned int i = 0; i < w->nr_cached; i++) {
		struct disk *d = &w->disks[i];
		uint64_t now = model_now(&w->model);
		struct peek p;
		uint64_t n;

		d->settled = smaller(d->settled, now);
		d->floor = smaller(d->floor, now);
		d->seen = smaller(d->seen, now);
		peek(w, i, &p);
		/* Nobody was told: the other superblock may still have it, and count later. */
		if (d->leaving && !p.known && (d->discarding || has_losses(w, i)))
			backing_given_up(w, i, w->damaging);
		d->leaving = d->discarding = false;
		n = watermark(w, i, &p);
		d->floor = is_consistent(&p) ? n : smaller(d->floor, n);
		d->carried = !is_consistent(&p);
		d->carried_until = p.batch_end;
	}
}

void backings_rebased(struct world *w)
{
	for (unsigned int i = 0; i < NR_CACHED; i++)
		w->disks[i].settled = w->disks[i].floor = w->disks[i].seen = 0;
	w->nr_lost = 0;
}

/* ---- contents ---- */

static bool sector_is_right(struct world *w, unsigned int i, uint32_t at, uint32_t stamp,
			    uint32_t state, uint64_t end)
{
	const struct disk *d = &w->disks[i];

	if (stamp == state)
		return true;
	if (stamp == MODEL_GARBAGE)
		return false;
	if (state == MODEL_ANY || faults_damaged(w))
		return true;
	/* Older, or just not there. */
	if (is_lost(w, i, at / BLOCK_SECTORS, d->floor, end))
		return true;
	return model_wrote(&w->model, i, at, stamp, d->floor, end);
}

static void check(struct world *w, unsigned int i)
{
	struct disk *d = &w->disks[i];
	const uint8_t *image = d->dev->visible;
	const uint32_t *state;
	uint64_t n, end;
	struct peek p;

	peek(w, i, &p);
	if (is_going(d, &p))
		return;
	n = watermark(w, i, &p);
	end = n;
	if (is_consistent(&p)) {
		if (n < d->seen && !model_same(&w->model, i, n, d->seen) && !faults_damaged(w))
			fail(w, "disk %u is said to be older than it was", i);
		d->floor = d->seen = n;
	} else {
		end = larger(n, model_until(&w->model, p.batch_end));
	}
	state = model_state(&w->model, i, d->floor);
	for (uint32_t at = 0; at < w->model.sectors[i]; at++) {
		uint32_t stamp = model_stamp_of(i, at, image + (size_t)at * SECTOR);

		if (sector_is_right(w, i, at, stamp, state[at], end))
			continue;
		model_explain(&w->model, i, at, stamp);
		fail(w, "a backing is not as it was at its last batch (%llu..%llu operations)",
		     (unsigned long long)d->floor, (unsigned long long)end);
	}
	if (!p.known)
		d->settled = n;
}

void backings_check(struct world *w)
{
	backings_look(w);
	for (unsigned int i = 0; i < w->nr_cached; i++)
		check(w, i);
}

/* Also after a power cut. */
void backing_must_have(struct world *w, unsigned int i, uint64_t n)
{
	const uint32_t *state = model_state(&w->model, i, n);
	uint64_t now = model_now(&w->model);

	for (uint32_t at = 0; at < w->model.sectors[i]; at++) {
		const uint8_t *sector = w->disks[i].dev->stable + (size_t)at * SECTOR;
		uint32_t stamp = model_stamp_of(i, at, sector);

		if (stamp == state[at] || model_wrote(&w->model, i, at, stamp, n, now) ||
		    state[at] == MODEL_ANY || faults_damaged(w) ||
		    is_lost(w, i, at / BLOCK_SECTORS, n, now))
			continue;
		model_explain(&w->model, i, at, stamp);
		fail(w, "a drain is done, and not all is on disk %u", i);
	}
}
