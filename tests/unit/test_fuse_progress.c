/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuse/progress.c: what is drawn, for terminals of any width. */
#include "config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "fuse/progress.h"

#define SECOND 1000000000ull
#define MIB (1ull << 20)

/* 100 MiB at first, 60 left after four seconds. */
static struct progress halfway(void)
{
	return (struct progress){
		.what = "drain",
		.total = 100 * MIB,
		.left = 60 * MIB,
		.marks = {{SECOND, 100 * MIB}, {5 * SECOND, 60 * MIB}},
		.nr_marks = 2,
	};
}

static const char *line_of(unsigned int columns)
{
	static char line[PROGRESS_LINE_LEN];
	struct progress progress = halfway();

	progress_line(&progress, columns, line);
	return line;
}

START_TEST(a_wide_terminal_gets_bar_amount_time_and_rate)
{
	ck_assert_str_eq(line_of(100),
			 "drain: [############                  ]  40 %, 60 MiB left, "
			 "6 s, 10 MiB/s");
}
END_TEST

START_TEST(forty_columns_get_a_bar_and_the_time)
{
	ck_assert_str_eq(line_of(39), "drain: [##    ]  40 %, 60 MiB left, 6 s");
}
END_TEST

START_TEST(no_line_is_wider_than_its_terminal)
{
	for (unsigned int columns = 1; columns < 300; columns++)
		ck_assert_uint_le(strlen(line_of(columns)), columns);
}
END_TEST

START_TEST(words_are_for_a_log)
{
	struct progress progress = halfway();
	char words[80];

	progress_words(&progress, words, sizeof(words));
	ck_assert_str_eq(words, "40 %, 60 MiB left, 6 s, 10 MiB/s");
}
END_TEST

START_TEST(without_a_rate_no_time_is_promised)
{
	struct progress progress = halfway();
	char words[80];

	progress.marks[1].left = 100 * MIB;
	progress_words(&progress, words, sizeof(words));
	ck_assert_str_eq(words, "40 %, 60 MiB left");
}
END_TEST

START_TEST(rate_is_that_of_the_last_seconds)
{
	struct progress progress = {.what = "drain", .total = 100 * MIB, .left = 50 * MIB};
	char words[80];

	/* A slow beginning that the ring has forgotten. */
	for (unsigned int i = 0; i < PROGRESS_MARKS; i++)
		progress.marks[i] = (struct progress_mark){(100 + i) * SECOND, (80 - 2 * i) * MIB};
	progress.nr_marks = PROGRESS_MARKS;
	progress_words(&progress, words, sizeof(words));
	ck_assert_str_eq(words, "50 %, 50 MiB left, 25 s, 2 MiB/s");
}
END_TEST

START_TEST(times_are_in_units_that_people_use)
{
	static const struct {
		uint64_t seconds;
		const char *text;
	} cases[] = {{0, "0 s"},
		     {59, "59 s"},
		     {200, "3 min 20 s"},
		     {7500, "2 h 5 min"},
		     {273600, "3 d 4 h"}};
	char text[32];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		progress_time(cases[i].seconds, text, sizeof(text));
		ck_assert_str_eq(text, cases[i].text);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fuse_progress");
	TCase *tcase = tcase_create("progress");
	SRunner *runner;
	int failed;

	tcase_add_test(tcase, a_wide_terminal_gets_bar_amount_time_and_rate);
	tcase_add_test(tcase, forty_columns_get_a_bar_and_the_time);
	tcase_add_test(tcase, no_line_is_wider_than_its_terminal);
	tcase_add_test(tcase, words_are_for_a_log);
	tcase_add_test(tcase, without_a_rate_no_time_is_promised);
	tcase_add_test(tcase, rate_is_that_of_the_last_seconds);
	tcase_add_test(tcase, times_are_in_units_that_people_use);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
