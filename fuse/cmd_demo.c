/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wbfs demo: what a write-back cache does for a hard disk, on image files and a simulated disk.
 * Every figure is measured, everything that is claimed to be there has been compared. Main's
 * thread.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "common/size.h"
#include "fuse/commands.h"
#include "fuse/control_client.h"
#include "fuse/demo.h"
#include "fuse/pattern.h"
#include "fuse/timer.h"

enum { DEPTH = 32, WRITES_MAX = 1 << 20, LOOK_EVERY_NS = 100000000, SECOND = 1000000000 };

#define MIB (UINT64_C(1) << 20)
#define CACHE_SIZE (128 * MIB)
#define DISK_SIZE (128 * MIB)
#define SPARE (64 * MIB) /* of the file system, that stays free */
#define BURST (48 * MIB) /* with what is written before the crash, less than the log */
#define MEASURE_NS (3ull * SECOND)

/* A step: 0 or -errno after a message, -EINTR if stopped. */
typedef int step(struct demo *demo);

static int prepare(struct demo *demo)
{
	const uint64_t needed = CACHE_SIZE + 2 * DISK_SIZE + SPARE;
	char need[SIZE_TEXT_LEN], have[SIZE_TEXT_LEN], size[SIZE_TEXT_LEN], log[SIZE_TEXT_LEN];
	int err;

	if (trial_space(&demo->trial) < needed) {
		message(MESSAGE_ERROR, "%s: create images: needs %s, has %s", demo->trial.dir,
			format_size(needed, need), format_size(trial_space(&demo->trial), have));
		hint("TMPDIR=/somewhere wbfs demo");
		return -ENOSPC;
	}
	chart_text(&demo->chart, CHART_PLAIN,
		   "A hard disk of %s, simulated (7200 rpm, 150 MB/s), and a cache of %s. Both are "
		   "files in %s, which is removed at the end; nothing else is touched.",
		   format_size(DISK_SIZE, size), format_size(CACHE_SIZE, log), demo->trial.dir);
	err = trial_image(&demo->trial, "cache", CACHE_SIZE, true);
	if (!err)
		err = trial_image(&demo->trial, "disk.img", DISK_SIZE, false);
	if (!err)
		err = trial_image(&demo->trial, "plain.img", DISK_SIZE, false);
	return err ? err : trial_format(&demo->trial);
}

/* ---- 1: how fast ---- */

static bool show_rate(void *ctx, uint64_t ns, uint64_t nr)
{
	struct demo *demo = ctx;

	chart_live(&demo->chart, "%" PRIu64 " s: %" PRIu64 " writes", ns / SECOND, nr);
	return trial_goes_on(&demo->trial, nr);
}

static int measure(struct demo *demo, const char *name, uint64_t max_ios,
		   struct workload_result *result)
{
	char path[TRIAL_PATH_LEN];
	const struct workload workload = {
		.path = path,
		.size = DISK_SIZE,
		.io_len = DEMO_BLOCK,
		.depth = DEPTH,
		.write = true,
		.random = true,
		.sync_end = true,
		.seed = demo->seed,
		.first_seq = 1,
		.max_ios = max_ios,
		.max_ns = MEASURE_NS,
		.tick = show_rate,
		.ctx = demo,
	};
	int err;

	trial_path(&demo->trial, name, path);
	err = workload_run(&workload, result);
	if (trial_stopped())
		return -EINTR;
	if (demo->trial.failed)
		return -EIO;
	if (err)
		message(MESSAGE_ERROR, "%s: write: %s", path, reason(err));
	return err;
}

/* All were synced, so in which order they were done doesn't matter. */
static void remember_burst(struct demo *demo, uint64_t nr)
{
	for (uint64_t i = 0; i < nr; i++)
		demo->blocks[i] = (uint32_t)(pattern_shuffle(i, DISK_SIZE / DEMO_BLOCK,
							     demo->seed));
	demo->nr_writes = demo->nr_synced = nr;
}

