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
	interrupt_catch(options->cache, options->command);
	err = server_start(&the_server, options);
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

/* What is left, and why: asked for, stopped, or the backing can't take it. */
static void tell_what_is_left(struct server *server, int err)
{
	struct wb_backing_info info;
	char left[SIZE_TEXT_LEN];

	for (unsigned int i = 0; wb_backing_info(server->wb, i, &info); i++) {
		if (!info.in_log)
			continue;
		message(err && info.attached ? MESSAGE_ERROR : MESSAGE_WARNING,
			"%s: %s: %s (%" PRIu64 " blocks) only in the cache: %s", info.name,
			server->options->command, format_size(info.dirty_bytes, left),
			info.nr_dirty,
			!info.attached	 ? "left out"
			: err == -EINTR	 ? "stopped"
			: info.reason[0] ? info.reason
					 : reason(err));
	}
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
	tell_what_is_left(server, err);
	stop_err = offline_stop(server);
	if (stop_err)
		message(MESSAGE_ERROR, "%s: %s: close: %s", options->cache, options->command,
			reason(stop_err));
	return err ? err : stop_err;
}
