/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What devices do wrong. Errors are told to the engine; damage - rot, and writes of the cache that
 * are lost or land elsewhere - is not.
 */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "tests/sim/world.h"

#define S 1000000000ull

/* How often the n-th I/O of a kind fails from then on. */
static const struct {
	unsigned int weight;
	uint64_t least, range;
} lengths[] = {
	{50, 1, 1},
	{25, 2, 3},
	{15, 6, 40},
	{5, UINT64_MAX, 1},
};

static const int errors[] = {-EIO, -EIO, -EIO, -ENOSPC, -ETIMEDOUT, -EREMOTEIO, -ENODEV, -ENOMEM};

uint64_t faults_of(const struct simdev *dev)
{
	uint64_t n = 0;

	for (unsigned int op = 0; op < BDEV_NR_OPS; op++)
		n += dev->nr_failed[op];
	return n;
}

uint64_t faults_fired(const struct world *w)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < w->sim.nr_devices; i++)
		n += faults_of(w->sim.devices[i]);
	return n;
}

bool faults_damaged(const struct world *w)
{
	return w->nr_rot || w->cache->nr_mishaps;
}

bool faults_explain(struct world *w)
{
	return faults_fired(w) > w->faults_at_open || faults_damaged(w) || w->missing;
}

static void fail_some(struct world *w, struct simdev *dev)
{
	enum bdev_op op = (enum bdev_op)dice(w, BDEV_NR_OPS);
	uint64_t n = dice(w, 95), i = 0;

	for (; n >= lengths[i].weight; i++)
		n -= lengths[i].weight;
	dev->drop_on_failed_flush = one_in(w, 2);
	dev->short_transfers = one_in(w, 2);
	simdev_fail(dev, op, errors[dice(w, sizeof(errors) / sizeof(*errors))], dice(w, 4),
		    lengths[i].least + dice(w, lengths[i].range));
	note(w, "fault: %s: I/O of kind %d fails %lld times", dev->bdev.path, (int)op,
	     (long long)dev->faults[op].times);
	totals->io_errors++;
}

static void go_away(struct world *w, struct simdev *dev)
{
	dev->gone = true;
	note(w, "fault: %s goes away", dev->bdev.path);
	totals->gone++;
}

static void slow_down(struct world *w, struct simdev *dev)
{
	dev->slow_ns = 1 + dice(w, 8 * S);
	note(w, "fault: %s takes up to %llu ms", dev->bdev.path,
	     (unsigned long long)dev->slow_ns / 1000000);
	totals->slow++;
}

void faults_inject(struct world *w)
{
	struct simdev *dev = w->sim.devices[dice(w, w->sim.nr_devices)];
	uint64_t n = dice(w, 10);

	if (one_in(w, 2))
		dev = w->cache;
	w->fault = true;
	if (n < 7)
		fail_some(w, dev);
	else if (n < 8)
		go_away(w, dev);
	else
		slow_down(w, dev);
}

/* The cache fails for as long as nobody mends it. */
void faults_of_log(struct world *w)
{
	simdev_fail(w->cache, one_in(w, 2) ? BDEV_WRITE : BDEV_FLUSH, -EIO, dice(w, 3), UINT64_MAX);
	w->fault = true;
	note(w, "fault: the cache can't be written");
	totals->io_errors++;
}

void faults_mend(struct world *w)
{
	for (unsigned int i = 0; i < w->sim.nr_devices; i++) {
		struct simdev *dev = w->sim.devices[i];

		memset(dev->faults, 0, sizeof(dev->faults));
		dev->gone = false;
		dev->slow_ns = 0;
		dev->mishap = SIMDEV_FINE;
	}
}

bool faults_none(const struct simdev *dev)
{
	for (unsigned int op = 0; op < BDEV_NR_OPS; op++)
		if (dev->faults[op].err)
			return false;
	return !dev->gone && !dev->slow_ns;
}

/* ---- damage ---- */

/* A block in which there is something. */
static uint64_t choose_block(struct world *w, bool super)
{
	uint64_t slots = w->cache->bdev.size / WB_BLOCK_SIZE - WB_SLOTS_OFF / WB_BLOCK_SIZE;
	uint64_t block = 0;

	for (unsigned int i = 0; i < 8; i++) {
		const uint8_t *at;

		block = super ? dice(w, 2) * (WB_SUPER_AREA / WB_BLOCK_SIZE) + dice(w, 2)
			      : WB_SLOTS_OFF / WB_BLOCK_SIZE + dice(w, slots);
		at = w->cache->visible + block * WB_BLOCK_SIZE;
		if (at[0] || memcmp(at, at + 1, WB_BLOCK_SIZE - 1) != 0)
			break;
	}
	return block;
}

static void rot(struct world *w)
{
	bool super = one_in(w, 4);
	uint64_t off = choose_block(w, super) * WB_BLOCK_SIZE;

	/* Headers are full of zeros, which count as much as the rest. */
	off += one_in(w, 2) ? dice(w, 256) : dice(w, WB_BLOCK_SIZE);
	simdev_rot(w->cache, off, (unsigned int)dice(w, 8));
	note(w, "damage: rot at byte %llu", (unsigned long long)off);
	w->nr_rot++;
	totals->rot++;
	/* A power cut may have torn the other one. */
	if (super && !w->wb && check_super_is_good(w, off < WB_SUPER_AREA))
		w->rotten_supers |= 1u << (off / WB_SUPER_AREA);
	else
		w->other_damage = true;
}

static void note_lost(struct world *w, const struct peek_block *b)
{
	for (unsigned int i = 0; i < NR_CACHED; i++)
		if (strcmp(w->disks[i].dev->bdev.path, b->path) == 0)
			w->lost_blocks[w->nr_lost++] = (struct lost){i, b->block,
								     model_last(&w->model, i,
										b->block)};
	totals->lost++;
}

/* What is on its backing, too, is no loss. */
void faults_rot(struct world *w)
{
	struct peek_block b;

	for (unsigned int tries = 0; tries < 16 && w->nr_lost < MAX_LOST; tries++) {
		if (!peek_block(w->wb, (uint32_t)dice(w, peek_positions(w->wb)), &b))
			continue;
		simdev_rot(w->cache, b.off + dice(w, WB_BLOCK_SIZE), (unsigned int)dice(w, 8));
		note(w, "damage: block %u of %s, which is %s", b.block, b.path,
		     b.dirty ? "lost" : "on its backing too");
		if (b.dirty)
			note_lost(w, &b);
		return;
	}
}

void faults_damage(struct world *w)
{
	if (!w->wb || one_in(w, 2)) {
		rot(w);
		return;
	}
	w->cache->mishap = one_in(w, 2) ? SIMDEV_LOST : SIMDEV_MISDIRECTED;
	w->cache->mishap_skip = dice(w, 6);
	w->other_damage = true;
	note(w, "damage: a write is %s", w->cache->mishap == SIMDEV_LOST ? "lost" : "misdirected");
	totals->mishaps++;
}
