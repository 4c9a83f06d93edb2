/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opens files and block devices: what may be used, the lock, size and alignments. Called on the
 * host's thread, which may block. After device_open zero_method changes by itself, and the host may
 * change more, one change at a time, where nothing of it matters to I/O; so there is no lock.
 *
 * The lock against a second user hangs on the descriptor that carries the I/O. So when a process
 * dies, it lasts until the last of its I/O is done, and a successor can't be overtaken by it.
 */
#include "config.h"

#include "engine/posix/hdd.h"
#include "engine/posix/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/message.h"

#define SMALLEST_BLOCK 512u
#define LARGEST_BLOCK 4096u

/* Up to a quarter of a second in all, for the last I/O of a user that has just ended. */
#define LOCK_TRIES 8

static int refuse(const struct posix_io *io, const char *path, int err, const char *action,
		  const char *why)
{
	posix_log(io->env, WB_LOG_ERROR, "%s: %s: %s", path, action, why);
	return err;
}

/* Why an open or a lock failed, as it looks to who typed the path. */
static const char *open_reason(const struct posix_device *device, int err)
{
	switch (err) {
	case -EBUSY:
		return device->is_block ? "in use: mounted, or held by another program"
					: "in use by another wbfs";
	case -ETXTBSY:
		return "in use as swap space or as a running program";
	case -ELOOP:
		return "too many symbolic links";
	default:
		return reason(err);
	}
}

/* Only files and block devices; tells which. Before open, because opening a FIFO blocks. */
static int check_kind(struct posix_device *device, const struct stat *st)
{
	const struct posix_io *io = device->io;
	const char *path = device->path;

	switch (st->st_mode & S_IFMT) {
	case S_IFREG:
		device->is_block = false;
		device->rdev = 0;
		break;
	case S_IFBLK:
		device->is_block = true;
		device->rdev = st->st_rdev;
		break;
	case S_IFDIR:
		return refuse(io, path, -EISDIR, "open", "is a directory");
	default:
		return refuse(io, path, -EINVAL, "open", "neither a file nor a block device");
	}
	device->dev = st->st_dev;
	device->ino = st->st_ino;
	return 0;
}

