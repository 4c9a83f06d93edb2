/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/carry.c: what a backing can't take now survives a log that is full of it, and in order. */
#include "config.h"

#include "tests/unit/engine_harness.h"

#define SEGMENTS 12u
#define ALWAYS UINT64_MAX

/* A ring of segments of three blocks, of which slow0 may hold half. */
static void setup(void)
{
	harness_make(SEGMENTS, 4, 4);
	put(t.dev[0], 0, 20 * BLOCK, 'x');
	begin();
}

/* Of slow0: a whole block, a sector, zeros, and blocks older and newer than these. */
static void write_held(void)
{
	write_block(0, 1, 'a');
	ck_assert_int_eq(do_write(0, 2 * BLOCK + SECTOR, SECTOR, 'p'), 0);
	write_block(0, 10, 'o');
	ck_assert_int_eq(do_zero(0, 8 * BLOCK, 4 * BLOCK), 0);
	write_block(0, 9, 'n');
	ck_assert_int_eq(do_sync(), 0);
}

static void hold(void)
{
	pause_backing(0, true);
	write_held();
}

struct part {
	uint64_t sector, nr;
	char letter;
};

static const struct part held[] = {
	{0, 8, 'x'},   {8, 8, 'a'}, {16, 1, 'x'}, {17, 1, 'p'}, {18, 6, 'x'},
	{24, 40, 'x'}, {64, 8, 0},  {72, 8, 'n'}, {80, 16, 0},	{96, 8, 'x'},
};

static void expect_held(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(held); i++)
		expect(0, held[i].sector * SECTOR, held[i].nr * SECTOR, held[i].letter);
}

static void expect_held_on_backing(void)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(held); i++)
		expect_on_backing(0, held[i].sector * SECTOR, held[i].nr * SECTOR, held[i].letter);
}

static void expect_untouched(void)
{
	expect_on_backing(0, 0, 20 * BLOCK, 'x');
	ck_assert_uint_eq(t.dev[0]->nr_ios[BDEV_WRITE], 0);
	ck_assert_uint_eq(t.dev[0]->nr_ios[BDEV_ZERO], 0);
}

/* Open, with slow0 held from the start on. */
static void begin_held(void)
{
	ck_assert_msg(try_open() == 0, "%s", t.messages);
	ck_assert_int_eq(try_attach(0, false), 0);
	ck_assert_int_eq(try_attach(1, false), 0);
	knob(WB_KNOB_ALLOW_MIGRATE, 0);
	pause_backing(0, true);
	ck_assert_int_eq(try_start(), 0);
}

/* ---- round and round ---- */

START_TEST(what_is_held_survives_many_turns_of_the_ring)
{
	hold();
	for (unsigned int i = 0; i < 20; i++) {
		turn_ring(1);
		expect_held();
	}
	expect_untouched();
	ck_assert_uint_ge(status().nr_carried_blocks, 20);
	ck_assert_int_eq(do_drain(), 0);
	expect_held_on_backing();
	expect_held();
}
END_TEST

START_TEST(what_was_carried_is_there_after_a_close_and_after_a_crash)
{
	hold();
	turn_ring(3);
	end();
	begin_held();
	expect_held();
	turn_ring(2);
	ck_assert_int_eq(do_sync(), 0);
	crash();
	begin_held();
	expect_held();
	turn_ring(3);
	expect_held();
	expect_untouched();
	ck_assert_int_eq(do_drain(), 0);
	crash();
	expect_held_on_backing();
}
END_TEST

START_TEST(blocks_of_a_missing_backing_are_carried)
{
	write_held();
	end();
	ck_assert_int_eq(try_open(), 0);
	ck_assert_int_eq(try_attach(1, false), 0);
	ck_assert_int_eq(try_start(), 0);
	ck_assert(info(0).held);
	turn_ring(5);
	expect_untouched();
	ck_assert_int_eq(try_attach(0, false), 0);
	ck_assert_int_eq(do_commit(), 0);
	expect_held();
	ck_assert(!info(0).held);
	ck_assert_int_eq(do_drain(), 0);
	expect_held_on_backing();
}
END_TEST

