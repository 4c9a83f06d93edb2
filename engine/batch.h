/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The contents of a migration batch: blocks of a backing as they follow each other in the log
 * become blocks sorted by number, each the newest within the batch, and extents of zeros. No I/O,
 * no locks: private to the batch.
 */
#ifndef WB_ENGINE_BATCH_H
#define WB_ENGINE_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/layout.h"
#include "engine/wb.h"
#include "engine/zeros.h"

/*
 * A data block. One that was written in part has all sectors of the older copy that was in the log
 * then (write.c), so the newest copy of a batch needs none of the older ones.
 */
struct piece {
	uint64_t block;
	uint64_t version; /* of its place in the log */
	uint8_t *data;	  /* in the memory of the batch, which may be changed */
	uint32_t position;
	uint32_t checksum;
	uint8_t mask;
	bool bad; /* its data doesn't have that checksum */
};

struct pieces {
	const struct wb_env *env;
	struct piece *pieces; /* after pieces_compose: unique blocks, ascending */
	uint32_t nr, capacity;
	uint32_t nr_superseded;
	uint32_t nr_bad;    /* after pieces_compose */
	struct zeros zeros; /* of the one backing */
};

int pieces_init(struct pieces *p, const struct wb_env *env, uint32_t capacity,
		uint32_t zeros_capacity) WB_CHECK;
void pieces_fini(struct pieces *p);
void pieces_clear(struct pieces *p);

/* Add a block. Its data may arrive later. */
void pieces_add(struct pieces *p, const struct piece *piece);

/*
 * The data is there: check it (seed: of the cache), sort, and let newer blocks and zeros supersede
 * older ones. A bad block that is superseded doesn't matter. Call once, after the last pieces_add.
 */
void pieces_compose(struct pieces *p, uint8_t backing, uint64_t seed);

#endif
