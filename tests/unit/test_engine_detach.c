/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wb_detach while backings fail, are missing, or are being carried; with discard and without. */
#include "config.h"

#include "tests/unit/engine_harness.h"

#define SEGMENTS 12u
#define ALWAYS UINT64_MAX

static void setup(void)
{
	harness_make(SEGMENTS, 4, 4);
	put(t.dev[0], 0, BACKING_BLOCKS * BLOCK, 'x');
	begin();
}

/* Blocks and zeros of slow0. */
static void write_some(void)
{
	write_block(0, 1, 'a');
	ck_assert_int_eq(do_write(0, 2 * BLOCK, 4 * BLOCK, 'b'), 0);
	ck_assert_int_eq(do_zero(0, 8 * BLOCK, 2 * BLOCK), 0);
	ck_assert_int_eq(do_sync(), 0);
}

static void expect_some(void)
{
	expect_block(0, 1, 'a');
	expect(0, 2 * BLOCK, 4 * BLOCK, 'b');
	expect_block(0, 6, 'x');
	expect(0, 8 * BLOCK, 2 * BLOCK, 0);
}

static void hold(void)
{
	pause_backing(0, true);
	write_some();
}

static bool is_known(unsigned int backing)
{
	struct wb_backing_info i;

	for (unsigned int n = 0; wb_backing_info(t.wb, n, &i); n++)
		if (strcmp(i.name, t.dev[backing]->bdev.path) == 0)
			return true;
	return false;
}

/* Attached again, slow0 has only what is on it. */
static void expect_given_up(void)
{
	ck_assert(!is_known(0));
	ck_assert_int_eq(try_attach(0, false), 0);
	ck_assert_int_eq(do_commit(), 0);
	expect(0, 0, 16 * BLOCK, 'x');
	ck_assert(!info(0).in_log);
}

/* Open without slow0. */
static void begin_without(void)
{
	ck_assert_msg(try_open() == 0, "%s", t.messages);
	ck_assert_int_eq(try_attach(1, false), 0);
	knob(WB_KNOB_ALLOW_MIGRATE, 0);
	ck_assert_int_eq(try_start(), 0);
}

/* ---- draining ---- */

START_TEST(one_is_detached_while_the_other_fails)
{
	simdev_fail(t.dev[0], BDEV_WRITE, -EIO, 0, ALWAYS);
	write_some();
	write_and_sync(1, 1, 'c');
	ck_assert_int_eq(do_detach(1, false), 0);
	expect_on_backing(1, BLOCK, BLOCK, 'c');
	ck_assert(!is_known(1) && is_known(0));
	expect_some();
}
END_TEST

START_TEST(one_is_detached_while_the_other_is_missing)
{
	write_some();
	write_and_sync(1, 1, 'c');
	end();
	begin_without();
	ck_assert_int_eq(do_detach(1, false), 0);
	expect_on_backing(1, BLOCK, BLOCK, 'c');
	end();
	ck_assert_int_eq(try_open(), 0);
	ck_assert_int_eq(try_attach(0, false), 0);
	ck_assert_int_eq(try_start(), 0);
	expect_some();
	ck_assert(!is_known(1));
}
END_TEST

START_TEST(backing_that_can_not_take_its_blocks_stays_attached)
{
	simdev_fail(t.dev[0], BDEV_WRITE, -EIO, 0, ALWAYS);
	write_some();
	ck_assert_int_eq(do_detach(0, false), -EIO);
	ck_assert(info(0).attached && info(0).in_log);
	expect_some();
	write_and_sync(0, 11, 'd');
	turn_ring(2);
	expect_some();
	expect_block(0, 11, 'd');
	simdev_fail(t.dev[0], BDEV_WRITE, 0, 0, 0);
	wb_retry(t.wb);
	ck_assert_int_eq(do_detach(0, false), 0);
	expect_on_backing(0, BLOCK, BLOCK, 'a');
	expect_on_backing(0, 11 * BLOCK, BLOCK, 'd');
}
END_TEST

START_TEST(missing_backing_is_not_detached_without_discard)
{
	write_some();
	end();
	begin_without();
	t.b[0] = info(0).backing;
	ck_assert_int_eq(do_detach(0, false), -EIO);
	ck_assert(info(0).in_log);
	turn_ring(2);
	end();
	begin();
	expect_some();
}
END_TEST

START_TEST(paused_backing_is_drained_for_a_detach)
{
	hold();
	turn_ring(2);
	ck_assert_int_eq(do_detach(0, false), 0);
	expect_on_backing(0, BLOCK, BLOCK, 'a');
	expect_on_backing(0, 8 * BLOCK, 2 * BLOCK, 0);
}
END_TEST

/* ---- discarding ---- */

