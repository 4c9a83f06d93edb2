/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The simulation: the unchanged engine on simulated devices, in one thread, every choice taken
 * from one seed. A run is some lives of one cache, each ended by a power cut, a kill or a clean
 * close; the oracles then say whether what is there is what was promised (checks.c).
 *
 *	sim [--seed N] [--runs N | --seconds N]		run; a failure is shrunk
 *	sim --seed N [--keep LIST] --verbose		replay one run, or the actions in the list
 *	sim ... --no-shrink
 */
#include "config.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/shrink.h"
#include "tests/sim/world.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DEFAULT_RUNS 1000
#else
#define DEFAULT_RUNS 8000
#endif
#define LONGEST_RUN 60 /* seconds */

struct totals *totals;
static struct report *report;

void fail(struct world *w, const char *format, ...)
{
	char what[256];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	report->format = format;
	report->last_action = w->nr_actions;
	fprintf(stderr, "FAILED: seed %llu: %s (life %u, action %llu, last message: %s)\n",
		(unsigned long long)w->seed, what, w->life, (unsigned long long)w->nr_actions,
		w->sim.last_message);
	fprintf(stderr, "replay: tests/sim/sim --seed %llu --verbose\n",
		(unsigned long long)w->seed);
	_exit(1);
}

void note(struct world *w, const char *format, ...)
{
	va_list args;

	if (!w->verbose)
		return;
	fprintf(stderr, "%10llu us: %llu: ", (unsigned long long)w->sim.now / 1000,
		(unsigned long long)w->nr_actions);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static void print_totals(void)
{
	const struct totals *t = totals;

	printf("simulation: %llu runs, %llu crashes with recovery (%llu of them kills), "
	       "%llu requests, %llu syncs, %llu drains, %.1f simulated hours, no failure\n",
	       (unsigned long long)t->runs, (unsigned long long)t->crashes,
	       (unsigned long long)t->kills, (unsigned long long)t->requests,
	       (unsigned long long)t->syncs, (unsigned long long)t->drains,
	       (double)t->simulated_ns / 3.6e12);
	printf("faults: %llu series of I/O errors, %llu devices gone, %llu slow; damage in %llu "
	       "runs: %llu rotten bits, %llu writes lost or misdirected; %llu openings refused, "
	       "%llu truncated\n",
	       (unsigned long long)t->io_errors, (unsigned long long)t->gone,
	       (unsigned long long)t->slow, (unsigned long long)t->damaged_runs,
	       (unsigned long long)t->rot, (unsigned long long)t->mishaps,
	       (unsigned long long)t->refused_opens, (unsigned long long)t->truncated);
	printf("disks: %llu attached, %llu detached, %llu times grown, %llu lives with a "
	       "missing one, %llu read-only\n",
	       (unsigned long long)t->attached, (unsigned long long)t->detached,
	       (unsigned long long)t->resized, (unsigned long long)t->missing,
	       (unsigned long long)t->read_only);
	printf("holding: %llu pauses, %llu blocks carried forward, %llu disks discarded, %llu blocks "
	       "lost to rot, %llu times the others had to go on\n",
	       (unsigned long long)t->paused, (unsigned long long)t->carried,
	       (unsigned long long)t->discarded, (unsigned long long)t->lost,
	       (unsigned long long)t->progress);
}

struct arguments {
	uint64_t seed, runs;
	time_t end;
	bool verbose, shrink;
	uint8_t *keep;
};

static int parse(int argc, char **argv, struct arguments *a)
{
	static const struct option options[] = {
		{"seed", required_argument, NULL, 's'},
		{"runs", required_argument, NULL, 'r'},
		{"seconds", required_argument, NULL, 't'},
		{"keep", required_argument, NULL, 'k'},
		{"no-shrink", no_argument, NULL, 'n'},
		{"verbose", no_argument, NULL, 'v'},
		{0},
	};
	bool runs = false;
	int c;

	while ((c = getopt_long(argc, argv, "s:r:t:k:nv", options, NULL)) != -1) {
		if (c == 's') {
			a->seed = strtoull(optarg, NULL, 0);
			a->runs = runs ? a->runs : 1;
		} else if (c == 'r' || c == 't') {
			runs = true;
			a->runs = c == 'r' ? strtoull(optarg, NULL, 0) : UINT64_MAX;
			a->end = c == 't' ? time(NULL) + strtol(optarg, NULL, 0) : 0;
		} else if (c == 'k') {
			a->keep = shrink_parse(optarg);
		} else if (c == 'n') {
			a->shrink = false;
		} else if (c == 'v') {
			a->verbose = true;
		} else {
			return 2;
		}
	}
	return 0;
}

static void run_all(const struct arguments *a)
{
	for (uint64_t i = 0; i < a->runs && (!a->end || time(NULL) < a->end); i++) {
		report->seed = a->seed + i;
		alarm(LONGEST_RUN);
		world_run(a->seed + i, a->keep, a->verbose);
	}
}

/* In a child, so that a failure of any kind can be looked at. */
static bool run_in_child(const struct arguments *a)
{
	int status = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		run_all(a);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return false;
	if (WIFSIGNALED(status))
		fprintf(stderr, "FAILED: seed %llu: signal %d\nreplay: tests/sim/sim --seed %llu\n",
			(unsigned long long)report->seed, WTERMSIG(status),
			(unsigned long long)report->seed);
	report->status = status;
	return status == 0;
}

int main(int argc, char **argv)
{
	struct arguments a = {.seed = 1, .runs = DEFAULT_RUNS, .shrink = true};

	report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (report == MAP_FAILED)
		return 2;
	totals = &report->totals;
	if (parse(argc, argv, &a))
		return 2;
	if (a.verbose) {
		run_all(&a);
	} else if (!run_in_child(&a)) {
		if (a.shrink && !a.keep)
			shrink(report);
		return 1;
	}
	print_totals();
	return 0;
}
