/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/batch.c: what a batch makes of hand-made segments. */
#include "config.h"

#include "tests/unit/engine_harness.h"

#include "engine/batch.h"
#include "engine/format.h"

#define SEGMENT_BLOCKS 8u
#define ZEROS_ROOM 8u /* extents in the batch: it ends before a ninth half of them */

static const uint8_t uuid[WB_UUID_LEN] = {7};
static struct sim sim;
static struct pieces p;
static struct batch_check check;
static struct batch_segment segments[3];
static uint64_t next_record;

static void setup(void)
{
	sim_init(&sim, 1);
	ck_assert_int_eq(pieces_init(&p, &sim.env, 3 * SEGMENT_BLOCKS, ZEROS_ROOM), 0);
	pieces_start(&p, 0);
	next_record = 1;
	check = (struct batch_check){
		.uuid = uuid,
		.seed = format_seed(uuid),
		.segment_blocks = SEGMENT_BLOCKS,
		.last_record = UINT64_MAX,
		.generation_segment = UINT64_MAX,
	};
	for (unsigned int i = 0; i < ARRAY_SIZE(segments); i++) {
		segments[i] = (struct batch_segment){.segment = 5 + i};
		segments[i].memory = aligned_alloc(BLOCK, SEGMENT_BLOCKS * BLOCK);
	}
}

static void teardown(void)
{
	pieces_fini(&p);
	for (unsigned int i = 0; i < ARRAY_SIZE(segments); i++)
		free(segments[i].memory);
}

/* What a record has: data (a letter), or zeros (letter 0) of a number of blocks. */
struct content {
	uint64_t block;
	char letter;
	uint8_t mask;
	uint32_t nr_zeros;
};

/* Append a record to a segment. */
static void record(unsigned int segment, bool continued, const struct content *contents,
		   unsigned int nr)
{
	struct batch_segment *s = &segments[segment];
	struct wb_record_disk *disk = (void *)(s->memory + s->to * BLOCK);
	struct record_header header = {
		.generation = 1,
		.generation_record = 1,
		.segment = s->segment,
		.record = next_record++,
		.block = s->to++,
		.nr_entries = (uint16_t)nr,
		.continued = continued,
	};

	memcpy(header.uuid, uuid, WB_UUID_LEN);
	for (unsigned int i = 0; i < nr; i++) {
		struct record_entry e = {
			.block = contents[i].block,
			.backing = 1,
			.mask = contents[i].letter ? contents[i].mask : 0xff,
			.kind = contents[i].letter ? WB_ENTRY_DATA : WB_ENTRY_ZEROS,
			.value = contents[i].nr_zeros,
		};
		uint8_t *data = s->memory + s->to * BLOCK;

		if (contents[i].letter) {
			memset(data, contents[i].letter, BLOCK);
			e.value = format_block_checksum(check.seed, 1, e.block, data);
			header.nr_blocks++;
			s->to++;
		}
		entry_encode(&e, &disk->entries[i]);
	}
	record_encode(&header, disk);
}

static void data(unsigned int segment, uint64_t block, char letter, uint8_t mask)
{
	const struct content c = {.block = block, .letter = letter, .mask = mask};

	record(segment, false, &c, 1);
}

static void zero(unsigned int segment, uint64_t block, uint32_t nr)
{
	const struct content c = {.block = block, .nr_zeros = nr};

	record(segment, false, &c, 1);
}

/* As migration does; 0 or the error. */
static int compose(void)
{
	int ret = 0;

	for (unsigned int i = 0; !ret && i < ARRAY_SIZE(segments); i++)
		ret = pieces_find_end(&p, &segments[i], &check);
	for (unsigned int i = 0; ret >= 0 && i < ARRAY_SIZE(segments); i++)
		ret = pieces_add(&p, &segments[i], &check);
	if (ret >= 0)
		pieces_compose(&p);
	return ret;
}

static void expect_sectors(const struct piece *piece, const char *letters)
{
	for (unsigned int i = 0; i < WB_SECTORS_PER_BLOCK; i++)
		ck_assert_msg(!(piece->mask & 1u << i)
				      ? letters[i] == '-'
				      : piece->data[i * SECTOR] == (uint8_t)letters[i] &&
						piece->data[i * SECTOR + SECTOR - 1] ==
							(uint8_t)letters[i],
			      "sector %u is %c", i, piece->data[i * SECTOR]);
}

