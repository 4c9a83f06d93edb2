/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From nothing to a mount that serves requests, and back: a table of steps, each with what undoes
 * it. Nothing is written to a disk before the step "generation". Offline commands take the same
 * steps but those that have to do with the mount. Runs in the daemon's main thread.
 */
#include "config.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "common/message.h"
#include "fuse/backings.h"
#include "fuse/memory.h"
#include "fuse/mount_table.h"
#include "fuse/run_lock.h"
#include "fuse/server.h"
#include "fuse/session.h"
#include "fuse/watch.h"

/* ---- what the engine asks of its host ---- */

static uint64_t host_now(void *ctx)
{
	(void)ctx;
	return timer_now();
}

static void host_set_timer(void *ctx, uint64_t when)
{
	struct server *server = ctx;

	timer_set(&server->timer, when);
}

static void host_log(void *ctx, enum wb_log_level level, const char *text)
{
	(void)ctx;
	if (strncmp(text, "hint: ", strlen("hint: ")) == 0)
		hint("%s", text + strlen("hint: "));
	else
		message((enum message_level)level, "%s", text);
}

/* ---- the steps ---- */

static int start_host(struct server *server)
{
	int err = timer_init(&server->timer);

	if (err) {
		message(MESSAGE_ERROR, "timer: create: %s", reason(err));
		return err;
	}
	server->env = (struct wb_env){
		.ctx = server,
		.now = host_now,
		.set_timer = host_set_timer,
		.log = host_log,
		.alloc = memory_alloc,
		.free = memory_free,
		.populate = memory_populate,
	};
	/* Nobody waits for an offline command to get memory back. */
	if (!server->options->offline)
		memory_lock_all();
	clock_gettime(CLOCK_REALTIME, &server->start_time);
	return 0;
}

static int stop_host(struct server *server)
{
	timer_fini(&server->timer);
	return 0;
}

static int start_io(struct server *server)
{
	return posix_io_start(server->options->io, &server->env, &server->io);
}

static int stop_io(struct server *server)
{
	posix_io_stop(server->io);
	return 0;
}

static unsigned int device_flags(const struct server *server)
{
	return server->options->read_only ? DEVICE_READ_ONLY : 0;
}

static int start_cache(struct server *server)
{
	return device_open(server->io, server->options->cache, device_flags(server),
			   &server->cache);
}

/* The devices of backings belong to the engine until it is closed, which it is here. */
static int stop_cache(struct server *server)
{
	exports_close(&server->exports);
	bdev_close(server->cache);
	return 0;
}

static int start_log(struct server *server)
{
	const struct wb_options options = {
		.read_only = server->options->read_only,
		.recover_truncate = server->options->recover_truncate,
		.nr_buffers = server->options->buffers,
		.progress = watch_recovery,
		.progress_ctx = server,
	};
	int err = wb_open(server->cache, &options, &server->env, &server->wb);

	watch_recovery_ends(!err);
	if (!err)
		exports_init(&server->exports, server->wb, server->io, device_flags(server));
	return err;
}

static int stop_log(struct server *server)
{
	return wb_close(server->wb);
}

static void tick(void *ctx)
{
	struct server *server = ctx;

	wb_tick(server->wb);
}

static int start_timer(struct server *server)
{
	return timer_start(&server->timer, tick, server);
}

static int stop_timer(struct server *server)
{
	timer_stop(&server->timer);
	return 0;
}

static int set_knobs(struct server *server)
{
	int err = 0;

	for (int i = 0; !err && i < WB_NR_KNOBS; i++)
		if (server->options->knobs[i].set)
			err = wb_knob_set(server->wb, NULL, i, server->options->knobs[i].value);
	return err;
}

static int start_requests(struct server *server)
{
	int err = request_pool_init(&server->requests, server);

	if (err)
		message(MESSAGE_ERROR, "requests: allocate: %s", reason(err));
	return err;
}

static int stop_requests(struct server *server)
{
	request_pool_fini(&server->requests);
	return 0;
}

static int start_modulator(struct server *server)
{
	return modulator_start(&server->modulator, server);
}

static int stop_modulator(struct server *server)
{
	modulator_stop(&server->modulator);
	return 0;
}

static int start_control(struct server *server)
{
	return control_start(&server->control);
}

static int stop_control(struct server *server)
{
	control_stop(&server->control);
	return 0;
}

static int stop_generation(struct server *server)
{
	struct waiter waiter = WAITER_INIT;

	wb_stop(server->wb, waiter_done, &waiter);
	return watch_stop(server, &waiter);
}