START_TEST(blocks_of_a_failing_backing_are_carried)
{
	simdev_fail(t.dev[0], BDEV_WRITE, -EIO, 0, ALWAYS);
	write_held();
	ck_assert_int_eq(do_drain_one(0), -EIO);
	ck_assert(info(0).held);
	turn_ring(5);
	expect_held();
	simdev_fail(t.dev[0], BDEV_WRITE, 0, 0, 0);
	knob(WB_KNOB_ALLOW_MIGRATE, 1);
	sim_sleep(&t.sim, 60 * NS_PER_S);
	ck_assert(!info(0).held && !info(0).in_log);
	expect_held_on_backing();
	ck_assert_int_eq(info(0).state, WB_HEALTHY);
}
END_TEST

START_TEST(blocks_of_a_read_only_backing_are_carried)
{
	write_held();
	t.dev[0]->bdev.read_only = true;
	turn_ring(3);
	ck_assert(info(0).held);
	expect_held();
	expect_untouched();
}
END_TEST

/* ---- what else is written meanwhile ---- */

START_TEST(newer_writes_and_zeros_win_over_what_is_carried)
{
	hold();
	for (unsigned int i = 0; i < 30; i++) {
		char letter = (char)('a' + i % 26);

		turn_ring(1);
		write_block(0, 15, letter);
		ck_assert_int_eq(do_write(0, 16 * BLOCK + (i % 8) * SECTOR, SECTOR, letter), 0);
		ck_assert_int_eq(do_zero(0, 17 * BLOCK, 2 * BLOCK), 0);
		write_block(0, 17 + i % 2, letter);
		expect_block(0, 15, letter);
		expect(0, 16 * BLOCK + (i % 8) * SECTOR, SECTOR, letter);
		expect_block(0, 17 + i % 2, letter);
		expect_block(0, 18 - i % 2, 0);
	}
	for (uint64_t i = 22; i < 30; i++)
		expect(0, 16 * BLOCK + (i % 8) * SECTOR, SECTOR, (char)('a' + i % 26));
	expect_held();
}
END_TEST

START_TEST(write_that_is_under_way_is_newer_than_the_copy)
{
	hold();
	turn_ring(1);
	for (unsigned int i = 0; i < 40; i++) {
		char letter = (char)('a' + i % 26);
		struct op *op = start_write(1, i % 40 * BLOCK, BLOCK, letter);
		struct op *overwrite;

		for (unsigned int n = 0; n < i % 7; n++)
			sim_step(&t.sim);
		overwrite = start_write(0, BLOCK, BLOCK, letter);
		ck_assert_int_eq(op_wait(op), 0);
		ck_assert_int_eq(op_wait(overwrite), 0);
		expect_block(0, 1, letter);
	}
	turn_ring(2);
	expect_block(0, 1, 'a' + 39 % 26);
	ck_assert_int_eq(do_drain(), 0);
	expect_on_backing(0, BLOCK, BLOCK, 'a' + 39 % 26);
}
END_TEST

START_TEST(tail_advances_past_a_backing_with_nothing_in_the_log)
{
	write_and_sync(0, 1, 'a');
	ck_assert_int_eq(do_drain_one(0), 0);
	pause_backing(0, true);
	turn_ring(3);
	ck_assert_uint_gt(status().migrated, 1);
	ck_assert_uint_eq(status().nr_carried_blocks, 0);
	ck_assert(info(0).consistent && !info(0).in_log);
	crash();
	begin_held();
	expect_block(0, 1, 'a');
	ck_assert(info(0).consistent && !info(0).in_log);
}
END_TEST

/* ---- a state of the past ---- */

START_TEST(carried_backing_is_not_consistent_before_it_has_caught_up)
{
	uint64_t before;

	hold();
	ck_assert(info(0).consistent);
	turn_ring(2);
	ck_assert(!info(0).consistent);
	crash();
	begin_held();
	ck_assert(!info(0).consistent);
	before = status().nr_carried_blocks;
	knob(WB_KNOB_NR_MAX_BATCHED_MIGRATION, 1);
	wb_drain(t.wb, t.b[0], note_done, NULL);
	for (; !t.done; sim_step(&t.sim))
		ck_assert(!info(0).consistent || info(0).nr_dirty == 0);
	ck_assert_int_eq(wait_done(), 0);
	ck_assert(info(0).consistent);
	ck_assert_uint_eq(status().nr_carried_blocks, before);
	expect_held_on_backing();
}
END_TEST

