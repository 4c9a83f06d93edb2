/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes the golden images: caches as this program leaves them, each with its two backings and with
 * what must be read from them. `tests/golden/make DIRECTORY` writes them anew, which is for a new
 * version of the format only: then new ones are added, and the old ones stay.
 */
#include "config.h"

#include <stdio.h>

#include "tests/golden/dump.h"
#include "tests/unit/engine_harness.h"

/* What must be read. */
static uint8_t expected[2][BACKING_BLOCKS * BLOCK];

static void expect_letter(unsigned int backing, uint64_t off, uint64_t len, char letter)
{
	memset(expected[backing] + off, letter, len);
}

static void put_block(unsigned int backing, uint64_t block, uint64_t nr, char letter)
{
	ck_assert_int_eq(do_write(backing, block * BLOCK, nr * BLOCK, letter), 0);
	expect_letter(backing, block * BLOCK, nr * BLOCK, letter);
}

static void put_bytes(unsigned int backing, uint64_t off, uint64_t len, char letter)
{
	ck_assert_int_eq(do_write(backing, off, len, letter), 0);
	expect_letter(backing, off, len, letter);
}

static void zero_blocks(unsigned int backing, uint64_t block, uint64_t nr)
{
	ck_assert_int_eq(do_zero(backing, block * BLOCK, nr * BLOCK), 0);
	expect_letter(backing, block * BLOCK, nr * BLOCK, 0);
}

static void sync_all(void)
{
	ck_assert_int_eq(do_sync(), 0);
}

static void drain_all(void)
{
	ck_assert_int_eq(do_drain(), 0);
}

/* ---- the images ---- */

/* Closed in order, all of it still in the log: whole and cut blocks, zeros, the odd end. */
static void clean(void)
{
	begin();
	put_block(0, 0, 1, 'a');
	put_block(0, 1, 7, 'b');
	put_block(1, 5, 3, 'c');
	sync_all();
	put_bytes(0, 3 * BLOCK + 512, 1024, 'd');
	put_bytes(1, 6 * BLOCK + 700, 5000, 'e');
	zero_blocks(0, 5, 10);
	put_bytes(0, 6 * BLOCK + 100, 30, 'f');
	put_bytes(1, (BACKING_BLOCKS - 1) * BLOCK + 512, 1000, 'g');
	end();
}

/*
 * A power cut: requests of several records, the last durable; behind it one of which a record is
 * missing, or is there but for a sector.
 */
static void crash_with(bool torn)
{
	begin();
	put_block(0, 10, 5, 'h');
	put_block(1, 20, 12, 'i');
	zero_blocks(1, 22, 3);
	put_block(0, 40, 1, 'j');
	sync_all();
	t.cache->hold[BDEV_FLUSH] = true;
	start_write(0, 11 * BLOCK, 8 * BLOCK, 'k');
	if (torn)
		start_sync();
	sim_sleep(&t.sim, 10 * NS_PER_MS);
	t.sim.fate = SIM_FATE_KEPT;
	if (torn) {
		struct wb_status s = status();
		uint64_t off = slot_off(s.current_segment_id, s.cursor - 1);

		crash();
		put(t.cache, off + 6 * SECTOR, SECTOR, 'l');
	} else {
		crash();
	}
}

static void torn(void)
{
	crash_with(true);
}

static void unfinished(void)
{
	crash_with(false);
}

/*
 * Four lives: one closed in order, two cut off with records that the next life's take the numbers
 * of, one in use with part of it migrated and the first slots taken again.
 */
static void generations(void)
{
	begin();
	put_block(0, 0, 3, 'm');
	end();
	for (char letter = 'n'; letter < 'p'; letter++) {
		begin();
		put_block(1, (uint64_t)letter - 'n', 4, letter);
		sync_all();
		t.cache->hold[BDEV_FLUSH] = true;
		start_write(1, 0, 9 * BLOCK, 'x');
		sim_sleep(&t.sim, 10 * NS_PER_MS);
		t.sim.fate = SIM_FATE_KEPT;
		t.cache->hold[BDEV_FLUSH] = false;
		crash();
	}
	begin();
	for (char letter = 'p'; letter < 'u'; letter++) {
		put_block(0, 2 * ((uint64_t)letter - 'p'), 6, letter);
		sync_all();
		if (letter == 'r')
			drain_all();
	}
	put_bytes(1, 30 * BLOCK + 10, 10, 'u');
	sync_all();
	crash();
}

