/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/head.c, engine/segment.c: records in segments, and when slots and buffers are reused. */
#include "config.h"

#include "tests/unit/engine_harness.h"

static struct record_header header_at(uint64_t segment, uint32_t block)
{
	struct record_header header;
	const void *disk = t.cache->visible + slot_off(segment, block);
	int err = record_decode(disk, t.wb->uuid, t.wb->layout.segment_blocks, &header);

	ck_assert_int_eq(err, 0);
	return header;
}

/* Write blocks until one has to wait for space. */
static struct op *fill_log(void)
{
	for (uint64_t block = 0; block < BACKING_BLOCKS; block++) {
		struct op *op = start_write(0, block * BLOCK, BLOCK, 'f');

		sim_settle(&t.sim);
		if (!op->done)
			return op;
		op->used = false;
	}
	ck_abort_msg("the log is never full");
}

START_TEST(records_of_two_blocks_share_a_segment)
{
	write_and_sync(0, 1, 'a');
	write_and_sync(0, 2, 'b');
	ck_assert_uint_eq(status().current_segment_id, 1);
	ck_assert_uint_eq(status().cursor, 4);
	ck_assert_uint_eq(header_at(1, 0).record, 1);
	ck_assert_uint_eq(header_at(1, 2).record, 2);
	write_and_sync(0, 3, 'c');
	ck_assert_uint_eq(status().current_segment_id, 2);
}
END_TEST

START_TEST(block_that_would_hold_a_header_alone_is_left_unused)
{
	ck_assert_int_eq(do_write(0, 0, 2 * BLOCK, 'a'), 0);
	ck_assert_int_eq(do_sync(), 0);
	write_and_sync(0, 2, 'b');
	ck_assert_uint_eq(header_at(1, 0).nr_blocks, 2);
	ck_assert_uint_eq(header_at(2, 0).nr_blocks, 1);
}
END_TEST

START_TEST(full_segment_is_logged_without_a_sync)
{
	write_block(0, 0, 'a');
	ck_assert_int_eq(do_write(0, BLOCK, 2 * BLOCK, 'b'), 0);
	sim_settle(&t.sim);
	ck_assert_uint_eq(status().logged, 1);
	ck_assert_uint_eq(status().open_record, 2);
}
END_TEST

START_TEST(request_that_goes_on_in_the_next_segment_is_marked_continued)
{
	ck_assert_int_eq(do_write(0, 0, 2 * BLOCK, 'a'), 0);
	ck_assert_int_eq(do_write(0, 2 * BLOCK, 2 * BLOCK, 'b'), 0);
	ck_assert_int_eq(do_sync(), 0);
	ck_assert(header_at(1, 0).continued);
	ck_assert(!header_at(2, 0).continued);
	ck_assert_uint_eq(status().durable, 2);
}
END_TEST

START_TEST(header_tells_generation_and_what_was_durable)
{
	write_and_sync(0, 1, 'a');
	write_and_sync(0, 2, 'b');
	end();
	begin();
	write_and_sync(0, 3, 'c');
	ck_assert_uint_eq(header_at(1, 0).durable, 0);
	ck_assert_uint_eq(header_at(1, 2).durable, 1);
	ck_assert_uint_eq(header_at(1, 2).generation, 1);
	ck_assert_uint_eq(header_at(2, 0).durable, 2);
	ck_assert_uint_eq(header_at(2, 0).generation, 2);
	ck_assert_uint_eq(header_at(2, 0).generation_record, 3);
}
END_TEST

START_TEST(slot_is_not_reused_before_a_durable_superblock_says_it_is_migrated)
{
	struct op *op;

	t.dev[0]->hold[BDEV_FLUSH] = true;
	op = fill_log();
	t.cache->hold[BDEV_FLUSH] = true;
	t.dev[0]->hold[BDEV_FLUSH] = false;
	sim_settle(&t.sim);
	ck_assert_uint_gt(status().migrated, 0);
	ck_assert_uint_eq(status().migrated_on_disk, 0);
	ck_assert(!op->done);
	t.cache->hold[BDEV_FLUSH] = false;
	ck_assert_int_eq(op_wait(op), 0);
	ck_assert_uint_gt(status().migrated_on_disk, 0);
}
END_TEST

START_TEST(slot_is_not_reused_while_a_read_of_it_is_in_flight)
{
	struct op *read, *op;
	struct bdev_io *io;

	harness_teardown();
	harness_setup_ring();
	write_and_sync(0, 63, 'r');
	evict();
	read = start_read(0, 63 * BLOCK, BLOCK);
	io = steal(t.cache, BDEV_READ);
	op = fill_log();
	ck_assert_uint_eq(status().current_segment_id, 8 - head_reserve(t.wb));
	ck_assert_uint_ge(status().migrated_on_disk, 1);
	give_back(io);
	ck_assert_int_eq(op_wait(op), 0);
	ck_assert_int_eq(op_wait(read), 0);
	ck_assert_int_eq(read->buf[0], 'r');
}
END_TEST

START_TEST(buffer_is_not_reused_before_its_records_are_durable)
{
	struct op *op;

	harness_teardown();
	harness_setup_ring();
	t.cache->hold[BDEV_FLUSH] = true;
	op = fill_log();
	ck_assert_uint_eq(status().current_segment_id, 2);
	ck_assert_uint_eq(status().logged, 2);
	ck_assert_uint_eq(status().nr_free_segments, 6);
	t.cache->hold[BDEV_FLUSH] = false;
	ck_assert_int_eq(op_wait(op), 0);
	ck_assert_uint_eq(status().current_segment_id, 3);
}
END_TEST

