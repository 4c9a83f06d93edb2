/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which histories are gone through: all of a few letters up to a length, and some that were made
 * to be nasty. See exhaustive.h.
 *
 *	tests/sim/exhaustive [--depth N] [--deep N]
 *	tests/sim/exhaustive --history LETTERS ...    one, as a failure says
 */
#include "config.h"

#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/exhaustive.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DEFAULT_DEPTH 2
#define DEFAULT_DEEP 64
#else
#define DEFAULT_DEPTH 4
#define DEFAULT_DEEP 16
#endif

static const char alphabet[] = "abcpzswDir";

struct place place;
struct place wanted;
struct totals totals;

struct chosen {
	struct geometry geometry;
	const char *histories; /* separated by blanks */
	const char *faulty;    /* those in which each I/O fails once */
};

/* Requests of two blocks, which go whole into a quarter of the log, except where it is tiny. */
static const struct chosen chosen[] = {
	{{3, 4, 3},
	 "xasDxabs asaDasab bbbbbbbb absbsbsb awcbwDbb bwbwbwbw eszsesDa ezpsDisa axpspDps esDpqsDt "
	 "tstDtsrt mabsibcs mbsbsbsb mwbwbwbi abriabrs bsrbsrbs ZsaZDsbr YftsYDfs SaSbScSe wwwwvwvw "
	 "usupDuyu eyseyDyr vpDvpSzD cbceDeDe",
	 "axpDbsir mabsibcs eszsDpyt vSpvDwbr"},
	{{3, 4, 2},
	 "bbbbsbbb wbDvbwpb mebebebi ebRbbbes ebQRbebb fbRpbRqb cwebRQbs gbbbRbbb gwbbRbbbb",
	 "bbbbwDbb ebRpbbRb febRQpDb"},
	{{4, 3, 2}, "bebbsbeD vevbDver mbsbeeis xbexzebs ebRbeRbb", "bebbsbeR eszbpbDt"},
	{{8, 2, 4}, "bebebebe vbvbDvbr msbebesi eRbebebe", "bebebbDr"},
	/* b0 is held back, and the log wraps. */
	{{4, 3, 2},
	 "aPffffffff aPfffffUff aPcscscscscs xPwfwfwfwfD zPffffffff aPfffrffUD ZaPfffffUi pPfffffff "
	 "aPfffUqffD",
	 "aPffffff zPffffUD"},
	{{6, 4, 3},
	 "abPfffffffffff bPffffaffffff zaPfffffffffff ZbPffffffUffD baPfffffrfffff ezPffffffaffff "
	 "bPfcsfcsfcsfcs eZPfffffffUffi bfPffffffsRfff",
	 "abPfffffff zbPfffffUD"},
	{{8, 2, 4},
	 "bPcccccccccc zaPccccccccc azPcccccUccc aPfffffffUD ZPcccccccccc",
	 "aPcccccccc"},
	{{3, 2, 3}, "axgwxaqD qasgqDwt tgxtrtqs", "agaqxgDa"},
};

/* ---- reports ---- */

static void print_number(const char *option, uint32_t number)
{
	if (number != ANY)
		fprintf(stderr, " --%s %u", option, number);
}

void place_print(void)
{
	cut_describe();
	fprintf(stderr, "replay: tests/sim/exhaustive --history '%s' --geometry %u,%u,%u%s",
		place.history, place.geometry.nr_segments, place.geometry.segment_blocks,
		place.geometry.nr_buffers, place.last_first ? " --last-first" : "");
	print_number("fault", place.fault);
	print_number("damage", place.damage);
	print_number("cut", place.cut[0]);
	print_number("subset", place.subset[0]);
	print_number("second-cut", place.cut[1]);
	print_number("second-subset", place.subset[1]);
	fprintf(stderr, "\n");
}

void fail(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "FAILED: history '%s': ", place.history);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
	place_print();
	exit(1);
}

static void aborted(int signal_number)
{
	(void)signal_number;
	place_print();
}

/* ---- one history ---- */

static void set_place(const struct geometry *geometry, const char *history, bool last_first)
{
	place = (struct place){
		.history = history,
		.geometry = *geometry,
		.last_first = last_first,
		.fault = ANY,
		.damage = ANY,
		.cut = {ANY, ANY},
		.subset = {ANY, ANY},
	};
}

/* Cuts from the from-th letter on; those of its beginning are another history's. */
static void cut_history(struct bench *bench, struct run *run, const char *history, size_t from,
			unsigned int deep)
{
	bench_load(bench, NULL);
	run_reset(run, NULL, 0);
	run_format(run);
	run->recording = !from;
	if (run_open(run))
		fail("a fresh cache can't be opened");
	run_start(run);
	run_letters(run, history, from);
	run_expect_newest(run);
	run_abandon(run);
	totals.histories++;
	cut_everywhere(run, EVERY, deep, 0);
}

/* ---- all of a length ---- */

/* What changes nothing, or nothing that another order doesn't. */
static bool is_pointless(const char *history, size_t len)
{
	char last = history[len - 1], before = len > 1 ? history[len - 2] : 'r';

	if (strchr("sD", last) && strchr("srD", before))
		return true;
	return last == before && strchr("ir", last);
}

/* All of exactly this length that begin so. */
static void cut_all(struct bench *bench, struct run *run, char *history, size_t len, size_t length,
		    unsigned int deep)
{
	if (len == length) {
		set_place(&bench->geometry, history, bench->last_first);
		cut_history(bench, run, history, len ? len - 1 : 0, deep);
		return;
	}
	for (const char *l = alphabet; *l; l++) {
		history[len] = *l;
		history[len + 1] = '\0';
		if (!is_pointless(history, len + 1))
			cut_all(bench, run, history, len + 1, length, deep);
	}
	history[len] = '\0';
}

