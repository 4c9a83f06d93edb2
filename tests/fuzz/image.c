/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "tests/fuzz/image.h"

#include "engine/format.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define MOST_RECORDS 2000u
#define MANY_ZEROS 0xf0 /* this number of entries and more: a header full of zeros */

static const uint8_t uuid[WB_UUID_LEN] = {'f', 'u', 'z', 'z'};

static const struct layout geometries[] = {
	{4, 3}, {2, 3}, {4, 8}, {16, 4}, {2, 300}, {256, 3}, {8, 5}, {3, 2},
};

/* The next record, if nothing is made of it but what is usual. */
struct maker {
	struct image *image;
	struct input *in;
	uint64_t segment, record, generation, generation_record, durable;
	uint32_t block;
	unsigned int nr_records;
	uint8_t masks[IMAGE_IDS + 1][IMAGE_BLOCKS]; /* sectors that the log has */
};

static void put(struct simdev *dev, uint64_t off, const void *data, size_t len)
{
	if (off >= dev->bdev.size)
		return;
	if (len > dev->bdev.size - off)
		len = dev->bdev.size - off;
	memcpy(dev->visible + off, data, len);
	memcpy(dev->stable + off, data, len);
}

/* ---- superblocks ---- */

static void take_super(struct maker *m, struct super *super)
{
	struct input *in = m->in;
	uint8_t state = input_byte(in);

	*super = (struct super){.state = WB_SUPER_IN_USE};
	memcpy(super->uuid, uuid, WB_UUID_LEN);
	if (state)
		super->state = state == 1 ? WB_SUPER_CLEAN : (enum wb_super_state)state;
	super->segment_blocks = (uint32_t)input_number(in, m->image->layout.segment_blocks);
	super->nr_segments = (uint32_t)input_number(in, m->image->layout.nr_segments);
	super->sequence = input_number(in, 10);
	super->generation = input_number(in, 1);
	super->generation_segment = input_number(in, 1);
	super->generation_record = input_number(in, 1);
	super->migrated = input_number(in, 0);
	super->tail_segment = input_number(in, 1);
	super->tail_block = (uint32_t)input_number(in, 0);
	super->durable = input_number(in, super->migrated);
}

static void name_entry(struct table_entry *entry, unsigned int i, uint8_t choice)
{
	static const char *const odd[] = {"a", "", ".", "x/y", "\x7f", " "};

	snprintf(entry->name, sizeof(entry->name), "%c%u", 'a' + i % 26, i);
	if (choice)
		snprintf(entry->name, sizeof(entry->name), "%s", odd[choice % 6]);
	snprintf(entry->path, sizeof(entry->path), "/%u", i);
	snprintf(entry->identity, sizeof(entry->identity), "identity %u", i);
}

static unsigned int take_table(struct maker *m, const struct super *super,
			       struct wb_backing_disk *table)
{
	struct input *in = m->in;
	unsigned int nr = input_byte(in) % 5;
	unsigned int i;

	for (i = 0; i < nr && i < 4; i++) {
		struct table_entry entry = {0};
		uint8_t flags;

		entry.id = (uint8_t)input_number(in, i + 1);
		flags = input_byte(in);
		entry.detached = flags & 1;
		entry.sample_valid = flags & 2;
		entry.size = input_number(in, IMAGE_BLOCKS * WB_SECTORS_PER_BLOCK - 5 * (i & 1)) *
			     WB_SECTOR_SIZE;
		entry.last_record = input_number(in, 0);
		entry.sample = input_number(in, 0);
		name_entry(&entry, i, input_byte(in));
		entry.migrated = input_number(in, super->migrated);
		entry.batch_end = input_number(in, entry.migrated);
		entry.zeroed = input_number(in, 0);
		table_entry_encode(&entry, &table[i]);
	}
	for (; nr == 4 && i < WB_MAX_TABLE; i++) {
		struct table_entry entry = {.id = (uint8_t)(i + 1), .size = WB_BLOCK_SIZE};

		name_entry(&entry, i, 0);
		table_entry_encode(&entry, &table[i]);
	}
	return i;
}

static void put_super(struct maker *m, unsigned int copy, struct super *super,
		      const struct wb_backing_disk *table)
{
	struct simdev *dev = m->image->cache;
	struct wb_super_disk disk;

	super->table_checksum = table_checksum(table, super->table_entries);
	super_encode(super, &disk);
	put(dev, copy * WB_SUPER_AREA, &disk, sizeof(disk));
	put(dev, copy * WB_SUPER_AREA + WB_TABLE_OFF, table, super->table_entries * sizeof(*table));
}

