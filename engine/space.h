/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Room in the log: where its tail is, who holds it there, and how urgent more room is. Mutex held
 * in all functions.
 */
#ifndef WB_ENGINE_SPACE_H
#define WB_ENGINE_SPACE_H

#include <stdbool.h>
#include <stdint.h>

struct wb;
struct wb_backing;

/*
 * Move the tail (and with it ladder.migrated) as far as nothing before it is needed: to where the
 * first backing has something pending, or poison is, or else to what is durable.
 */
void space_advance_tail(struct wb *wb);

/* Whether migration is due whatever the load is. */
bool space_under_pressure(struct wb *wb);

/*
 * Whether the tail is held by what can't be migrated, blocks of a backing that is held or poison,
 * and more room is urgent: then carry.c copies that forward.
 */
bool space_wants_carrying(struct wb *wb);

#endif
