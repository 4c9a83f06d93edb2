/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzing of record headers and of what a migration batch makes of what they name. The input: how
 * long the segment is, which part of it belongs to the batch, which record ends that; then, for
 * one record after the other, a byte of flags, the header's fields and the entries as on disk.
 */
#include "config.h"

#include <errno.h>

#include "engine/batch.h"
#include "engine/format.h"
#include "tests/fuzz/input.h"
#include "tests/sim/simdev.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define MAX_BLOCKS 32u
#define ZEROS 256u
#define SEGMENT 7u
#define BEYOND_HEADER (WB_RECORD_ENTRIES + 4)

static const uint8_t uuid[WB_UUID_LEN] = {1, 2, 3};

enum flags {
	KEEP_IDENTITY = 1, /* don't mend magic, version, uuid */
	KEEP_PLACE = 2,	   /* nor segment, block, record number */
	KEEP_COUNTS = 4,
	KEEP_CHECKSUM = 8,
	KEEP_DATA_CHECKSUMS = 16,
	MANY_ENTRIES = 32, /* repeats the last one until the header is full */
	STAY = 64,	   /* the next record starts in the first data block */
	TOO_MANY = 128,	   /* repeats it into the first data block */
};

struct segment {
	uint32_t nr_blocks;
	uint32_t at; /* where the next record goes */
	uint64_t next_record;
	uint8_t *memory;
};

static struct wb_record_disk *header_at(const struct segment *s, uint32_t block)
{
	return (void *)(s->memory + (size_t)block * WB_BLOCK_SIZE);
}

/* Entries that make sense more often than not, and the checksums of their data. Their number. */
static unsigned int take_entries(struct input *in, struct segment *s, unsigned int flags,
				 unsigned int *nr_data)
{
	struct wb_record_disk *disk = header_at(s, s->at);
	unsigned int nr = input_byte(in) % 40;
	uint64_t seed = format_seed(uuid);

	*nr_data = 0;
	for (unsigned int i = 0; i < nr; i++) {
		struct record_entry e;

		input_bytes(in, &disk->entries[i], sizeof(disk->entries[i]));
		e = record_entry(disk, i);
		if (e.kind != WB_ENTRY_DATA)
			continue;
		++*nr_data;
		if (flags & KEEP_DATA_CHECKSUMS || s->at + *nr_data >= s->nr_blocks)
			continue;
		e.value = format_block_checksum(seed, e.backing, e.block,
						header_at(s, s->at + *nr_data));
		entry_encode(&e, &disk->entries[i]);
	}
	for (; nr && flags & MANY_ENTRIES && nr < WB_RECORD_ENTRIES; nr++) {
		disk->entries[nr] = disk->entries[nr - 1];
		disk->entries[nr].block[0]++;
		*nr_data += disk->entries[nr].kind == WB_ENTRY_DATA;
	}
	if (nr < WB_RECORD_ENTRIES || !(flags & TOO_MANY) || s->at + 1 >= s->nr_blocks)
		return nr;
	for (; nr < BEYOND_HEADER; nr++) {
		size_t off = offsetof(struct wb_record_disk, entries) + nr * sizeof(*disk->entries);

		memcpy((uint8_t *)disk + off, &disk->entries[0], sizeof(disk->entries[0]));
		*nr_data += disk->entries[0].kind == WB_ENTRY_DATA;
	}
	return nr;
}

