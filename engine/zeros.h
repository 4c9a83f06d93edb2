/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ranges of blocks that a record of the log says are zeros: disjoint extents in a sorted array of
 * fixed capacity, each with the version (layout.h) of its record. A block is zeros if an extent
 * covers it and the index has nothing newer. An extent is dropped together with everything older
 * in the log, so what it hides is never seen again. An extent that is carried forward keeps its
 * version, but has a new home in the log.
 *
 * The zeros log has the same entries as they are in the log, in its order: what later ones have
 * replaced is still needed by the migration batch that an earlier one is in.
 *
 * Protected by the engine's mutex, or private to a migration batch.
 */
#ifndef WB_ENGINE_ZEROS_H
#define WB_ENGINE_ZEROS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/wb.h"

struct zeros_extent {
	uint64_t first; /* key of the first block: backing << 40 | block */
	uint64_t end;	/* key behind the last block */
	uint64_t version;
	uint64_t home; /* version of the place in the log where it is now */
	bool poison;   /* reads get -EIO instead of zeros */
};

struct zeros {
	struct zeros_extent *extents; /* ascending, disjoint */
	uint32_t nr, capacity;
	uint64_t oldest;	  /* no extent has a smaller home */
	const struct wb_env *env; /* const after init */
};

static inline uint64_t zeros_key(uint8_t backing, uint64_t block)
{
	return (uint64_t)backing << 40 | block;
}

uint64_t zeros_memory(uint32_t capacity); /* bytes */
int zeros_init(struct zeros *zeros, const struct wb_env *env, uint32_t capacity) WB_CHECK;
void zeros_fini(struct zeros *zeros);
void zeros_clear(struct zeros *zeros);

/* Whether n more zeros_add are sure to succeed. */
bool zeros_room(const struct zeros *zeros, uint32_t n);

/* Add an extent that is newer than all others. Needs zeros_room. */
void zeros_add(struct zeros *zeros, uint8_t backing, uint64_t block, uint64_t nr_blocks,
	       uint64_t version, bool poison);

/* The extent that covers a block, or the first one behind it, or NULL. */
const struct zeros_extent *zeros_at(const struct zeros *zeros, uint8_t backing, uint64_t block);

/*
 * Add zeros that are older than all others: only where there are none. Those that are there are the
 * same, and get the new home. False: no room.
 */
bool zeros_add_old(struct zeros *zeros, uint8_t backing, uint64_t block, uint64_t nr_blocks,
		   uint64_t home) WB_CHECK;

/* The extent that begins with a key has another home. */
void zeros_move(struct zeros *zeros, uint64_t key, uint64_t home);

/* Let no extent cover a range. May split one in two, which needs zeros_room. */
void zeros_remove(struct zeros *zeros, uint8_t backing, uint64_t block, uint64_t nr_blocks);

/*
 * Drop all extents of a backing that have been carried, but those with a version from `oldest` on,
 * which may still hide something: these go back to their first home.
 */
void zeros_drop_carried(struct zeros *zeros, uint8_t backing, uint64_t oldest);

/* Drop all extents whose home is before `home`. */
void zeros_drop(struct zeros *zeros, uint64_t home);

/* ---- the zeros log ---- */

struct zeros_entry {
	uint64_t home; /* version of its place in the log */
	uint64_t record;
	uint64_t block;
	uint32_t nr_blocks;
	uint8_t backing;
	uint8_t kind;	/* enum wb_entry_kind but WB_ENTRY_DATA */
	uint64_t until; /* poison that was replaced: by a record up to this one; or 0 */
};

struct zeros_log {
	struct zeros_entry *entries; /* ring; ascending by home */
	uint64_t first, end;	     /* they count up without end */
	uint32_t capacity;
	const struct wb_env *env; /* const after init */
};

uint64_t zeros_log_memory(uint32_t capacity); /* bytes */
int zeros_log_init(struct zeros_log *log, const struct wb_env *env, uint32_t capacity) WB_CHECK;
void zeros_log_fini(struct zeros_log *log);
bool zeros_log_room(const struct zeros_log *log, uint32_t n);
/* The entry is newer than all others. Needs room. */
void zeros_log_add(struct zeros_log *log, const struct zeros_entry *entry);
/* Entries first <= i < end. */
const struct zeros_entry *zeros_log_at(const struct zeros_log *log, uint64_t i);
/* The first extent that is left of an entry and still at home there, or NULL. */
const struct zeros_extent *zeros_of_entry(const struct zeros *zeros,
					  const struct zeros_entry *entry);
/* Drop all entries of records up to this one. */
void zeros_log_drop(struct zeros_log *log, uint64_t record);

#endif
