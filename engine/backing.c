/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "engine/backing.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define SAMPLES 16u

struct wb_backing *backing_by_id(struct wb *wb, unsigned int id)
{
	return id <= WB_MAX_TABLE ? wb->by_id[id] : NULL;
}

struct wb_backing *backing_by_name(struct wb *wb, const char *name)
{
	list_for_each(node, tmp, &wb->backings) {
		struct wb_backing *b = container_of(node, struct wb_backing, link);

		if (!b->entry.detached && strcmp(b->entry.name, name) == 0)
			return b;
	}
	return NULL;
}

struct wb_backing *backing_new(struct wb *wb, const struct table_entry *entry)
{
	struct wb_backing *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->entry = *entry;
	for (unsigned int i = WB_NR_KNOBS; i < WB_NR_ALL_KNOBS; i++)
		b->knobs[i - WB_NR_KNOBS] = wb_knobs[i].initial;
	list_add_tail(&wb->backings, &b->link);
	if (entry->id)
		wb->by_id[entry->id] = b;
	return b;
}

void backing_free(struct wb *wb, struct wb_backing *backing)
{
	list_del(&backing->link);
	if (backing->entry.id)
		wb->by_id[backing->entry.id] = NULL;
	free(backing);
}

bool backing_in_log(const struct wb *wb, const struct wb_backing *backing)
{
	return backing->entry.id && backing->last_record > wb->ladder.migrated;
}

int backing_sample(struct bdev *dev, uint64_t *sample)
{
	_Alignas(WB_BLOCK_SIZE) uint8_t block[WB_BLOCK_SIZE];
	uint64_t nr_blocks = dev->size / WB_BLOCK_SIZE;
	uint64_t hash = dev->size;

	for (uint64_t i = 0; i < SAMPLES && nr_blocks; i++) {
		int err = bdev_read(dev, (nr_blocks - 1) * i / (SAMPLES - 1) * WB_BLOCK_SIZE, block,
				    WB_BLOCK_SIZE);

		if (err)
			return err;
		hash = XXH3_64bits_withSeed(block, WB_BLOCK_SIZE, hash);
	}
	*sample = hash;
	return 0;
}
