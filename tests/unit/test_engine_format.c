/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/format.c: what is written is read back, and nothing else is believed. */
#include "config.h"

#include "tests/unit/engine_harness.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#define SEGMENT_BLOCKS 4u

static const uint8_t uuid[WB_UUID_LEN] = {1, 2, 3};

static const struct super good_super = {
	.state = WB_SUPER_IN_USE,
	.features_compat = 5,
	.uuid = {1, 2, 3},
	.label = "label",
	.sequence = 9,
	.segment_blocks = SEGMENT_BLOCKS,
	.nr_segments = 3,
	.generation = 2,
	.generation_segment = 8,
	.generation_record = 11,
	.migrated = 12,
	.tail_segment = 9,
	.tail_block = 2,
	.table_entries = 1,
	.durable = 13,
	.table_sequence = 7,
	.table_checksum = 0x123456789abcdef0,
};

/* After a change of a block that should be looked at and not just its checksum. */
static void seal(void *block, le64 *checksum)
{
	memset(checksum, 0, sizeof(*checksum));
	*checksum = le64_put(XXH3_64bits(block, WB_BLOCK_SIZE));
}

static int decode_super(const struct super *super)
{
	struct wb_super_disk disk;
	struct super copy;
	const char *why;

	super_encode(super, &disk);
	return super_decode(&disk, &copy, &why);
}

START_TEST(superblock_is_read_as_it_was_written)
{
	struct wb_super_disk disk, again;
	struct super copy = {0};
	const char *why;

	super_encode(&good_super, &disk);
	ck_assert_int_eq(super_decode(&disk, &copy, &why), 0);
	super_encode(&copy, &again);
	ck_assert_mem_eq(&disk, &again, sizeof(disk));
	ck_assert_str_eq(copy.label, "label");
	ck_assert_uint_eq(copy.durable, 13);
	ck_assert_uint_eq(copy.tail_block, 2);
	ck_assert_uint_eq(copy.table_checksum, 0x123456789abcdef0);
}
END_TEST

START_TEST(numbers_on_disk_are_little_endian)
{
	struct wb_super_disk disk;
	const uint8_t expected[] = {0xf0, 0xde, 0xbc, 0x9a, 0x78, 0x56, 0x34, 0x12};

	super_encode(&good_super, &disk);
	ck_assert_mem_eq(disk.table_checksum.b, expected, sizeof(expected));
	ck_assert_mem_eq(disk.magic, "\x8bwbcache", 8);
}
END_TEST

START_TEST(superblock_without_magic_is_not_ours)
{
	struct wb_super_disk disk;
	struct super copy;
	const char *why;

	super_encode(&good_super, &disk);
	disk.magic[0] = 'W';
	seal(&disk, &disk.checksum);
	ck_assert_int_eq(super_decode(&disk, &copy, &why), -EMEDIUMTYPE);
	ck_assert_str_eq(why, "no wbfs magic");
}
END_TEST

START_TEST(any_inverted_byte_of_a_superblock_is_noticed)
{
	struct wb_super_disk disk;
	struct super copy;
	const char *why;

	super_encode(&good_super, &disk);
	for (size_t i = 0; i < sizeof(disk); i++) {
		((uint8_t *)&disk)[i] ^= 0xff;
		ck_assert_int_lt(super_decode(&disk, &copy, &why), 0);
		((uint8_t *)&disk)[i] ^= 0xff;
	}
	ck_assert_int_eq(super_decode(&disk, &copy, &why), 0);
}
END_TEST

START_TEST(superblock_of_another_version_is_of_unknown_format)
{
	struct wb_super_disk disk;
	struct super copy;
	const char *why;

	super_encode(&good_super, &disk);
	disk.version = le32_put(WB_FORMAT_VERSION + 1);
	seal(&disk, &disk.checksum);
	ck_assert_int_eq(super_decode(&disk, &copy, &why), -EMEDIUMTYPE);
	ck_assert_ptr_nonnull(strstr(why, "version"));
}
END_TEST

