/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/write.c: whole and partial blocks, order, errors. */
#include "config.h"

#include "tests/unit/engine_harness.h"

/* Block 7 of the first backing is in the log alone, and no buffer has it. */
static void ring_with_old_block(char letter)
{
	harness_teardown();
	harness_setup_ring();
	write_and_sync(0, 7, letter);
	evict();
}

START_TEST(newest_of_several_writes_is_read)
{
	write_block(0, 3, 'a');
	write_block(0, 3, 'b');
	write_and_sync(0, 3, 'c');
	expect_block(0, 3, 'c');
	ck_assert_uint_eq(info(0).nr_dirty, 1);
}
END_TEST

START_TEST(write_is_acknowledged_without_any_io)
{
	uint64_t before = nr_ios();
	struct op *op = start_write(0, 0, BLOCK, 'a');

	ck_assert(op->done);
	ck_assert_int_eq(op->err, 0);
	ck_assert_uint_eq(nr_ios(), before);
	ck_assert_uint_eq(t.sim.nr_pending, 0);
}
END_TEST

START_TEST(overwrite_leaves_the_published_block_as_it_was)
{
	struct bdev_io *io;
	const uint8_t *data;

	t.cache->hold[BDEV_WRITE] = true;
	write_block(0, 3, 'a');
	start_sync();
	io = steal(t.cache, BDEV_WRITE);
	data = (const uint8_t *)io->iov[0].iov_base + BLOCK;
	write_block(0, 3, 'b');
	ck_assert_int_eq(data[0], 'a');
	ck_assert_int_eq(data[BLOCK - 1], 'a');
	expect_block(0, 3, 'b');
	give_back(io);
}
END_TEST

START_TEST(part_of_a_block_in_the_log_is_merged_without_the_backing)
{
	uint64_t reads = t.dev[0]->nr_ios[BDEV_READ];

	write_block(0, 3, 'a');
	ck_assert_int_eq(do_write(0, 3 * BLOCK + 2 * SECTOR, SECTOR, 'b'), 0);
	expect(0, 3 * BLOCK, 2 * SECTOR, 'a');
	expect(0, 3 * BLOCK + 2 * SECTOR, SECTOR, 'b');
	expect(0, 3 * BLOCK + 3 * SECTOR, 5 * SECTOR, 'a');
	ck_assert_uint_eq(t.dev[0]->nr_ios[BDEV_READ], reads);
}
END_TEST

START_TEST(part_of_a_block_whose_log_copy_left_the_buffers_is_merged)
{
	ring_with_old_block('a');
	ck_assert_int_eq(do_write(0, 7 * BLOCK, SECTOR, 'b'), 0);
	expect(0, 7 * BLOCK, SECTOR, 'b');
	expect(0, 7 * BLOCK + SECTOR, 7 * SECTOR, 'a');
}
END_TEST

START_TEST(sectors_of_an_unknown_block_are_logged_without_reading_it)
{
	uint64_t reads = t.dev[0]->nr_ios[BDEV_READ];

	put(t.dev[0], 3 * BLOCK, BLOCK, 'x');
	ck_assert_int_eq(do_write(0, 3 * BLOCK + SECTOR, 2 * SECTOR, 'a'), 0);
	ck_assert_uint_eq(t.dev[0]->nr_ios[BDEV_READ], reads);
	expect(0, 3 * BLOCK, SECTOR, 'x');
	expect(0, 3 * BLOCK + SECTOR, 2 * SECTOR, 'a');
	expect(0, 3 * BLOCK + 3 * SECTOR, 5 * SECTOR, 'x');
}
END_TEST

START_TEST(two_partial_writes_of_a_block_are_both_seen)
{
	put(t.dev[0], 3 * BLOCK, BLOCK, 'x');
	ck_assert_int_eq(do_write(0, 3 * BLOCK, SECTOR, 'a'), 0);
	ck_assert_int_eq(do_write(0, 3 * BLOCK + 7 * SECTOR, SECTOR, 'b'), 0);
	expect(0, 3 * BLOCK, SECTOR, 'a');
	expect(0, 3 * BLOCK + SECTOR, 6 * SECTOR, 'x');
	expect(0, 3 * BLOCK + 7 * SECTOR, SECTOR, 'b');
}
END_TEST