START_TEST(pieces_come_out_sorted_by_block)
{
	const uint64_t blocks[] = {9, 3, 7, 1, 8, 2};

	for (unsigned int i = 0; i < ARRAY_SIZE(blocks); i++)
		data(i / 3, blocks[i], 'a', 0xff);
	ck_assert_int_eq(compose(), 0);
	ck_assert_uint_eq(p.nr, ARRAY_SIZE(blocks));
	for (uint32_t i = 1; i < p.nr; i++)
		ck_assert_uint_lt(p.pieces[i - 1].key, p.pieces[i].key);
	ck_assert_uint_eq(p.pieces[0].key, zeros_key(1, 1));
}
END_TEST

START_TEST(newest_whole_copy_wins)
{
	data(0, 4, 'a', 0xff);
	data(0, 4, 'b', 0xff);
	data(1, 4, 'c', 0xff);
	ck_assert_int_eq(compose(), 0);
	ck_assert_uint_eq(p.nr, 1);
	ck_assert_uint_eq(p.nr_superseded, 2);
	expect_sectors(&p.pieces[0], "cccccccc");
}
END_TEST

START_TEST(each_sector_is_of_the_newest_copy_that_has_it)
{
	data(0, 4, 'a', 0x0f);
	data(0, 4, 'b', 0x3c);
	data(1, 4, 'c', 0x04);
	ck_assert_int_eq(compose(), 0);
	ck_assert_uint_eq(p.nr, 1);
	expect_sectors(&p.pieces[0], "aacbbb--");
}
END_TEST

START_TEST(newer_zeros_supersede_a_block_and_older_ones_do_not)
{
	data(0, 4, 'a', 0xff);
	zero(0, 3, 3);
	data(0, 5, 'b', 0xff);
	ck_assert_int_eq(compose(), 0);
	ck_assert_uint_eq(p.nr, 1);
	ck_assert_uint_eq(p.pieces[0].key, zeros_key(1, 5));
	ck_assert_uint_eq(p.zeros.nr, 1);
	ck_assert_uint_eq(p.zeros.extents[0].first, zeros_key(1, 3));
	ck_assert_uint_eq(p.zeros.extents[0].end, zeros_key(1, 6));
}
END_TEST

START_TEST(sectors_older_than_zeros_do_not_complete_a_newer_block)
{
	data(0, 4, 'a', 0xf0);
	zero(0, 4, 1);
	data(0, 4, 'b', 0x0f);
	ck_assert_int_eq(compose(), 0);
	ck_assert_uint_eq(p.nr, 1);
	expect_sectors(&p.pieces[0], "bbbb----");
}
END_TEST

START_TEST(batch_ends_with_the_last_record_asked_for)
{
	check.last_record = 2;
	data(0, 1, 'a', 0xff);
	data(0, 2, 'b', 0xff);
	data(0, 3, 'c', 0xff);
	ck_assert_int_eq(compose(), 0);
	ck_assert_uint_eq(p.nr, 2);
	ck_assert_uint_eq(p.end_record, 2);
	ck_assert_uint_eq(p.end_segment, 5);
	ck_assert_uint_eq(p.end_block, 4);
}
END_TEST

START_TEST(request_whose_end_is_missing_is_left_for_the_next_batch)
{
	const struct content c = {.block = 2, .letter = 'b', .mask = 0xff};

	data(0, 1, 'a', 0xff);
	record(0, true, &c, 1);
	ck_assert_int_eq(compose(), 0);
	ck_assert_uint_eq(p.nr, 1);
	ck_assert_uint_eq(p.end_record, 1);
	ck_assert_uint_eq(p.end_block, 2);
}
END_TEST

START_TEST(request_continued_in_the_next_segment_is_taken_whole)
{
	const struct content c = {.block = 2, .letter = 'b', .mask = 0xff};

	record(0, true, &c, 1);
	data(1, 3, 'c', 0xff);
	ck_assert_int_eq(compose(), 0);
	ck_assert_uint_eq(p.nr, 2);
	ck_assert_uint_eq(p.end_record, 2);
	ck_assert_uint_eq(p.end_segment, 6);
}
END_TEST

START_TEST(batch_is_cut_before_zeros_that_have_no_room)
{
	for (unsigned int i = 0; i < ZEROS_ROOM / 2; i++)
		zero(0, 10 * i, 5);
	zero(0, 100, 5);
	data(0, 200, 'a', 0xff);
	ck_assert_int_eq(compose(), 0);
	ck_assert_uint_eq(p.end_record, ZEROS_ROOM / 2);
	ck_assert_uint_eq(p.nr, 0);
	ck_assert_uint_eq(p.zeros.nr, ZEROS_ROOM / 2);
}
END_TEST

