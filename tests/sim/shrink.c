/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Delta debugging: runs of actions, first whole lives, then half of them and so on down to single
 * ones, are left out as long as the run fails as before. Each try is a child.
 */
#include "config.h"

#include "tests/sim/shrink.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NR_ACTIONS ((uint64_t)MAX_LIVES * LIFE_ACTIONS)
#define PATIENCE 30 /* seconds */

uint8_t *shrink_parse(const char *list)
{
	uint8_t *keep = calloc(NR_ACTIONS, 1);

	while (keep && *list) {
		char *end;
		uint64_t first = strtoull(list, &end, 10), last = first;

		if (*end == '-')
			last = strtoull(end + 1, &end, 10);
		if (end == list || last >= NR_ACTIONS || (*end && *end != ','))
			exit(2);
		for (; first <= last; first++)
			keep[first] = 1;
		list = *end ? end + 1 : end;
	}
	return keep;
}

static void print_keep(const uint8_t *keep)
{
	const char *comma = "";

	for (uint64_t i = 0; i < NR_ACTIONS; i++) {
		uint64_t first = i;

		if (!keep[i])
			continue;
		while (i + 1 < NR_ACTIONS && keep[i + 1])
			i++;
		fprintf(stderr, i > first ? "%s%llu-%llu" : "%s%llu", comma,
			(unsigned long long)first, (unsigned long long)i);
		comma = ",";
	}
}

static int run_child(struct report *report, const uint8_t *keep, bool verbose)
{
	int status = 0;
	pid_t pid;

	fflush(NULL);
	report->format = NULL;
	pid = fork();
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		if (!verbose && null >= 0)
			dup2(null, 2);
		alarm(10);
		world_run(report->seed, keep, verbose);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 0;
	return status;
}

struct shrinking {
	struct report *report;
	struct report failure; /* what it was */
	uint8_t *keep, *fewer;
	time_t end;
};

/* Leave out the kept ones of [first, end) if it still fails without them. */
static bool leave_out(struct shrinking *s, uint64_t first, uint64_t end)
{
	bool any = false;

	memcpy(s->fewer, s->keep, NR_ACTIONS);
	for (uint64_t i = first; i < end && i < NR_ACTIONS; i++) {
		any |= s->fewer[i];
		s->fewer[i] = 0;
	}
	if (!any || time(NULL) >= s->end ||
	    run_child(s->report, s->fewer, false) != s->failure.status ||
	    s->report->format != s->failure.format)
		return false;
	memcpy(s->keep, s->fewer, NR_ACTIONS);
	return true;
}

static uint64_t count(const uint8_t *keep)
{
	uint64_t n = 0;

	for (uint64_t i = 0; i < NR_ACTIONS; i++)
		n += keep[i];
	return n;
}

void shrink(struct report *report)
{
	struct shrinking s = {
		.report = report,
		.failure = *report,
		.keep = malloc(NR_ACTIONS),
		.fewer = malloc(NR_ACTIONS),
		.end = time(NULL) + PATIENCE,
	};
	uint64_t before;

	if (!s.keep || !s.fewer)
		return;
	memset(s.keep, 1, NR_ACTIONS);
	if (s.failure.format)
		leave_out(&s, report->last_action + 1, NR_ACTIONS);
	for (uint64_t life = 0; life < MAX_LIVES; life++)
		leave_out(&s, life * LIFE_ACTIONS, (life + 1) * LIFE_ACTIONS);
	do {
		before = count(s.keep);
		for (uint64_t size = LIFE_ACTIONS / 2; size; size /= 2)
			for (uint64_t i = 0; i < NR_ACTIONS; i += size)
				leave_out(&s, i, i + size);
	} while (count(s.keep) < before && time(NULL) < s.end);
	fprintf(stderr, "the shortest history found:\n");
	run_child(report, s.keep, true);
	fprintf(stderr, "replay: tests/sim/sim --seed %llu --verbose --keep ",
		(unsigned long long)report->seed);
	print_keep(s.keep);
	fputc('\n', stderr);
	free(s.keep);
	free(s.fewer);
}
