/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The superblock and the backing table: reading both copies, and the writer that keeps them true.
 *
 * The copies are written in turn, the next one only after a flush has made the last one durable, so
 * that one of them is always whole. Changes that must outlive the loss of either copy, as those of
 * the table's backings, go to both before they count. The writer asks log.c for the flush that it
 * needs and is told when that has succeeded or failed.
 */
#ifndef WB_ENGINE_SUPER_H
#define WB_ENGINE_SUPER_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/format.h"
#include "engine/wb.h"

enum super_state {
	SUPER_IDLE,
	SUPER_WRITING,
	SUPER_WRITTEN,	/* waits for a flush to begin */
	SUPER_FLUSHING, /* a flush that covers it is in flight */
};

/* Protected by the engine's mutex, memory while WRITING owned by the I/O. */
struct super_writer {
	enum super_state state;
	uint64_t wanted, written, done; /* tickets */
	bool both_wanted;
	unsigned int copy;	     /* to write next */
	bool alone;		     /* const after open: only one copy could be read */
	unsigned int copies_left;    /* copies that don't have yet what both must have */
	uint64_t writing_migrated;   /* what the write in flight says of *migrated* */
	uint64_t migrated_on_newest; /* what the newest durable copy says of it */
	uint64_t durable;	     /* the same of *durable* */
	uint64_t writing_durable;
	uint64_t written_at; /* ns: when the last write began */
	bool again;	     /* WRITING, and a flush has failed meanwhile */
	unsigned int attempts;
	uint64_t not_before;
	struct super super; /* identity and geometry; what was read or written last */
	uint8_t *memory;    /* superblock and table, as on disk */
	struct bdev_io io;
};

/* A copy as it was read. */
struct super_copy {
	struct super super; /* if err is 0, else perhaps in part */
	int err;	    /* as of super_decode; -EUCLEAN also for its table; or that of a read */
	const char *why;    /* in words; NULL if it is good */
};

/* Read copy i and its table into memory (WB_SUPER_AREA bytes). Blocks. Logs nothing. */
void super_read_copy(struct bdev *dev, unsigned int i, uint8_t *memory, struct super_copy *copy);

/*
 * Read the copies of a device, of which memory (WB_SUPER_AREA bytes) then holds the table of the
 * newer valid one. Blocks. *copy is its number. One broken copy is logged, and *alone is true: it
 * may have been the newer one.
 * -EMEDIUMTYPE, -EUCLEAN (with a message), -EIO.
 */
int super_read(struct bdev *dev, const struct wb_env *env, uint8_t *memory, struct super *super,
	       unsigned int *copy, bool *alone) WB_CHECK;

/* Put superblock and table of the wb into memory for one copy; returns the bytes to write. */
uint64_t super_fill(struct wb *wb, enum wb_super_state state);

/* Mutex held in all below. */

/* Ask for the superblock to be written; it is durable, in both copies if that is asked for, when
 * writer.done >= the result. */
uint64_t super_commit(struct wb *wb, bool to_both);
void super_pump(struct wb *wb);
void super_flush_starts(struct wb *wb);
void super_flush_ended(struct wb *wb, int err);

#endif
