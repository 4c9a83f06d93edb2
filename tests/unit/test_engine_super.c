/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/super.c: two copies of superblock and backing table, one of which is always whole. */
#include "config.h"

#include "tests/unit/engine_harness.h"

static struct super get_super(unsigned int copy)
{
	struct super super;
	const char *why;
	const void *disk = t.cache->visible + copy * WB_SUPER_AREA;

	ck_assert_int_eq(super_decode(disk, &super, &why), 0);
	return super;
}

static void put_super(unsigned int copy, const struct super *super)
{
	struct wb_super_disk disk;

	super_encode(super, &disk);
	memcpy(t.cache->visible + copy * WB_SUPER_AREA, &disk, sizeof(disk));
	memcpy(t.cache->stable + copy * WB_SUPER_AREA, &disk, sizeof(disk));
}

/* Offset of the n-th superblock write since the trace had `from` I/Os. */
static uint64_t super_write(unsigned int from, unsigned int n)
{
	for (unsigned int i = from; i < t.nr_trace; i++)
		if (is_super(&t.trace[i]) && !n--)
			return t.trace[i].off;
	ck_abort_msg("fewer superblock writes");
}

START_TEST(each_broken_copy_is_survived_with_a_warning)
{
	for (unsigned int copy = 0; copy < WB_NR_SUPERS; copy++) {
		t.messages[0] = '\0';
		damage(t.cache, copy * WB_SUPER_AREA + 100);
		begin();
		ck_assert(said(copy ? "superblock 1 at byte 524288" : "superblock 0 at byte 0"));
		ck_assert(said("using the other one"));
		write_and_sync(0, 1, 'a');
		end();
	}
	begin();
	expect_block(0, 1, 'a');
}
END_TEST

START_TEST(two_broken_copies_are_refused_as_damaged)
{
	damage(t.cache, 100);
	damage(t.cache, WB_SUPER_AREA + 100);
	ck_assert_int_eq(try_open(), -EUCLEAN);
	ck_assert(said("superblock 0 at byte 0: checksum mismatch"));
	ck_assert(said("superblock 1 at byte 524288: checksum mismatch"));
}
END_TEST

START_TEST(broken_magic_and_broken_checksum_together_are_damage)
{
	damage(t.cache, 0);
	damage(t.cache, WB_SUPER_AREA + 100);
	ck_assert_int_eq(try_open(), -EUCLEAN);
}
END_TEST

START_TEST(device_without_magic_is_not_ours)
{
	put(t.cache, 0, WB_SLOTS_OFF, 0);
	ck_assert_int_eq(try_open(), -EMEDIUMTYPE);
	ck_assert(said("no wbfs magic"));
}
END_TEST

START_TEST(device_too_small_for_superblocks_is_not_ours_and_not_read)
{
	struct wb *wb;

	ck_assert_int_eq(wb_open(&t.dev[0]->bdev, &t.options, &t.sim.env, &wb), -EMEDIUMTYPE);
	ck_assert_uint_eq(t.dev[0]->nr_ios[BDEV_READ], 0);
	ck_assert(said("too small"));
}
END_TEST

START_TEST(device_smaller_than_the_cache_it_held_is_damaged)
{
	t.cache->bdev.size -= BLOCK;
	ck_assert_int_eq(try_open(), -EUCLEAN);
	ck_assert(said("smaller than the cache it held"));
}
END_TEST

START_TEST(read_error_of_one_copy_refuses_since_it_may_be_the_newer_one)
{
	for (unsigned int copy = 0; copy < WB_NR_SUPERS; copy++) {
		t.cache->bad_off = copy * WB_SUPER_AREA;
		t.cache->bad_len = 512;
		ck_assert_int_eq(try_open(), -EIO);
	}
	t.cache->bad_len = 0;
	begin();
}
END_TEST

START_TEST(copy_with_the_larger_sequence_counts)
{
	for (unsigned int copy = 0; copy < WB_NR_SUPERS; copy++) {
		struct super super = get_super(copy);

		super.sequence = 77 * (copy + 1);
		strcpy(super.label, copy ? "newer 1" : "newer 0");
		put_super(copy, &super);
		begin();
		ck_assert_str_eq(status().label, super.label);
		ck_assert_uint_gt(get_super(1 - copy).sequence, super.sequence);
		crash();
	}
}
END_TEST

