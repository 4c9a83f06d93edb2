/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory for the engine, refused while that is still harmless when the machine has too little. */
#ifndef FUSE_MEMORY_H
#define FUSE_MEMORY_H

#include <stddef.h>

#include "engine/wb.h"

/*
 * alloc, free and populate of struct wb_env; ctx is not used. Any thread. Before Linux 5.14 nothing
 * is populated in advance.
 */
void *memory_alloc(void *ctx, size_t len, enum wb_memory kind);
void memory_free(void *ctx, void *mem, size_t len);
void memory_populate(void *ctx, void *mem, size_t len);

/*
 * Keep the process's memory in RAM, and let the kernel know that others wait for us when it is
 * short of memory. Best effort. Call before there are threads.
 */
void memory_lock_all(void);

#endif
