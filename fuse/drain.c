/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writing everything back. The trigger blocks until it is done, so a thread waits there while the
 * main thread looks how far it got. Ctrl-C ends that; migration by the knobs goes on.
 */
#include "config.h"

#include "fuse/drain.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/message.h"
#include "common/size.h"
#include "engine/wb_format.h"
#include "fuse/control_client.h"
#include "fuse/progress.h"

enum { LOOK_EVERY_NS = 200000000, WHY_LEN = 768 };

struct drain {
	const struct mount_entry *mount;
	const char *backing; /* NULL: all */
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

	char file[NAME_MAX + 32] = "drain";

	if (drain->backing)
		snprintf(file, sizeof(file), "devices/%.255s/drain", drain->backing);
	drain->err = control_set(drain->mount, file, "1");
	atomic_store(&drain->done, true);
	return NULL;
}

/* Bytes that are only in the cache. False: nobody knows. */
static bool bytes_left(const struct drain *drain, uint64_t *bytes)
{
	char file[NAME_MAX + 64] = "status";
	unsigned long long blocks = 0;
	TEXT_SCOPE text = {0};

	if (drain->backing)
		snprintf(file, sizeof(file), "devices/%.255s/nr_dirty_caches", drain->backing);
	if (control_peek(drain->mount, file, &text) || !text.bytes)
		return false;
	if (drain->backing)
		blocks = strtoull(text.bytes, NULL, 10);
	else if (!control_figure(&text, "nr_dirty", &blocks))
		return false;
	*bytes = blocks * WB_BLOCK_SIZE;
	return true;
}

/* The rest of a line of the status behind "LABEL: ", or NULL. */
static const char *value_of(const char *line, const char *label)
{
	size_t len = strlen(label);

	return strncmp(line, label, len) == 0 && strncmp(line + len, ": ", 2) == 0 ? line + len + 2
										   : NULL;
}

/*
 * What the status says of who is not well: of the backing that is drained, else of the first one,
 * else of the cache.
 */
static bool find_reason(char *status, const char *backing, char why[WHY_LEN])
{
	char name[NAME_MAX + 1] = "";
	bool found = false, of_backing = false;
	char *save = NULL;

	for (char *line = strtok_r(status, "\n", &save); line && !of_backing;
	     line = strtok_r(NULL, "\n", &save)) {
		const char *reason_text = value_of(line, *name ? "  reason" : "reason");

		if (sscanf(line, "backing %255[^:]:", name) == 1)
			continue;
		if (!reason_text || (*name && backing && strcmp(name, backing) != 0))
			continue;
		snprintf(why, WHY_LEN, "%s%s%.400s", name, *name ? ": " : "", reason_text);
		found = true;
		of_backing = *name;
	}
	return found;
}

static void tell_why(struct progress *progress, const struct drain *drain)
{
	TEXT_SCOPE status = {0};
	char why[WHY_LEN];

	if (control_peek(drain->mount, "status", &status) || !status.bytes)
		return;
	if (!find_reason(status.bytes, drain->backing, why))
		snprintf(why, sizeof(why), "waiting for the disk of %s",
			 drain->backing ? drain->backing : "a backing");
	progress_stalled(progress, why);
}

/* Returns whether the daemon answers. */
static bool watch(const char *what, const struct drain *drain)
{
	const struct timespec pause = {.tv_nsec = LOOK_EVERY_NS};
	struct progress progress = progress_begin(what);
	bool answers = true, answered;

	while (!atomic_load(&drain->done) && !atomic_load(&interrupted)) {
		uint64_t left;

		answered = answers;
		answers = bytes_left(drain, &left);
		/* If it never did, the trigger says so. */
		if (!answers && !answered)
			progress_stalled(&progress, "the daemon doesn't answer");
		else if (answers && progress_left(&progress, left))
			tell_why(&progress, drain);
		nanosleep(&pause, NULL);
	}
	progress_end(&progress, atomic_load(&drain->done) && !drain->err);
	return answers;
}

static void tell_stopped(const char *what, const struct drain *drain, bool answers)
{
	const char *object = drain->backing ? drain->backing : drain->mount->point;
	char text[SIZE_TEXT_LEN];
	uint64_t left;

	if (answers && bytes_left(drain, &left))
		message(MESSAGE_WARNING, "%s: %s: stopped: %s still only in the cache", object,
			what, format_size(left, text));
	else
		message(MESSAGE_WARNING, "%s: %s: stopped", object, what);
}

int drain(const char *what, const struct mount_entry *mount, const char *backing)
{
	static struct drain drain; /* outlives us if we are interrupted */
	struct sigaction action = {.sa_handler = note_interrupt}, old_int, old_term;
	pthread_t thread;
	bool answers;
	int err;

	drain.mount = mount;
	drain.backing = backing;
	sigaction(SIGINT, &action, &old_int);
	sigaction(SIGTERM, &action, &old_term);
	err = pthread_create(&thread, NULL, trigger, &drain);
	if (err)
		return -err;
	answers = watch(what, &drain);
	if (atomic_load(&interrupted)) {
		tell_stopped(what, &drain, answers);
		return -EINTR;
	}
	pthread_join(thread, NULL);
	sigaction(SIGINT, &old_int, NULL);
	sigaction(SIGTERM, &old_term, NULL);
	return drain.err;
}
