/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which thread carries out an I/O of engine/posix/: who submits it, or another. */
#include "config.h"

#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>

#include "tests/unit/posix_files.h"

/* In done: two more flushes, and one of them has to be done before this done returns. */
struct pair {
	struct bdev *dev;
	struct bdev_io bio, more[2];
	bool by_submitter;
	unsigned int nr; /* that have to be done; protected by lock */
};

static void one_more(struct bdev_io *bio)
{
	struct pair *pair = bio->owner;

	pthread_mutex_lock(&lock);
	if (pair->nr)
		pair->nr--;
	pthread_cond_broadcast(&all_done);
	pthread_mutex_unlock(&lock);
	count_down(bio);
}

static void submit_pair(struct bdev_io *bio)
{
	struct pair *pair = bio->owner;

	for (unsigned int i = 0; i < 2; i++) {
		bdev_io_init(&pair->more[i], BDEV_FLUSH, 0, NULL, 0);
		pair->more[i].owner = pair;
		pair->more[i].done = one_more;
		pair->more[i].by_submitter = pair->by_submitter;
		bdev_submit(pair->dev, &pair->more[i]);
	}
	pthread_mutex_lock(&lock);
	while (pair->nr)
		pthread_cond_wait(&all_done, &lock);
	pthread_mutex_unlock(&lock);
	count_down(bio);
}

static void run_pair(int kind, bool by_submitter)
{
	struct pair pair = {
		.dev = open_file(kind, 0),
		.by_submitter = by_submitter,
		.nr = by_submitter ? 1 : 2,
	};

	usleep(50000); /* a thread that has just been started looks for work without being woken */
	nr_left = 3;
	bdev_io_init(&pair.bio, BDEV_FLUSH, 0, NULL, 0);
	pair.bio.owner = &pair;
	pair.bio.done = submit_pair;
	bdev_submit(pair.dev, &pair.bio);
	wait_for_all();
	bdev_close(pair.dev);
}

START_TEST(submitter_that_is_busy_is_not_waited_for)
{
	run_pair(_i, false);
}
END_TEST

START_TEST(submitter_keeps_one_for_itself_and_no_more)
{
	run_pair(_i, true);
}
END_TEST

/* A flush whose done submits a short write, and the threads of both. */
struct chase {
	struct bdev *dev;
	struct bdev_io flush, write;
	pthread_t flusher, writer;
	uint8_t *data;
};

static void note_writer(struct bdev_io *bio)
{
	((struct chase *)bio->owner)->writer = pthread_self();
	count_down(bio);
}

static void submit_write(struct bdev_io *bio)
{
	struct chase *chase = bio->owner;

	chase->flusher = pthread_self();
	bdev_io_init(&chase->write, BDEV_WRITE, 0, chase->data, BLOCK);
	chase->write.owner = chase;
	chase->write.done = note_writer;
	chase->write.by_submitter = true;
	bdev_submit(chase->dev, &chase->write);
	usleep(10000); /* a thread that was woken has it now */
	count_down(bio);
}

/* Perhaps not at once: a thread that has just been started looks for work without being woken. */
START_TEST(what_done_submits_is_carried_out_by_the_same_thread)
{
	struct chase chase = {.dev = open_file(_i, 0), .data = new_buffer(BLOCK)};

	for (unsigned int i = 0; i < 20; i++) {
		nr_left = 2;
		bdev_io_init(&chase.flush, BDEV_FLUSH, 0, NULL, 0);
		chase.flush.owner = &chase;
		chase.flush.done = submit_write;
		bdev_submit(chase.dev, &chase.flush);
		wait_for_all();
		if (pthread_equal(chase.flusher, chase.writer))
			break;
	}
	ck_assert(pthread_equal(chase.flusher, chase.writer));
	bdev_close(chase.dev);
	free(chase.data);
}
END_TEST

/* ---- volunteers ---- */

/* A write, the flush that its done submits, and what the flush's done submits. */
struct relief {
	struct bdev *dev, *flushed;
	enum bdev_op next_op;
	struct bdev_io write, flush, next;
	pthread_t volunteer, writer, flusher, next_one;
	uint8_t *data;
};

static void init_relief(struct relief *relief, struct bdev_io *bio, enum bdev_op op,
			void (*done)(struct bdev_io *bio))
{
	bool flush = op == BDEV_FLUSH;

	bdev_io_init(bio, op, 0, flush ? NULL : relief->data, flush ? 0 : BLOCK);
	bio->owner = relief;
	bio->done = done;
	bio->by_submitter = true;
}

static void note_next_one(struct bdev_io *bio)
{
	((struct relief *)bio->owner)->next_one = pthread_self();
	count_down(bio);
}

static void note_flusher(struct bdev_io *bio)
{
	struct relief *relief = bio->owner;

	relief->flusher = pthread_self();
	init_relief(relief, &relief->next, relief->next_op, note_next_one);
	bdev_submit(relief->dev, &relief->next);
	count_down(bio);
}

static void note_first_writer(struct bdev_io *bio)
{
	struct relief *relief = bio->owner;

	relief->writer = pthread_self();
	init_relief(relief, &relief->flush, BDEV_FLUSH, note_flusher);
	bdev_submit(relief->flushed, &relief->flush);
	count_down(bio);
}

static void *write_and_flush(void *arg)
{
	struct relief *relief = arg;

	posix_io_volunteer(true);
	nr_left = 3;
	init_relief(relief, &relief->write, BDEV_WRITE, note_first_writer);
	bdev_submit(relief->dev, &relief->write);
	ck_assert(posix_io_has_taken());
	ck_assert_uint_eq(nr_left, 3);
	posix_io_carry_out();
	ck_assert(!posix_io_has_taken());
	wait_for_all();
	return NULL;
}

