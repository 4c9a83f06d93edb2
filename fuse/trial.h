/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A wbfs to try things out: a temporary directory with images and a mount point, and a daemon that
 * is our child, so that it can be killed and never outlives us. For wbfs demo and wbfs bench; one
 * at a time, main's thread.
 */
#ifndef FUSE_TRIAL_H
#define FUSE_TRIAL_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "fuse/mounts.h"
#include "fuse/text.h"

enum { TRIAL_PATH_LEN = PATH_MAX + 64 };

struct trial {
	const char *command; /* for messages */
	char dir[PATH_MAX];  /* "" if there is none */
	struct mount_entry mount;
	pid_t daemon; /* 0: none */
	/* What trial_goes_on has seen. */
	uint64_t progress, moved, looked; /* a number, when it changed, when we asked why not; ns */
	bool failed;
};

/*
 * From here on SIGINT, SIGTERM and SIGHUP only make trial_stopped() true, and a closed standard
 * output does not kill us. Makes the directory, in $TMPDIR, else /var/tmp (which is on a disk where
 * /tmp is memory), else /tmp. 0 or -errno after a message.
 */
int trial_begin(struct trial *trial, const char *command) __attribute__((warn_unused_result));
/* Unmounts, ends the daemon, removes all files. Harmless if nothing is left to do. */
void trial_end(struct trial *trial);

bool trial_stopped(void);

/* Of a file in the directory. */
void trial_path(const struct trial *trial, const char *name, char path[TRIAL_PATH_LEN]);
/* Bytes that can be written where the directory is. */
uint64_t trial_space(const struct trial *trial);
/* An image file, all of it allocated or none. 0 or -errno after a message. */
int trial_image(const struct trial *trial, const char *name, uint64_t size, bool allocate)
	__attribute__((warn_unused_result));
/* Another name for something outside. 0 or -errno after a message. */
int trial_link(const struct trial *trial, const char *name, const char *target)
	__attribute__((warn_unused_result));

/* Make a cache of the file called "cache". 0 or -errno after a message. */
int trial_format(const struct trial *trial) __attribute__((warn_unused_result));

/*
 * Mount the file called "cache" with devices as `wbfs mount -d` takes them, their paths relative to
 * the directory; NULL ends. Returns when it serves. 0 or -errno after a message; -EINTR if stopped.
 */
int trial_mount(struct trial *trial, const char *const *devices)
	__attribute__((warn_unused_result));
/* The daemon ends in order. 0 or -errno after a message. */
int trial_unmount(struct trial *trial) __attribute__((warn_unused_result));
/* SIGKILL to the daemon; returns when it is gone. Its dead mount stays, as after a real crash. */
void trial_kill(struct trial *trial);
/* Remove the dead mount. 0 or -errno after a message. */
int trial_remove_mount(struct trial *trial) __attribute__((warn_unused_result));

/*
 * Call it again and again, with a number that changes as long as something happens, while others
 * may wait for the daemon. False if stopped, or after a message because a backing has failed or
 * nothing has happened for long; then it has killed the daemon, so that nobody waits any more.
 */
bool trial_goes_on(struct trial *trial, uint64_t progress);

/*
 * A number of status.json, the cache's own or (first found) a backing's. 0 or -errno after a
 * message.
 */
int trial_figure(const struct trial *trial, const char *name, uint64_t *value)
	__attribute__((warn_unused_result));
/* The same from a text of it that was read before. */
bool trial_figure_of(const struct text *json, const char *name, uint64_t *value);

#endif
