/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef WB_ENGINE_MIGRATE_H
#define WB_ENGINE_MIGRATE_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/layout.h"
#include "engine/wb.h"

/*
 * The most that a batch has memory for, but for a request's end: the largest
 * nr_max_batched_migration.
 */
#define BATCH_SEGMENTS 256u

struct batch;

/* Bytes that batches of nr_segments segments touch. */
uint64_t migrate_memory(const struct layout *layout, uint32_t nr_segments);

int migrate_init(struct wb *wb) WB_CHECK;
void migrate_fini(struct wb *wb);

/* Mutex held. */
bool migrate_is_idle(struct wb *wb);
/* Blocks of the log that a batch (NULL: none) has written back so far. */
uint64_t migrate_progress(const struct batch *b);
/* End a pause after a failure now. */
void migrate_retry(struct wb *wb);

#endif
