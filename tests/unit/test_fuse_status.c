/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuse/verdict.c, ring.c, mount_status.c, table.c: what figures become when people read them. */
#include "config.h"

#include <check.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuse/ring.h"
#include "fuse/table.h"
#include "fuse/verdict.h"

static const struct mount_entry mount = {.point = "/m"};
static struct mount_status status;

/* A log of 100 MiB with one backing, and what the two have besides. */
static struct json_object *given(const char *cache, const char *backing)
{
	char text[2048];

	mount_status_free(&status);
	snprintf(text, sizeof(text),
		 "{\"nr_segments\": 100, \"segment_blocks\": 256, \"nr_free_segments\": 50, "
		 "\"state\": \"healthy\", \"reason\": \"\", %s "
		 "\"knobs\": {\"allow_migrate\": 1, \"force_migrate\": 0}, "
		 "\"backings\": [{\"name\": \"b\", \"id\": 1, \"attached\": 1, \"in_log\": 1, "
		 "\"device\": \"/dev/b\", %s}]}",
		 cache, backing);
	status.cache = json_tokener_parse(text);
	ck_assert_ptr_nonnull(status.cache);
	return mount_status_backing(&status, 0);
}

static void teardown(void)
{
	mount_status_free(&status);
}

static void assert_said(const struct json_object *backing, const char *sentence,
			enum exit_status worth)
{
	VERDICT_SCOPE verdict;

	verdict_of_backing(&mount, &status, backing, &verdict);
	ck_assert_str_eq(verdict.sentence.bytes, sentence);
	ck_assert_int_eq(verdict.status, worth);
}

START_TEST(backing_at_work_has_a_rate_and_an_end)
{
	assert_said(given("", "\"state\": \"healthy\", \"dirty_bytes\": 12582912, "
			      "\"migration_rate\": 2097152"),
		    "12 MiB only in cache (12 %), writing back 2 MiB/s, clean in 6 s", 0);
	assert_said(given("", "\"state\": \"healthy\", \"dirty_bytes\": 104857600, "
			      "\"migration_rate\": 14000"),
		    "100 MiB only in cache (100 %), writing back 13.6 KiB/s, clean in 2 h 5 min",
		    0);
	assert_said(given("", "\"state\": \"healthy\", \"dirty_bytes\": 4096, "
			      "\"migration_rate\": 0"),
		    "4 KiB only in cache (1 %), soon to be written back", 0);
}
END_TEST

START_TEST(backing_that_waits_says_why)
{
	assert_said(given("", "\"state\": \"healthy\", \"dirty_bytes\": 4096, \"busy\": 1, "
			      "\"utilisation\": 95, \"migrate_threshold\": 70"),
		    "4 KiB only in cache (1 %), waiting: its disk is busy 95 % of the time, "
		    "migrate_threshold is 70",
		    0);
	assert_said(given("\"read_only\": true,", "\"state\": \"healthy\", \"dirty_bytes\": 4096"),
		    "4 KiB only in cache (1 %), not written back: mounted read-only", 0);
	assert_said(given("", "\"state\": \"healthy\", \"dirty_bytes\": 4096, \"paused\": 1"),
		    "paused, 4 KiB only in cache (1 %), kept there", EXIT_STATUS_STOPPED);
}
END_TEST

START_TEST(backing_that_is_unwell_says_how)
{
	assert_said(given("", "\"state\": \"failed\", \"dirty_bytes\": 4096"),
		    "failed, 4 KiB only in cache (1 %), can't be written back", EXIT_STATUS_IO);
	assert_said(given("", "\"state\": \"degraded\", \"dirty_bytes\": 4096"),
		    "degraded, 4 KiB only in cache (1 %), soon to be written back",
		    EXIT_STATUS_STOPPED);
	assert_said(given("", "\"state\": \"failed\", \"dirty_bytes\": 4096, \"attached\": 0"),
		    "missing, 4 KiB only in cache (1 %), kept there", EXIT_STATUS_IO);
	assert_said(given("", "\"state\": \"degraded\", \"id\": 0"),
		    "degraded, not cached, straight through to its device", EXIT_STATUS_STOPPED);
}
END_TEST

START_TEST(cache_that_failed_or_is_damaged_says_so)
{
	VERDICT_SCOPE verdict;

	given("\"state\": \"failed\", \"reason\": \"why\", \"nr_checksum_errors\": 2,", "\"x\": 0");
	verdict_of_cache(&mount, &status, &verdict);
	ck_assert_str_eq(verdict.sentence.bytes,
			 "failed: writes and syncs get errors, 2 damaged blocks found in the log");
	ck_assert_str_eq(verdict.reason.bytes, "why");
	ck_assert_int_eq(verdict.status, EXIT_STATUS_IO);
}
END_TEST

