/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The simulated hard disk: its arithmetic on a clock of the test's, and real I/O through it. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "engine/posix/hdd.h"
#include "engine/posix/hdd_model.h"
#include "tests/unit/posix_files.h"

#define TB 1000000000000u
#define MS 1000000u
#define SECOND 1000000000u
#define MIB (1024u * 1024)

static uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * SECOND + (uint64_t)ts.tv_nsec;
}

/* The same numbers in each run. */
static uint64_t random_block(uint64_t size)
{
	static uint64_t state = 1;

	state = state * 6364136223846793005u + 1442695040888963407u;
	return (state >> 16) % (size / BLOCK) * BLOCK;
}

/* ---- the model ---- */

static struct hdd_model model;

static uint64_t positioning(uint64_t size, uint64_t from, uint64_t to)
{
	hdd_model_init(&model, size);
	model.head = from;
	return hdd_positioning(&model, to);
}

/* Ask as late as can be: when the disk is done. */
static struct hdd_request *next(uint64_t *now)
{
	struct hdd_request *request = hdd_model_next(&model, *now);

	if (request)
		return request;
	*now = hdd_model_due(&model);
	ck_assert_uint_ne(*now, HDD_IDLE);
	return hdd_model_next(&model, *now);
}

START_TEST(no_distance_takes_no_time)
{
	ck_assert_uint_eq(positioning(TB, 0, 0), 0);
	ck_assert_uint_eq(positioning(TB, 12345 * BLOCK, 12345 * BLOCK), 0);
}
END_TEST

START_TEST(a_short_gap_passes_under_the_head)
{
	ck_assert_uint_eq(positioning(TB, 0, 150000), 1 * MS);
	ck_assert_uint_eq(positioning(TB, 500, 300500), 2 * MS);
}
END_TEST

START_TEST(a_long_way_takes_a_seek_and_half_a_rotation)
{
	ck_assert_uint_eq(positioning(TB, 0, TB), 8000000 + 4166667);
	ck_assert_uint_eq(positioning(TB, 0, TB / 4), 500000 + 7500000 / 2 + 4166667);
	ck_assert_uint_eq(positioning(TB, 0, TB / 100), 500000 + 750000 + 4166667);
}
END_TEST

START_TEST(going_back_always_takes_a_seek)
{
	ck_assert_uint_eq(positioning(TB, TB, 0), 8000000 + 4166667);
	ck_assert_uint_eq(positioning(TB, TB, TB - TB / 4), 500000 + 7500000 / 2 + 4166667);
	ck_assert_uint_ge(positioning(TB, BLOCK, 0), 500000 + 4166667);
}
END_TEST

START_TEST(a_sequential_run_moves_150_megabytes_a_second)
{
	struct hdd_request request = {.len = MIB};
	uint64_t now = 0;

	hdd_model_init(&model, TB);
	for (; request.off < 1500u * MIB; request.off += MIB) {
		hdd_model_add(&model, &request, now);
		ck_assert_ptr_eq(next(&now), &request);
	}
	ck_assert_uint_ge(now, 1500ull * MIB * 1000 / 150 - 1500);
	ck_assert_uint_le(now, 1500ull * MIB * 1000 / 150);
}
END_TEST

/* How many random reads of a block a second, with so many outstanding. */
static double random_rate(unsigned int depth, uint64_t size)
{
	static struct hdd_request requests[HDD_QUEUE];
	struct hdd_request *request;
	uint64_t now = 0;
	unsigned int i;

	hdd_model_init(&model, size);
	for (i = 0; i < depth; i++) {
		requests[i] = (struct hdd_request){.off = random_block(size), .len = BLOCK};
		hdd_model_add(&model, &requests[i], now);
	}
	for (i = 0; i < 10000; i++) {
		request = next(&now);
		request->off = random_block(size);
		hdd_model_add(&model, request, now);
	}
	return i * 1e9 / (double)now;
}

/* The mean of the root of the distance is 8/15: 0.5 + 7.5 * 8/15 + 4.17 + 0.03 = 8.69 ms. */
START_TEST(random_reads_one_at_a_time_run_at_115_a_second)
{
	double rate = random_rate(1, TB);

	ck_assert_msg(rate > 114 && rate < 116, "%f", rate);
	rate = random_rate(1, 16 * TB);
	ck_assert_msg(rate > 114 && rate < 116, "%f", rate);
}
END_TEST

