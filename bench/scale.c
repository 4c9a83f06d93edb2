/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How index and recovery grow with the log. For each size a log is written by the engine itself and
 * left as by a killed daemon, and then recovered from its image several times, each in a process of
 * its own, whose memory is compared with what it was before. Last a log of records of two blocks,
 * as syncs of single blocks leave it, which has all its bytes on the disk and is compared with
 * reading its segments from one end to the other.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/engine_host.h"
#include "bench/scale_log.h"
#include "engine/posix/device.h"
#include "fuse/timer.h"

#define GIB_BLOCKS (1ull << 18)
#define READ_LEN (1ull << 20)
#define READS 4u /* in flight */

struct result {
	double seconds;
	double bytes; /* of memory, but for segment buffers */
	double blocks;
	double read_seconds;
};

static unsigned int rounds = 3;
static char path[4096];

static uint64_t resident(void)
{
	unsigned long long all, rss = 0;
	FILE *file = fopen("/proc/self/statm", "re");

	if (!file || fscanf(file, "%llu %llu", &all, &rss) != 2)
		host_check(-EIO, "/proc/self/statm");
	fclose(file);
	return rss * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* As fast as the device reads from one end to the other. */
static double read_through(struct bdev *dev, const struct scale_log *log)
{
	uint8_t *memory = host_env.alloc(NULL, READS * READ_LEN, WB_MEMORY_IO);
	uint64_t began = timer_now(), nr = log->len / READ_LEN;
	struct bdev_io ios[READS];

	for (uint64_t i = 0; i < nr + READS; i++) {
		struct bdev_io *io = &ios[i % READS];

		if (i >= READS) {
			dev->ops->wait(dev, io);
			host_check(io->err, "read");
		}
		if (i >= nr)
			continue;
		/* Segments are numbered from 1. */
		bdev_io_init(io, BDEV_READ, WB_SLOTS_OFF + (i + 1) * READ_LEN,
			     memory + i % READS * READ_LEN, READ_LEN);
		bdev_submit(dev, io);
	}
	return (double)(timer_now() - began) / 1e9;
}

static void recover_once(const struct scale_log *log, struct result *result)
{
	const struct wb_options options = {0};
	struct wb_status status;
	struct posix_io *io;
	struct bdev *dev;
	struct wb *wb;
	uint64_t before, began;

	host_check(posix_io_start(POSIX_IO_AUTO, &host_env, &io), "start I/O");
	host_check(device_open(io, log->path, 0, &dev), log->path);
	if (log->dense)
		result->read_seconds = read_through(dev, log);
	before = resident();
	began = timer_now();
	host_check(wb_open(dev, &options, &host_env, &wb), "recover");
	result->seconds = (double)(timer_now() - began) / 1e9;
	wb_status(wb, &status);
	result->blocks = (double)status.nr_cached;
	result->bytes = (double)(resident() - before) -
			(double)status.nr_buffers * status.segment_blocks * WB_BLOCK_SIZE;
	/* The last segment buffers had not been written. */
	if (status.nr_cached + 64 * 256 < log->nr_blocks)
		host_check(-EUCLEAN, "blocks are missing");
}

static struct result recover_apart(const struct scale_log *log)
{
	struct result result = {0};
	int fds[2], status;
	pid_t child;

	fflush(NULL);
	if (pipe(fds) < 0)
		host_check(-errno, "pipe");
	child = fork();
	if (child < 0)
		host_check(-errno, "fork");
	if (!child) {
		recover_once(log, &result);
		_exit(write(fds[1], &result, sizeof(result)) != sizeof(result));
	}
	if (waitpid(child, &status, 0) < 0 || status)
		host_check(-EIO, "recovery");
	if (read(fds[0], &result, sizeof(result)) != sizeof(result))
		host_check(-EIO, "recovery");
	close(fds[0]);
	close(fds[1]);
	return result;
}

/* What name stands for is one of these for each round. */
static double seconds[HOST_MOST_ROUNDS], bytes[HOST_MOST_ROUNDS], reading[HOST_MOST_ROUNDS],
	ratio[HOST_MOST_ROUNDS], smallest[HOST_MOST_ROUNDS]; /* seconds for a block of the first */

static void recover_all(struct scale_log *log)
{
	uint32_t blocks_in_segment = log->synced ? 128 : 255;

	/* In a process of its own, so that nobody inherits its memory. */
	pid_t child;
	int status;

	log->len = (log->nr_blocks / blocks_in_segment + 1) * READ_LEN;
	child = fork();
	if (child < 0)
		host_check(-errno, "fork");
	if (!child) {
		scale_log_make(log);
		_exit(0);
	}
	if (waitpid(child, &status, 0) < 0 || status)
		host_check(-EIO, "make the log");
	for (unsigned int i = 0; i < rounds; i++) {
		struct result result = recover_apart(log);

		seconds[i] = result.seconds;
		bytes[i] = result.bytes / result.blocks;
		reading[i] = result.read_seconds;
		ratio[i] = result.seconds / result.read_seconds;
	}
	unlink(log->path);
}

__attribute__((format(printf, 1, 0))) static void print(const char *what, uint64_t gib,
							double *values, const char *unit)
{
	char name[64];

	snprintf(name, sizeof(name), what, (unsigned long long)gib);
	host_print(name, values, rounds, unit);
}

/* Full records. How much longer a block takes than in the smallest log is told of all others. */
static void scale(uint64_t gib, bool first)
{
	struct scale_log log = {.path = path, .nr_blocks = gib * GIB_BLOCKS};
	double growth[HOST_MOST_ROUNDS];

	recover_all(&log);
	for (unsigned int i = 0; i < rounds; i++) {
		if (first)
			smallest[i] = seconds[i] / (double)log.nr_blocks;
		growth[i] = seconds[i] / (double)log.nr_blocks / smallest[i];
	}
	print("recover_%llug", gib, seconds, "s");
	if (!first)
		print("recover_growth_%llug", gib, growth, "ratio");
	print("memory_%llug", gib, bytes, "bytes");
	fflush(stdout);
}

static void scale_small_records(uint64_t gib)
{
	struct scale_log log = {.path = path,
				.nr_blocks = gib * GIB_BLOCKS,
				.synced = true,
				.dense = true};

	recover_all(&log);
	host_print("recover_two_block", seconds, rounds, "s");
	host_print("read_two_block", reading, rounds, "s");
	host_print("recover_two_block_over_reading", ratio, rounds, "ratio");
}

static void remove_image(int signal)
{
	(void)signal;
	unlink(path);
	_exit(1);
}

int main(int argc, char **argv)
{
	const char *sizes = "16,64,256", *dir = "/var/tmp";
	bool first = true;
	char *end;
	int option;

	while ((option = getopt(argc, argv, "d:r:s:")) >= 0) {
		if (option == 'd')
			dir = optarg;
		else if (option == 'r' && atoi(optarg) >= 3 && atoi(optarg) <= HOST_MOST_ROUNDS)
			rounds = (unsigned int)atoi(optarg);
		else if (option == 's')
			sizes = optarg;
		else
			option = '?';
		if (option == '?') {
			fprintf(stderr, "usage: %s [-d DIR] [-r ROUNDS(3..99)] [-s GIB,GIB,...]\n",
				argv[0]);
			return 1;
		}
	}
	snprintf(path, sizeof(path), "%s/wbfs-scale.%d", dir, (int)getpid());
	signal(SIGINT, remove_image);
	signal(SIGTERM, remove_image);
	while (*sizes) {
		uint64_t gib = strtoull(sizes, &end, 10);

		if (!gib || gib & (gib - 1) || gib > 1024)
			host_check(-EINVAL, "sizes are powers of two, in GiB");
		scale(gib, first);
		first = false;
		sizes = *end ? end + 1 : end;
	}
	scale_small_records(1);
	return 0;
}
