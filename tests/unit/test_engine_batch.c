/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/batch.c: what a batch makes of the blocks and zeros of a part of the log. */
#include "config.h"

#include "tests/unit/engine_harness.h"

#include "engine/batch.h"
#include "engine/format.h"

#define CAPACITY 24u
#define BACKING 1u
#define SEED 77u

static struct sim sim;
static struct pieces p;
static uint8_t *memory;
static uint64_t next_version;

static void setup(void)
{
	sim_init(&sim, 1);
	ck_assert_int_eq(pieces_init(&p, &sim.env, CAPACITY, CAPACITY), 0);
	memory = aligned_alloc(BLOCK, CAPACITY * BLOCK);
	next_version = 100;
}

static void teardown(void)
{
	pieces_fini(&p);
	free(memory);
}

/* The next block of the log: its data. */
static uint8_t *data(uint64_t block, char letter, uint8_t mask)
{
	uint8_t *to = memory + p.nr * BLOCK;

	memset(to, letter, BLOCK);
	pieces_add(&p, &(struct piece){
			       .block = block,
			       .version = next_version,
			       .data = to,
			       .position = (uint32_t)next_version,
			       .checksum = format_block_checksum(SEED, BACKING, block, to),
			       .mask = mask,
		       });
	next_version++;
	return to;
}

static void zero(uint64_t block, uint64_t nr)
{
	zeros_add(&p.zeros, BACKING, block, nr, next_version++, false);
}

static void compose(void)
{
	pieces_compose(&p, BACKING, SEED);
}

static void expect_piece(uint32_t i, uint64_t block, char letter)
{
	ck_assert_uint_lt(i, p.nr);
	ck_assert_uint_eq(p.pieces[i].block, block);
	ck_assert_uint_eq(p.pieces[i].data[0], (uint8_t)letter);
	ck_assert_uint_eq(p.pieces[i].data[BLOCK - 1], (uint8_t)letter);
}

START_TEST(nothing_comes_of_nothing)
{
	compose();
	ck_assert_uint_eq(p.nr, 0);
	ck_assert_uint_eq(p.nr_superseded, 0);
	ck_assert_uint_eq(p.nr_bad, 0);
}
END_TEST

START_TEST(pieces_come_out_sorted_by_block)
{
	const uint64_t blocks[] = {9, 3, 1ull << 39, 7, 1, 8, 2, 0};
	const uint64_t sorted[] = {0, 1, 2, 3, 7, 8, 9, 1ull << 39};

	for (unsigned int i = 0; i < ARRAY_SIZE(blocks); i++)
		data(blocks[i], (char)('a' + blocks[i] % 26), 0xff);
	compose();
	ck_assert_uint_eq(p.nr, ARRAY_SIZE(blocks));
	for (uint32_t i = 0; i < p.nr; i++)
		expect_piece(i, sorted[i], (char)('a' + sorted[i] % 26));
}
END_TEST

START_TEST(any_order_is_sorted)
{
	for (unsigned int round = 0; round < 500; round++) {
		bool seen[CAPACITY] = {false};
		unsigned int nr = 0;

		pieces_clear(&p);
		for (unsigned int i = 0; i < CAPACITY; i++) {
			uint64_t block = sim_random(&sim, CAPACITY);

			nr += !seen[block];
			seen[block] = true;
			data(block, 'x', 0xff);
		}
		compose();
		ck_assert_uint_eq(p.nr, nr);
		ck_assert_uint_eq(p.nr_superseded, CAPACITY - nr);
		for (uint32_t i = 1; i < p.nr; i++)
			ck_assert_uint_lt(p.pieces[i - 1].block, p.pieces[i].block);
	}
}
END_TEST

START_TEST(newest_copy_wins)
{
	data(4, 'a', 0xff);
	data(4, 'b', 0xff);
	data(3, 'x', 0xff);
	data(4, 'c', 0xff);
	compose();
	ck_assert_uint_eq(p.nr, 2);
	ck_assert_uint_eq(p.nr_superseded, 2);
	expect_piece(0, 3, 'x');
	expect_piece(1, 4, 'c');
}
END_TEST

START_TEST(partial_copy_keeps_its_mask)
{
	data(4, 'a', 0x0f);
	data(4, 'b', 0x3f);
	compose();
	ck_assert_uint_eq(p.nr, 1);
	expect_piece(0, 4, 'b');
	ck_assert_uint_eq(p.pieces[0].mask, 0x3f);
}
END_TEST