START_TEST(a_deep_queue_is_quicker)
{
	double rate = random_rate(HDD_QUEUE, TB);

	ck_assert_msg(rate > 170 && rate < 185, "%f", rate);
	ck_assert_double_gt(random_rate(4, TB), 1.15 * random_rate(1, TB));
}
END_TEST

/* Serve so many blocks `step` apart, `stride` of these at a time, one outstanding. */
static uint64_t serve_strided(unsigned int nr, uint64_t step, unsigned int stride)
{
	struct hdd_request request = {.len = BLOCK};
	uint64_t now = 0;

	hdd_model_init(&model, TB);
	for (unsigned int i = 0; i < nr; i++) {
		request.off = (uint64_t)i * stride % nr * step;
		hdd_model_add(&model, &request, now);
		next(&now);
	}
	return now;
}

START_TEST(a_sorted_batch_is_much_quicker_than_an_unsorted_one)
{
	uint64_t sorted = serve_strided(1009, 100000, 1);

	ck_assert_uint_lt(sorted, 1009ull * 7 * MS / 10);
	ck_assert_uint_gt(serve_strided(1009, 100000, 600), 6 * sorted);
}
END_TEST

START_TEST(disk_is_busy_while_it_works_and_not_while_it_waits)
{
	struct hdd_request request = {.len = 150000};
	uint64_t now = 10 * MS;

	hdd_model_init(&model, TB);
	hdd_model_add(&model, &request, now);
	ck_assert_ptr_null(hdd_model_next(&model, now));
	ck_assert_uint_eq(hdd_model_busy(&model, now), 0);
	ck_assert_uint_eq(hdd_model_busy(&model, now + MS / 4), MS / 4);
	now += 50 * MS;
	ck_assert_ptr_eq(hdd_model_next(&model, now), &request);
	ck_assert_uint_eq(hdd_model_busy(&model, now), MS);
	ck_assert_uint_eq(hdd_model_busy(&model, now + 50 * MS), MS);
}
END_TEST

START_TEST(the_nearest_is_served_first)
{
	struct hdd_request far = {.off = TB / 2, .len = BLOCK}, near = {.off = MIB, .len = BLOCK};
	uint64_t now = 0;

	hdd_model_init(&model, TB);
	hdd_model_add(&model, &far, now);
	hdd_model_add(&model, &near, now);
	ck_assert_ptr_eq(next(&now), &near);
	ck_assert_ptr_eq(next(&now), &far);
	ck_assert_ptr_null(hdd_model_next(&model, now));
	ck_assert_uint_eq(hdd_model_due(&model), HDD_IDLE);
}
END_TEST

START_TEST(nobody_is_passed_for_ever)
{
	struct hdd_request far = {.off = TB / 2, .len = BLOCK}, stream[2] = {{.len = BLOCK}};
	struct hdd_request *request;
	uint64_t now = 0, off = 0;
	unsigned int nr_passed = 0;

	stream[1] = (struct hdd_request){.off = off += BLOCK, .len = BLOCK};
	hdd_model_init(&model, TB);
	hdd_model_add(&model, &far, now);
	hdd_model_add(&model, &stream[0], now);
	hdd_model_add(&model, &stream[1], now);
	while ((request = next(&now)) != &far) {
		request->off = off += BLOCK;
		hdd_model_add(&model, request, now);
		ck_assert_uint_le(++nr_passed, HDD_PASSED_MAX);
	}
	ck_assert_uint_eq(nr_passed, HDD_PASSED_MAX);
}
END_TEST

START_TEST(a_flush_waits_for_what_is_before_it_and_costs_nothing_itself)
{
	struct hdd_request before = {.off = TB / 2, .len = BLOCK}, flush = {.flush = true};
	struct hdd_request behind = {.len = BLOCK};
	uint64_t now = 0, served;

	hdd_model_init(&model, TB);
	hdd_model_add(&model, &before, now);
	hdd_model_add(&model, &flush, now);
	hdd_model_add(&model, &behind, now);
	ck_assert_ptr_eq(next(&now), &before);
	served = now;
	ck_assert_ptr_eq(next(&now), &flush);
	ck_assert_uint_eq(now, served);
	ck_assert_ptr_eq(next(&now), &behind);
	hdd_model_add(&model, &flush, now);
	ck_assert_ptr_eq(hdd_model_next(&model, now), &flush);
}
END_TEST