START_TEST(write_that_cuts_through_sectors_is_merged_with_the_backing)
{
	put(t.dev[0], 3 * BLOCK, 2 * BLOCK, 'x');
	ck_assert_int_eq(do_write(0, 3 * BLOCK + 4000, 200, 'a'), 0);
	expect(0, 3 * BLOCK, 4000, 'x');
	expect(0, 3 * BLOCK + 4000, 200, 'a');
	expect(0, 3 * BLOCK + 4200, 2 * BLOCK - 4200, 'x');
	ck_assert_int_eq(do_drain(), 0);
	expect_on_backing(0, 3 * BLOCK, 4000, 'x');
	expect_on_backing(0, 3 * BLOCK + 4000, 200, 'a');
	expect_on_backing(0, 3 * BLOCK + 4200, 2 * BLOCK - 4200, 'x');
}
END_TEST

START_TEST(part_of_zeroed_block_is_surrounded_by_zeros)
{
	put(t.dev[0], 3 * BLOCK, BLOCK, 'x');
	ck_assert_int_eq(do_zero(0, 3 * BLOCK, BLOCK), 0);
	ck_assert_int_eq(do_write(0, 3 * BLOCK + SECTOR, SECTOR, 'a'), 0);
	expect(0, 3 * BLOCK, SECTOR, 0);
	expect(0, 3 * BLOCK + SECTOR, SECTOR, 'a');
	expect(0, 3 * BLOCK + 2 * SECTOR, 6 * SECTOR, 0);
}
END_TEST

START_TEST(later_write_of_a_block_waits_for_an_earlier_partial_one)
{
	struct op *first, *second, *other;

	t.dev[0]->hold[BDEV_READ] = true;
	first = start_write(0, 3 * BLOCK + 10, 100, 'a');
	second = start_write(0, 3 * BLOCK, BLOCK, 'b');
	other = start_write(0, 5 * BLOCK, BLOCK, 'c');
	ck_assert(!first->done && !second->done);
	ck_assert(other->done);
	t.dev[0]->hold[BDEV_READ] = false;
	ck_assert_int_eq(op_wait(second), 0);
	ck_assert(first->done);
	expect_block(0, 3, 'b');
}
END_TEST

START_TEST(partial_write_sees_an_earlier_partial_one_that_waited)
{
	struct op *first, *second;

	t.dev[0]->hold[BDEV_READ] = true;
	first = start_write(0, 3 * BLOCK + 10, 100, 'a');
	second = start_write(0, 3 * BLOCK + 60, 100, 'b');
	t.dev[0]->hold[BDEV_READ] = false;
	ck_assert_int_eq(op_wait(second), 0);
	ck_assert(first->done);
	expect(0, 3 * BLOCK + 10, 50, 'a');
	expect(0, 3 * BLOCK + 60, 100, 'b');
	expect(0, 3 * BLOCK + 160, SECTOR, 0);
}
END_TEST

START_TEST(writes_of_a_chain_are_in_the_order_of_the_chain)
{
	struct op *ops[] = {
		make_write(0, 3 * BLOCK, BLOCK, 'a'),
		make_write(0, 3 * BLOCK + SECTOR, SECTOR, 'b'),
		make_write(0, 5 * BLOCK, 0, 'c'),
		make_write(1, 3 * BLOCK, 2 * BLOCK, 'd'),
		make_write(0, 3 * BLOCK, SECTOR, 'e'),
	};

	for (size_t i = 0; i + 1 < ARRAY_SIZE(ops); i++)
		ops[i]->io.next = &ops[i + 1]->io;
	wb_write_all(t.wb, &ops[0]->io);
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		ck_assert_int_eq(op_wait(ops[i]), 0);
	expect(0, 3 * BLOCK, SECTOR, 'e');
	expect(0, 3 * BLOCK + SECTOR, SECTOR, 'b');
	expect(0, 3 * BLOCK + 2 * SECTOR, 6 * SECTOR, 'a');
	expect_block(1, 3, 'd');
	expect_block(1, 4, 'd');
}
END_TEST

