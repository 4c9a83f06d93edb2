/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What wbfs demo knows about the writes that it has made. Main's thread. */
#ifndef FUSE_DEMO_H
#define FUSE_DEMO_H

#include <stdint.h>

#include "fuse/chart.h"
#include "fuse/trial.h"
#include "fuse/workload.h"

enum { DEMO_BLOCK = 4096, DEMO_SYNC_EVERY = 64 };

/* Writes with the cache are numbered from 1 on, and each is known by the block that it went to. */
struct demo {
	struct trial trial;
	struct chart chart;
	uint64_t disk_size;
	uint64_t seed;
	uint32_t *blocks; /* of write n at n - 1 */
	uint64_t nr_writes, nr_writes_max;
	uint64_t nr_synced; /* of the first writes */
	uint64_t nr_kept;   /* of the first writes, as the recovered disk shows it */
	double rate_without, rate_with, rate_back; /* blocks per second */
};

/*
 * Write at random one after the other, and kill the daemon in the middle. 0 or -errno after a
 * message; -EINTR if stopped.
 */
int demo_write_and_kill(struct demo *demo) __attribute__((warn_unused_result));

/*
 * Read the whole of a file and compare it with the writes: it has to show all of the first N
 * writes and nothing else, N at least nr_synced. Sets nr_kept. 0 or -errno after a message,
 * -EUCLEAN for wrong contents, -EINTR if stopped.
 */
int demo_verify(struct demo *demo, const char *path) __attribute__((warn_unused_result));

#endif