START_TEST(unknown_incompatible_feature_is_refused_and_other_features_are_not)
{
	struct super super = good_super;

	super.features_incompat = 1ull << 40;
	ck_assert_int_eq(decode_super(&super), -EMEDIUMTYPE);
	super = good_super;
	super.features_ro_compat = 1ull << 63;
	super.features_compat = 1ull << 63;
	ck_assert_int_eq(decode_super(&super), 0);
}
END_TEST

#define TOO_LARGE ((1ull << 50) + 1)

START_TEST(each_impossible_field_of_a_superblock_is_refused)
{
	struct super s[15];
	unsigned int n = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(s); i++)
		s[i] = good_super;
	s[n++].state = (enum wb_super_state)3;
	s[n++].segment_blocks = 1;
	s[n++].segment_blocks = WB_MAX_SEGMENT_BLOCKS + 1;
	s[n++].nr_segments = 0;
	s[n++].nr_segments = UINT32_MAX / SEGMENT_BLOCKS + 1;
	s[n++].table_entries = WB_MAX_TABLE + 1;
	s[n++].tail_block = SEGMENT_BLOCKS + 1;
	s[n++].tail_segment = 0;
	s[n++].migrated = 14;
	s[n++].durable = 11;
	s[n++].durable = TOO_LARGE;
	s[n++].tail_segment = TOO_LARGE;
	s[n++].generation = TOO_LARGE;
	s[n++].generation_record = TOO_LARGE;
	s[n++].generation_segment = TOO_LARGE;
	for (unsigned int i = 0; i < n; i++)
		ck_assert_msg(decode_super(&s[i]) == -EUCLEAN, "case %u is believed", i);
}
END_TEST

START_TEST(label_without_an_end_or_with_control_characters_is_refused)
{
	struct wb_super_disk disk;
	struct super copy;
	const char *why;

	super_encode(&good_super, &disk);
	memset(disk.label, 'x', sizeof(disk.label));
	seal(&disk, &disk.checksum);
	ck_assert_int_eq(super_decode(&disk, &copy, &why), -EUCLEAN);
	memcpy(disk.label, "a\033[2J", 6);
	seal(&disk, &disk.checksum);
	ck_assert_int_eq(super_decode(&disk, &copy, &why), -EUCLEAN);
	ck_assert_str_eq(why, "impossible label");
}
END_TEST

START_TEST(longest_label_survives_and_a_longer_one_is_cut)
{
	struct super super = good_super, copy;
	struct wb_super_disk disk;
	const char *why;

	memset(super.label, 'x', sizeof(super.label));
	super_encode(&super, &disk);
	ck_assert_int_eq(super_decode(&disk, &copy, &why), 0);
	ck_assert_uint_eq(strlen(copy.label), WB_LABEL_LEN - 1);
}
END_TEST

/* ---- the backing table ---- */

static const struct table_entry good_entry = {
	.id = 7,
	.detached = true,
	.sample_valid = true,
	.name = "vm",
	.path = "/srv/vm.img",
	.identity = "8:17",
	.size = 512 * 77,
	.sample = 0xfedcba9876543210,
	.last_record = 99,
	.migrated = 95,
	.batch_end = 97,
	.zeroed = 96,
};

START_TEST(table_entry_is_read_as_it_was_written)
{
	struct wb_backing_disk disk;
	struct table_entry copy = {0};

	table_entry_encode(&good_entry, &disk);
	ck_assert_int_eq(table_entry_decode(&disk, &copy), 0);
	ck_assert_uint_eq(copy.id, 7);
	ck_assert(copy.detached && copy.sample_valid);
	ck_assert_str_eq(copy.name, "vm");
	ck_assert_str_eq(copy.path, "/srv/vm.img");
	ck_assert_str_eq(copy.identity, "8:17");
	ck_assert_uint_eq(copy.size, 512 * 77);
	ck_assert_uint_eq(copy.sample, 0xfedcba9876543210);
	ck_assert_uint_eq(copy.last_record, 99);
	ck_assert_uint_eq(copy.migrated, 95);
	ck_assert_uint_eq(copy.batch_end, 97);
	ck_assert_uint_eq(copy.zeroed, 96);
}
END_TEST

