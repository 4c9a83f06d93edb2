/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/migrate.c: each backing goes its own way, with a watermark of its own. */
#include "config.h"

#include "tests/unit/engine_harness.h"

#define ALWAYS UINT64_MAX

static void write_both(void)
{
	write_and_sync(0, 1, 'a');
	write_and_sync(1, 1, 'b');
}

START_TEST(one_backing_fails_and_the_watermark_of_the_other_advances)
{
	simdev_fail(t.dev[0], BDEV_WRITE, -EIO, 0, ALWAYS);
	write_both();
	ck_assert_int_eq(do_drain_one(1), 0);
	ck_assert_uint_eq(entry_on_disk(1).migrated, 2);
	ck_assert_uint_eq(entry_on_disk(0).migrated, 0);
	ck_assert_uint_eq(status().migrated, 0);
	expect_on_backing(1, BLOCK, BLOCK, 'b');
	ck_assert_int_eq(info(1).state, WB_HEALTHY);
	ck_assert_int_eq(do_drain_one(0), -EIO);
	ck_assert_int_eq(do_drain(), -EIO);
	simdev_fail(t.dev[0], BDEV_WRITE, 0, 0, 0);
	wb_retry(t.wb);
	ck_assert_int_eq(do_drain(), 0);
	ck_assert_uint_eq(status().migrated, 2);
	expect_on_backing(0, BLOCK, BLOCK, 'a');
}
END_TEST

START_TEST(drain_of_one_is_not_kept_by_another_that_hangs)
{
	write_both();
	t.dev[0]->hold[BDEV_WRITE] = true;
	wb_drain(t.wb, NULL, note_done, NULL);
	sim_settle(&t.sim);
	ck_assert(!t.done);
	expect_on_backing(1, BLOCK, BLOCK, 'b');
	write_and_sync(1, 2, 'c');
	knob(WB_KNOB_FORCE_MIGRATE, 1);
	sim_sleep(&t.sim, 2 * NS_PER_S);
	expect_on_backing(1, 2 * BLOCK, BLOCK, 'c');
	ck_assert(!info(1).in_log && info(1).consistent);
	ck_assert(info(0).in_log && !info(0).consistent);
	t.dev[0]->hold[BDEV_WRITE] = false;
	ck_assert_int_eq(wait_done(), 0);
}
END_TEST

START_TEST(batches_of_several_backings_are_under_way_together)
{
	write_both();
	t.dev[0]->hold[BDEV_WRITE] = t.dev[1]->hold[BDEV_WRITE] = true;
	wb_drain(t.wb, NULL, note_done, NULL);
	sim_settle(&t.sim);
	ck_assert_uint_eq(nr_pending(t.dev[0], BDEV_WRITE), 1);
	ck_assert_uint_eq(nr_pending(t.dev[1], BDEV_WRITE), 1);
	t.dev[0]->hold[BDEV_WRITE] = t.dev[1]->hold[BDEV_WRITE] = false;
	ck_assert_int_eq(wait_done(), 0);
}
END_TEST

START_TEST(pause_after_a_failure_is_that_of_the_backing_alone)
{
	uint64_t before;

	write_both();
	simdev_fail(t.dev[0], BDEV_WRITE, -EIO, 0, RETRY_ATTEMPTS);
	before = t.sim.now;
	ck_assert_int_eq(do_drain_one(1), 0);
	ck_assert_uint_lt(t.sim.now - before, RETRY_FIRST_PAUSE);
	ck_assert_int_eq(do_drain_one(0), 0);
	ck_assert_uint_ge(t.sim.now - before, RETRY_FIRST_PAUSE);
}
END_TEST

START_TEST(failing_superblock_leaves_backings_untouched)
{
	write_both();
	simdev_fail(t.cache, BDEV_WRITE, -EIO, 0, ALWAYS);
	ck_assert_int_eq(do_drain(), -EIO);
	ck_assert_uint_eq(t.dev[0]->nr_ios[BDEV_WRITE] + t.dev[1]->nr_ios[BDEV_WRITE], 0);
	ck_assert_int_eq(status().state, WB_FAILED);
	simdev_fail(t.cache, BDEV_WRITE, 0, 0, 0);
	wb_retry(t.wb);
	ck_assert_int_eq(do_drain(), 0);
	expect_on_backing(0, BLOCK, BLOCK, 'a');
	expect_on_backing(1, BLOCK, BLOCK, 'b');
}
END_TEST

