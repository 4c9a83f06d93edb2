/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the figures of a mount mean, in words. Belongs to a command's main thread. */
#include "config.h"

#include "fuse/verdict.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/size.h"

#define DURATION_LEN 48

void verdict_free(struct verdict *verdict)
{
	text_free(&verdict->sentence);
	text_free(&verdict->reason);
	text_free(&verdict->hint);
}

static void raise_to(struct verdict *verdict, enum exit_status status)
{
	if (status == EXIT_STATUS_IO || verdict->status == EXIT_STATUS_DONE)
		verdict->status = status;
}

/* "15 s", "3 min", "2 h 5 min", "4 days" */
static const char *duration(uint64_t seconds, char text[DURATION_LEN])
{
	uint64_t minutes = (seconds + 30) / 60, hours = minutes / 60;

	if (seconds < 100)
		snprintf(text, DURATION_LEN, "%" PRIu64 " s", seconds ? seconds : 1);
	else if (hours < 1)
		snprintf(text, DURATION_LEN, "%" PRIu64 " min", minutes);
	else if (hours < 48)
		snprintf(text, DURATION_LEN, "%" PRIu64 " h %" PRIu64 " min", hours, minutes % 60);
	else
		snprintf(text, DURATION_LEN, "%" PRIu64 " days", hours / 24);
	return text;
}

/* As format_size, but what is said to be the most may not be less than it is. */
static const char *at_most(uint64_t bytes, char text[SIZE_TEXT_LEN])
{
	uint64_t unit = 1;

	while (bytes / unit >= 1024)
		unit *= 1024;
	return format_size(unit > 1 ? bytes + (unit - 1) / 10 : bytes, text);
}

/* ---- the cache ---- */

void verdict_of_cache(const struct mount_entry *mount, const struct mount_status *status,
		      struct verdict *verdict)
{
	const char *state = status_text(status->cache, "state");
	uint64_t damaged = status_number(status->cache, "nr_checksum_errors");

	*verdict = (struct verdict){.status = EXIT_STATUS_DONE};
	if (strcmp(state, "failed") == 0) {
		raise_to(verdict, EXIT_STATUS_IO);
		text_printf(&verdict->sentence, "failed: writes and syncs get errors");
		text_printf(&verdict->hint, "when it works again: echo 1 > %s/.control/retry",
			    mount->point);
	} else if (strcmp(state, "healthy") != 0) {
		raise_to(verdict, EXIT_STATUS_STOPPED);
		text_printf(&verdict->sentence, "%s", state);
	}
	text_printf(&verdict->reason, "%s", status_text(status->cache, "reason"));
	if (damaged)
		text_printf(&verdict->sentence, "%s%" PRIu64 " damaged block%s found in the log",
			    verdict->sentence.len ? ", " : "", damaged, damaged == 1 ? "" : "s");
	if (damaged)
		raise_to(verdict, EXIT_STATUS_STOPPED);
	if (status_number(status->cache, "nr_free_segments") == 0)
		text_printf(&verdict->sentence, "%sthe log is full: writes wait for space",
			    verdict->sentence.len ? ", " : "");
}

void verdict_power_cut(const struct mount_status *status, struct text *text)
{
	uint64_t bytes = status_number(status->cache, "unsynced_bytes");
	char size[SIZE_TEXT_LEN];
	bool cached = false;

	for (unsigned int i = 0; i < mount_status_nr_backings(status); i++)
		cached |= status_number(mount_status_backing(status, i), "id") != 0;
	if (cached && bytes)
		text_printf(text, "a power cut now loses at most %s not yet synced",
			    at_most(bytes, size));
	else if (cached)
		text_printf(text, "a power cut now loses nothing");
}

/* ---- a backing ---- */

static void say_dirty(const struct mount_status *status, const struct json_object *backing,
		      struct text *text)
{
	uint64_t dirty = status_number(backing, "dirty_bytes");
	char size[SIZE_TEXT_LEN];

	if (dirty)
		text_printf(text, "%s only in cache (%u %%)", format_size(dirty, size),
			    mount_status_percent(status, dirty));
	else if (status_number(backing, "in_log"))
		text_printf(text, "nothing but zeros only in cache");
	else
		text_printf(text, "nothing only in cache");
}

static void say_why_not(const struct mount_entry *mount, const struct mount_status *status,
			const struct json_object *backing, struct verdict *verdict)
{
	bool forced = status_knob(status, "force_migrate");

	text_printf(&verdict->sentence, ", ");
	if (status_number(status->cache, "read_only")) {
		text_printf(&verdict->sentence, "not written back: mounted read-only");
	} else if (status_number(backing, "busy") && !forced) {
		text_printf(&verdict->sentence,
			    "waiting: its disk is busy %" PRIu64 " %% of the time, "
			    "migrate_threshold is %" PRIu64,
			    status_number(backing, "utilisation"),
			    status_number(backing, "migrate_threshold"));
	} else if (!status_knob(status, "allow_migrate") && !forced) {
		text_printf(&verdict->sentence, "not written back: allow_migrate is 0");
		if (!status_knob(status, "update_interval"))
			text_printf(&verdict->hint, "wbfs set %s allow_migrate=1", mount->point);
	} else {
		text_printf(&verdict->sentence, "soon to be written back");
	}
}

