/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/migrate.c: backings that fail, damage in the log, and crashes in the middle of a batch. */
#include "config.h"

#include "tests/unit/engine_harness.h"

static void start_drain(void)
{
	wb_drain(t.wb, NULL, note_done, NULL);
	sim_settle(&t.sim);
}

static void expect_pauses_between_writes(unsigned int from)
{
	uint64_t pause = RETRY_FIRST_PAUSE;

	for (unsigned int n = 1; n < 4; n++, pause *= 2) {
		int at = trace_find(from, t.dev[0], BDEV_WRITE, n);
		int before = trace_find(from, t.dev[0], BDEV_WRITE, n - 1);

		ck_assert_int_ge(at, 0);
		ck_assert_uint_ge(t.trace[at].at - t.trace[before].at, pause);
		ck_assert_uint_lt(t.trace[at].at - t.trace[before].at, 2 * pause);
	}
}

START_TEST(failed_write_to_a_backing_is_repeated_with_growing_pauses)
{
	unsigned int from = t.nr_trace;

	write_and_sync(0, 1, 'a');
	simdev_fail(t.dev[0], BDEV_WRITE, -EIO, 0, 3);
	start_drain();
	ck_assert_int_eq(info(0).state, WB_DEGRADED);
	ck_assert(said("slow0: write 4096 bytes at byte 4096 for migration: input/output error"));
	ck_assert_int_eq(wait_done(), 0);
	expect_pauses_between_writes(from);
	expect_on_backing(0, BLOCK, BLOCK, 'a');
	ck_assert_int_eq(info(0).state, WB_HEALTHY);
	ck_assert_int_eq(status().state, WB_HEALTHY);
	ck_assert_uint_eq(info(0).nr_errors, 3);
}
END_TEST

START_TEST(failed_flush_of_a_backing_repeats_all_writes_since_the_last_good_one)
{
	t.dev[0]->drop_on_failed_flush = true;
	simdev_fail(t.dev[0], BDEV_FLUSH, -EIO, 0, 1);
	write_block(0, 1, 'a');
	write_block(0, 5, 'b');
	ck_assert_int_eq(do_zero(0, 9 * BLOCK, BLOCK), 0);
	put(t.dev[0], 9 * BLOCK, BLOCK, 'x');
	ck_assert_int_eq(do_drain(), 0);
	crash();
	expect_on_backing(0, BLOCK, BLOCK, 'a');
	expect_on_backing(0, 5 * BLOCK, BLOCK, 'b');
	expect_on_backing(0, 9 * BLOCK, BLOCK, 0);
}
END_TEST

START_TEST(failed_zeroing_of_a_backing_is_repeated)
{
	put(t.dev[0], 0, 8 * BLOCK, 'x');
	simdev_fail(t.dev[0], BDEV_ZERO, -EIO, 0, 2);
	ck_assert_int_eq(do_zero(0, 0, 4 * BLOCK), 0);
	ck_assert_int_eq(do_drain(), 0);
	expect_on_backing(0, 0, 4 * BLOCK, 0);
	expect_on_backing(0, 4 * BLOCK, 4 * BLOCK, 'x');
}
END_TEST

START_TEST(partial_block_waits_until_its_backing_can_be_read)
{
	put(t.dev[0], 3 * BLOCK, BLOCK, 'x');
	ck_assert_int_eq(do_write(0, 3 * BLOCK, SECTOR, 'a'), 0);
	simdev_fail(t.dev[0], BDEV_READ, -EIO, 0, 2);
	ck_assert_int_eq(do_drain(), 0);
	expect_on_backing(0, 3 * BLOCK, SECTOR, 'a');
	expect_on_backing(0, 3 * BLOCK + SECTOR, 7 * SECTOR, 'x');
}
END_TEST

START_TEST(failing_backing_does_not_fail_writes_reads_or_syncs)
{
	simdev_fail(t.dev[0], BDEV_WRITE, -EIO, 0, UINT64_MAX);
	write_and_sync(0, 1, 'a');
	start_drain();
	sim_sleep(&t.sim, 60 * NS_PER_S);
	write_and_sync(1, 1, 'b');
	expect_block(0, 1, 'a');
	ck_assert_int_eq(status().state, WB_HEALTHY);
	ck_assert_int_eq(info(0).state, WB_FAILED);
	ck_assert_uint_eq(status().migrated, 0);
	ck_assert_uint_eq(info(0).nr_dirty, 1);
}
END_TEST

