/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The engine alone, without FUSE, on a cache device that discards what it gets, next to what a
 * 4 KiB write can't do without: a copy of the block, and its checksum. Blocks come from memory that
 * is larger than the CPU's cache, in an order that no prefetcher guesses, and both go to a ring of
 * buffers of the same kind. All cases of a round follow each other at once; ratios are made within
 * a round.
 */
#include "config.h"

#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/engine_host.h"
#include "engine/xxh.h"
#include "fuse/memory.h"
#include "fuse/timer.h"

#define BLOCK ((uint64_t)WB_BLOCK_SIZE)
#define RING_BLOCKS (64u * 256) /* as many as the engine has buffers for */
#define THREADS 2u
#define CHAIN 16u	  /* writes submitted at once, as receivers do when there are many */
#define READ_BLOCKS 4096u /* surely still in buffers */

enum test_case { MEMCPY, WRITE, OVERWRITE, READ, NR_CASES };

static unsigned int rounds = 9;
static uint32_t source_blocks = 256u << 10;
static uint8_t *source, *ring;
static uint32_t *order; /* of the source's blocks */
static volatile uint64_t sink;

/* What a thread does: its share of the source's blocks, in that order. */
struct job {
	pthread_t thread;
	enum test_case which;
	unsigned int number;
	uint32_t first, nr;
	struct wb *wb;
	struct wb_backing *backing;
	struct wb_io ios[CHAIN];
	_Atomic unsigned int nr_done;
	uint8_t *pages, *to;
};

static pthread_barrier_t barrier;

/* ---- the cases ---- */

static void copy_and_hash(const struct job *job)
{
	uint64_t sum = 0;

	for (uint32_t i = job->first; i < job->first + job->nr; i++) {
		uint8_t *to = ring + i % RING_BLOCKS * BLOCK;

		memcpy(to, source + order[i] * BLOCK, BLOCK);
		sum += XXH3_64bits_withSeed(to, BLOCK, i);
	}
	sink = sum;
}

static void request_done(struct wb_io *io, int err)
{
	struct job *job = io->ctx;

	host_check(err, "request");
	atomic_fetch_add_explicit(&job->nr_done, 1, memory_order_release);
}

static struct wb_io *fill(struct job *job, unsigned int n, uint32_t i)
{
	struct wb_io *io = &job->ios[n];

	io->backing = job->backing;
	io->off = order[i] * BLOCK;
	io->len = BLOCK;
	io->pages = job->pages + n * WB_IO_PAGES * BLOCK;
	io->flags = 0;
	io->done = request_done;
	io->ctx = job;
	io->next = n + 1 < CHAIN ? &job->ios[n + 1] : NULL;
	return io;
}

/* They may have to wait for a buffer whose I/O is another thread's. */
static void await(struct job *job, unsigned int nr)
{
	do
		host_complete();
	while (atomic_load_explicit(&job->nr_done, memory_order_acquire) < nr);
}

static void read_block(struct job *job, uint32_t i)
{
	struct wb_io *io = fill(job, 0, i);

	io->buf = job->to;
	atomic_store_explicit(&job->nr_done, 0, memory_order_relaxed);
	wb_read(job->wb, io);
	await(job, 1);
}

/* A write goes anywhere in the backing, but to each block once. */
static void write_blocks(struct job *job, uint32_t i)
{
	for (unsigned int n = 0; n < CHAIN; n++)
		fill(job, n, i + n)->buf = source + order[i + n] * BLOCK;
	atomic_store_explicit(&job->nr_done, 0, memory_order_relaxed);
	wb_write_all(job->wb, job->ios);
	await(job, CHAIN);
}

/* Each thread on a core of its own: else the kernel puts two together when one wakes the other. */
static void pin(unsigned int n)
{
	cpu_set_t allowed, one;

	CPU_ZERO(&one);
	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		return;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &allowed) && !n--)
			CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static void *run_job(void *arg)
{
	struct job *job = arg;
	bool read = job->which == READ;

	pin(job->number);
	/* What is read has to be in a buffer. */
	for (uint32_t i = 0; read && i < READ_BLOCKS; i += CHAIN)
		write_blocks(job, job->first + i);
	pthread_barrier_wait(&barrier);
	if (job->which == MEMCPY)
		copy_and_hash(job);
	else if (read)
		for (uint32_t i = 0; i < job->nr; i++)
			read_block(job, job->first + i % READ_BLOCKS);
	else
		for (uint32_t i = 0; i < job->nr; i += CHAIN)
			write_blocks(job, job->first + i);
	pthread_barrier_wait(&barrier);
	return NULL;
}

/* How long each block took, ns, seen from one thread. */
static double run(enum test_case which, unsigned int threads, struct wb *wb,
		  struct wb_backing *backing)
{
	static struct job jobs[THREADS];
	uint32_t nr = source_blocks / threads;
	uint64_t began;