static void assert_lost(const char *unsynced, const char *sentence)
{
	TEXT_SCOPE text = {0};

	given(unsynced, "\"x\": 0");
	verdict_power_cut(&status, &text);
	ck_assert_str_eq(text.bytes, sentence);
}

START_TEST(power_cut_loses_no_more_than_is_said)
{
	assert_lost("\"unsynced_bytes\": 0,", "a power cut now loses nothing");
	assert_lost("\"unsynced_bytes\": 4096,",
		    "a power cut now loses at most 4 KiB not yet synced");
	assert_lost("\"unsynced_bytes\": 1052672,",
		    "a power cut now loses at most 1.1 MiB not yet synced");
}
END_TEST

static void assert_ring(struct ring ring, unsigned int columns, const char *drawn)
{
	TEXT_SCOPE text = {0};

	ring_draw(&ring, columns, false, &text);
	ck_assert_str_eq(text.bytes, drawn);
}

START_TEST(ring_shows_where_what_is)
{
	assert_ring((struct ring){.nr_segments = 6, .nr_free = 6}, 40, "......");
	assert_ring((struct ring){.nr_segments = 6, .nr_free = 5, .current = 1}, 40, ".>....");
	assert_ring((struct ring){.nr_segments = 6,
				  .nr_free = 2,
				  .current = 4,
				  .flushed = 3,
				  .durable = 2},
		    40, ".##+>.");
	/* Around the end: segment 13 is in place 1. */
	assert_ring((struct ring){.nr_segments = 6,
				  .nr_free = 2,
				  .current = 13,
				  .flushed = 12,
				  .durable = 12},
		    40, "#>..##");
	/* Drained: the current segment is all that isn't free. */
	assert_ring((struct ring){.nr_segments = 6,
				  .nr_free = 6,
				  .current = 9,
				  .flushed = 9,
				  .durable = 9},
		    40, "...>..");
	assert_ring((struct ring){.nr_segments = 6, .nr_free = 0, .flushed = 8, .durable = 8}, 40,
		    "######");
}
END_TEST

START_TEST(narrow_ring_shows_the_most_urgent)
{
	assert_ring((struct ring){.nr_segments = 100, .nr_free = 98, .current = 50, .durable = 49},
		    10, "....#>....");
	assert_ring((struct ring){.nr_segments = 100, .nr_free = 90, .flushed = 55, .durable = 52},
		    10, "....#+....");
}
END_TEST

START_TEST(percentile_is_of_what_came_between)
{
	struct json_object *before = json_tokener_parse(
		"{\"h\": {\"max\": 9000, \"first_bucket_end\": 1024, \"buckets\": [10, 0, 0, 5]}}");
	struct json_object *now = json_tokener_parse(
		"{\"h\": {\"max\": 9000, \"first_bucket_end\": 1024, \"buckets\": [11, 9, 0, 5]}}");

	ck_assert_uint_eq(status_percentile(now, before, "h", 50), 2048);
	ck_assert_uint_eq(status_percentile(now, before, "h", 10), 1024);
	ck_assert_uint_eq(status_percentile(now, NULL, "h", 99), 9000);
	ck_assert_uint_eq(status_percentile(now, now, "h", 50), 0);
	ck_assert_uint_eq(status_percentile(now, before, "none", 50), 0);
	json_object_put(before);
	json_object_put(now);
}
END_TEST

START_TEST(sizes_in_tables_are_short)
{
	char text[TABLE_SIZE_LEN];

	ck_assert_str_eq(table_size(0, text), "0B");
	ck_assert_str_eq(table_size(1023, text), "1023B");
	ck_assert_str_eq(table_size(1536, text), "1.5K");
	ck_assert_str_eq(table_size((1 << 20) - 1, text), "1M");
	ck_assert_str_eq(table_size(10ull << 40, text), "10T");
	ck_assert_str_eq(table_size(UINT64_MAX, text), "16E");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("status");
	TCase *words = tcase_create("status");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, words);
	tcase_add_checked_fixture(words, NULL, teardown);
	tcase_add_test(words, backing_at_work_has_a_rate_and_an_end);
	tcase_add_test(words, backing_that_waits_says_why);
	tcase_add_test(words, backing_that_is_unwell_says_how);
	tcase_add_test(words, cache_that_failed_or_is_damaged_says_so);
	tcase_add_test(words, power_cut_loses_no_more_than_is_said);
	tcase_add_test(words, ring_shows_where_what_is);
	tcase_add_test(words, narrow_ring_shows_the_most_urgent);
	tcase_add_test(words, percentile_is_of_what_came_between);
	tcase_add_test(words, sizes_in_tables_are_short);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