START_TEST(unknown_incompatible_feature_is_refused)
{
	struct super super = get_super(0);

	super.features_incompat = 1ull << 40;
	put_super(0, &super);
	put_super(1, &super);
	ck_assert_int_eq(try_open(), -EMEDIUMTYPE);
	ck_assert(said("incompatible features"));
	t.options.read_only = true;
	ck_assert_int_eq(try_open(), -EMEDIUMTYPE);
}
END_TEST

START_TEST(unknown_read_only_feature_allows_reading_only)
{
	struct super super = get_super(0);

	super.features_ro_compat = 8;
	super.sequence = 3;
	put_super(0, &super);
	ck_assert_int_eq(try_open(), -EROFS);
	ck_assert(said("0x8"));
	t.options.read_only = true;
	ck_assert_int_eq(try_open(), 0);
}
END_TEST

START_TEST(broken_table_of_one_copy_is_survived_and_of_both_is_not)
{
	begin();
	write_and_sync(0, 1, 'a');
	end();
	damage(t.cache, WB_TABLE_OFF + 700);
	t.options.read_only = true;
	ck_assert_int_eq(try_open(), 0);
	ck_assert(said("superblock 0 at byte 0: backing table: checksum mismatch; using"));
	abandon();
	damage(t.cache, WB_SUPER_AREA + WB_TABLE_OFF + 700);
	ck_assert_int_eq(try_open(), -EUCLEAN);
}
END_TEST

START_TEST(table_with_an_id_twice_is_refused)
{
	begin();
	end();
	for (unsigned int copy = 0; copy < WB_NR_SUPERS; copy++) {
		uint8_t *at = t.cache->visible + copy * WB_SUPER_AREA + WB_TABLE_OFF;
		struct wb_backing_disk *table = (void *)at;
		struct super super = get_super(copy);

		table[1].id = table[0].id;
		super.table_checksum = table_checksum(table, 2);
		put_super(copy, &super);
	}
	ck_assert_int_eq(try_open(), -EUCLEAN);
	ck_assert(said("impossible entry"));
}
END_TEST

START_TEST(start_writes_the_table_to_both_copies_before_it_is_done)
{
	begin();
	ck_assert_uint_eq(get_super(0).table_entries, 2);
	ck_assert_uint_eq(get_super(1).table_entries, 2);
	ck_assert_uint_eq(t.cache->nr_writes, 0); /* all flushed */
	ck_assert_uint_eq(get_super(0).generation, 1);
	ck_assert_uint_eq(get_super(0).state, WB_SUPER_IN_USE);
}
END_TEST

START_TEST(commits_go_to_the_copies_in_turn)
{
	unsigned int from;

	begin();
	from = t.nr_trace;
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(do_commit(), 0);
	ck_assert_uint_ne(super_write(from, 0), super_write(from, 1));
	ck_assert_uint_eq(super_write(from, 0), super_write(from, 2));
	ck_assert_uint_eq(super_write(from, 1), super_write(from, 3));
}
END_TEST

START_TEST(commit_is_done_only_when_flushed)
{
	begin();
	t.cache->hold[BDEV_FLUSH] = true;
	wb_commit(t.wb, note_done, NULL);
	sim_settle(&t.sim);
	ck_assert_uint_eq(nr_pending(t.cache, BDEV_FLUSH), 1);
	ck_assert(!t.done);
	t.cache->hold[BDEV_FLUSH] = false;
	ck_assert_int_eq(wait_done(), 0);
}
END_TEST

/* The batch ends while a superblock that doesn't know it is being flushed. */
START_TEST(durable_superblock_vouches_for_no_more_than_it_says)
{
	begin();
	write_and_sync(0, 1, 'a');
	t.dev[0]->hold[BDEV_FLUSH] = true;
	wb_drain(t.wb, NULL, note_done, NULL);
	sim_settle(&t.sim);
	t.cache->hold[BDEV_FLUSH] = true;
	wb_lock(t.wb);
	super_commit(t.wb, false);
	wb_unlock(t.wb);
	sim_settle(&t.sim);
	t.dev[0]->hold[BDEV_FLUSH] = false;
	sim_settle(&t.sim);
	ck_assert_uint_eq(status().migrated, 1);
	t.cache->hold[BDEV_FLUSH] = false;
	sim_step(&t.sim);
	ck_assert_uint_eq(newest_super().migrated, 0);
	ck_assert_uint_eq(status().migrated_on_disk, 0);
	ck_assert_int_eq(wait_done(), 0);
	ck_assert_uint_eq(newest_super().migrated, 1);
}
END_TEST

