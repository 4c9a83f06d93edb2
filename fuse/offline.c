/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Working on a cache without a mount. Runs in a command's main thread. */
#include "config.h"

#include "fuse/offline.h"

#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/message.h"
#include "common/size.h"
#include "fuse/interrupt.h"
#include "fuse/progress.h"
#include "fuse/waiter.h"

enum { LOOK_EVERY_NS = 100000000 };

static struct server the_server; /* one in a process; too large for a stack */

int offline_start(struct mount_options *options, const char *cache, struct server **server)
{
	int err;

	free(options->cache);
	options->cache = strdup(cache);
	if (!options->cache)
		return -ENOMEM;
	err = options_resolve(options);
	if (err)
		return err;
	interrupt_catch(options->cache, options->command, INTERRUPT_STOPPED);
	err = server_start(&the_server, options, -1); /* SIGINT is caught as it is */
	interrupt_defer();
	*server = &the_server;
	return err;
}

int offline_stop(struct server *server)
{
	return server_stop(server);
}

/* ---- writing everything back ---- */

struct drained {
	atomic_bool done;
	int err; /* set before done */
};

static void note_drained(void *ctx, int err)
{
	struct drained *drained = ctx;

	drained->err = err;
	atomic_store(&drained->done, true);
}

static uint64_t bytes_left(struct server *server, const struct wb_backing *backing)
{
	struct wb_backing_info info;
	uint64_t bytes = 0;

	for (unsigned int i = 0; wb_backing_info(server->wb, i, &info); i++)
		if (!backing || info.backing == backing)
			bytes += info.dirty_bytes;
	return bytes;
}

/* Wait for the end of a drain, or for Ctrl-C. `drained` outlives us: the engine may still tell. */
static int drain_one(struct server *server, struct wb_backing *backing, struct drained *drained,
		     struct progress *progress)
{
	const struct timespec pause = {.tv_nsec = LOOK_EVERY_NS};

	wb_drain(server->wb, backing, note_drained, drained);
	while (!atomic_load(&drained->done)) {
		if (interrupt_asked())
			return -EINTR;
		progress_left(progress, bytes_left(server, NULL));
		nanosleep(&pause, NULL);
	}
	return drained->err;
}

/* Each by itself: those that are left out can't be written back. */
static int drain_all(struct server *server)
{
	static struct drained drained[WB_MAX_TABLE];
	struct progress progress = progress_begin(server->options->command);
	struct wb_backing_info info;
	int first = 0;

	for (unsigned int i = 0; first != -EINTR && wb_backing_info(server->wb, i, &info); i++) {
		int err = info.attached && info.in_log
				  ? drain_one(server, info.backing, &drained[i], &progress)
				  : 0;

		if (err && (!first || err == -EINTR))
			first = err;
	}
	progress_end(&progress, !first);
	return first;
}

/* What is under way ends, so that what is left can be told. The last step of a stop finds it so. */
static void end_batches(struct server *server)
{
	struct waiter waiter = WAITER_INIT;

	message(MESSAGE_INFO, "%s: %s: stopping when the batch under way has ended",
		server->options->cache, server->options->command);
	wb_stop(server->wb, waiter_done, &waiter);
	/* If it can't end well, its blocks are still in the log. */
	if (waiter_wait(&waiter))
		message(MESSAGE_DEBUG, "%s: stop: failed", server->options->cache);
}

static const char *why_left(const struct wb_backing_info *info, int err)
{
	if (!info->attached)
		return "left out";
	if (err == -EINTR)
		return "stopped before complete";
	return info->reason[0] ? info->reason : reason(err);
}

/* What is not on its backing, and why. -EUCLEAN: some of it never will be. */
static int tell_what_is_left(struct server *server, int err)
{
	const char *command = server->options->command;
	struct wb_backing_info info;
	char left[SIZE_TEXT_LEN];
	int result = err;

	for (unsigned int i = 0; wb_backing_info(server->wb, i, &info); i++) {
		if (!info.in_log)
			continue;
		if (info.nr_dirty || err || !info.attached) {
			message(info.attached ? MESSAGE_ERROR : MESSAGE_WARNING,
				"%s: %s: %s (%" PRIu64 " blocks) only in the cache: %s", info.name,
				command, format_size(info.dirty_bytes, left), info.nr_dirty,
				why_left(&info, err));
			continue;
		}
		message(MESSAGE_ERROR,
			"%s: %s: has blocks that are lost: they were damaged in the log", info.name,
			command);
		hint("wbfs check %s", server->options->cache);
		result = -EUCLEAN;
	}
	return result;
}

int offline_drain(struct mount_options *options, const char *cache)
{
	struct server *server;
	int err, stop_err;

	options->offline = OFFLINE_BACKINGS;
	err = offline_start(options, cache, &server);
	if (err)
		return err;
	err = drain_all(server);
	if (err == -EINTR)
		end_batches(server);
	err = tell_what_is_left(server, err);
	stop_err = offline_stop(server);
	if (stop_err)
		message(MESSAGE_ERROR, "%s: %s: close: %s", options->cache, options->command,
			reason(stop_err));
	return err ? err : stop_err;
}
