/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libfuse's low-level API in the version that we are written for. */
#ifndef WB_FUSE_LOWLEVEL_H
#define WB_FUSE_LOWLEVEL_H

#define FUSE_USE_VERSION 35
#include <fuse_lowlevel.h>

/* Linux 6.2; without it every direct write to a file waits for the one before it. */
#ifndef FOPEN_PARALLEL_DIRECT_WRITES
#define FOPEN_PARALLEL_DIRECT_WRITES (1 << 6)
#endif

#endif
