/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two receivers. Nothing here or in a handler may sleep in I/O, but for carry_out. */
#include "config.h"

#include "fuse/receive.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "engine/posix/device.h"
#include "fuse/timer.h"

#define WINDOW_MAX 50000u /* ns */
#define WINDOW_FIRST 10000u

/* Requests during an I/O of the first; after so many it carries out none for some more. */
#define CROWD 2u
#define BACKOFF 256u

struct receiver {
	struct receive *receive;
	struct request *request; /* to receive into */
	uint64_t window;	 /* ns to look before sleeping */
	unsigned int backoff;	 /* requests until it carries out I/O again */
};

static void raise_event(int fd)
{
	uint64_t one = 1;

	if (write(fd, &one, sizeof(one)) < 0)
		return; /* it is raised already */
}

static void lower_event(int fd)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) < 0)
		return; /* it isn't raised */
}

static void call_second(struct receive *receive)
{
	if (!atomic_exchange(&receive->helping, true))
		raise_event(receive->help_fd);
}

/* Have requests wake the second, or no more. False if the system won't. */
static bool second_watches(struct receive *receive, bool watches)
{
	struct epoll_event event = {.events = EPOLLIN};

	return epoll_ctl(receive->second_fd, watches ? EPOLL_CTL_ADD : EPOLL_CTL_DEL,
			 fuse_session_fd(receive->session), &event) == 0;
}

static bool ended(const struct receive *receive)
{
	return atomic_load_explicit(&receive->end, memory_order_relaxed);
}

/* It is wanted here: leave I/O to the I/O threads for some time. */
static void back_off(struct receiver *receiver)
{
	receiver->backoff = BACKOFF;
	posix_io_volunteer(false);
}

static void back_off_less(struct receiver *receiver)
{
	if (receiver->backoff && --receiver->backoff == 0)
		posix_io_volunteer(true);
}

/* The I/O that the first has taken, if any. */
static void carry_out(struct receiver *receiver)
{
	struct receive *receive = receiver->receive;
	unsigned int before;
	bool watched;

	if (!posix_io_has_taken())
		return;
	request_submit_held();
	before = atomic_load(&receive->nr_second);
	watched = second_watches(receive, true);
	if (!watched) {
		atomic_store(&receive->unwatched, true);
		raise_event(receive->help_fd);
	}
	pthread_mutex_unlock(&receive->present);
	posix_io_carry_out();
	pthread_mutex_lock(&receive->present);
	atomic_store(&receive->unwatched, false);
	if (watched)
		second_watches(receive, false);
	if (atomic_load(&receive->nr_second) - before >= CROWD)
		back_off(receiver);
}

static bool hold_request(struct receiver *receiver)
{
	struct receive *receive = receiver->receive;

	if (receiver->request)
		return true;
	receiver->request = request_hold(receive->pool);
	if (receiver->request)
		return true;
	/* All are in use. */
	request_submit_held();
	carry_out(receiver);
	receiver->request = request_wait(receive->pool);
	return receiver->request;
}

