/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files and block devices as struct bdev: opened with O_DIRECT where that works, locked against a
 * second user, driven by one io_uring with a completion thread, or by a pool of threads with
 * pread and pwrite where io_uring is refused (and for valgrind and TSan, which don't see its
 * ordering).
 */
#ifndef WB_POSIX_DEVICE_H
#define WB_POSIX_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/bdev.h"
#include "engine/wb.h"

struct posix_io; /* what carries out the I/O of all devices of a process */

enum posix_io_kind {
	POSIX_IO_AUTO, /* io_uring, or threads with one message */
	POSIX_IO_URING,
	POSIX_IO_THREADS,
};

/*
 * Starts threads: call after the last fork, and after PR_SET_IO_FLUSHER, which they inherit. They
 * take no signals. Messages go to env->log, all that is used of env; it must outlive posix_io.
 * 0 or -errno.
 */
int posix_io_start(enum posix_io_kind kind, const struct wb_env *env, struct posix_io **io)
	WB_CHECK;
/* All its devices are closed and nothing is in flight. */
void posix_io_stop(struct posix_io *io);

/*
 * The calling thread, one of the host, offers, or does not any more, to carry out itself what it
 * submits with by_submitter set: a short I/O when nothing else is under way, and the flush of what
 * it has written. That saves waking another thread, which takes as long as the I/O. After each call
 * that may submit, the thread looks whether it has taken something, and carries that out before it
 * waits for anything. It takes no signals: a write may bring some.
 */
void posix_io_volunteer(bool volunteers);
bool posix_io_has_taken(void);
/* Blocks in I/O, perhaps for ever; calls done. */
void posix_io_carry_out(void);

enum device_flags {
	DEVICE_READ_ONLY = 1,
	DEVICE_BUFFERED = 2, /* through the page cache: any offset and length, memory anywhere */
	DEVICE_SIM_HDD = 4,  /* as slow as a hard disk: see hdd_model.h */
};

/*
 * Open and lock a file or block device: one writer, or any number of DEVICE_READ_ONLY on a file,
 * one user on a block device. Blocks. dev->path is realpath of `path`. The size is that of now,
 * even if a file grows. Where direct I/O is refused, one warning, and all goes through the page
 * cache. On failure one message says why, and the result is -ENOENT, -EACCES, -EROFS, -EBUSY
 * (mounted, locked, or in use by another wbfs), -EISDIR, -EINVAL (neither a file nor a block
 * device; empty; size not a multiple of 512), -EIO, ... Close with bdev_close.
 */
int device_open(struct posix_io *io, const char *path, unsigned int flags, struct bdev **dev)
	WB_CHECK;

/*
 * What tells the device from others, as stable as the system makes it: a link in
 * /dev/disk/by-id, a partition uuid, or file system and inode number of an image file. False: there
 * is nothing but the device number, which another may have the next time. Blocks.
 */
bool device_identity(const struct bdev *dev, char identity[WB_IDENTITY_LEN]);

/*
 * The size that the device has now; nothing is changed. Blocks. -EINVAL after a message: one that
 * can't be used.
 */
int device_read_size(const struct bdev *dev, uint64_t *size) WB_CHECK;
/* From now on it has this size, which is not smaller than it was. */
void device_grow(struct bdev *dev, uint64_t size);

/* Whether it can still be read. Blocks. */
bool device_works(struct bdev *dev);
/* Whether a path leads to what was opened. Blocks. */
bool device_is_at(const struct bdev *dev, const char *path);

/*
 * Put what `other` has open below `dev`, and the other way round; also below a simulated disk. I/O
 * that is in flight ends where it began. Paths and numbers change places too: nobody may ask for
 * them meanwhile. -EINVAL after a message: another size, or alignments that dev does not keep.
 */
int device_exchange(struct bdev *dev, struct bdev *other) WB_CHECK;

/* st_rdev of a block device, 0 for a file. */
uint64_t device_number(const struct bdev *dev);

/*
 * The device that works when this one is read or written: itself, or for a file the one under its
 * file system. It may be none: that of a tmpfs has a number too.
 */
uint64_t device_disk_number(const struct bdev *dev);

/* For how long (ns) a simulated disk has been at work. False if it isn't one. */
bool device_busy_ns(const struct bdev *dev, uint64_t *ns);

/* What the device only pretends to be, as people write it ("hdd"); NULL if it is what it is. */
const char *device_simulates(const struct bdev *dev);

#endif
