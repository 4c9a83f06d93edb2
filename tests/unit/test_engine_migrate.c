/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/migrate.c: what reaches the backings, in which order, and only then is forgotten. */
#include "config.h"

#include "tests/unit/engine_harness.h"

static void start_drain(void)
{
	wb_drain(t.wb, NULL, note_done, NULL);
	sim_settle(&t.sim);
}

/* Segments in which a record can stay open. */
static void take_large_segments(void)
{
	harness_teardown();
	harness_make(3, 16, 3);
	begin();
}

/* Let migration run by itself for some seconds; only what is synced is durable. */
static void migrate_for_a_while(void)
{
	knob(WB_KNOB_FLUSH_CURRENT_BUFFER_INTERVAL, 0);
	knob(WB_KNOB_ALLOW_MIGRATE, 1);
	sim_sleep(&t.sim, 5 * NS_PER_S);
}

START_TEST(drained_blocks_are_on_their_backings_for_good)
{
	write_block(0, 1, 'a');
	write_block(1, 1, 'b');
	ck_assert_int_eq(do_drain(), 0);
	ck_assert_uint_eq(newest_super().migrated, 1);
	sim_settle(&t.sim);
	ck_assert_uint_eq(status().migrated_on_disk, 1);
	crash();
	expect_on_backing(0, BLOCK, BLOCK, 'a');
	expect_on_backing(1, BLOCK, BLOCK, 'b');
}
END_TEST

START_TEST(drain_with_nothing_to_do_issues_no_io)
{
	uint64_t before = nr_ios();

	ck_assert_int_eq(do_drain(), 0);
	ck_assert_uint_eq(nr_ios(), before);
}
END_TEST

START_TEST(only_durable_records_are_migrated)
{
	take_large_segments();
	write_and_sync(0, 1, 'a');
	write_block(0, 2, 'b');
	migrate_for_a_while();
	expect_on_backing(0, BLOCK, BLOCK, 'a');
	expect_on_backing(0, 2 * BLOCK, BLOCK, 0);
	ck_assert_uint_eq(status().migrated, 1);
}
END_TEST

START_TEST(newer_copy_that_is_not_durable_does_not_supersede)
{
	take_large_segments();
	write_and_sync(0, 1, 'a');
	write_block(0, 1, 'b');
	migrate_for_a_while();
	expect_on_backing(0, BLOCK, BLOCK, 'a');
	ck_assert_uint_eq(status().nr_superseded_blocks, 0);
	ck_assert_uint_eq(status().nr_dirty, 1);
	expect_block(0, 1, 'b');
}
END_TEST

/* Segment 1: block 1 as 'a' and block 2. Segment 2: block 1 as 'b'. */
static void log_block_in_two_segments(void)
{
	harness_teardown();
	harness_setup_ring();
	write_and_sync(0, 1, 'a');
	write_and_sync(0, 2, 'x');
	write_and_sync(0, 1, 'b');
}

START_TEST(newer_copy_in_a_later_batch_does_not_supersede)
{
	log_block_in_two_segments();
	knob(WB_KNOB_NR_MAX_BATCHED_MIGRATION, 1);
	t.dev[0]->hold[BDEV_FLUSH] = true;
	start_drain();
	expect_on_backing(0, BLOCK, BLOCK, 'a');
	expect_on_backing(0, 2 * BLOCK, BLOCK, 'x');
	t.dev[0]->hold[BDEV_FLUSH] = false;
	ck_assert_int_eq(wait_done(), 0);
	expect_on_backing(0, BLOCK, BLOCK, 'b');
	ck_assert_uint_eq(status().nr_batches, 2);
	ck_assert_uint_eq(status().nr_superseded_blocks, 0);
}
END_TEST

START_TEST(newer_copy_in_the_same_batch_supersedes)
{
	log_block_in_two_segments();
	t.dev[0]->nr_ios[BDEV_WRITE] = 0;
	ck_assert_int_eq(do_drain(), 0);
	ck_assert_uint_eq(status().nr_batches, 1);
	ck_assert_uint_eq(status().nr_superseded_blocks, 1);
	ck_assert_uint_eq(status().nr_migrated_blocks, 2);
	ck_assert_uint_eq(t.dev[0]->nr_ios[BDEV_WRITE], 1); /* neighbours in one */
	expect_on_backing(0, BLOCK, BLOCK, 'b');
}
END_TEST