START_TEST(each_impossible_field_of_a_table_entry_is_refused)
{
	struct wb_backing_disk d[12];
	struct table_entry copy;
	unsigned int n = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(d); i++)
		table_entry_encode(&good_entry, &d[i]);
	d[n++].id = 0;
	d[n++].size = le64_put(513);
	d[n++].size = le64_put((1ull << 52) + 512);
	memset(d[n++].name, 'x', WB_NAME_LEN);
	memset(d[n++].path, 'x', WB_PATH_LEN);
	memset(d[n++].identity, 'x', WB_IDENTITY_LEN);
	d[n++].name[1] = '/';
	d[n++].name[0] = '\0';
	d[n++].path[3] = '\n';
	d[n++].migrated = le64_put(98);
	d[n++].batch_end = le64_put(TOO_LARGE);
	d[n++].zeroed = le64_put(TOO_LARGE);
	ck_assert_uint_eq(n, ARRAY_SIZE(d));
	for (unsigned int i = 0; i < n; i++)
		ck_assert_msg(table_entry_decode(&d[i], &copy) == -EUCLEAN, "case %u", i);
}
END_TEST

START_TEST(table_checksum_covers_every_entry)
{
	struct wb_backing_disk table[2];
	uint64_t before;

	table_entry_encode(&good_entry, &table[0]);
	table_entry_encode(&good_entry, &table[1]);
	before = table_checksum(table, 2);
	((uint8_t *)&table[1])[sizeof(table[1]) - 1] ^= 1;
	ck_assert_uint_ne(table_checksum(table, 2), before);
}
END_TEST

/* ---- records ---- */

static const struct record_header good_header = {
	.uuid = {1, 2, 3},
	.generation = 3,
	.generation_record = 10,
	.segment = 6,
	.record = 12,
	.durable = 11,
	.block = 1,
	.nr_entries = 2,
	.nr_blocks = 1,
	.continued = true,
};

static const struct record_entry good_entries[] = {
	{.block = 0xabcdef0123, .value = 0x89abcdef, .backing = 255, .mask = 0x81, .kind = 1},
	{.block = 5, .value = 1000, .backing = 1, .mask = 0xff, .kind = WB_ENTRY_ZEROS},
};

static void make_record(const struct record_header *header, struct wb_record_disk *disk)
{
	memset(disk, 0x5a, sizeof(*disk));
	entry_encode(&good_entries[0], &disk->entries[0]);
	entry_encode(&good_entries[1], &disk->entries[1]);
	record_encode(header, disk);
}

static int decode_record(const struct wb_record_disk *disk)
{
	struct record_header header;

	return record_decode(disk, uuid, SEGMENT_BLOCKS, &header);
}

START_TEST(record_is_read_as_it_was_written)
{
	struct wb_record_disk disk;
	struct record_header copy = {0};
	struct record_entry e;

	make_record(&good_header, &disk);
	ck_assert_int_eq(record_decode(&disk, uuid, SEGMENT_BLOCKS, &copy), 0);
	ck_assert_mem_eq(copy.uuid, uuid, WB_UUID_LEN);
	ck_assert_uint_eq(copy.generation, 3);
	ck_assert_uint_eq(copy.generation_record, 10);
	ck_assert_uint_eq(copy.segment, 6);
	ck_assert_uint_eq(copy.record, 12);
	ck_assert_uint_eq(copy.durable, 11);
	ck_assert_uint_eq(copy.block, 1);
	ck_assert(copy.nr_entries == 2 && copy.nr_blocks == 1 && copy.continued);
	e = record_entry(&disk, 0);
	ck_assert_uint_eq(e.block, 0xabcdef0123);
	ck_assert_uint_eq(e.value, 0x89abcdef);
	ck_assert(e.backing == 255 && e.mask == 0x81 && e.kind == WB_ENTRY_DATA);
	ck_assert_uint_eq(record_entry(&disk, 1).value, 1000);
}
END_TEST

