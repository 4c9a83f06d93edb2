/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A slow disk: preloaded into a program (LD_PRELOAD), it makes each read, write and flush at an
 * offset take $SLOW_US microseconds longer while the file $SLOW_SWITCH is there, or only those whose
 * name begins with $SLOW_CALLS. Only for what goes by system calls (-o io=threads). Calls come on any thread; there is no state but what is const
 * after the start.
 */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *slow_switch, *slow_calls;
static useconds_t slow_us;

__attribute__((constructor)) static void begin(void)
{
	const char *us = getenv("SLOW_US");

	slow_switch = getenv("SLOW_SWITCH");
	slow_calls = getenv("SLOW_CALLS");
	slow_us = us ? (useconds_t)atoi(us) : 0;
}

static void be_slow(const char *call)
{
	if (slow_calls && strncmp(call, slow_calls, strlen(slow_calls)) != 0)
		return;
	if (slow_switch && access(slow_switch, F_OK) == 0)
		usleep(slow_us);
}

#define SLOW(result, name, parameters, ...) \
	result name parameters; \
	result name parameters \
	{ \
		result(*next) parameters = (result(*) parameters)dlsym(RTLD_NEXT, #name); \
\
		be_slow(#name); \
		return next(__VA_ARGS__); \
	}

SLOW(ssize_t, pread64, (int fd, void *buf, size_t len, off64_t off), fd, buf, len, off)
SLOW(ssize_t, pwrite64, (int fd, const void *buf, size_t len, off64_t off), fd, buf, len, off)
SLOW(ssize_t, preadv64, (int fd, const struct iovec *iov, int nr, off64_t off), fd, iov, nr, off)
SLOW(ssize_t, pwritev64, (int fd, const struct iovec *iov, int nr, off64_t off), fd, iov, nr, off)
SLOW(ssize_t, pread, (int fd, void *buf, size_t len, off_t off), fd, buf, len, off)
SLOW(ssize_t, pwrite, (int fd, const void *buf, size_t len, off_t off), fd, buf, len, off)
SLOW(ssize_t, preadv, (int fd, const struct iovec *iov, int nr, off_t off), fd, iov, nr, off)
SLOW(ssize_t, pwritev, (int fd, const struct iovec *iov, int nr, off_t off), fd, iov, nr, off)
SLOW(int, fdatasync, (int fd), fd)
