/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "engine/batch.h"

#include <assert.h>
#include <errno.h>

#include "engine/format.h"

int pieces_init(struct pieces *p, const struct wb_env *env, uint32_t capacity,
		uint32_t zeros_capacity)
{
	*p = (struct pieces){.env = env, .capacity = capacity};
	p->pieces = env->alloc(env->ctx, capacity * sizeof(*p->pieces), WB_MEMORY_SPARSE);
	if (!p->pieces)
		return -ENOMEM;
	return zeros_init(&p->zeros, env, zeros_capacity);
}

void pieces_fini(struct pieces *p)
{
	if (p->pieces)
		p->env->free(p->env->ctx, p->pieces, p->capacity * sizeof(*p->pieces));
	if (p->zeros.env)
		zeros_fini(&p->zeros);
}

void pieces_clear(struct pieces *p)
{
	p->nr = p->nr_superseded = p->nr_bad = 0;
	zeros_clear(&p->zeros);
}

void pieces_add(struct pieces *p, const struct piece *piece)
{
	assert(p->nr < p->capacity);
	p->pieces[p->nr++] = *piece;
}

/* By block, the newest first among the same. */
static bool before(const struct piece *a, const struct piece *b)
{
	return a->block != b->block ? a->block < b->block : a->version > b->version;
}

static void sift_down(struct piece *heap, uint32_t root, uint32_t nr)
{
	for (uint32_t child; (child = 2 * root + 1) < nr; root = child) {
		struct piece moved = heap[root];

		if (child + 1 < nr && before(&heap[child], &heap[child + 1]))
			child++;
		if (!before(&moved, &heap[child]))
			return;
		heap[root] = heap[child];
		heap[child] = moved;
	}
}

/* Heapsort: qsort allocates, and this runs when memory may be short. */
static void sort(struct piece *pieces, uint32_t nr)
{
	for (uint32_t i = nr / 2; i-- > 0;)
		sift_down(pieces, i, nr);
	for (uint32_t i = nr; i-- > 1;) {
		struct piece last = pieces[i];

		pieces[i] = pieces[0];
		pieces[0] = last;
		sift_down(pieces, 0, i);
	}
}

static bool became_zeros(const struct pieces *p, uint8_t backing, const struct piece *piece)
{
	const struct zeros_extent *z = zeros_at(&p->zeros, backing, piece->block);

	return z && z->first <= zeros_key(backing, piece->block) && z->version > piece->version;
}

static bool is_bad(const struct piece *piece, uint8_t backing, uint64_t seed)
{
	return format_block_checksum(seed, backing, piece->block, piece->data) != piece->checksum;
}

void pieces_compose(struct pieces *p, uint8_t backing, uint64_t seed)
{
	uint32_t nr = 0;

	sort(p->pieces, p->nr);
	for (uint32_t i = 0; i < p->nr; i++) {
		struct piece *piece = &p->pieces[i];

		if ((nr && p->pieces[nr - 1].block == piece->block) ||
		    became_zeros(p, backing, piece))
			continue;
		piece->bad = is_bad(piece, backing, seed);
		p->nr_bad += piece->bad;
		p->pieces[nr++] = *piece;
	}
	p->nr_superseded = p->nr - nr;
	p->nr = nr;
}
