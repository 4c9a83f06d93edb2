/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A recorder of what a program does to some files: preloaded into it (LD_PRELOAD), it logs every
 * write, fallocate, fsync and fdatasync of the files in $RECORD_FILES (paths, ':' between them) to
 * $RECORD_LOG. Each call makes two entries: one with its data before it is passed on to the
 * system, and one with its result when it has come back. So what the log shows as ended before
 * something began really had. Others append to the same log; every entry is one write to a file
 * opened with O_APPEND, which puts all of them in one order. log.pl reads it. With
 * $RECORD_DELAY_US each call takes up to that many microseconds longer, a flush all of them, so
 * that more happens at the same time.
 *
 * Built and used by crash_states.sh. Calls come on any thread. There are no locks: all state is
 * const after the start, but for the atomic counter. A log that can't be written would be a lie,
 * so then the program is aborted.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define MAX_FILES 16
#define MAX_IOV 512 /* in one entry; more make several */

/* log.pl knows this layout. In the machine's byte order. */
struct entry {
	char magic[4];
	char kind;	/* one of enum kind */
	uint8_t device; /* which of $RECORD_FILES */
	uint16_t zero;
	uint32_t data_len; /* bytes that follow */
	uint32_t mode;	   /* of fallocate */
	uint64_t id;	   /* of the call: the same in both entries */
	uint64_t off;
	int64_t len; /* bytes to do; in an END the result or -errno */
};

_Static_assert(sizeof(struct entry) == 40, "no holes");

enum kind { WRITE = 'W', ZERO = 'Z', FLUSH = 'F', END = 'E' };

static struct {
	dev_t dev;
	ino_t ino;
} files[MAX_FILES];
static unsigned int nr_files;
static const char *log_path; /* NULL: nothing is recorded */
static unsigned int delay_us;
static atomic_uint_fast64_t last_id;

static void give_up(const char *what)
{
	fprintf(stderr, "record: %s: %s\n", what, strerror(errno));
	abort();
}

/* The system's own function of this name. */
static void *next(const char *name)
{
	void *function = dlsym(RTLD_NEXT, name);

	if (!function)
		give_up(name);
	return function;
}

__attribute__((constructor)) static void start(void)
{
	const char *log = getenv("RECORD_LOG"), *list = getenv("RECORD_FILES");
	const char *delay = getenv("RECORD_DELAY_US");
	char *copy = list ? strdup(list) : NULL, *rest = copy, *path;
	struct stat st;

	if (!log || !copy)
		return;
	while (nr_files < MAX_FILES && (path = strsep(&rest, ":"))) {
		if (stat(path, &st) < 0)
			give_up(path);
		files[nr_files].dev = st.st_dev;
		files[nr_files++].ino = st.st_ino;
	}
	free(copy);
	delay_us = delay ? (unsigned int)atoi(delay) : 0;
	log_path = log;
}

static bool is_recorded(int fd, uint8_t *device)
{
	struct stat st;

	if (!log_path || fstat(fd, &st) < 0)
		return false;
	for (*device = 0; *device < nr_files; ++*device)
		if (files[*device].dev == st.st_dev && files[*device].ino == st.st_ino)
			return true;
	return false;
}

/*
 * One entry with its data, which is iov[1] on; iov[0] is free for the entry. The log is opened
 * each time: a daemon may close all descriptors that it doesn't know.
 */