START_TEST(discard_gives_up_what_the_log_has_and_touches_nothing)
{
	hold();
	ck_assert_int_eq(do_detach(0, true), 0);
	ck_assert_uint_eq(status().nr_dirty, 0);
	expect_given_up();
	expect_on_backing(0, 0, BACKING_BLOCKS * BLOCK, 'x');
	ck_assert_uint_eq(t.dev[0]->nr_ios[BDEV_WRITE], 0);
}
END_TEST

START_TEST(discarded_backing_does_not_come_back)
{
	hold();
	turn_ring(2);
	ck_assert_int_eq(do_detach(0, true), 0);
	crash();
	begin_without();
	turn_ring(2);
	expect_given_up();
	end();
	begin();
	expect(0, 0, 16 * BLOCK, 'x');
}
END_TEST

START_TEST(missing_backing_is_discarded)
{
	write_some();
	end();
	begin_without();
	turn_ring(2);
	ck_assert(info(0).in_log && !info(0).attached);
	t.b[0] = info(0).backing;
	ck_assert_int_eq(do_detach(0, true), 0);
	expect_given_up();
	crash();
	begin();
	expect(0, 0, 16 * BLOCK, 'x');
}
END_TEST

START_TEST(failing_backing_is_discarded)
{
	simdev_fail(t.dev[0], BDEV_WRITE, -EIO, 0, ALWAYS);
	write_some();
	ck_assert_int_eq(do_drain_one(0), -EIO);
	ck_assert_int_eq(do_detach(0, true), 0);
	simdev_fail(t.dev[0], BDEV_WRITE, 0, 0, 0);
	ck_assert(!is_known(0));
	turn_ring(3);
	ck_assert_uint_eq(status().nr_carried_blocks, 0);
}
END_TEST

START_TEST(discard_makes_room_in_a_full_log)
{
	uint64_t before;

	pause_backing(0, true);
	for (uint64_t i = 0; i < SEGMENTS; i++)
		write_block(0, i, 'f');
	turn_ring(2);
	ck_assert_int_eq(do_detach(0, true), 0);
	turn_ring(1);
	before = status().nr_carried_blocks;
	turn_ring(3);
	ck_assert_uint_eq(status().nr_carried_blocks, before);
}
END_TEST

START_TEST(what_becomes_durable_after_it_was_given_up_does_not_hold_the_tail)
{
	write_block(0, 0, 'g');
	ck_assert_int_eq(do_detach(0, true), 0);
	ck_assert_int_eq(do_sync(), 0);
	ck_assert_uint_eq(status().migrated, status().durable);
}
END_TEST

static bool drained;

static void note_drained(void *ctx, int err)
{
	(void)ctx;
	(void)err;
	drained = true;
}

START_TEST(discard_waits_for_the_batch_that_is_in_flight)
{
	write_some();
	t.dev[0]->hold[BDEV_WRITE] = true;
	drained = false;
	wb_drain(t.wb, t.b[0], note_drained, NULL);
	sim_settle(&t.sim);
	ck_assert_uint_gt(nr_pending(t.dev[0], BDEV_WRITE), 0);
	wb_detach(t.wb, t.b[0], true, note_done, NULL);
	sim_settle(&t.sim);
	ck_assert(!t.done && !drained);
	t.dev[0]->hold[BDEV_WRITE] = false;
	ck_assert_int_eq(wait_done(), 0);
	ck_assert(drained && !is_known(0));
	ck_assert_uint_eq(nr_pending(t.dev[0], BDEV_WRITE), 0);
	turn_ring(2);
	ck_assert_int_eq(do_drain(), 0);
}
END_TEST

START_TEST(discard_waits_for_a_batch_that_fails)
{
	write_some();
	drained = false;
	t.dev[0]->hold[BDEV_WRITE] = true;
	wb_drain(t.wb, t.b[0], note_drained, NULL);
	sim_settle(&t.sim);
	simdev_fail(t.dev[0], BDEV_WRITE, -EIO, 0, ALWAYS);
	wb_detach(t.wb, t.b[0], true, note_done, NULL);
	sim_settle(&t.sim);
	ck_assert(!t.done);
	t.dev[0]->hold[BDEV_WRITE] = false;
	ck_assert_int_eq(wait_done(), 0);
	simdev_fail(t.dev[0], BDEV_WRITE, 0, 0, 0);
	ck_assert(!is_known(0));
	turn_ring(2);
}
END_TEST

/* ---- in the middle of something ---- */

/* Others write. */
static void write_for(unsigned int steps)
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

/* Slow0 is held and the ring has gone round; others write until a carry may be under way. */
static void carry_for(unsigned int steps)
{
	hold();
	turn_ring(1);
	write_for(steps);
}

