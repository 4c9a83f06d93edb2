/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine/lock.c: what is submitted and called when the mutex is released, and by whom. */
#include "config.h"

#include "tests/unit/engine_harness.h"

#define SOME_ANSWERS 16
#define MANY_ANSWERS 40

static struct bdev_io io;
static struct work works[MANY_ANSWERS];
static bool by_submitter, nested_by_submitter;
static unsigned int nr_called;

static void keep(struct bdev *dev, struct bdev_io *chain)
{
	(void)dev;
	by_submitter = chain->by_submitter;
}

static const struct bdev_ops ops = {.submit = keep};
static struct bdev dev = {.ops = &ops};

static void count(struct work *work)
{
	(void)work;
	nr_called++;
}

/* Submits while it runs. */
static void submit_more(struct work *work)
{
	(void)work;
	wb_lock(t.wb);
	wb_submit_later(t.wb, &dev, &io);
	wb_unlock(t.wb);
	nested_by_submitter = by_submitter;
}

/* One I/O together with so many answers. Whether the submitter may be the one to carry it out. */
static bool submitted_with_answers(unsigned int nr)
{
	wb_lock(t.wb);
	wb_submit_later(t.wb, &dev, &io);
	nr_called = 0;
	for (unsigned int i = 0; i < nr; i++) {
		works[i].fn = count;
		wb_answer(t.wb, &works[i]);
	}
	wb_unlock(t.wb);
	ck_assert_uint_eq(nr_called, nr);
	return by_submitter;
}

static bool submitted_with_work(void (*fn)(struct work *work))
{
	wb_lock(t.wb);
	wb_submit_later(t.wb, &dev, &io);
	works[0].fn = fn;
	wb_defer(t.wb, &works[0]);
	wb_unlock(t.wb);
	return by_submitter;
}

START_TEST(who_has_some_answers_to_give_may_carry_out_what_it_submits)
{
	ck_assert(submitted_with_answers(0));
	ck_assert(submitted_with_answers(SOME_ANSWERS));
	ck_assert(!submitted_with_answers(MANY_ANSWERS));
	ck_assert(submitted_with_answers(0));
}
END_TEST

START_TEST(nobody_waits_for_who_has_other_work)
{
	nr_called = 0;
	submitted_with_work(count);
	ck_assert_uint_eq(nr_called, 1);
	by_submitter = nested_by_submitter = true;
	submitted_with_work(submit_more);
	ck_assert(!nested_by_submitter);
	ck_assert(submitted_with_answers(0));
}
END_TEST

static void submit_more_next(struct work *work)
{
	static struct work next = {.fn = submit_more};

	(void)work;
	wb_call_next(&next);
}

START_TEST(who_has_nothing_else_to_do_may_carry_out_what_it_submits)
{
	nested_by_submitter = false;
	submitted_with_work(submit_more_next);
	ck_assert(nested_by_submitter);
}
END_TEST

static void expect_none_called(struct work *work)
{
	(void)work;
	ck_assert_uint_eq(nr_called, 0);
	nr_called++;
}

static void call_before_what_is_due(struct work *work)
{
	static struct work next = {.fn = expect_none_called};

	ck_assert_ptr_eq(wb_next_due(), work + 1);
	wb_call_next(&next);
	ck_assert_ptr_eq(wb_next_due(), &next);
}

static void expect_nothing_due(struct work *work)
{
	ck_assert_ptr_null(wb_next_due());
	count(work);
}

START_TEST(something_can_be_called_before_what_is_due)
{
	nr_called = 0;
	works[0].fn = call_before_what_is_due;
	works[1].fn = count;
	works[2].fn = expect_nothing_due;
	wb_lock(t.wb);
	for (unsigned int i = 0; i < 3; i++)
		wb_defer(t.wb, &works[i]);
	wb_unlock(t.wb);
	ck_assert_uint_eq(nr_called, 3);
}
END_TEST

START_TEST(work_that_is_due_counts)
{
	wb_lock(t.wb);
	wb_submit_later(t.wb, &dev, &io);
	works[0].fn = works[1].fn = count;
	wb_answer(t.wb, &works[0]);
	wb_defer(t.wb, &works[1]);
	by_submitter = true;
	wb_unlock(t.wb);
	ck_assert(!by_submitter);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		who_has_some_answers_to_give_may_carry_out_what_it_submits,
		nobody_waits_for_who_has_other_work,
		who_has_nothing_else_to_do_may_carry_out_what_it_submits,
		something_can_be_called_before_what_is_due,
		work_that_is_due_counts,
	};

	return harness_run("engine_lock", tests, ARRAY_SIZE(tests), harness_setup_started,
			   harness_teardown);
}