/* ---- what recovery makes of the watermarks ---- */

START_TEST(recovery_does_not_load_what_a_backing_has)
{
	write_both();
	ck_assert_int_eq(do_drain_one(0), 0);
	crash();
	begin();
	ck_assert_uint_eq(info(0).nr_cached, 0);
	ck_assert(!info(0).in_log && info(0).consistent);
	ck_assert_uint_eq(info(1).nr_dirty, 1);
	ck_assert(info(1).in_log);
	expect_block(0, 1, 'a');
	expect_block(1, 1, 'b');
	put(t.dev[0], BLOCK, BLOCK, 'z');
	expect_block(0, 1, 'z');
}
END_TEST

START_TEST(what_is_newer_than_the_watermark_is_loaded)
{
	write_both();
	ck_assert_int_eq(do_drain_one(0), 0);
	write_and_sync(0, 1, 'c');
	ck_assert_int_eq(do_zero(0, 3 * BLOCK, BLOCK), 0);
	ck_assert_int_eq(do_sync(), 0);
	put(t.dev[0], 3 * BLOCK, BLOCK, 'z');
	crash();
	begin();
	expect_block(0, 1, 'c');
	expect_block(0, 3, 0);
	ck_assert_int_eq(do_drain(), 0);
	expect_on_backing(0, BLOCK, BLOCK, 'c');
	expect_on_backing(0, 3 * BLOCK, BLOCK, 0);
}
END_TEST

START_TEST(older_watermark_of_the_other_superblock_is_as_good)
{
	for (unsigned int i = 0; i < 4; i++) {
		uint64_t copy;

		write_block(0, 1, (char)('a' + i));
		write_block(1, 1, 'b');
		ck_assert_int_eq(do_drain_one(i % 2), 0);
		crash();
		copy = newest_super().sequence;
		for (unsigned int c = 0; c < WB_NR_SUPERS; c++) {
			const struct wb_super_disk *disk = (const void *)(t.cache->visible +
									  c * WB_SUPER_AREA);

			if (le64_get(disk->sequence) == copy)
				damage(t.cache, c * WB_SUPER_AREA + 100);
		}
		begin();
		expect_block(0, 1, (char)('a' + i));
		ck_assert_int_eq(do_drain(), 0);
		expect_on_backing(0, BLOCK, BLOCK, (char)('a' + i));
	}
}
END_TEST

START_TEST(backing_attached_later_owes_nothing)
{
	crash();
	t.wb = NULL;
	ck_assert_int_eq(try_open(), 0);
	ck_assert_int_eq(try_attach(1, false), 0);
	ck_assert_int_eq(try_start(), 0);
	write_and_sync(1, 1, 'b');
	ck_assert_int_eq(try_attach(0, false), 0);
	ck_assert_int_eq(do_commit(), 0);
	ck_assert(info(0).consistent && !info(0).in_log);
	write_and_sync(0, 1, 'a');
	crash();
	begin();
	expect_block(0, 1, 'a');
	expect_block(1, 1, 'b');
}
END_TEST

/* ---- knobs and load ---- */

START_TEST(paused_backing_is_not_migrated_and_the_other_is)
{
	pause_backing(0, true);
	write_both();
	knob(WB_KNOB_FORCE_MIGRATE, 1);
	sim_sleep(&t.sim, 10 * NS_PER_S);
	expect_on_backing(0, BLOCK, BLOCK, 0);
	expect_on_backing(1, BLOCK, BLOCK, 'b');
	ck_assert(info(0).held && !info(1).held);
	ck_assert_int_eq(info(0).state, WB_HEALTHY);
	pause_backing(0, false);
	ck_assert(!info(0).held);
	sim_sleep(&t.sim, 2 * NS_PER_S);
	expect_on_backing(0, BLOCK, BLOCK, 'a');
}
END_TEST

START_TEST(drain_migrates_a_paused_backing_and_it_is_paused_again)
{
	pause_backing(0, true);
	write_both();
	ck_assert_int_eq(do_drain_one(0), 0);
	expect_on_backing(0, BLOCK, BLOCK, 'a');
	write_and_sync(0, 2, 'c');
	knob(WB_KNOB_FORCE_MIGRATE, 1);
	sim_sleep(&t.sim, 10 * NS_PER_S);
	expect_on_backing(0, 2 * BLOCK, BLOCK, 0);
	ck_assert_int_eq(do_drain(), 0);
	expect_on_backing(0, 2 * BLOCK, BLOCK, 'c');
}
END_TEST

