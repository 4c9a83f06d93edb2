/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Faults that the engine once had, each with what a user would have seen of it. */
#include "config.h"

#include "tests/unit/engine_harness.h"

/* ---- superblocks ---- */

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

START_TEST(message_names_the_incompatible_feature)
{
	struct super super = get_super(0);

	end();
	super.features_incompat = 1ull << 40;
	put_super(0, &super);
	put_super(1, &super);
	ck_assert_int_eq(try_open(), -EMEDIUMTYPE);
	ck_assert_msg(said("0x10000000000"), "%s", t.messages);
}
END_TEST

/* A newer program has switched a feature on and lost power before the second copy. */
START_TEST(incompatible_feature_of_the_newer_copy_alone_is_refused)
{
	struct super super;

	end();
	super = newest_super();
	super.sequence++;
	super.features_incompat = 1ull << 40;
	put_super(get_super(1).sequence + 1 == super.sequence, &super);
	ck_assert_int_eq(try_open(), -EMEDIUMTYPE);
}
END_TEST

/* ---- intervals ---- */

/* Nothing else happens that would let the engine look at the clock. */
START_TEST(lone_write_is_flushed_after_the_interval)
{
	write_block(0, 1, 'a');
	sim_sleep(&t.sim, 900 * NS_PER_MS);
	ck_assert_uint_eq(status().durable, 0);
	sim_sleep(&t.sim, 200 * NS_PER_MS);
	ck_assert_uint_eq(status().durable, 1);
}
END_TEST

/* ---- damage ---- */

/* The rest of the block comes from the backing and not from the damaged copy. */
START_TEST(partial_write_over_a_damaged_clean_block_keeps_what_the_backing_has)
{
	harness_teardown();
	harness_setup_ring();
	write_and_sync(0, 7, 'a');
	evict();
	ck_assert_int_eq(do_drain(), 0);
	damage(t.cache, slot_off(1, 1) + 3000);
	ck_assert_int_eq(do_write(0, 7 * BLOCK, SECTOR, 'b'), 0);
	expect(0, 7 * BLOCK, SECTOR, 'b');
	expect(0, 7 * BLOCK + SECTOR, 7 * SECTOR, 'a');
	ck_assert_int_eq(do_drain(), 0);
	expect_on_backing(0, 7 * BLOCK + SECTOR, 7 * SECTOR, 'a');
}
END_TEST

/* ---- backings ---- */

static int attach_as(const char *path, const char *identity)
{
	const struct wb_backing_spec spec = {
		.name = "odd",
		.path = path,
		.identity = identity,
		.dev = &t.dev[0]->bdev,
		.cached = true,
	};

	return wb_attach(t.wb, &spec, &t.b[0]);
}

/* Either it is refused, or the cache can still be opened afterwards. */
START_TEST(path_with_a_control_character_does_not_spoil_the_cache)
{
	end();
	ck_assert_int_eq(try_open(), 0);
	if (attach_as("/srv/a\nb.img", "8:1") == -EINVAL)
		return;
	ck_assert_int_eq(try_start(), 0);
	end();
	ck_assert_int_eq(try_open(), 0);
}
END_TEST

START_TEST(identity_that_is_too_long_does_not_look_like_another_device_later)
{
	char identity[200] = {0};

	memset(identity, 'i', sizeof(identity) - 1);
	end();
	ck_assert_int_eq(try_open(), 0);
	if (attach_as("/srv/a.img", identity) == -EINVAL)
		return;
	ck_assert_int_eq(try_start(), 0);
	write_and_sync(0, 1, 'a');
	crash();
	ck_assert_int_eq(try_open(), 0);
	ck_assert_int_eq(attach_as("/srv/a.img", identity), 0);
}
END_TEST

