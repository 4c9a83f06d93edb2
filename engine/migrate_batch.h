/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The batch that migrate.c drives and migrate_io.c does the I/O of. Private to these two. */
#ifndef WB_ENGINE_MIGRATE_BATCH_H
#define WB_ENGINE_MIGRATE_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/batch.h"
#include "engine/lock.h"
#include "engine/wb.h"

#define MIGRATE_IOS 8u	/* in flight */
#define RUN_BLOCKS 256u /* the most in one write: 1 MiB */

enum batch_state {
	BATCH_IDLE,
	BATCH_ANNOUNCING,
	BATCH_READING,
	BATCH_COMPOSING,
	BATCH_FILLING,
	BATCH_ZEROING,
	BATCH_WRITING,
	BATCH_FLUSHING,
	BATCH_SETTLING,
	BATCH_PAUSING,
};

struct batch_io {
	struct wb *wb;
	bool busy;
	struct wb_backing *backing; /* or NULL: reads a segment */
	struct batch_segment *segment;
	struct segbuf *buffer; /* pinned, if the segment is copied from it */
	struct piece *piece;   /* FILLING: to be filled in */
	struct work work;
	struct bdev_io io;
	uint8_t *scratch; /* a block */
	struct iovec iov[RUN_BLOCKS];
};

struct batch {
	struct wb *wb;
	enum batch_state state;
	enum batch_state again; /* PAUSING: where to go on */
	uint64_t ticket;	/* ANNOUNCING: of the superblock */
	uint64_t resume_at;	/* PAUSING: ns */
	uint64_t ended_at;	/* ns: the last batch */
	unsigned int attempts;
	int err;	 /* of this stage */
	uint32_t cursor; /* next item of this stage */
	unsigned int in_flight;
	uint64_t last_record; /* announced end */
	struct batch_segment *segments;
	uint32_t nr_segments, max_segments;
	uint8_t *memory;
	uint8_t *scratch;
	struct pieces pieces;
	struct work work;
	struct batch_io ios[MIGRATE_IOS];
};

/*
 * One for each stage with I/O: issue the next one with an idle batch_io. False if there is none,
 * or the stage can't go on (batch.err). Mutex held.
 */
bool migrate_read_next(struct wb *wb, struct batch_io *bio);
bool migrate_fill_next(struct wb *wb, struct batch_io *bio);
bool migrate_zero_next(struct wb *wb, struct batch_io *bio);
bool migrate_write_next(struct wb *wb, struct batch_io *bio);
bool migrate_flush_next(struct wb *wb, struct batch_io *bio);

#endif