/* A log that is full of blocks of a backing that fails for good. */
static struct op *stuck_writer(void)
{
	struct op *op = NULL;

	simdev_fail(t.dev[0], BDEV_WRITE, -EIO, 0, UINT64_MAX);
	for (uint64_t block = 0; !op || op->done; block++) {
		if (op)
			ck_assert_int_eq(op_wait(op), 0);
		op = start_write(0, block * BLOCK, BLOCK, 'a');
		sim_settle(&t.sim);
	}
	return op;
}

START_TEST(writer_waits_while_the_log_is_full_and_goes_on_when_the_backing_works_again)
{
	struct op *op = stuck_writer();

	sim_sleep(&t.sim, 100 * NS_PER_S);
	ck_assert(!op->done);
	simdev_fail(t.dev[0], BDEV_WRITE, 0, 0, 0);
	ck_assert_int_eq(op_wait(op), 0);
	ck_assert_int_eq(do_drain(), 0);
	expect_on_backing(0, 0, op->io.off + BLOCK, 'a');
}
END_TEST

START_TEST(retry_ends_the_pause_of_a_failing_backing)
{
	struct op *op = stuck_writer();
	uint64_t before;

	sim_sleep(&t.sim, 100 * NS_PER_S);
	simdev_fail(t.dev[0], BDEV_WRITE, 0, 0, 0);
	before = t.sim.now;
	wb_retry(t.wb);
	ck_assert_int_eq(op_wait(op), 0);
	ck_assert_uint_lt(t.sim.now - before, NS_PER_S);
}
END_TEST

START_TEST(on_full_error_gives_no_space_once_the_backing_is_held)
{
	struct op *op, *other;

	knob(WB_KNOB_ON_FULL, 1);
	op = stuck_writer();
	ck_assert(!op->done);
	sim_sleep(&t.sim, 2 * NS_PER_S);
	ck_assert(op->done);
	ck_assert_int_eq(op->err, -ENOSPC);
	ck_assert_int_eq(do_write(0, 0, BLOCK, 'b'), -ENOSPC);
	/* All of the log is of slow0: it was not known to fail when that was written. */
	other = start_write(1, 0, BLOCK, 'c');
	sim_sleep(&t.sim, 2 * NS_PER_S);
	ck_assert(!other->done);
	simdev_fail(t.dev[0], BDEV_WRITE, 0, 0, 0);
	knob(WB_KNOB_ALLOW_MIGRATE, 1);
	sim_sleep(&t.sim, 60 * NS_PER_S);
	ck_assert(!info(0).held);
	ck_assert_int_eq(do_write(0, 0, BLOCK, 'b'), 0);
	ck_assert_int_eq(op_wait(other), 0);
	ck_assert(said("slow0: healthy"));
}
END_TEST

START_TEST(on_full_set_later_frees_those_who_wait)
{
	struct op *op = stuck_writer();

	sim_sleep(&t.sim, 2 * NS_PER_S);
	ck_assert(!op->done);
	knob(WB_KNOB_ON_FULL, 1);
	ck_assert(op->done);
	ck_assert_int_eq(op->err, -ENOSPC);
}
END_TEST

START_TEST(damage_in_the_log_never_reaches_a_backing)
{
	harness_teardown();
	harness_setup_ring();
	write_and_sync(0, 7, 'a');
	evict();
	damage(t.cache, slot_off(1, 1) + 5);
	ck_assert_int_eq(do_drain(), 0);
	ck_assert(said("migrate block at byte 1069056: checksum mismatch: block 7 of slow0"));
	ck_assert_uint_eq(status().nr_checksum_errors, 1);
	expect_on_backing(0, 0, t.dev[0]->bdev.size, 0);
	expect_on_backing(1, 40 * BLOCK, BLOCK, 'e');
	ck_assert_int_eq(do_read(0, 7 * BLOCK, BLOCK), -EIO);
	expect_block(0, 6, 0);
	expect_block(0, 8, 0);
}
END_TEST

START_TEST(log_that_can_not_be_read_is_read_again_later)
{
	harness_teardown();
	harness_setup_ring();
	write_and_sync(0, 7, 'a');
	evict();
	simdev_fail(t.cache, BDEV_READ, -EIO, 0, 2);
	ck_assert_int_eq(do_drain(), 0);
	expect_on_backing(0, 7 * BLOCK, BLOCK, 'a');
}
END_TEST

