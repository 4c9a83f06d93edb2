/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A load by blocking calls: a thread for each I/O in flight, each with a result of its own. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "fuse/pattern.h"
#include "fuse/timer.h"
#include "fuse/workload.h"

struct worker {
	struct workload_run *run;
	struct workload_result result; /* only its counts are used */
	pthread_t thread;
	bool started;
};

static int64_t do_io(const struct workload_run *run, uint64_t number, void *buffer)
{
	const struct workload *workload = run->workload;
	off_t off = (off_t)workload_offset(workload, number);
	ssize_t n = workload->write ? pwrite(run->fd, buffer, workload->io_len, off)
				    : pread(run->fd, buffer, workload->io_len, off);

	if (n >= 0 && workload->sync_each && fdatasync(run->fd) < 0)
		return -errno;
	return n < 0 ? -errno : n;
}

static void *work(void *arg)
{
	struct worker *worker = arg;
	struct workload_run *run = worker->run;
	const struct workload *workload = run->workload;
	CLEANUP_FREE void *buffer = aligned_alloc(PATTERN_BLOCK, workload->io_len);
	uint64_t number;

	if (!buffer) {
		workload_fail(run, -ENOMEM);
		return NULL;
	}
	while (workload_next(run, &number)) {
		uint64_t begun;

		if (workload->write)
			workload_fill(workload, number, buffer);
		begun = timer_now();
		workload_done(run, &worker->result, number, begun, buffer,
			      do_io(run, number, buffer));
		if (workload->sync_each && !atomic_load(&run->err))
			worker->result.synced = number + 1;
	}
	return NULL;
}

static void add(struct workload_result *sum, const struct workload_result *part)
{
	sum->nr += part->nr;
	if (part->synced > sum->synced)
		sum->synced = part->synced;
	for (unsigned int i = 0; i < LATENCY_BUCKETS; i++)
		sum->latency[i] += part->latency[i];
	for (unsigned int i = 0; i < WORKLOAD_SLICES; i++)
		sum->slices[i] += part->slices[i];
}

int workload_by_threads(struct workload_run *run)
{
	unsigned int depth = run->workload->depth;
	CLEANUP_FREE struct worker *workers = calloc(depth, sizeof(*workers));

	if (!workers)
		return -ENOMEM;
	for (unsigned int i = 0; i < depth; i++) {
		int err;

		workers[i].run = run;
		err = pthread_create(&workers[i].thread, NULL, work, &workers[i]);
		workers[i].started = !err;
		if (err)
			workload_fail(run, -err);
	}
	for (unsigned int i = 0; i < depth; i++) {
		if (!workers[i].started)
			continue;
		pthread_join(workers[i].thread, NULL);
		add(run->result, &workers[i].result);
	}
	return 0;
}