START_TEST(busy_backing_waits_and_the_other_does_not)
{
	wb_set_busy(t.wb, t.b[0], true);
	write_both();
	knob(WB_KNOB_ALLOW_MIGRATE, 1);
	sim_sleep(&t.sim, 10 * NS_PER_S);
	expect_on_backing(0, BLOCK, BLOCK, 0);
	expect_on_backing(1, BLOCK, BLOCK, 'b');
	ck_assert(info(0).busy && !info(0).held && !info(1).busy);
	knob(WB_KNOB_FORCE_MIGRATE, 1);
	sim_sleep(&t.sim, 2 * NS_PER_S);
	expect_on_backing(0, BLOCK, BLOCK, 'a');
}
END_TEST

START_TEST(full_log_migrates_a_busy_backing)
{
	wb_set_busy(t.wb, t.b[0], true);
	for (uint64_t i = 0; i < 40; i++)
		write_block(0, i, (char)('a' + i % 26));
	ck_assert_uint_eq(status().nr_carried_blocks, 0);
	expect_on_backing(0, 0, BLOCK, 'a');
	for (uint64_t i = 0; i < 40; i++)
		expect_block(0, i, (char)('a' + i % 26));
}
END_TEST

/* ---- the tail ---- */

START_TEST(tail_is_where_the_first_backing_needs_the_log)
{
	write_both();
	write_and_sync(0, 2, 'c');
	write_and_sync(1, 2, 'd');
	ck_assert_int_eq(do_drain_one(0), 0);
	ck_assert_uint_eq(status().migrated, 1);
	ck_assert_uint_eq(newest_super().migrated, 1);
	ck_assert_int_eq(do_drain_one(1), 0);
	ck_assert_uint_eq(status().migrated, 4);
	ck_assert_uint_eq(newest_super().migrated, 4);
}
END_TEST

START_TEST(drain_is_done_when_a_durable_superblock_says_so)
{
	write_both();
	for (unsigned int i = 0; i < 2; i++) {
		wb_drain(t.wb, t.b[i], note_done, NULL);
		while (!t.done) {
			if (info(i).in_log)
				ck_assert_uint_eq(entry_on_disk(i).migrated, 0);
			sim_step(&t.sim);
		}
		ck_assert_int_eq(wait_done(), 0);
		t.sim.fate = SIM_FATE_LOST;
		crash();
		begin();
		ck_assert(!info(i).in_log);
	}
}
END_TEST

START_TEST(no_batch_begins_before_old_zeros_are_durable)
{
	write_and_sync(0, 1, 'a');
	t.b[0]->old_zeros = status().durable + 1; /* as if some were on their way */
	wb_drain(t.wb, t.b[0], note_done, NULL);
	sim_sleep(&t.sim, 10 * NS_PER_S);
	ck_assert(!t.done);
	ck_assert_int_eq(trace_find(0, t.dev[0], BDEV_WRITE, 0), -1);
	write_and_sync(1, 1, 'b');
	ck_assert_int_eq(wait_done(), 0);
	ck_assert_uint_eq(status().nr_dirty, 1);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		one_backing_fails_and_the_watermark_of_the_other_advances,
		drain_of_one_is_not_kept_by_another_that_hangs,
		batches_of_several_backings_are_under_way_together,
		pause_after_a_failure_is_that_of_the_backing_alone,
		failing_superblock_leaves_backings_untouched,
		recovery_does_not_load_what_a_backing_has,
		what_is_newer_than_the_watermark_is_loaded,
		older_watermark_of_the_other_superblock_is_as_good,
		backing_attached_later_owes_nothing,
		paused_backing_is_not_migrated_and_the_other_is,
		drain_migrates_a_paused_backing_and_it_is_paused_again,
		busy_backing_waits_and_the_other_does_not,
		full_log_migrates_a_busy_backing,
		tail_is_where_the_first_backing_needs_the_log,
		drain_is_done_when_a_durable_superblock_says_so,
		no_batch_begins_before_old_zeros_are_durable,
	};

	return harness_run("engine_migrate_apart", tests, ARRAY_SIZE(tests), harness_setup_started,
			   harness_teardown);
}