static void expect_same_copy_again(enum bdev_op op)
{
	unsigned int from;

	begin();
	from = t.nr_trace;
	simdev_fail(t.cache, op, -EIO, 0, 2);
	ck_assert_int_eq(do_commit(), 0);
	ck_assert_int_eq(do_commit(), 0);
	ck_assert_uint_eq(super_write(from, 0), super_write(from, 1));
	ck_assert_uint_eq(super_write(from, 0), super_write(from, 2));
	ck_assert_uint_ne(super_write(from, 0), super_write(from, 3));
}

START_TEST(failed_write_is_repeated_in_the_same_copy)
{
	expect_same_copy_again(BDEV_WRITE);
	ck_assert_uint_eq(status().nr_write_errors, 2);
}
END_TEST

START_TEST(failed_flush_writes_the_same_copy_again)
{
	expect_same_copy_again(BDEV_FLUSH);
	ck_assert_uint_eq(status().nr_flush_errors, 2);
}
END_TEST

START_TEST(superblock_that_can_never_be_written_fails_the_cache_until_retry)
{
	begin();
	simdev_fail(t.cache, BDEV_WRITE, -EIO, 0, UINT64_MAX);
	ck_assert_int_eq(do_commit(), -EIO);
	ck_assert_int_eq(status().state, WB_FAILED);
	ck_assert(said("write superblock"));
	simdev_fail(t.cache, BDEV_WRITE, 0, 0, 0);
	wb_retry(t.wb);
	ck_assert_int_eq(status().state, WB_HEALTHY);
	ck_assert_int_eq(do_commit(), 0);
}
END_TEST

START_TEST(idle_log_says_in_the_superblock_how_far_it_is_durable)
{
	begin();
	write_and_sync(0, 1, 'a');
	ck_assert_uint_eq(newest_super().durable, 0);
	sim_sleep(&t.sim, 2 * NS_PER_S);
	ck_assert_uint_eq(newest_super().durable, 1);
	ck_assert_uint_eq(t.cache->nr_writes, 0);
}
END_TEST

START_TEST(busy_log_is_committed_at_the_interval)
{
	begin();
	knob(WB_KNOB_FLUSH_CURRENT_BUFFER_INTERVAL, 0);
	knob(WB_KNOB_COMMIT_SUPER_BLOCK_INTERVAL, 3);
	write_and_sync(0, 1, 'a');
	write_block(0, 2, 'b'); /* not synced: the log isn't idle */
	sim_sleep(&t.sim, 2 * NS_PER_S);
	ck_assert_uint_eq(newest_super().durable, 0);
	sim_sleep(&t.sim, 2 * NS_PER_S);
	ck_assert_uint_ge(newest_super().durable, 1);
}
END_TEST

START_TEST(superblock_torn_by_a_power_cut_leaves_the_other_copy)
{
	t.sim.fate = SIM_FATE_RANDOM;
	for (int i = 0; i < 20; i++) {
		begin();
		write_and_sync(0, 1, (char)('a' + i));
		wb_commit(t.wb, note_done, NULL);
		crash();
		t.done = false;
	}
	begin();
	expect_block(0, 1, 'a' + 19);
}
END_TEST

static void tear(uint64_t off)
{
	memset(t.cache->visible + off, 'T', SECTOR);
	memset(t.cache->stable + off, 'T', SECTOR);
}

/*
 * The newer superblock rots, and the power went while the first slot was taken again: that must not
 * be where the older one's chain begins.
 */
START_TEST(older_superblock_does_when_the_power_went_while_a_slot_was_reused)
{
	for (unsigned int nr = 4; nr < 12; nr++) {
		harness_teardown();
		harness_make(nr, 2, 12);
		begin();
		t.dev[0]->hold[BDEV_FLUSH] = true;
		for (unsigned int i = 0; i + 2 < nr; i++)
			write_and_sync(0, i, (char)('a' + i));
		for (unsigned int i = 0; i < 4; i++)
			start_write(0, (20 + i) * BLOCK, BLOCK, 'z');
		sim_settle(&t.sim);
		t.dev[0]->hold[BDEV_FLUSH] = false;
		while (status().current_segment_id <= nr)
			ck_assert(sim_step(&t.sim));
		crash();
		tear(slot_off(nr + 1, 0));
		damage(t.cache, newest_copy() * (uint64_t)WB_SUPER_AREA);
		begin();
		for (unsigned int i = 0; i + 2 < nr; i++)
			expect_block(0, i, (char)('a' + i));
	}
}
END_TEST