/* The log has the last block padded with zeros, which would hide the new sectors. */
START_TEST(larger_device_whose_old_end_cut_a_block_is_refused_even_if_forced)
{
	uint64_t off = (BACKING_BLOCKS - 1) * BLOCK;

	ck_assert_int_eq(do_write(1, off, ODD_SECTORS * SECTOR, 'a'), 0);
	ck_assert_int_eq(do_sync(), 0);
	crash();
	t.dev[1] = simdev_new(&t.sim, "slow1", BACKING_BLOCKS * BLOCK);
	ck_assert_int_eq(try_open(), 0);
	ck_assert_int_eq(try_attach(0, false), 0);
	ck_assert_int_eq(try_attach(1, true), -ESTALE);
}
END_TEST

/* ---- drains ---- */

START_TEST(drain_reports_the_error_of_a_backing_that_keeps_failing)
{
	write_and_sync(0, 1, 'a');
	simdev_fail(t.dev[0], BDEV_WRITE, -EIO, 0, UINT64_MAX);
	wb_drain(t.wb, NULL, note_done, NULL);
	sim_sleep(&t.sim, 600 * NS_PER_S);
	ck_assert(t.done);
	ck_assert_int_eq(t.err, -EIO);
}
END_TEST

START_TEST(drain_of_a_read_only_cache_with_blocks_in_its_log_is_refused)
{
	write_and_sync(0, 1, 'a');
	crash();
	t.options.read_only = true;
	ck_assert_int_eq(try_open(), 0);
	ck_assert_int_eq(try_start(), 0);
	wb_drain(t.wb, NULL, note_done, NULL);
	sim_sleep(&t.sim, 600 * NS_PER_S);
	ck_assert(t.done);
	ck_assert_int_lt(t.err, 0);
}
END_TEST

/* ---- zeros ---- */

/* Migration alone makes room for it: the log is far from full, and nothing else is written. */
START_TEST(zeroing_waits_until_there_is_room_for_its_extent)
{
	struct op *op;

	t.wb->zeros.capacity = 4;
	for (uint64_t i = 0; i < 3; i++)
		ck_assert_int_eq(do_zero(0, 2 * i * BLOCK, BLOCK), 0);
	op = start_zero(0, 20 * BLOCK, BLOCK);
	ck_assert(!op->done);
	sim_sleep(&t.sim, 60 * NS_PER_S);
	ck_assert(op->done);
	ck_assert_int_eq(op->err, 0);
	ck_assert_uint_ge(status().migrated, 1);
	ck_assert_uint_le(t.wb->zeros.nr, 3);
}
END_TEST

/* ---- figures ---- */

START_TEST(read_of_a_partly_cached_block_is_counted_once)
{
	uint64_t sum = 0;

	ck_assert_int_eq(do_write(0, 3 * BLOCK, SECTOR, 'a'), 0);
	wb_clear_stat(t.wb);
	ck_assert_int_eq(do_read(0, 3 * BLOCK, BLOCK), 0);
	ck_assert_uint_eq(status().stat[WB_STAT_HIT | WB_STAT_ON_BUFFER], 1);
	for (unsigned int i = 0; i < WB_NR_STAT; i++)
		sum += status().stat[i];
	ck_assert_uint_eq(sum, 1);
}
END_TEST

/* Segment 1 is full and on its backing; then segment 2 gets a block. */
START_TEST(last_migrated_segment_does_not_go_back_when_more_is_written)
{
	ck_assert_int_eq(do_write(0, 0, 2 * BLOCK, 'a'), 0);
	write_block(0, 2, 'b');
	ck_assert_int_eq(do_drain(), 0);
	ck_assert_uint_eq(status().last_migrated_segment_id, 1);
	write_and_sync(0, 3, 'c');
	ck_assert_uint_eq(status().current_segment_id, 2);
	ck_assert_uint_eq(status().last_migrated_segment_id, 1);
}
END_TEST

/* ---- zeros while a backing is held ---- */

static void remake(unsigned int nr_zeros)
{
	harness_teardown();
	harness_make(12, 4, 4);
	t.options.nr_zeros = nr_zeros;
	put(t.dev[0], 0, 20 * BLOCK, 'x');
	begin();
}