static void append(struct entry *entry, struct iovec *iov, int nr_iov)
{
	int saved = errno, fd = open(log_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		give_up(log_path);

	memcpy(entry->magic, "WBEV", sizeof(entry->magic));
	for (int i = 1; i < nr_iov; i++)
		entry->data_len += (uint32_t)iov[i].iov_len;
	iov[0].iov_base = entry;
	iov[0].iov_len = sizeof(*entry);
	if (writev(fd, iov, nr_iov) != (ssize_t)(sizeof(*entry) + entry->data_len))
		give_up("write the log");
	close(fd);
	errno = saved;
}

static struct entry begin(enum kind kind, uint8_t device)
{
	return (struct entry){
		.kind = (char)kind,
		.device = device,
		.id = atomic_fetch_add(&last_id, 1) + 1,
	};
}

/* Longer for some than for others, so that they overtake each other. */
static void delay(const struct entry *entry)
{
	unsigned int us = entry->kind == FLUSH ? delay_us : delay_us * (entry->id * 7 % 5) / 4;
	int saved = errno;

	if (us)
		usleep(us);
	errno = saved;
}

static void end(struct entry entry, int64_t result)
{
	struct iovec iov;

	delay(&entry);
	entry.kind = END;
	entry.data_len = 0;
	entry.len = result < 0 ? -errno : result;
	append(&entry, &iov, 1);
}

static struct entry begin_write(uint8_t device, const struct iovec *iov, int nr_iov, uint64_t off)
{
	struct entry entry = begin(WRITE, device);
	struct iovec all[MAX_IOV + 1];

	memcpy(&all[1], iov, (size_t)nr_iov * sizeof(*iov));
	entry.off = off;
	for (int i = 0; i < nr_iov; i++)
		entry.len += (int64_t)iov[i].iov_len;
	append(&entry, all, nr_iov + 1);
	return entry;
}

/* ---- what is put in the place of the system's functions ---- */

ssize_t pwrite64(int fd, const void *buf, size_t len, off64_t off)
{
	ssize_t (*real)(int, const void *, size_t, off64_t) = next("pwrite64");
	struct iovec iov = {.iov_base = (void *)buf, .iov_len = len};
	struct entry entry;
	uint8_t device;
	ssize_t result;

	if (!is_recorded(fd, &device))
		return real(fd, buf, len, off);
	entry = begin_write(device, &iov, 1, (uint64_t)off);
	result = real(fd, buf, len, off);
	end(entry, result);
	return result;
}

/* As a caller may go on after a short write, so may we: the part that one entry can hold. */
ssize_t pwritev64(int fd, const struct iovec *iov, int nr_iov, off64_t off)
{
	ssize_t (*real)(int, const struct iovec *, int, off64_t) = next("pwritev64");
	struct entry entry;
	uint8_t device;
	ssize_t result;

	if (!is_recorded(fd, &device))
		return real(fd, iov, nr_iov, off);
	if (nr_iov > MAX_IOV)
		nr_iov = MAX_IOV;
	entry = begin_write(device, iov, nr_iov, (uint64_t)off);
	result = real(fd, iov, nr_iov, off);
	end(entry, result);
	return result;
}

int fallocate64(int fd, int mode, off64_t off, off64_t len)
{
	int (*real)(int, int, off64_t, off64_t) = next("fallocate64");
	struct iovec iov;
	struct entry entry;
	uint8_t device;
	int result;

	if (!is_recorded(fd, &device))
		return real(fd, mode, off, len);
	entry = begin(ZERO, device);
	entry.mode = (uint32_t)mode;
	entry.off = (uint64_t)off;
	entry.len = len;
	append(&entry, &iov, 1);
	result = real(fd, mode, off, len);
	end(entry, result);
	return result;
}

static int flush(int fd, const char *name)
{
	int (*real)(int) = next(name);
	struct iovec iov;
	struct entry entry;
	uint8_t device;
	int result;

	if (!is_recorded(fd, &device))
		return real(fd);
	entry = begin(FLUSH, device);
	append(&entry, &iov, 1);
	result = real(fd);
	end(entry, result);
	return result;
}

int fdatasync(int fd)
{
	return flush(fd, "fdatasync");
}

int fsync(int fd)
{
	return flush(fd, "fsync");
}

#if __SIZEOF_LONG__ == 8
/* There the names without 64 mean the same. */
ssize_t pwrite(int fd, const void *buf, size_t len, off_t off)
{
	return pwrite64(fd, buf, len, off);
}

ssize_t pwritev(int fd, const struct iovec *iov, int nr_iov, off_t off)
{
	return pwritev64(fd, iov, nr_iov, off);
}

int fallocate(int fd, int mode, off_t off, off_t len)
{
	return fallocate64(fd, mode, off, len);
}
#endif
