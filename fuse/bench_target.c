/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What wbfs bench writes to: images of its own, or what was given, which must not hold anything.
 * In the temporary directory the cache is called "cache" and the device "disk.img", whichever.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "common/size.h"
#include "engine/posix/device.h"
#include "engine/posix/signatures.h"
#include "engine/wb.h"
#include "fuse/bench.h"
#include "fuse/pattern.h"

#define MIB (UINT64_C(1) << 20)
#define LEAST (64 * MIB)	 /* of a cache or device, to be measured at all */
#define MOST (4096 * MIB)	 /* of a device that is used */
#define SPARE_SPACE (64 * MIB)	 /* of the file system, that stays free */
#define SPARE_MEMORY (192 * MIB) /* for everything but the index */

enum { PIECE = 1 << 20, BUFFERS = 64, BLOCK_SAMPLES = 64 };

static void log_message(void *ctx, enum wb_log_level level, const char *text)
{
	(void)ctx;
	message((enum message_level)level, "%s", text);
}

/* ---- does it hold anything? ---- */

static bool is_zero(const char *bytes, size_t len)
{
	return len == 0 || (!bytes[0] && memcmp(bytes, bytes + 1, len - 1) == 0);
}

/* 1: something is there. */
static int look_at(int fd, char *buffer, uint64_t off)
{
	ssize_t n = pread(fd, buffer, PIECE, (off_t)off);

	return n < 0 ? -errno : !is_zero(buffer, (size_t)n);
}

/* All of a file, without its holes. */
static int look_through_file(int fd, char *buffer, uint64_t size)
{
	off_t off = 0;

	while ((uint64_t)off < size && !trial_stopped()) {
		off_t data = lseek(fd, off, SEEK_DATA);
		int found;

		if (data < 0)
			return errno == ENXIO ? 0 : -errno;
		found = look_at(fd, buffer, (uint64_t)data);
		if (found)
			return found;
		off = data + PIECE;
	}
	return trial_stopped() ? -EINTR : 0;
}

/* A device would take too long: its beginning, and samples of the rest. */
static int look_into_device(int fd, char *buffer, uint64_t size)
{
	uint64_t step = size / BLOCK_SAMPLES / PIECE * PIECE;
	int found = 0;

	for (unsigned int i = 0; !found && i < BLOCK_SAMPLES && (step || !i); i++)
		found = look_at(fd, buffer, i * step);
	return found;
}

static int holds_data(const struct bdev *dev)
{
	CLEANUP_CLOSE int fd = open(dev->path, O_RDONLY | O_CLOEXEC);
	CLEANUP_FREE char *buffer = malloc(PIECE);
	struct stat attr;
	int found;

	if (fd < 0 || !buffer || fstat(fd, &attr) < 0)
		return buffer ? -errno : -ENOMEM;
	found = S_ISBLK(attr.st_mode) ? look_into_device(fd, buffer, dev->size)
				      : look_through_file(fd, buffer, dev->size);
	if (found < 0 && found != -EINTR)
		message(MESSAGE_ERROR, "%s: read: %s", dev->path, reason(found));
	return found;
}

static int check_contents(struct bdev *dev, bool force)
{
	struct signatures signatures;
	int found, err = signatures_find(dev, &signatures);

	if (err)
		return err;
	found = signatures.found[0] ? 1 : holds_data(dev);
	if (found <= 0)
		return found;
	if (force) {
		message(MESSAGE_INFO, "%s: bench: overwriting %s", dev->path,
			signatures.found[0] ? signatures.found : "what is there");
		return 0;
	}
	message(MESSAGE_ERROR, "%s: bench: holds %s, which would be overwritten", dev->path,
		signatures.found[0] ? signatures.found : "data");
	hint("wbfs bench --force ..., if it may be lost");
	return -EMEDIUMTYPE;
}

static int check_size(const struct bdev *dev)
{
	char is[SIZE_TEXT_LEN], least[SIZE_TEXT_LEN];

	if (dev->size >= LEAST)
		return 0;
	message(MESSAGE_ERROR, "%s: bench: too small to be measured: %s, the least is %s",
		dev->path, format_size(dev->size, is), format_size(LEAST, least));
	return -EINVAL;
}

