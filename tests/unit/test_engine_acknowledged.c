/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes that are acknowledged before their data is copied. A thread writes and is stopped right
 * then, as if it had lost its CPU; what a test does meanwhile, it does on its own thread.
 */
#include "config.h"

#include <pthread.h>
#include <semaphore.h>

#include "tests/unit/engine_harness.h"

#define MAX_WRITERS 2

static struct writer {
	pthread_t thread;
	sem_t acknowledged, go_on;
} writers[MAX_WRITERS];
static unsigned int nr_stopped, nr_copied; /* of the writers */
static struct writer *to_stop;		   /* the next time, or NULL */
static unsigned int nr_told;		   /* calls of acknowledged */

static void setup(void)
{
	harness_setup_ring();
	/* A record that is closed has others look at the state when it is copied. */
	knob(WB_KNOB_FLUSH_CURRENT_BUFFER_INTERVAL, 0);
	for (unsigned int i = 0; i < MAX_WRITERS; i++) {
		sem_init(&writers[i].acknowledged, 0, 0);
		sem_init(&writers[i].go_on, 0, 0);
	}
}

static void acknowledged(struct wb_io *io)
{
	struct op *op = io->ctx;
	struct writer *writer = to_stop;

	ck_assert(!op->done);
	nr_told++;
	to_stop = NULL;
	if (!writer)
		return;
	sem_post(&writer->acknowledged);
	sem_wait(&writer->go_on);
}

static struct op *make_early(unsigned int backing, uint64_t off, uint64_t len, char letter)
{
	struct op *op = make_write(backing, off, len, letter);

	op->io.acknowledged = acknowledged;
	return op;
}

/* A write, done, that told of itself so often. */
static void write_told(struct op *op, unsigned int told)
{
	nr_told = 0;
	wb_write(t.wb, &op->io);
	ck_assert_int_eq(op_wait(op), 0);
	ck_assert_uint_eq(nr_told, told);
	ck_assert(list_empty(&t.wb->early));
}

static void *write_all(void *chain)
{
	wb_write_all(t.wb, chain);
	return NULL;
}

/* Returns when the first of the chain has been acknowledged; nothing of it is copied. */
static void write_up_to_copying(struct op *op)
{
	struct writer *writer = &writers[nr_stopped++];

	to_stop = writer;
	ck_assert_int_eq(pthread_create(&writer->thread, NULL, write_all, &op->io), 0);
	sem_wait(&writer->acknowledged);
}

/* The writer that was stopped first goes on to its end. */
static void copy(void)
{
	struct writer *writer = &writers[nr_copied++];

	sem_post(&writer->go_on);
	pthread_join(writer->thread, NULL);
}

/* All that can happen while the writer stands still. */
static void let_things_happen(void)
{
	for (unsigned int i = 0; i < 1000 && sim_step(&t.sim); i++)
		;
}

/* The writer stands still, and they have to wait for it. */
static void waits(struct op *op)
{
	let_things_happen();
	ck_assert(!op->done);
	copy();
	ck_assert_int_eq(op_wait(op), 0);
}

/* The same for what ends on this thread, wb_drain and so on. */
static void waits_to_end(void)
{
	let_things_happen();
	ck_assert(!t.done);
	copy();
	ck_assert_int_eq(wait_done(), 0);
}

/* A read of what is in buffers waits for nothing else. */
static void waits_to_read(struct op *op)
{
	let_things_happen();
	ck_assert(!op->done);
	copy();
	ck_assert(op->done);
	ck_assert_int_eq(op_wait(op), 0);
}

static void expect_read(const struct op *op, uint64_t off, uint64_t len, char letter)
{
	for (uint64_t i = 0; i < len; i++)
		ck_assert_int_eq(op->buf[off + i], letter);
}

START_TEST(every_good_write_tells_once_but_those_with_dsync)
{
	struct op *dsync = make_early(0, 0, BLOCK, 'a');
	struct wb_status figures;

	write_told(make_early(0, 3 * BLOCK, BLOCK, 'a'), 1);
	write_told(make_early(0, 3 * BLOCK + 10, 100, 'b'), 1);
	write_told(make_early(0, 5 * BLOCK + SECTOR, 9 * BLOCK, 'c'), 1);
	dsync->io.flags = WB_IO_DSYNC;
	write_told(dsync, 0);
	figures = status();
	ck_assert_uint_eq(wb_histogram_nr(&figures.write_ns), 3);
	expect(0, 3 * BLOCK + 10, 100, 'b');
	expect(0, 5 * BLOCK + SECTOR, 9 * BLOCK, 'c');
}
END_TEST

