/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Backings: the slow devices, and what the cache's table remembers of them. Mutable fields are
 * protected by the engine's mutex.
 */
#ifndef WB_ENGINE_BACKING_H
#define WB_ENGINE_BACKING_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/format.h"
#include "engine/health.h"
#include "engine/histogram.h"
#include "engine/rate.h"
#include "engine/util.h"
#include "engine/wb.h"

/* A place in the log: record `record` is there, or at the start of the next segment. */
struct mark {
	uint64_t record;
	uint64_t segment;
	uint32_t block;
};

struct batch;

/* Who waits for a backing to be detached; see attach.c. */
struct detach {
	struct wb *wb;
	wb_done_fn done;
	void *ctx;
};

struct wb_backing {
	struct list link;	   /* in wb.backings */
	struct table_entry entry;  /* id 0: not cached, not in the table */
	struct bdev *dev;	   /* NULL: remembered only */
	uint64_t attached;	   /* superblock ticket: that it may change is not durable before */
	uint64_t last_record;	   /* the last record with an entry of it */
	struct mark mark;	   /* if backing_pending: nothing of it before this is needed */
	uint64_t pending_since;	   /* ns: about when what is there came; see wb_backing_info */
	uint64_t writing_migrated; /* what the superblock in flight says of entry.migrated */
	uint64_t migrated_on_disk; /* what a durable one says */
	struct batch *batch;	   /* that is migrating it, or NULL */
	uint64_t batch_ended_at;   /* ns */
	unsigned int attempts;	   /* failed ones of a batch, whatever the cause */
	uint64_t resume_at;	   /* ns: no batch before */
	unsigned int nr_drains;	   /* who waits for it to be migrated */
	struct detach detach;
	bool detaching;		/* what the log has of it is being given up */
	bool suspended;		/* between wb_suspend and wb_resume */
	bool carried;		/* carry.c has begun to copy what the tail's segment has of it */
	bool busy;		/* the modulator's verdict: its load leaves no room for migration */
	uint64_t carried_until; /* record: what was carried forward has come no further */
	/*
	 * The last record with old zeros that were carried forward. No batch before it is durable:
	 * they go into the next one wherever they are, and in a later one they would undo this one.
	 */
	uint64_t old_zeros;
	unsigned int utilisation;     /* %: what that was found from */
	uint64_t quiet_until;	      /* ns: no I/O of its migration begins before */
	struct busy_time foreground;  /* I/O on it for requests, if it is cached */
	struct busy_time migration;   /* I/O of its batches */
	uint64_t nr_dirty, nr_cached; /* blocks in the index */
	uint64_t nr_placed; /* blocks and extents placed in the log, and not published yet */
	struct wb_backing_info figures; /* the counters in it */
	struct rate migration_rate;
	bool over_limit; /* a write of it waits for migration; see backing_over_limit */
	bool to_flush;	 /* migration wrote to it since its last flush */
	struct health health;
	bool batch_failed;	      /* some of its I/O in this attempt of a batch */
	unsigned int failed_batches;  /* attempts without a good one in between */
	unsigned int failed_requests; /* I/Os without a good one in between */
	struct {
		enum bdev_op op;
		uint64_t off, len;
	} failed_at; /* the last of these */
	unsigned int knobs[WB_NR_ALL_KNOBS - WB_NR_KNOBS];
};

/* The backing with an id of the log, or NULL. */
struct wb_backing *backing_by_id(struct wb *wb, unsigned int id);
struct wb_backing *backing_by_name(struct wb *wb, const char *name);

/* Make or free the object of a table entry; it joins or leaves wb.backings. NULL: no memory. */
struct wb_backing *backing_new(struct wb *wb, const struct table_entry *entry);
void backing_free(struct wb *wb, struct wb_backing *backing);

/* Whether nothing that the log has of it is needed any more. */
static inline bool backing_gone(const struct wb_backing *backing)
{
	/* What is being given up may still come back. */
	return backing->entry.detached && !backing->detaching;
}

/* Whether the log holds something of it that is not on it. */
bool backing_pending(const struct wb_backing *backing);

/* Whether what it has in records up to `target` is on it, and a durable superblock says so. */
bool backing_drained(const struct wb_backing *backing, uint64_t target);

/* Whether it can't take what is pending: missing, read-only, or it keeps failing. */
bool backing_unable(const struct wb_backing *backing);

/* Whether its blocks have to be carried forward when the log's tail reaches them. */
bool backing_held(const struct wb *wb, const struct wb_backing *backing);

/*
 * Whether a request (of so many blocks, perhaps with zeros) would give the log more of a backing
 * than it may have: half, of all that are held together; and seven eighths of one while there are
 * others, so that they are not stopped when that one fails. Both less in a small log.
 */
bool backing_over_limit(struct wb *wb, const struct wb_backing *backing, uint32_t nr_blocks,
			bool zeros);
/* Whether its migration goes on whatever the load: somebody waits for it, or there is no space. */
bool backing_is_urgent(struct wb *wb, const struct wb_backing *backing);
/*
 * Whether its migration must begin no I/O now: somebody measures the load of others, or these need
 * it and its batch is not overdue.
 */
bool backing_must_be_quiet(struct wb *wb, const struct wb_backing *backing, bool overdue);

/* A record with an entry of it has been placed, or found by recovery; it began at `since` (ns). */
void backing_uses(struct wb_backing *backing, const struct mark *record, uint64_t since);

/* Its state and the reason, "" if healthy. Mutex held, as in all below but backing_sample. */
enum wb_state backing_state(const struct wb_backing *backing, const char **reason);

/* An I/O for a request has ended, good or bad. */
void backing_request_io(struct wb *wb, struct wb_backing *backing, const struct bdev_io *io);

/*
 * In migration: an I/O has failed; an attempt of a batch that holds it has ended with an error, or
 * with everything written and flushed.
 */
void backing_batch_io_failed(struct wb *wb, struct wb_backing *backing, const struct bdev_io *io);
void backing_batch_failed(struct wb *wb, struct wb_backing *backing);
void backing_batch_done(struct wb *wb, struct wb_backing *backing);

/* It is taken for healthy until it fails again. */
void backing_forgive(struct wb *wb, struct wb_backing *backing);

/* A hash of some blocks spread over the device. Blocks; no mutex. */
int backing_sample(struct bdev *dev, uint64_t *sample) WB_CHECK;

static inline uint64_t backing_nr_blocks(const struct wb_backing *backing)
{
	return (backing->entry.size + WB_BLOCK_SIZE - 1) / WB_BLOCK_SIZE;
}

/* Bytes of a block that lie inside the device. */
static inline uint64_t backing_block_end(const struct wb_backing *backing, uint64_t block)
{
	uint64_t end = (block + 1) * WB_BLOCK_SIZE;

	return end < backing->entry.size ? end : backing->entry.size;
}

#endif
