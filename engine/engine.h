/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * struct wb: the objects in which the flows meet. The flows (write, read, sync, log, migrate,
 * recover) include this and the objects' headers, never each other; cache.c knows them all and
 * lets them look at the state (wb_pump) after each change.
 */
#ifndef WB_ENGINE_ENGINE_H
#define WB_ENGINE_ENGINE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/backing.h"
#include "engine/blocks.h"
#include "engine/fetch.h"
#include "engine/head.h"
#include "engine/health.h"
#include "engine/index.h"
#include "engine/ladder.h"
#include "engine/layout.h"
#include "engine/lock.h"
#include "engine/segment.h"
#include "engine/space.h"
#include "engine/super.h"
#include "engine/util.h"
#include "engine/wb.h"
#include "engine/zeros.h"

#define WB_LINE 128 /* two cache lines: they are fetched in pairs */

#define NS_PER_MS 1000000ull
#define NS_PER_S 1000000000ull

/* A failed I/O is repeated this often, after pauses that double from the first on. */
#define RETRY_ATTEMPTS 5
#define RETRY_FIRST_PAUSE (10 * NS_PER_MS)

#define LOG_WRITES_IN_FLIGHT 16
#define WRITE_RUNS 20	      /* records that a single request may touch */
#define ZEROS_CAPACITY 16384u /* extents of zeros, of all backings together */

/* Somebody waits until a number has reached a target; see sync.c. */
struct waiter {
	struct list link;
	enum waiter_for {
		WAIT_DURABLE,
		WAIT_MIGRATED,
		WAIT_SUPER,
		WAIT_NO_BATCH,
		WAIT_UNUSED,
		WAIT_STOPPED
	} what;
	uint64_t target;
	struct wb_backing *backing; /* MIGRATED: NULL for all; NO_BATCH, UNUSED: of this one */
	uint64_t since;		    /* ns */
	int err;
	struct work work; /* its fn gets the result in err */
	wb_done_fn done;  /* of those made by waiter_alloc */
	void *ctx;
};

enum request_state {
	REQUEST_BLOCKED,  /* an earlier write of the same block has to finish first */
	REQUEST_FETCHING, /* reads the old contents of blocks it overwrites in part */
	REQUEST_SPACE,	  /* waits for room in the log */
	REQUEST_COPYING,  /* placed; its data is being copied */
};

/* The engine's part of a struct wb_io. */
struct request {
	struct wb *wb;
	uint64_t began;	  /* ns */
	struct list link; /* in wb.writes, from arrival until published; or in wb.reads */
	struct work work;
	int err;
	bool zero;		  /* wb_zero: the data is zeros */
	bool early;		  /* it is acknowledged before it is published */
	struct list early_link;	  /* in wb.early */
	uint64_t nr_early;	  /* its number there; a read waits for none from this one on */
	uint64_t took;		  /* ns: until it was acknowledged */
	bool partial;		  /* the current unit covers some block in part */
	enum request_state state; /* protected by the mutex */
	uint64_t off,
		end; /* bytes: the current unit, which goes into the log whole or not at all */
	uint8_t edge_mask[2]; /* sectors of the first and last block that the edge pages hold */
	unsigned int edge;    /* being fetched: 0 the first block, 1 the last */
	unsigned int nr_runs;
	struct head_run runs[WRITE_RUNS];
	struct request *next_copied; /* of those that a thread will publish together */
	struct waiter waiter;
	struct bdev_io io; /* of a backing that is not cached */
	struct fetch fetch;
};
_Static_assert(sizeof(struct request) <= sizeof(struct wb_io_private), "grow WB_IO_PRIVATE");

static inline struct request *request_of(struct wb_io *io)
{
	return (struct request *)&io->private;
}

static inline struct wb_io *io_of(struct request *request)
{
	return (struct wb_io *)((char *)request - offsetof(struct wb_io, private));
}

/* Writing the log out; see log.c. */
struct log {
	uint64_t written;	  /* all records up to it are written since the last failed flush */
	uint64_t next_write;	  /* none before it is READY */
	uint64_t logged_end;	  /* the last record <= logged at which a request ends */
	uint64_t wanted;	  /* somebody wants *durable* to get there */
	unsigned int in_flight;	  /* record writes */
	uint64_t durable_segment; /* where record ladder.durable ends: in this segment, */
	uint32_t durable_block;	  /* before this block */
	uint64_t durable_since;	  /* ns: when *durable* last grew */
	bool flushing;
	uint64_t flush_target; /* what the flush in flight will make durable */
	unsigned int flush_attempts;
	uint64_t flush_not_before;
	uint64_t sick_until; /* when *durable* is there, what failed has been made good */
	struct bdev_io flush;
};

struct batch;
struct carry;
struct discard;

struct wb {
	/* const after open */
	struct bdev *cache;
	struct wb_env env;
	bool read_only;
	bool recover_truncate;
	int (*progress)(void *ctx, enum wb_progress what, uint64_t done, uint64_t total);
	void *progress_ctx;
	bool was_clean;
	struct layout layout;
	uint8_t uuid[WB_UUID_LEN];
	uint64_t seed;
	uint64_t ram;

	/* works; told by each thread when it has no more, without the mutex */
	_Alignas(WB_LINE) _Atomic uint64_t nr_called;