/* Also when it fails the log has begun, and can't be closed before it has stopped. */
static int start_generation(struct server *server)
{
	struct waiter waiter = WAITER_INIT;
	int err;

	wb_start(server->wb, waiter_done, &waiter);
	err = waiter_wait(&waiter);
	if (err)
		stop_generation(server);
	return err;
}

static int start_run_lock(struct server *server)
{
	server->run_lock = run_lock_take(server->mount_dev, server->cache->path);
	if (server->run_lock < 0)
		message(MESSAGE_WARNING, "%s: lock file: %s: wbfs umount will not wait",
			server->options->mount_point, reason(server->run_lock));
	return 0;
}

static int start_receive(struct server *server)
{
	int err = receive_init(&server->receive, server->session, &server->requests);

	if (err)
		message(MESSAGE_ERROR, "receivers: prepare: %s", reason(err));
	return err;
}

static int stop_receive(struct server *server)
{
	receive_fini(&server->receive);
	return 0;
}

static int start_receivers(struct server *server)
{
	int err = receive_start(&server->receive);

	if (err) {
		message(MESSAGE_ERROR, "receivers: start: %s", reason(err));
		return err;
	}
	err = session_wait_for_init(server);
	if (err)
		receive_stop(&server->receive);
	return err;
}

static int stop_receivers(struct server *server)
{
	receive_stop(&server->receive);
	control_close(&server->control);
	return 0;
}

/* Only now: whoever looks at the mount needs an answer. */
static int start_mount_table(struct server *server)
{
	mount_table_add(server->options->cache, server->options->mount_point, "fuse.wbfs");
	return 0;
}

static int stop_mount_table(struct server *server)
{
	mount_table_remove(server->options->mount_point);
	return 0;
}

static const struct step {
	const char *name;		     /* for who reads this, and for debug messages */
	int (*start)(struct server *server); /* 0 or -errno after a message */
	int (*stop)(struct server *server);  /* the same; NULL: nothing to undo */
	enum offline most;		     /* the least of a daemon that takes it */
} steps[] = {
	{"host", start_host, stop_host, OFFLINE_LOG},
	{"io", start_io, stop_io, OFFLINE_LOG},
	{"cache", start_cache, stop_cache, OFFLINE_LOG},
	{"log", start_log, stop_log, OFFLINE_LOG},
	{"timer", start_timer, stop_timer, OFFLINE_BACKINGS},
	{"knobs", set_knobs, NULL, OFFLINE_LOG},
	{"backings", backings_attach, NULL, OFFLINE_BACKINGS},
	{"requests", start_requests, stop_requests, OFFLINE_NOT},
	{"session", session_start, session_stop, OFFLINE_NOT},
	/* judges before migration begins */
	{"modulator", start_modulator, stop_modulator, OFFLINE_NOT},
	{"control", start_control, stop_control, OFFLINE_NOT},
	/* at the end waits for I/O of the generation, which tells about that while it stops */
	{"receive", start_receive, stop_receive, OFFLINE_NOT},
	{"generation", start_generation, stop_generation, OFFLINE_BACKINGS},
	{"run lock", start_run_lock, NULL, OFFLINE_NOT},
	{"receivers", start_receivers, stop_receivers, OFFLINE_NOT},
	{"mount table", start_mount_table, stop_mount_table, OFFLINE_NOT},
};

enum { NR_STEPS = sizeof(steps) / sizeof(steps[0]) };

static bool is_taken(const struct server *server, const struct step *step)
{
	return server->options->offline <= step->most;
}

static int undo(struct server *server, size_t nr)
{
	int first = 0;

	while (nr-- > 0) {
		int err = 0;

		if (!is_taken(server, &steps[nr]))
			continue;
		if (steps[nr].stop)
			err = steps[nr].stop(server);
		message(MESSAGE_DEBUG, "stop: %s: %s", steps[nr].name, err ? reason(err) : "done");
		if (err && !first)
			first = err;
	}
	return first;
}

int server_start(struct server *server, const struct mount_options *options, int signals)
{
	*server = (struct server){.options = options, .run_lock = -1, .signals = signals};
	for (size_t i = 0; i < NR_STEPS; i++) {
		int err;

		if (!is_taken(server, &steps[i]))
			continue;
		err = watch_asked_to_end(server) ? -EINTR : steps[i].start(server);
		message(MESSAGE_DEBUG, "start: %s: %s", steps[i].name, err ? reason(err) : "done");
		if (err) {
			undo(server, i);
			if (err == -EINTR)
				message(MESSAGE_WARNING, "%s: mount: stopped: nothing is mounted",
					options->mount_point);
			return err;
		}
	}
	return 0;
}

int server_stop(struct server *server)
{
	return undo(server, NR_STEPS);
}
