/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing everything back. The trigger blocks until it is done, so a thread waits there while the
 * main thread looks how far it got. Ctrl-C ends the waiting, not the migration: whatever has been
 * written back by then has been.
 */
#include "config.h"

#include "fuse/drain.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "common/message.h"
#include "common/size.h"
#include "engine/wb_format.h"
#include "fuse/control_client.h"
#include "fuse/progress.h"

enum { LOOK_EVERY_NS = 200000000 };

struct drain {
	const struct mount_entry *mount;
	atomic_bool done;
	int err; /* set before done */
};

static atomic_bool interrupted;

static void note_interrupt(int number)
{
	(void)number;
	atomic_store(&interrupted, true);
}

static void *trigger(void *arg)
{
	struct drain *drain = arg;

	drain->err = control_set(drain->mount, "drain", "1");
	atomic_store(&drain->done, true);
	return NULL;
}

/* Bytes that are only in the cache. */
static uint64_t bytes_left(const struct mount_entry *mount)
{
	unsigned long long blocks = 0;
	TEXT_SCOPE status = {0};

	if (control_get(mount, "status", &status) == 0 &&
	    control_figure(&status, "nr_dirty", &blocks))
		return blocks * WB_BLOCK_SIZE;
	return 0;
}

static void watch(const struct drain *drain)
{
	const struct timespec pause = {.tv_nsec = LOOK_EVERY_NS};
	struct progress progress = progress_begin("drain");

	while (!atomic_load(&drain->done) && !atomic_load(&interrupted)) {
		progress_left(&progress, bytes_left(drain->mount));
		nanosleep(&pause, NULL);
	}
	progress_end(&progress, atomic_load(&drain->done) && !drain->err);
}

int drain(const struct mount_entry *mount)
{
	static struct drain drain; /* outlives us if we are interrupted */
	struct sigaction action = {.sa_handler = note_interrupt};
	char left[SIZE_TEXT_LEN];
	pthread_t thread;
	int err;

	drain.mount = mount;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	err = pthread_create(&thread, NULL, trigger, &drain);
	if (err)
		return -err;
	watch(&drain);
	if (!atomic_load(&drain.done)) {
		message(MESSAGE_WARNING, "%s: drain: stopped: %s still only in the cache",
			mount->point, format_size(bytes_left(mount), left));
		return -EINTR;
	}
	pthread_join(thread, NULL);
	return drain.err;
}
