/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The runs of wbfs bench. The two sides take turns, so that whatever else the machine does hits
 * both. With the cache, each run begins with an empty log, and writes stop when it is half full:
 * what is measured is the log, not how fast the device takes what leaves it. bench_run_long goes
 * on.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "fuse/bench.h"
#include "fuse/control_client.h"

enum { SECOND = 1000000000, LEAST_IOS = 10, LEAST_NS = 20000000, PREFILL_IOS = 8192 };

#define MIB (UINT64_C(1) << 20)

const struct bench_work bench_works[BENCH_WORKS] = {
	{"random writes", "4 KiB, 32 at a time, one sync at the end", "per s", 4096, 32, true, true,
	 false, false, 1},
	{"sequential writes", "1 MiB, 4 at a time, one sync at the end", "MiB/s", 1 << 20, 4, true,
	 false, false, false, 1},
	{"synced writes", "4 KiB at random, fdatasync after each", "per s", 4096, 1, true, true,
	 true, false, 1},
	{"reads of recent writes", "4 KiB at random, 32 at a time", "per s", 4096, 32, false, true,
	 false, true, 1},
	{"other reads", "4 KiB at random, 32 at a time", "per s", 4096, 32, false, true, false,
	 false, 1},
};

/* ---- one run ---- */

static int mount_side(struct bench *bench, enum bench_side side)
{
	static const char *const with[] = {"disk=disk.img", NULL};
	static const char *const with_sim[] = {"disk=disk.img,sim=hdd", NULL};
	static const char *const without_sim[] = {"disk=disk.img,cache=none,sim=hdd", NULL};
	int err;

	bench->touched = true;
	if (side == BENCH_WITHOUT && !bench->simulated)
		return 0; /* nothing in between */
	err = trial_format(&bench->trial);
	if (err)
		return err;
	if (side == BENCH_WITHOUT)
		return trial_mount(&bench->trial, without_sim);
	return trial_mount(&bench->trial, bench->simulated ? with_sim : with);
}

static int run_one(struct bench *bench, const char *path, const struct workload *planned,
		   struct workload_result *result)
{
	struct workload workload = *planned;
	int err;

	workload.path = path;
	err = workload_run(&workload, result);

	bench->buffered |= result->buffered;
	if (trial_stopped())
		return -EINTR;
	if (bench->trial.failed)
		return -EIO;
	if (err == -EBADMSG)
		message(MESSAGE_ERROR, "%s: read: not what was written", path);
	else if (err)
		message(MESSAGE_ERROR, "%s: %s: %s", path, workload.write ? "write" : "read",
			reason(err));
	return err;
}

static int run_both(struct bench *bench, const char *path, const struct workload *workload,
		    const struct workload *before, struct workload_result *result)
{
	int err = before ? run_one(bench, path, before, result) : 0;

	return err ? err : run_one(bench, path, workload, result);
}

int bench_run_on(struct bench *bench, enum bench_side side, const struct workload *workload,
		 const struct workload *before, struct workload_result *result)
{
	char path[TRIAL_PATH_LEN];
	struct bench_hold hold;
	int err = mount_side(bench, side);

	if (err)
		return err;
	if (!bench->trial.daemon) {
		trial_path(&bench->trial, "disk.img", path);
		err = bench_hold_begin(&hold, path);
		if (err)
			return err;
		err = run_both(bench, path, workload, before, result);
		bench_hold_end(&hold);
		return err;
	}
	trial_path(&bench->trial, "mnt/disk", path);
	err = run_both(bench, path, workload, before, result);
	/* In order, it would first finish the batch that it is writing back. */
	if (!err) {
		trial_kill(&bench->trial);
		err = trial_remove_mount(&bench->trial);
	}
	return err;
}

/* ---- the runs of a row ---- */

struct turn {
	struct bench *bench;
	const struct bench_work *work;
	enum bench_side side;
	unsigned int run;
};

static bool show_turn(void *ctx, uint64_t ns, uint64_t nr)
{
	const struct turn *turn = ctx;

	(void)ns;
	chart_live(&turn->bench->chart, "run %u of %d: %s, %s cache ...", turn->run + 1, BENCH_RUNS,
		   turn->work->name, turn->side == BENCH_WITH ? "with" : "without");
	return trial_goes_on(&turn->bench->trial, nr);
}

static struct workload plan(const struct turn *turn)
{
	const struct bench *bench = turn->bench;
	const struct bench_work *work = turn->work;
	struct workload workload = {
		.size = bench->device_size,
		.io_len = work->io_len,
		.depth = work->depth,
		.write = work->write,
		.random = work->random,
		.sync_each = work->sync_each,
		.sync_end = work->write && !work->sync_each,
		.seed = bench->seed + turn->run,
		.first_seq = 1,
		.max_ns = (uint64_t)(bench->options->seconds / BENCH_RUNS * SECOND),
		.tick = show_turn,
		.ctx = (void *)turn,
	};

	/* A block that is synced alone takes two in the log. */
	if (turn->side == BENCH_WITH && work->write)
		workload.max_ios = bench->cache_size / 2 / work->io_len / (work->sync_each ? 2 : 1);
	return workload;
}

/* What is read as just written: so few that they are all in the log, again and again. */
static struct workload plan_before(const struct turn *turn, struct workload *workload)
{
	struct workload before = *workload;

	workload->places = before.places = PREFILL_IOS;
	workload->verify = turn->side == BENCH_WITH;
	before.write = before.sync_end = true;
	before.max_ios = PREFILL_IOS;
	before.max_ns = 0;
	return before;
}

