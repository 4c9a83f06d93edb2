/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What io_uring and threads have in common. The caller's thread only waits. */
#include "config.h"

#include "fuse/workload.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "fuse/pattern.h"
#include "fuse/timer.h"

enum { TICK_NS = 50000000, SECOND = 1000000000, SUB_BITS = 3, SUB = 1 << SUB_BITS };

/* ---- latencies ---- */

static unsigned int latency_bucket(uint64_t ns)
{
	unsigned int top, bucket;

	if (ns < SUB)
		return (unsigned int)ns;
	top = 63 - (unsigned int)__builtin_clzll(ns);
	bucket = (top - SUB_BITS + 1) * SUB + (unsigned int)((ns >> (top - SUB_BITS)) & (SUB - 1));
	return bucket < LATENCY_BUCKETS ? bucket : LATENCY_BUCKETS - 1;
}

uint64_t latency_bucket_end(unsigned int bucket)
{
	unsigned int shift = bucket / SUB;

	if (!shift)
		return bucket + 1;
	return (uint64_t)(SUB + bucket % SUB + 1) << (shift - 1);
}

uint64_t latency_percentile(const uint64_t latency[LATENCY_BUCKETS], double percent)
{
	uint64_t nr = 0, seen = 0;

	for (unsigned int i = 0; i < LATENCY_BUCKETS; i++)
		nr += latency[i];
	for (unsigned int i = 0; i < LATENCY_BUCKETS; i++) {
		seen += latency[i];
		if (nr && (double)seen >= (double)nr * percent / 100)
			return latency_bucket_end(i);
	}
	return 0;
}

double workload_rate(const struct workload_result *result)
{
	return result->ns ? (double)result->nr * SECOND / (double)result->ns : 0;
}

/* ---- one I/O ---- */

bool workload_next(struct workload_run *run, uint64_t *number)
{
	const struct workload *workload = run->workload;

	if (atomic_load_explicit(&run->stop, memory_order_relaxed))
		return false;
	if (workload->max_ns && timer_now() - run->begin >= workload->max_ns)
		return false;
	*number = atomic_fetch_add(&run->next, 1);
	return !workload->max_ios || *number < workload->max_ios;
}

uint64_t workload_offset(const struct workload *workload, uint64_t number)
{
	uint64_t nr = workload->size / workload->io_len;
	uint64_t at = number % (workload->places ? workload->places : nr);

	if (workload->random)
		at = pattern_shuffle(at, nr, workload->seed);
	return at * workload->io_len;
}

void workload_fill(const struct workload *workload, uint64_t number, void *buffer)
{
	pattern_fill(buffer, workload->io_len, workload_offset(workload, number) / PATTERN_BLOCK,
		     workload->first_seq + number);
}

/* Each place was written once. */
static bool is_right(const struct workload *workload, uint64_t number, const void *buffer)
{
	uint64_t block = workload_offset(workload, number) / PATTERN_BLOCK;
	uint64_t seq = workload->first_seq +
		       (workload->places ? number % workload->places : number);

	for (uint64_t off = 0; off < workload->io_len; off += PATTERN_BLOCK)
		if (pattern_seq((const char *)buffer + off, block++) != seq)
			return false;
	return true;
}

void workload_fail(struct workload_run *run, int err)
{
	int none = 0;

	atomic_compare_exchange_strong(&run->err, &none, err);
	atomic_store(&run->stop, true);
}

void workload_done(struct workload_run *run, struct workload_result *result, uint64_t number,
		   uint64_t begun, const void *buffer, int64_t bytes)
{
	const struct workload *workload = run->workload;
	uint64_t now = timer_now();
	uint64_t slice = (now - run->begin) / WORKLOAD_SLICE_NS;

	if (bytes != workload->io_len) {
		workload_fail(run, bytes < 0 ? (int)bytes : -EIO);
		return;
	}
	if (workload->verify && !is_right(workload, number, buffer)) {
		workload_fail(run, -EBADMSG);
		return;
	}
	result->nr++;
	result->latency[latency_bucket(now - begun)]++;
	result->slices[slice < WORKLOAD_SLICES ? slice : WORKLOAD_SLICES - 1]++;
	atomic_fetch_add_explicit(&run->done, 1, memory_order_relaxed);
}

/* ---- all of them ---- */

static int open_target(const struct workload *workload, bool *buffered)
{
	int flags = (workload->write ? O_RDWR : O_RDONLY) | O_CLOEXEC;
	int fd = open(workload->path, flags | O_DIRECT);

	*buffered = false;
	if (fd < 0 && errno == EINVAL) {
		*buffered = true;
		fd = open(workload->path, flags);
	}
	return fd < 0 ? -errno : fd;
}

static int carry_out(struct workload_run *run)
{
	int err = run->workload->depth > 1 ? workload_by_uring(run) : -ENOSYS;

	return err == -ENOSYS ? workload_by_threads(run) : err;
}

static void *runner(void *arg)
{
	struct workload_run *run = arg;
	struct workload_result *result = run->result;
	int err = carry_out(run);

	if (err)
		workload_fail(run, err);
	if (run->workload->sync_end && !atomic_load(&run->err)) {
		if (fdatasync(run->fd) < 0)
			workload_fail(run, -errno);
		else
			result->synced = result->nr;
	}
	result->ns = timer_now() - run->begin;
	return NULL;
}

/* Tick until it has ended. */
static void wait_for(pthread_t thread, struct workload_run *run)
{
	const struct workload *workload = run->workload;
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	do {
		until.tv_nsec += TICK_NS;
		until.tv_sec += until.tv_nsec / SECOND;
		until.tv_nsec %= SECOND;
		if (workload->tick && !run->result->stopped &&
		    !workload->tick(workload->ctx, timer_now() - run->begin,
				    atomic_load(&run->done))) {
			run->result->stopped = true;
			atomic_store(&run->stop, true);
		}
	} while (pthread_clockjoin_np(thread, NULL, CLOCK_MONOTONIC, &until) == ETIMEDOUT);
}

int workload_run(const struct workload *workload, struct workload_result *result)
{
	CLEANUP_CLOSE int fd = -1;
	struct workload_run run = {.workload = workload, .result = result};
	pthread_t thread;
	int err;

	memset(result, 0, sizeof(*result));
	fd = open_target(workload, &result->buffered);
	if (fd < 0)
		return fd;
	if (workload->size < workload->io_len)
		return -ENOSPC;
	run.fd = fd;
	run.begin = timer_now();
	err = pthread_create(&thread, NULL, runner, &run);
	if (err)
		return -err;
	wait_for(thread, &run);
	return atomic_load(&run.err);
}