START_TEST(batch_is_announced_in_a_durable_superblock_before_a_backing_is_written)
{
	write_and_sync(0, 1, 'a');
	t.cache->hold[BDEV_FLUSH] = true;
	start_drain();
	ck_assert_uint_eq(entry_on_disk(0).batch_end, 1);
	ck_assert_uint_eq(entry_on_disk(0).migrated, 0);
	ck_assert_uint_eq(newest_super().migrated, 0);
	ck_assert(!info(0).consistent);
	ck_assert_uint_eq(nr_pending(t.dev[0], BDEV_WRITE), 0);
	ck_assert_uint_eq(t.dev[0]->nr_ios[BDEV_WRITE], 0);
	t.cache->hold[BDEV_FLUSH] = false;
	ck_assert_int_eq(wait_done(), 0);
	expect_on_backing(0, BLOCK, BLOCK, 'a');
}
END_TEST

START_TEST(every_backing_is_flushed_before_migrated_advances)
{
	for (unsigned int i = 0; i < 2; i++) {
		write_block(0, i, 'a');
		write_block(1, i, 'b');
		t.dev[i]->hold[BDEV_FLUSH] = true;
		start_drain();
		ck_assert_uint_eq(t.dev[i]->nr_ios[BDEV_WRITE], i + 1);
		ck_assert_uint_eq(nr_pending(t.dev[i], BDEV_FLUSH), 1);
		ck_assert_uint_eq(status().migrated, i);
		ck_assert(!info(i).consistent && info(1 - i).consistent);
		t.dev[i]->hold[BDEV_FLUSH] = false;
		ck_assert_int_eq(wait_done(), 0);
		ck_assert_uint_eq(status().migrated, i + 1);
	}
}
END_TEST

START_TEST(migrated_blocks_are_clean_and_stay_cached)
{
	write_and_sync(0, 1, 'a');
	ck_assert_uint_eq(info(0).nr_dirty, 1);
	ck_assert_int_eq(do_drain(), 0);
	ck_assert_uint_eq(info(0).nr_dirty, 0);
	ck_assert_uint_eq(info(0).nr_cached, 1);
	ck_assert(!info(0).in_log);
	t.nr_trace = 0;
	expect_block(0, 1, 'a');
	ck_assert_uint_eq(t.nr_trace, 0);
}
END_TEST

START_TEST(block_overwritten_while_it_is_migrated_stays_dirty)
{
	write_and_sync(0, 1, 'a');
	t.dev[0]->hold[BDEV_FLUSH] = true;
	start_drain();
	write_block(0, 1, 'b');
	t.dev[0]->hold[BDEV_FLUSH] = false;
	ck_assert_int_eq(wait_done(), 0);
	ck_assert_uint_eq(info(0).nr_dirty, 1);
	expect_on_backing(0, BLOCK, BLOCK, 'a');
	expect_block(0, 1, 'b');
	ck_assert_int_eq(do_drain(), 0);
	expect_on_backing(0, BLOCK, BLOCK, 'b');
}
END_TEST

START_TEST(neighbours_are_written_together_in_order)
{
	unsigned int from;
	int at;

	take_large_segments();
	write_block(0, 5, '5');
	write_block(0, 3, '3');
	write_block(0, 4, '4');
	write_block(0, 9, '9');
	from = t.nr_trace;
	ck_assert_int_eq(do_drain(), 0);
	at = trace_find(from, t.dev[0], BDEV_WRITE, 0);
	ck_assert_int_ge(at, 0);
	ck_assert_uint_eq(t.trace[at].off, 3 * BLOCK);
	ck_assert_uint_eq(t.trace[at].len, 3 * BLOCK);
	ck_assert_uint_eq(t.trace[at + 1].off, 9 * BLOCK);
	ck_assert_int_lt(trace_find(from, t.dev[0], BDEV_WRITE, 2), 0);
	expect_on_backing(0, 3 * BLOCK, BLOCK, '3');
	expect_on_backing(0, 5 * BLOCK, BLOCK, '5');
}
END_TEST

START_TEST(segments_in_buffers_are_not_read_and_others_are)
{
	harness_teardown();
	harness_setup_ring();
	write_and_sync(0, 1, 'a');
	t.cache->nr_ios[BDEV_READ] = 0;
	ck_assert_int_eq(do_drain(), 0);
	ck_assert_uint_eq(t.cache->nr_ios[BDEV_READ], 0);
	write_and_sync(0, 2, 'b');
	evict();
	ck_assert_int_eq(do_drain(), 0);
	ck_assert_uint_ge(t.cache->nr_ios[BDEV_READ], 1);
	expect_on_backing(0, 2 * BLOCK, BLOCK, 'b');
}
END_TEST