START_TEST(unused_part_of_a_record_is_zeroed)
{
	struct wb_record_disk disk;

	make_record(&good_header, &disk);
	for (size_t i = offsetof(struct wb_record_disk, entries[2]); i < sizeof(disk); i++)
		ck_assert_uint_eq(((uint8_t *)&disk)[i], 0);
}
END_TEST

START_TEST(any_inverted_byte_of_a_record_is_noticed)
{
	struct wb_record_disk disk;

	make_record(&good_header, &disk);
	for (size_t i = 0; i < sizeof(disk); i++) {
		((uint8_t *)&disk)[i] ^= 0xff;
		ck_assert_int_eq(decode_record(&disk), -EUCLEAN);
		((uint8_t *)&disk)[i] ^= 0xff;
	}
	ck_assert_int_eq(decode_record(&disk), 0);
}
END_TEST

START_TEST(record_of_another_cache_or_version_is_refused)
{
	static const uint8_t other[WB_UUID_LEN] = {9};
	struct wb_record_disk disk;
	struct record_header header;

	make_record(&good_header, &disk);
	ck_assert_int_eq(record_decode(&disk, other, SEGMENT_BLOCKS, &header), -EUCLEAN);
	disk.version = le32_put(WB_FORMAT_VERSION + 1);
	seal(&disk, &disk.checksum);
	ck_assert_int_eq(decode_record(&disk), -EUCLEAN);
}
END_TEST

START_TEST(each_impossible_field_of_a_record_is_refused)
{
	struct record_header h[10];
	struct wb_record_disk disk;
	unsigned int n = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(h); i++)
		h[i] = good_header;
	h[n++].segment = 0;
	h[n].durable = 0, h[n].generation_record = 0, h[n++].record = 0;
	h[n++].segment = TOO_LARGE;
	h[n++].record = TOO_LARGE;
	h[n++].generation = TOO_LARGE;
	h[n++].durable = 12;
	h[n++].generation_record = 13;
	h[n++].block = SEGMENT_BLOCKS;
	h[n++].block = 3;
	h[n++].nr_blocks = 2;
	ck_assert_uint_eq(n, ARRAY_SIZE(h));
	for (unsigned int i = 0; i < n; i++) {
		make_record(&h[i], &disk);
		ck_assert_msg(decode_record(&disk) == -EUCLEAN, "case %u is believed", i);
	}
}
END_TEST

START_TEST(number_of_entries_is_never_believed_beyond_the_block)
{
	struct wb_record_disk disk;

	make_record(&good_header, &disk);
	disk.nr_entries = le16_put(0);
	disk.nr_blocks = le16_put(0);
	seal(&disk, &disk.checksum);
	ck_assert_int_eq(decode_record(&disk), -EUCLEAN);
	for (unsigned int i = 0; i < WB_RECORD_ENTRIES; i++)
		entry_encode(&good_entries[1], &disk.entries[i]);
	memcpy(disk.pad, &disk.entries[0], sizeof(disk.pad)); /* as much of one as there is */
	disk.nr_entries = le16_put(WB_RECORD_ENTRIES);
	seal(&disk, &disk.checksum);
	ck_assert_int_eq(decode_record(&disk), 0);
	disk.nr_entries = le16_put(WB_RECORD_ENTRIES + 1);
	seal(&disk, &disk.checksum);
	ck_assert_int_eq(decode_record(&disk), -EUCLEAN);
	disk.nr_entries = le16_put(UINT16_MAX);
	seal(&disk, &disk.checksum);
	ck_assert_int_eq(decode_record(&disk), -EUCLEAN);
}
END_TEST

