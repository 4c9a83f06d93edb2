/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/read.c, engine/fetch.c: where data comes from, and what is done when it is damaged. */
#include "config.h"

#include "tests/unit/engine_harness.h"

/* Blocks 8, 9 and 10 of the first backing in segment 1, in no buffer; synced and not migrated. */
static void log_three_blocks(void)
{
	ck_assert_int_eq(do_write(0, 8 * BLOCK, 3 * BLOCK, 'l'), 0);
	ck_assert_int_eq(do_sync(), 0);
	evict();
	t.nr_trace = 0;
}

static unsigned int nr_reads(const struct simdev *dev)
{
	unsigned int n = 0;

	while (trace_find(0, dev, BDEV_READ, n) >= 0)
		n++;
	return n;
}

START_TEST(block_in_a_buffer_is_read_without_io)
{
	uint64_t before = nr_ios();
	struct op *op;

	write_block(0, 3, 'a');
	op = start_read(0, 3 * BLOCK, BLOCK);
	ck_assert(op->done);
	ck_assert_int_eq(op->buf[0], 'a');
	ck_assert_uint_eq(nr_ios(), before);
}
END_TEST

START_TEST(block_is_read_while_its_record_is_written)
{
	t.cache->hold[BDEV_WRITE] = true;
	write_block(0, 3, 'a');
	start_sync();
	expect_block(0, 3, 'a');
}
END_TEST

START_TEST(neighbours_on_the_backing_are_read_in_one_io)
{
	put(t.dev[0], 0, 16 * BLOCK, 'x');
	t.nr_trace = 0;
	expect(0, BLOCK, 15 * BLOCK, 'x');
	ck_assert_uint_eq(t.nr_trace, 1);
	ck_assert_uint_eq(t.trace[0].len, 15 * BLOCK);
}
END_TEST

START_TEST(neighbours_in_the_log_are_read_in_one_io)
{
	log_three_blocks();
	expect(0, 8 * BLOCK, 3 * BLOCK, 'l');
	ck_assert_uint_eq(nr_reads(t.cache), 1);
	ck_assert_uint_eq(nr_reads(t.dev[0]), 0);
	ck_assert_uint_eq(t.trace[0].len, 3 * BLOCK);
}
END_TEST

START_TEST(read_is_composed_of_backing_log_buffer_and_zeros)
{
	log_three_blocks();
	put(t.dev[0], 6 * BLOCK, 2 * BLOCK, 'x');
	put(t.dev[0], 11 * BLOCK, 4 * BLOCK, 'y');
	write_block(0, 12, 'b');
	ck_assert_int_eq(do_zero(0, 13 * BLOCK, BLOCK), 0);
	expect(0, 6 * BLOCK, 2 * BLOCK, 'x');
	struct op *op = start_read(0, 6 * BLOCK, 9 * BLOCK);

	ck_assert_int_eq(op_wait(op), 0);
	for (uint64_t i = 0; i < 9; i++)
		ck_assert_int_eq(op->buf[i * BLOCK + 99], "xxlllyb\0y"[i]);
}
END_TEST

START_TEST(partly_logged_block_is_composed_with_the_backing)
{
	put(t.dev[0], 3 * BLOCK, BLOCK, 'x');
	ck_assert_int_eq(do_write(0, 3 * BLOCK + SECTOR, SECTOR, 'a'), 0);
	ck_assert_int_eq(do_sync(), 0);
	evict();
	expect(0, 3 * BLOCK, SECTOR, 'x');
	expect(0, 3 * BLOCK + SECTOR, SECTOR, 'a');
	expect(0, 3 * BLOCK + 2 * SECTOR, 6 * SECTOR, 'x');
}
END_TEST

