/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef WB_ENGINE_DISCARD_H
#define WB_ENGINE_DISCARD_H

#include <stdbool.h>

#include "engine/wb.h"

int discard_init(struct wb *wb) WB_CHECK;
void discard_fini(struct wb *wb);

/* Whether something is in flight. Mutex held. */
bool discard_is_busy(struct wb *wb);

#endif
