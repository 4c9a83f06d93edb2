/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "engine/zeros.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "engine/util.h"

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

/* Replace whatever covers the range of an extent by it, or by nothing. */
static void replace(struct zeros *zeros, const struct zeros_extent *range, bool by_nothing)
{
	struct zeros_extent new[3];
	uint32_t nr = 0;
	uint32_t from = search(zeros, range->first);
	uint32_t to = from;

	if (from < zeros->nr && zeros->extents[from].first < range->first) {
		new[nr] = zeros->extents[from];
		new[nr++].end = range->first;
	}
	if (!by_nothing)
		new[nr++] = *range;
	while (to < zeros->nr && zeros->extents[to].end <= range->end)
		to++;
	if (to < zeros->nr && zeros->extents[to].first < range->end) {
		new[nr] = zeros->extents[to++];
		new[nr++].first = range->end;
	}
	splice(zeros, from, to, new, nr);
}

void zeros_add(struct zeros *zeros, uint8_t backing, uint64_t block, uint64_t nr_blocks,
	       uint64_t version, bool poison)
{
	struct zeros_extent added = {
		.first = zeros_key(backing, block),
		.end = zeros_key(backing, block) + nr_blocks,
		.version = version,
		.home = version,
		.poison = poison,
	};

	replace(zeros, &added, false);
	zeros->oldest = min_u64(zeros->oldest, version);
}

void zeros_remove(struct zeros *zeros, uint8_t backing, uint64_t block, uint64_t nr_blocks)
{
	struct zeros_extent range = {
		.first = zeros_key(backing, block),
		.end = zeros_key(backing, block) + nr_blocks,
	};

	replace(zeros, &range, true);
}

const struct zeros_extent *zeros_at(const struct zeros *zeros, uint8_t backing, uint64_t block)
{
	uint32_t i = search(zeros, zeros_key(backing, block));

	return i < zeros->nr ? &zeros->extents[i] : NULL;
}

void zeros_move(struct zeros *zeros, uint64_t key, uint64_t home)
{
	struct zeros_extent *z = &zeros->extents[search(zeros, key)];

	assert(z->first == key);
	z->home = home;
}

bool zeros_add_old(struct zeros *zeros, uint8_t backing, uint64_t block, uint64_t nr_blocks,
		   uint64_t home)
{
	uint64_t key = zeros_key(backing, block), end = key + nr_blocks;
	uint32_t i = search(zeros, key);

	while (key < end) {
		uint64_t next = i < zeros->nr ? min_u64(zeros->extents[i].first, end) : end;
		struct zeros_extent added = {.first = key, .end = next, .home = home};

		if (next > key) {
			if (zeros->nr == zeros->capacity)
				return false;
			splice(zeros, i, i, &added, 1);
			i++;
		}
		if (i == zeros->nr)
			break;
		/* What is there is the same zeros, where they were before. */
		if (zeros->extents[i].first < end)
			zeros->extents[i].home = home;
		key = max_u64(next, zeros->extents[i].end);
		i++;
	}
	zeros->oldest = min_u64(zeros->oldest, home);
	return true;
}

void zeros_drop(struct zeros *zeros, uint64_t home)
{
	uint32_t kept = 0;
	uint64_t oldest = UINT64_MAX;

	if (zeros->oldest >= home)
		return;
	for (uint32_t i = 0; i < zeros->nr; i++) {
		if (zeros->extents[i].home < home)
			continue;
		oldest = min_u64(oldest, zeros->extents[i].home);
		zeros->extents[kept++] = zeros->extents[i];
	}
	zeros->nr = kept;
	zeros->oldest = oldest;
}

/* Entries that follow each other without data between them have the same home. */
static bool is_of(const struct zeros_extent *z, const struct zeros_entry *entry)
{
	if (z->home != entry->home || z->poison != (entry->kind == WB_ENTRY_POISON))
		return false;
	return z->poison || (z->home != z->version) == (entry->kind == WB_ENTRY_OLD_ZEROS);
}

const struct zeros_extent *zeros_of_entry(const struct zeros *zeros,
					  const struct zeros_entry *entry)
{
	uint64_t key = zeros_key(entry->backing, entry->block);

	for (uint32_t i = search(zeros, key); i < zeros->nr; i++) {
		const struct zeros_extent *z = &zeros->extents[i];

		if (z->first >= key + entry->nr_blocks)
			break;
		if (is_of(z, entry))
			return z;
	}
	return NULL;
}

void zeros_drop_carried(struct zeros *zeros, uint8_t backing, uint64_t oldest)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < zeros->nr; i++) {
		struct zeros_extent z = zeros->extents[i];

		if (z.first >> 40 == backing && z.home != z.version) {
			if (z.version < oldest)
				continue;
			z.home = z.version;
			zeros->oldest = min_u64(zeros->oldest, z.home);
		}
		zeros->extents[kept++] = z;
	}
	zeros->nr = kept;
}

/* ---- the zeros log ---- */

uint64_t zeros_log_memory(uint32_t capacity)
{
	return capacity * sizeof(struct zeros_entry);
}

int zeros_log_init(struct zeros_log *log, const struct wb_env *env, uint32_t capacity)
{
	*log = (struct zeros_log){.capacity = capacity, .env = env};
	log->entries = env->alloc(env->ctx, zeros_log_memory(capacity), WB_MEMORY_SPARSE);
	return log->entries ? 0 : -ENOMEM;
}

void zeros_log_fini(struct zeros_log *log)
{
	if (log->entries)
		log->env->free(log->env->ctx, log->entries, zeros_log_memory(log->capacity));
	log->entries = NULL;
}

bool zeros_log_room(const struct zeros_log *log, uint32_t n)
{
	return log->end - log->first + n <= log->capacity;
}

void zeros_log_add(struct zeros_log *log, const struct zeros_entry *entry)
{
	assert(zeros_log_room(log, 1));
	log->entries[log->end++ % log->capacity] = *entry;
}

const struct zeros_entry *zeros_log_at(const struct zeros_log *log, uint64_t i)
{
	assert(i >= log->first && i < log->end);
	return &log->entries[i % log->capacity];
}

void zeros_log_drop(struct zeros_log *log, uint64_t record)
{
	while (log->first < log->end && zeros_log_at(log, log->first)->record <= record)
		log->first++;
}
