/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuse/top_*.c, fuse/canvas.c: what wbfs top reads, what it reckons, and its picture as text. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuse/canvas.h"
#include "fuse/top_draw.h"
#include "fuse/top_view.h"

#define MIB (1ull << 20)
#define SECOND 1000000000ull

static struct top_sample sample;
static struct top_history history;
static struct top_view view;
static struct canvas canvas;
static struct text picture;

/* A log of 10 segments of 1 MiB: 3..5 are dirty, 6 is not durable, 7 is being filled. */
static void setup(void)
{
	ck_assert_ptr_nonnull(setlocale(LC_CTYPE, "C.UTF-8"));
	sample = (struct top_sample){
		.at = SECOND,
		.pid = 1,
		.state = "healthy",
		.device = "/dev/fast",
		.nr_segments = 10,
		.segment_blocks = 256,
		.nr_free_segments = 5,
		.migrated = 2,
		.durable = 5,
		.flushed = 6,
		.current = 7,
		.nr_backings = 1,
		.backings = {{.name = "hdd0",
			      .state = "healthy",
			      .id = 1,
			      .attached = true,
			      .threshold = 70}},
	};
	for (unsigned int i = 0; i < NR_LATENCIES; i++)
		sample.latency[i] = (struct top_histogram){.first_end = 1024, .nr = 28};
	memset(&history, 0, sizeof(history));
	view = (struct top_view){.mount_point = "/mnt/wb",
				 .history = &history,
				 .keys = true,
				 .notice = ""};
	canvas = (struct canvas){0};
}

static void teardown(void)
{
	canvas_free(&canvas);
	text_free(&picture);
}

/* One interval of a second later. */
static void later(void)
{
	sample.at += SECOND;
	top_history_add(&history, &sample);
}

static const char *drawn(unsigned int rows, unsigned int cols)
{
	text_free(&picture);
	ck_assert_int_eq(canvas_clear(&canvas, rows, cols), 0);
	top_view_draw(&view, &canvas);
	canvas_print(&canvas, &picture);
	ck_assert(!picture.failed);
	return picture.bytes;
}

static void expect_in(const char *text, const char *wanted)
{
	ck_assert_msg(strstr(text, wanted), "no '%s' in:\n%.4000s", wanted, text);
}

static void expect_not_in(const char *text, const char *unwanted)
{
	ck_assert_msg(!strstr(text, unwanted), "'%s' in:\n%.4000s", unwanted, text);
}

/* ---- reading ---- */

static const char *const json =
	"{\"pid\": 7, \"state\": \"degraded\", \"reason\": \"why\", \"nr_segments\": 63,"
	" \"oldest_dirty_age\": 1.5,"
	" \"write_latency\": {\"first_bucket_end\": 1024, \"buckets\": [1, 2, 3]},"
	" \"stat\": {\"read_hit_on_buffer_partial\": 2, \"read_hit_not_on_buffer_partial\": 3,"
	" \"read_miss_not_on_buffer_partial\": 4, \"write_hit_on_buffer_partial\": 99},"
	" \"knobs\": {\"force_migrate\": 1},"
	" \"backings\": [{\"name\": \"a\", \"simulated\": \"hdd\", \"id\": 3, \"migrate_threshold\": 60},"
	" {\"name\": \"b\", \"simulated\": null}],"
	" \"messages\": [{\"level\": \"warning\", \"text\": \"oh\", \"time\": 5}]}";

START_TEST(a_status_is_taken_apart)
{
	ck_assert_int_eq(top_sample_parse(json, 5, &sample), 0);
	ck_assert_int_eq(sample.pid, 7);
	ck_assert_str_eq(sample.state, "degraded");
	ck_assert_uint_eq(sample.nr_segments, 63);
	ck_assert_double_eq(sample.oldest_dirty_age, 1.5);
	ck_assert_uint_eq(sample.latency[LATENCY_WRITE].nr, 3);
	ck_assert_uint_eq(sample.latency[LATENCY_WRITE].count[2], 3);
	ck_assert_uint_eq(sample.read_hits, 5);
	ck_assert_uint_eq(sample.read_misses, 4);
	ck_assert(sample.force_migrate);
	ck_assert_uint_eq(sample.nr_backings, 2);
	ck_assert(sample.backings[0].simulated && !sample.backings[1].simulated);
	ck_assert_uint_eq(sample.backings[0].threshold, 60);
	ck_assert_uint_eq(sample.nr_messages, 1);
	ck_assert_int_eq(sample.messages[0].level, MESSAGE_WARNING);
}
END_TEST

