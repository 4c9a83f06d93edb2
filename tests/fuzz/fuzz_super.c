/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fuzzing of superblocks and backing tables. The input: a byte of flags, a byte that says how large
 * the device is, and for each copy of the superblock its fields as they are on disk, how many table
 * entries follow, and those.
 */
#include "config.h"

#include <errno.h>

#include "engine/format.h"
#include "engine/layout.h"
#include "engine/super.h"
#include "tests/fuzz/input.h"
#include "tests/sim/simdev.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define FIELDS_LEN 208u	 /* of a superblock, before its zeros */
#define ENTRY_USED 1272u /* bytes of a table entry before its zeros */
#define SEVERAL 2u	 /* table entries that the input may describe */
#define ROOM ((WB_SUPER_AREA - WB_TABLE_OFF) / sizeof(struct wb_backing_disk))

enum flags {
	KEEP_MAGIC = 1, /* don't mend the magic number and version */
	KEEP_TABLE_CHECKSUM = 2,
	KEEP_CHECKSUM = 4,
	KEEP_TABLE_ENTRIES = 8, /* their number in the superblock is the input's */
	FULL_TABLE = 16,
	ONE_COPY = 32,
};

static void mend_entry(struct wb_backing_disk *entry, unsigned int i)
{
	if (!entry->id)
		entry->id = (uint8_t)(i + 1);
	if (!entry->name[0])
		entry->name[0] = 'a';
}

static void make_copy(struct input *in, unsigned int flags, uint8_t *to)
{
	struct wb_super_disk *disk = (void *)to;
	struct wb_backing_disk *table = (void *)(to + WB_TABLE_OFF);
	unsigned int nr;

	input_bytes(in, disk, FIELDS_LEN);
	nr = input_byte(in) % (SEVERAL + 1);
	for (unsigned int i = 0; i < nr; i++) {
		input_bytes(in, &table[i], ENTRY_USED);
		mend_entry(&table[i], i);
	}
	if (flags & FULL_TABLE)
		for (; nr < WB_MAX_TABLE; nr++)
			mend_entry(&table[nr], nr);
	if (!(flags & KEEP_MAGIC)) {
		memcpy(disk->magic, WB_SUPER_MAGIC, sizeof(disk->magic));
		disk->version = le32_put(WB_FORMAT_VERSION);
	}
	if (!(flags & KEEP_TABLE_ENTRIES))
		disk->table_entries = le32_put(nr);
	nr = le32_get(disk->table_entries);
	if (!(flags & KEEP_TABLE_CHECKSUM) && nr <= ROOM)
		disk->table_checksum = le64_put(table_checksum(table, nr));
	if (!(flags & KEEP_CHECKSUM)) {
		disk->checksum = le64_put(0);
		disk->checksum = le64_put(XXH3_64bits(disk, sizeof(*disk)));
	}
}

/* What was accepted comes back from the disk as it is. */
static void check_super(const struct wb_super_disk *disk)
{
	struct wb_super_disk again;
	struct super super, decoded;
	const char *why;
	int err = super_decode(disk, &super, &why);

	FUZZ_ASSERT(!err || ((err == -EMEDIUMTYPE || err == -EUCLEAN) && why));
	if (err)
		return;
	FUZZ_ASSERT(super.segment_blocks >= 2 && super.segment_blocks <= WB_MAX_SEGMENT_BLOCKS);
	FUZZ_ASSERT(super.tail_segment && super.tail_block <= super.segment_blocks);
	FUZZ_ASSERT(super.nr_segments >= 3 && super.table_entries <= WB_MAX_TABLE);
	FUZZ_ASSERT(super.migrated <= super.durable);
	super_encode(&super, &again);
	FUZZ_ASSERT(!super_decode(&again, &decoded, &why));
	FUZZ_ASSERT(decoded.sequence == super.sequence && decoded.durable == super.durable);
	FUZZ_ASSERT(memcmp(&again, disk, FIELDS_LEN - sizeof(le64)) == 0 ||
		    strlen(super.label) + 1 < WB_LABEL_LEN);
}

