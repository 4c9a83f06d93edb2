/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "tests/sim/uncached.h"

#include <string.h>

void uncached_begin(struct uncached *u, uint32_t first, uint32_t nr, uint32_t stamp)
{
	for (uint32_t i = first; i < first + nr; i++) {
		struct uncached_sector *s = &u->sectors[i];

		if (!s->nr)
			s->stamps[s->nr++] = 0;
		s->known = false;
		if (s->nr == UNCACHED_MOST) {
			s->wild = true;
			s->nr_done = 0;
		} else {
			s->nr++;
		}
		s->stamps[s->nr - 1] = stamp;
	}
}

void uncached_end(struct uncached *u, uint32_t first, uint32_t nr, int err)
{
	for (uint32_t i = first; i < first + nr; i++)
		u->sectors[i].known = !err;
}

/* What was the newest of the first nr_done is there now, or something newer. */
static void settle(struct uncached_sector *s, unsigned int nr_done)
{
	unsigned int gone = nr_done ? nr_done - 1 : 0;

	memmove(s->stamps, s->stamps + gone, (s->nr - gone) * sizeof(*s->stamps));
	s->nr -= gone;
	s->nr_done = 0;
	if (nr_done)
		s->wild = false;
}

void uncached_dsynced(struct uncached *u, uint32_t first, uint32_t nr)
{
	for (uint32_t i = first; i < first + nr; i++)
		settle(&u->sectors[i], u->sectors[i].nr);
}

void uncached_sync_begin(struct uncached *u)
{
	for (uint32_t i = 0; i < UNCACHED_SECTORS; i++)
		u->sectors[i].nr_done = u->sectors[i].known ? u->sectors[i].nr : 0;
}

void uncached_synced(struct uncached *u)
{
	for (uint32_t i = 0; i < UNCACHED_SECTORS; i++)
		settle(&u->sectors[i], u->sectors[i].nr_done);
}

void uncached_doubt(struct uncached *u)
{
	for (uint32_t i = 0; i < UNCACHED_SECTORS; i++) {
		u->sectors[i].known = false;
		u->sectors[i].nr_done = 0;
	}
}

bool uncached_seen(struct uncached *u, uint32_t sector, uint32_t stamp)
{
	struct uncached_sector *s = &u->sectors[sector];

	if (!s->nr)
		return stamp == 0;
	if (s->known)
		return s->stamps[s->nr - 1] == stamp;
	if (s->wild)
		return true;
	for (unsigned int i = 0; i < s->nr; i++)
		if (s->stamps[i] == stamp)
			return true;
	return false;
}