START_TEST(a_host_that_asks_late_does_not_slow_the_disk_down)
{
	struct hdd_request a = {.off = TB / 2, .len = BLOCK}, b = {.off = TB / 4, .len = BLOCK};
	uint64_t now = 0, due;

	hdd_model_init(&model, TB);
	hdd_model_add(&model, &a, now);
	hdd_model_add(&model, &b, now);
	while (next(&now))
		if (hdd_model_due(&model) == HDD_IDLE && !model.nr_queued)
			break;
	due = now;
	hdd_model_init(&model, TB);
	hdd_model_add(&model, &a, 0);
	hdd_model_add(&model, &b, 0);
	ck_assert_ptr_nonnull(hdd_model_next(&model, 10 * SECOND));
	ck_assert_ptr_nonnull(hdd_model_next(&model, 10 * SECOND));
	ck_assert_uint_eq(max_u64(a.due, b.due), due);
}
END_TEST

START_TEST(who_was_told_late_and_goes_on_at_once_is_not_late)
{
	struct hdd_request request = {.len = BLOCK};
	uint64_t due, late = 5 * MS;

	hdd_model_init(&model, TB);
	hdd_model_add(&model, &request, 0);
	ck_assert_ptr_null(hdd_model_next(&model, 0));
	due = hdd_model_due(&model);
	ck_assert_ptr_eq(hdd_model_next(&model, due + late), &request);
	request.off = BLOCK;
	hdd_model_add(&model, &request, due + late + 7);
	ck_assert_ptr_eq(hdd_model_next(&model, due + late), &request);
	ck_assert_uint_eq(request.due, due + 7 + hdd_transfer(BLOCK));

	/* After a pause of its own it has arrived when it came. */
	hdd_model_add(&model, &request, due + SECOND);
	ck_assert_ptr_null(hdd_model_next(&model, due + SECOND));
	ck_assert_uint_ge(hdd_model_due(&model), due + SECOND);
}
END_TEST

/* ---- real I/O ---- */

enum { NR_IOS = 100 };

/* Submit a chain of blocks that are five apart, and wait for them. Returns how many failed. */
static unsigned int run_chain(struct bdev *dev, enum bdev_op op, uint8_t *data)
{
	static struct bdev_io ios[NR_IOS];

	nr_left = NR_IOS;
	for (unsigned int i = 0; i < NR_IOS; i++) {
		uint64_t block = i * 41 % NR_IOS; /* in no order */

		bdev_io_init(&ios[i], op, block * 5 * BLOCK, data + block * BLOCK, BLOCK);
		ios[i].done = count_down;
		ios[i].next = i + 1 < NR_IOS ? &ios[i + 1] : NULL;
	}
	dev->ops->submit(dev, ios);
	return wait_for_failures();
}

START_TEST(what_is_written_through_it_is_read_back)
{
	struct bdev *dev = open_file(_i, DEVICE_SIM_HDD);
	uint8_t *data = new_buffer(NR_IOS * BLOCK), *copy = new_buffer(NR_IOS * BLOCK);

	for (size_t i = 0; i < NR_IOS * BLOCK; i++)
		data[i] = (uint8_t)(i / BLOCK * 7 + i);
	ck_assert_uint_eq(run_chain(dev, BDEV_WRITE, data), 0);
	ck_assert_int_eq(bdev_flush(dev), 0);
	ck_assert_uint_eq(run_chain(dev, BDEV_READ, copy), 0);
	ck_assert_mem_eq(data, copy, NR_IOS * BLOCK);
	bdev_close(dev);
	free(copy);
	free(data);
}
END_TEST

/* Backwards, each takes a seek of 0.5 ms at least and half a rotation. */
START_TEST(it_takes_the_time_that_a_disk_takes)
{
	struct bdev *dev = open_file(_i, DEVICE_SIM_HDD);
	uint8_t *buf = new_buffer(BLOCK);
	uint64_t begin = clock_ns();

	for (unsigned int i = 20; i-- > 0;)
		ck_assert_int_eq(bdev_read(dev, i * BLOCK, buf, BLOCK), 0);
	ck_assert_uint_ge(clock_ns() - begin, 19u * (500000 + 4166667));
	bdev_close(dev);
	free(buf);
}
END_TEST

