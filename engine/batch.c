/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "engine/batch.h"

#include <errno.h>
#include <string.h>

#include "engine/format.h"
#include "engine/util.h"

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

void pieces_start(struct pieces *p, uint64_t migrated)
{
	p->nr = 0;
	p->nr_zeros = 0;
	p->nr_superseded = 0;
	p->end_record = migrated;
	zeros_clear(&p->zeros);
}

static int add_record(struct pieces *p, const struct batch_segment *from, uint32_t block,
		      const struct record_header *header, struct batch_check *check)
{
	const struct wb_record_disk *disk = (const void *)(from->memory +
							   (size_t)block * WB_BLOCK_SIZE);
	uint32_t at = block + 1;

	for (unsigned int i = 0; i < header->nr_entries; i++) {
		struct record_entry e = record_entry(disk, i);
		uint8_t *data = from->memory + (size_t)at * WB_BLOCK_SIZE;

		if (e.kind == WB_ENTRY_ZEROS)
			zeros_add(&p->zeros, e.backing, e.block, e.value,
				  layout_version(from->segment, at), false);
		if (e.kind != WB_ENTRY_DATA)
			continue;
		check->bad_block = at;
		if (format_block_checksum(check->seed, e.backing, e.block, data) != e.value)
			return -EUCLEAN;
		p->pieces[p->nr++] = (struct piece){
			.key = zeros_key(e.backing, e.block),
			.version = layout_version(from->segment, at),
			.data = data,
			.mask = e.mask,
		};
		at++;
	}
	return 0;
}

/*
 * The header at a block of a segment, which must be of record `expected` (0: any). Where a write
 * was lost there may be a good one of an earlier generation, which is stale.
 */
static int read_header(const struct batch_segment *from, uint32_t block, uint64_t expected,
		       struct batch_check *check, struct record_header *header)
{
	const uint8_t *at = from->memory + (size_t)block * WB_BLOCK_SIZE;
	int err = record_decode((const void *)at, check->uuid, check->segment_blocks, header);

	check->bad_block = block;
	if (err || header->segment != from->segment || header->block != block ||
	    block + 1 + header->nr_blocks > from->to || (expected && header->record != expected) ||
	    (from->segment >= check->generation_segment && header->generation != check->generation))
		return -EUCLEAN;
	return 0;
}

int pieces_find_end(struct pieces *p, const struct batch_segment *from, struct batch_check *check)
{
	struct record_header header = {0};

	for (uint32_t block = from->from; block < from->to; block += header.nr_blocks + 1u) {
		int err = read_header(from, block, check->next_record, check, &header);

		if (err)
			return err;
		p->nr_zeros += header.nr_entries - header.nr_blocks;
		if (p->nr_zeros > p->zeros.capacity / 2)
			return 1;
		if (!header.continued) {
			p->end_record = header.record;
			p->end_segment = from->segment;
			p->end_block = block + 1 + header.nr_blocks;
		}
		if (header.record >= check->last_record)
			return 1;
		check->next_record = header.record + 1;
	}
	return 0;
}

int pieces_add(struct pieces *p, const struct batch_segment *from, struct batch_check *check)
{
	struct record_header header;

	for (uint32_t block = from->from; block < from->to; block += header.nr_blocks + 1u) {
		int err = read_header(from, block, 0, check, &header);

		if (err)
			return err;
		if (header.record > p->end_record)
			return 0;
		err = add_record(p, from, block, &header, check);
		if (err)
			return err;
	}
	return 0;
}

/* By key, the newest first among the same. */
static bool before(const struct piece *a, const struct piece *b)
{
	return a->key != b->key ? a->key < b->key : a->version > b->version;
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

static bool became_zeros(const struct pieces *p, const struct piece *piece)
{
	const struct zeros_extent *z = zeros_at(&p->zeros, (uint8_t)(piece->key >> 40),
						piece->key & ((1ull << 40) - 1));

	return z && z->first <= piece->key && z->version > piece->version;
}

/* Sectors that the newer copy of a block doesn't have come from an older one. */
static void complete_from(struct piece *newer, const struct piece *older)
{
	for (unsigned int i = 0; i < WB_SECTORS_PER_BLOCK; i++)
		if (older->mask & ~newer->mask & 1u << i)
			memcpy(newer->data + i * WB_SECTOR_SIZE, older->data + i * WB_SECTOR_SIZE,
			       WB_SECTOR_SIZE);
	newer->mask |= older->mask;
}

void pieces_compose(struct pieces *p)
{
	uint32_t nr = 0;

	sort(p->pieces, p->nr);
	for (uint32_t i = 0; i < p->nr; i++) {
		struct piece *piece = &p->pieces[i];

		if (became_zeros(p, piece))
			continue;
		if (nr && p->pieces[nr - 1].key == piece->key)
			complete_from(&p->pieces[nr - 1], piece);
		else
			p->pieces[nr++] = *piece;
	}
	p->nr_superseded = p->nr - nr;
	p->nr = nr;
}
