/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of engine/posix/ share: a temporary file, and I/O on it by io_uring and by
 * threads in turn. Each includes it once, so it defines things.
 */
#ifndef TEST_POSIX_FILES_H
#define TEST_POSIX_FILES_H

#include <check.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/posix/device.h"
#include "engine/util.h"

#define BLOCK 4096u
#define NR_BLOCKS 2048u /* more than fit in the ring at a time */
#define FILE_SIZE ((uint64_t)BLOCK * NR_BLOCKS)

static const enum posix_io_kind kinds[] = {POSIX_IO_URING, POSIX_IO_THREADS};

static char dir[64], path[PATH_MAX];
static struct posix_io *io;
static char last_message[256];
static int nr_messages;

static inline void keep_message(void *ctx, enum wb_log_level level, const char *message)
{
	(void)ctx;
	(void)level;
	snprintf(last_message, sizeof(last_message), "%s", message);
	nr_messages++;
}

static const struct wb_env env = {.log = keep_message};

static inline void make_file(uint64_t size)
{
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	close(fd);
}

static inline void setup(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%s/wbfs-posix.XXXXXX", tmp && strlen(tmp) < 32 ? tmp : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_ptr_nonnull(realpath(dir, path));
	snprintf(dir, sizeof(dir), "%.60s", path);
	snprintf(path, sizeof(path), "%s/file.img", dir);
	make_file(FILE_SIZE);
	nr_messages = 0;
	last_message[0] = '\0';
}

static inline void teardown(void)
{
	if (io)
		posix_io_stop(io);
	io = NULL;
	unlink(path);
	rmdir(dir);
}

static inline void start(int i)
{
	int err = posix_io_start(kinds[i], &env, &io);

	ck_assert_msg(err == 0, "%s", last_message);
}

static struct bdev *open_file(int i, unsigned int flags)
{
	struct bdev *dev;

	start(i);
	ck_assert_msg(device_open(io, path, flags, &dev) == 0, "%s", last_message);
	return dev;
}

static inline uint8_t *new_buffer(size_t len)
{
	void *buf;

	ck_assert_int_eq(posix_memalign(&buf, BLOCK, len), 0);
	memset(buf, 0, len);
	return buf;
}

/* ---- I/Os that count down ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t all_done = PTHREAD_COND_INITIALIZER;
static unsigned int nr_left, nr_failed; /* protected by lock */

static inline void count_down(struct bdev_io *bio)
{
	pthread_mutex_lock(&lock);
	nr_failed += bio->err != 0;
	if (--nr_left == 0)
		pthread_cond_signal(&all_done);
	pthread_mutex_unlock(&lock);
}

/* Returns how many have failed. */
static inline unsigned int wait_for_failures(void)
{
	unsigned int nr;

	pthread_mutex_lock(&lock);
	while (nr_left)
		pthread_cond_wait(&all_done, &lock);
	nr = nr_failed;
	nr_failed = 0;
	pthread_mutex_unlock(&lock);
	return nr;
}

static inline void wait_for_all(void)
{
	ck_assert_uint_eq(wait_for_failures(), 0);
}

static inline bool have_kind(enum posix_io_kind kind)
{
	struct posix_io *trial;

	if (posix_io_start(kind, &env, &trial) < 0) {
		printf("not tested: %s\n", last_message);
		return false;
	}
	posix_io_stop(trial);
	return true;
}

/* Run all tests, each with both kinds of I/O, or with threads where io_uring is refused. */
static inline int run_with_all_kinds(const char *name, const TTest *const *tests, size_t nr_tests)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner = srunner_create(suite);
	int result, first_kind = have_kind(kinds[0]) ? 0 : 1;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	for (size_t i = 0; i < nr_tests; i++)
		tcase_add_loop_test(tcase, tests[i], first_kind, ARRAY_SIZE(kinds));
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	result = srunner_ntests_failed(runner) != 0;
	srunner_free(runner);
	return result;
}

#endif
