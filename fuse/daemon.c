/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The process that serves a mount: fork, signals, the end. The main thread only waits; it is the
 * one that may sleep.
 */
#include "config.h"

#include "fuse/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "fuse/messages.h"
#include "fuse/notify.h"
#include "fuse/run_lock.h"
#include "fuse/server.h"
#include "fuse/session.h"
#include "fuse/watch.h"

enum { DETACH_PATIENCE_MS = 10000 };

static struct server the_server; /* one in a process; too large for a stack */

/* ---- the end of a mount ---- */

/* What the main thread waits for. All are its own. */
struct events {
	int signals;	 /* signalfd */
	int detached;	 /* eventfd: session_detach has returned */
	bool detaching;	 /* was asked to end */
	bool has_thread; /* detacher runs and is to be joined */
	pthread_t detacher;
};

static void *detach_and_tell(void *arg)
{
	struct events *events = arg;

	session_detach(&the_server);
	eventfd_write(events->detached, 1);
	return NULL;
}

/* A signal: take the mount away while we still serve what the kernel has to write. */
static void begin_detach(struct events *events)
{
	events->detaching = true;
	events->has_thread = pthread_create(&events->detacher, NULL, detach_and_tell, events) == 0;
	if (!events->has_thread)
		eventfd_write(events->detached, 1);
}

static bool got_signal(const struct events *events)
{
	struct signalfd_siginfo info;

	return read(events->signals, &info, sizeof(info)) == (ssize_t)sizeof(info);
}

/*
 * Return when the mount is gone, or when it has to be cut off: it was asked to end and is still
 * in use, can't be unmounted for long, or a second signal says that it is urgent.
 */
static void wait_for_end(struct events *events)
{
	struct pollfd fds[] = {
		{.fd = the_server.receive.ended_fd, .events = POLLIN},
		{.fd = events->signals, .events = POLLIN},
		{.fd = events->detached, .events = POLLIN},
	};

	for (;;) {
		int n = poll(fds, 3,
			     events->detaching ? DETACH_PATIENCE_MS : watch_serving(&the_server));

		if (n < 0 || (n == 0 && !events->detaching))
			continue;
		if (n == 0 || fds[0].revents || (fds[1].revents && events->detaching))
			break;
		if (fds[1].revents && got_signal(events))
			begin_detach(events);
		if (fds[2].revents && !session_is_over(&the_server))
			break;
		if (fds[2].revents)
			fds[2].fd = -1; /* the receivers will notice in a moment */
	}
	if (!fds[0].revents && !session_is_over(&the_server))
		message(MESSAGE_WARNING, "%s: stop: still in use: cut off",
			the_server.options->mount_point);
}

/* ---- the life of the process ---- */

/* Threads inherit the mask: none of them is interrupted, the main thread reads signals. */
static int catch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Nothing of the terminal or the directory we came from stays in use. */
static void leave_terminal(void)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	messages_to_syslog();
	setsid();
	if (chdir("/") < 0 || null < 0)
		return;
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		dup2(null, fd);
	if (null > STDERR_FILENO)
		close(null);
}

static void tell_parent(int *pipe_fd, enum exit_status status)
{
	unsigned char byte = (unsigned char)status;

	if (*pipe_fd < 0)
		return;
	if (write(*pipe_fd, &byte, sizeof(byte)) < 0)
		message(MESSAGE_DEBUG, "parent: gone");
	close(*pipe_fd);
	*pipe_fd = -1;
}

static int serve_until_end(struct events *events, int *parent)
{
	int err;

	if (*parent >= 0)
		leave_terminal();
	tell_parent(parent, EXIT_STATUS_DONE);
	notify("READY=1");
	wait_for_end(events);
	notify("STOPPING=1");
	watch_ending(&the_server);
	err = server_stop(&the_server);
	/* With the session gone, nothing can hold it up any more. */
	if (events->has_thread)
		pthread_join(events->detacher, NULL);
	return err;
}

