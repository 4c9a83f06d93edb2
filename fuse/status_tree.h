/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tree of wbfs status: cache, backings, and what lies on them. A command's main thread. */
#ifndef FUSE_STATUS_TREE_H
#define FUSE_STATUS_TREE_H

#include "fuse/mount_status.h"
#include "fuse/table.h"

extern const struct table_column status_columns[];

/* As table_begin. */
int status_tree_begin(struct table *table, const struct table_options *options)
	__attribute__((warn_unused_result));

/* One mount, with a row for its cache. */
void status_tree_add(struct table *table, const struct mount_entry *mount,
		     const struct mount_status *status);

/* One that can't tell anything: state in a word. */
void status_tree_add_silent(struct table *table, const struct mount_entry *mount,
			    const char *state);

#endif