START_TEST(zeroing_and_what_fails_tell_nothing)
{
	struct op *op = make_early(0, 3 * BLOCK, BLOCK, 'a');

	wb_zero(t.wb, &op->io);
	ck_assert_int_eq(op_wait(op), 0);
	t.dev[0]->bad_off = 5 * BLOCK;
	t.dev[0]->bad_len = BLOCK;
	op = make_early(0, 5 * BLOCK + 10, 100, 'b');
	wb_write(t.wb, &op->io);
	ck_assert_int_eq(op_wait(op), -EIO);
	ck_assert_uint_eq(nr_told, 0);
}
END_TEST

START_TEST(waits_for_space_before_it_tells)
{
	struct op *op;

	for (uint64_t block = 0;; block++) {
		op = make_early(0, block * BLOCK, BLOCK, 'a');
		nr_told = 0;
		wb_write(t.wb, &op->io);
		ck_assert_uint_eq(nr_told, op->done);
		if (!op->done)
			break;
		op_wait(op);
	}
	ck_assert_int_eq(op_wait(op), 0);
	ck_assert_uint_eq(nr_told, 1);
}
END_TEST

START_TEST(a_read_waits_for_the_data_and_one_of_other_blocks_does_not)
{
	struct op *read;

	write_block(0, 2, 'x');
	write_block(0, 3, 'x');
	write_block(0, 4, 'x');
	write_up_to_copying(make_early(0, 3 * BLOCK, BLOCK, 'a'));
	expect_block(0, 2, 'x');
	expect_block(1, 3, 0);
	read = start_read(0, 2 * BLOCK, 3 * BLOCK);
	waits_to_read(read);
	expect_read(read, 0, BLOCK, 'x');
	expect_read(read, BLOCK, BLOCK, 'a');
	expect_read(read, 2 * BLOCK, BLOCK, 'x');
}
END_TEST

START_TEST(a_read_waits_for_all_of_a_chain)
{
	struct op *first = make_early(0, 3 * BLOCK, BLOCK, 'a');
	struct op *second = make_early(0, 4 * BLOCK, BLOCK, 'b');
	struct op *read;

	first->io.next = &second->io;
	write_up_to_copying(first);
	read = start_read(0, 3 * BLOCK, 2 * BLOCK);
	waits_to_read(read);
	ck_assert_uint_eq(nr_told, 2);
	expect_read(read, 0, BLOCK, 'a');
	expect_read(read, BLOCK, BLOCK, 'b');
}
END_TEST

/* From within a callback: what is there to be read need not be waited for. */
static void expect_readable(uint64_t block)
{
	start_read(0, block * BLOCK, BLOCK);
	ck_assert(list_empty(&t.wb->reads));
}

static void expect_published(struct wb_io *io, int err)
{
	struct op *op = io->ctx;

	ck_assert_int_eq(err, 0);
	op->done = true;
	expect_readable(3);
}

/* As little as possible comes between a write's acknowledgement and its publishing. */
/* There may always be another one. */
START_TEST(a_read_does_not_wait_for_what_is_acknowledged_later)
{
	struct op *read;

	write_up_to_copying(make_early(0, 3 * BLOCK, BLOCK, 'a'));
	read = start_read(0, 3 * BLOCK, BLOCK);
	write_up_to_copying(make_early(0, 3 * BLOCK, BLOCK, 'b'));
	waits_to_read(read);
	expect_read(read, 0, BLOCK, 'a');
	read = start_read(0, 3 * BLOCK, BLOCK);
	waits_to_read(read);
	expect_read(read, 0, BLOCK, 'b');
}
END_TEST

START_TEST(its_latency_is_that_of_its_acknowledgement)
{
	struct op *first = make_early(0, 3 * BLOCK, BLOCK, 'a');
	struct op *second = make_early(0, 4 * BLOCK, BLOCK, 'b');
	struct wb_status figures;

	first->io.next = &second->io;
	write_up_to_copying(first);
	figures = status();
	ck_assert_uint_eq(wb_histogram_nr(&figures.write_ns), 0);
	t.sim.now += NS_PER_MS;
	copy();
	figures = status();
	ck_assert_uint_eq(wb_histogram_nr(&figures.write_ns), 2);
	ck_assert_uint_eq(figures.write_ns.sum, NS_PER_MS);
}
END_TEST

