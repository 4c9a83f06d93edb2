/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The batches that migrate.c drives, migrate_plan.c fills and migrate_io.c does the I/O of.
 * Private.
 */
#ifndef WB_ENGINE_MIGRATE_BATCH_H
#define WB_ENGINE_MIGRATE_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/backing.h"
#include "engine/batch.h"
#include "engine/lock.h"
#include "engine/wb.h"

#define NR_BATCHES 4u	/* at the same time, each of another backing */
#define MIGRATE_IOS 16u /* of a batch in flight */
#define RUN_BLOCKS 256u /* the most in one write: 1 MiB */
#define READ_GAP 8u	/* blocks that are read in vain rather than begin another read */

enum batch_state {
	BATCH_IDLE,
	BATCH_PLANNING,
	BATCH_ANNOUNCING,
	BATCH_READING,
	BATCH_COMPOSING,
	BATCH_POISONING,
	BATCH_FILLING,
	BATCH_ZEROING,
	BATCH_WRITING,
	BATCH_FLUSHING,
	BATCH_CONFIRMING,
	BATCH_SETTLING,
};

struct batch_io {
	struct batch *batch;
	bool busy;
	struct piece *piece;   /* FILLING: to be filled in */
	struct segbuf *buffer; /* pinned, if what is read is copied from it */
	const uint8_t *from;   /* in it */
	uint8_t *to;
	size_t len;
	struct work work;
	struct bdev_io io;
	uint64_t submitted; /* ns */
	uint8_t *scratch;   /* a block */
	struct iovec iov[RUN_BLOCKS];
};

/* State and cursor are protected by the mutex; pieces belong to whoever works in the state. */
struct batch {
	struct wb *wb;
	struct wb_backing *backing; /* NULL: idle */
	enum batch_state state;
	uint64_t ticket; /* ANNOUNCING, CONFIRMING: of the superblock */
	uint64_t target; /* POISONING: the record that has to be durable */
	uint64_t begun_at;
	uint64_t next_since; /* the backing's pending_since when the batch is done */
	int err;	     /* of this stage */
	bool cache_err;	     /* it is the cache's */
	uint32_t cursor;     /* next item of this stage */
	unsigned int in_flight;
	uint64_t submitted_at; /* ns: its last I/O */
	struct mark from, end; /* what is migrated: end.record is the first one after it */
	uint64_t old_zeros;    /* the last record with old zeros that the batch has; 0: none */
	uint8_t *memory;       /* for max_segments; only the backing's blocks are filled in */
	uint32_t max_segments;
	uint8_t *scratch;
	struct pieces pieces;
	struct work work;
	struct batch_io ios[MIGRATE_IOS];
};

/* Add what the batch has in a segment, then the zeros. Mutex held; migrate_plan.c. */
void migrate_plan_segment(struct batch *b, uint64_t segment);
void migrate_plan_zeros(struct batch *b);

/*
 * One for each stage with I/O: issue the next one with an idle batch_io. False if there is none.
 * Mutex held.
 */
bool migrate_read_next(struct batch *b, struct batch_io *bio);
bool migrate_fill_next(struct batch *b, struct batch_io *bio);
bool migrate_zero_next(struct batch *b, struct batch_io *bio);
bool migrate_write_next(struct batch *b, struct batch_io *bio);
bool migrate_flush_next(struct batch *b, struct batch_io *bio);

/*
 * How much of the batch may be in flight now. One I/O while syncs wait for the cache, or while
 * requests read from the backing now and then. Unless it is urgent these come first: none while
 * they read or have just done so, and the pump is woken. Mutex held.
 */
unsigned int migrate_most_in_flight(const struct batch *b);

/* It is done: count it. Mutex held. */
void migrate_count_batch(struct batch *b);

#endif