	pthread_barrier_init(&barrier, NULL, threads + 1);
	for (unsigned int i = 0; i < threads; i++) {
		struct job *job = &jobs[i];

		job->which = which;
		job->number = i;
		job->first = i * nr;
		job->nr = nr;
		job->wb = wb;
		job->backing = backing;
		if (!job->pages)
			job->pages = aligned_alloc(BLOCK, (CHAIN * WB_IO_PAGES + 1) * BLOCK);
		job->to = job->pages + CHAIN * WB_IO_PAGES * BLOCK;
		host_check(-pthread_create(&job->thread, NULL, run_job, job), "thread");
	}
	pthread_barrier_wait(&barrier);
	began = timer_now();
	pthread_barrier_wait(&barrier);
	began = timer_now() - began;
	for (unsigned int i = 0; i < threads; i++)
		pthread_join(jobs[i].thread, NULL);
	pthread_barrier_destroy(&barrier);
	return (double)began / nr;
}

/* ---- rounds ---- */

/* ns[case][threads - 1][round] */
static double ns[NR_CASES][THREADS][HOST_MOST_ROUNDS];

/* The log gets two thirds full: beyond three quarters it would slow writers down. */
static void run_round(unsigned int round)
{
	struct host_dev cache, slow;
	struct wb_backing *backing;
	struct wb *wb;

	for (unsigned int threads = 1; threads <= THREADS; threads++) {
		host_dev_init(&cache, "cache", WB_SLOTS_OFF + 3 * source_blocks * BLOCK, -1);
		host_dev_init(&slow, "slow", source_blocks * BLOCK, -1);
		wb = host_start(&cache, &slow, &backing);
		for (enum test_case c = 0; c < NR_CASES; c++)
			ns[c][threads - 1][round] = run(c, threads, wb, backing);
		host_stop(wb);
		host_dev_fini(&cache);
	}
}

static void shuffle(void)
{
	uint64_t random = 88172645463325252ull;

	for (uint32_t i = 0; i < source_blocks; i++)
		order[i] = i;
	for (uint32_t i = source_blocks - 1; i > 0; i--) {
		uint32_t j = (uint32_t)(host_random(&random) % (i + 1)), kept = order[i];

		order[i] = order[j];
		order[j] = kept;
	}
	for (uint64_t i = 0; i < source_blocks * BLOCK / sizeof(random); i++)
		((uint64_t *)source)[i] = host_random(&random);
}

static void print_ratio(const char *name, const double *a, const double *b)
{
	double values[HOST_MOST_ROUNDS];

	for (unsigned int i = 0; i < rounds; i++)
		values[i] = a[i] / b[i];
	host_print(name, values, rounds, "ratio");
}

static void print_all(void)
{
	static const char *const names[NR_CASES] = {"memcpy_xxh3", "write", "overwrite",
						    "read_buffer"};
	double one[HOST_MOST_ROUNDS], two[HOST_MOST_ROUNDS], values[HOST_MOST_ROUNDS];

	print_ratio("write_over_memcpy_xxh3", ns[WRITE][0], ns[MEMCPY][0]);
	print_ratio("overwrite_over_memcpy_xxh3", ns[OVERWRITE][0], ns[MEMCPY][0]);
	for (unsigned int i = 0; i < rounds; i++) {
		one[i] = ns[WRITE][0][i] / ns[WRITE][1][i];
		two[i] = ns[MEMCPY][0][i] / ns[MEMCPY][1][i];
	}
	print_ratio("write_scaling_over_memcpy", one, two);
	for (enum test_case c = 0; c < NR_CASES; c++)
		for (unsigned int t = 0; t < THREADS; t++) {
			char name[64];

			for (unsigned int i = 0; i < rounds; i++)
				values[i] = (t + 1) * 1e9 / ns[c][t][i];
			snprintf(name, sizeof(name), "%s_%u_rate", names[c], t + 1);
			host_print(name, values, rounds, "ops/s");
			snprintf(name, sizeof(name), "%s_%u", names[c], t + 1);
			host_print(name, ns[c][t], rounds, "ns/op");
		}
}

int main(int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "r:m:")) >= 0) {
		unsigned long value = optarg ? strtoul(optarg, NULL, 10) : 0;

		if (option == 'r' && value >= 3 && value <= HOST_MOST_ROUNDS)
			rounds = (unsigned int)value;
		else if (option == 'm' && value >= 64 && value <= 4096)
			source_blocks = (uint32_t)value << 8;
		else
			option = '?';
		if (option == '?') {
			fprintf(stderr, "usage: %s [-r ROUNDS(3..99)] [-m SOURCE_MIB(64..4096)]\n",
				argv[0]);
			return 1;
		}
	}
	source = memory_alloc(NULL, source_blocks * BLOCK, WB_MEMORY_IO);
	ring = memory_alloc(NULL, RING_BLOCKS * BLOCK, WB_MEMORY_IO);
	order = malloc(source_blocks * sizeof(*order));
	if (!source || !ring || !order)
		host_check(-12, "memory");
	shuffle();
	host_touch = true;
	for (unsigned int round = 0; round < rounds; round++)
		run_round(round);
	printf("# source %u MiB, ring and segment buffers %u MiB, both in huge pages; %u rounds\n",
	       source_blocks >> 8, RING_BLOCKS >> 8, rounds);
	print_all();
	return 0;
}