static int check_target(struct posix_io *io, const char *path, bool force, uint64_t *size)
{
	struct bdev *dev;
	int err = device_open(io, path, DEVICE_BUFFERED, &dev);

	if (err) {
		if (err == -ENOENT)
			hint("truncate --size 1G %s", path);
		return err;
	}
	err = check_size(dev);
	if (!err)
		err = check_contents(dev, force);
	*size = dev->size;
	bdev_close(dev);
	return err;
}

static bool are_the_same(const char *a, const char *b)
{
	struct stat one, other;

	if (!a || !b || stat(a, &one) < 0 || stat(b, &other) < 0)
		return false;
	if (S_ISBLK(one.st_mode) && S_ISBLK(other.st_mode))
		return one.st_rdev == other.st_rdev;
	return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

static int check_targets(struct bench *bench)
{
	static const struct wb_env env = {.log = log_message};
	const struct bench_options *options = bench->options;
	struct posix_io *io;
	int err;

	if (are_the_same(options->cache, options->device)) {
		message(MESSAGE_ERROR, "%s: bench: cache and device are the same", options->cache);
		return -EINVAL;
	}
	err = posix_io_start(POSIX_IO_THREADS, &env, &io);
	if (err)
		return err;
	if (options->cache)
		err = check_target(io, options->cache, options->force, &bench->cache_size);
	if (!err && options->device)
		err = check_target(io, options->device, options->force, &bench->device_size);
	posix_io_stop(io);
	return err;
}

/* ---- our own ---- */

static int no_space(const struct bench *bench, uint64_t needed)
{
	char need[SIZE_TEXT_LEN], have[SIZE_TEXT_LEN];

	message(MESSAGE_ERROR, "%s: create images: needs %s, has %s: too little to measure",
		bench->trial.dir, format_size(needed, need),
		format_size(trial_space(&bench->trial), have));
	hint("TMPDIR=/somewhere wbfs bench, or wbfs bench --cache IMAGE --device IMAGE");
	return -ENOSPC;
}

/* The largest that fit. */
static int choose_sizes(struct bench *bench)
{
	static const uint64_t sizes[] = {1024 * MIB, 512 * MIB, 256 * MIB, 128 * MIB};
	uint64_t space = trial_space(&bench->trial);
	uint64_t needed = 0;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint64_t cache = bench->options->cache ? 0 : sizes[i];
		uint64_t device = bench->options->device ? 0 : sizes[i];

		needed = cache + device + SPARE_SPACE;
		if (space < needed)
			continue;
		bench->cache_size = cache ? cache : bench->cache_size;
		bench->device_size = device ? device : bench->device_size;
		return 0;
	}
	return no_space(bench, needed);
}

static uint64_t memory_available(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	uint64_t kib = UINT64_MAX >> 10;
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %" SCNu64 " kB", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib << 10;
}

static int check_memory(const struct bench *bench)
{
	const struct wb_format_options plain = {.label = NULL};
	char need[SIZE_TEXT_LEN], have[SIZE_TEXT_LEN];
	struct wb_format_result plan;
	uint64_t needed, available = memory_available();
	int err = wb_format_plan(bench->cache_size, &plain, &plan);

	if (err)
		return err;
	needed = wb_ram_needed(plan.nr_segments, plan.segment_size / WB_BLOCK_SIZE, BUFFERS) +
		 SPARE_MEMORY;
	if (available >= needed)
		return 0;
	message(MESSAGE_ERROR, "memory: bench: needs %s, has %s: too little to measure",
		format_size(needed, need), format_size(available, have));
	return -ENOMEM;
}

static int make_or_link(struct bench *bench, const char *name, const char *given, uint64_t size,
			bool allocate)
{
	return given ? trial_link(&bench->trial, name, given)
		     : trial_image(&bench->trial, name, size, allocate);
}