static void take_record(struct input *in, struct segment *s)
{
	struct wb_record_disk *disk = header_at(s, s->at);
	unsigned int flags = input_byte(in), nr, nr_data;

	memset(disk, 0, sizeof(*disk));
	disk->generation = le64_put(1);
	disk->generation_record = le64_put(1);
	if (flags & (KEEP_IDENTITY | KEEP_PLACE | KEEP_COUNTS | KEEP_CHECKSUM))
		input_bytes(in, disk, offsetof(struct wb_record_disk, zero));
	else
		disk->flags = le32_put(input_byte(in));
	nr = take_entries(in, s, flags, &nr_data);
	if (!(flags & KEEP_IDENTITY)) {
		memcpy(disk->magic, WB_RECORD_MAGIC, sizeof(disk->magic));
		disk->version = le32_put(WB_FORMAT_VERSION);
		memcpy(disk->uuid, uuid, WB_UUID_LEN);
	}
	if (!(flags & KEEP_PLACE)) {
		disk->segment = le64_put(SEGMENT);
		disk->block = le32_put(s->at);
		disk->record = le64_put(s->next_record++);
	}
	if (!(flags & KEEP_COUNTS)) {
		disk->nr_entries = le16_put((uint16_t)nr);
		disk->nr_blocks = le16_put((uint16_t)nr_data);
	}
	if (!(flags & KEEP_CHECKSUM)) {
		disk->checksum = le64_put(0);
		disk->checksum = le64_put(XXH3_64bits(disk, sizeof(*disk)));
	}
	s->at += 1 + (flags & STAY ? 0 : nr_data);
}

static void check_record(const struct segment *s, uint32_t block)
{
	const struct wb_record_disk *disk = header_at(s, block);
	struct record_header header;
	uint32_t nr_data = 0;
	int err = record_decode(disk, uuid, s->nr_blocks, &header);

	FUZZ_ASSERT(!err || err == -EUCLEAN);
	if (err)
		return;
	FUZZ_ASSERT(header.block + 1ull + header.nr_blocks <= s->nr_blocks);
	FUZZ_ASSERT(header.nr_entries && header.nr_entries <= WB_RECORD_ENTRIES);
	FUZZ_ASSERT(header.durable < header.record && header.segment);
	for (unsigned int i = 0; i < header.nr_entries; i++) {
		struct record_entry e = record_entry(disk, i);

		FUZZ_ASSERT(e.backing && e.mask && e.block < 1ull << 40);
		FUZZ_ASSERT(e.kind == WB_ENTRY_DATA || e.value);
		nr_data += e.kind == WB_ENTRY_DATA;
	}
	FUZZ_ASSERT(nr_data == header.nr_blocks);
}

/* What a batch was made of. */
struct added {
	uint64_t block, nr, version;
	bool zeros;
};

struct plan {
	struct pieces pieces;
	struct added added[MAX_BLOCKS * (WB_RECORD_ENTRIES + 1)];
	uint32_t nr;
	uint8_t backing; /* the one that the batch is of; 0: not known yet */
};

static void plan_entry(struct plan *p, const struct segment *s, const struct record_entry *e,
		       uint32_t at)
{
	struct added *added = &p->added[p->nr];

	if (!p->backing)
		p->backing = e->backing;
	if (e->backing != p->backing)
		return;
	*added = (struct added){e->block, 1, layout_version(SEGMENT, at), false};
	if (e->kind == WB_ENTRY_DATA) {
		pieces_add(&p->pieces, &(struct piece){
					       .block = e->block,
					       .version = added->version,
					       .data = (uint8_t *)header_at(s, at),
					       .position = at,
					       .checksum = e->value,
					       .mask = e->mask,
				       });
		p->nr++;
		return;
	}
	if (!zeros_room(&p->pieces.zeros, 1))
		return;
	added->zeros = true;
	added->nr = e->value;
	zeros_add(&p->pieces.zeros, e->backing, e->block, e->value, added->version,
		  e->kind == WB_ENTRY_POISON);
	p->nr++;
}

/* As much as migration would take of the records that are whole. */
static void plan(struct plan *p, const struct segment *s, uint32_t from, uint32_t to,
		 uint64_t last_record)
{
	struct record_header header;

	for (uint32_t block = from; block < to; block++) {
		const struct wb_record_disk *disk = header_at(s, block);
		uint32_t at = block + 1;

		if (record_decode(disk, uuid, s->nr_blocks, &header) || header.block != block ||
		    header.record > last_record || at + header.nr_blocks > to)
			continue;
		for (unsigned int i = 0; i < header.nr_entries; i++) {
			struct record_entry e = record_entry(disk, i);

			plan_entry(p, s, &e, at);
			at += e.kind == WB_ENTRY_DATA;
		}
		block = at - 1;
	}
}