static void say_progress(const struct mount_entry *mount, const struct mount_status *status,
			 const struct json_object *backing, struct verdict *verdict)
{
	uint64_t dirty = status_number(backing, "dirty_bytes");
	uint64_t rate = status_number(backing, "migration_rate");
	char size[SIZE_TEXT_LEN], time[DURATION_LEN];

	if (!status_number(backing, "in_log")) {
		text_printf(&verdict->sentence, "clean, all of it is on the backing");
		return;
	}
	say_dirty(status, backing, &verdict->sentence);
	if (!rate) {
		say_why_not(mount, status, backing, verdict);
		return;
	}
	text_printf(&verdict->sentence, ", writing back %s/s", format_size(rate, size));
	if (dirty)
		text_printf(&verdict->sentence, ", clean in %s", duration(dirty / rate, time));
}

/* One that is not there. */
static void say_missing(const struct mount_entry *mount, const struct mount_status *status,
			const struct json_object *backing, struct verdict *verdict)
{
	bool in_log = status_number(backing, "in_log");

	text_printf(&verdict->sentence, "missing, ");
	say_dirty(status, backing, &verdict->sentence);
	text_printf(&verdict->sentence, "%s", in_log ? ", kept there" : "");
	text_printf(&verdict->hint, "when it is back: wbfs attach %s %s=%s", mount->point,
		    status_text(backing, "name"), status_text(backing, "device"));
	raise_to(verdict, in_log ? EXIT_STATUS_IO : EXIT_STATUS_STOPPED);
}

static void say_failed(const struct mount_entry *mount, const struct mount_status *status,
		       const struct json_object *backing, struct verdict *verdict)
{
	text_printf(&verdict->sentence, "failed, ");
	say_dirty(status, backing, &verdict->sentence);
	if (status_number(backing, "in_log"))
		text_printf(&verdict->sentence, ", can't be written back");
	text_printf(&verdict->hint,
		    "when it works again: echo 1 > %s/.control/retry, or wbfs "
		    "attach %s %s=PATH",
		    mount->point, mount->point, status_text(backing, "name"));
	raise_to(verdict, EXIT_STATUS_IO);
}

static void say_cached(const struct mount_entry *mount, const struct mount_status *status,
		       const struct json_object *backing, struct verdict *verdict)
{
	const char *state = status_text(backing, "state");

	if (!status_number(backing, "attached")) {
		say_missing(mount, status, backing, verdict);
	} else if (strcmp(state, "failed") == 0) {
		say_failed(mount, status, backing, verdict);
	} else if (status_number(backing, "paused")) {
		text_printf(&verdict->sentence, "paused, ");
		say_dirty(status, backing, &verdict->sentence);
		text_printf(&verdict->sentence, ", kept there");
		text_printf(&verdict->hint, "wbfs set %s/%s paused=0", mount->point,
			    status_text(backing, "name"));
		raise_to(verdict, EXIT_STATUS_STOPPED);
	} else {
		if (strcmp(state, "healthy") != 0) {
			text_printf(&verdict->sentence, "%s, ", state);
			raise_to(verdict, EXIT_STATUS_STOPPED);
		}
		say_progress(mount, status, backing, verdict);
	}
}

void verdict_name(const struct json_object *backing, struct text *text)
{
	const char *simulated = status_text(backing, "simulated");

	text_printf(text, "%s", status_text(backing, "name"));
	if (*simulated)
		text_printf(text, " (simulated %s)", simulated);
}

void verdict_of_backing(const struct mount_entry *mount, const struct mount_status *status,
			const struct json_object *backing, struct verdict *verdict)
{
	const char *state = status_text(backing, "state");

	*verdict = (struct verdict){.status = EXIT_STATUS_DONE};
	text_printf(&verdict->reason, "%s", status_text(backing, "reason"));
	if (status_number(backing, "id")) {
		say_cached(mount, status, backing, verdict);
		return;
	}
	if (strcmp(state, "healthy") != 0) {
		text_printf(&verdict->sentence, "%s, ", state);
		raise_to(verdict,
			 strcmp(state, "failed") == 0 ? EXIT_STATUS_IO : EXIT_STATUS_STOPPED);
	}
	text_printf(&verdict->sentence, "not cached, straight through to its device");
}
