/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a daemon tells while it starts, serves and ends. Runs in its main thread. */
#include "config.h"

#include "fuse/watch.h"

#include <errno.h>
#include <poll.h>

#include "common/size.h"
#include "fuse/notify.h"
#include "fuse/progress.h"
#include "fuse/run_lock.h"

enum { TELL_EVERY_MS = 200, STATUS_EVERY_MS = 5000, WORDS_LEN = 160 };

bool watch_asked_to_end(const struct server *server)
{
	struct pollfd fd = {.fd = server->signals, .events = POLLIN};

	return poll(&fd, 1, 0) == 1;
}

/* ---- recovery ---- */

static struct {
	bool begun;
	enum wb_progress what;
	struct progress progress;
} recovery; /* the main thread's */

static const char *recovery_name(enum wb_progress what)
{
	switch (what) {
	case WB_PROGRESS_SCAN:
		return "looking for the log's end";
	case WB_PROGRESS_RECOVER:
		return "recovering the log";
	}
	return "";
}

int watch_recovery(void *ctx, enum wb_progress what, uint64_t done, uint64_t total)
{
	const struct server *server = ctx;
	char words[WORDS_LEN];

	if (recovery.begun && recovery.what != what)
		watch_recovery_ends(true);
	if (!recovery.begun) {
		recovery.begun = true;
		recovery.what = what;
		recovery.progress = progress_begin(recovery_name(what));
	}
	(void)progress_left(&recovery.progress, total - done);
	progress_words(&recovery.progress, words, sizeof(words));
	notify_status(true, "%s: %s", recovery_name(what), words);
	return watch_asked_to_end(server) ? -EINTR : 0;
}

void watch_recovery_ends(bool complete)
{
	if (recovery.begun)
		progress_end(&recovery.progress, complete);
	recovery.begun = false;
}

/* ---- serving ---- */

int watch_serving(struct server *server)
{
	char dirty[SIZE_TEXT_LEN], unsynced[SIZE_TEXT_LEN];
	struct wb_status status;
	bool draining = atomic_load(&server->nr_drains) > 0;

	if (!notify_is_open())
		return -1;
	wb_status(server->wb, &status);
	notify_status(draining, "%s%s%s: %s only in the cache%s, %s not yet durable",
		      wb_state_name(status.state), *status.reason ? ": " : "", status.reason,
		      format_size(status.dirty_bytes, dirty), draining ? ", draining" : "",
		      format_size(status.unsynced_bytes, unsynced));
	return STATUS_EVERY_MS;
}

/* ---- the end ---- */

/* Of what isn't durable; records are about as long as each other. */
static uint64_t unwritten_bytes(const struct wb_status *status)
{
	double records = (double)(status->sealed - status->durable);
	double unwritten = (double)(status->sealed - status->logged);

	return records > 0 ? (uint64_t)((double)status->unsynced_bytes * unwritten / records)
			   : status->unsynced_bytes;
}

static uint64_t tell_what_is_left(const struct server *server, struct wb_status *status)
{
	uint64_t unwritten;

	wb_status(server->wb, status);
	unwritten = unwritten_bytes(status);
	run_lock_ending(server->run_lock, status->unsynced_bytes, unwritten);
	return unwritten;
}

void watch_ending(struct server *server)
{
	struct wb_status status;

	(void)tell_what_is_left(server, &status);
}

int watch_stop(struct server *server, struct waiter *waiter)
{
	struct progress progress = progress_begin("making the log durable");
	struct wb_status status;
	char words[WORDS_LEN];

	do {
		if (progress_left(&progress, tell_what_is_left(server, &status)))
			progress_stalled(&progress, status.migrating
							    ? "waiting for a batch of migration"
							    : "waiting for the cache device");
		progress_words(&progress, words, sizeof(words));
		notify_status(true, "making the log durable: %s", words);
	} while (!waiter_wait_ms(waiter, TELL_EVERY_MS));
	(void)tell_what_is_left(server, &status);
	progress_end(&progress, true);
	return waiter_wait(waiter);
}