START_TEST(backing_that_is_not_attached_stops_only_itself_and_loses_nothing)
{
	write_and_sync(0, 1, 'a');
	write_and_sync(1, 1, 'b');
	crash();
	ck_assert_int_eq(try_open(), 0);
	ck_assert_int_eq(try_attach(1, false), 0);
	ck_assert_int_eq(try_start(), 0);
	sim_sleep(&t.sim, 5 * NS_PER_S);
	ck_assert_uint_eq(status().migrated, 0);
	ck_assert(info(0).held && info(0).in_log);
	ck_assert(!info(1).held && !info(1).in_log);
	expect_on_backing(1, BLOCK, BLOCK, 'b');
	end();
	begin();
	expect_block(0, 1, 'a');
	ck_assert_int_eq(do_drain(), 0);
	expect_on_backing(0, BLOCK, BLOCK, 'a');
	expect_on_backing(1, BLOCK, BLOCK, 'b');
}
END_TEST

START_TEST(batch_broken_off_by_a_crash_is_done_again_whole)
{
	for (int steps = 0; steps < 12; steps++) {
		char letter = (char)('a' + steps);

		write_block(0, 1, letter);
		write_block(0, 9, letter);
		write_and_sync(1, 1, letter);
		wb_drain(t.wb, NULL, note_done, NULL);
		for (int i = 0; i < steps && !t.done; i++)
			sim_step(&t.sim);
		crash();
		t.done = false;
		begin();
		expect_block(0, 1, letter);
		ck_assert_int_eq(do_drain(), 0);
		expect_on_backing(0, BLOCK, BLOCK, letter);
		expect_on_backing(0, 9 * BLOCK, BLOCK, letter);
		expect_on_backing(1, BLOCK, BLOCK, letter);
	}
}
END_TEST

/* The backing may hold any part of it, so only its end is a state of the past again. */
START_TEST(backing_is_not_consistent_before_the_end_of_a_batch_that_a_crash_broke_off)
{
	harness_teardown();
	harness_setup_ring();
	for (uint64_t i = 0; i < 6; i++)
		write_and_sync(0, i, 'a');
	ck_assert_uint_eq(status().current_segment_id, 3);
	t.dev[0]->hold[BDEV_FLUSH] = true;
	start_drain();
	crash();
	t.dev[0]->hold[BDEV_FLUSH] = false;
	begin();
	ck_assert(!info(0).consistent);
	knob(WB_KNOB_NR_MAX_BATCHED_MIGRATION, 1);
	wb_drain(t.wb, NULL, note_done, NULL);
	for (; !t.done; sim_step(&t.sim))
		ck_assert(!info(0).consistent || info(0).nr_dirty == 0);
	ck_assert_int_eq(wait_done(), 0);
	ck_assert(info(0).consistent);
	ck_assert_uint_eq(status().nr_batches, 3);
	expect_on_backing(0, 0, 6 * BLOCK, 'a');
}
END_TEST

START_TEST(stop_lets_a_failing_batch_be_and_keeps_its_blocks)
{
	simdev_fail(t.dev[0], BDEV_WRITE, -EIO, 0, UINT64_MAX);
	write_and_sync(0, 1, 'a');
	knob(WB_KNOB_ALLOW_MIGRATE, 1);
	sim_settle(&t.sim);
	end();
	simdev_fail(t.dev[0], BDEV_WRITE, 0, 0, 0);
	begin();
	expect_block(0, 1, 'a');
	ck_assert_uint_eq(info(0).nr_dirty, 1);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		failed_write_to_a_backing_is_repeated_with_growing_pauses,
		failed_flush_of_a_backing_repeats_all_writes_since_the_last_good_one,
		failed_zeroing_of_a_backing_is_repeated,
		partial_block_waits_until_its_backing_can_be_read,
		failing_backing_does_not_fail_writes_reads_or_syncs,
		writer_waits_while_the_log_is_full_and_goes_on_when_the_backing_works_again,
		retry_ends_the_pause_of_a_failing_backing,
		on_full_error_gives_no_space_once_the_backing_is_held,
		on_full_set_later_frees_those_who_wait,
		damage_in_the_log_never_reaches_a_backing,
		log_that_can_not_be_read_is_read_again_later,
		backing_that_is_not_attached_stops_only_itself_and_loses_nothing,
		batch_broken_off_by_a_crash_is_done_again_whole,
		backing_is_not_consistent_before_the_end_of_a_batch_that_a_crash_broke_off,
		stop_lets_a_failing_batch_be_and_keeps_its_blocks,
	};

	return harness_run("engine_migrate_errors", tests, ARRAY_SIZE(tests), harness_setup_started,
			   harness_teardown);
}