START_TEST(one_of_a_chain_fails_and_one_waits_without_the_others)
{
	struct op *late = make_write(0, 3 * BLOCK + 10, 100, 'a');
	struct op *refused = make_write(1, 0, BLOCK, 'b');
	struct op *good = make_write(0, 5 * BLOCK, BLOCK, 'c');

	t.dev[1]->bdev.read_only = true;
	t.dev[0]->hold[BDEV_READ] = true;
	late->io.next = &refused->io;
	refused->io.next = &good->io;
	wb_write_all(t.wb, &late->io);
	ck_assert(!late->done);
	ck_assert(refused->done && good->done);
	ck_assert_int_eq(op_wait(refused), -EROFS);
	ck_assert_int_eq(op_wait(good), 0);
	t.dev[0]->hold[BDEV_READ] = false;
	ck_assert_int_eq(op_wait(late), 0);
	expect(0, 3 * BLOCK + 10, 100, 'a');
	expect_block(0, 5, 'c');
}
END_TEST

START_TEST(same_block_of_another_backing_waits_for_nothing)
{
	t.dev[0]->hold[BDEV_READ] = true;
	start_write(0, 3 * BLOCK + 10, 100, 'a');
	write_block(1, 3, 'b');
	expect_block(1, 3, 'b');
}
END_TEST

START_TEST(unreadable_backing_fails_the_partial_write_and_not_the_whole_one)
{
	t.dev[0]->bad_off = 3 * BLOCK;
	t.dev[0]->bad_len = BLOCK;
	ck_assert_int_eq(do_write(0, 3 * BLOCK + 10, 100, 'a'), -EIO);
	ck_assert_uint_eq(status().nr_cached, 0);
	write_block(0, 3, 'b');
	expect_block(0, 3, 'b');
}
END_TEST

START_TEST(damaged_log_copy_fails_the_partial_write_and_not_the_whole_one)
{
	ring_with_old_block('a');
	damage(t.cache, slot_off(1, 1) + 3000);
	ck_assert_int_eq(do_write(0, 7 * BLOCK, SECTOR, 'b'), -EIO);
	ck_assert_int_eq(do_read(0, 7 * BLOCK, BLOCK), -EIO);
	write_block(0, 7, 'c');
	expect_block(0, 7, 'c');
	ck_assert_int_eq(do_write(0, 7 * BLOCK, SECTOR, 'd'), 0);
	expect(0, 7 * BLOCK, SECTOR, 'd');
}
END_TEST

START_TEST(failed_partial_write_lets_those_behind_it_go_on)
{
	struct op *first, *second;

	t.dev[0]->bad_off = 3 * BLOCK;
	t.dev[0]->bad_len = BLOCK;
	first = start_write(0, 3 * BLOCK + 10, 100, 'a');
	second = start_write(0, 3 * BLOCK, BLOCK, 'b');
	ck_assert_int_eq(op_wait(second), 0);
	ck_assert(first->done);
	ck_assert_int_eq(first->err, -EIO);
	expect_block(0, 3, 'b');
}
END_TEST

START_TEST(request_above_the_atomic_limit_is_split_and_done_once_and_whole)
{
	struct op *op = start_write(0, 5 * BLOCK + SECTOR, 9 * BLOCK, 'a');

	ck_assert_uint_eq(head_max_blocks(t.wb), 2);
	ck_assert(!op->done);
	ck_assert_int_eq(op_wait(op), 0);
	expect(0, 5 * BLOCK, SECTOR, 0);
	expect(0, 5 * BLOCK + SECTOR, 9 * BLOCK, 'a');
	expect(0, 14 * BLOCK + SECTOR, 7 * SECTOR, 0);
}
END_TEST

START_TEST(request_at_the_atomic_limit_survives_whole_or_not_at_all)
{
	t.sim.fate = SIM_FATE_RANDOM;
	for (char letter = 'a'; letter < 'z'; letter++) {
		struct op *op;
		uint8_t first;

		write_block(1, 0, letter);
		ck_assert_int_eq(do_write(0, 8 * BLOCK, 2 * BLOCK, letter), 0);
		start_sync();
		sim_step(&t.sim);
		crash();
		begin();
		op = start_read(0, 8 * BLOCK, BLOCK);
		ck_assert_int_eq(op_wait(op), 0);
		first = op->buf[0];
		expect(0, 8 * BLOCK, 2 * BLOCK, (char)first);
	}
}
END_TEST

