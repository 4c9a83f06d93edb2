/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How far each record of the log has got. Six record numbers that only grow, each with one writer:
 *
 *	open    >  sealed  >=  logged  >=  durable  >=  migrated  >=  migrated_on_disk
 *
 * open		the record that takes new blocks, or would			head.c
 * sealed	no more writers, header filled in				log.c
 * logged	written to the cache, and all before it				log.c
 * durable	covered by a completed flush of the cache; end of a request	log.c
 * migrated	its blocks are on their backings, and those are flushed; end of	migrate.c
 *		a request
 * migrated_on_disk  both superblocks say so, durably				super.c
 *
 * Protected by the engine's mutex.
 */
#ifndef WB_ENGINE_LADDER_H
#define WB_ENGINE_LADDER_H

#include <assert.h>
#include <stdint.h>

struct ladder {
	uint64_t open, sealed, logged, durable, migrated, migrated_on_disk;
};

static inline void ladder_check(const struct ladder *l)
{
	assert(l->open > l->sealed);
	assert(l->sealed >= l->logged);
	assert(l->logged >= l->durable);
	assert(l->durable >= l->migrated);
	assert(l->migrated >= l->migrated_on_disk);
	(void)l;
}

/* Move one step of the ladder up to `to`. */
static inline void ladder_raise(struct ladder *l, uint64_t *step, uint64_t to)
{
	assert(to >= *step);
	*step = to;
	ladder_check(l);
}

#endif