START_TEST(what_is_no_status_is_refused)
{
	static const char *const bad[] = {"", "{", "[]", "7", "{\"pid\": 7}", "null"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_int_eq(top_sample_parse(bad[i], 1, &sample), -EBADMSG);
}
END_TEST

START_TEST(fields_of_other_kinds_do_no_harm)
{
	ck_assert_int_eq(top_sample_parse("{\"nr_segments\": [], \"backings\": {}, \"stat\": 5,"
					  " \"messages\": [1, null], \"knobs\": \"x\","
					  " \"write_latency\": {\"buckets\": 3}}",
					  1, &sample),
			 0);
	ck_assert_uint_eq(sample.nr_segments, 0);
	ck_assert_uint_eq(sample.nr_backings, 0);
	top_history_add(&history, &sample);
	drawn(24, 80);
}
END_TEST

/* ---- reckoning ---- */

START_TEST(rates_are_differences_by_time)
{
	top_history_add(&history, &sample);
	ck_assert_double_eq(top_history_value(&history, SERIES_WRITE, 0), TOP_UNKNOWN);
	sample.backings[0].write_bytes = 10 * MIB;
	sample.at += SECOND; /* two seconds in all */
	later();
	ck_assert_double_eq(top_history_value(&history, SERIES_WRITE, 0), 5 * MIB);
	later();
	ck_assert_double_eq(top_history_value(&history, SERIES_WRITE, 0), 0);
	ck_assert_double_eq(top_history_value(&history, SERIES_WRITE, 1), 5 * MIB);
	ck_assert_double_eq(top_history_value(&history, SERIES_WRITE, 2), TOP_UNKNOWN);
}
END_TEST

START_TEST(cleared_counters_begin_at_zero)
{
	sample.backings[0].write_bytes = 10 * MIB;
	top_history_add(&history, &sample);
	sample.backings[0].write_bytes = 1 * MIB;
	later();
	ck_assert_double_eq(top_history_value(&history, SERIES_WRITE, 0), 1 * MIB);
}
END_TEST

START_TEST(another_daemon_begins_anew)
{
	top_history_add(&history, &sample);
	later();
	ck_assert_uint_eq(history.nr, 1);
	sample.pid = 2;
	later();
	ck_assert_uint_eq(history.nr, 0);
}
END_TEST

START_TEST(a_new_backing_has_no_rate_yet)
{
	top_history_add(&history, &sample);
	sample.nr_backings = 2;
	strcpy(sample.backings[1].name, "new");
	sample.backings[1].write_bytes = 100 * MIB;
	later();
	ck_assert_double_eq(top_history_value(&history, SERIES_WRITE, 0), 0);
}
END_TEST

START_TEST(hits_are_a_share_of_what_was_read)
{
	top_history_add(&history, &sample);
	later();
	ck_assert_double_eq(top_history_value(&history, SERIES_HITS, 0), TOP_UNKNOWN);
	sample.read_hits = 3;
	sample.read_misses = 1;
	later();
	ck_assert_double_eq(top_history_value(&history, SERIES_HITS, 0), 75);
}
END_TEST

START_TEST(latencies_are_those_of_the_last_intervals)
{
	uint64_t count[TOP_BUCKETS];
	double seconds;

	top_history_add(&history, &sample);
	sample.latency[LATENCY_SYNC].count[5] = 98;
	sample.latency[LATENCY_SYNC].count[9] = 2;
	later();
	ck_assert_uint_eq(top_history_latency(&history, LATENCY_SYNC, count, &seconds), 100);
	ck_assert_uint_eq(top_percentile(count, 100, 50), 5);
	ck_assert_uint_eq(top_percentile(count, 100, 98), 5);
	ck_assert_uint_eq(top_percentile(count, 100, 99), 9);
	for (int i = 0; i < TOP_WINDOW; i++)
		later();
	ck_assert_uint_eq(top_history_latency(&history, LATENCY_SYNC, count, &seconds), 0);
	ck_assert_double_eq(seconds, TOP_WINDOW);
}
END_TEST

START_TEST(percentiles_of_a_few_are_rounded_up)
{
	const uint64_t count[TOP_BUCKETS] = {[2] = 1, [4] = 1, [6] = 1};

	ck_assert_uint_eq(top_percentile(count, 3, 33), 2);
	ck_assert_uint_eq(top_percentile(count, 3, 50), 4);
	ck_assert_uint_eq(top_percentile(count, 3, 99), 6);
}
END_TEST

/* ---- drawing ---- */

static const char *ring(unsigned int width)
{
	text_free(&picture);
	ck_assert_int_eq(canvas_clear(&canvas, 1, width), 0);
	draw_ring(&canvas, (struct spot){0, 0, width}, &sample);
	canvas_print(&canvas, &picture);
	return picture.bytes;
}

START_TEST(ring_has_what_the_sample_says)
{
	ck_assert_str_eq(ring(10), "...###+>..\n");
	ck_assert_str_eq(ring(5), ".##>.\n");
	sample.durable = 7;
	ck_assert_str_eq(ring(10), "...####>..\n");
}
END_TEST

START_TEST(gauge_has_a_mark_and_shows_what_is_hardly_anything)
{
	ck_assert_int_eq(canvas_clear(&canvas, 3, 12), 0);
	draw_gauge(&canvas, (struct spot){0, 0, 12}, 50, 80, STYLE_PLAIN);
	draw_gauge(&canvas, (struct spot){1, 0, 12}, 0.1, -1, STYLE_PLAIN);
	draw_gauge(&canvas, (struct spot){2, 0, 12}, 100, 100, STYLE_PLAIN);
	canvas_print(&canvas, &picture);
	ck_assert_str_eq(picture.bytes, "[#####..|..]\n[#.........]\n[#########|]\n");
}
END_TEST

START_TEST(sparkline_ends_with_the_newest_and_shows_what_is_hardly_anything)
{
	static const uint64_t bytes[] = {0, 1, 50, 100};

	canvas.utf8 = true;
	top_history_add(&history, &sample);
	for (size_t i = 0; i < 4; i++) {
		sample.backings[0].write_bytes += bytes[i];
		later();
	}
	ck_assert_int_eq(canvas_clear(&canvas, 1, 6), 0);
	draw_sparkline(&canvas, (struct spot){0, 0, 6}, &history, SERIES_WRITE, 100, STYLE_PLAIN);
	canvas_print(&canvas, &picture);
	ck_assert_str_eq(picture.bytes, "   ▁▄█\n");
}
END_TEST

START_TEST(a_wide_name_does_not_shift_what_follows)
{
	ck_assert_int_eq(canvas_clear(&canvas, 3, 10), 0);
	canvas_put(&canvas, 0, 0, 5, STYLE_PLAIN, "日本語");
	canvas_put(&canvas, 0, 5, 5, STYLE_PLAIN, "|");
	canvas_put(&canvas, 1, 0, 10, STYLE_PLAIN,
		   "a\tb\xff"
		   "c");
	canvas_put_right(&canvas, 2, 10, STYLE_PLAIN, "日本");
	canvas_print(&canvas, &picture);
	ck_assert_str_eq(picture.bytes, "日本 |\na?b?c\n      日本\n");
}
END_TEST

START_TEST(nothing_is_drawn_outside)
{
	ck_assert_int_eq(canvas_clear(&canvas, 1, 3), 0);
	canvas_put(&canvas, 0, 2, 99, STYLE_PLAIN, "abc");
	canvas_put(&canvas, 1, 0, 99, STYLE_PLAIN, "abc");
	canvas_put(&canvas, 0, 7, 99, STYLE_PLAIN, "abc");
	canvas_put_right(&canvas, 0, 2, STYLE_PLAIN, "xyz");
	canvas_print(&canvas, &picture);
	ck_assert_str_eq(picture.bytes, "xya\n");
}
END_TEST

START_TEST(all_is_there_on_a_usual_terminal)
{
	const char *text;

	top_history_add(&history, &sample);
	later();
	text = drawn(24, 80);
	expect_in(text, "wbfs top  /mnt/wb");
	expect_in(text, "healthy");
	expect_in(text, "50 % used");
	expect_in(text, "\nhdd0       healthy ");
	expect_in(text, "0/70 %");
	expect_in(text, "p99 up to");
	expect_in(text, "\nmessages");
	expect_in(text, "\nq quit");
}
END_TEST

START_TEST(what_matters_stays_when_there_is_little_room)
{
	const char *text;

	sample.dirty_bytes = 3 * MIB;
	top_history_add(&history, &sample);
	text = drawn(8, 60);
	expect_in(text, "50 % used");
	expect_in(text, "3 MiB only in cache");
	expect_in(text, "\nhdd0 ");
	expect_in(text, "\ncache ");
	expect_not_in(text, "\nwrite");
	expect_not_in(text, "latency");
	expect_not_in(text, "messages");
	expect_in(drawn(4, 80), "too small (80x4)");
}
END_TEST

START_TEST(any_size_and_many_backings_are_safe)
{
	sample.nr_backings = TOP_BACKINGS;
	for (unsigned int i = 0; i < TOP_BACKINGS; i++) {
		sample.backings[i] = sample.backings[0];
		sprintf(sample.backings[i].name, "backing-with-a-long-name-%u", i);
		strcpy(sample.backings[i].reason, "a reason");
	}
	top_history_add(&history, &sample);
	later();
	for (unsigned int rows = 1; rows < 40; rows += 3) {
		for (unsigned int cols = 1; cols < 200; cols += 7) {
			view.help = rows % 2;
			drawn(rows, cols);
		}
	}
	view.help = false;
	expect_in(drawn(24, 80), "+12");
	expect_in(drawn(top_view_rows(&view), 80), "\nmessages\nnone\nq quit");
}
END_TEST

START_TEST(trouble_is_told)
{
	sample.backings[0].simulated = true;
	top_history_add(&history, &sample);
	expect_in(drawn(24, 80), "hdd0       simulated");
	strcpy(sample.state, "failed");
	strcpy(sample.reason, "the cache is gone");
	strcpy(sample.backings[0].state, "degraded");
	strcpy(sample.backings[0].reason, "disk trouble");
	later();
	expect_in(drawn(24, 80), "! failed");
	expect_in(drawn(24, 80), "\nthe cache is gone\n");
	expect_in(drawn(24, 80), "hdd0       degraded");
	expect_in(drawn(24, 80), "\n  simulated: disk trouble\n");
	view.silent = 7;
	expect_in(drawn(24, 80), "NO ANSWER for 7 s");
}
END_TEST

START_TEST(paused_means_all_that_can_be)
{
	sample.nr_backings = 2;
	sample.backings[1] = (struct top_backing){.name = "plain", .state = "healthy"};
	ck_assert(!top_is_paused(&sample));
	sample.backings[0].paused = true;
	ck_assert(top_is_paused(&sample));
	top_history_add(&history, &sample);
	expect_in(drawn(24, 80), "p resume migration");
	expect_in(drawn(24, 80), "hdd0       paused");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		a_status_is_taken_apart,
		what_is_no_status_is_refused,
		fields_of_other_kinds_do_no_harm,
		rates_are_differences_by_time,
		cleared_counters_begin_at_zero,
		another_daemon_begins_anew,
		a_new_backing_has_no_rate_yet,
		hits_are_a_share_of_what_was_read,
		latencies_are_those_of_the_last_intervals,
		percentiles_of_a_few_are_rounded_up,
		ring_has_what_the_sample_says,
		gauge_has_a_mark_and_shows_what_is_hardly_anything,
		sparkline_ends_with_the_newest_and_shows_what_is_hardly_anything,
		a_wide_name_does_not_shift_what_follows,
		nothing_is_drawn_outside,
		all_is_there_on_a_usual_terminal,
		what_matters_stays_when_there_is_little_room,
		any_size_and_many_backings_are_safe,
		trouble_is_told,
		paused_means_all_that_can_be,
	};
	Suite *suite = suite_create("fuse_top");
	TCase *tcase = tcase_create("top");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