	/*
	 * Alone in its cache lines: who spins on it must not take those that its holder works on.
	 */
	_Alignas(WB_LINE) pthread_mutex_t mutex;

	/* all below: protected by the mutex */
	_Alignas(WB_LINE) struct {
		struct bdev_io *head, **tail;	  /* to submit when the mutex is released */
		struct work *works, **works_tail; /* to call then */
		unsigned int effort;		  /* of the works */
		uint64_t nr_due;		  /* works that there ever were */
		bool kicked;
		uint64_t wake_at; /* when the pump wants to run; UINT64_MAX: no wish */
		uint64_t timer;	  /* what the host was asked for; UINT64_MAX: nothing */
	} pending;

	bool started;
	bool stopping;
	bool stopped; /* wb_stop has reported: nothing begins any more */
	bool failed;  /* the cache is WB_FAILED: no writes, no syncs */
	struct health health;
	uint64_t generation, generation_record;

	struct ladder ladder;
	struct segments segments;
	struct head head;
	struct index index;
	struct zeros zeros;
	struct zeros_log zeros_log;
	bool has_poison; /* the zeros perhaps have poison */
	struct log log;
	struct super_writer super;
	struct {
		uint64_t segment;
		uint32_t block;
	} tail; /* where the record behind *migrated* is */
	struct pace pace;
	uint64_t space_changes;	 /* counts what may make dead what is carried forward */
	bool super_stale;	 /* not both superblocks say how far migration got */
	struct batch *batches;	 /* migrate.c's */
	struct discard *discard; /* discard.c's */
	struct carry *carry;	 /* carry.c's */
	unsigned int nr_drains;	 /* who waits for all backings to be migrated */

	struct list backings;
	struct wb_backing *last_begun; /* the last batch is of this one; or NULL */
	struct wb_backing *by_id[WB_MAX_TABLE + 1];
	struct list writes;	 /* requests, in order of arrival */
	unsigned int nr_partial; /* of them: that write a block in part */
	unsigned int nr_blocked; /* of them: BLOCKED or SPACE */
	unsigned int nr_zeroing; /* of them: zeroing, placed and not published */
	struct list early;	 /* of them: acknowledged early; from placed to published */
	uint64_t nr_early;	 /* there ever were in it */
	struct list reads;	 /* that wait for one of those */
	unsigned int nr_others;	 /* requests in flight that are not in writes */
	struct list waiters;
	unsigned int knobs[WB_NR_KNOBS];
	struct wb_status figures; /* the counters in it */
	uint64_t counted_since;	  /* ns */
	struct rate migration_rate;
};

/* ---- flows, called by cache.c only; mutex held ---- */
void write_pump(struct wb *wb);
void read_pump(struct wb *wb);
void sync_pump(struct wb *wb);
void log_pump(struct wb *wb);
void migrate_pump(struct wb *wb);
void carry_pump(struct wb *wb);
void discard_pump(struct wb *wb);

/* cache.c: let every flow look at the state until nothing moves. Mutex held. */
void wb_pump(struct wb *wb);

/* Whether wb_stop has nothing left to wait for. If not, the pump runs again when. Mutex held. */
bool wb_has_stopped(struct wb *wb);

/* Have a request's done called when the mutex is released; it is held. */
void request_answer(struct wb *wb, struct request *request, int err);
/*
 * One that is counted in wb.nr_others ends. If it was good, the time it took is counted (NULL:
 * not). Without the mutex; the wb may be gone afterwards.
 */
void request_end(struct wb *wb, struct request *request, int err, struct wb_histogram *latency);
/*
 * Begin one of a backing that is not cached, and count it in wb.nr_others: one I/O on its device,
 * and a flush if it asks for that. Mutex held.
 */
void request_straight(struct wb *wb, struct request *request, enum bdev_op op, void *buf);

/* Without the mutex: that of a request, which ends when it has waited. */
void waiter_init(struct waiter *waiter);
/* waiter.c; mutex held */
void waiter_add(struct wb *wb, struct waiter *waiter, enum waiter_for what, uint64_t target);
/*
 * Without the mutex: a waiter that calls done(ctx, err) and is freed then. NULL if there is no
 * memory; done has been called with that.
 */
struct waiter *waiter_alloc(wb_done_fn done, void *ctx);
/* Wait until what a backing (NULL: each) has in records up to target is on it. */
void waiter_add_drain(struct wb *wb, struct waiter *waiter, struct wb_backing *backing,
		      uint64_t target);
void waiter_finish(struct wb *wb, struct waiter *waiter, int err);
/* The waiter whose target is the smallest above `reached`, or NULL. */
struct waiter *waiter_first(struct wb *wb, enum waiter_for what);

/* 0, or why wb_open is to give up. */
static inline int wb_progress(const struct wb *wb, enum wb_progress what, uint64_t done,
			      uint64_t total)
{
	return wb->progress ? wb->progress(wb->progress_ctx, what, done, total) : 0;
}

/* The pause after a number of failures; 0 if it is time to give up. */
static inline uint64_t retry_pause(unsigned int attempts)
{
	return attempts > RETRY_ATTEMPTS ? 0 : RETRY_FIRST_PAUSE << (attempts - 1);
}

#endif