START_TEST(it_is_published_before_the_thread_does_anything_else)
{
	struct op *first = make_early(0, 3 * BLOCK, BLOCK, 'a');
	struct op *empty = make_write(0, 4 * BLOCK, 0, 'b');

	first->io.next = &empty->io;
	empty->io.done = expect_published;
	wb_write_all(t.wb, &first->io);
	ck_assert(first->done && empty->done);
}
END_TEST

static void expect_first_published(struct wb_io *io)
{
	(void)io;
	nr_told++;
	expect_readable(0);
}

START_TEST(a_long_chain_is_published_a_few_at_a_time)
{
	enum { FEW = 16 };
	struct op *ops[FEW + 1];

	harness_teardown();
	harness_make(4, 64, 4);
	begin();
	for (unsigned int i = 0; i <= FEW; i++) {
		ops[i] = make_early(0, i * BLOCK, BLOCK, 'a');
		if (i)
			ops[i - 1]->io.next = &ops[i]->io;
	}
	ops[FEW]->io.next = NULL;
	ops[FEW]->io.acknowledged = expect_first_published;
	wb_write_all(t.wb, &ops[0]->io);
	ck_assert_uint_eq(nr_told, FEW + 1);
}
END_TEST

START_TEST(a_later_write_of_a_part_waits_and_wins)
{
	write_up_to_copying(make_early(0, 3 * BLOCK, 2 * BLOCK, 'a'));
	waits(start_write(0, 3 * BLOCK + SECTOR, SECTOR, 'b'));
	expect(0, 3 * BLOCK, SECTOR, 'a');
	expect(0, 3 * BLOCK + SECTOR, SECTOR, 'b');
	expect(0, 3 * BLOCK + 2 * SECTOR, 14 * SECTOR, 'a');
}
END_TEST

START_TEST(a_later_write_that_is_copied_first_wins)
{
	struct op *read;

	write_up_to_copying(make_early(0, 3 * BLOCK, 2 * BLOCK, 'a'));
	ck_assert_int_eq(do_write(0, 3 * BLOCK, BLOCK, 'b'), 0);
	read = start_read(0, 3 * BLOCK, 2 * BLOCK);
	waits_to_read(read);
	expect_read(read, 0, BLOCK, 'b');
	expect_read(read, BLOCK, BLOCK, 'a');
	ck_assert_int_eq(do_sync(), 0);
	crash();
	begin();
	expect_block(0, 3, 'b');
	expect_block(0, 4, 'a');
}
END_TEST

START_TEST(later_zeroing_wins)
{
	write_up_to_copying(make_early(0, 3 * BLOCK, BLOCK, 'a'));
	waits(start_zero(0, 3 * BLOCK, BLOCK));
	expect_block(0, 3, 0);
}
END_TEST

START_TEST(a_sync_makes_it_durable)
{
	write_up_to_copying(make_early(0, 3 * BLOCK, BLOCK, 'a'));
	waits(start_sync());
	crash();
	begin();
	expect_block(0, 3, 'a');
}
END_TEST

START_TEST(a_drain_brings_it_to_the_backing)
{
	write_up_to_copying(make_early(0, 3 * BLOCK, BLOCK, 'a'));
	t.done = false;
	wb_drain(t.wb, t.b[0], note_done, NULL);
	waits_to_end();
	expect_on_backing(0, 3 * BLOCK, BLOCK, 'a');
}
END_TEST

START_TEST(a_stop_waits_for_it_and_for_who_reads_it)
{
	struct op *read;

	write_up_to_copying(make_early(0, 3 * BLOCK, BLOCK, 'a'));
	read = start_read(0, 3 * BLOCK, BLOCK);
	t.done = false;
	wb_stop(t.wb, note_done, NULL);
	ck_assert_int_eq(do_read(0, 3 * BLOCK, BLOCK), -ESHUTDOWN);
	let_things_happen();
	ck_assert(!t.done);
	waits_to_read(read);
	expect_read(read, 0, BLOCK, 'a');
	ck_assert_int_eq(wait_done(), 0);
	ck_assert_int_eq(wb_close(t.wb), 0);
	t.wb = NULL;
	begin();
	expect_block(0, 3, 'a');
}
END_TEST

