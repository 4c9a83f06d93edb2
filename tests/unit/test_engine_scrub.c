/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/scrub.c: what is found on a damaged cache, and that a good one is not blamed. */
#include "config.h"

#include "tests/unit/engine_harness.h"

#define MAX_FOUND 8

static struct {
	struct wb_scrub scrub;
	struct wb_damage damage[MAX_FOUND];
	unsigned int nr;
	uint64_t most_left;
	bool stop;
} found;

static bool progress(void *ctx, uint64_t left)
{
	(void)ctx;
	found.most_left = max_u64(found.most_left, left);
	return !found.stop;
}

static void note(void *ctx, const struct wb_damage *damage)
{
	(void)ctx;
	ck_assert_uint_lt(found.nr, MAX_FOUND);
	found.damage[found.nr++] = *damage;
}

/* Open it as wbfs check does, and scrub; it stays open. */
static int scrub(void)
{
	bool stop = found.stop;

	memset(&found, 0, sizeof(found));
	found.stop = stop;
	found.scrub.progress = progress;
	found.scrub.damage = note;
	t.options.read_only = true;
	ck_assert_int_eq(try_open(), 0);
	return wb_scrub(t.wb, &found.scrub);
}

/* Segment 1: records 1 and 2; segment 2: record 3, which replaces the first. */
static void setup(void)
{
	harness_make(8, 4, 2);
	begin();
	write_and_sync(0, 1, 'a');
	write_and_sync(0, 2, 'b');
	write_and_sync(0, 1, 'c');
}

static void teardown(void)
{
	found.stop = false;
	harness_teardown();
}

START_TEST(good_log_is_read_and_nothing_is_written)
{
	uint64_t writes;

	crash();
	writes = t.cache->nr_ios[BDEV_WRITE];
	ck_assert_int_eq(scrub(), 0);
	ck_assert_uint_eq(found.nr, 0);
	ck_assert_uint_eq(found.scrub.nr_records, 3);
	ck_assert_uint_eq(found.scrub.nr_segments, 2);
	ck_assert_uint_eq(found.scrub.nr_blocks, 3);
	ck_assert_uint_eq(found.scrub.nr_needless, 1);
	ck_assert_uint_eq(found.scrub.nr_torn_records, 0);
	ck_assert_uint_eq(found.most_left, 4 * BLOCK);
	ck_assert_uint_eq(t.cache->nr_ios[BDEV_WRITE], writes);
}
END_TEST

START_TEST(clean_and_empty_log_has_nothing_to_read)
{
	ck_assert_int_eq(do_drain(), 0);
	end();
	ck_assert_int_eq(scrub(), 0);
	ck_assert_uint_eq(found.nr + found.scrub.nr_records, 0);
}
END_TEST

START_TEST(damage_of_a_block_that_is_needed_is_a_loss_at_its_place)
{
	crash();
	damage(t.cache, slot_off(1, 3) + 7);
	ck_assert_int_eq(scrub(), 0);
	ck_assert_uint_eq(found.nr, 1);
	ck_assert_uint_eq(found.scrub.nr_lost, 1);
	ck_assert(found.damage[0].lost);
	ck_assert_uint_eq(found.damage[0].segment, 1);
	ck_assert_uint_eq(found.damage[0].off, slot_off(1, 3));
	ck_assert_str_eq(found.damage[0].backing, "slow0");
	ck_assert_uint_eq(found.damage[0].block, 2);
}
END_TEST

START_TEST(damage_of_a_block_that_was_replaced_is_no_loss)
{
	crash();
	damage(t.cache, slot_off(1, 1) + 7);
	ck_assert_int_eq(scrub(), 0);
	ck_assert_uint_eq(found.nr, 1);
	ck_assert(!found.damage[0].lost);
	ck_assert_uint_eq(found.scrub.nr_damaged, 1);
	ck_assert_uint_eq(found.scrub.nr_lost, 0);
}
END_TEST

START_TEST(broken_superblock_is_told_with_its_place)
{
	end();
	damage(t.cache, WB_SUPER_AREA + 9);
	ck_assert_int_eq(scrub(), 0);
	ck_assert(found.scrub.bad_super);
	ck_assert_uint_eq(found.nr, 1);
	ck_assert_uint_eq(found.damage[0].off, WB_SUPER_AREA);
	ck_assert_uint_eq(found.damage[0].segment, 0);
}
END_TEST

START_TEST(only_the_block_that_can_not_be_read_is_lost)
{
	end(); /* recovery reads less of a clean log */
	t.options.read_only = true;
	memset(&found, 0, sizeof(found));
	found.scrub.progress = progress;
	found.scrub.damage = note;
	ck_assert_int_eq(try_open(), 0);
	t.cache->bad_off = slot_off(1, 3);
	t.cache->bad_len = BLOCK;
	ck_assert_int_eq(wb_scrub(t.wb, &found.scrub), 0);
	ck_assert_int_eq(found.scrub.err, -EIO);
	ck_assert_uint_eq(found.nr, 1);
	ck_assert(found.damage[0].lost);
	ck_assert_uint_eq(found.damage[0].block, 2);
	ck_assert_uint_eq(found.scrub.nr_blocks, 3);
}
END_TEST

START_TEST(poison_is_a_loss_until_it_is_written_again)
{
	evict();
	damage(t.cache, slot_off(1, 3) + 5);
	ck_assert_int_eq(do_drain(), 0);
	crash();
	ck_assert_int_eq(scrub(), 0);
	ck_assert_uint_eq(found.scrub.nr_lost, 1);
	ck_assert_uint_eq(found.damage[0].block, 2);
	abandon();
	t.options.read_only = false;
	begin();
	write_and_sync(0, 2, 'd');
	crash();
	ck_assert_int_eq(scrub(), 0);
	ck_assert_uint_eq(found.scrub.nr_lost, 0);
}
END_TEST

START_TEST(torn_end_is_told_and_is_no_damage)
{
	t.cache->hold[BDEV_FLUSH] = true;
	write_block(0, 3, 'd');
	start_sync();
	sim_settle(&t.sim);
	damage(t.cache, slot_off(2, 3) + 3);
	abandon();
	t.cache->hold[BDEV_FLUSH] = false;
	ck_assert_int_eq(scrub(), 0);
	ck_assert_uint_eq(found.nr, 0);
	ck_assert_uint_eq(found.scrub.last_record, 3);
	ck_assert_uint_eq(found.scrub.nr_torn_records, 1);
	ck_assert_uint_eq(found.scrub.torn_off, slot_off(2, 2));
}
END_TEST

START_TEST(stops_when_asked)
{
	crash();
	found.stop = true;
	ck_assert_int_eq(scrub(), -EINTR);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		good_log_is_read_and_nothing_is_written,
		clean_and_empty_log_has_nothing_to_read,
		damage_of_a_block_that_is_needed_is_a_loss_at_its_place,
		damage_of_a_block_that_was_replaced_is_no_loss,
		broken_superblock_is_told_with_its_place,
		only_the_block_that_can_not_be_read_is_lost,
		poison_is_a_loss_until_it_is_written_again,
		torn_end_is_told_and_is_no_damage,
		stops_when_asked,
	};

	return harness_run("engine_scrub", tests, ARRAY_SIZE(tests), setup, teardown);
}
