/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks that can't or shall not take what is written to them, and what the others may expect. */
#include "config.h"

#include "tests/sim/world.h"

#define S 1000000000ull
#define PATIENCE (300 * S)

static void set_paused(struct world *w, unsigned int i, bool paused)
{
	struct disk *d = &w->disks[i];

	note(w, "disk %u is %s", i, paused ? "paused" : "not paused any more");
	d->paused |= paused; /* some may be refused at once */
	if (wb_knob_set(w->wb, d->handle, WB_KNOB_PAUSED, paused))
		fail(w, "a disk can't be paused");
	d->paused = paused;
	totals->paused += paused;
}

void hold_pause(struct world *w)
{
	unsigned int i = (unsigned int)dice(w, NR_CACHED);

	if (w->disks[i].state == DISK_THERE)
		set_paused(w, i, !one_in(w, 4));
}

void hold_busy(struct world *w)
{
	struct disk *d = &w->disks[dice(w, NR_CACHED)];

	if (d->state == DISK_THERE)
		wb_set_busy(w->wb, d->handle, one_in(w, 2));
}

void hold_nothing(struct world *w)
{
	for (unsigned int i = 0; i < NR_CACHED; i++)
		if (w->disks[i].paused && w->disks[i].handle)
			set_paused(w, i, false);
}

bool hold_any(struct world *w)
{
	for (unsigned int i = 0; i < NR_CACHED; i++)
		if (w->disks[i].paused)
			return true;
	return disks_any_missing(w);
}

static bool is_healthy(const struct world *w, unsigned int i)
{
	const struct disk *d = &w->disks[i];

	return i < NR_CACHED && d->state == DISK_THERE && !d->paused && faults_none(d->dev);
}

static bool all_done(const struct world *w, struct task *const tasks[], unsigned int disks)
{
	for (unsigned int i = 0; i < NR_CACHED; i++)
		if (tasks[i] && tasks[i]->busy)
			return false;
	return requests_done(w, disks);
}

void hold_progress(struct world *w)
{
	struct task *tasks[NR_CACHED] = {NULL};
	uint64_t until = w->sim.now + PATIENCE;
	unsigned int disks = 0;
	struct wb_status s;

	wb_status(w->wb, &s);
	/*
	 * Fewer segments than mkwbfs makes have a reserve for carrying, but none for a crash
	 * before.
	 */
	if (w->geometry.nr_segments < 4)
		return;
	if (w->read_only || s.state == WB_FAILED || !faults_none(w->cache) || faults_damaged(w))
		return;
	for (unsigned int i = 0; i < NR_DISKS; i++)
		if (w->disks[i].dev->slow_ns)
			return;
	for (unsigned int i = 0; i < NR_CACHED; i++)
		if (is_healthy(w, i)) {
			disks |= 1u << i;
			tasks[i] = task_begin(w, DRAIN, i);
		}
	totals->progress++;
	while (!all_done(w, tasks, disks)) {
		if (w->sim.now <= until && world_step(w))
			continue;
		if (peek_crowded(w->wb) || world_is_stuck(w))
			return;
		fail(w, "a disk that is well is stopped by others");
	}
}
