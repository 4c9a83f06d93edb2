/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef WB_ENGINE_CARRY_H
#define WB_ENGINE_CARRY_H

#include <stdbool.h>

#include "engine/wb.h"

int carry_init(struct wb *wb) WB_CHECK;
void carry_fini(struct wb *wb);

/* Whether something is in flight. Mutex held. */
bool carry_is_busy(struct wb *wb);

#endif