static void enumerate(const struct geometry *geometry, size_t length, unsigned int deep)
{
	char history[MAX_OPS] = "";
	struct bench bench;
	struct run run;

	bench_init(&bench, geometry);
	run_init(&run, &bench);
	for (int last_first = 0; last_first < 2; last_first++) {
		bench.last_first = last_first;
		cut_all(&bench, &run, history, 0, length, deep);
	}
	run_fini(&run);
	bench_fini(&bench);
}

/* ---- some, and the command line ---- */

static void cut_one(const struct geometry *geometry, const char *history, bool last_first,
		    unsigned int deep)
{
	struct bench bench;
	struct run run;

	bench_init(&bench, geometry);
	bench.last_first = last_first;
	run_init(&run, &bench);
	set_place(geometry, history, last_first);
	cut_history(&bench, &run, history, 0, deep);
	run_fini(&run);
	bench_fini(&bench);
}

static void fault_one(const struct geometry *geometry, const char *history, bool last_first)
{
	set_place(geometry, history, last_first);
	fail_each_io(geometry, history, last_first);
}

typedef void (*each_fn)(const struct geometry *geometry, const char *history, bool last_first,
			unsigned int deep);

static void fault_each(const struct geometry *geometry, const char *history, bool last_first,
		       unsigned int deep)
{
	(void)deep;
	fault_one(geometry, history, last_first);
}

static void each_of(const struct geometry *geometry, const char *list, unsigned int deep,
		    each_fn each)
{
	char *copy = strdup(list), *state = NULL;

	for (char *h = strtok_r(copy, " ", &state); h; h = strtok_r(NULL, " ", &state)) {
		each(geometry, h, false, deep);
		each(geometry, h, true, deep);
	}
	free(copy);
}

/* What fails in few letters first, and what takes longest last. */
static void everything(size_t depth, unsigned int deep)
{
	for (size_t i = 0; i < sizeof(chosen) / sizeof(*chosen); i++) {
		const struct geometry *geometry = &chosen[i].geometry;

		cut_init(geometry);
		for (size_t length = 0; !i && length < depth; length++)
			enumerate(geometry, length, deep);
		each_of(geometry, chosen[i].histories, deep, cut_one);
		each_of(geometry, chosen[i].faulty, 0, fault_each);
		cut_fini();
	}
	cut_init(&chosen[0].geometry);
	enumerate(&chosen[0].geometry, depth, deep * 16);
	cut_fini();
}

static void replay(void)
{
	bool known = strlen(wanted.history) < MAX_OPS;

	for (const char *p = wanted.history; *p; p++)
		known = known && letter_of(*p);
	if (!known) {
		for (const struct letter *l = letters; l->name; l++)
			printf("%c  %s\n", l->name, l->what);
		exit(2);
	}
	cut_init(&wanted.geometry);
	if (wanted.fault != ANY)
		fault_one(&wanted.geometry, wanted.history, wanted.last_first);
	else
		cut_one(&wanted.geometry, wanted.history, wanted.last_first, 1);
	cut_fini();
}

static const struct option options[] = {
	{"history", required_argument, NULL, 'h'},
	{"geometry", required_argument, NULL, 'g'},
	{"last-first", no_argument, NULL, 'l'},
	{"cut", required_argument, NULL, 'c'},
	{"subset", required_argument, NULL, 's'},
	{"second-cut", required_argument, NULL, 'C'},
	{"second-subset", required_argument, NULL, 'S'},
	{"fault", required_argument, NULL, 'f'},
	{"damage", required_argument, NULL, 'd'},
	{"depth", required_argument, NULL, 'n'},
	{"deep", required_argument, NULL, 'e'},
	{0},
};

static void parse(int argc, char **argv, size_t *depth, unsigned int *deep)
{
	struct geometry *g = &wanted.geometry;
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		uint32_t number = optarg ? (uint32_t)strtoul(optarg, NULL, 0) : 0;

		if (c == 'h')
			wanted.history = optarg;
		else if (c == 'g' && sscanf(optarg, "%u,%u,%u", &g->nr_segments, &g->segment_blocks,
					    &g->nr_buffers) == 3)
			continue;
		else if (c == 'l')
			wanted.last_first = true;
		else if (c == 'c' || c == 'C')
			wanted.cut[c == 'C'] = number;
		else if (c == 's' || c == 'S')
			wanted.subset[c == 'S'] = number;
		else if (c == 'f')
			wanted.fault = number;
		else if (c == 'd')
			wanted.damage = number;
		else if (c == 'n')
			*depth = number;
		else if (c == 'e')
			*deep = number;
		else
			exit(2);
	}
}

int main(int argc, char **argv)
{
	size_t depth = DEFAULT_DEPTH;
	unsigned int deep = DEFAULT_DEEP;

	signal(SIGABRT, aborted);
	set_place(&chosen[0].geometry, NULL, false);
	wanted = place;
	parse(argc, argv, &depth, &deep);
	if (wanted.history)
		replay();
	else
		everything(depth, deep);
	bench_forget_spares();
	printf("exhaustive: %llu histories, %llu cut points, %llu crash states (%llu distinct, at "
	       "most %u writes unflushed, %llu cuts capped), %llu second lives, %llu single-fault "
	       "runs, no failure\n",
	       (unsigned long long)totals.histories, (unsigned long long)totals.cuts,
	       (unsigned long long)totals.states, (unsigned long long)totals.distinct,
	       totals.most_unflushed, (unsigned long long)totals.capped,
	       (unsigned long long)totals.second_lives, (unsigned long long)totals.fault_runs);
	return 0;
}