/* A copy at the head must not get to a backing before a crash that forgets what came before it. */
START_TEST(consistent_on_disk_means_that_nothing_of_a_later_state_is_there)
{
	hold();
	turn_ring(1);
	for (unsigned int steps = 0; steps < 60; steps += 3) {
		struct table_entry entry;

		wb_drain(t.wb, t.b[0], note_done, NULL);
		for (unsigned int i = 0; i < steps && !t.done; i++)
			sim_step(&t.sim);
		t.sim.fate = SIM_FATE_RANDOM;
		crash();
		t.done = false;
		entry = entry_on_disk(0);
		if (entry.migrated >= entry.batch_end)
			expect_held_on_backing();
		begin_held();
		expect_held();
	}
}
END_TEST

/* ---- power cuts ---- */

/* Start writes to the other one, and let so many steps pass. */
static void go_on_for(unsigned int steps)
{
	struct op *op = start_write(1, 0, BLOCK, 'w');

	for (unsigned int i = 0; i < steps; i++) {
		if (op->done) {
			ck_assert_int_eq(op_wait(op), 0);
			op = start_write(1, i % 40 * BLOCK, BLOCK, 'w');
		}
		t.nr_trace = 0;
		sim_step(&t.sim);
	}
}

START_TEST(power_cut_in_each_phase_of_carrying_loses_nothing)
{
	hold();
	turn_ring(1);
	t.sim.fate = SIM_FATE_RANDOM;
	for (unsigned int steps = 0; steps < 250; steps++) {
		go_on_for(steps);
		crash();
		begin_held();
		expect_held();
	}
	ck_assert_int_eq(do_drain(), 0);
	expect_held_on_backing();
}
END_TEST

START_TEST(power_cut_in_each_phase_of_the_return_loses_nothing)
{
	for (unsigned int steps = 0; steps < 80; steps++) {
		harness_teardown();
		setup();
		hold();
		turn_ring(2);
		t.sim.fate = SIM_FATE_RANDOM;
		t.sim.random = steps + 1;
		knob(WB_KNOB_NR_MAX_BATCHED_MIGRATION, 1 + steps % 2);
		wb_drain(t.wb, NULL, note_done, NULL);
		for (unsigned int i = 0; i < steps && !t.done; i++)
			sim_step(&t.sim);
		crash();
		t.done = false;
		begin_held();
		expect_held();
		turn_ring(1);
		expect_held();
		ck_assert_int_eq(do_drain(), 0);
		expect_held();
		expect_held_on_backing();
	}
}
END_TEST

/* Zeros that are on the backing must not be written again over what is newer and forgotten. */
START_TEST(old_zeros_are_not_written_over_newer_data_that_the_log_has_forgotten)
{
	hold();
	turn_ring(2);
	pause_backing(0, false);
	ck_assert_int_eq(do_drain(), 0);
	for (unsigned int i = 0; i < 5; i++) {
		write_block(0, 8, (char)('q' + i));
		ck_assert_int_eq(do_drain(), 0);
		turn_ring(i % 2);
		crash();
		begin();
		expect_block(0, 8, (char)('q' + i));
		ck_assert_int_eq(do_drain(), 0);
		expect_on_backing(0, 8 * BLOCK, BLOCK, (char)('q' + i));
	}
}
END_TEST

/* ---- a full log ---- */

/* Somewhat less than half in so small a log: copies need a header now and then. */
#define HELD_MOST 16u

/* Write other blocks of slow0 until one has to wait; NULL: none has. */
static struct op *fill_half(void)
{
	for (uint64_t i = 0; i < BACKING_BLOCKS - 1; i++) {
		struct op *op = start_write(0, i * BLOCK, BLOCK, 'h');

		t.nr_trace = 0;
		sim_sleep(&t.sim, NS_PER_S);
		if (!op->done)
			return op;
		if (op->err) {
			ck_assert_int_eq(op_wait(op), -ENOSPC);
			return NULL;
		}
		ck_assert_int_eq(op_wait(op), 0);
	}
	ck_abort_msg("the log took everything");
}

START_TEST(writes_to_a_held_backing_wait_at_half_of_the_log_and_others_go_on)
{
	struct op *op;

	pause_backing(0, true);
	op = fill_half();
	ck_assert_ptr_nonnull(op);
	ck_assert_uint_eq(info(0).nr_dirty, HELD_MOST);
	turn_ring(5);
	ck_assert(!op->done);
	expect(0, 0, op->io.off, 'h');
	pause_backing(0, false);
	ck_assert_int_eq(op_wait(op), 0);
	ck_assert_int_eq(do_drain(), 0);
	expect_on_backing(0, 0, op->io.off + BLOCK, 'h');
}
END_TEST