static void run_relief(struct relief *relief)
{
	relief->data = new_buffer(BLOCK);
	ck_assert_int_eq(pthread_create(&relief->volunteer, NULL, write_and_flush, relief), 0);
	ck_assert_int_eq(pthread_join(relief->volunteer, NULL), 0);
	ck_assert(pthread_equal(relief->writer, relief->volunteer));
	free(relief->data);
	bdev_close(relief->dev);
}

START_TEST(volunteer_writes_and_flushes_and_does_no_more)
{
	static const enum bdev_op next_ops[] = {BDEV_READ, BDEV_WRITE, BDEV_FLUSH};

	for (size_t i = 0; i < ARRAY_SIZE(next_ops); i++) {
		struct relief relief = {.next_op = next_ops[i]};

		relief.dev = relief.flushed = open_file(_i, 0);
		run_relief(&relief);
		ck_assert(pthread_equal(relief.flusher, relief.volunteer));
		ck_assert(!pthread_equal(relief.next_one, relief.volunteer));
		posix_io_stop(io);
		io = NULL;
	}
}
END_TEST

START_TEST(volunteer_flushes_only_what_it_has_written)
{
	struct relief relief = {.dev = open_file(_i, 0), .next_op = BDEV_WRITE};

	path[strlen(path) - 1] = '2';
	make_file(FILE_SIZE);
	ck_assert_int_eq(device_open(io, path, 0, &relief.flushed), 0);
	unlink(path);
	path[strlen(path) - 1] = 'g';
	run_relief(&relief);
	ck_assert(!pthread_equal(relief.flusher, relief.volunteer));
	bdev_close(relief.flushed);
}
END_TEST

static struct bdev_io *prepare(struct bdev_io *bio, enum bdev_op op, void *data, size_t len)
{
	bdev_io_init(bio, op, 0, data, len);
	bio->done = count_down;
	bio->by_submitter = true;
	return bio;
}

/* Whether a volunteer takes the first of so many; if not, they are done. */
static bool takes(struct bdev *dev, struct bdev_io *bio, unsigned int nr)
{
	nr_left = nr;
	bio->dev = dev;
	dev->ops->submit(dev, bio);
	if (posix_io_has_taken())
		return true;
	wait_for_all();
	usleep(10000); /* they have counted what they did */
	return false;
}

static unsigned int left(void)
{
	unsigned int nr;

	pthread_mutex_lock(&lock);
	nr = nr_left;
	pthread_mutex_unlock(&lock);
	return nr;
}

static void *read_this_and_that(void *arg)
{
	struct bdev *dev = arg;
	uint8_t *data = new_buffer((1u << 20));
	struct bdev_io bio, other;

	ck_assert(!takes(dev, prepare(&bio, BDEV_READ, data, BLOCK), 1));
	posix_io_volunteer(true);
	prepare(&bio, BDEV_READ, data, BLOCK)->by_submitter = false;
	ck_assert(!takes(dev, &bio, 1));
	ck_assert(!takes(dev, prepare(&bio, BDEV_READ, data, 1u << 20), 1));
	ck_assert(!takes(dev, prepare(&bio, BDEV_DISCARD, NULL, BLOCK), 1));
	prepare(&bio, BDEV_READ, data, BLOCK)->next = prepare(&other, BDEV_READ, data + BLOCK,
							      BLOCK);
	ck_assert(!takes(dev, &bio, 2));
	/* The first one is under way, so the second goes to others, and is done first. */
	ck_assert(takes(dev, prepare(&bio, BDEV_READ, data, BLOCK), 2));
	bdev_submit(dev, prepare(&other, BDEV_READ, data + BLOCK, BLOCK));
	while (left() == 2)
		usleep(1000);
	posix_io_carry_out();
	wait_for_all();
	posix_io_volunteer(false);
	ck_assert(!takes(dev, prepare(&bio, BDEV_READ, data, BLOCK), 1));
	free(data);
	return NULL;
}

START_TEST(volunteer_takes_only_what_is_short_and_alone)
{
	struct bdev *dev = open_file(_i, 0);
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, read_this_and_that, dev), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	bdev_close(dev);
}
END_TEST

/* How long this thread may run at a stretch, ns. 0: another policy, or Linux before 6.12. */
static uint64_t slice(void)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attr = {.size = sizeof(attr)};

	ck_assert_int_eq((int)syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0), 0);
	return attr.policy == SCHED_OTHER ? attr.runtime : 0;
}

static void note_slice(struct bdev_io *bio)
{
	*(uint64_t *)bio->owner = slice();
	count_down(bio);
}

START_TEST(io_threads_get_a_cpu_soon)
{
	struct bdev *dev = open_file(_i, 0);
	uint64_t own = slice(), theirs = UINT64_MAX;
	uint8_t *data = new_buffer(BLOCK);
	struct bdev_io bio;

	nr_left = 1;
	bdev_io_init(&bio, BDEV_READ, 0, data, BLOCK);
	bio.owner = &theirs;
	bio.done = note_slice;
	bdev_submit(dev, &bio);
	wait_for_all();
	ck_assert_uint_eq(theirs, own ? 100000 : 0);
	bdev_close(dev);
	free(data);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		submitter_that_is_busy_is_not_waited_for,
		submitter_keeps_one_for_itself_and_no_more,
		what_done_submits_is_carried_out_by_the_same_thread,
		volunteer_writes_and_flushes_and_does_no_more,
		volunteer_flushes_only_what_it_has_written,
		volunteer_takes_only_what_is_short_and_alone,
		io_threads_get_a_cpu_soon,
	};

	return run_with_all_kinds("posix_submitter", tests, ARRAY_SIZE(tests));
}