/* Open and lock, once. A block device is locked by the open, a file by flock. */
static int open_locked(struct posix_device *device, int flags, int *fd_out)
{
	bool read_only = (flags & O_ACCMODE) == O_RDONLY;
	CLEANUP_CLOSE int fd = open(device->path, flags | (device->is_block ? O_EXCL : 0));

	if (fd < 0)
		return -errno;
	if (!device->is_block && flock(fd, (read_only ? LOCK_SH : LOCK_EX) | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	*fd_out = fd;
	fd = -1;
	return 0;
}

/* The same, waiting a little for a user that has just ended. Logs. */
static int open_and_lock(struct posix_device *device, int flags)
{
	struct timespec pause = {.tv_nsec = 1000000};
	int err = open_locked(device, flags, &device->fd);

	for (int i = 0; err == -EBUSY && i < LOCK_TRIES; i++) {
		nanosleep(&pause, NULL);
		pause.tv_nsec *= 2;
		err = open_locked(device, flags, &device->fd);
	}
	if (err == -EINVAL && flags & O_DIRECT)
		return open_and_lock(device, flags & ~O_DIRECT);
	if (err)
		refuse(device->io, device->path, err, "open", open_reason(device, err));
	return err == -ETXTBSY ? -EBUSY : err;
}

static int ask_size(const struct posix_device *device, const char *action, uint64_t *size)
{
	const struct posix_io *io = device->io;
	struct stat st;

	if (fstat(device->fd, &st) < 0 ||
	    (device->is_block && ioctl(device->fd, BLKGETSIZE64, size) < 0)) {
		int err = -errno;

		return refuse(io, device->path, err, "read size", reason(err));
	}
	if (!device->is_block)
		*size = (uint64_t)st.st_size;
	if (*size == 0)
		return refuse(io, device->path, -EINVAL, action, "is empty");
	if (*size % WB_SECTOR_SIZE)
		return refuse(io, device->path, -EINVAL, action,
			      "its size is not a multiple of 512 bytes");
	return 0;
}

/* A device may be read-only although it can be opened for writing. */
static int check_writable(const struct posix_device *device)
{
	int read_only = 0;

	if (device->bdev.read_only || !device->is_block)
		return 0;
	if (ioctl(device->fd, BLKROGET, &read_only) < 0 || !read_only)
		return 0;
	return refuse(device->io, device->path, -EROFS, "open", "the device is read-only");
}

/* What the file system says about direct I/O (Linux 6.1): false if it says nothing. */
static bool ask_alignment(const struct posix_device *device, uint32_t *block, uint32_t *memory)
{
#ifdef STATX_DIOALIGN
	struct statx stx;

	if (statx(device->fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) == 0 &&
	    stx.stx_mask & STATX_DIOALIGN) {
		*block = stx.stx_dio_offset_align;
		*memory = stx.stx_dio_mem_align;
		return true;
	}
#endif
	(void)device;
	(void)block;
	(void)memory;
	return false;
}

/* The smallest read at the start that is not refused as misaligned; 0 if there is none. */
static uint32_t try_alignment(const struct posix_device *device)
{
	CLEANUP_FREE void *buf = NULL;

	if (posix_memalign(&buf, LARGEST_BLOCK, LARGEST_BLOCK))
		return 0;
	for (uint32_t block = SMALLEST_BLOCK; block <= LARGEST_BLOCK; block *= 2)
		if (pread(device->fd, buf, block, 0) >= 0 || errno != EINVAL)
			return block;
	return 0;
}

/* What direct I/O asks for; false if it can't be had for the whole device. */
static bool find_alignment(struct posix_device *device)
{
	uint32_t block = 0, memory = 0;
	int logical = 0;

	if (!(fcntl(device->fd, F_GETFL) & O_DIRECT))
		return false;
	if (device->is_block) {
		if (ioctl(device->fd, BLKSSZGET, &logical) == 0 && logical > 0)
			block = memory = (uint32_t)logical;
	} else if (!ask_alignment(device, &block, &memory)) {
		block = memory = try_alignment(device);
	}
	if (block == 0 || block > LARGEST_BLOCK || memory > LARGEST_BLOCK)
		return false;
	if (block < SMALLEST_BLOCK)
		block = SMALLEST_BLOCK;
	device->bdev.logical_block_size = block;
	device->bdev.memory_align = memory ? memory : 1;
	return device->bdev.size % block == 0;
}

/* Direct I/O if wanted and possible, else through the page cache, which takes everything. */
static int set_alignment(struct posix_device *device, unsigned int flags)
{
	int fl;

	if (!(flags & DEVICE_BUFFERED)) {
		if (find_alignment(device))
			return 0;
		posix_log(device->io->env, WB_LOG_WARNING,
			  "%s: open: no direct I/O here, using the page cache", device->path);
	}
	device->bdev.logical_block_size = 1;
	device->bdev.memory_align = 1;
	fl = fcntl(device->fd, F_GETFL);
	if (fl < 0 || (fl & O_DIRECT && fcntl(device->fd, F_SETFL, fl & ~O_DIRECT) < 0)) {
		int err = -errno;

		return refuse(device->io, device->path, err, "open", reason(err));
	}
	return 0;
}

static int open_device(struct posix_device *device, unsigned int flags)
{
	int open_flags = O_CLOEXEC | O_NOCTTY;
	struct stat st;
	int err;

	if (stat(device->path, &st) < 0) {
		err = -errno;
		return refuse(device->io, device->path, err, "open", reason(err));
	}
	err = check_kind(device, &st);
	if (err)
		return err;
	open_flags |= device->bdev.read_only ? O_RDONLY : O_RDWR;
	open_flags |= flags & DEVICE_BUFFERED ? 0 : O_DIRECT;
	err = open_and_lock(device, open_flags);
	if (err)
		return err;
	/* Now for what was really opened. */
	if (fstat(device->fd, &st) < 0) {
		err = -errno;
		return refuse(device->io, device->path, err, "open", reason(err));
	}
	err = check_kind(device, &st);
	if (!err)
		err = check_writable(device);
	if (!err)
		err = ask_size(device, "open", &device->bdev.size);
	return err ? err : set_alignment(device, flags);
}

void posix_device_close(struct bdev *dev)
{
	struct posix_device *device = posix_device_of(dev);

	if (device->fd >= 0)
		close(device->fd);
	free(device->path);
	free(device);
}

static int simulate(struct posix_device *device, struct bdev **dev)
{
	int err = hdd_open(&device->bdev, dev);

	if (err) {
		refuse(device->io, device->path, err, "simulate a hard disk", reason(err));
		posix_device_close(&device->bdev);
	}
	return err;
}

int device_open(struct posix_io *io, const char *path, unsigned int flags, struct bdev **dev)
{
	struct posix_device *device = calloc(1, sizeof(*device));
	int err;

	if (!device)
		return refuse(io, path, -ENOMEM, "open", reason(ENOMEM));
	device->io = io;
	device->fd = -1;
	device->bdev.ops = io->ops;
	device->bdev.read_only = flags & DEVICE_READ_ONLY;
	device->path = realpath(path, NULL);
	device->bdev.path = device->path;
	if (device->path) {
		err = open_device(device, flags);
	} else {
		err = -errno;
		refuse(io, path, err, "open", open_reason(device, err));
	}
	if (err) {
		posix_device_close(&device->bdev);
		return err;
	}
	*dev = &device->bdev;
	return flags & DEVICE_SIM_HDD ? simulate(device, dev) : 0;
}

const struct posix_device *posix_device_under(const struct bdev *dev)
{
	const struct bdev *real = hdd_real(dev);

	return posix_device_of(real ? real : dev);
}

static struct posix_device *device_under(struct bdev *dev)
{
	struct bdev *real = hdd_real(dev);

	return posix_device_of(real ? real : dev);
}

int device_read_size(const struct bdev *dev, uint64_t *size)
{
	const struct posix_device *device = posix_device_under(dev);
	int err = ask_size(device, "resize", size);

	if (!err && *size % device->bdev.logical_block_size)
		err = refuse(device->io, device->path, -EINVAL, "resize",
			     "its size is not a multiple of its block size");
	return err;
}

void device_grow(struct bdev *dev, uint64_t size)
{
	device_under(dev)->bdev.size = size;
	if (hdd_real(dev))
		hdd_grow(dev, size);
}

bool device_works(struct bdev *dev)
{
	CLEANUP_FREE void *buf = NULL;
	uint64_t len = dev->logical_block_size < SMALLEST_BLOCK ? SMALLEST_BLOCK
								: dev->logical_block_size;

	return posix_memalign(&buf, LARGEST_BLOCK, LARGEST_BLOCK) == 0 &&
	       bdev_read(dev, 0, buf, len) == 0;
}

bool device_is_at(const struct bdev *dev, const char *path)
{
	const struct posix_device *device = posix_device_under(dev);
	struct stat st;

	if (stat(path, &st) < 0)
		return false;
	if (device->is_block)
		return S_ISBLK(st.st_mode) && st.st_rdev == device->rdev;
	return st.st_dev == device->dev && st.st_ino == device->ino;
}

/* I/O names the number of the descriptor, so that is what stays. */
static int exchange_descriptors(int a, int b)
{
	CLEANUP_CLOSE int kept = fcntl(a, F_DUPFD_CLOEXEC, 0);

	if (kept < 0 || dup3(b, a, O_CLOEXEC) < 0)
		return -errno;
	return dup3(kept, b, O_CLOEXEC) < 0 ? -errno : 0;
}

int device_exchange(struct bdev *dev, struct bdev *other)
{
	struct posix_device *a = device_under(dev), *b = device_under(other);
	const struct posix_device old = *a;
	int err;

	if (a->bdev.size != b->bdev.size)
		return refuse(b->io, b->path, -EINVAL, "attach", "its size has changed");
	if (a->bdev.logical_block_size % b->bdev.logical_block_size ||
	    a->bdev.memory_align % b->bdev.memory_align)
		return refuse(b->io, b->path, -EINVAL, "attach",
			      "its blocks are larger than they were");
	err = exchange_descriptors(a->fd, b->fd);
	if (err)
		return refuse(b->io, b->path, err, "attach", reason(err));
	a->is_block = b->is_block;
	a->rdev = b->rdev;
	a->dev = b->dev;
	a->ino = b->ino;
	a->path = b->path;
	b->is_block = old.is_block;
	b->rdev = old.rdev;
	b->dev = old.dev;
	b->ino = old.ino;
	b->path = old.path;
	atomic_store(&a->zero_method, atomic_load(&b->zero_method));
	dev->path = a->bdev.path = a->path;
	other->path = b->bdev.path = b->path;
	return 0;
}

uint64_t device_number(const struct bdev *dev)
{
	return posix_device_under(dev)->rdev;
}

uint64_t device_disk_number(const struct bdev *dev)
{
	const struct posix_device *device = posix_device_under(dev);

	return device->is_block ? device->rdev : device->dev;
}

bool device_busy_ns(const struct bdev *dev, uint64_t *ns)
{
	if (!hdd_real(dev))
		return false;
	*ns = hdd_busy_ns(dev);
	return true;
}

const char *device_simulates(const struct bdev *dev)
{
	return hdd_real(dev) ? "hdd" : NULL;
}
