/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Caches with good checksums that no program of ours leaves behind. */
#include "config.h"

#include "tests/unit/engine_harness.h"

static struct wb_backing_disk table[WB_MAX_TABLE];

/* The newest superblock, and its table in `table`. */
static struct super newest(void)
{
	struct super super = newest_super();

	for (unsigned int i = 0; i < WB_NR_SUPERS; i++) {
		const uint8_t *at = t.cache->stable + i * WB_SUPER_AREA;
		const struct wb_super_disk *disk = (const void *)at;

		if (le64_get(disk->sequence) == super.sequence)
			memcpy(table, at + WB_TABLE_OFF, super.table_entries * sizeof(*table));
	}
	return super;
}

static void forge(uint64_t off, const void *bytes, size_t len)
{
	memcpy(t.cache->visible + off, bytes, len);
	memcpy(t.cache->stable + off, bytes, len);
}

/* A superblock and `table`, in both copies. */
static void forge_supers(const struct super *super)
{
	struct super copy = *super;

	copy.table_checksum = table_checksum(table, copy.table_entries);
	for (unsigned int i = 0; i < WB_NR_SUPERS; i++) {
		struct wb_super_disk disk;

		super_encode(&copy, &disk);
		forge(i * WB_SUPER_AREA, &disk, sizeof(disk));
		forge(i * WB_SUPER_AREA + WB_TABLE_OFF, table, copy.table_entries * sizeof(*table));
		copy.sequence--;
	}
}

static void announce(unsigned int backing, uint64_t batch_end)
{
	table[backing].batch_end = le64_put(batch_end);
}

/* A backing may have some of the batch, so what lies before its end must not get lost. */
START_TEST(log_that_ends_within_a_batch_in_progress_is_damaged)
{
	struct super super;

	write_and_sync(0, 1, 'a');
	ck_assert_int_eq(do_commit(), 0);
	crash();
	super = newest();
	announce(0, 3);
	super.durable = 3;
	forge_supers(&super);
	ck_assert_int_eq(try_open(), -EUCLEAN);
	ck_assert_msg(said("up to record 3 at least were durable"), "%s", t.messages);
	t.options.recover_truncate = true;
	begin();
	ck_assert(!info(0).consistent && info(1).consistent);
	ck_assert_int_eq(do_drain(), 0);
	ck_assert(info(0).consistent);
	expect_on_backing(0, BLOCK, BLOCK, 'a');
}
END_TEST

/* Only what is durable is announced. */
START_TEST(batch_or_watermark_beyond_what_is_durable_is_refused)
{
	write_and_sync(0, 1, 'a');
	ck_assert_int_eq(do_commit(), 0);
	crash();
	for (unsigned int i = 0; i < 3; i++) {
		struct wb_backing_disk before = table[0];
		struct super super = newest();

		before = table[0];
		announce(0, 2);
		if (i == 1)
			table[0].migrated = le64_put(2);
		if (i == 2) {
			table[0] = before;
			table[0].zeroed = le64_put(2);
		}
		forge_supers(&super);
		ck_assert_int_eq(try_open(), -EUCLEAN);
		table[0] = before;
		forge_supers(&super);
	}
	begin();
	expect_block(0, 1, 'a');
}
END_TEST

/* Make the second record of segment 1 belong to another generation. */
static void forge_generation(uint64_t generation)
{
	struct wb_record_disk *disk = (void *)(t.cache->stable + slot_off(1, 2));
	const uint8_t uuid[WB_UUID_LEN] = {1, 2, 3};
	struct record_header header;

	ck_assert_int_eq(record_decode(disk, uuid, 4, &header), 0);
	header.generation = generation;
	record_encode(&header, disk);
	memcpy(t.cache->visible + slot_off(1, 2), disk, BLOCK);
}

