/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What loads, charts and reports are made of. */
#include "config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "fuse/chart.h"
#include "fuse/pattern.h"
#include "fuse/report_html.h"
#include "fuse/workload.h"

START_TEST(shuffle_meets_each_place_once)
{
	static const uint64_t sizes[] = {1, 2, 3, 5, 64, 1000, 4097};

	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++) {
		bool *met = calloc(sizes[s], sizeof(*met));

		for (uint64_t i = 0; i < sizes[s]; i++) {
			uint64_t at = pattern_shuffle(i, sizes[s], 42);

			ck_assert_uint_lt(at, sizes[s]);
			ck_assert(!met[at]);
			met[at] = true;
		}
		free(met);
	}
}
END_TEST

START_TEST(shuffle_differs_by_seed)
{
	unsigned int same = 0;

	for (uint64_t i = 0; i < 1000; i++)
		same += pattern_shuffle(i, 1000, 1) == pattern_shuffle(i, 1000, 2);
	ck_assert_uint_lt(same, 50);
}
END_TEST

START_TEST(pattern_tells_who_wrote_it)
{
	static _Alignas(8) char bytes[2 * PATTERN_BLOCK];

	ck_assert_uint_eq(pattern_seq(bytes, 7), 0);
	pattern_fill(bytes, sizeof(bytes), 7, 99);
	ck_assert_uint_eq(pattern_seq(bytes, 7), 99);
	ck_assert_uint_eq(pattern_seq(bytes + PATTERN_BLOCK, 8), 99);
}
END_TEST

START_TEST(pattern_tells_what_is_misplaced_or_torn)
{
	static _Alignas(8) char bytes[PATTERN_BLOCK], other[PATTERN_BLOCK];

	pattern_fill(bytes, sizeof(bytes), 7, 99);
	ck_assert_uint_eq(pattern_seq(bytes, 8), PATTERN_WRONG);
	pattern_fill(other, sizeof(other), 7, 100);
	memcpy(bytes + PATTERN_BLOCK - 512, other + PATTERN_BLOCK - 512, 512);
	ck_assert_uint_eq(pattern_seq(bytes, 7), PATTERN_WRONG);
	memset(bytes, 0, sizeof(bytes));
	bytes[PATTERN_BLOCK - 1] = 1;
	ck_assert_uint_eq(pattern_seq(bytes, 7), PATTERN_WRONG);
}
END_TEST

START_TEST(latency_buckets_grow_by_an_eighth_at_most)
{
	for (unsigned int i = 9; i < LATENCY_BUCKETS; i++) {
		uint64_t before = latency_bucket_end(i - 1), end = latency_bucket_end(i);

		ck_assert_uint_gt(end, before);
		ck_assert_uint_le(end - before, before / 8 + 1);
	}
}
END_TEST

START_TEST(latency_percentile_finds_the_bucket)
{
	uint64_t latency[LATENCY_BUCKETS] = {[10] = 98, [200] = 1, [300] = 1};

	ck_assert_uint_eq(latency_percentile(latency, 50), latency_bucket_end(10));
	ck_assert_uint_eq(latency_percentile(latency, 99), latency_bucket_end(200));
	ck_assert_uint_eq(latency_percentile(latency, 100), latency_bucket_end(300));
}
END_TEST

START_TEST(numbers_are_grouped)
{
	char text[CHART_NUMBER_LEN];

	ck_assert_str_eq(chart_number(0.04, text), "0.0");
	ck_assert_str_eq(chart_number(9.94, text), "9.9");
	ck_assert_str_eq(chart_number(9.96, text), "10");
	ck_assert_str_eq(chart_number(999.4, text), "999");
	ck_assert_str_eq(chart_number(1234567, text), "1,234,567");
	ck_assert_str_eq(chart_ratio(0.994, text), "0.99x");
	ck_assert_str_eq(chart_ratio(12.34, text), "12.3x");
	ck_assert_str_eq(chart_ratio(1234, text), "1,234x");
	ck_assert_str_eq(chart_ratio(0.0 / 0.0, text), "-");
}
END_TEST

START_TEST(html_has_no_markup_of_its_text)
{
	char *bytes = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&bytes, &len);

	html_text(to, "<a href=\"x\">&\n");
	fclose(to);
	ck_assert_str_eq(bytes, "&lt;a href=&quot;x&quot;&gt;&amp;?");
	free(bytes);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fuse_workload");
	TCase *tests = tcase_create("workload");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tests, shuffle_meets_each_place_once);
	tcase_add_test(tests, shuffle_differs_by_seed);
	tcase_add_test(tests, pattern_tells_who_wrote_it);
	tcase_add_test(tests, pattern_tells_what_is_misplaced_or_torn);
	tcase_add_test(tests, latency_buckets_grow_by_an_eighth_at_most);
	tcase_add_test(tests, latency_percentile_finds_the_bucket);
	tcase_add_test(tests, numbers_are_grouped);
	tcase_add_test(tests, html_has_no_markup_of_its_text);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