/* Cut off while a batch was on its way: it is announced, and one backing has some of it. */
static void batch(void)
{
	begin();
	put_block(0, 0, 4, 'v');
	drain_all();
	put_block(0, 1, 2, 'w');
	zero_blocks(1, 0, 2);
	put_block(1, 8, 6, 'x');
	put_bytes(0, 2 * BLOCK + 1024, 512, 'y');
	sync_all();
	t.dev[1]->hold[BDEV_WRITE] = true;
	wb_drain(t.wb, NULL, note_done, NULL);
	sim_settle(&t.sim);
	t.dev[0]->hold[BDEV_FLUSH] = true;
	t.sim.fate = SIM_FATE_KEPT;
	put_block(1, 40, 1, 'z');
	sync_all();
	t.dev[1]->hold[BDEV_WRITE] = false;
	t.sim.pending = NULL;
	t.sim.nr_pending = 0;
	crash();
}

/*
 * One backing is held: its blocks and zeros have gone round the ring, one of them was lost on the
 * way and written again; the other one has got further.
 */
static void carried(void)
{
	begin();
	pause_backing(0, true);
	put_block(0, 50, 1, 'A');
	put_block(0, 3, 2, 'B');
	put_bytes(0, 5 * BLOCK + 512, 512, 'C');
	put_block(0, 10, 1, 'D');
	zero_blocks(0, 8, 6);
	put_block(0, 9, 1, 'E');
	sync_all();
	for (uint64_t i = 0; status().current_segment_id < 6; i++)
		put_block(1, i % 30, 1, 'F');
	damage(t.cache, slot_off(1, 1) + 7);
	for (uint64_t i = 0; status().current_segment_id < 30; i++)
		put_block(1, i % 40, 1, (char)('G' + i % 15));
	ck_assert(said("block 50 of slow0 is lost"));
	put_block(0, 50, 1, 'W');
	put_bytes(0, 4 * BLOCK + 3000, 50, 'X');
	sync_all();
	crash();
}

/* ---- writing them out ---- */

static const struct {
	const char *name;
	void (*make)(void);
	unsigned int nr_segments, segment_blocks, nr_buffers;
} images[] = {
	{"clean", clean, 8, 8, 4},
	{"torn", torn, 12, 4, 6},
	{"unfinished", unfinished, 12, 4, 6},
	{"generations", generations, 12, 4, 6},
	{"batch", batch, 8, 16, 4},
	{"carried", carried, 12, 4, 4},
};

static void write_image(const char *to, const char *name)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s.golden", to, name);
	file = fopen(path, "w");
	if (!file) {
		perror(path);
		exit(1);
	}
	fprintf(file, "# SPDX-License-Identifier: GPL-2.0-or-later\n");
	fprintf(file, "# Made by tests/golden/make; see tests/golden/dump.h.\n");
	dump_write(file, "cache", t.cache->stable, t.cache->bdev.size);
	for (unsigned int i = 0; i < 2; i++)
		dump_write(file, t.dev[i]->bdev.path, t.dev[i]->stable, t.dev[i]->bdev.size);
	for (unsigned int i = 0; i < 2; i++)
		dump_write(file, i ? "expected1" : "expected0", expected[i], t.dev[i]->bdev.size);
	fprintf(file, "end\n");
	if (ferror(file) || fclose(file)) {
		perror(path);
		exit(1);
	}
	printf("%s\n", path);
}

static const char *directory;

/* Not a test, but the harness works in tests only. */
START_TEST(image)
{
	harness_make(images[_i].nr_segments, images[_i].segment_blocks, images[_i].nr_buffers);
	for (unsigned int b = 0; b < 2; b++) {
		put(t.dev[b], 0, t.dev[b]->bdev.size, b ? '1' : '0');
		memset(expected[b], b ? '1' : '0', sizeof(expected[b]));
	}
	images[_i].make();
	write_image(directory, images[_i].name);
	harness_teardown();
}
END_TEST

int main(int argc, char **argv)
{
	TCase *tcase = tcase_create("make");
	Suite *suite = suite_create("make");
	SRunner *runner = srunner_create(suite);
	int nr_failed;

	if (argc != 2) {
		fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
		return 1;
	}
	directory = argv[1];
	tcase_add_loop_test(tcase, image, 0, sizeof(images) / sizeof(*images));
	suite_add_tcase(suite, tcase);
	srunner_set_fork_status(runner, CK_NOFORK);
	srunner_run_all(runner, CK_NORMAL);
	nr_failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return nr_failed != 0;
}