static void show_burst(struct demo *demo, uint64_t nr)
{
	double without = demo->rate_without, with = demo->rate_with;
	double max = with > without ? with : without;
	char text[CHART_NUMBER_LEN], line[CHART_NUMBER_LEN + 8];

	snprintf(line, sizeof(line), "%s/s", chart_number(without, text));
	chart_bar(&demo->chart, CHART_SLOW, "without cache", without, max, line);
	snprintf(line, sizeof(line), "%s/s", chart_number(with, text));
	chart_bar(&demo->chart, CHART_FAST, "with cache", with, max, line);
	chart_text(&demo->chart, CHART_PLAIN,
		   "%s the rate, sync included, for a burst of %" PRIu64
		   " writes that fits into the cache. The disk is simulated; the cache is a file.",
		   chart_ratio(with / without, text), nr);
}

static int write_both_ways(struct demo *demo)
{
	static const char *const devices[] = {"disk=disk.img,sim=hdd",
					      "plain=plain.img,cache=none,sim=hdd", NULL};
	CLEANUP_FREE struct workload_result *result = malloc(sizeof(*result));
	int err = result ? trial_mount(&demo->trial, devices) : -ENOMEM;

	if (err)
		return err;
	chart_heading(&demo->chart,
		      "1. Random writes of 4 KiB to the simulated disk, %d at a time, then a sync",
		      DEPTH);
	err = measure(demo, "mnt/plain", 0, result);
	if (err)
		return err;
	demo->rate_without = workload_rate(result);
	err = measure(demo, "mnt/disk", BURST / DEMO_BLOCK, result);
	if (err)
		return err;
	demo->rate_with = workload_rate(result);
	remember_burst(demo, result->nr);
	show_burst(demo, result->nr);
	return 0;
}

/* ---- 2: how safe ---- */

/* No migration while the disk is read, which would go back and forth between the two. */
static int rest(struct demo *demo)
{
	int err = control_set(&demo->trial.mount, "update_interval", "0");

	return err ? err : control_set(&demo->trial.mount, "allow_migrate", "0");
}

static void show_kept(struct demo *demo)
{
	uint64_t nr_lost = demo->nr_writes - demo->nr_kept;
	char kept[CHART_NUMBER_LEN], lost[80] = "Nothing was lost.";

	if (nr_lost)
		snprintf(lost, sizeof(lost),
			 "Lost: the last %" PRIu64 " writes, which no sync covered.", nr_lost);
	chart_text(
		&demo->chart, CHART_GOOD,
		"It shows the first %s writes and nothing else: every synced block is there, and "
		"there is no gap. %s",
		chart_number((double)demo->nr_kept, kept), lost);
}

static int kill_and_compare(struct demo *demo)
{
	static const char *const devices[] = {"disk=disk.img,sim=hdd", NULL};
	char path[TRIAL_PATH_LEN], written[CHART_NUMBER_LEN], synced[CHART_NUMBER_LEN];
	uint64_t begin, ns;
	int err;

	chart_heading(&demo->chart, "2. The daemon is killed while a program writes (SIGKILL)");
	err = demo_write_and_kill(demo);
	if (!err)
		err = trial_remove_mount(&demo->trial);
	if (err)
		return err;
	chart_text(&demo->chart, CHART_PLAIN,
		   "Killed at write %s; a sync after every %d, the last one covers %s.",
		   chart_number((double)demo->nr_writes, written), DEMO_SYNC_EVERY,
		   chart_number((double)demo->nr_synced, synced));
	begin = timer_now();
	err = trial_mount(&demo->trial, devices);
	ns = timer_now() - begin;
	if (!err)
		err = rest(demo);
	trial_path(&demo->trial, "mnt/disk", path);
	if (!err)
		err = demo_verify(demo, path);
	if (err)
		return err;
	chart_text(&demo->chart, CHART_PLAIN, "Mounted again in %.2f s. Compared: the whole disk.",
		   (double)ns / SECOND);
	show_kept(demo);
	demo->nr_writes = demo->nr_synced = demo->nr_kept;
	return 0;
}

/* ---- 3: and then ---- */

static int wait_until_clean(struct demo *demo, uint64_t total)
{
	uint64_t left = total;
	int err = 0;

	while (!err && left) {
		nanosleep(&(struct timespec){.tv_nsec = LOOK_EVERY_NS}, NULL);
		if (!trial_goes_on(&demo->trial, left))
			return trial_stopped() ? -EINTR : -EIO;
		err = trial_figure(&demo->trial, "nr_dirty", &left);
		chart_live(&demo->chart, "writing back ... %" PRIu64 " %%",
			   total > left ? (total - left) * 100 / total : 0);
	}
	return err;
}