static void check_entry(const struct wb_backing_disk *disk)
{
	struct wb_backing_disk again;
	struct table_entry entry, decoded;
	int err = table_entry_decode(disk, &entry);

	FUZZ_ASSERT(!err || err == -EUCLEAN);
	if (err)
		return;
	FUZZ_ASSERT(entry.id && !wb_name_error(entry.name));
	FUZZ_ASSERT(entry.migrated <= entry.batch_end);
	table_entry_encode(&entry, &again);
	FUZZ_ASSERT(!table_entry_decode(&again, &decoded));
	FUZZ_ASSERT(decoded.size == entry.size && strcmp(decoded.path, entry.path) == 0);
	FUZZ_ASSERT(decoded.migrated == entry.migrated && decoded.zeroed == entry.zeroed &&
		    decoded.batch_end == entry.batch_end);
}

static void check_device(struct sim *sim, struct simdev *dev, uint8_t *memory)
{
	struct wb_probe probe;
	struct super super;
	unsigned int copy;
	bool alone;
	int err = super_read(&dev->bdev, &sim->env, memory, &super, &copy, &alone);

	FUZZ_ASSERT(wb_probe(&dev->bdev, &probe) == err);
	FUZZ_ASSERT(err || copy < WB_NR_SUPERS);
	FUZZ_ASSERT(!err || ((err == -EMEDIUMTYPE || err == -EUCLEAN) && sim->last_message[0]));
	/* What is behind the result holds as many good entries as it says. */
	for (unsigned int i = 0; !err && i < super.table_entries; i++) {
		struct table_entry entry;

		FUZZ_ASSERT(
			!table_entry_decode((struct wb_backing_disk *)(memory + WB_TABLE_OFF) + i,
					    &entry));
		FUZZ_ASSERT(entry.batch_end <= super.durable && entry.zeroed <= super.durable);
	}
	FUZZ_ASSERT(err ||
		    layout_offset(super.nr_segments * super.segment_blocks) <= dev->bdev.size);
}

/* Of the largest size that an input may ask for, made once. */
static struct simdev *device(struct sim *sim, uint64_t size)
{
	if (!sim->nr_devices) {
		sim_init(sim, 1);
		simdev_new(sim, "cache", WB_SLOTS_OFF + 256 * WB_BLOCK_SIZE);
	}
	sim->devices[0]->bdev.size = size;
	sim->last_message[0] = '\0';
	return sim->devices[0];
}

static void wipe(struct simdev *dev, unsigned int flags)
{
	size_t len = WB_BLOCK_SIZE * 2;

	if (flags & FULL_TABLE)
		len = WB_TABLE_OFF + WB_MAX_TABLE * sizeof(struct wb_backing_disk);
	for (unsigned int copy = 0; copy < WB_NR_SUPERS; copy++)
		memset(dev->visible + copy * WB_SUPER_AREA, 0, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static _Alignas(WB_BLOCK_SIZE) uint8_t memory[WB_SUPER_AREA];
	static struct sim sim;
	struct input in = {data, data + size};
	unsigned int flags = input_byte(&in);
	uint64_t len = WB_SLOTS_OFF + input_byte(&in) * (uint64_t)WB_BLOCK_SIZE;
	struct simdev *dev = device(&sim, len);

	make_copy(&in, flags, dev->visible);
	if (!(flags & ONE_COPY))
		make_copy(&in, flags, dev->visible + WB_SUPER_AREA);
	check_super((struct wb_super_disk *)dev->visible);
	for (unsigned int i = 0; i < SEVERAL; i++)
		check_entry((struct wb_backing_disk *)(dev->visible + WB_TABLE_OFF) + i);
	check_device(&sim, dev, memory);
	wipe(dev, flags);
	return 0;
}