START_TEST(writes_to_a_held_backing_get_no_space_at_half_of_the_log_with_on_full_error)
{
	knob(WB_KNOB_ON_FULL, 1);
	pause_backing(0, true);
	ck_assert_ptr_null(fill_half());
	ck_assert_uint_eq(info(0).nr_dirty, HELD_MOST);
	ck_assert_int_eq(do_zero(0, 40 * BLOCK, BLOCK), -ENOSPC);
	turn_ring(5);
	ck_assert_int_eq(do_write(0, 40 * BLOCK, BLOCK, 'i'), -ENOSPC);
	expect(0, 0, HELD_MOST * BLOCK, 'h');
	pause_backing(0, false);
	ck_assert_int_eq(do_write(0, 40 * BLOCK, BLOCK, 'i'), 0);
}
END_TEST

/* Each copy of a segment may take a header more than the segment had. */
START_TEST(half_of_a_longer_log_full_of_live_blocks_can_be_carried)
{
	struct op *op;

	harness_teardown();
	harness_make(40, 4, 4);
	begin_held();
	ck_assert_int_eq(do_write(0, 0, 30 * BLOCK, 'h'), 0);
	ck_assert_int_eq(do_write(0, 30 * BLOCK, 29 * BLOCK, 'i'), 0);
	ck_assert_int_eq(do_sync(), 0);
	t.cache->hold[BDEV_READ] = true;
	for (uint64_t i = 0; op = start_write(1, i % 40 * BLOCK, BLOCK, 'w'), true; i++) {
		sim_sleep(&t.sim, NS_PER_S);
		if (!op->done)
			break;
		ck_assert_int_eq(op_wait(op), 0);
	}
	ck_assert_uint_eq(status().nr_free_segments, head_reserve(t.wb));
	t.cache->hold[BDEV_READ] = false;
	sim_sleep(&t.sim, 10 * NS_PER_S);
	ck_assert_msg(op->done, "the log is stuck with %llu free segments",
		      (unsigned long long)status().nr_free_segments);
	ck_assert_int_eq(op_wait(op), 0);
	expect(0, 0, 30 * BLOCK, 'h');
	expect(0, 30 * BLOCK, 29 * BLOCK, 'i');
}
END_TEST

START_TEST(log_full_of_live_blocks_is_not_copied_for_ever)
{
	struct op *op;
	uint64_t before;

	pause_backing(0, true);
	op = fill_half();
	ck_assert_ptr_nonnull(op);
	t.nr_trace = 0;
	sim_sleep(&t.sim, 10 * NS_PER_S);
	before = nr_ios();
	t.nr_trace = 0;
	sim_sleep(&t.sim, 1000 * NS_PER_S);
	ck_assert_uint_lt(nr_ios() - before, 100);
}
END_TEST

/* ---- stop and failures ---- */

START_TEST(stop_in_each_phase_of_carrying_loses_nothing)
{
	hold();
	turn_ring(1);
	for (unsigned int steps = 0; steps < 120; steps++) {
		go_on_for(steps);
		end();
		for (unsigned int i = 0; i < MAX_OPS; i++)
			t.ops[i].used = false;
		begin_held();
		expect_held();
	}
}
END_TEST

START_TEST(failing_io_of_the_cache_during_carrying_is_repeated)
{
	const enum bdev_op ops[] = {BDEV_READ, BDEV_WRITE, BDEV_FLUSH};

	hold();
	for (unsigned int i = 0; i < 60; i++) {
		simdev_fail(t.cache, ops[i % 3], -EIO, i / 3, 2);
		turn_ring(1);
		simdev_fail(t.cache, ops[i % 3], 0, 0, 0);
		sim_sleep(&t.sim, 2 * NS_PER_S);
		expect_held();
	}
	ck_assert_int_eq(status().state, WB_HEALTHY);
	ck_assert_int_eq(do_drain(), 0);
	expect_held_on_backing();
}
END_TEST

