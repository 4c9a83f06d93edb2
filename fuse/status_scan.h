/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wbfs status --scan: the caches on this machine. Runs in a command's main thread. */
#ifndef FUSE_STATUS_SCAN_H
#define FUSE_STATUS_SCAN_H

#include "fuse/table.h"

extern const struct table_column scan_columns[];

/*
 * Look at the superblocks of these devices and images; nr 0: of all block devices, and of the
 * images of caches that are mounted. Locks nothing, writes nothing. 0 or -errno after messages.
 */
int status_scan(char **paths, int nr, const struct table_options *options)
	__attribute__((warn_unused_result));

#endif