START_TEST(last_partial_block_of_a_backing_counts_as_whole)
{
	uint64_t off = (BACKING_BLOCKS - 1) * BLOCK;

	put(t.dev[1], off, ODD_SECTORS * SECTOR, 'x');
	ck_assert_int_eq(do_write(1, off, ODD_SECTORS * SECTOR, 'a'), 0);
	ck_assert_uint_eq(status().stat[WB_STAT_WRITE | WB_STAT_FULLSIZE], 1);
	expect(1, off, ODD_SECTORS * SECTOR, 'a');
	ck_assert_int_eq(do_write(1, off + SECTOR, 10, 'b'), 0);
	ck_assert_int_eq(do_drain(), 0);
	expect_on_backing(1, off, SECTOR, 'a');
	expect_on_backing(1, off + SECTOR, 10, 'b');
	expect_on_backing(1, off + SECTOR + 10, 2 * SECTOR - 10, 'a');
}
END_TEST

START_TEST(unaligned_write_into_the_last_partial_block_keeps_the_rest)
{
	uint64_t off = (BACKING_BLOCKS - 1) * BLOCK;

	put(t.dev[1], off, ODD_SECTORS * SECTOR, 'x');
	ck_assert_int_eq(do_write(1, off + 700, ODD_SECTORS * SECTOR - 700, 'a'), 0);
	expect(1, off, 700, 'x');
	expect(1, off + 700, ODD_SECTORS * SECTOR - 700, 'a');
}
END_TEST

START_TEST(dsync_write_is_done_when_it_is_durable)
{
	struct op *op;

	t.cache->hold[BDEV_FLUSH] = true;
	op = start_dsync(0, 0, BLOCK, 'a');
	sim_settle(&t.sim);
	ck_assert(!op->done);
	t.cache->hold[BDEV_FLUSH] = false;
	ck_assert_int_eq(op_wait(op), 0);
	crash();
	begin();
	expect_block(0, 0, 'a');
}
END_TEST

/* ---- zeroing ---- */

START_TEST(zeroed_range_reads_as_zeros_and_its_neighbours_stay)
{
	put(t.dev[0], 0, 8 * BLOCK, 'x');
	write_block(0, 3, 'a');
	ck_assert_int_eq(do_zero(0, 2 * BLOCK, 4 * BLOCK), 0);
	expect(0, 0, 2 * BLOCK, 'x');
	expect(0, 2 * BLOCK, 4 * BLOCK, 0);
	expect(0, 6 * BLOCK, 2 * BLOCK, 'x');
	write_block(0, 4, 'b');
	expect_block(0, 4, 'b');
	expect_block(0, 3, 0);
}
END_TEST

START_TEST(zeroing_parts_of_blocks_keeps_what_is_around)
{
	put(t.dev[0], 0, 8 * BLOCK, 'x');
	ck_assert_int_eq(do_zero(0, 2 * BLOCK + 100, 3 * BLOCK), 0);
	expect(0, 0, 2 * BLOCK + 100, 'x');
	expect(0, 2 * BLOCK + 100, 3 * BLOCK, 0);
	expect(0, 5 * BLOCK + 100, 3 * BLOCK - 100, 'x');
}
END_TEST

START_TEST(zeroing_all_of_a_backing_covers_its_last_partial_block)
{
	put(t.dev[1], 0, t.dev[1]->bdev.size, 'x');
	ck_assert_int_eq(do_zero(1, 0, t.dev[1]->bdev.size), 0);
	expect(1, (BACKING_BLOCKS - 1) * BLOCK, ODD_SECTORS * SECTOR, 0);
	ck_assert_int_eq(do_drain(), 0);
	expect_on_backing(1, 0, t.dev[1]->bdev.size, 0);
}
END_TEST