START_TEST(newer_zeros_supersede_a_block_and_older_ones_do_not)
{
	data(4, 'a', 0xff);
	data(2, 'y', 0xff);
	zero(3, 3);
	data(5, 'b', 0xff);
	data(6, 'z', 0xff);
	compose();
	ck_assert_uint_eq(p.nr, 3);
	ck_assert_uint_eq(p.nr_superseded, 1);
	expect_piece(0, 2, 'y');
	expect_piece(1, 5, 'b');
	expect_piece(2, 6, 'z');
	ck_assert_uint_eq(p.zeros.nr, 1);
	ck_assert_uint_eq(p.zeros.extents[0].first, zeros_key(BACKING, 3));
	ck_assert_uint_eq(p.zeros.extents[0].end, zeros_key(BACKING, 6));
}
END_TEST

START_TEST(newest_copy_that_became_zeros_does_not_bring_an_older_one_back)
{
	data(4, 'a', 0xff);
	data(4, 'b', 0xff);
	zero(4, 1);
	compose();
	ck_assert_uint_eq(p.nr, 0);
	ck_assert_uint_eq(p.nr_superseded, 2);
}
END_TEST

START_TEST(old_zeros_supersede_nothing)
{
	zeros_add(&p.zeros, BACKING, 0, 8, 0, false);
	data(4, 'a', 0xff);
	compose();
	ck_assert_uint_eq(p.nr, 1);
	expect_piece(0, 4, 'a');
}
END_TEST

START_TEST(newer_poison_supersedes_a_block)
{
	data(4, 'a', 0xff);
	zeros_add(&p.zeros, BACKING, 4, 1, next_version++, true);
	data(5, 'b', 0xff);
	compose();
	ck_assert_uint_eq(p.nr, 1);
	expect_piece(0, 5, 'b');
}
END_TEST

START_TEST(damaged_data_is_marked_bad)
{
	data(1, 'a', 0xff);
	data(2, 'b', 0xff)[77] ^= 1;
	data(3, 'c', 0xff);
	compose();
	ck_assert_uint_eq(p.nr, 3);
	ck_assert_uint_eq(p.nr_bad, 1);
	ck_assert(!p.pieces[0].bad && p.pieces[1].bad && !p.pieces[2].bad);
}
END_TEST

START_TEST(data_of_another_block_or_backing_is_bad)
{
	data(1, 'a', 0xff);
	p.pieces[0].block = 2;
	compose();
	ck_assert_uint_eq(p.nr_bad, 1);
	pieces_clear(&p);
	data(1, 'a', 0xff);
	pieces_compose(&p, BACKING + 1, SEED);
	ck_assert_uint_eq(p.nr_bad, 1);
	pieces_clear(&p);
	data(1, 'a', 0xff);
	pieces_compose(&p, BACKING, SEED + 1);
	ck_assert_uint_eq(p.nr_bad, 1);
}
END_TEST

START_TEST(damaged_data_that_is_superseded_does_not_matter)
{
	data(4, 'a', 0xff)[0] ^= 1;
	data(4, 'b', 0xff);
	data(7, 'c', 0xff)[0] ^= 1;
	zero(7, 1);
	compose();
	ck_assert_uint_eq(p.nr_bad, 0);
	ck_assert_uint_eq(p.nr, 1);
	expect_piece(0, 4, 'b');
}
END_TEST

START_TEST(damaged_newest_copy_does_not_bring_an_older_one_back)
{
	data(4, 'a', 0xff);
	data(4, 'b', 0xff)[BLOCK - 1] ^= 1;
	compose();
	ck_assert_uint_eq(p.nr, 1);
	ck_assert_uint_eq(p.nr_bad, 1);
	ck_assert(p.pieces[0].bad);
}
END_TEST

START_TEST(cleared_a_batch_remembers_nothing)
{
	data(1, 'a', 0xff);
	data(1, 'b', 0xff)[3] ^= 1;
	zero(7, 1);
	compose();
	pieces_clear(&p);
	ck_assert_uint_eq(p.nr, 0);
	ck_assert_uint_eq(p.zeros.nr, 0);
	ck_assert_uint_eq(p.nr_superseded, 0);
	ck_assert_uint_eq(p.nr_bad, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		nothing_comes_of_nothing,
		pieces_come_out_sorted_by_block,
		any_order_is_sorted,
		newest_copy_wins,
		partial_copy_keeps_its_mask,
		newer_zeros_supersede_a_block_and_older_ones_do_not,
		newest_copy_that_became_zeros_does_not_bring_an_older_one_back,
		old_zeros_supersede_nothing,
		newer_poison_supersedes_a_block,
		damaged_data_is_marked_bad,
		data_of_another_block_or_backing_is_bad,
		damaged_data_that_is_superseded_does_not_matter,
		damaged_newest_copy_does_not_bring_an_older_one_back,
		cleared_a_batch_remembers_nothing,
	};

	return harness_run("engine_batch", tests, ARRAY_SIZE(tests), setup, teardown);
}
