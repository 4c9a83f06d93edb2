/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The child tells through a pipe: OPENED when it has opened the file, then what it has read, and in
 * any case its error number as the last byte. It has nothing else open, so that whoever waits for
 * the end of our output doesn't wait for it. Any thread of a command; it dies with that.
 */
#include "config.h"

#include "fuse/errand.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "fuse/timer.h"

enum { PIECE = 16 << 10, TO = STDIN_FILENO, OPENED = 0xff /* no error number */ };

struct errand {
	const char *path;
	const char *value; /* NULL: read */
};

/* ---- the child: only what is safe after a fork among threads ---- */

static void tell(const uint8_t *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(TO, bytes, len);

		if (n <= 0)
			_exit(EXIT_FAILURE); /* nobody listens */
		bytes += n;
		len -= (size_t)n;
	}
}

static int go_and_read(int fd)
{
	uint8_t piece[PIECE];
	ssize_t n;

	while ((n = read(fd, piece, sizeof(piece))) > 0)
		tell(piece, (size_t)n);
	return n < 0 ? errno : 0;
}

static int go_and_write(int fd, const char *value)
{
	size_t len = strlen(value);
	ssize_t n = write(fd, value, len);

	if (n < 0)
		return errno;
	return (size_t)n == len ? 0 : EIO;
}

static int go(const struct errand *errand)
{
	static const uint8_t opened = OPENED;
	int fd = open(errand->path, (errand->value ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
	int err;

	if (fd < 0)
		return errno;
	tell(&opened, 1);
	err = errand->value ? go_and_write(fd, errand->value) : go_and_read(fd);
	/* That asks the daemon, too. */
	close(fd);
	return err;
}

/* All signals stay blocked; SIGKILL comes when the parent ends. */
static void be_child(const struct errand *errand, int to, pid_t parent)
{
	uint8_t err;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || dup2(to, TO) < 0)
		_exit(EXIT_FAILURE);
	close_range(TO + 1, UINT_MAX, 0);
	err = (uint8_t)go(errand);
	tell(&err, 1);
	_exit(EXIT_SUCCESS);
}

static pid_t send_child(const struct errand *errand, int to)
{
	pid_t parent = getpid(), child;
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	child = fork();
	if (child == 0)
		be_child(errand, to, parent);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return child < 0 ? -errno : child;
}

/* ---- the parent ---- */

/* How long to wait yet, for poll. */
static int ms_until(uint64_t when)
{
	uint64_t now = timer_now();

	return when == UINT64_MAX ? -1 : now >= when ? 0 : (int)((when - now) / 1000000 + 1);
}

/* The number of bytes, 0 at the end, or -errno. */
static ssize_t listen_to(int from, uint8_t *bytes, size_t size, uint64_t until)
{
	struct pollfd pollfd = {.fd = from, .events = POLLIN};
	ssize_t n;

	for (;;) {
		int ready = poll(&pollfd, 1, ms_until(until));

		if (ready == 0)
			return -ETIMEDOUT;
		if (ready > 0) {
			n = read(from, bytes, size);
			return n < 0 ? -errno : n;
		}
		if (errno != EINTR)
			return -errno;
	}
}

/* Its last byte is the result, so one byte is always held back. */
static int listen_to_all(int from, const struct errand *errand, struct text *text, bool *opened)
{
	uint64_t until = timer_now() + ERRAND_PATIENCE * UINT64_C(1000000000);
	uint8_t bytes[PIECE], last = 0;
	bool begun = false, held = false;
	ssize_t n;

	while ((n = listen_to(from, bytes, sizeof(bytes), until)) > 0) {
		const uint8_t *at = bytes;

		if (!begun && *at == OPENED) {
			at++;
			n--;
			*opened = true;
			if (errand->value)
				until = UINT64_MAX;
		}
		begun = true;
		if (!n)
			continue;
		if (held && text)
			text_printf(text, "%c", last);
		if (text)
			text_printf(text, "%.*s", (int)n - 1, (const char *)at);
		last = at[n - 1];
		held = true;
	}
	if (n < 0)
		return (int)n;
	return held ? -last : -EIO;
}

static int run(const struct errand *errand, struct text *text, bool *opened)
{
	CLEANUP_CLOSE int from = -1;
	int fds[2], err;
	pid_t child;

	*opened = false;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	from = fds[0];
	child = send_child(errand, fds[1]);
	close(fds[1]);
	if (child < 0)
		return child;
	err = listen_to_all(from, errand, text, opened);
	if (err == -ETIMEDOUT)
		kill(child, SIGKILL);
	/* It is about to end, or stays behind. */
	while (waitpid(child, NULL, err == -ETIMEDOUT ? WNOHANG : 0) < 0 && errno == EINTR)
		;
	return err;
}

int errand_read(const char *path, struct text *text)
{
	const struct errand errand = {.path = path};
	bool opened;
	int err = run(&errand, text, &opened);

	return err ? err : text->failed ? -ENOMEM : 0;
}

int errand_write(const char *path, const char *value, bool *opened)
{
	const struct errand errand = {.path = path, .value = value};

	return run(&errand, NULL, opened);
}