/*
 * Zeros have been carried, what is newer than they are not yet. A flush of the cache fails during
 * the batch that brings both to the backing.
 */
START_TEST(zeros_of_an_attempt_that_failed_do_not_come_back)
{
	unsigned int failed = 0;

	for (unsigned int n = 0; n < 240; n++) {
		remake(0);
		pause_backing(0, true);
		ck_assert_int_eq(do_zero(0, 8 * BLOCK, 2 * BLOCK), 0);
		for (unsigned int i = 0; i < 3; i++)
			write_and_sync(1, i, 'w');
		write_and_sync(0, 8, 'n');
		for (unsigned int i = 0; i < n / 6; i++)
			write_and_sync(1, i, 'w');
		pause_backing(0, false);
		simdev_fail(t.cache, BDEV_FLUSH, -EIO, n % 6, 1000);
		failed += do_drain() != 0;
		simdev_fail(t.cache, BDEV_FLUSH, 0, 0, 0);
		wb_retry(t.wb);
		ck_assert_int_eq(do_drain(), 0);
		for (unsigned int i = 0; i < 12; i++) {
			write_and_sync(1, i, 'w');
			write_and_sync(1, i, 'w');
			expect_block(0, 8, 'n');
			expect_block(0, 9, 0);
		}
	}
	ck_assert_uint_ge(failed, 10);
}
END_TEST

enum { MOST_ZEROS = 30 }; /* more than the pool, and as many as a disk has room for */

/* Zero every other block from `first` on, until one has to wait. Returns how many did not. */
static unsigned int zero_until_one_waits(unsigned int backing, uint64_t first)
{
	for (unsigned int n = 0; n < MOST_ZEROS; n++) {
		struct op *op = start_zero(backing, (first + 2 * n) * BLOCK, BLOCK);

		sim_sleep(&t.sim, NS_PER_S);
		if (!op->done)
			return n;
		ck_assert_int_eq(op_wait(op), 0);
	}
	return MOST_ZEROS;
}

/* All of it is in one segment, which can't be left behind before it is full or ended. */
START_TEST(zeros_of_one_go_on_while_another_is_held)
{
	remake(12);
	pause_backing(0, true);
	ck_assert_int_eq(do_zero(0, BLOCK, BLOCK), 0);
	ck_assert_uint_eq(zero_until_one_waits(1, 0), MOST_ZEROS);
	expect_block(0, 1, 0);
	expect_on_backing(0, BLOCK, BLOCK, 'x');
}
END_TEST

/* The same, but the head has not begun a segment since the cache was opened. */
START_TEST(zeros_of_one_go_on_after_a_mount_without_another)
{
	enum { ROOM = 11 };

	for (unsigned int clean = 0; clean < 2; clean++) {
		remake(ROOM + 1);
		ck_assert_int_eq(do_zero(0, BLOCK, BLOCK), 0);
		for (unsigned int i = 1; i < ROOM; i++)
			ck_assert_int_eq(do_zero(1, 2 * i * BLOCK, BLOCK), 0);
		ck_assert_int_eq(do_sync(), 0);
		if (clean)
			end();
		else
			crash();
		ck_assert_int_eq(try_open(), 0);
		ck_assert_int_eq(try_attach(1, false), 0);
		ck_assert_int_eq(try_start(), 0);
		ck_assert_uint_eq(zero_until_one_waits(1, 0), MOST_ZEROS);
	}
}
END_TEST

START_TEST(backings_that_are_held_share_half_of_the_room_for_zeros)
{
	remake(12);
	pause_backing(0, true);
	pause_backing(1, true);
	ck_assert_uint_eq(zero_until_one_waits(0, 0), 6);
	ck_assert_uint_eq(zero_until_one_waits(1, 0), 0);
}
END_TEST

/* ---- carrying ---- */