START_TEST(space_for_a_whole_request_is_reserved_first)
{
	struct op *op;

	harness_teardown();
	harness_setup_ring();
	t.cache->hold[BDEV_FLUSH] = true;
	ck_assert_int_eq(do_write(0, 0, 3 * BLOCK, 'a'), 0);
	ck_assert_int_eq(do_write(0, 3 * BLOCK, 2 * BLOCK, 'b'), 0);
	op = start_write(0, 5 * BLOCK, 2 * BLOCK, 'c');
	sim_settle(&t.sim);
	ck_assert(!op->done);
	ck_assert_uint_eq(status().cursor, 3);
	ck_assert_uint_eq(status().nr_waits_for_space, 1);
	expect(0, 5 * BLOCK, 2 * BLOCK, 0);
	t.cache->hold[BDEV_FLUSH] = false;
	ck_assert_int_eq(op_wait(op), 0);
	expect(0, 5 * BLOCK, 2 * BLOCK, 'c');
}
END_TEST

START_TEST(request_that_needs_several_segments_waits_until_all_are_there)
{
	struct op *op;

	harness_teardown();
	harness_make(32, 4, 4);
	begin();
	t.cache->hold[BDEV_FLUSH] = true;
	ck_assert_int_eq(do_write(0, 0, 6 * BLOCK, 'a'), 0);
	ck_assert_int_eq(do_write(0, 6 * BLOCK, 3 * BLOCK, 'b'), 0);
	op = start_write(0, 9 * BLOCK, 6 * BLOCK, 'c');
	sim_settle(&t.sim);
	ck_assert(!op->done);
	ck_assert_uint_eq(status().current_segment_id, 3);
	t.cache->hold[BDEV_FLUSH] = false;
	ck_assert_int_eq(op_wait(op), 0);
	expect(0, 9 * BLOCK, 6 * BLOCK, 'c');
}
END_TEST

START_TEST(small_request_does_not_overtake_a_large_one_that_waits_for_space)
{
	struct op *large, *small;

	harness_teardown();
	harness_setup_ring();
	t.cache->hold[BDEV_FLUSH] = true;
	ck_assert_int_eq(do_write(0, 0, 3 * BLOCK, 'a'), 0);
	ck_assert_int_eq(do_write(0, 3 * BLOCK, BLOCK, 'b'), 0);
	large = start_write(0, 4 * BLOCK, 3 * BLOCK, 'c');
	small = start_write(1, 0, BLOCK, 'd');
	sim_settle(&t.sim);
	ck_assert(!large->done && !small->done);
	t.cache->hold[BDEV_FLUSH] = false;
	ck_assert_int_eq(op_wait(small), 0);
	ck_assert(large->done);
}
END_TEST

START_TEST(slot_of_a_reused_segment_forgets_its_blocks)
{
	write_and_sync(0, 63, 'o');
	ck_assert_int_eq(do_drain(), 0);
	ck_assert_uint_eq(info(0).nr_cached, 1);
	for (uint64_t block = 0; block < 6; block++)
		write_and_sync(1, block, 'n');
	ck_assert_uint_eq(info(0).nr_cached, 0);
	put(t.dev[0], 63 * BLOCK, BLOCK, 'x');
	expect_block(0, 63, 'x');
}
END_TEST

START_TEST(largest_request_fits_into_a_quarter_of_the_log_and_half_of_the_buffers)
{
	const unsigned int cases[][4] = {
		{3, 4, 3, 2},	 {8, 4, 2, 3},	  {8, 4, 8, 6},	       {3, 2, 2, 1},
		{64, 4, 64, 48}, {64, 32, 3, 46}, {100, 256, 64, 257},
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		harness_teardown();
		harness_make(cases[i][0], cases[i][1], cases[i][2]);
		ck_assert_int_eq(try_open(), 0);
		ck_assert_uint_eq(head_max_blocks(t.wb), cases[i][3]);
	}
}
END_TEST

START_TEST(log_of_the_smallest_segments_takes_writes_for_ever)
{
	harness_teardown();
	harness_make(3, 2, 2);
	begin();
	for (uint64_t i = 0; i < 20; i++)
		write_block(0, i, (char)('a' + i));
	for (uint64_t i = 0; i < 20; i++)
		expect_block(0, i, (char)('a' + i));
}
END_TEST

START_TEST(free_segments_are_those_that_could_be_reused)
{
	ck_assert_uint_eq(status().nr_free_segments, 3);
	write_and_sync(0, 1, 'a');
	ck_assert_uint_eq(status().nr_free_segments, 2);
	ck_assert_int_eq(do_drain(), 0);
	sim_settle(&t.sim);
	ck_assert_uint_eq(status().nr_free_segments, 3);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		records_of_two_blocks_share_a_segment,
		block_that_would_hold_a_header_alone_is_left_unused,
		full_segment_is_logged_without_a_sync,
		request_that_goes_on_in_the_next_segment_is_marked_continued,
		header_tells_generation_and_what_was_durable,
		slot_is_not_reused_before_a_durable_superblock_says_it_is_migrated,
		slot_is_not_reused_while_a_read_of_it_is_in_flight,
		buffer_is_not_reused_before_its_records_are_durable,
		space_for_a_whole_request_is_reserved_first,
		request_that_needs_several_segments_waits_until_all_are_there,
		small_request_does_not_overtake_a_large_one_that_waits_for_space,
		slot_of_a_reused_segment_forgets_its_blocks,
		largest_request_fits_into_a_quarter_of_the_log_and_half_of_the_buffers,
		log_of_the_smallest_segments_takes_writes_for_ever,
		free_segments_are_those_that_could_be_reused,
	};

	return harness_run("engine_head", tests, ARRAY_SIZE(tests), harness_setup_started,
			   harness_teardown);
}