START_TEST(errors_of_the_real_device_are_told)
{
	struct bdev *dev = open_file(_i, DEVICE_SIM_HDD | DEVICE_READ_ONLY);
	uint8_t *buf = new_buffer(NR_IOS * BLOCK);

	ck_assert(dev->read_only);
	ck_assert_uint_eq(run_chain(dev, BDEV_WRITE, buf), NR_IOS);
	ck_assert_int_lt(bdev_write(dev, 0, buf, BLOCK), 0);
	bdev_close(dev);
	free(buf);
}
END_TEST

/* ---- over a device that never ends by itself ---- */

static struct bdev_io *held; /* protected by lock */

static void hold(struct bdev *dev, struct bdev_io *chain)
{
	(void)dev;
	pthread_mutex_lock(&lock);
	held = chain;
	pthread_mutex_unlock(&lock);
}

static void close_nothing(struct bdev *dev)
{
	(void)dev;
}

/* A flush takes the disk no time, so only the real device is waited for. */
START_TEST(nothing_is_done_before_the_real_device_has_done_it)
{
	static const struct bdev_ops ops = {.submit = hold, .close = close_nothing};
	const struct timespec pause = {.tv_nsec = 20 * MS};
	struct bdev real = {.ops = &ops, .size = FILE_SIZE}, *dev;
	struct bdev_io bio;

	(void)_i;
	ck_assert_int_eq(hdd_open(&real, &dev), 0);
	bdev_io_init(&bio, BDEV_FLUSH, 0, NULL, 0);
	bio.done = count_down;
	nr_left = 1;
	bdev_submit(dev, &bio);
	nanosleep(&pause, NULL);
	pthread_mutex_lock(&lock);
	ck_assert_uint_eq(nr_left, 1);
	pthread_mutex_unlock(&lock);
	held->err = -EIO;
	held->done(held);
	ck_assert_uint_eq(wait_for_failures(), 1);
	ck_assert_int_eq(bio.err, -EIO);
	bdev_close(dev);
}
END_TEST

START_TEST(it_says_what_it_is_and_looks_like_the_real_one)
{
	char identity[WB_IDENTITY_LEN], real_identity[WB_IDENTITY_LEN];
	struct bdev *dev = open_file(_i, DEVICE_SIM_HDD);

	ck_assert_str_eq(device_simulates(dev), "hdd");
	ck_assert_str_eq(dev->path, path);
	ck_assert_uint_eq(dev->size, FILE_SIZE);
	ck_assert_uint_eq(device_number(dev), 0);
	device_identity(dev, identity);
	bdev_close(dev);
	ck_assert_int_eq(device_open(io, path, 0, &dev), 0);
	device_identity(dev, real_identity);
	ck_assert_str_eq(identity, real_identity);
	ck_assert_ptr_null(device_simulates(dev));
	bdev_close(dev);
}
END_TEST

static int run_model_tests(void)
{
	Suite *suite = suite_create("posix_hdd_model");
	TCase *tcase = tcase_create("posix_hdd_model");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, no_distance_takes_no_time);
	tcase_add_test(tcase, a_short_gap_passes_under_the_head);
	tcase_add_test(tcase, a_long_way_takes_a_seek_and_half_a_rotation);
	tcase_add_test(tcase, going_back_always_takes_a_seek);
	tcase_add_test(tcase, a_sequential_run_moves_150_megabytes_a_second);
	tcase_add_test(tcase, random_reads_one_at_a_time_run_at_115_a_second);
	tcase_add_test(tcase, a_deep_queue_is_quicker);
	tcase_add_test(tcase, a_sorted_batch_is_much_quicker_than_an_unsorted_one);
	tcase_add_test(tcase, disk_is_busy_while_it_works_and_not_while_it_waits);
	tcase_add_test(tcase, the_nearest_is_served_first);
	tcase_add_test(tcase, nobody_is_passed_for_ever);
	tcase_add_test(tcase, a_flush_waits_for_what_is_before_it_and_costs_nothing_itself);
	tcase_add_test(tcase, a_host_that_asks_late_does_not_slow_the_disk_down);
	tcase_add_test(tcase, who_was_told_late_and_goes_on_at_once_is_not_late);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed;
}

int main(void)
{
	const TTest *const tests[] = {
		what_is_written_through_it_is_read_back,
		it_takes_the_time_that_a_disk_takes,
		errors_of_the_real_device_are_told,
		nothing_is_done_before_the_real_device_has_done_it,
		it_says_what_it_is_and_looks_like_the_real_one,
	};
	int failed = run_model_tests();

	return run_with_all_kinds("posix_hdd", tests, ARRAY_SIZE(tests)) || failed;
}
