/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/zeros.c: extents that split, merge and go. */
#include "config.h"

#include "tests/unit/engine_harness.h"

#define CAPACITY 8u

static struct sim sim;
static struct zeros z;

static void setup(void)
{
	sim_init(&sim, 1);
	ck_assert_int_eq(zeros_init(&z, &sim.env, CAPACITY), 0);
}

static void teardown(void)
{
	zeros_fini(&z);
}

/* The version of the extent that covers a block; 0: none does. */
static uint64_t version_of(uint8_t backing, uint64_t block)
{
	const struct zeros_extent *e = zeros_at(&z, backing, block);

	return e && e->first <= zeros_key(backing, block) ? e->version : 0;
}

static void expect_versions(uint64_t from, const char *versions)
{
	for (uint64_t i = 0; versions[i]; i++)
		ck_assert_msg(version_of(1, from + i) == (uint64_t)(versions[i] - '0'),
			      "block %llu has version %llu", (unsigned long long)(from + i),
			      (unsigned long long)version_of(1, from + i));
}

START_TEST(nothing_is_zeros_at_first)
{
	ck_assert_ptr_null(zeros_at(&z, 1, 0));
	ck_assert_uint_eq(z.oldest, UINT64_MAX);
}
END_TEST

START_TEST(extent_covers_its_blocks_and_no_other)
{
	zeros_add(&z, 1, 5, 3, 1, false);
	expect_versions(4, "01110");
	ck_assert_uint_eq(version_of(0, 6), 0);
	ck_assert_uint_eq(version_of(2, 6), 0);
}
END_TEST

START_TEST(block_before_an_extent_is_told_where_the_next_one_begins)
{
	const struct zeros_extent *e;

	zeros_add(&z, 1, 5, 3, 1, false);
	e = zeros_at(&z, 1, 0);
	ck_assert_ptr_nonnull(e);
	ck_assert_uint_eq(e->first, zeros_key(1, 5));
	ck_assert_ptr_null(zeros_at(&z, 1, 8));
}
END_TEST

START_TEST(newer_extent_inside_an_older_one_splits_it)
{
	zeros_add(&z, 1, 0, 6, 1, false);
	zeros_add(&z, 1, 2, 2, 2, false);
	expect_versions(0, "1122110");
	ck_assert_uint_eq(z.nr, 3);
}
END_TEST

START_TEST(newer_extent_cuts_the_end_of_one_and_the_start_of_another)
{
	zeros_add(&z, 1, 0, 4, 1, false);
	zeros_add(&z, 1, 5, 4, 2, false);
	zeros_add(&z, 1, 3, 4, 3, false);
	expect_versions(0, "1113333220");
	ck_assert_uint_eq(z.nr, 3);
}
END_TEST

START_TEST(newer_extent_swallows_all_that_it_covers)
{
	zeros_add(&z, 1, 1, 1, 1, false);
	zeros_add(&z, 1, 3, 1, 2, false);
	zeros_add(&z, 1, 5, 1, 3, false);
	zeros_add(&z, 1, 1, 5, 4, false);
	expect_versions(0, "0444440");
	ck_assert_uint_eq(z.nr, 1);
}
END_TEST

START_TEST(neighbours_stay_apart_and_in_order)
{
	zeros_add(&z, 1, 4, 2, 1, false);
	zeros_add(&z, 1, 2, 2, 2, false);
	zeros_add(&z, 1, 6, 2, 3, false);
	expect_versions(1, "02211330");
	for (uint32_t i = 1; i < z.nr; i++)
		ck_assert_uint_le(z.extents[i - 1].end, z.extents[i].first);
}
END_TEST

START_TEST(both_halves_of_split_poison_are_poison)
{
	zeros_add(&z, 1, 0, 3, 1, true);
	zeros_add(&z, 1, 1, 1, 2, false);
	ck_assert(zeros_at(&z, 1, 0)->poison);
	ck_assert(!zeros_at(&z, 1, 1)->poison);
	ck_assert(zeros_at(&z, 1, 2)->poison);
}
END_TEST

START_TEST(entries_of_the_same_place_have_each_their_own_extents)
{
	struct zeros_entry e = {.home = 9, .backing = 1, .block = 0, .nr_blocks = 8};

	zeros_add(&z, 1, 0, 8, 1, false);
	zeros_move(&z, zeros_key(1, 0), 9);
	zeros_add(&z, 1, 0, 1, 9, true);
	zeros_add(&z, 1, 4, 1, 9, false);
	e.kind = WB_ENTRY_POISON;
	ck_assert_ptr_eq(zeros_of_entry(&z, &e), zeros_at(&z, 1, 0));
	e.kind = WB_ENTRY_ZEROS;
	ck_assert_ptr_eq(zeros_of_entry(&z, &e), zeros_at(&z, 1, 4));
	e.kind = WB_ENTRY_OLD_ZEROS;
	ck_assert_ptr_eq(zeros_of_entry(&z, &e), zeros_at(&z, 1, 1));
}
END_TEST

START_TEST(room_counts_that_each_new_extent_may_split_another)
{
	for (uint32_t i = 0; i < CAPACITY - 2; i++)
		zeros_add(&z, 1, 10 * i, 5, 1, false);
	ck_assert(zeros_room(&z, 1));
	ck_assert(!zeros_room(&z, 2));
	zeros_add(&z, 1, 2, 1, 2, false);
	ck_assert_uint_eq(z.nr, CAPACITY);
	ck_assert(!zeros_room(&z, 1));
	expect_versions(0, "11211000");
}
END_TEST

START_TEST(drop_takes_what_is_older_and_leaves_the_rest)
{
	zeros_add(&z, 1, 0, 1, 3, false);
	zeros_add(&z, 1, 2, 1, 4, false);
	zeros_add(&z, 1, 4, 1, 5, false);
	zeros_drop(&z, 4);
	expect_versions(0, "00405");
	ck_assert_uint_eq(z.oldest, 4);
	zeros_drop(&z, 6);
	ck_assert_uint_eq(z.nr, 0);
	ck_assert_uint_eq(z.oldest, UINT64_MAX);
}
END_TEST

START_TEST(drop_finds_the_old_rest_of_a_split_extent)
{
	zeros_add(&z, 1, 0, 3, 3, false);
	zeros_add(&z, 1, 1, 1, 5, false);
	zeros_drop(&z, 5);
	expect_versions(0, "050");
}
END_TEST

START_TEST(clear_forgets_everything)
{
	zeros_add(&z, 1, 0, 3, 3, false);
	zeros_clear(&z);
	ck_assert_ptr_null(zeros_at(&z, 1, 0));
	zeros_add(&z, 1, 0, 1, 9, false);
	ck_assert_uint_eq(z.oldest, 9);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		nothing_is_zeros_at_first,
		extent_covers_its_blocks_and_no_other,
		block_before_an_extent_is_told_where_the_next_one_begins,
		newer_extent_inside_an_older_one_splits_it,
		newer_extent_cuts_the_end_of_one_and_the_start_of_another,
		newer_extent_swallows_all_that_it_covers,
		neighbours_stay_apart_and_in_order,
		both_halves_of_split_poison_are_poison,
		entries_of_the_same_place_have_each_their_own_extents,
		room_counts_that_each_new_extent_may_split_another,
		drop_takes_what_is_older_and_leaves_the_rest,
		drop_finds_the_old_rest_of_a_split_extent,
		clear_forgets_everything,
	};

	return harness_run("engine_zeros", tests, ARRAY_SIZE(tests), setup, teardown);
}