static int take_turn(struct turn *turn, struct workload_result *result)
{
	struct bench_row *row = &turn->bench->rows[turn->work - bench_works];
	struct workload workload = plan(turn), before;
	bool first = turn->work->just_written && turn->side == BENCH_WITH;
	int err;

	if (turn->work->just_written)
		before = plan_before(turn, &workload);
	err = bench_run_on(turn->bench, turn->side, &workload, first ? &before : NULL, result);
	if (err)
		return err;
	row->figures[turn->side][turn->run] = workload_rate(result) * turn->work->scale;
	row->too_short[turn->side] |= result->nr < LEAST_IOS || result->ns < LEAST_NS;
	for (unsigned int i = 0; i < LATENCY_BUCKETS; i++)
		row->latency[turn->side][i] += result->latency[i];
	return 0;
}

int bench_run_all(struct bench *bench)
{
	CLEANUP_FREE struct workload_result *result = malloc(sizeof(*result));
	struct turn turn = {.bench = bench};
	int err = result ? 0 : -ENOMEM;

	for (turn.run = 0; !err && turn.run < BENCH_RUNS; turn.run++) {
		for (unsigned int i = 0; !err && i < BENCH_WORKS * BENCH_SIDES; i++) {
			turn.work = &bench_works[i / BENCH_SIDES];
			turn.side = (enum bench_side)(i % BENCH_SIDES);
			err = take_turn(&turn, result);
		}
	}
	return err;
}

/* ---- for longer ---- */

struct watch {
	struct bench *bench;
	struct results_series *occupancy; /* or NULL */
	uint64_t looked;		  /* ns */
};

static bool look(void *ctx, uint64_t ns, uint64_t nr)
{
	struct watch *watch = ctx;
	TEXT_SCOPE json = {0};
	uint64_t all, nr_free;

	chart_live(&watch->bench->chart, "random writes for longer, %s cache ...",
		   watch->occupancy ? "with" : "without");
	if (watch->occupancy && ns - watch->looked >= SECOND / 10 &&
	    control_get(&watch->bench->trial.mount, "status.json", &json) == 0 &&
	    trial_figure_of(&json, "nr_segments", &all) &&
	    trial_figure_of(&json, "nr_free_segments", &nr_free) && all) {
		watch->looked = ns;
		results_add_point(&watch->bench->results, watch->occupancy, (double)ns / SECOND,
				  100.0 * (double)(all - nr_free) / (double)all);
	}
	return trial_goes_on(&watch->bench->trial, nr);
}

static void add_throughput(struct bench *bench, const char *name,
			   const struct workload_result *result)
{
	struct results_series *series = results_add_series(&bench->results, name);
	/* The last slice may be cut short. */
	uint64_t nr = result->ns / WORKLOAD_SLICE_NS;

	for (uint64_t i = 0; i + 1 < nr && i + 1 < WORKLOAD_SLICES; i += 2)
		results_add_point(&bench->results, series,
				  (double)(i + 1) * WORKLOAD_SLICE_NS / SECOND,
				  (double)(result->slices[i] + result->slices[i + 1]) * SECOND /
					  (2.0 * WORKLOAD_SLICE_NS));
}

/* The throughput is what one wants to see first. */
static void put_last_first(struct results *results)
{
	struct results_chart *last = &results->charts[results->nr_charts - 1];
	struct results_chart chart = last[0];

	last[0] = last[-1];
	last[-1] = chart;
}

static int run_longer(struct bench *bench, enum bench_side side, struct watch *watch,
		      struct workload_result *result)
{
	struct workload workload = {
		.size = bench->device_size,
		.io_len = 4096,
		.depth = 32,
		.write = true,
		.random = true,
		.seed = bench->seed + BENCH_RUNS,
		.first_seq = 1,
		.max_ns = (uint64_t)((bench->options->seconds < 2 ? 2 : bench->options->seconds) *
				     SECOND),
		.tick = look,
		.ctx = watch,
	};

	return bench_run_on(bench, side, &workload, NULL, result);
}

int bench_run_long(struct bench *bench)
{
	CLEANUP_FREE struct workload_result *results = calloc(BENCH_SIDES, sizeof(*results));
	struct watch watch = {.bench = bench};
	int err = results ? run_longer(bench, BENCH_WITHOUT, &watch, &results[BENCH_WITHOUT])
			  : -ENOMEM;

	if (err)
		return err;
	results_add_chart(&bench->results, CHART_AREA, "How full the log gets", "s",
			  "% of the log in use",
			  "The same writes as in the chart of the throughput.");
	if (bench->results.failed)
		return -ENOMEM;
	watch.occupancy = results_add_series(&bench->results, "log in use");
	err = run_longer(bench, BENCH_WITH, &watch, &results[BENCH_WITH]);
	if (err)
		return err;
	results_add_chart(
		&bench->results, CHART_LINE, "Random writes that don't stop", "s",
		"writes of 4 KiB per second",
		"Until the log is full it takes them at its own pace; from then on they can "
		"only be as fast as it is emptied, sorted, onto the device.");
	if (bench->results.failed)
		return -ENOMEM;
	add_throughput(bench, "without cache", &results[BENCH_WITHOUT]);
	add_throughput(bench, "with cache", &results[BENCH_WITH]);
	if (bench->results.failed)
		return -ENOMEM;
	put_last_first(&bench->results);
	return 0;
}
