/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The writes of wbfs demo that are interrupted, and what has to be left of them. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "fuse/demo.h"
#include "fuse/pattern.h"
#include "fuse/timer.h"

enum { READ_LEN = 1 << 20, KILL_AFTER_MS = 1000, KILL_AFTER_SYNCS = 3, ENOUGH_SYNCS = 100 };

/* ---- writing ---- */

struct writer {
	struct demo *demo;
	int fd;
	atomic_uint_fast64_t nr_syncs;
	atomic_bool stop, ended;
	int err; /* that ended it; read after it has ended */
};

/* The next write is number nr_writes + 1. It counts even if it fails: it may have arrived. */
static int write_one(struct writer *writer, void *buffer)
{
	struct demo *demo = writer->demo;
	uint64_t nr_blocks = demo->disk_size / DEMO_BLOCK;
	uint64_t seq = demo->nr_writes + 1;
	uint64_t block = pattern_shuffle(seq % nr_blocks, nr_blocks, demo->seed + seq / nr_blocks);

	pattern_fill(buffer, DEMO_BLOCK, block, seq);
	demo->blocks[demo->nr_writes++] = (uint32_t)block;
	if (pwrite(writer->fd, buffer, DEMO_BLOCK, (off_t)(block * DEMO_BLOCK)) != DEMO_BLOCK)
		return -errno;
	if (seq % DEMO_SYNC_EVERY)
		return 0;
	if (fdatasync(writer->fd) < 0)
		return -errno;
	demo->nr_synced = seq;
	atomic_fetch_add(&writer->nr_syncs, 1);
	return 0;
}

static void *write_on(void *arg)
{
	struct writer *writer = arg;
	struct demo *demo = writer->demo;
	CLEANUP_FREE void *buffer = aligned_alloc(DEMO_BLOCK, DEMO_BLOCK);

	writer->err = buffer ? 0 : -ENOMEM;
	while (!writer->err && !atomic_load(&writer->stop) && demo->nr_writes < demo->nr_writes_max)
		writer->err = write_one(writer, buffer);
	atomic_store(&writer->ended, true);
	return NULL;
}

static bool in_full_swing(const struct writer *writer, uint64_t ms)
{
	uint64_t nr = atomic_load(&writer->nr_syncs);

	return nr >= (ms < KILL_AFTER_MS ? ENOUGH_SYNCS : KILL_AFTER_SYNCS);
}

/* Under a writer that goes on until it gets an error. */
static int kill_in_the_middle(struct demo *demo, struct writer *writer)
{
	uint64_t begin = timer_now();

	while (!in_full_swing(writer, (timer_now() - begin) / 1000000)) {
		nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
		chart_live(&demo->chart, "writing ... %" PRIu64 " syncs",
			   (uint64_t)atomic_load(&writer->nr_syncs));
		if (!trial_goes_on(&demo->trial, atomic_load(&writer->nr_syncs))) {
			atomic_store(&writer->stop, true);
			return trial_stopped() ? -EINTR : -EIO;
		}
		if (atomic_load(&writer->ended))
			return writer->err ? writer->err : -ENOSPC;
	}
	trial_kill(&demo->trial);
	return 0;
}

int demo_write_and_kill(struct demo *demo)
{
	struct writer writer = {.demo = demo};
	char path[TRIAL_PATH_LEN];
	pthread_t thread;
	int err;

	trial_path(&demo->trial, "mnt/disk", path);
	writer.fd = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (writer.fd < 0) {
		err = -errno;
		message(MESSAGE_ERROR, "%s: open: %s", path, reason(err));
		return err;
	}
	err = -pthread_create(&thread, NULL, write_on, &writer);
	if (!err) {
		err = kill_in_the_middle(demo, &writer);
		pthread_join(thread, NULL);
	}
	close(writer.fd);
	if (err && err != -EINTR && !demo->trial.failed)
		message(MESSAGE_ERROR, "%s: write: %s", path, reason(err));
	return err;
}

/* ---- comparing ---- */

/* Which write each block shows, and the highest of all. */
static int read_all(struct demo *demo, const char *path, uint64_t *shown, uint64_t *newest)
{
	CLEANUP_CLOSE int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	CLEANUP_FREE char *buffer = aligned_alloc(DEMO_BLOCK, READ_LEN);

	if (fd < 0)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || !buffer)
		return fd < 0 ? -errno : -ENOMEM;
	for (uint64_t off = 0; off < demo->disk_size; off += READ_LEN) {
		ssize_t n = pread(fd, buffer, READ_LEN, (off_t)off);

		if (trial_stopped())
			return -EINTR;
		if (n != READ_LEN)
			return n < 0 ? -errno : -EIO;
		chart_live(&demo->chart, "comparing ... %" PRIu64 " %%",
			   off * 100 / demo->disk_size);
		for (uint64_t i = 0; i < READ_LEN / DEMO_BLOCK; i++) {
			uint64_t block = off / DEMO_BLOCK + i;
			uint64_t seq = pattern_seq(buffer + i * DEMO_BLOCK, block);

			shown[block] = seq;
			if (seq > *newest)
				*newest = seq; /* PATTERN_WRONG is above all */
		}
	}
	return 0;
}

/* The blocks that differ from what the first nr writes leave. */
static uint64_t count_wrong(const struct demo *demo, const uint64_t *shown, uint64_t nr,
			    uint64_t *expected)
{
	uint64_t wrong = 0;

	memset(expected, 0, demo->disk_size / DEMO_BLOCK * sizeof(*expected));
	for (uint64_t seq = 1; seq <= nr; seq++)
		expected[demo->blocks[seq - 1]] = seq;
	for (uint64_t block = 0; block < demo->disk_size / DEMO_BLOCK; block++)
		wrong += shown[block] != expected[block];
	return wrong;
}

static int compare(struct demo *demo, const char *path, uint64_t *shown, uint64_t *expected)
{
	uint64_t newest = 0, wrong;
	int err = read_all(demo, path, shown, &newest);

	if (err == -EINTR)
		return err;
	if (err) {
		message(MESSAGE_ERROR, "%s: read: %s", path, reason(err));
		return err;
	}
	if (newest < demo->nr_synced)
		newest = demo->nr_synced;
	if (newest > demo->nr_writes)
		newest = demo->nr_writes; /* something is wrong, and is counted */
	wrong = count_wrong(demo, shown, newest, expected);
	demo->nr_kept = newest;
	if (!wrong)
		return 0;
	message(MESSAGE_ERROR,
		"%s: compare: %" PRIu64 " blocks differ from what the first %" PRIu64
		" writes leave",
		path, wrong, newest);
	return -EUCLEAN;
}

int demo_verify(struct demo *demo, const char *path)
{
	uint64_t nr = demo->disk_size / DEMO_BLOCK;
	CLEANUP_FREE uint64_t *shown = calloc(nr, sizeof(*shown));
	CLEANUP_FREE uint64_t *expected = calloc(nr, sizeof(*expected));

	if (!shown || !expected)
		return -ENOMEM;
	return compare(demo, path, shown, expected);
}
