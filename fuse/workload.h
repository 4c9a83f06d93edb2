/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A load on a file or device, for wbfs demo and wbfs bench: random or sequential reads or writes
 * with O_DIRECT, so many in flight. One thread with io_uring where several are in flight, else a
 * thread for each.
 */
#ifndef FUSE_WORKLOAD_H
#define FUSE_WORKLOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	LATENCY_BUCKETS = 480, /* eight for each power of two of ns */
	WORKLOAD_SLICES = 1200,
	WORKLOAD_DEPTH_MAX = 64,
};

#define WORKLOAD_SLICE_NS 50000000u

struct workload {
	const char *path;
	uint64_t size;	    /* of the part that is used, from the start; bytes */
	uint32_t io_len;    /* bytes, whole blocks of 4096 */
	unsigned int depth; /* in flight, 1..WORKLOAD_DEPTH_MAX */
	bool write, random;
	uint64_t places;    /* so many different ones, again and again; 0: all there are */
	bool sync_each;	    /* fdatasync after each write; depth 1 */
	bool sync_end;	    /* one at the end, whose time counts */
	bool verify;	    /* reads: of what was written by the same seed and first_seq */
	uint64_t seed;	    /* of the random order */
	uint64_t first_seq; /* the number of the first write, see pattern.h */
	uint64_t max_ios;   /* 0: no limit */
	uint64_t max_ns;    /* 0: no limit */
	/* Called every 50 ms or so on the caller's thread, or NULL. False: stop. */
	bool (*tick)(void *ctx, uint64_t ns, uint64_t nr);
	void *ctx;
};

struct workload_result {
	uint64_t nr;	 /* I/Os done */
	uint64_t ns;	 /* from the first submission to the last completion, or the last sync */
	uint64_t synced; /* of the first writes, so many are covered by a sync that succeeded */
	uint64_t latency[LATENCY_BUCKETS];
	uint32_t slices[WORKLOAD_SLICES]; /* I/Os done in each 50 ms; the last takes all beyond */
	bool stopped;			  /* tick said so */
	bool buffered;			  /* O_DIRECT is refused there */
};

/*
 * Blocks until it is done. 0 or the first error as -errno, without a message: -EBADMSG for a read
 * that didn't show what was written. The result holds what was done until then.
 */
int workload_run(const struct workload *workload, struct workload_result *result)
	__attribute__((warn_unused_result));

double workload_rate(const struct workload_result *result); /* I/Os per second */

/* The upper end, in ns, of what a bucket counts. */
uint64_t latency_bucket_end(unsigned int bucket);
/* The latency that `percent` of I/Os stay below, in ns. */
uint64_t latency_percentile(const uint64_t latency[LATENCY_BUCKETS], double percent);

/* ---- for the two that carry it out ---- */

struct workload_run {
	const struct workload *workload; /* const */
	struct workload_result *result;	 /* counts: by one thread, or under `lock` */
	int fd;				 /* const */
	uint64_t begin;			 /* const, ns */
	atomic_uint_fast64_t next, done; /* I/Os begun and done */
	atomic_bool stop;		 /* begin no more */
	atomic_int err;			 /* the first */
};

/* Which I/O is next: its number, or false if there shall be no more. */
bool workload_next(struct workload_run *run, uint64_t *number);
uint64_t workload_offset(const struct workload *workload, uint64_t number);
/* Fill the buffer of a write. */
void workload_fill(const struct workload *workload, uint64_t number, void *buffer);
/* It ended with the bytes or -errno. Counts it; one thread at a time for one result. */
void workload_done(struct workload_run *run, struct workload_result *result, uint64_t number,
		   uint64_t begun, const void *buffer, int64_t bytes);
void workload_fail(struct workload_run *run, int err);

/* -ENOSYS, or another error, before anything was done: there is no io_uring here. */
int workload_by_uring(struct workload_run *run) __attribute__((warn_unused_result));
int workload_by_threads(struct workload_run *run) __attribute__((warn_unused_result));

#endif
