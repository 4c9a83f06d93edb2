/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Everything that belongs to a running mount. One in the process of a daemon. */
#ifndef FUSE_SERVER_H
#define FUSE_SERVER_H

#include <stdatomic.h>
#include <sys/types.h>
#include <time.h>

#include "engine/bdev.h"
#include "engine/posix/device.h"
#include "engine/wb.h"
#include "fuse/control.h"
#include "fuse/exports.h"
#include "fuse/lowlevel.h"
#include "fuse/modulator.h"
#include "fuse/options.h"
#include "fuse/receive.h"
#include "fuse/request.h"
#include "fuse/timer.h"

/*
 * All fields are const once the step that fills them in is done (start.c), or protect themselves.
 */
struct server {
	const struct mount_options *options;
	struct wb_env env;
	struct timer timer;
	struct posix_io *io;
	struct bdev *cache;
	struct wb *wb;
	struct exports exports;
	struct modulator modulator;
	struct control control;
	struct request_pool requests;
	struct fuse_session *session;
	struct receive receive;
	atomic_bool direct_io;	    /* FOPEN_DIRECT_IO can be used; set at INIT */
	int initialised_fd;	    /* eventfd, readable when the kernel has said INIT */
	dev_t mount_dev;	    /* the mount's file system, 0 if not known */
	int run_lock;		    /* see run_lock.h, or -1 */
	int signals;		    /* signalfd: readable when asked to end; const */
	atomic_uint nr_drains;	    /* somebody waits for a drain */
	struct timespec start_time; /* what files show as theirs */
};

/*
 * Start everything, in order, up to a mount that serves requests; with options->offline up to
 * what an offline command needs. 0 or -errno after a message; then everything is as before.
 * -EINTR: `signals` had become readable.
 */
int server_start(struct server *server, const struct mount_options *options, int signals) WB_CHECK;

/* Undo it. 0 or the first error, after its message: then something is perhaps not durable. */
int server_stop(struct server *server) WB_CHECK;

#endif
