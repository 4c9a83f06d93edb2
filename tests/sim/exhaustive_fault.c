/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each single I/O of a history fails once, in each way in which it can. Every request must end,
 * and with an error only if it was for what could not be read; power cuts afterwards must not take
 * what was synced; and in the end the cache is healthy and can be drained and closed.
 */
#include "config.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/exhaustive.h"

#define LONGER_THAN_ANY_PAUSE 40000000000ull /* ns */

static bool makes_sense(enum bdev_op op, enum damage damage)
{
	switch (op) {
	case BDEV_READ:
		return damage == DAMAGE_NONE;
	case BDEV_WRITE:
	case BDEV_ZERO:
	case BDEV_DISCARD:
		return damage != DAMAGE_DROPPED;
	case BDEV_FLUSH:
		return damage != DAMAGE_TORN;
	}
	return false;
}

static void expect_not_failed(struct run *run)
{
	struct wb_status status;

	wb_status(run->wb, &status);
	if (status.state == WB_FAILED)
		fail("a single fault makes the cache fail: %s", status.reason);
}

static void expect_healthy(struct run *run)
{
	struct wb_status status;

	wb_status(run->wb, &status);
	if (status.state != WB_HEALTHY)
		fail("the cache is not healthy again: %s", status.reason);
	if (status.nr_dirty)
		fail("drained, it has dirty blocks");
}

static void close_and_look(struct run *run)
{
	bool had_fault = run->bench->nr_ios > run->bench->fault;

	if (run_close(run) && (had_fault || run->bench->nr_ios <= run->bench->fault))
		fail("the cache can't be closed");
	if (run_open(run))
		fail("the cache can't be opened again");
	run->recording = false;
	run_expect_newest(run);
	run_abandon(run);
}

/* From a fresh cache to one that was closed and looked into. */
static void whole_life(struct run *run, const char *history)
{
	run_reset(run, NULL, 0);
	run_format(run);
	run->bench->nr_ios = 0;
	run->bench->fault = place.fault == ANY ? NEVER : place.fault;
	run->bench->damage = place.damage == ANY ? DAMAGE_NONE : (enum damage)place.damage;
	run->faulty = place.fault != ANY;
	run->recording = true;
	if (run_open(run))
		fail("the cache can't be opened");
	run_start(run);
	run_letters(run, history, 0);
	run->recording = true;
	expect_not_failed(run);
	wb_retry(run->wb);
	bench_sleep(run->bench, LONGER_THAN_ANY_PAUSE);
	run_drain(run);
	expect_healthy(run);
	close_and_look(run);
}

static void run_fault(struct run *run, const char *history)
{
	bench_load(run->bench, NULL);
	totals.fault_runs++;
	whole_life(run, history);
	assert(run->bench->nr_ios > place.fault);
	cut_everywhere(run, ENDS, 0, run->bench->fault_tick);
}

void fail_each_io(const struct geometry *geometry, const char *history, bool last_first)
{
	struct bench bench;
	struct run run;
	uint32_t nr;

	bench_init(&bench, geometry);
	bench.last_first = last_first;
	run_init(&run, &bench);
	whole_life(&run, history);
	nr = bench.nr_ios;
	for (uint32_t n = 0; n < nr; n++) {
		place.fault = n;
		if (wanted.fault != ANY && wanted.fault != n)
			continue;
		for (enum damage damage = DAMAGE_NONE; damage < NR_DAMAGES; damage++) {
			place.damage = damage;
			if (damage != DAMAGE_NONE && !makes_sense(bench.fault_op, damage))
				continue;
			run_fault(&run, history);
		}
	}
	place.fault = place.damage = ANY;
	run_fini(&run);
	bench_fini(&bench);
}
