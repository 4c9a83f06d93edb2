/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finding the shortest history that fails in the same way. */
#ifndef WB_TESTS_SHRINK_H
#define WB_TESTS_SHRINK_H

#include <stdint.h>

#include "tests/sim/world.h"

/* What a child that runs leaves to its parent. */
struct report {
	struct totals totals;
	uint64_t seed;	      /* of the run */
	int status;	      /* of the child */
	const char *format;   /* of the message; NULL: a signal */
	uint64_t last_action; /* that was done */
};

/* "3,17-20" as an array of all actions. Exits if it can't be understood. */
uint8_t *shrink_parse(const char *list);

/* Run report->seed with fewer and fewer actions for a while, and tell what is left. */
void shrink(struct report *report);

#endif
