/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two receivers. Nothing here or in a handler may sleep in I/O. */
#include "config.h"

#include "fuse/receive.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "fuse/timer.h"

#define WINDOW_MAX 50000u /* ns */
#define WINDOW_FIRST 10000u

static void raise_event(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		return; /* it is raised already */
}

static void call_second(struct receive *receive)
{
	if (!atomic_exchange(&receive->helping, true))
		sem_post(&receive->help);
}

/*
 * Handle one request. 1, 0 if there is none now, -ESHUTDOWN at the end. *request may change, and
 * be NULL at the end.
 */
static int receive_one(struct receive *receive, struct request **request)
{
	int len = fuse_session_receive_buf(receive->session, &(*request)->received);

	if (len <= 0 || atomic_load_explicit(&receive->end, memory_order_relaxed)) {
		request_none_came();
		return len == -EAGAIN || len == -EINTR ? 0 : -ESHUTDOWN;
	}
	if (request_came())
		call_second(receive);
	request_lend(*request);
	fuse_session_process_buf(receive->session, &(*request)->received);
	*request = request_return();
	if (!*request)
		*request = request_hold(receive->pool);
	return *request ? 1 : -ESHUTDOWN;
}

static void sleep_until_request(struct receive *receive)
{
	struct pollfd fds[] = {
		{.fd = fuse_session_fd(receive->session), .events = POLLIN},
		{.fd = receive->stop_fd, .events = POLLIN},
	};

	poll(fds, 2, -1);
}

/* Look longer if the last sleep turned out shorter than we might have looked, else less. */
static void adapt(struct receive *receive, uint64_t slept)
{
	if (slept <= WINDOW_MAX)
		receive->window = receive->window ? WINDOW_MAX : WINDOW_FIRST;
	else if (receive->window > WINDOW_FIRST)
		receive->window /= 2;
	else
		receive->window = 0;
}

static int wait_for_request(struct receive *receive, struct request **request)
{
	uint64_t idle_since = timer_now();
	int result;

	while (timer_now() - idle_since < receive->window) {
		/* Whoever makes the next request may need this core for it. */
		sched_yield();
		result = receive_one(receive, request);
		if (result)
			return result;
	}
	sleep_until_request(receive);
	adapt(receive, timer_now() - idle_since);
	return 1;
}

static void *receive_first(void *arg)
{
	struct receive *receive = arg;
	struct request *request = request_hold(receive->pool);
	int result = request ? 1 : -ESHUTDOWN;

	while (result >= 0) {
		result = receive_one(receive, &request);
		if (result == 0)
			result = wait_for_request(receive, &request);
	}
	if (request)
		request_put(request);
	atomic_store(&receive->end, true);
	sem_post(&receive->help);
	raise_event(receive->ended_fd);
	return NULL;
}

static void *receive_second(void *arg)
{
	struct receive *receive = arg;
	struct request *request = request_hold(receive->pool);

	for (;;) {
		while (sem_wait(&receive->help) < 0)
			;
		if (atomic_load(&receive->end))
			break;
		while (request && receive_one(receive, &request) > 0)
			;
		atomic_store(&receive->helping, false);
	}
	if (request)
		request_put(request);
	return NULL;
}

void receive_moves(struct receive *receive, size_t len)
{
	if (len >= RECEIVE_LARGE)
		call_second(receive);
}

static void close_events(struct receive *receive)
{
	if (receive->stop_fd >= 0)
		close(receive->stop_fd);
	if (receive->ended_fd >= 0)
		close(receive->ended_fd);
	sem_destroy(&receive->help);
}

int receive_start(struct receive *receive, struct fuse_session *session, struct request_pool *pool)
{
	int flags = fcntl(fuse_session_fd(session), F_GETFL);
	int err;

	receive->session = session;
	receive->pool = pool;
	pool->fd = fuse_session_fd(session);
	receive->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	receive->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	sem_init(&receive->help, 0, 0);
	if (receive->stop_fd < 0 || receive->ended_fd < 0 ||
	    fcntl(fuse_session_fd(session), F_SETFL, flags | O_NONBLOCK) < 0) {
		err = -errno;
		close_events(receive);
		return err;
	}
	err = pthread_create(&receive->first, NULL, receive_first, receive);
	if (err) {
		close_events(receive);
		return -err;
	}
	err = pthread_create(&receive->second, NULL, receive_second, receive);
	if (err) {
		receive->second = receive->first;
		receive_stop(receive);
	}
	return -err;
}

void receive_stop(struct receive *receive)
{
	atomic_store(&receive->end, true);
	fuse_session_exit(receive->session);
	request_pool_close(receive->pool);
	raise_event(receive->stop_fd);
	sem_post(&receive->help);
	pthread_join(receive->first, NULL);
	if (!pthread_equal(receive->first, receive->second))
		pthread_join(receive->second, NULL);
	close_events(receive);
}