START_TEST(partly_logged_block_between_others_is_read_in_its_place)
{
	put(t.dev[0], 0, 8 * BLOCK, 'x');
	ck_assert_int_eq(do_write(0, 3 * BLOCK, SECTOR, 'a'), 0);
	write_block(0, 4, 'b');
	struct op *op = start_read(0, 2 * BLOCK, 4 * BLOCK);

	ck_assert_int_eq(op_wait(op), 0);
	ck_assert_int_eq(op->buf[BLOCK - 1], 'x');
	ck_assert_int_eq(op->buf[BLOCK], 'a');
	ck_assert_int_eq(op->buf[BLOCK + SECTOR], 'x');
	ck_assert_int_eq(op->buf[2 * BLOCK], 'b');
	ck_assert_int_eq(op->buf[3 * BLOCK], 'x');
}
END_TEST

START_TEST(read_at_any_offset_and_length_gets_its_bytes)
{
	write_block(0, 3, 'a');
	write_block(0, 4, 'b');
	expect(0, 3 * BLOCK + 1, 1, 'a');
	expect(0, 4 * BLOCK - 3, 3, 'a');
	expect(0, 4 * BLOCK, 777, 'b');
	expect(0, 5 * BLOCK - 1, 1, 'b');
	expect(0, 5 * BLOCK, 3, 0);
	expect(1, (BACKING_BLOCKS - 1) * BLOCK + 511, 2, 0);
}
END_TEST

/* More pieces than one pass has room for. */
START_TEST(range_that_alternates_between_log_and_backing_is_read_whole)
{
	struct op *op;

	harness_teardown();
	harness_make(32, 4, 16);
	begin();
	put(t.dev[0], 0, 32 * BLOCK, 'x');
	for (uint64_t block = 0; block < 32; block += 2)
		write_block(0, block, (char)('A' + block));
	op = start_read(0, 0, 32 * BLOCK);
	ck_assert_int_eq(op_wait(op), 0);
	for (uint64_t i = 0; i < 32; i++)
		ck_assert_int_eq(op->buf[i * BLOCK + 5], i % 2 ? 'x' : (int)('A' + i));
}
END_TEST

START_TEST(damaged_dirty_block_is_an_error_and_not_replaced)
{
	log_three_blocks();
	put(t.dev[0], 9 * BLOCK, BLOCK, 'x');
	damage(t.cache, slot_off(1, 2));
	ck_assert_int_eq(do_read(0, 9 * BLOCK, BLOCK), -EIO);
	ck_assert_int_eq(do_read(0, 8 * BLOCK, 3 * BLOCK), -EIO);
	ck_assert_uint_eq(status().nr_checksum_errors, 2);
	ck_assert(said("checksum mismatch (block 9 of slow0)"));
	expect_block(0, 8, 'l');
	expect_block(0, 10, 'l');
}
END_TEST

START_TEST(damaged_clean_block_is_read_from_the_backing)
{
	log_three_blocks();
	ck_assert_int_eq(do_drain(), 0);
	damage(t.cache, slot_off(1, 2));
	expect(0, 8 * BLOCK, 3 * BLOCK, 'l');
	ck_assert_uint_eq(status().nr_checksum_errors, 1);
	expect(0, 8 * BLOCK, 3 * BLOCK, 'l');
	ck_assert_uint_eq(status().nr_checksum_errors, 1);
}
END_TEST

START_TEST(damaged_clean_part_of_a_block_is_read_from_the_backing)
{
	put(t.dev[0], 3 * BLOCK, BLOCK, 'x');
	ck_assert_int_eq(do_write(0, 3 * BLOCK + SECTOR, SECTOR, 'a'), 0);
	ck_assert_int_eq(do_drain(), 0);
	evict();
	damage(t.cache, slot_off(1, 1) + SECTOR);
	expect(0, 3 * BLOCK, SECTOR, 'x');
	expect(0, 3 * BLOCK + SECTOR, SECTOR, 'a');
}
END_TEST