START_TEST(cache_that_fails_during_carrying_goes_on_after_a_retry)
{
	const enum bdev_op ops[] = {BDEV_WRITE, BDEV_FLUSH};

	hold();
	turn_ring(1);
	for (unsigned int i = 0; i < 40; i++) {
		struct op *op;

		simdev_fail(t.cache, ops[i % 2], -EIO, i / 2, ALWAYS);
		for (uint64_t n = 0; status().state != WB_FAILED; n++) {
			op = start_write(1, n % 40 * BLOCK, BLOCK, 'w');
			t.nr_trace = 0;
			sim_sleep(&t.sim, NS_PER_S);
			op_wait(op);
		}
		expect_held();
		simdev_fail(t.cache, ops[i % 2], 0, 0, 0);
		wb_retry(t.wb);
		turn_ring(1);
		expect_held();
	}
	crash();
	begin_held();
	expect_held();
}
END_TEST

/* ---- the way back ---- */

START_TEST(retry_ends_holding)
{
	simdev_fail(t.dev[0], BDEV_WRITE, -EIO, 0, ALWAYS);
	write_held();
	ck_assert_int_eq(do_drain_one(0), -EIO);
	ck_assert(info(0).held);
	simdev_fail(t.dev[0], BDEV_WRITE, 0, 0, 0);
	knob(WB_KNOB_FORCE_MIGRATE, 1);
	wb_retry(t.wb);
	ck_assert(!info(0).held);
	sim_sleep(&t.sim, 2 * NS_PER_S);
	ck_assert(!info(0).in_log);
	expect_held_on_backing();
}
END_TEST

START_TEST(backing_that_returns_under_pressure_ends_the_carrying)
{
	uint64_t carried;

	hold();
	turn_ring(3);
	pause_backing(0, false);
	turn_ring(1);
	carried = status().nr_carried_blocks;
	turn_ring(3);
	ck_assert_uint_eq(status().nr_carried_blocks, carried);
	ck_assert(!info(0).in_log);
	expect_held_on_backing();
}
END_TEST

START_TEST(damaged_block_of_a_held_backing_becomes_poison_and_the_others_are_carried)
{
	hold();
	evict();
	damage(t.cache, slot_off(1, 1) + 77);
	turn_ring(3);
	ck_assert(said("carry block at byte"));
	ck_assert_int_eq(do_read(0, BLOCK, BLOCK), -EIO);
	expect(0, 17 * SECTOR, SECTOR, 'p');
	expect_block(0, 9, 'n');
	expect_block(0, 8, 0);
	crash();
	begin_held();
	ck_assert_int_eq(do_read(0, BLOCK, BLOCK), -EIO);
	write_block(0, 1, 'a');
	expect_held();
	ck_assert_int_eq(do_drain(), 0);
	expect_held_on_backing();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		what_is_held_survives_many_turns_of_the_ring,
		what_was_carried_is_there_after_a_close_and_after_a_crash,
		blocks_of_a_missing_backing_are_carried,
		blocks_of_a_failing_backing_are_carried,
		blocks_of_a_read_only_backing_are_carried,
		newer_writes_and_zeros_win_over_what_is_carried,
		write_that_is_under_way_is_newer_than_the_copy,
		tail_advances_past_a_backing_with_nothing_in_the_log,
		carried_backing_is_not_consistent_before_it_has_caught_up,
		consistent_on_disk_means_that_nothing_of_a_later_state_is_there,
		power_cut_in_each_phase_of_carrying_loses_nothing,
		power_cut_in_each_phase_of_the_return_loses_nothing,
		old_zeros_are_not_written_over_newer_data_that_the_log_has_forgotten,
		writes_to_a_held_backing_wait_at_half_of_the_log_and_others_go_on,
		writes_to_a_held_backing_get_no_space_at_half_of_the_log_with_on_full_error,
		half_of_a_longer_log_full_of_live_blocks_can_be_carried,
		log_full_of_live_blocks_is_not_copied_for_ever,
		stop_in_each_phase_of_carrying_loses_nothing,
		failing_io_of_the_cache_during_carrying_is_repeated,
		cache_that_fails_during_carrying_goes_on_after_a_retry,
		retry_ends_holding,
		backing_that_returns_under_pressure_ends_the_carrying,
		damaged_block_of_a_held_backing_becomes_poison_and_the_others_are_carried,
	};

	return harness_run("engine_carry", tests, ARRAY_SIZE(tests), setup, harness_teardown);
}