static void take_supers(struct maker *m)
{
	static struct wb_backing_disk table[WB_MAX_TABLE];
	struct super super, other;

	take_super(m, &super);
	super.table_entries = take_table(m, &super, table);
	put_super(m, 0, &super, table);
	other = super;
	switch (input_byte(m->in) % 4) {
	case 0:
	case 1:
		other.sequence--;
		put_super(m, 1, &other, table);
		break;
	case 2:
		take_super(m, &other);
		other.table_entries = super.table_entries;
		put_super(m, 1, &other, table);
		break;
	case 3:
		break;
	}
	m->segment = super.tail_segment;
	m->block = super.tail_block;
	m->record = super.migrated + 1;
	m->generation = super.generation;
	m->generation_record = super.generation_record;
	m->durable = super.durable < super.migrated + 1 ? super.durable : super.migrated;
}

/* ---- records ---- */

/* Where a block of the log is; a place outside of the slots stays in them. */
static uint64_t place(const struct maker *m, uint32_t block)
{
	const struct layout *l = &m->image->layout;

	return layout_offset(layout_position(l, m->segment, block % l->segment_blocks));
}

static void advance(struct maker *m, uint32_t nr_blocks)
{
	m->block += nr_blocks;
	if (m->block + 2 > m->image->layout.segment_blocks) {
		m->segment++;
		m->block = 0;
	}
}

/* A newer copy has the sectors that an older one had; zeros have all of them. */
static void cover(struct maker *m, struct record_entry *e)
{
	uint64_t nr = e->kind == WB_ENTRY_DATA ? 1 : e->value;

	if (e->backing > IMAGE_IDS)
		return;
	for (uint64_t block = e->block; block < e->block + nr && block < IMAGE_BLOCKS; block++) {
		m->masks[e->backing][block] |= e->mask;
		if (e->kind == WB_ENTRY_DATA)
			e->mask = m->masks[e->backing][block];
		if (e->mask != 0xff)
			m->image->partial[e->backing][block] = true;
	}
}

static struct record_entry take_entry(struct maker *m)
{
	struct input *in = m->in;
	uint8_t id = input_byte(in), kind = input_byte(in);
	struct record_entry e = {.mask = 0xff, .kind = WB_ENTRY_DATA};

	e.backing = (uint8_t)(id < 0xf0 ? 1u + id % 2 : input_number(in, IMAGE_IDS));
	if (kind >= 0xf0)
		e.kind = input_byte(in);
	else if (kind >= 0xe0)
		e.kind = WB_ENTRY_POISON;
	else if (kind >= 0xd8)
		e.kind = WB_ENTRY_OLD_ZEROS;
	else if (kind >= 0xc0)
		e.kind = WB_ENTRY_ZEROS;
	else if (kind >= 0x80)
		e.mask = input_byte(in);
	if (e.kind != WB_ENTRY_DATA)
		e.value = (uint32_t)input_number(in, 1);
	e.block = input_number(in, 0);
	if (e.block < 0xd0)
		e.block %= IMAGE_BLOCKS;
	cover(m, &e);
	return e;
}

enum patch {
	PATCH_CONTINUED = 1,
	PATCH_GENERATION = 2,
	PATCH_PLACE = 4,
	PATCH_RECORD = 8,
	PATCH_DURABLE = 16,
	PATCH_COUNTS = 32,
	PATCH_DATA = 64, /* its data isn't what the entries say */
	PATCH_HEADER = 128,
};

/* What is no longer what was written begins with IMAGE_BAD. */
static void put_data(struct maker *m, struct record_entry *e, uint32_t block, bool bad)
{
	uint8_t data[WB_BLOCK_SIZE];

	memset(data, (int)(m->record * 7 + e->block), sizeof(data));
	e->value = format_block_checksum(format_seed(uuid), e->backing, e->block, data);
	if (bad)
		memcpy(data, IMAGE_BAD, strlen(IMAGE_BAD));
	if (block < m->image->layout.segment_blocks)
		put(m->image->cache, place(m, block), data, sizeof(data));
}

static void put_header(struct maker *m, struct wb_record_disk *disk, struct record_header *header,
		       unsigned int patch)
{
	struct input *in = m->in;

	if (patch & PATCH_GENERATION) {
		header->generation = input_number(in, header->generation);
		header->generation_record = input_number(in, header->generation_record);
	}
	if (patch & PATCH_PLACE) {
		header->segment = input_number(in, header->segment);
		header->block = (uint32_t)input_number(in, header->block);
	}
	if (patch & PATCH_RECORD)
		header->record = input_number(in, header->record);
	if (patch & PATCH_DURABLE)
		header->durable = input_number(in, header->durable);
	if (patch & (PATCH_PLACE | PATCH_RECORD | PATCH_GENERATION))
		m->image->in_order = false;
	record_encode(header, disk);
	if (patch & PATCH_COUNTS) {
		disk->nr_entries = le16_put((uint16_t)input_number(in, header->nr_entries));
		disk->nr_blocks = le16_put((uint16_t)input_number(in, header->nr_blocks));
		disk->checksum = le64_put(0);
		disk->checksum = le64_put(XXH3_64bits(disk, sizeof(*disk)));
	}
	if (patch & PATCH_HEADER)
		disk->checksum.b[0] ^= 1;
	put(m->image->cache, place(m, m->block), disk, sizeof(*disk));
}

