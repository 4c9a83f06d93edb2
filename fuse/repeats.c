/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which of the messages that come again are told. The caller has the lock. */
#include "config.h"

#include "fuse/repeats.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

#define QUIET_NS (600 * 1000000000ull) /* then it is news again */

/* Does a number begin here that may be another one next time? */
static bool is_variable(const char *text, const char *at)
{
	return isdigit((unsigned char)*at) && at > text && (at[-1] == ' ' || at[-1] == '(');
}

/* FNV-1a of the text without such numbers; never 0. */
static uint64_t hash_of(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (const char *at = text; *at; at++) {
		if (is_variable(text, at))
			while (isdigit((unsigned char)at[1]))
				at++;
		else
			hash = (hash ^ (unsigned char)*at) * 0x100000001b3u;
	}
	return hash ? hash : 1;
}

static bool is_power_of_two(uint64_t n)
{
	return (n & (n - 1)) == 0;
}

uint64_t repeats_count(struct repeats *repeats, const char *text, uint64_t now)
{
	uint64_t hash = hash_of(text);
	unsigned int found = 0;

	for (unsigned int i = 0; i < REPEATS_KNOWN; i++) {
		if (repeats->known[i].hash == hash) {
			found = i;
			break;
		}
		if (repeats->known[i].last < repeats->known[found].last)
			found = i; /* the one that was silent for longest makes room */
	}
	if (repeats->known[found].hash != hash || now - repeats->known[found].last > QUIET_NS)
		repeats->known[found].nr = 0;
	repeats->known[found].hash = hash;
	repeats->known[found].last = now;
	repeats->known[found].nr++;
	return is_power_of_two(repeats->known[found].nr) ? repeats->known[found].nr : 0;
}