START_TEST(discard_in_each_phase_of_carrying_leaves_a_log_that_can_be_read)
{
	for (unsigned int steps = 0; steps < 120; steps++) {
		harness_teardown();
		setup();
		carry_for(steps);
		ck_assert_int_eq(do_detach(0, true), 0);
		if (steps % 3)
			turn_ring(steps % 3);
		ck_assert_int_eq(do_sync(), 0);
		if (steps % 2)
			sim_sleep(&t.sim, NS_PER_S);
		crash();
		begin_without();
		expect_given_up();
	}
}
END_TEST

START_TEST(power_cut_in_each_phase_of_a_discard_leaves_all_or_nothing)
{
	bool all = false, nothing = false;

	for (unsigned int steps = 0; steps < 80; steps++) {
		harness_teardown();
		setup();
		carry_for(steps);
		t.sim.fate = SIM_FATE_RANDOM;
		t.sim.random = 31 * steps + 1;
		wb_detach(t.wb, t.b[0], true, note_done, NULL);
		for (unsigned int i = 0; i < steps / 4 && !t.done; i++)
			sim_step(&t.sim);
		crash();
		ck_assert_msg(try_open() == 0, "%s", t.messages);
		if (is_known(0)) {
			all = true;
			wb_abandon(t.wb);
			begin();
			expect_some();
		} else {
			nothing = true;
			wb_abandon(t.wb);
			begin_without();
			expect_given_up();
		}
		t.done = false;
	}
	ck_assert(all && nothing);
}
END_TEST

START_TEST(discard_that_can_not_be_committed_leaves_everything)
{
	hold();
	turn_ring(2);
	simdev_fail(t.cache, BDEV_WRITE, -EIO, 0, ALWAYS);
	ck_assert_int_eq(do_detach(0, true), -EIO);
	simdev_fail(t.cache, BDEV_WRITE, 0, 0, 0);
	wb_retry(t.wb);
	ck_assert(info(0).attached);
	expect_some();
	turn_ring(2);
	expect_some();
	crash();
	begin();
	expect_some();
	ck_assert_int_eq(do_drain(), 0);
	expect_on_backing(0, BLOCK, BLOCK, 'a');
}
END_TEST

/* The next write of the superblock is never done. */
static void hold_super(void)
{
	struct bdev_io *io, *log[8];
	unsigned int nr_log = 0;

	t.cache->hold[BDEV_WRITE] = true;
	sim_settle(&t.sim);
	while ((io = steal(t.cache, BDEV_WRITE))->off >= (uint64_t)WB_NR_SUPERS * WB_SUPER_AREA) {
		ck_assert_uint_lt(nr_log, ARRAY_SIZE(log));
		log[nr_log++] = io;
	}
	while (nr_log)
		give_back(log[--nr_log]);
	t.cache->hold[BDEV_WRITE] = false;
}

/*
 * The table that says so is on the cache, the flush after it fails. Until another says that it is
 * there after all, the log must get nothing of it.
 */
START_TEST(log_gets_nothing_of_one_whose_discard_failed_before_the_table_knows_it_again)
{
	for (unsigned int steps = 0; steps < 60; steps++) {
		harness_teardown();
		setup();
		hold();
		turn_ring(1 + steps % 3);
		simdev_fail(t.cache, BDEV_FLUSH, -EIO, steps % 2, ALWAYS);
		ck_assert_int_eq(do_detach(0, true), -EIO);
		simdev_fail(t.cache, BDEV_FLUSH, 0, 0, 0);
		wb_retry(t.wb);
		ck_assert(entry_on_disk(0).detached);
		hold_super();
		write_for(steps);
		t.sim.fate = SIM_FATE_KEPT;
		crash();
		ck_assert_msg(try_open() == 0, "%s", t.messages);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		one_is_detached_while_the_other_fails,
		one_is_detached_while_the_other_is_missing,
		backing_that_can_not_take_its_blocks_stays_attached,
		missing_backing_is_not_detached_without_discard,
		paused_backing_is_drained_for_a_detach,
		discard_gives_up_what_the_log_has_and_touches_nothing,
		discarded_backing_does_not_come_back,
		missing_backing_is_discarded,
		failing_backing_is_discarded,
		discard_makes_room_in_a_full_log,
		what_becomes_durable_after_it_was_given_up_does_not_hold_the_tail,
		discard_waits_for_the_batch_that_is_in_flight,
		discard_waits_for_a_batch_that_fails,
		discard_in_each_phase_of_carrying_leaves_a_log_that_can_be_read,
		power_cut_in_each_phase_of_a_discard_leaves_all_or_nothing,
		discard_that_can_not_be_committed_leaves_everything,
		log_gets_nothing_of_one_whose_discard_failed_before_the_table_knows_it_again,
	};

	return harness_run("engine_detach", tests, ARRAY_SIZE(tests), setup, harness_teardown);
}