/* Whether anything of a batch is newer than this version of a block. */
static bool is_superseded(const struct plan *p, uint64_t block, uint64_t version)
{
	for (uint32_t i = 0; i < p->nr; i++) {
		const struct added *a = &p->added[i];

		if (a->version > version && block >= a->block && block - a->block < a->nr)
			return true;
	}
	return false;
}

static const struct piece *find_piece(const struct pieces *p, uint64_t block)
{
	for (uint32_t i = 0; i < p->nr; i++)
		if (p->pieces[i].block == block)
			return &p->pieces[i];
	return NULL;
}

static void check_pieces(const struct segment *s, const struct plan *plan)
{
	const struct pieces *p = &plan->pieces;
	uint32_t nr_bad = 0;

	FUZZ_ASSERT(p->nr <= p->capacity && p->zeros.nr <= p->zeros.capacity);
	for (uint32_t i = 0; i < p->nr; i++) {
		const struct piece *piece = &p->pieces[i];

		FUZZ_ASSERT(!i || p->pieces[i - 1].block < piece->block);
		FUZZ_ASSERT(piece->mask && piece->data == (uint8_t *)header_at(s, piece->position));
		FUZZ_ASSERT(!is_superseded(plan, piece->block, piece->version));
		FUZZ_ASSERT(piece->bad ==
			    (format_block_checksum(format_seed(uuid), plan->backing, piece->block,
						   piece->data) != piece->checksum));
		nr_bad += piece->bad;
	}
	FUZZ_ASSERT(nr_bad == p->nr_bad);
	for (uint32_t i = 0; i < plan->nr; i++)
		FUZZ_ASSERT(plan->added[i].zeros || find_piece(p, plan->added[i].block) ||
			    is_superseded(plan, plan->added[i].block, plan->added[i].version));
	for (uint32_t i = 0; i < p->zeros.nr; i++) {
		FUZZ_ASSERT(p->zeros.extents[i].first < p->zeros.extents[i].end);
		FUZZ_ASSERT(!i || p->zeros.extents[i - 1].end <= p->zeros.extents[i].first);
	}
}

static void migrate(const struct segment *s, const struct wb_env *env, uint32_t from, uint32_t to,
		    uint64_t last_record)
{
	static struct plan p;

	p.nr = p.backing = 0;
	FUZZ_ASSERT(!pieces_init(&p.pieces, env, s->nr_blocks, ZEROS));
	plan(&p, s, from, to, last_record);
	pieces_compose(&p.pieces, p.backing, format_seed(uuid));
	check_pieces(s, &p);
	pieces_fini(&p.pieces);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, data + size};
	uint32_t nr_blocks = 2 + input_byte(&in) % (MAX_BLOCKS - 1);
	uint32_t from = input_byte(&in) % nr_blocks;
	uint32_t to = nr_blocks - input_byte(&in) % (nr_blocks - from);
	uint64_t first_record = input_number(&in, 1);
	uint64_t last_record = input_number(&in, 100);
	struct segment s = {.nr_blocks = nr_blocks, .at = from, .next_record = first_record};
	struct sim sim;

	sim_init(&sim, 1);
	s.memory = calloc(nr_blocks, WB_BLOCK_SIZE);
	FUZZ_ASSERT(s.memory);
	for (uint32_t block = 0; block < nr_blocks; block++)
		memset(header_at(&s, block), (int)block, WB_BLOCK_SIZE);
	while (s.at < nr_blocks && in.at < in.end)
		take_record(&in, &s);
	for (uint32_t block = 0; block < nr_blocks; block++)
		check_record(&s, block);
	migrate(&s, &sim.env, from, to, last_record);
	free(s.memory);
	return 0;
}
