/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "bench/engine_host.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/newcache.h"
#include "fuse/memory.h"
#include "fuse/timer.h"

void host_check(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "%s: %s\n", what, strerror(-err));
	exit(1);
}

/* ---- devices ---- */

static _Thread_local struct bdev_io *submitted, **submitted_tail;

static bool all_zeros(const uint8_t *block)
{
	return !block[0] && memcmp(block, block + 1, WB_BLOCK_SIZE - 1) == 0;
}

static void store(struct host_dev *dev, uint64_t off, const uint8_t *from, uint64_t len)
{
	if (dev->fd < 0) {
		if (dev->supers && off < WB_SLOTS_OFF)
			memcpy(dev->supers + off, from, len);
		return;
	}
	for (uint64_t at = 0; at < len; at += WB_BLOCK_SIZE)
		if ((off + at < WB_SLOTS_OFF || dev->dense || !all_zeros(from + at)) &&
		    pwrite(dev->fd, from + at, WB_BLOCK_SIZE, (off_t)(off + at)) != WB_BLOCK_SIZE)
			host_check(-EIO, "write to the image");
}

static void fetch(struct host_dev *dev, uint64_t off, uint8_t *to, uint64_t len)
{
	if (dev->fd >= 0) {
		if (pread(dev->fd, to, len, (off_t)off) != (ssize_t)len)
			host_check(-EIO, "read from the image");
	} else if (dev->supers && off < WB_SLOTS_OFF) {
		memcpy(to, dev->supers + off, len);
	} else {
		memset(to, 0, len);
	}
}

static void carry_out(struct host_dev *dev, struct bdev_io *io)
{
	uint64_t off = io->off;

	io->err = 0;
	if (io->op != BDEV_READ && io->op != BDEV_WRITE)
		return;
	for (int i = 0; i < io->nr_iov; i++) {
		if (io->op == BDEV_READ)
			fetch(dev, off, io->iov[i].iov_base, io->iov[i].iov_len);
		else
			store(dev, off, io->iov[i].iov_base, io->iov[i].iov_len);
		off += io->iov[i].iov_len;
	}
}

static void submit(struct bdev *bdev, struct bdev_io *chain)
{
	struct bdev_io *next;

	for (struct bdev_io *io = chain; io; io = next) {
		next = io->next;
		carry_out((struct host_dev *)bdev, io);
		if (!io->done)
			continue;
		io->next = NULL;
		if (!submitted)
			submitted_tail = &submitted;
		*submitted_tail = io;
		submitted_tail = &io->next;
	}
}

static void wait_for(struct bdev *bdev, struct bdev_io *io)
{
	(void)bdev;
	(void)io;
}

static const struct bdev_ops ops = {.submit = submit, .wait = wait_for};

void host_complete(void)
{
	while (submitted) {
		struct bdev_io *io = submitted;

		submitted = io->next;
		if (!submitted)
			submitted_tail = &submitted;
		io->done(io);
	}
}

void host_dev_init(struct host_dev *dev, const char *name, uint64_t size, int fd)
{
	*dev = (struct host_dev){
		.bdev = {.ops = &ops,
			 .size = size,
			 .logical_block_size = WB_SECTOR_SIZE,
			 .memory_align = WB_SECTOR_SIZE,
			 .path = name},
		.fd = fd,
	};
}

void host_dev_fini(struct host_dev *dev)
{
	free(dev->supers);
}

/* ---- the engine ---- */

static uint64_t now(void *ctx)
{
	(void)ctx;
	return timer_now();
}

static void set_timer(void *ctx, uint64_t when)
{
	(void)ctx;
	(void)when;
}

static void print(void *ctx, enum wb_log_level level, const char *message)
{
	(void)ctx;
	if (level <= WB_LOG_WARNING)
		fprintf(stderr, "%s\n", message);
}

bool host_touch;

static void *allocate(void *ctx, size_t len, enum wb_memory kind)
{
	void *mem = memory_alloc(ctx, len, kind);

	if (mem && host_touch)
		memory_populate(ctx, mem, len);
	return mem;
}

const struct wb_env host_env = {
	.now = now,
	.set_timer = set_timer,
	.log = print,
	.alloc = allocate,
	.free = memory_free,
	.populate = memory_populate,
};

static void note_done(void *ctx, int err)
{
	host_check(err, "start or stop");
	*(bool *)ctx = true;
}

struct wb *host_start(struct host_dev *cache, struct host_dev *slow, struct wb_backing **backing)
{
	const struct wb_format_options format = {.label = "bench", .uuid = {1, 2, 3}};
	const struct wb_format_result geometry = {
		.nr_segments = (cache->bdev.size - WB_SLOTS_OFF) >> 20,
		.segment_size = 1 << 20,
	};
	const struct wb_options options = {0};
	const struct wb_backing_spec spec = {
		.name = "slow",
		.path = "slow",
		.identity = "slow",
		.dev = &slow->bdev,
		.cached = true,
	};
	bool started = false;
	struct wb *wb;

	if (cache->fd < 0 && !cache->supers)
		cache->supers = calloc(1, WB_SLOTS_OFF);
	host_check(newcache_write(&cache->bdev, &format, &geometry), "format");
	host_check(wb_open(&cache->bdev, &options, &host_env, &wb), "open");
	host_check(wb_attach(wb, &spec, backing), "attach");
	host_check(wb_knob_set(wb, NULL, WB_KNOB_ALLOW_MIGRATE, 0), "allow_migrate");
	wb_start(wb, note_done, &started);
	host_complete();
	host_check(started ? 0 : -EBUSY, "start");
	return wb;
}

void host_stop(struct wb *wb)
{
	bool stopped = false;

	wb_stop(wb, note_done, &stopped);
	while (!stopped) {
		host_complete();
		wb_tick(wb);
	}
	host_check(wb_close(wb), "close");
}

/* ---- figures ---- */

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

void host_print(const char *name, double *values, unsigned int nr, const char *unit)
{
	double median;

	qsort(values, nr, sizeof(*values), ascending);
	median = (values[(nr - 1) / 2] + values[nr / 2]) / 2;
	printf("%-32s %10.4g %10.4g %10.4g %s\n", name, values[0], median, values[nr - 1], unit);
}
