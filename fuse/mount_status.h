/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The figures of a mount as commands read them, from its .control/status.json. Figures are found
 * by the names that they have there. Belongs to one thread.
 */
#ifndef FUSE_MOUNT_STATUS_H
#define FUSE_MOUNT_STATUS_H

#include <stdbool.h>
#include <stdint.h>

#include "fuse/mounts.h"

struct json_object;

struct mount_status {
	struct json_object *cache; /* NULL: nothing read */
};

#define MOUNT_STATUS_SCOPE __attribute__((cleanup(mount_status_free))) struct mount_status

/* Read it. Blocks only as long as the daemon takes. 0 or -errno after a message. */
int mount_status_read(const struct mount_entry *mount, struct mount_status *status)
	__attribute__((warn_unused_result));
void mount_status_free(struct mount_status *status);

unsigned int mount_status_nr_backings(const struct mount_status *status);
struct json_object *mount_status_backing(const struct mount_status *status, unsigned int i);
/* By its name, or NULL. */
struct json_object *mount_status_find(const struct mount_status *status, const char *name);

/* Of the cache or a backing. What isn't there is 0 or "". */
uint64_t status_number(const struct json_object *of, const char *name);
double status_real(const struct json_object *of, const char *name);
const char *status_text(const struct json_object *of, const char *name);
/* Of the cache. */
uint64_t status_knob(const struct mount_status *status, const char *name);

/* Bytes that the log has room for, headers included. */
uint64_t mount_status_log_bytes(const struct mount_status *status);
/* Percent of the log, rounded, but 1 at least if it is anything. */
unsigned int mount_status_percent(const struct mount_status *status, uint64_t bytes);

/* A histogram's sum, or how many there are. */
uint64_t status_histogram(const struct json_object *of, const char *name, const char *what);
/*
 * Of what came between two states of a histogram (before may be NULL): so many percent are not
 * above the result, which is the end of a bucket; 0 if nothing came.
 */
uint64_t status_percentile(const struct json_object *now, const struct json_object *before,
			   const char *name, unsigned int percent);

#endif