START_TEST(each_hostile_entry_is_refused)
{
	const struct record_entry hostile[] = {
		{.block = 1, .backing = 0, .mask = 0xff, .kind = WB_ENTRY_DATA},
		{.block = 1, .backing = 1, .mask = 0, .kind = WB_ENTRY_DATA},
		{.block = 1, .backing = 1, .mask = 0xff, .kind = 0},
		{.block = 1, .backing = 1, .mask = 0xff, .kind = 4},
		{.block = 1, .value = 0, .backing = 1, .mask = 0xff, .kind = WB_ENTRY_ZEROS},
		{.block = 1, .value = 0, .backing = 1, .mask = 0xff, .kind = WB_ENTRY_POISON},
		{.block = 1, .value = 1, .backing = 1, .mask = 0xff, .kind = WB_ENTRY_ZEROS},
	};
	struct wb_record_disk disk;

	for (unsigned int i = 0; i < ARRAY_SIZE(hostile); i++) {
		make_record(&good_header, &disk);
		entry_encode(&hostile[i], &disk.entries[0]); /* the last one: no data block */
		seal(&disk, &disk.checksum);
		ck_assert_msg(decode_record(&disk) == -EUCLEAN, "case %u is believed", i);
	}
}
END_TEST

START_TEST(zeros_of_parts_of_blocks_are_refused)
{
	struct record_entry zeros = good_entries[1];
	struct wb_record_disk disk;

	zeros.mask = 0x7f;
	make_record(&good_header, &disk);
	entry_encode(&zeros, &disk.entries[1]);
	seal(&disk, &disk.checksum);
	ck_assert_int_eq(decode_record(&disk), -EUCLEAN);
	zeros.mask = 0xff;
	zeros.value = 0;
	entry_encode(&zeros, &disk.entries[1]);
	seal(&disk, &disk.checksum);
	ck_assert_int_eq(decode_record(&disk), -EUCLEAN);
}
END_TEST

START_TEST(block_checksum_depends_on_place_and_cache)
{
	static const uint8_t other[WB_UUID_LEN] = {9};
	uint8_t data[WB_BLOCK_SIZE] = {42};
	uint64_t seed = format_seed(uuid);
	uint32_t checksum = format_block_checksum(seed, 1, 5, data);

	ck_assert_uint_eq(format_block_checksum(seed, 1, 5, data), checksum);
	ck_assert_uint_ne(format_block_checksum(seed, 2, 5, data), checksum);
	ck_assert_uint_ne(format_block_checksum(seed, 1, 6, data), checksum);
	ck_assert_uint_ne(format_block_checksum(format_seed(other), 1, 5, data), checksum);
	data[WB_BLOCK_SIZE - 1] ^= 1;
	ck_assert_uint_ne(format_block_checksum(seed, 1, 5, data), checksum);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		superblock_is_read_as_it_was_written,
		numbers_on_disk_are_little_endian,
		superblock_without_magic_is_not_ours,
		any_inverted_byte_of_a_superblock_is_noticed,
		superblock_of_another_version_is_of_unknown_format,
		unknown_incompatible_feature_is_refused_and_other_features_are_not,
		each_impossible_field_of_a_superblock_is_refused,
		label_without_an_end_or_with_control_characters_is_refused,
		longest_label_survives_and_a_longer_one_is_cut,
		table_entry_is_read_as_it_was_written,
		each_impossible_field_of_a_table_entry_is_refused,
		table_checksum_covers_every_entry,
		record_is_read_as_it_was_written,
		unused_part_of_a_record_is_zeroed,
		any_inverted_byte_of_a_record_is_noticed,
		record_of_another_cache_or_version_is_refused,
		each_impossible_field_of_a_record_is_refused,
		number_of_entries_is_never_believed_beyond_the_block,
		each_hostile_entry_is_refused,
		zeros_of_parts_of_blocks_are_refused,
		block_checksum_depends_on_place_and_cache,
	};

	return harness_run("engine_format", tests, ARRAY_SIZE(tests), NULL, NULL);
}