START_TEST(partial_blocks_are_filled_up_from_the_backing)
{
	put(t.dev[0], 3 * BLOCK, BLOCK, 'x');
	ck_assert_int_eq(do_write(0, 3 * BLOCK + SECTOR, SECTOR, 'a'), 0);
	t.dev[0]->nr_ios[BDEV_WRITE] = 0;
	ck_assert_int_eq(do_drain(), 0);
	ck_assert_uint_eq(t.dev[0]->nr_ios[BDEV_WRITE], 1);
	expect_on_backing(0, 3 * BLOCK, SECTOR, 'x');
	expect_on_backing(0, 3 * BLOCK + SECTOR, SECTOR, 'a');
	expect_on_backing(0, 3 * BLOCK + 2 * SECTOR, 6 * SECTOR, 'x');
}
END_TEST

START_TEST(zeros_reach_the_backing)
{
	put(t.dev[0], 0, 8 * BLOCK, 'x');
	write_block(0, 3, 'a');
	ck_assert_int_eq(do_zero(0, 2 * BLOCK, 4 * BLOCK), 0);
	write_block(0, 4, 'b');
	ck_assert_int_eq(do_drain(), 0);
	expect_on_backing(0, 0, 2 * BLOCK, 'x');
	expect_on_backing(0, 2 * BLOCK, 2 * BLOCK, 0);
	expect_on_backing(0, 4 * BLOCK, BLOCK, 'b');
	expect_on_backing(0, 5 * BLOCK, BLOCK, 0);
	expect_on_backing(0, 6 * BLOCK, 2 * BLOCK, 'x');
}
END_TEST

START_TEST(full_log_makes_progress_and_loses_nothing)
{
	for (uint64_t i = 0; i < 60; i++)
		write_block(i % 2, i, (char)('A' + i));
	for (uint64_t i = 0; i < 60; i++)
		expect_block(i % 2, i, (char)('A' + i));
	ck_assert_int_eq(do_drain(), 0);
	for (uint64_t i = 0; i < 60; i++)
		expect_on_backing(i % 2, i * BLOCK, BLOCK, (char)('A' + i));
}
END_TEST

START_TEST(backing_that_was_only_zeroed_is_flushed_too)
{
	put(t.dev[1], 0, 8 * BLOCK, 'x');
	ck_assert_int_eq(do_zero(1, 2 * BLOCK, BLOCK), 0);
	ck_assert_int_eq(do_drain(), 0);
	crash();
	expect_on_backing(1, 2 * BLOCK, BLOCK, 0);
	expect_on_backing(1, 3 * BLOCK, BLOCK, 'x');
}
END_TEST

/* ---- knobs ---- */

START_TEST(migration_that_is_not_allowed_waits_for_pressure)
{
	write_and_sync(0, 1, 'a');
	sim_sleep(&t.sim, 100 * NS_PER_S);
	ck_assert_uint_eq(status().migrated, 0);
	knob(WB_KNOB_FORCE_MIGRATE, 1);
	sim_sleep(&t.sim, 2 * NS_PER_S);
	ck_assert_uint_eq(status().migrated, 1);
}
END_TEST

START_TEST(small_batches_come_once_a_second_at_most)
{
	knob(WB_KNOB_ALLOW_MIGRATE, 1);
	write_and_sync(0, 1, 'a');
	sim_settle(&t.sim);
	ck_assert_uint_eq(status().nr_batches, 1);
	write_and_sync(0, 2, 'b');
	sim_sleep(&t.sim, 500 * NS_PER_MS);
	ck_assert_uint_eq(status().nr_batches, 1);
	sim_sleep(&t.sim, 700 * NS_PER_MS);
	ck_assert_uint_eq(status().nr_batches, 2);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		drained_blocks_are_on_their_backings_for_good,
		drain_with_nothing_to_do_issues_no_io,
		only_durable_records_are_migrated,
		newer_copy_that_is_not_durable_does_not_supersede,
		newer_copy_in_a_later_batch_does_not_supersede,
		newer_copy_in_the_same_batch_supersedes,
		batch_is_announced_in_a_durable_superblock_before_a_backing_is_written,
		every_backing_is_flushed_before_migrated_advances,
		migrated_blocks_are_clean_and_stay_cached,
		block_overwritten_while_it_is_migrated_stays_dirty,
		neighbours_are_written_together_in_order,
		segments_in_buffers_are_not_read_and_others_are,
		partial_blocks_are_filled_up_from_the_backing,
		zeros_reach_the_backing,
		backing_that_was_only_zeroed_is_flushed_too,
		full_log_makes_progress_and_loses_nothing,
		migration_that_is_not_allowed_waits_for_pressure,
		small_batches_come_once_a_second_at_most,
	};

	return harness_run("engine_migrate", tests, ARRAY_SIZE(tests), harness_setup_started,
			   harness_teardown);
}
