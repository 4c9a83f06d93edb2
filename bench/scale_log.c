/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "bench/scale_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/engine_host.h"

#define BLOCK ((uint64_t)WB_BLOCK_SIZE)
#define SEGMENT (1ull << 20)

static void request_done(struct wb_io *io, int err)
{
	host_check(err, "request");
	*(bool *)io->ctx = true;
}

static void run(struct wb *wb, struct wb_io *io, void (*request)(struct wb *, struct wb_io *))
{
	bool done = false;

	io->done = request_done;
	io->ctx = &done;
	request(wb, io);
	host_complete();
	host_check(done ? 0 : -ENOSPC, "the log is full");
}

/* In an order without order. Data is zeros, so the image has room for any amount. */
static void write_blocks(struct wb *wb, struct wb_backing *backing, const struct scale_log *log)
{
	uint8_t *memory = aligned_alloc(BLOCK, (1 + WB_IO_PAGES) * BLOCK);
	struct wb_io io = {.backing = backing, .buf = memory, .pages = memory + BLOCK};

	for (uint64_t i = 0; i < BLOCK; i++)
		memory[i] = 0;
	for (uint64_t i = 0; i < log->nr_blocks; i++) {
		io.off = i * 0x9e3779b1u % log->nr_blocks * BLOCK;
		io.len = BLOCK;
		run(wb, &io, wb_write);
		if (log->synced)
			run(wb, &io, wb_sync);
	}
	free(memory);
}

void scale_log_make(struct scale_log *log)
{
	uint64_t nr_segments = log->len / SEGMENT;
	struct host_dev cache, slow;
	struct wb_backing *backing;
	struct wb *wb;
	uint64_t size;
	int fd;

	/* In its last quarter writers would be slowed down. */
	size = WB_SLOTS_OFF + (nr_segments + nr_segments / 3 + 16) * SEGMENT;
	fd = open(log->path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		host_check(-errno, log->path);
	host_dev_init(&cache, log->path, size, fd);
	cache.dense = log->dense;
	host_dev_init(&slow, "slow", log->nr_blocks * BLOCK, -1);
	wb = host_start(&cache, &slow, &backing);
	write_blocks(wb, backing, log);
	/* The daemon is killed: what it had not written yet is lost. */
	wb_abandon(wb);
	if (fsync(fd) < 0)
		host_check(-errno, log->path);
	close(fd);
}
