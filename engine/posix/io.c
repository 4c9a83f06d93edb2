/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Chooses between uring.c and threads.c, and has what both need around an I/O: messages, waiting,
 * starting threads. posix_io_start and posix_io_stop are the host's, on one thread; the rest is
 * called on any.
 */
#include "config.h"

#include "engine/posix/io.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/message.h"

#define BRIEF_SLICE 100000u /* ns; the least that can be asked for */

void posix_log(const struct wb_env *env, enum wb_log_level level, const char *format, ...)
{
	int saved = errno;
	char line[MESSAGE_LEN];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	env->log(env->ctx, level, line);
	errno = saved;
}

static int start_either(const struct wb_env *env, struct posix_io **io)
{
	int err = uring_start(env, io);

	if (err == 0)
		return 0;
	posix_log(env, WB_LOG_WARNING, "io_uring: start: %s; using threads instead", reason(err));
	err = threads_start(env, io);
	if (err)
		posix_log(env, WB_LOG_ERROR, "I/O threads: start: %s", reason(err));
	return err;
}

int posix_io_start(enum posix_io_kind kind, const struct wb_env *env, struct posix_io **io)
{
	int err = -EINVAL;

	switch (kind) {
	case POSIX_IO_AUTO:
		return start_either(env, io);
	case POSIX_IO_URING:
		err = uring_start(env, io);
		break;
	case POSIX_IO_THREADS:
		err = threads_start(env, io);
		break;
	}
	if (err)
		posix_log(env, WB_LOG_ERROR, "%s: start: %s",
			  kind == POSIX_IO_URING ? "io_uring" : "I/O threads", reason(err));
	return err;
}

void posix_io_stop(struct posix_io *io)
{
	io->stop(io);
}

void posix_io_init(struct posix_io *io, const struct bdev_ops *ops, const struct wb_env *env)
{
	io->ops = ops;
	io->env = env;
	pthread_mutex_init(&io->wait_lock, NULL);
	pthread_cond_init(&io->wait_cond, NULL);
}

void posix_io_fini(struct posix_io *io)
{
	pthread_cond_destroy(&io->wait_cond);
	pthread_mutex_destroy(&io->wait_lock);
}

void posix_io_complete(struct bdev_io *io)
{
	struct posix_io *posix = posix_device_of(io->dev)->io;

	if (io->done) {
		io->done(io);
		return;
	}
	LOCK_SCOPE(&posix->wait_lock);
	io->completed = true;
	/* Under the lock: when it is released, who waits may free the I/O and close everything. */
	pthread_cond_broadcast(&posix->wait_cond);
}

void posix_io_wait(struct bdev *dev, struct bdev_io *io)
{
	struct posix_io *posix = posix_device_of(dev)->io;

	LOCK_SCOPE(&posix->wait_lock);
	while (!io->completed)
		pthread_cond_wait(&posix->wait_cond, &posix->wait_lock);
}

void posix_thread_is_brief(void)
{
	/* struct sched_attr, of which libc and kernel have headers that exclude each other. */
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period; /* ns */
	} attr = {.size = sizeof(attr)};

	if (syscall(SYS_sched_getattr, 0, &attr, sizeof(attr), 0) || attr.policy != SCHED_OTHER)
		return;
	attr.runtime = BRIEF_SLICE;
	syscall(SYS_sched_setattr, 0, &attr, 0);
}

int posix_thread_start(pthread_t *thread, void *(*main)(void *arg), void *arg, const char *name)
{
	sigset_t all, saved;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &saved);
	err = pthread_create(thread, NULL, main, arg);
	pthread_sigmask(SIG_SETMASK, &saved, NULL);
	if (err)
		return -err;
	pthread_setname_np(*thread, name);
	return 0;
}