/* A batch is announced in one superblock only: the other doesn't know that a backing was written. */
START_TEST(older_superblock_calls_no_backing_consistent_that_the_log_has_blocks_of)
{
	begin();
	write_and_sync(0, 1, 'a');
	write_and_sync(0, 2, 'b');
	t.dev[0]->hold[BDEV_FLUSH] = true;
	wb_drain(t.wb, NULL, note_done, NULL);
	sim_settle(&t.sim);
	ck_assert_uint_eq(entry_on_disk(0).batch_end, 2);
	crash();
	t.done = false;
	damage(t.cache, newest_copy() * (uint64_t)WB_SUPER_AREA);
	ck_assert_uint_eq(entry_on_disk(0).batch_end, 0);
	ck_assert_int_eq(try_open(), 0);
	ck_assert_int_eq(try_attach(0, false), 0);
	ck_assert(!info(0).consistent);
}
END_TEST

/* The log is full of what a missing backing has not got, so carrying begins at once. */
START_TEST(nothing_is_carried_before_both_superblocks_have_the_new_generation)
{
	unsigned int i, nr_supers = 0, nr_durable = 0;

	harness_teardown();
	harness_make(16, 4, 2);
	begin();
	pause_backing(0, true);
	for (i = 0; i < 20; i++)
		write_and_sync(0, i, 'a');
	for (i = 0; i < 40; i++)
		start_write(1, i * BLOCK, BLOCK, 'b');
	while (status().nr_free_segments > 3)
		sim_step(&t.sim);
	t.sim.fate = SIM_FATE_KEPT;
	crash();
	ck_assert_int_eq(try_open(), 0);
	t.nr_trace = 0;
	ck_assert_int_eq(try_start(), 0);
	sim_settle(&t.sim);
	for (i = 0; t.trace[i].op != BDEV_WRITE || is_super(&t.trace[i]); i++) {
		ck_assert_uint_lt(i, t.nr_trace);
		nr_supers += is_super(&t.trace[i]);
		if (t.trace[i].op == BDEV_FLUSH)
			nr_durable = nr_supers;
	}
	ck_assert_uint_ge(nr_durable, WB_NR_SUPERS);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		each_broken_copy_is_survived_with_a_warning,
		two_broken_copies_are_refused_as_damaged,
		broken_magic_and_broken_checksum_together_are_damage,
		device_without_magic_is_not_ours,
		device_too_small_for_superblocks_is_not_ours_and_not_read,
		device_smaller_than_the_cache_it_held_is_damaged,
		read_error_of_one_copy_refuses_since_it_may_be_the_newer_one,
		copy_with_the_larger_sequence_counts,
		unknown_incompatible_feature_is_refused,
		unknown_read_only_feature_allows_reading_only,
		broken_table_of_one_copy_is_survived_and_of_both_is_not,
		table_with_an_id_twice_is_refused,
		start_writes_the_table_to_both_copies_before_it_is_done,
		commits_go_to_the_copies_in_turn,
		commit_is_done_only_when_flushed,
		durable_superblock_vouches_for_no_more_than_it_says,
		failed_write_is_repeated_in_the_same_copy,
		failed_flush_writes_the_same_copy_again,
		superblock_that_can_never_be_written_fails_the_cache_until_retry,
		idle_log_says_in_the_superblock_how_far_it_is_durable,
		busy_log_is_committed_at_the_interval,
		superblock_torn_by_a_power_cut_leaves_the_other_copy,
		nothing_is_carried_before_both_superblocks_have_the_new_generation,
		older_superblock_does_when_the_power_went_while_a_slot_was_reused,
		older_superblock_calls_no_backing_consistent_that_the_log_has_blocks_of,
	};

	return harness_run("engine_super", tests, ARRAY_SIZE(tests), harness_setup,
			   harness_teardown);
}
