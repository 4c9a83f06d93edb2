/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Room in the log: where its tail is, who holds it there, and how urgent more room is. Mutex held
 * in all functions.
 */
#ifndef WB_ENGINE_SPACE_H
#define WB_ENGINE_SPACE_H

#include <stdbool.h>
#include <stdint.h>

struct wb;

/*
 * Move the tail (and with it ladder.migrated) as far as nothing before it is needed: to where the
 * first backing has something pending, or poison is, or else to what is durable.
 */
void space_advance_tail(struct wb *wb);

/*
 * Pacing of writers: when the last quarter of the log is being used they are slowed down little by
 * little, to the speed at which the tail moves, so that nobody meets a wall. Whether nr_blocks may
 * be placed now; if not, the pump is woken when they may.
 */
bool space_may_place(struct wb *wb);
void space_placed(struct wb *wb, uint32_t nr_blocks);

struct pace {
	uint64_t next;	       /* ns: the next unit is placed then */
	uint64_t speed;	       /* blocks that the tail moves in a second, lately */
	uint64_t nr_samples;   /* that it is the mean of, the last one 1 / nr_samples */
	uint64_t sampled_at;   /* ns: when the tail was looked at last */
	uint64_t sampled_tail; /* where it was then, as batches go on */
	bool waiting;	       /* a unit waits for that: nobody overtakes it */
};

/*
 * Segments that a batch takes when space is short: several times the usual, since what is sorted in
 * larger batches is written faster; but not so many that the log is full before their end.
 */
uint32_t space_urgent_batch(const struct wb *wb);
uint64_t space_largest_batch(uint64_t nr_segments, uint64_t usual);

/* Whether migration is due whatever the load is. */
bool space_under_pressure(struct wb *wb);

/*
 * Whether the tail is held by what can't be migrated, blocks of a backing that is held or poison,
 * and more room is urgent: then carry.c copies that forward.
 */
bool space_wants_carrying(struct wb *wb);

#endif
