/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wbfs bench: what its parts share. Main's thread. */
#ifndef FUSE_BENCH_H
#define FUSE_BENCH_H

#include "fuse/chart.h"
#include "fuse/results.h"
#include "fuse/trial.h"
#include "fuse/workload.h"

enum { BENCH_RUNS = 3, BENCH_WORKS = 5 };
enum bench_side { BENCH_WITHOUT, BENCH_WITH, BENCH_SIDES };

struct bench_options {
	const char *cache, *device; /* NULL: our own */
	const char *report, *from;  /* or NULL */
	bool force;
	double seconds; /* for each work and side, all runs together */
};

/* One kind of work. */
struct bench_work {
	const char *name, *detail, *unit;
	uint32_t io_len;
	unsigned int depth;
	bool write, random, sync_each;
	bool just_written; /* reads of what was written before, which is in the log */
	double scale;	   /* from I/Os per second to the unit */
};

extern const struct bench_work bench_works[BENCH_WORKS];

struct bench_row {
	double figures[BENCH_SIDES][BENCH_RUNS];
	bool too_short[BENCH_SIDES]; /* one of them can't be trusted */
	uint64_t latency[BENCH_SIDES][LATENCY_BUCKETS];
};

struct bench {
	const struct bench_options *options;
	struct trial trial;
	struct chart chart;
	bool simulated;	      /* the device is our image, as slow as a hard disk */
	bool buffered;	      /* O_DIRECT was refused somewhere */
	bool touched;	      /* what was given is overwritten */
	uint64_t cache_size;  /* bytes */
	uint64_t device_size; /* of what is used of it */
	uint64_t seed;
	struct bench_row rows[BENCH_WORKS];
	struct results results;
};

/*
 * Find out whether what was given may be used, or make images; nothing that was given is changed
 * yet. 0 or -errno after a message.
 */
int bench_take_targets(struct bench *bench) __attribute__((warn_unused_result));
/* A target that we write to ourselves: nobody else shall use it meanwhile. No fork until then. */
struct bench_hold {
	struct posix_io *io;
	struct bdev *dev;
};

/* 0 or -errno after a message; -EBUSY: somebody else has it. */
int bench_hold_begin(struct bench_hold *hold, const char *path) __attribute__((warn_unused_result));
void bench_hold_end(struct bench_hold *hold);

/*
 * Write image files once where the first write would be slower than the others, as the file system
 * has to find room for it or note that there is something. 0 or -errno after a message.
 */
int bench_fill_images(struct bench *bench) __attribute__((warn_unused_result));
/* Leave nothing that would be taken for a cache. */
void bench_leave_targets(struct bench *bench);

/* All works, on both sides, BENCH_RUNS times. 0 or -errno after a message; -EINTR if stopped. */
int bench_run_all(struct bench *bench) __attribute__((warn_unused_result));
/* Random writes for longer, looking at the log; adds charts. As above. */
int bench_run_long(struct bench *bench) __attribute__((warn_unused_result));

/* One run on a side that is mounted and unmounted for it; the workloads' paths don't matter. */
int bench_run_on(struct bench *bench, enum bench_side side, const struct workload *workload,
		 const struct workload *before, struct workload_result *result)
	__attribute__((warn_unused_result));

/* Make bench->results of what was measured. */
void bench_tell(struct bench *bench);
void bench_print(struct bench *bench);

#endif