/* A record of nr entries; from the input, or else simple ones. */
static void put_record(struct maker *m, unsigned int patch, unsigned int nr, bool simple)
{
	uint64_t far = nr >= MANY_ZEROS ? input_number(m->in, 0) : 0;
	struct record_header header = {
		.generation = m->generation,
		.generation_record = m->generation_record,
		.segment = m->segment,
		.record = m->record,
		.durable = m->durable,
		.block = m->block,
		.nr_entries = (uint16_t)nr,
		.continued = patch & PATCH_CONTINUED,
	};
	struct wb_record_disk disk = {.flags = le32_put(0)};

	if (m->nr_records++ >= MOST_RECORDS)
		return;
	memcpy(header.uuid, uuid, WB_UUID_LEN);
	for (unsigned int i = 0; i < nr; i++) {
		struct record_entry e = {m->record % IMAGE_BLOCKS, 1, 1, 0xff, WB_ENTRY_DATA};

		if (nr >= MANY_ZEROS) {
			e = (struct record_entry){i % 2 * 4, 1 + i % 3, 1, 0xff, WB_ENTRY_ZEROS};
			if (far)
				e = (struct record_entry){far + i * 2, 1, 1, 0xff, WB_ENTRY_ZEROS};
			cover(m, &e);
		} else if (simple) {
			cover(m, &e);
		} else {
			e = take_entry(m);
		}
		if (e.kind == WB_ENTRY_DATA)
			put_data(m, &e, m->block + 1 + header.nr_blocks++, patch & PATCH_DATA);
		entry_encode(&e, &disk.entries[i]);
	}
	put_header(m, &disk, &header, patch);
	m->record++;
	advance(m, header.nr_blocks + 1u);
}

/* ---- the steps ---- */

static void step_record(struct maker *m)
{
	unsigned int patch = input_byte(m->in);
	unsigned int nr = input_byte(m->in);

	put_record(m, patch, nr >= MANY_ZEROS ? WB_RECORD_ENTRIES : 1 + nr % 16, false);
}

static void step_simple(struct maker *m)
{
	put_record(m, 0, 1, true);
}

static void step_segment(struct maker *m)
{
	m->segment++;
	m->block = 0;
}

static void step_generation(struct maker *m)
{
	m->generation++;
	m->generation_record = m->record;
	if (m->block)
		step_segment(m);
}

static void step_jump(struct maker *m)
{
	m->segment = input_number(m->in, m->segment);
	m->block = (uint32_t)input_number(m->in, m->block) % m->image->layout.segment_blocks;
	m->image->in_order = false;
}

static void step_repeat(struct maker *m)
{
	unsigned int nr = 1 + 2u * input_byte(m->in);
	unsigned int patch = input_byte(m->in) & PATCH_CONTINUED;

	while (nr--)
		put_record(m, patch, 1, true);
}

static void step_poke(struct maker *m)
{
	uint64_t off = WB_SLOTS_OFF + 16ull * (input_byte(m->in) | input_byte(m->in) << 8);
	uint8_t value = input_byte(m->in);

	put(m->image->cache, off, &value, 1);
}

static void step_number(struct maker *m)
{
	m->record = input_number(m->in, m->record);
	m->durable = input_number(m->in, m->durable);
}

static void (*const steps[])(struct maker *) = {
	step_record, step_simple, step_segment, step_generation,
	step_jump,   step_repeat, step_poke,	step_number,
};

void image_make(struct image *image, struct sim *sim, struct input *in)
{
	struct maker m = {.image = image, .in = in};
	uint8_t geometry = input_byte(in), shorter = input_byte(in), how = input_byte(in);
	uint64_t size;

	*image = (struct image){
		.layout = geometries[geometry % (sizeof(geometries) / sizeof(*geometries))],
		.seed = input_byte(in),
		.in_order = true,
		.crash = how & 1,
		.options.read_only = how & 2,
		.options.recover_truncate = how & 4,
		.keep = how & 8,
		.options.nr_buffers = 1u + (how >> 4),
	};
	size = layout_offset(layout_nr_positions(&image->layout));
	image->cache = simdev_new(sim, "cache", size - shorter * (uint64_t)WB_BLOCK_SIZE);
	take_supers(&m);
	while (in->at < in->end)
		steps[input_byte(in) % 8](&m);
}