/* Ours begin a generation with a segment. */
START_TEST(log_goes_on_behind_a_generation_that_begins_within_a_segment)
{
	write_and_sync(0, 1, 'a');
	write_and_sync(0, 2, 'b');
	crash();
	forge_generation(50);
	begin();
	ck_assert_uint_eq(status().generation, 51);
	write_and_sync(0, 3, 'c');
	crash();
	begin();
	expect_block(0, 2, 'b');
	expect_block(0, 3, 'c');
}
END_TEST

START_TEST(torn_record_of_the_next_generation_does_not_come_back)
{
	write_and_sync(0, 1, 'a');
	write_and_sync(0, 2, 'b');
	crash();
	forge_generation(2);
	damage(t.cache, slot_off(1, 3));
	begin();
	expect_block(0, 2, 0);
	write_and_sync(0, 3, 'c');
	end();
	begin();
	expect_block(0, 2, 0);
	expect_block(0, 3, 'c');
}
END_TEST

/* What would be written next could not be read any more, or would look older. */
START_TEST(numbers_without_room_for_more_are_refused)
{
	struct super super[5];

	crash();
	for (unsigned int i = 0; i < ARRAY_SIZE(super); i++)
		super[i] = newest();
	super[0].sequence = UINT64_MAX;
	super[1].generation = 1ull << 50;
	super[2].tail_segment = 1ull << 50;
	super[3].migrated = super[3].durable = 1ull << 50;
	for (unsigned int i = 0; i < 4; i++) {
		forge_supers(&super[i]);
		t.messages[0] = '\0';
		ck_assert_msg(try_open() == -EUCLEAN, "case %u is believed", i);
		ck_assert(said("recover: impossible sequence, generation, segment or record"));
	}
	forge_supers(&super[4]);
	begin();
}
END_TEST

/* It is known as long as records up to its last one are in the log, and unknown afterwards. */
START_TEST(record_of_a_backing_detached_before_it_is_refused)
{
	struct table_entry entry;
	struct super super;

	write_and_sync(0, 1, 'a');
	write_and_sync(0, 2, 'b');
	ck_assert_int_eq(do_commit(), 0);
	crash();
	super = newest();
	for (uint64_t last_record = 1; last_record <= 2; last_record++) {
		ck_assert_int_eq(table_entry_decode(&table[0], &entry), 0);
		entry.detached = true;
		entry.last_record = last_record;
		table_entry_encode(&entry, &table[0]);
		forge_supers(&super);
		ck_assert_int_eq(try_open(), last_record == 2 ? 0 : -EUCLEAN);
	}
	ck_assert(said("a record names a block that no backing has"));
}
END_TEST

START_TEST(announced_batch_larger_than_any_is_migrated_in_parts)
{
	struct super super;

	harness_teardown();
	harness_make(400, 2, 4);
	begin();
	for (uint64_t i = 0; i < 290; i++)
		write_and_sync(0, i % BACKING_BLOCKS, (char)('a' + i % 26));
	ck_assert_int_eq(do_commit(), 0);
	crash();
	super = newest();
	announce(0, super.durable);
	forge_supers(&super);
	begin();
	ck_assert(!info(0).consistent);
	ck_assert_int_eq(do_drain(), 0);
	ck_assert_uint_gt(status().nr_batches, 1);
	ck_assert(info(0).consistent);
	ck_assert_uint_eq(status().migrated, 290);
	expect_on_backing(0, 289 % BACKING_BLOCKS * BLOCK, BLOCK, 'a' + 289 % 26);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		log_that_ends_within_a_batch_in_progress_is_damaged,
		batch_or_watermark_beyond_what_is_durable_is_refused,
		log_goes_on_behind_a_generation_that_begins_within_a_segment,
		torn_record_of_the_next_generation_does_not_come_back,
		numbers_without_room_for_more_are_refused,
		record_of_a_backing_detached_before_it_is_refused,
		announced_batch_larger_than_any_is_migrated_in_parts,
	};

	return harness_run("engine_hostile", tests, ARRAY_SIZE(tests), harness_setup_started,
			   harness_teardown);
}
