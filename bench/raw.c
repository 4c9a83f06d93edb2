/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A disk without a log: sequential direct writes from huge pages, several in flight, and one flush
 * at the end, by the code that the engine writes its log with. What the log can reach at best.
 * Prints bytes a second, the flush included.
 */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/exit_status.h"
#include "common/message.h"
#include "common/size.h"
#include "engine/posix/device.h"
#include "engine/util.h"
#include "fuse/memory.h"
#include "fuse/timer.h"

enum { DEPTH_MAX = 64 };

static struct raw {
	/* const while there are writes */
	struct bdev *dev;
	uint64_t len; /* of a write */
	uint64_t until;
	uint64_t bytes_max; /* 0: no limit but time */
	bool copy;	    /* the data comes into its buffer just before, as a log's does */
	char *source;

	pthread_mutex_t lock;
	pthread_cond_t idle;
	/* protected by lock */
	uint64_t off;
	uint64_t bytes;
	unsigned int in_flight;
	int err;
} raw = {
	.len = 1 << 20,
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.idle = PTHREAD_COND_INITIALIZER,
};

/* Where the next write goes; false if there is none. */
static bool next_place(uint64_t *off)
{
	LOCK_SCOPE(&raw.lock);

	if (raw.err || timer_now() >= raw.until || (raw.bytes_max && raw.bytes >= raw.bytes_max))
		return false;
	if (raw.off + raw.len > raw.dev->size)
		raw.off = 0;
	*off = raw.off;
	raw.off += raw.len;
	raw.bytes += raw.len;
	return true;
}

static void leave(int err)
{
	LOCK_SCOPE(&raw.lock);

	if (err)
		raw.err = err;
	if (--raw.in_flight == 0)
		pthread_cond_signal(&raw.idle);
}

static void write_next(struct bdev_io *io)
{
	uint64_t off;

	if (io->err || !next_place(&off)) {
		leave(io->err);
		return;
	}
	io->off = off;
	if (raw.copy)
		memcpy(io->iov->iov_base, raw.source, raw.len);
	bdev_submit(raw.dev, io);
}

static int write_all(unsigned int depth, char *buffers)
{
	static struct bdev_io ios[DEPTH_MAX];

	raw.in_flight = depth;
	for (unsigned int i = 0; i < depth; i++) {
		bdev_io_init(&ios[i], BDEV_WRITE, 0, buffers + i * raw.len, raw.len);
		ios[i].done = write_next;
		write_next(&ios[i]);
	}
	pthread_mutex_lock(&raw.lock);
	while (raw.in_flight)
		pthread_cond_wait(&raw.idle, &raw.lock);
	pthread_mutex_unlock(&raw.lock);
	return raw.err ? raw.err : bdev_flush(raw.dev);
}

static int measure(unsigned int depth, double seconds)
{
	uint64_t begin, seed = timer_now();
	uint64_t len = (depth + raw.copy) * raw.len;
	char *buffers = memory_alloc(NULL, len, WB_MEMORY_IO);
	int err;

	if (!buffers)
		return -ENOMEM;
	/* No disk shall find it easy. */
	for (uint64_t *word = (void *)buffers; (char *)word < buffers + len; word++)
		*word = seed = seed * 6364136223846793005u + 1442695040888963407u;
	raw.source = buffers + depth * raw.len;
	begin = timer_now();
	raw.until = begin + (uint64_t)(seconds * 1e9);
	err = write_all(depth, buffers);
	if (!err)
		printf("%.0f\n", (double)raw.bytes * 1e9 / (double)(timer_now() - begin));
	memory_free(NULL, buffers, len);
	return err;
}

static void log_io(void *ctx, enum wb_log_level level, const char *text)
{
	(void)ctx;
	message((enum message_level)level, "%s", text);
}

static int run(const char *path, unsigned int depth, double seconds)
{
	static struct wb_env env = {.log = log_io};
	struct posix_io *io;
	int err = posix_io_start(POSIX_IO_AUTO, &env, &io);

	if (err)
		return err;
	err = device_open(io, path, 0, &raw.dev);
	if (!err) {
		err = raw.dev->size < raw.len ? -ENOSPC : measure(depth, seconds);
		bdev_close(raw.dev);
	}
	posix_io_stop(io);
	return err;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"seconds", required_argument, NULL, 's'}, {"depth", required_argument, NULL, 'd'},
		{"write", required_argument, NULL, 'w'},   {"bytes", required_argument, NULL, 'b'},
		{"copy", no_argument, NULL, 'c'},	   {0},
	};
	unsigned int depth = 4;
	double seconds = 5;
	bool bad = false;
	int option, err;

	message_set_program("bench/raw");
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 's')
			seconds = strtod(optarg, NULL);
		else if (option == 'd')
			depth = (unsigned int)strtoul(optarg, NULL, 10);
		else if (option == 'c')
			raw.copy = true;
		else
			bad |= option == '?' ||
			       parse_size(optarg, option == 'w' ? &raw.len : &raw.bytes_max);
	}
	if (bad || optind != argc - 1 || !depth || depth > DEPTH_MAX || raw.len % WB_BLOCK_SIZE ||
	    !raw.len) {
		fprintf(stderr, "usage: bench/raw [--seconds N] [--bytes SIZE] [--depth N] "
				"[--write SIZE] [--copy] PATH\nWhat is in PATH is lost.\n");
		return EXIT_STATUS_USAGE;
	}
	err = run(argv[optind], depth, seconds);
	if (err)
		message(MESSAGE_ERROR, "%s: write: %s", argv[optind], reason(err));
	return exit_status_of(err);
}