/* How many of 5 segments are free if the power goes after so many steps of carrying two of them. */
static uint64_t free_after_power_cut(unsigned int steps)
{
	struct op *op;

	harness_teardown();
	harness_make(5, 2, 4);
	begin();
	pause_backing(0, true);
	write_and_sync(0, 0, 'h');
	write_and_sync(0, 1, 'h');
	op = start_write(1, 0, BLOCK, 'w');
	for (unsigned int i = 0; i < steps; i++) {
		if (op->done) {
			ck_assert_int_eq(op_wait(op), 0);
			op = start_write(1, 0, BLOCK, 'w');
		}
		t.nr_trace = 0;
		sim_step(&t.sim);
	}
	crash();
	ck_assert_int_eq(try_open(), 0);
	return status().nr_free_segments;
}

/* If yet another backing is missing then, what it has in the log has to be carried, too. */
START_TEST(power_cut_while_the_log_is_full_leaves_room_to_carry)
{
	uint64_t least = UINT64_MAX;

	for (unsigned int steps = 0; steps < 400; steps++)
		least = min_u64(least, free_after_power_cut(steps));
	ck_assert_uint_eq(least, 1);
}
END_TEST

/* ---- recovery ---- */

/*
 * Carried zeros came to the backing, and the power went before its batch was done. Then the log
 * goes on without it, until it has nothing of it. What the backing shows is not what it showed
 * before the batch.
 */
START_TEST(backing_that_the_log_has_nothing_of_is_not_said_to_be_older_than_it_is)
{
	unsigned int gone = 0;

	for (unsigned int steps = 0; steps < 60; steps++) {
		remake(0);
		write_and_sync(0, 1, 'a');
		ck_assert_int_eq(do_drain(), 0);
		pause_backing(0, true);
		ck_assert_int_eq(do_zero(0, 8 * BLOCK, 2 * BLOCK), 0);
		turn_ring(1);
		wb_drain(t.wb, NULL, note_done, NULL);
		for (unsigned int i = 0; i < steps && !t.done; i++)
			sim_step(&t.sim);
		t.done = false;
		t.sim.fate = SIM_FATE_KEPT;
		crash();
		ck_assert_int_eq(try_open(), 0);
		ck_assert_int_eq(try_attach(1, false), 0);
		ck_assert_int_eq(try_start(), 0);
		turn_ring(2);
		crash();
		begin();
		gone += !info(0).in_log;
		if (!info(0).in_log) {
			write_and_sync(0, 1, 'b');
			ck_assert_int_eq(do_commit(), 0);
			ck_assert_uint_gt(entry_on_disk(0).migrated, 5);
		}
	}
	ck_assert_uint_gt(gone, 0);
	ck_assert_uint_lt(gone, 60);
}
END_TEST

static void set_block(uint64_t off, const char *contents)
{
	memcpy(t.cache->visible + off, contents, BLOCK);
	memcpy(t.cache->stable + off, contents, BLOCK);
}

/*
 * Two more records of one segment. The power goes, and only the second of them has reached the
 * disk: in the slot there is still what was first there before. Of the segment before that, where
 * synced data is, block 3 is damaged.
 */
static void lose_first_of_two(uint64_t victim, const char *first)
{
	write_and_sync(0, 2, 'b');
	write_and_sync(0, 3, 'c');
	ck_assert_uint_lt(newest_super().durable, status().durable - 2);
	t.sim.fate = SIM_FATE_KEPT;
	crash();
	set_block(slot_off(victim + 1, 0), first);
	damage(t.cache, slot_off(victim, 3));
	ck_assert_int_eq(try_open(), -EUCLEAN);
	ck_assert_msg(said("were durable"), "%s", t.messages);
}

/* A synced write of three blocks, in a segment of its own. */
static uint64_t write_victim(void)
{
	ck_assert_int_eq(do_write(0, 8 * BLOCK, 3 * BLOCK, 'v'), 0);
	ck_assert_int_eq(do_sync(), 0);
	return status().last_durable_segment_id;
}

