/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small things that text is made of: nearest words, growing texts, knobs, node ids. */
#include "config.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "fuse/nearest.h"
#include "fuse/node.h"
#include "fuse/options.h"
#include "fuse/text.h"

static const char *nearest_of(const char *typed)
{
	static const char *const words[] = {"mount", "umount", "status", "drain", "get", "set"};
	struct nearest nearest = nearest_to(typed);

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		nearest_offer(&nearest, words[i]);
	return nearest_word(&nearest);
}

START_TEST(a_slip_of_the_finger_is_recognised)
{
	ck_assert_str_eq(nearest_of("moutn"), "mount");
	ck_assert_str_eq(nearest_of("unmount"), "umount");
	ck_assert_str_eq(nearest_of("stauts"), "status");
	ck_assert_str_eq(nearest_of("drian"), "drain");
}
END_TEST

START_TEST(nothing_is_suggested_for_what_is_far_from_all)
{
	ck_assert_ptr_null(nearest_of("zzzzz"));
	ck_assert_ptr_null(nearest_of("x"));
	ck_assert_ptr_null(nearest_of(""));
	ck_assert_ptr_null(nearest_of("a word that is much longer than any that we know, by far"));
}
END_TEST

START_TEST(a_text_grows_beyond_its_first_room)
{
	TEXT_SCOPE text = {0};

	for (int i = 0; i < 1000; i++)
		text_printf(&text, "%03d ", i);
	ck_assert_uint_eq(text.len, 4000);
	ck_assert_uint_eq(strlen(text.bytes), 4000);
	ck_assert(!text.failed);
	ck_assert_str_eq(text.bytes + 3996, "999 ");
}
END_TEST

START_TEST(json_strings_are_escaped)
{
	TEXT_SCOPE text = {0};

	text_json_string(&text, "a\"b\\c\nd\x01");
	ck_assert_str_eq(text.bytes, "\"a\\\"b\\\\c\\u000ad\\u0001\"");
}
END_TEST

START_TEST(json_strings_are_utf8_whatever_a_path_is_made_of)
{
	TEXT_SCOPE text = {0};

	text_json_string(&text, "\xc3\xa4-\xe4-\xf0\x9f\x98\x80-\xc0\xaf-\xed\xa0\x80-\xe2\x82");
	ck_assert_str_eq(text.bytes, "\"\xc3\xa4-\\ufffd-\xf0\x9f\x98\x80-\\ufffd\\ufffd-"
				     "\\ufffd\\ufffd\\ufffd-\\ufffd\\ufffd\"");
}
END_TEST

START_TEST(metric_labels_are_escaped)
{
	TEXT_SCOPE text = {0};

	text_label(&text, "a\"b\\c\nd");
	ck_assert_str_eq(text.bytes, "\"a\\\"b\\\\c\\nd\"");
}
END_TEST

START_TEST(a_knob_takes_its_range_and_nothing_else)
{
	const struct wb_knob *knob = &wb_knobs[WB_KNOB_MIGRATE_THRESHOLD];
	static const char *const bad[] = {"101", "500", "-1", "",    " 1",
					  "1 ",	 "0x1", "7O", "1.0", "99999999999999999999"};
	char why[KNOB_REASON_LEN];
	unsigned int value;

	ck_assert_int_eq(knob_parse(knob, "0", &value, why), 0);
	ck_assert_uint_eq(value, 0);
	ck_assert_int_eq(knob_parse(knob, "100", &value, why), 0);
	ck_assert_uint_eq(value, 100);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(knob_parse(knob, bad[i], &value, why) != 0, "took %s", bad[i]);
	ck_assert_uint_eq(value, 100);
}
END_TEST

START_TEST(a_refused_knob_says_its_range)
{
	char why[KNOB_REASON_LEN];
	unsigned int value;

	ck_assert_int_ne(knob_parse(&wb_knobs[WB_KNOB_MIGRATE_THRESHOLD], "500", &value, why), 0);
	ck_assert_str_eq(why, "500 not in 0..100");
	ck_assert_int_ne(knob_parse(&wb_knobs[WB_KNOB_ON_FULL], "stop", &value, why), 0);
	ck_assert_str_eq(why, "stop not one of wait, error");
}
END_TEST

START_TEST(a_choice_is_shown_as_its_word)
{
	const struct wb_knob *knob = &wb_knobs[WB_KNOB_ON_FULL];
	char why[KNOB_REASON_LEN], text[KNOB_TEXT_LEN];
	unsigned int value;

	ck_assert_int_eq(knob_parse(knob, "error", &value, why), 0);
	ck_assert_str_eq(knob_text(knob, value, text), "error");
}
END_TEST

START_TEST(node_ids_lead_back_to_their_nodes)
{
	for (int kind = NODE_ROOT + 1; kind < NODE_NR_KINDS; kind++) {
		for (unsigned int slot = 0; slot < 400; slot += 57) {
			struct node node = {.kind = kind, .slot = slot, .row = slot % 64};
			struct node back = node_of(node_id(node));

			ck_assert_int_eq(back.kind, node.kind);
			ck_assert_uint_eq(back.slot, node.slot);
			ck_assert_uint_eq(back.row, node.row);
			ck_assert_uint_ne(node_id(node), FUSE_ROOT_ID);
		}
	}
}
END_TEST

START_TEST(the_root_has_the_kernels_id)
{
	ck_assert_uint_eq(node_id((struct node){.kind = NODE_ROOT}), FUSE_ROOT_ID);
	ck_assert_int_eq(node_of(FUSE_ROOT_ID).kind, NODE_ROOT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("words");
	TCase *words = tcase_create("words");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, words);
	tcase_add_test(words, a_slip_of_the_finger_is_recognised);
	tcase_add_test(words, nothing_is_suggested_for_what_is_far_from_all);
	tcase_add_test(words, a_text_grows_beyond_its_first_room);
	tcase_add_test(words, json_strings_are_escaped);
	tcase_add_test(words, json_strings_are_utf8_whatever_a_path_is_made_of);
	tcase_add_test(words, metric_labels_are_escaped);
	tcase_add_test(words, a_knob_takes_its_range_and_nothing_else);
	tcase_add_test(words, a_refused_knob_says_its_range);
	tcase_add_test(words, a_choice_is_shown_as_its_word);
	tcase_add_test(words, node_ids_lead_back_to_their_nodes);
	tcase_add_test(words, the_root_has_the_kernels_id);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