int bench_take_targets(struct bench *bench)
{
	const struct bench_options *options = bench->options;
	int err = check_targets(bench);

	bench->simulated = !options->device;
	if (!err && !(options->cache && options->device))
		err = choose_sizes(bench);
	if (!err)
		err = check_memory(bench);
	if (!err)
		err = make_or_link(bench, "cache", options->cache, bench->cache_size, true);
	if (!err)
		err = make_or_link(bench, "disk.img", options->device, bench->device_size, false);
	if (bench->device_size > MOST)
		bench->device_size = MOST;
	bench->device_size = bench->device_size / PIECE * PIECE;
	return err;
}

/* ---- while we use it ---- */

int bench_hold_begin(struct bench_hold *hold, const char *path)
{
	static const struct wb_env env = {.log = log_message};
	int err = posix_io_start(POSIX_IO_THREADS, &env, &hold->io);

	if (err)
		return err;
	err = device_open(hold->io, path, DEVICE_BUFFERED, &hold->dev);
	if (err)
		posix_io_stop(hold->io);
	return err;
}

void bench_hold_end(struct bench_hold *hold)
{
	bdev_close(hold->dev);
	posix_io_stop(hold->io);
}

/* ---- before and after ---- */

static bool has_holes(const char *path)
{
	struct stat attr;

	return stat(path, &attr) == 0 && S_ISREG(attr.st_mode) &&
	       (uint64_t)attr.st_blocks * 512 < (uint64_t)attr.st_size;
}

static bool go_on(void *ctx, uint64_t ns, uint64_t nr)
{
	struct bench *bench = ctx;

	(void)ns;
	chart_live(&bench->chart, "writing the images once ... %" PRIu64 " MiB", nr);
	return !trial_stopped();
}

static int fill(struct bench *bench, const char *path, uint64_t size)
{
	CLEANUP_FREE struct workload_result *result = malloc(sizeof(*result));
	const struct workload workload = {
		.path = path,
		.size = size,
		.io_len = PIECE,
		.depth = 4,
		.write = true,
		.sync_end = true,
		.first_seq = 1,
		.max_ios = size / PIECE,
		.tick = go_on,
		.ctx = bench,
	};
	struct bench_hold hold;
	int err = result ? bench_hold_begin(&hold, path) : -ENOMEM;

	if (err)
		return err;
	bench->touched = true;
	err = workload_run(&workload, result);
	bench_hold_end(&hold);
	if (trial_stopped())
		return -EINTR;
	if (err)
		message(MESSAGE_ERROR, "%s: fill: %s", path, reason(err));
	return err;
}

int bench_fill_images(struct bench *bench)
{
	char path[TRIAL_PATH_LEN];
	int err = 0;

	trial_path(&bench->trial, "cache", path);
	if (!bench->options->cache || has_holes(path))
		err = fill(bench, path, bench->cache_size);
	trial_path(&bench->trial, "disk.img", path);
	if (!err && !bench->simulated && has_holes(path))
		err = fill(bench, path, bench->device_size);
	return err;
}

static bool empty_file(const char *path)
{
	CLEANUP_CLOSE int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat attr;

	return fd >= 0 && fstat(fd, &attr) == 0 && S_ISREG(attr.st_mode) &&
	       (fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, attr.st_size) == 0 ||
		fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, attr.st_size) == 0);
}

/* A file is as empty as it was; a device has only its signatures removed. */
static void clear(const char *path)
{
	struct bench_hold hold;

	/* If it couldn't be used because somebody else has it by now, it is theirs. */
	if (bench_hold_begin(&hold, path))
		return;
	if (!empty_file(path) && signatures_wipe(hold.dev) == 0)
		message(MESSAGE_INFO, "%s: bench: holds what the measurement wrote", path);
	bench_hold_end(&hold);
}

void bench_leave_targets(struct bench *bench)
{
	if (!bench->touched)
		return;
	if (bench->options->cache)
		clear(bench->options->cache);
	if (bench->options->device)
		clear(bench->options->device);
}