/* That which was first there is a header of an earlier segment. */
START_TEST(record_behind_one_that_was_lost_vouches_for_what_is_damaged)
{
	char first[BLOCK];
	uint64_t victim;

	harness_teardown();
	harness_make(8, 5, 4);
	begin();
	turn_ring(2);
	while (status().cursor != 4)
		write_and_sync(0, 1, 'a');
	victim = write_victim();
	memcpy(first, t.cache->visible + slot_off(victim + 1, 0), BLOCK);
	lose_first_of_two(victim, first);
}
END_TEST

/* That which was first there is a header of the same segment, from a life before this one. */
START_TEST(record_behind_a_stale_one_vouches_for_what_is_damaged)
{
	char first[BLOCK];
	uint64_t next;

	harness_teardown();
	harness_make(16, 5, 16);
	begin();
	do
		write_and_sync(0, 1, 'a');
	while (status().cursor != 4);
	next = slot_off(status().last_durable_segment_id + 2, 0);
	for (unsigned int i = 0; i < 3; i++)
		start_write(0, 8 * BLOCK, 4 * BLOCK, 's');
	sim_sleep(&t.sim, 0);
	memcpy(first, t.cache->visible + next, BLOCK);
	crash();
	set_block(next, first);
	begin();
	ck_assert_uint_eq(slot_off(write_victim() + 1, 0), next);
	lose_first_of_two(status().last_durable_segment_id, first);
}
END_TEST

/* How many segments were read whole. */
static unsigned int nr_whole_reads(uint32_t segment_blocks)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < t.nr_trace; i++)
		nr += t.trace[i].dev == t.cache && t.trace[i].op == BDEV_READ &&
		      t.trace[i].len == segment_blocks * BLOCK;
	return nr;
}

START_TEST(what_was_given_up_is_not_read_at_each_opening)
{
	harness_teardown();
	harness_make(60, 5, 2);
	begin();
	for (unsigned int i = 0; i < 100; i++)
		write_and_sync(0, i % 8, 'a');
	crash();
	damage(t.cache, slot_off(20, 0));
	t.options.recover_truncate = true;
	begin();
	t.options.recover_truncate = false;
	write_and_sync(0, 9, 'b');
	crash();
	t.nr_trace = 0;
	begin();
	ck_assert_uint_le(nr_whole_reads(5), 25); /* those that are in use, and some */
	expect_block(0, 9, 'b');
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		message_names_the_incompatible_feature,
		incompatible_feature_of_the_newer_copy_alone_is_refused,
		lone_write_is_flushed_after_the_interval,
		partial_write_over_a_damaged_clean_block_keeps_what_the_backing_has,
		path_with_a_control_character_does_not_spoil_the_cache,
		identity_that_is_too_long_does_not_look_like_another_device_later,
		larger_device_whose_old_end_cut_a_block_is_refused_even_if_forced,
		drain_reports_the_error_of_a_backing_that_keeps_failing,
		drain_of_a_read_only_cache_with_blocks_in_its_log_is_refused,
		zeroing_waits_until_there_is_room_for_its_extent,
		read_of_a_partly_cached_block_is_counted_once,
		last_migrated_segment_does_not_go_back_when_more_is_written,
		zeros_of_an_attempt_that_failed_do_not_come_back,
		zeros_of_one_go_on_while_another_is_held,
		zeros_of_one_go_on_after_a_mount_without_another,
		backings_that_are_held_share_half_of_the_room_for_zeros,
		power_cut_while_the_log_is_full_leaves_room_to_carry,
		record_behind_one_that_was_lost_vouches_for_what_is_damaged,
		record_behind_a_stale_one_vouches_for_what_is_damaged,
		what_was_given_up_is_not_read_at_each_opening,
		backing_that_the_log_has_nothing_of_is_not_said_to_be_older_than_it_is,
	};

	return harness_run("engine_regress", tests, ARRAY_SIZE(tests), harness_setup_started,
			   harness_teardown);
}