static int write_back(struct demo *demo)
{
	uint64_t total, begin = timer_now();
	int err = control_set(&demo->trial.mount, "flush_current_buffer", "1");

	if (!err)
		err = control_set(&demo->trial.mount, "force_migrate", "1");
	if (!err)
		err = trial_figure(&demo->trial, "nr_dirty", &total);
	if (!err)
		err = wait_until_clean(demo, total);
	if (!err)
		demo->rate_back = (double)total * SECOND / (double)(timer_now() - begin);
	return err;
}

static void show_write_back(struct demo *demo)
{
	double without = demo->rate_without, back = demo->rate_back;
	double max = back > without ? back : without;
	char text[CHART_NUMBER_LEN], line[CHART_NUMBER_LEN + 8];

	snprintf(line, sizeof(line), "%s/s", chart_number(without, text));
	chart_bar(&demo->chart, CHART_SLOW, "at random", without, max, line);
	snprintf(line, sizeof(line), "%s/s", chart_number(back, text));
	chart_bar(&demo->chart, CHART_FAST, "from the cache", back, max, line);
}

static int drain_and_compare(struct demo *demo)
{
	char path[TRIAL_PATH_LEN];
	int err;

	chart_heading(&demo->chart,
		      "3. Everything is written back to the (simulated) disk, sorted");
	err = write_back(demo);
	if (err)
		return err;
	if (demo->rate_back > 0)
		show_write_back(demo);
	err = trial_unmount(&demo->trial);
	trial_path(&demo->trial, "disk.img", path);
	if (!err)
		err = demo_verify(demo, path);
	if (!err)
		chart_text(&demo->chart, CHART_GOOD,
			   "Unmounted. The disk's own file, without the cache, holds all of it.");
	return err;
}

/* ---- the command ---- */

static void summarise(struct demo *demo, uint64_t begin)
{
	char ratio[CHART_NUMBER_LEN], back[CHART_NUMBER_LEN];

	chart_heading(&demo->chart, "Summary, in %.0f s", (double)(timer_now() - begin) / SECOND);
	chart_text(
		&demo->chart, CHART_PLAIN,
		"A burst of random writes ran at %s the rate of the simulated disk, and was written "
		"back at %s. Of what was synced, the crash lost nothing.",
		chart_ratio(demo->rate_with / demo->rate_without, ratio),
		chart_ratio(demo->rate_back / demo->rate_without, back));
	chart_text(
		&demo->chart, CHART_DIM,
		"All files of it are removed. With real devices: mkwbfs /dev/FAST, then wbfs mount "
		"--cache /dev/FAST -d disk=/dev/SLOW /mnt/wb. Figures of this machine: wbfs bench.");
}

static int run_steps(struct demo *demo)
{
	static step *const steps[] = {prepare, write_both_ways, kill_and_compare,
				      drain_and_compare};

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int err = trial_stopped() ? -EINTR : steps[i](demo);

		if (err)
			return err;
	}
	return 0;
}

enum exit_status command_demo(int argc, char **argv)
{
	static struct demo demo;
	const struct args args = {.command = argv[0]};
	uint64_t begin = timer_now();
	CLEANUP_FREE uint32_t *blocks = NULL;
	int err;

	if (args_parse(&args, argc, argv) < 0)
		return EXIT_STATUS_USAGE;
	blocks = malloc(WRITES_MAX * sizeof(*blocks));
	demo = (struct demo){
		.chart = chart_open(),
		.disk_size = DISK_SIZE,
		.seed = (uint64_t)time(NULL),
		.blocks = blocks,
		.nr_writes_max = WRITES_MAX,
	};
	err = blocks ? trial_begin(&demo.trial, "demo") : -ENOMEM;
	if (err)
		return exit_status_of(err);
	chart_heading(&demo.chart, "wbfs demo: a write-back cache before a simulated hard disk");
	err = run_steps(&demo);
	trial_end(&demo.trial);
	if (!err)
		summarise(&demo, begin);
	else if (err == -EINTR)
		chart_text(&demo.chart, CHART_PLAIN, "Stopped; everything is removed again.");
	return exit_status_of(err);
}
