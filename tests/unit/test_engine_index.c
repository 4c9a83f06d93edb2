/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/index.c: which position has a block. */
#include "config.h"

#include "tests/unit/engine_harness.h"

#define NR_POSITIONS 4u

static struct sim sim;
static struct index ix;

static void setup(void)
{
	sim_init(&sim, 1);
	ck_assert_int_eq(index_init(&ix, &sim.env, NR_POSITIONS), 0);
}

static void teardown(void)
{
	index_fini(&ix);
}

static void add(uint32_t position, uint8_t backing, uint64_t block)
{
	index_set(&ix, position, backing, block, 0xff, 0, 0);
	index_link(&ix, position);
}

START_TEST(empty_index_finds_nothing)
{
	ck_assert_uint_eq(index_find(&ix, 1, 0), INDEX_NONE);
	ck_assert_uint_eq(index_find(&ix, 255, (1ull << 40) - 1), INDEX_NONE);
}
END_TEST

START_TEST(linked_position_is_found_with_all_that_was_set)
{
	const struct index_entry *e = &ix.entries[3];

	index_set(&ix, 3, 200, 0xfedcba9876, 0x0f, 0x12345678, INDEX_DIRTY);
	index_link(&ix, 3);
	ck_assert_uint_eq(index_find(&ix, 200, 0xfedcba9876), 3);
	ck_assert_uint_eq(index_block(e), 0xfedcba9876);
	ck_assert_uint_eq(e->backing, 200);
	ck_assert_uint_eq(e->mask, 0x0f);
	ck_assert_uint_eq(e->checksum, 0x12345678);
	ck_assert_uint_eq(e->flags, INDEX_DIRTY | INDEX_LINKED);
}
END_TEST

START_TEST(position_that_is_only_set_is_not_found)
{
	index_set(&ix, 0, 1, 5, 0xff, 0, 0);
	ck_assert_uint_eq(index_find(&ix, 1, 5), INDEX_NONE);
}
END_TEST

START_TEST(same_block_of_another_backing_is_another_block)
{
	add(0, 1, 5);
	ck_assert_uint_eq(index_find(&ix, 2, 5), INDEX_NONE);
	add(1, 2, 5);
	ck_assert_uint_eq(index_find(&ix, 1, 5), 0);
	ck_assert_uint_eq(index_find(&ix, 2, 5), 1);
}
END_TEST

START_TEST(blocks_that_differ_in_the_high_byte_alone_are_told_apart)
{
	add(0, 1, 5);
	add(1, 1, 5 | 1ull << 32);
	add(2, 1, 5 | 1ull << 39);
	ck_assert_uint_eq(index_find(&ix, 1, 5), 0);
	ck_assert_uint_eq(index_find(&ix, 1, 5 | 1ull << 32), 1);
	ck_assert_uint_eq(index_find(&ix, 1, 5 | 1ull << 39), 2);
}
END_TEST

/* With twice as many blocks as buckets some share one; each takes its turn to leave the chain. */
START_TEST(unlinking_leaves_the_others_of_a_full_index)
{
	for (uint32_t gone = 0; gone < NR_POSITIONS; gone++) {
		for (uint32_t p = 0; p < NR_POSITIONS; p++)
			add(p, 1, p);
		index_unlink(&ix, gone);
		for (uint32_t p = 0; p < NR_POSITIONS; p++)
			ck_assert_uint_eq(index_find(&ix, 1, p), p == gone ? INDEX_NONE : p);
		for (uint32_t p = 0; p < NR_POSITIONS; p++)
			if (p != gone)
				index_unlink(&ix, p);
	}
}
END_TEST

START_TEST(index_of_one_position_chains_nothing_wrongly)
{
	struct index one;

	ck_assert_int_eq(index_init(&one, &sim.env, 1), 0);
	index_set(&one, 0, 1, 77, 0xff, 0, 0);
	index_link(&one, 0);
	ck_assert_uint_eq(index_find(&one, 1, 77), 0);
	ck_assert_uint_eq(index_find(&one, 1, 78), INDEX_NONE);
	index_fini(&one);
}
END_TEST

START_TEST(index_costs_eighteen_bytes_for_each_position)
{
	ck_assert_uint_eq(index_memory(1000), 18000);
}
END_TEST

static void *no_memory(void *ctx, size_t len, enum wb_memory kind)
{
	(void)ctx;
	(void)len;
	(void)kind;
	return NULL;
}

START_TEST(index_without_memory_reports_it)
{
	struct wb_env env = sim.env;
	struct index none;

	env.alloc = no_memory;
	ck_assert_int_eq(index_init(&none, &env, 4), -ENOMEM);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		empty_index_finds_nothing,
		linked_position_is_found_with_all_that_was_set,
		position_that_is_only_set_is_not_found,
		same_block_of_another_backing_is_another_block,
		blocks_that_differ_in_the_high_byte_alone_are_told_apart,
		unlinking_leaves_the_others_of_a_full_index,
		index_of_one_position_chains_nothing_wrongly,
		index_costs_eighteen_bytes_for_each_position,
		index_without_memory_reports_it,
	};

	return harness_run("engine_index", tests, ARRAY_SIZE(tests), setup, teardown);
}
