/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Read blocks of a backing as they are now: from segment buffers, the log, zeros, the backing, and
 * composed of two where a block is in the log in part. What comes from the log is checked against
 * its checksum. Goes over the range in passes of a bounded number of I/Os, so that it needs no
 * memory but its own; slots and buffers are pinned for the length of a pass.
 * Used by reads, and by writes of parts of blocks.
 */
#ifndef WB_ENGINE_FETCH_H
#define WB_ENGINE_FETCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/wb.h"

#define FETCH_PIECES 16

enum piece_source {
	PIECE_BACKING,
	PIECE_LOG,
	PIECE_BUFFER,
	PIECE_ZEROS,
};

struct fetch_piece {
	enum piece_source source;
	uint32_t nr_blocks;
	uint32_t position; /* LOG, BUFFER: of the first block */
	uint8_t *to;
	const uint8_t *from;   /* BUFFER */
	struct segbuf *buffer; /* BUFFER: pinned */
	uint64_t block;
	struct bdev_io io;
};

/* Owned by whoever started it until done is called; then by its owner again. */
struct fetch {
	struct wb *wb;
	struct wb_backing *backing;
	uint64_t block, end;  /* what is still to be read */
	uint8_t *to;	      /* where `block` goes */
	uint8_t *scratch;     /* one block */
	bool log_only;	      /* one block: leave alone what is not in the log */
	uint8_t mask;	      /* log_only: result, the sectors that were there */
	uint8_t partial_mask; /* of the one block of this pass that is in the log in part; or 0 */
	bool count;	      /* count hits in the statistics */
	bool missed;	      /* result: some of it came from the backing */
	unsigned int nr_pieces;
	atomic_uint pending; /* I/Os in flight, and one for the pass itself */
	atomic_int err;
	void (*done)(struct fetch *fetch, int err);
	struct fetch_piece pieces[FETCH_PIECES];
};

/*
 * Fill in wb, backing, block, end, to, scratch, log_only, count and done first. done is called on
 * any thread without the mutex, perhaps before the return. -EIO: a device's error or a checksum
 * mismatch of a block that is nowhere else.
 */
void fetch_start(struct fetch *fetch);

#endif