START_TEST(zeroing_on_a_log_of_the_smallest_segments_is_cut_into_units)
{
	harness_teardown();
	harness_make(3, 2, 2);
	begin();
	put(t.dev[0], 0, 8 * BLOCK, 'x');
	ck_assert_int_eq(do_zero(0, BLOCK + SECTOR, 3 * BLOCK), 0);
	expect(0, 0, BLOCK + SECTOR, 'x');
	expect(0, BLOCK + SECTOR, 3 * BLOCK, 0);
	expect(0, 4 * BLOCK + SECTOR, BLOCK, 'x');
}
END_TEST

/* ---- refusals ---- */

START_TEST(empty_write_is_done_at_once)
{
	ck_assert_int_eq(do_write(0, 4096, 0, 'a'), 0);
	ck_assert_uint_eq(status().open_record, 1);
	ck_assert_uint_eq(status().unsynced_bytes, 0);
}
END_TEST

START_TEST(writes_after_stop_are_refused)
{
	ck_assert_int_eq(do_stop(), 0);
	ck_assert_int_eq(do_write(0, 0, BLOCK, 'a'), -ESHUTDOWN);
	ck_assert_int_eq(do_zero(0, 0, BLOCK), -ESHUTDOWN);
	ck_assert_int_eq(do_read(0, 0, BLOCK), -ESHUTDOWN);
	ck_assert_int_eq(do_sync(), -ESHUTDOWN);
}
END_TEST

START_TEST(stop_gives_up_writes_that_wait_for_space)
{
	struct op *op;

	t.dev[0]->hold[BDEV_WRITE] = true;
	op = start_write(0, 0, 12 * BLOCK, 'a');
	sim_settle(&t.sim);
	ck_assert(!op->done);
	wb_stop(t.wb, note_done, NULL);
	t.dev[0]->hold[BDEV_WRITE] = false;
	ck_assert_int_eq(wait_done(), 0);
	ck_assert(op->done);
	ck_assert_int_eq(op->err, -ESHUTDOWN);
}
END_TEST

START_TEST(writes_to_a_read_only_backing_are_refused)
{
	t.dev[0]->bdev.read_only = true;
	ck_assert_int_eq(do_write(0, 0, BLOCK, 'a'), -EROFS);
	ck_assert_int_eq(do_zero(0, 0, BLOCK), -EROFS);
	ck_assert_int_eq(do_write(1, 0, BLOCK, 'a'), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		newest_of_several_writes_is_read,
		write_is_acknowledged_without_any_io,
		overwrite_leaves_the_published_block_as_it_was,
		part_of_a_block_in_the_log_is_merged_without_the_backing,
		part_of_a_block_whose_log_copy_left_the_buffers_is_merged,
		sectors_of_an_unknown_block_are_logged_without_reading_it,
		two_partial_writes_of_a_block_are_both_seen,
		write_that_cuts_through_sectors_is_merged_with_the_backing,
		part_of_zeroed_block_is_surrounded_by_zeros,
		later_write_of_a_block_waits_for_an_earlier_partial_one,
		partial_write_sees_an_earlier_partial_one_that_waited,
		writes_of_a_chain_are_in_the_order_of_the_chain,
		one_of_a_chain_fails_and_one_waits_without_the_others,
		same_block_of_another_backing_waits_for_nothing,
		unreadable_backing_fails_the_partial_write_and_not_the_whole_one,
		damaged_log_copy_fails_the_partial_write_and_not_the_whole_one,
		failed_partial_write_lets_those_behind_it_go_on,
		request_above_the_atomic_limit_is_split_and_done_once_and_whole,
		request_at_the_atomic_limit_survives_whole_or_not_at_all,
		last_partial_block_of_a_backing_counts_as_whole,
		unaligned_write_into_the_last_partial_block_keeps_the_rest,
		dsync_write_is_done_when_it_is_durable,
		zeroed_range_reads_as_zeros_and_its_neighbours_stay,
		zeroing_parts_of_blocks_keeps_what_is_around,
		zeroing_all_of_a_backing_covers_its_last_partial_block,
		zeroing_on_a_log_of_the_smallest_segments_is_cut_into_units,
		empty_write_is_done_at_once,
		writes_after_stop_are_refused,
		stop_gives_up_writes_that_wait_for_space,
		writes_to_a_read_only_backing_are_refused,
	};

	return harness_run("engine_write", tests, ARRAY_SIZE(tests), harness_setup_started,
			   harness_teardown);
}