/* The whole daemon. parent: where the exit status goes as soon as it is known, or -1. */
static enum exit_status serve(const struct mount_options *options, int parent)
{
	CLEANUP_CLOSE int signals = catch_signals();
	CLEANUP_CLOSE int detached = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct events events = {.signals = signals, .detached = detached};
	enum exit_status status;
	int err = signals < 0 || detached < 0 ? -EMFILE : messages_start();

	if (err) {
		message(MESSAGE_ERROR, "daemon: start: %s", reason(err));
		status = exit_status_of(err);
		tell_parent(&parent, status);
		return status;
	}
	notify_open();
	err = server_start(&the_server, options, signals);
	if (!err)
		err = serve_until_end(&events, &parent);
	status = exit_status_of(err);
	messages_stop();
	notify_close();
	tell_parent(&parent, status);
	run_lock_leave(the_server.run_lock, the_server.mount_dev, status);
	return status;
}

/* ---- the parent ---- */

/* Its word, -EINTR if a signal is there instead, or -EPIPE if it is gone. */
static int hear_child(int pipe_fd, int signals)
{
	struct pollfd fds[] = {
		{.fd = pipe_fd, .events = POLLIN},
		{.fd = signals, .events = POLLIN},
	};
	unsigned char byte;

	while (poll(fds, 2, -1) < 0)
		;
	if (fds[0].revents)
		return read(pipe_fd, &byte, sizeof(byte)) == (ssize_t)sizeof(byte) ? byte : -EPIPE;
	return -EINTR;
}

/* Pass on what was sent to us alone; the terminal's keys reach the child by themselves. */
static void pass_on(int signals, pid_t child)
{
	struct signalfd_siginfo info;

	if (read(signals, &info, sizeof(info)) == (ssize_t)sizeof(info) && info.ssi_code <= 0)
		kill(child, (int)info.ssi_signo);
}

static enum exit_status wait_for_child(int pipe_fd, int signals, pid_t child)
{
	bool stopped = false;
	int word, how;

	while ((word = hear_child(pipe_fd, signals)) == -EINTR) {
		stopped = true;
		pass_on(signals, child);
	}
	if (word == EXIT_STATUS_DONE && !stopped)
		return EXIT_STATUS_DONE;
	if (word == EXIT_STATUS_DONE)
		kill(child, SIGTERM); /* it had left our terminal by then */
	/* A child that failed holds devices until it is gone. */
	while (waitpid(child, &how, 0) < 0 && errno == EINTR)
		;
	if (word > EXIT_STATUS_DONE)
		return (enum exit_status)word;
	if (word == EXIT_STATUS_DONE)
		message(MESSAGE_WARNING, "mount: stopped: unmounted again");
	else /* it died without a word */
		message(MESSAGE_ERROR, "daemon: start: %s",
			WIFSIGNALED(how) ? strsignal(WTERMSIG(how))
					 : "ended before the mount was there");
	return EXIT_STATUS_STOPPED;
}

/* What else was open here is not ours to hold. Returns the descriptor that is left. */
static int keep_only(int fd)
{
	enum { FIRST = STDERR_FILENO + 1 };

	if (fd != FIRST && dup3(fd, FIRST, O_CLOEXEC) < 0)
		return fd;
	close_range(FIRST + 1, ~0U, 0);
	return FIRST;
}

enum exit_status daemon_run(const struct mount_options *options)
{
	CLEANUP_CLOSE int signals = -1;
	enum exit_status status;
	int fds[2];
	pid_t child;

	message_set_level(options->log_level);
	if (options->foreground)
		return serve(options, -1);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return exit_status_of(-errno);
	signals = catch_signals();
	child = fork();
	if (child < 0) {
		message(MESSAGE_ERROR, "daemon: fork: %s", reason(errno));
		return EXIT_STATUS_RESOURCES;
	}
	if (child == 0)
		exit(serve(options, keep_only(fds[1])));
	close(fds[1]);
	status = wait_for_child(fds[0], signals, child);
	close(fds[0]);
	return status;
}
