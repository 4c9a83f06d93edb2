/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "engine/index.h"

#include <assert.h>
#include <errno.h>

/*
 * Half as many as positions. When all of them are in use a lookup that finds nothing looks at two
 * entries; twice as many buckets would save one of them for two more bytes a block.
 */
static uint32_t nr_buckets(uint64_t nr_positions)
{
	return (uint32_t)((nr_positions + 1) / 2);
}

uint64_t index_memory(uint64_t nr_positions)
{
	return nr_positions * sizeof(struct index_entry) +
	       nr_buckets(nr_positions) * sizeof(uint32_t);
}

int index_init(struct index *index, const struct wb_env *env, uint32_t nr_positions)
{
	*index = (struct index){.nr = nr_positions, .env = env};
	index->entries = env->alloc(env->ctx, nr_positions * sizeof(*index->entries),
				    WB_MEMORY_INDEX);
	index->nr_buckets = nr_buckets(nr_positions);
	index->buckets = env->alloc(env->ctx, index->nr_buckets * sizeof(*index->buckets),
				    WB_MEMORY_INDEX);
	if (!index->entries || !index->buckets) {
		index_fini(index);
		return -ENOMEM;
	}
	/* The first blocks are spread over all of them. */
	env->populate(env->ctx, index->buckets, index->nr_buckets * sizeof(*index->buckets));
	return 0;
}

void index_fini(struct index *index)
{
	const struct wb_env *env = index->env;

	if (index->entries)
		env->free(env->ctx, index->entries, index->nr * sizeof(*index->entries));
	if (index->buckets)
		env->free(env->ctx, index->buckets, index->nr_buckets * sizeof(*index->buckets));
	index->entries = NULL;
	index->buckets = NULL;
}

void index_populate(const struct index *index, uint32_t position, uint32_t nr)
{
	const struct wb_env *env = index->env;

	env->populate(env->ctx, &index->entries[position], nr * sizeof(*index->entries));
}

/* The finalizer of SplitMix64, scaled to the number of buckets by a multiplication. */
static uint32_t *bucket(const struct index *index, uint8_t backing, uint64_t block)
{
	uint64_t h = ((uint64_t)backing << 56 ^ block) + 0x9e3779b97f4a7c15ull;

	h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9ull;
	h = (h ^ h >> 27) * 0x94d049bb133111ebull;
	return &index->buckets[(h >> 32) * index->nr_buckets >> 32];
}

void index_expect(const struct index *index, uint8_t backing, uint64_t block)
{
	__builtin_prefetch(bucket(index, backing, block), 1);
}

void index_expect_entry(const struct index *index, uint8_t backing, uint64_t block,
			unsigned int depth)
{
	uint32_t p = *bucket(index, backing, block);

	while (p && depth--)
		p = index->entries[p - 1].next;
	if (p)
		__builtin_prefetch(&index->entries[p - 1]);
}

uint32_t index_find(const struct index *index, uint8_t backing, uint64_t block)
{
	for (uint32_t p = *bucket(index, backing, block); p;) {
		const struct index_entry *e = &index->entries[p - 1];

		if (index_block(e) == block && e->backing == backing)
			return p - 1;
		p = e->next;
	}
	return INDEX_NONE;
}

void index_set(struct index *index, uint32_t position, uint8_t backing, uint64_t block,
	       uint8_t mask, uint32_t checksum, uint8_t flags)
{
	struct index_entry *e = &index->entries[position];

	assert(!(e->flags & INDEX_LINKED));
	*e = (struct index_entry){
		.block_low = (uint32_t)block,
		.block_high = (uint8_t)(block >> 32),
		.backing = backing,
		.mask = mask,
		.flags = flags,
		.checksum = checksum,
	};
}

void index_clear(struct index *index, uint32_t position)
{
	assert(!(index->entries[position].flags & INDEX_LINKED));
	index->entries[position] = (struct index_entry){0};
}

void index_link(struct index *index, uint32_t position)
{
	struct index_entry *e = &index->entries[position];
	uint32_t *head = bucket(index, e->backing, index_block(e));

	e->next = *head;
	e->flags |= INDEX_LINKED;
	*head = position + 1;
}

void index_unlink(struct index *index, uint32_t position)
{
	struct index_entry *e = &index->entries[position];
	uint32_t *link = bucket(index, e->backing, index_block(e));

	while (*link != position + 1) {
		assert(*link);
		link = &index->entries[*link - 1].next;
	}
	*link = e->next;
	e->flags &= (uint8_t)~INDEX_LINKED;
}