START_TEST(only_the_asked_part_of_a_segment_is_looked_at)
{
	data(0, 1, 'a', 0xff);
	data(0, 2, 'b', 0xff);
	memset(segments[0].memory, 0xee, 2 * BLOCK);
	segments[0].from = 2;
	ck_assert_int_eq(compose(), 0);
	ck_assert_uint_eq(p.nr, 1);
	ck_assert_uint_eq(p.end_record, 2);
}
END_TEST

START_TEST(damaged_data_is_refused_and_named)
{
	data(0, 1, 'a', 0xff);
	data(0, 2, 'b', 0xff);
	segments[0].memory[3 * BLOCK + 77] ^= 1;
	ck_assert_int_eq(compose(), -EUCLEAN);
	ck_assert_uint_eq(check.bad_block, 3);
}
END_TEST

START_TEST(damaged_header_is_refused_and_named)
{
	data(0, 1, 'a', 0xff);
	data(0, 2, 'b', 0xff);
	segments[0].memory[2 * BLOCK + 40] ^= 1;
	ck_assert_int_eq(compose(), -EUCLEAN);
	ck_assert_uint_eq(check.bad_block, 2);
}
END_TEST

START_TEST(header_of_another_segment_or_record_number_is_refused)
{
	data(0, 1, 'a', 0xff);
	segments[0].segment++;
	ck_assert_int_eq(compose(), -EUCLEAN);
	segments[0].segment--;
	next_record++;
	data(0, 2, 'b', 0xff);
	ck_assert_int_eq(compose(), -EUCLEAN);
	ck_assert_uint_eq(check.bad_block, 2);
}
END_TEST

START_TEST(good_record_of_an_earlier_generation_is_refused)
{
	check.generation_segment = segments[1].segment;
	check.generation = 2;
	data(0, 1, 'a', 0xff);
	ck_assert_int_eq(compose(), 0);
	data(1, 2, 'b', 0xff);
	check.next_record = 1;
	pieces_start(&p, 0);
	ck_assert_int_eq(compose(), -EUCLEAN);
	ck_assert_uint_eq(check.bad_block, 0);
}
END_TEST

START_TEST(record_missing_between_segments_is_noticed)
{
	data(0, 1, 'a', 0xff);
	next_record++;
	data(1, 2, 'b', 0xff);
	ck_assert_int_eq(compose(), -EUCLEAN);
}
END_TEST

START_TEST(record_that_runs_over_the_end_of_the_batch_is_refused)
{
	data(0, 1, 'a', 0xff);
	segments[0].to--;
	ck_assert_int_eq(compose(), -EUCLEAN);
}
END_TEST

START_TEST(started_again_a_batch_remembers_nothing)
{
	data(0, 1, 'a', 0xff);
	zero(0, 7, 1);
	ck_assert_int_eq(compose(), 0);
	pieces_start(&p, 2);
	ck_assert_uint_eq(p.nr, 0);
	ck_assert_uint_eq(p.zeros.nr, 0);
	ck_assert_uint_eq(p.end_record, 2);
	ck_assert_uint_eq(p.nr_superseded, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		pieces_come_out_sorted_by_block,
		newest_whole_copy_wins,
		each_sector_is_of_the_newest_copy_that_has_it,
		newer_zeros_supersede_a_block_and_older_ones_do_not,
		sectors_older_than_zeros_do_not_complete_a_newer_block,
		batch_ends_with_the_last_record_asked_for,
		request_whose_end_is_missing_is_left_for_the_next_batch,
		request_continued_in_the_next_segment_is_taken_whole,
		batch_is_cut_before_zeros_that_have_no_room,
		only_the_asked_part_of_a_segment_is_looked_at,
		damaged_data_is_refused_and_named,
		damaged_header_is_refused_and_named,
		header_of_another_segment_or_record_number_is_refused,
		good_record_of_an_earlier_generation_is_refused,
		record_missing_between_segments_is_noticed,
		record_that_runs_over_the_end_of_the_batch_is_refused,
		started_again_a_batch_remembers_nothing,
	};

	return harness_run("engine_batch", tests, ARRAY_SIZE(tests), setup, teardown);
}