/* Handle one request. 1, 0 if there is none now, -ESHUTDOWN at the end. */
static int receive_one(struct receiver *receiver)
{
	struct receive *receive = receiver->receive;
	int len;

	if (!hold_request(receiver))
		return -ESHUTDOWN;
	len = fuse_session_receive_buf(receive->session, &receiver->request->received);
	if (len <= 0 || ended(receive)) {
		request_none_came();
		carry_out(receiver);
		return !ended(receive) && (len == -EAGAIN || len == -EINTR) ? 0 : -ESHUTDOWN;
	}
	request_lend(receiver->request);
	fuse_session_process_buf(receive->session, &receiver->request->received);
	if (request_handled())
		call_second(receive);
	receiver->request = request_return();
	carry_out(receiver);
	return 1;
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
static void adapt(struct receiver *receiver, uint64_t slept)
{
	if (slept <= WINDOW_MAX)
		receiver->window = receiver->window ? WINDOW_MAX : WINDOW_FIRST;
	else if (receiver->window > WINDOW_FIRST)
		receiver->window /= 2;
	else
		receiver->window = 0;
}

static int wait_for_request(struct receiver *receiver)
{
	uint64_t idle_since = timer_now();
	int result;

	while (timer_now() - idle_since < receiver->window) {
		/* Whoever makes the next request may need this core for it. */
		sched_yield();
		result = receive_one(receiver);
		if (result)
			return result;
	}
	sleep_until_request(receiver->receive);
	adapt(receiver, timer_now() - idle_since);
	return 1;
}

static void end(struct receiver *receiver)
{
	struct receive *receive = receiver->receive;

	if (receiver->request)
		request_put(receiver->request);
	atomic_store(&receive->end, true);
	raise_event(receive->help_fd);
	raise_event(receive->ended_fd);
}

/* They are the daemon's, but for those that a write may bring, such as SIGXFSZ. */
static void take_no_signals(void)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
}

static void *receive_first(void *arg)
{
	struct receiver receiver = {.receive = arg};
	int result;

	take_no_signals();
	posix_io_volunteer(true);
	pthread_mutex_lock(&receiver.receive->present);
	do {
		result = receive_one(&receiver);
		if (result == 0)
			result = wait_for_request(&receiver);
		back_off_less(&receiver);
	} while (result >= 0);
	end(&receiver);
	pthread_mutex_unlock(&receiver.receive->present);
	return NULL;
}

static void sleep_until_called(struct receive *receive)
{
	struct epoll_event event;

	while (epoll_wait(receive->second_fd, &event, 1, -1) < 0)
		;
	lower_event(receive->help_fd);
}

static void *receive_second(void *arg)
{
	struct receive *receive = arg;
	struct receiver receiver = {.receive = receive};
	int result;

	do {
		sleep_until_called(receive);
		do {
			result = receive_one(&receiver);
			if (result > 0)
				atomic_fetch_add(&receive->nr_second, 1);
			else if (result == 0 && atomic_load(&receive->unwatched))
				result = wait_for_request(&receiver);
		} while (result > 0);
		atomic_store(&receive->helping, false);
	} while (result >= 0);
	end(&receiver);
	return NULL;
}

int receive_init(struct receive *receive, struct fuse_session *session, struct request_pool *pool)
{
	struct epoll_event event = {.events = EPOLLIN};
	int fd = fuse_session_fd(session);

	*receive = (struct receive){
		.session = session,
		.pool = pool,
		.stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.help_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.second_fd = epoll_create1(EPOLL_CLOEXEC),
		.present = PTHREAD_MUTEX_INITIALIZER,
	};
	pool->fd = fd;
	if (receive->stop_fd < 0 || receive->ended_fd < 0 || receive->help_fd < 0 ||
	    receive->second_fd < 0 ||
	    epoll_ctl(receive->second_fd, EPOLL_CTL_ADD, receive->help_fd, &event) < 0 ||
	    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0) {
		int err = -errno;

		receive_fini(receive);
		return err;
	}
	return 0;
}

void receive_fini(struct receive *receive)
{
	const int fds[] = {receive->stop_fd, receive->ended_fd, receive->help_fd,
			   receive->second_fd};

	if (receive->started)
		pthread_join(receive->first, NULL);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	pthread_mutex_destroy(&receive->present);
}

int receive_start(struct receive *receive)
{
	int err = pthread_create(&receive->first, NULL, receive_first, receive);

	if (err)
		return -err;
	receive->started = true;
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
	raise_event(receive->help_fd);
	if (!pthread_equal(receive->first, receive->second))
		pthread_join(receive->second, NULL);
	pthread_mutex_lock(&receive->present);
	pthread_mutex_unlock(&receive->present);
}

void receive_moves(struct receive *receive, size_t len)
{
	if (len >= RECEIVE_LARGE)
		call_second(receive);
}
