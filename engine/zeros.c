/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "engine/zeros.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

uint64_t zeros_memory(uint32_t capacity)
{
	return capacity * sizeof(struct zeros_extent);
}

int zeros_init(struct zeros *zeros, const struct wb_env *env, uint32_t capacity)
{
	*zeros = (struct zeros){.capacity = capacity, .oldest = UINT64_MAX, .env = env};
	zeros->extents = env->alloc(env->ctx, zeros_memory(capacity), WB_MEMORY_SPARSE);
	return zeros->extents ? 0 : -ENOMEM;
}

void zeros_fini(struct zeros *zeros)
{
	if (zeros->extents)
		zeros->env->free(zeros->env->ctx, zeros->extents, zeros_memory(zeros->capacity));
	zeros->extents = NULL;
}

void zeros_clear(struct zeros *zeros)
{
	zeros->nr = 0;
	zeros->oldest = UINT64_MAX;
}

/* Adding one may split another in two. */
bool zeros_room(const struct zeros *zeros, uint32_t n)
{
	return zeros->capacity - zeros->nr >= 2 * n;
}

/* The first extent that ends behind key. */
static uint32_t search(const struct zeros *zeros, uint64_t key)
{
	uint32_t low = 0, high = zeros->nr;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (zeros->extents[middle].end <= key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Replace extents [from, to) by nr new ones. */
static void splice(struct zeros *zeros, uint32_t from, uint32_t to, const struct zeros_extent *new,
		   uint32_t nr)
{
	assert(zeros->nr - (to - from) + nr <= zeros->capacity);
	memmove(&zeros->extents[from + nr], &zeros->extents[to],
		(zeros->nr - to) * sizeof(*zeros->extents));
	memcpy(&zeros->extents[from], new, nr * sizeof(*new));
	zeros->nr = zeros->nr - (to - from) + nr;
}

void zeros_add(struct zeros *zeros, uint8_t backing, uint64_t block, uint64_t nr_blocks,
	       uint64_t version, bool poison)
{
	struct zeros_extent added = {
		.first = zeros_key(backing, block),
		.end = zeros_key(backing, block) + nr_blocks,
		.version = version,
		.poison = poison,
	};
	struct zeros_extent new[3];
	uint32_t nr = 0;
	uint32_t from = search(zeros, added.first);
	uint32_t to = from;

	if (from < zeros->nr && zeros->extents[from].first < added.first) {
		new[nr] = zeros->extents[from];
		new[nr++].end = added.first;
	}
	new[nr++] = added;
	while (to < zeros->nr && zeros->extents[to].end <= added.end)
		to++;
	if (to < zeros->nr && zeros->extents[to].first < added.end) {
		new[nr] = zeros->extents[to++];
		new[nr++].first = added.end;
	}
	splice(zeros, from, to, new, nr);
	if (version < zeros->oldest)
		zeros->oldest = version;
}

const struct zeros_extent *zeros_at(const struct zeros *zeros, uint8_t backing, uint64_t block)
{
	uint32_t i = search(zeros, zeros_key(backing, block));

	return i < zeros->nr ? &zeros->extents[i] : NULL;
}

void zeros_drop(struct zeros *zeros, uint64_t version)
{
	uint32_t kept = 0;
	uint64_t oldest = UINT64_MAX;

	if (zeros->oldest >= version)
		return;
	for (uint32_t i = 0; i < zeros->nr; i++) {
		if (zeros->extents[i].version < version)
			continue;
		if (zeros->extents[i].version < oldest)
			oldest = zeros->extents[i].version;
		zeros->extents[kept++] = zeros->extents[i];
	}
	zeros->nr = kept;
	zeros->oldest = oldest;
}
