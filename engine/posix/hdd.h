/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A simulated hard disk: a bdev over another one that takes the time of hdd_model.h. Private to
 * engine/posix/; device.h has what the host uses.
 */
#ifndef WB_POSIX_HDD_H
#define WB_POSIX_HDD_H

#include "engine/bdev.h"
#include "engine/wb.h"

/*
 * Put a disk over `real`, which belongs to it from then on and is closed with it. Starts a thread,
 * as posix_io_start does, that calls done. 0 or -errno.
 *
 * An I/O is done when its time is over and `real` has done it, which begins when the I/O enters
 * the disk's queue: a slow `real` makes it later, never earlier. All users of the bdev share the
 * head; two bdevs are two disks.
 */
int hdd_open(struct bdev *real, struct bdev **dev) WB_CHECK;

/* For how long (ns) a simulated disk has been at work. */
uint64_t hdd_busy_ns(const struct bdev *dev);

/* The simulated disk has this size now. */
void hdd_grow(struct bdev *dev, uint64_t size);

/* What a simulated disk stands on, NULL if `dev` isn't one. */
struct bdev *hdd_real(const struct bdev *dev);

#endif