START_TEST(read_error_of_the_log_is_an_error_of_that_range_alone)
{
	log_three_blocks();
	t.cache->bad_off = slot_off(1, 2);
	t.cache->bad_len = BLOCK;
	ck_assert_int_eq(do_read(0, 9 * BLOCK, BLOCK), -EIO);
	expect_block(0, 8, 'l');
	ck_assert_uint_eq(status().nr_read_errors, 1);
	ck_assert_int_eq(status().state, WB_HEALTHY);
}
END_TEST

START_TEST(read_error_of_a_backing_is_an_error_of_that_range_alone)
{
	t.dev[0]->bad_off = 9 * BLOCK;
	t.dev[0]->bad_len = 1;
	ck_assert_int_eq(do_read(0, 9 * BLOCK, BLOCK), -EIO);
	expect_block(0, 8, 0);
	expect_block(1, 9, 0);
	ck_assert_uint_eq(status().nr_read_errors, 1);
	ck_assert_uint_eq(info(0).nr_errors, 1);
	ck_assert_uint_eq(info(1).nr_errors, 0);
}
END_TEST

START_TEST(cached_block_is_read_although_its_backing_is_unreadable)
{
	write_block(0, 9, 'a');
	t.dev[0]->bad_len = t.dev[0]->bdev.size;
	expect_block(0, 9, 'a');
}
END_TEST

START_TEST(read_overtaken_by_a_write_gets_either_state_and_later_ones_the_new)
{
	struct op *op;

	put(t.dev[0], 3 * BLOCK, BLOCK, 'x');
	t.dev[0]->hold[BDEV_READ] = true;
	op = start_read(0, 3 * BLOCK, BLOCK);
	write_block(0, 3, 'a');
	expect_block(0, 3, 'a');
	t.dev[0]->hold[BDEV_READ] = false;
	ck_assert_int_eq(op_wait(op), 0);
	ck_assert(op->buf[0] == 'x' || op->buf[0] == 'a');
}
END_TEST

START_TEST(block_superseded_while_its_damaged_copy_was_read_is_read_again)
{
	struct op *op;
	struct bdev_io *io;

	log_three_blocks();
	damage(t.cache, slot_off(1, 2));
	op = start_read(0, 9 * BLOCK, BLOCK);
	io = steal(t.cache, BDEV_READ);
	write_block(0, 9, 'n');
	give_back(io);
	ck_assert_int_eq(op_wait(op), 0);
	ck_assert_int_eq(op->buf[0], 'n');
}
END_TEST

START_TEST(reads_write_nothing)
{
	log_three_blocks();
	ck_assert_int_eq(do_read(0, 0, 20 * BLOCK), 0);
	for (unsigned int i = 0; i < t.nr_trace; i++)
		ck_assert_int_eq(t.trace[i].op, BDEV_READ);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		block_in_a_buffer_is_read_without_io,
		block_is_read_while_its_record_is_written,
		neighbours_on_the_backing_are_read_in_one_io,
		neighbours_in_the_log_are_read_in_one_io,
		read_is_composed_of_backing_log_buffer_and_zeros,
		partly_logged_block_is_composed_with_the_backing,
		partly_logged_block_between_others_is_read_in_its_place,
		read_at_any_offset_and_length_gets_its_bytes,
		range_that_alternates_between_log_and_backing_is_read_whole,
		damaged_dirty_block_is_an_error_and_not_replaced,
		damaged_clean_block_is_read_from_the_backing,
		damaged_clean_part_of_a_block_is_read_from_the_backing,
		read_error_of_the_log_is_an_error_of_that_range_alone,
		read_error_of_a_backing_is_an_error_of_that_range_alone,
		cached_block_is_read_although_its_backing_is_unreadable,
		read_overtaken_by_a_write_gets_either_state_and_later_ones_the_new,
		block_superseded_while_its_damaged_copy_was_read_is_read_again,
		reads_write_nothing,
	};

	return harness_run("engine_read", tests, ARRAY_SIZE(tests), harness_setup_ring,
			   harness_teardown);
}
