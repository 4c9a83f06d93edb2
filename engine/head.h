/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The head of the log: the record that is being filled, and those on their way to the device.
 *
 * A request asks head_room for all it needs, places its blocks with head_place, which reserves
 * positions and says where to copy to, and lets go with head_copied when the data is there. A
 * record is sealed when it is full, when somebody wants it durable, or when its request goes on in
 * the next one (*continued*); log.c writes it when its last copier has let go.
 * Mutex held in all functions.
 */
#ifndef WB_ENGINE_HEAD_H
#define WB_ENGINE_HEAD_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/format.h"
#include "engine/wb.h"

enum record_state {
	RECORD_NONE,	/* durable, or never used */
	RECORD_OPEN,	/* takes blocks */
	RECORD_CLOSED,	/* takes no more blocks; copiers may be at work */
	RECORD_READY,	/* header filled in; to be written */
	RECORD_WRITING, /* its write is in flight */
	RECORD_WRITTEN,
};

/* A record that is not durable yet. Protected by the engine's mutex but for its I/O in flight. */
struct record {
	enum record_state state;
	bool continued;	   /* its last request goes on in the next one */
	bool continuation; /* its first request began in an earlier one */
	bool again;	   /* WRITING, and a flush has failed meanwhile */
	uint64_t number, segment;
	uint32_t block; /* of the header, in the segment */
	uint16_t nr_entries, nr_blocks;
	uint32_t copiers;	       /* requests that still copy data into it */
	unsigned int attempts;	       /* failed writes */
	uint64_t since;		       /* ns: when it was opened */
	uint64_t not_before;	       /* ns: pause after a failed write */
	struct wb_record_disk *header; /* in the segment buffer */
	uint64_t written_with; /* WRITING: the last one in the same I/O, which is the first's */
	struct bdev_io io;
};

struct head {
	struct record *records; /* ring, by number % nr; const after open */
	uint32_t nr;		/* const after open */
	struct record *open;	/* NULL: the next block opens ladder.open */
	uint32_t cursor;	/* next free block of the current segment */
	uint64_t ended;		/* the last sealed record at which a request ends */
	uint64_t unsynced_from; /* ns: when the first block not yet durable was placed */
};

/* Consecutive blocks of one record that a request placed. */
struct head_run {
	struct record *record;
	uint32_t block; /* first, in the segment */
	uint32_t nr;	/* blocks; 0 for a run of entries without data */
	uint32_t entry; /* first, in the record */
};

int head_init(struct wb *wb) WB_CHECK;
void head_fini(struct wb *wb);
/* Where the log goes on: the first record and segment of the generation. */
void head_start(struct wb *wb, uint64_t record, uint64_t segment);

/*
 * The most data blocks that a single request can have: all of it fits in a quarter of the log.
 * A request may have one extent of zeros besides.
 */
uint32_t head_max_blocks(const struct wb *wb);

/*
 * Whether nr_blocks data blocks (and an extent of zeros) can be placed now and leave `reserve`
 * segments free.
 */
bool head_room(struct wb *wb, uint32_t nr_blocks, uint32_t reserve);

/* Segments that are left for poison and for carry.c, so that a full log can always be emptied. */
uint32_t head_reserve(const struct wb *wb);

/*
 * Before the first head_place of a request that has head_room. A record that is a continuation is
 * not continued by the next request: so a chain of continued records is that of one request, and
 * *durable*, migration and recovery find the end of a request before long, however writes stream.
 */
void head_begin(struct wb *wb, uint32_t nr_blocks);

/*
 * Place an entry; *started says whether the request has placed one before, and is set. Returns the
 * record; the block for the data, if the entry has any, is *block of its segment. Each record that
 * the request touches the first time counts it as a copier.
 */
struct record *head_place(struct wb *wb, const struct record_entry *entry, bool *started,
			  struct record *last, uint32_t *block);

/* A request has finished copying into a record. */
void head_copied(struct wb *wb, struct record *record);

/* Take no more blocks into the open record, if there is one. */
void head_seal(struct wb *wb, bool continued);

/* Take no more records into the current segment. */
void head_end_segment(struct wb *wb);

struct record *head_record(struct wb *wb, uint64_t number);

/* The last record that holds something acknowledged or about to be. */
uint64_t head_last(const struct wb *wb);

#endif