static void stop_in_done(struct wb_io *io, int err)
{
	ck_assert_int_eq(err, 0);
	acknowledged(io);
}

START_TEST(a_stop_waits_until_everybody_has_been_told)
{
	struct op *first = make_write(0, 3 * BLOCK, BLOCK, 'a');
	struct op *second = make_write(0, 4 * BLOCK, BLOCK, 'b');

	first->io.done = stop_in_done;
	first->io.next = &second->io;
	write_up_to_copying(first);
	ck_assert(!second->done);
	t.done = false;
	wb_stop(t.wb, note_done, NULL);
	waits_to_end();
	ck_assert(second->done);
}
END_TEST

/* Writes go on, so there is nearly always one that is being copied. */
START_TEST(a_suspension_does_not_wait_for_it)
{
	write_up_to_copying(make_early(0, 3 * BLOCK, BLOCK, 'a'));
	t.done = false;
	wb_suspend(t.wb, t.b[0], note_done, NULL);
	ck_assert_int_eq(wait_done(), 0);
	copy();
	expect_block(0, 3, 'a');
}
END_TEST

START_TEST(a_backing_does_not_go_before_its_last_write_is_published)
{
	write_up_to_copying(make_early(0, 3 * BLOCK, BLOCK, 'a'));
	t.done = false;
	wb_detach(t.wb, t.b[0], true, note_done, NULL);
	let_things_happen();
	ck_assert(!t.done);
	ck_assert_uint_eq(nr_pending(t.cache, BDEV_WRITE), 0);
	copy();
	ck_assert_uint_eq(nr_pending(t.cache, BDEV_WRITE), 1);
	ck_assert_int_eq(wait_done(), 0);
	ck_assert_int_eq(try_attach(0, false), 0);
	ck_assert_int_eq(do_commit(), 0);
	expect_block(0, 3, 0);
	crash();
	begin();
	expect_block(0, 3, 0);
}
END_TEST

/* The last block, which ends inside a block and is lost, is being overwritten when that grows. */
START_TEST(a_backing_does_not_grow_before_its_last_write_is_published)
{
	const uint64_t last = (BACKING_BLOCKS - 1) * BLOCK, len = ODD_SECTORS * SECTOR;

	harness_teardown();
	harness_make(12, 4, 4);
	t.dev[0]->bdev.size = last + len;
	begin();
	ck_assert_int_eq(do_write(0, last, len, 'x'), 0);
	ck_assert_int_eq(do_sync(), 0);
	evict();
	damage(t.cache, slot_off(1, 1) + 5);
	ck_assert_int_eq(do_drain(), 0);
	ck_assert_int_eq(do_read(0, last, len), -EIO);
	put(t.dev[0], last + len, BLOCK - len, 'z');
	write_up_to_copying(make_early(0, last, len, 'a'));
	t.dev[0]->bdev.size = last + BLOCK;
	ck_assert_int_eq(do_resize(0), -EBUSY);
	copy();
	ck_assert_int_eq(do_resize(0), -EBUSY);
	ck_assert_int_eq(do_drain(), 0);
	ck_assert_int_eq(do_resize(0), 0);
	expect(0, last, len, 'a');
	expect(0, last + len, BLOCK - len, 'z');
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		every_good_write_tells_once_but_those_with_dsync,
		zeroing_and_what_fails_tell_nothing,
		waits_for_space_before_it_tells,
		a_read_waits_for_the_data_and_one_of_other_blocks_does_not,
		a_read_waits_for_all_of_a_chain,
		a_read_does_not_wait_for_what_is_acknowledged_later,
		its_latency_is_that_of_its_acknowledgement,
		it_is_published_before_the_thread_does_anything_else,
		a_long_chain_is_published_a_few_at_a_time,
		a_later_write_of_a_part_waits_and_wins,
		a_later_write_that_is_copied_first_wins,
		later_zeroing_wins,
		a_sync_makes_it_durable,
		a_drain_brings_it_to_the_backing,
		a_stop_waits_for_it_and_for_who_reads_it,
		a_stop_waits_until_everybody_has_been_told,
		a_suspension_does_not_wait_for_it,
		a_backing_does_not_go_before_its_last_write_is_published,
		a_backing_does_not_grow_before_its_last_write_is_published,
	};

	return harness_run("engine_acknowledged", tests, ARRAY_SIZE(tests), setup,
			   harness_teardown);
}
