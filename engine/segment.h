/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Slots of the cache device and the segments in them, and the buffers in RAM in which segments are
 * made. Segment s uses slot s % nr_segments and buffer s % nr_buffers.
 *
 * A slot is reused when all its records are <= migrated_on_disk and nobody reads it (pins); only
 * then does the index forget its blocks. A buffer is reused when all its records are durable and
 * nobody copies from or to it; until then its blocks are read from RAM.
 *
 * Everything here is protected by the engine's mutex. Segments are taken one after the other.
 */
#ifndef WB_ENGINE_SEGMENT_H
#define WB_ENGINE_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/wb.h"

struct slot {
	uint64_t segment;      /* 0: nothing in it that counts */
	uint64_t first_record; /* 0: none yet */
	uint64_t last_record;
	struct segbuf *buffer; /* that holds the same, or NULL */
	uint32_t pins;	       /* reads from the device in flight */
	uint64_t end_record;   /* the last one at which a request ends; 0: none */
	uint32_t end_at;       /* behind it */
	uint32_t end_block;    /* behind the last record */
};

struct segbuf {
	uint8_t *memory;   /* const after open; the segment's bytes */
	struct slot *slot; /* NULL: never used */
	uint32_t pins;	   /* copies out of it in progress */
};

struct segments {
	struct slot *slots;	 /* [nr_segments]; const after open */
	struct segbuf *buffers;	 /* [nr_buffers]; const after open */
	uint8_t *memory;	 /* of all buffers; const after open */
	unsigned int nr_buffers; /* const after open */
	uint64_t current;	 /* the newest segment; 0: none yet taken in this generation */
	uint64_t next;		 /* the segment to take next */
	uint64_t oldest;	 /* the index and the zeros have nothing older than this segment */
	uint64_t to_populate;	 /* segments_populate is due from here on; 0: it isn't */
	bool wanted;		 /* somebody waits for a segment or its buffer */
};

int segments_init(struct wb *wb, unsigned int nr_buffers) WB_CHECK;
void segments_fini(struct wb *wb);

struct slot *segment_slot(struct wb *wb, uint64_t segment);
struct slot *segment_slot_at(struct wb *wb, uint32_t position);
uint8_t *segment_memory(struct wb *wb, const struct segbuf *buffer, uint32_t block);

/* How many segments could be taken now, up to `most`. */
unsigned int segments_available(struct wb *wb, unsigned int most);

/* Whether the next nr slots could be reused, buffers apart. */
bool segments_have_slots(struct wb *wb, unsigned int nr);

/* Take the next segment: its slot and its buffer. It must be available. */
void segment_take(struct wb *wb);

/*
 * Let the index have memory for `first` and those that are taken after it. The first one to touch a
 * huge page waits until it is cleared, or longer in a virtual machine; that must not be who holds
 * the mutex, because then everybody waits. Without the mutex; may take milliseconds.
 */
void segments_populate(struct wb *wb, uint64_t first);

/* Buffers with records that are logged but not durable. */
unsigned int segments_not_durable(struct wb *wb);

/* Forget the oldest segments as far as `last`, which must be migrated_on_disk and unpinned. */
void segments_forget(struct wb *wb, uint64_t last);

/* Forget all that is migrated_on_disk, though nobody wants the slots yet. */
void segments_forget_migrated(struct wb *wb);

/* Forget the segments all of which is migrated_on_disk. */
void segments_forget_on_disk(struct wb *wb);

/* Segments whose content is needed no more. */
uint64_t segments_free(struct wb *wb);

#endif
