/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which backings a mount begins with: those asked for, and those that the cache remembers. */
#ifndef FUSE_BACKINGS_H
#define FUSE_BACKINGS_H

#include "fuse/server.h"

/*
 * Open, attach and show them. Blocks. 0 or -errno after a message; -ESTALE if one is not there
 * that the log has blocks of.
 */
int backings_attach(struct server *server) WB_CHECK;

#endif
