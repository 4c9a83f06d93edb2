/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the figures of a mount mean, in words. Belongs to a command's main thread. */
#ifndef FUSE_VERDICT_H
#define FUSE_VERDICT_H

#include "common/exit_status.h"
#include "fuse/mount_status.h"
#include "fuse/text.h"

/* Of a cache or a backing. */
struct verdict {
	struct text sentence; /* without its name, nor a full stop; empty: nothing to be said */
	struct text reason;   /* why it isn't well, or empty */
	struct text hint;     /* what would help, or empty */
	/* DONE: well; STOPPED: works, but needs attention; IO: it has failed. */
	enum exit_status status;
};

#define VERDICT_SCOPE __attribute__((cleanup(verdict_free))) struct verdict

void verdict_free(struct verdict *verdict);

void verdict_of_cache(const struct mount_entry *mount, const struct mount_status *status,
		      struct verdict *verdict);
void verdict_of_backing(const struct mount_entry *mount, const struct mount_status *status,
			const struct json_object *backing, struct verdict *verdict);

/* What sentences about a backing begin with. */
void verdict_name(const struct json_object *backing, struct text *text);

/* "a power cut now loses at most ..."; empty if no backing is cached. */
void verdict_power_cut(const struct mount_status *status, struct text *text);

#endif
