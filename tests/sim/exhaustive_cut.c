/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Power cuts: from the tape of a run, the state of the disks at each of its cuts with each subset
 * of what was not flushed then. The unchanged engine recovers it, and the oracle says whether the
 * contents are a state that is allowed, and whether the backings alone show one too.
 *
 * A state is looked at once: what the engine makes of an image depends on nothing else.
 */
#include "config.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/exhaustive.h"

#define LEVELS 2u
#define MOST_OPEN 64u	 /* writes that are not flushed */
#define MOST_FOR_ALL 10u /* of them, for all subsets; beyond, some */
#define FEW 4u
#define SECOND_STAMP 0x40u
#define NOT_TORN UINT32_MAX

enum torn { FIRST_BLOCK, OTHER_BLOCKS, BUT_LAST_SECTOR, FIRST_SECTOR, NR_TORN };
static const char *const torn_names[NR_TORN] = {"only its first block", "all but its first block",
						"all but its last sector", "only its first sector"};

/* Where the enumeration is, for each life. */
struct cutter {
	struct run *run;
	enum thoroughness how;
	unsigned int deep;
	struct cut cut;
	uint8_t *base, *image;
	uint32_t open[MOST_OPEN];
	unsigned int nr_open, nr_complete; /* these first */
	uint64_t keep;
	uint32_t torn; /* index into open, or NOT_TORN */
	enum torn torn_how;
	bool killed;
	/* To tell cuts that leave nothing new. */
	struct cut last_cut;
	uint32_t last_open[MOST_OPEN];
	unsigned int last_nr_open;
};

static struct cutter cutters[LEVELS];
static unsigned int level;
static struct bench probe_bench, second_bench;
static struct run probe, second;

static void try_one(struct cutter *c);

/* ---- what recovery makes of an image ---- */

struct result {
	uint64_t image; /* 0: free */
	uint64_t contents, backings[NR_BACKINGS];
	bool consistent[NR_BACKINGS]; /* the backing shows a state of the past */
};

static struct result *results;
static size_t nr_results, max_results;

static struct result *find_result(struct result *table, size_t max, uint64_t image)
{
	size_t i = image & (max - 1);

	while (table[i].image && table[i].image != image)
		i = (i + 1) & (max - 1);
	return &table[i];
}

static void grow_results(void)
{
	size_t max = max_results ? max_results * 2 : 1 << 16;
	struct result *table = calloc(max, sizeof(*table));

	assert(table);
	for (size_t i = 0; i < max_results; i++)
		if (results[i].image)
			*find_result(table, max, results[i].image) = results[i];
	free(results);
	results = table;
	max_results = max;
}

/* Of one backing's part of all contents. */
static uint64_t backing_hash(const uint8_t *contents, unsigned int i)
{
	return i ? hash_of(contents + FIRST_LEN, SECOND_LEN) : hash_of(contents, FIRST_LEN);
}

static void recover(const uint8_t *image, struct result *result, uint8_t *contents)
{
	struct wb_backing_info info;

	bench_load(&probe_bench, image);
	run_reset(&probe, NULL, 0);
	probe_bench.before_change = NULL;
	if (run_open(&probe))
		fail("the cache can't be opened: %s", probe_bench.last_message);
	for (unsigned int i = 0; i < NR_BACKINGS; i++) {
		result->consistent[i] = wb_backing_info(probe.wb, i, &info) && info.consistent;
		result->backings[i] = backing_hash(image + probe_bench.contents, i);
	}
	run_read(&probe, contents);
	result->contents = hash_of(contents, CONTENTS_LEN);
	run_abandon(&probe);
}

static struct result *result_of(const uint8_t *image, bool *fresh)
{
	uint64_t hash = hash_of(image, probe_bench.image_len) | 1;
	struct result *result;
	uint8_t contents[CONTENTS_LEN];

	if (nr_results * 2 >= max_results)
		grow_results();
	result = find_result(results, max_results, hash);
	*fresh = !result->image;
	if (*fresh) {
		recover(image, result, contents);
		result->image = hash;
		nr_results++;
		totals.distinct++;
	}
	return result;
}

/* ---- the oracle ---- */

/* Each backing goes its own way, so each has a past of its own. */
static bool is_past(const struct run *run, unsigned int from, unsigned int to, unsigned int i,
		    uint64_t hash)
{
	for (unsigned int n = from; n <= to; n++)
		if (backing_hash(run_state(run, n), i) == hash)
			return true;
	return false;
}

/* For each sector the first state that has it as it is found. */
static void explain(const struct run *run, const uint8_t *found)
{
	fprintf(stderr, "sector by sector the oldest state that agrees (?: none), blocks of 8:\n");
	for (uint32_t at = 0; at < CONTENTS_LEN; at += SECTOR) {
		unsigned int n = 0;

		while (n <= run->nr_states &&
		       memcmp(found + at, run_state(run, n) + at, SECTOR) != 0)
			n++;
		if (at % BLOCK == 0)
			fprintf(stderr, at == FIRST_LEN ? "\n  " : "  ");
		fputc(n <= run->nr_states ? "0123456789abcdefg"[n] : '?', stderr);
	}
	fprintf(stderr, "\n");
}

/* The newest state that the contents are. */
static unsigned int check_contents(struct cutter *c, const struct result *result)
{
	struct result again;
	uint8_t contents[CONTENTS_LEN];

	for (unsigned int n = c->cut.max + 1; n-- > c->cut.min;)
		if (c->run->hashes[n] == result->contents)
			return n;
	recover(c->image, &again, contents);
	explain(c->run, contents);
	fail("what was recovered is none of the states %u..%u", c->cut.min, c->cut.max);
}

static void check_backing(struct cutter *c, const struct result *result, unsigned int state,
			  unsigned int i)
{
	const struct run *run = c->run;
	uint64_t hash = result->backings[i];

	if (!result->consistent[i] || is_past(run, c->cut.drained, state, i, hash))
		return;
	if (run->before && !c->cut.drained &&
	    is_past(run->before, run->before_drained, run->before_last, i, hash))
		return;
	explain(run, c->image + probe_bench.contents);
	fail("between batches backing %u alone shows none of the states %u..%u", i, c->cut.drained,
	     state);
}

/* ---- another life ---- */

static void write_unflushed(const struct cutter *c)
{
	const struct bench *bench = c->run->bench;

	for (unsigned int i = 0; i < c->nr_open; i++)
		if (c->keep >> i & 1)
			bench_write_unflushed(&second_bench, &bench->writes[c->open[i]],
					      bench->data);
}

/* What is done after a recovery: requests of two blocks where such are not split. */
static const char *second_letters(const struct geometry *g)
{
	return g->nr_segments * (g->segment_blocks - 1) >= 8 ? "xbD" : "xaD";
}

/* What is recovered stays, whatever becomes of the next life. */
static void live_again(struct cutter *c, unsigned int state, bool fully)
{
	bench_load(&second_bench, c->killed ? c->base : c->image);
	run_reset(&second, run_state(c->run, state), SECOND_STAMP);
	second.before = c->run;
	second.before_last = state;
	second.before_drained = c->cut.drained;
	if (c->killed)
		write_unflushed(c);
	totals.second_lives++;
	if (run_open(&second))
		fail("the cache can't be opened: %s", second_bench.last_message);
	run_expect_newest(&second);
	second.recording = true;
	second_bench.before_change(&second);
	if (fully) {
		run_start(&second);
		run_letters(&second, second_letters(&second_bench.geometry), 0);
		run_expect_newest(&second);
	}
	run_abandon(&second);
	level++;
	cut_everywhere(&second, fully ? SOME : ENDS, 0, 0);
	level--;
}

/* ---- one state ---- */

static uint32_t torn_from(enum torn how)
{
	return how == OTHER_BLOCKS ? BLOCK : 0;
}

static uint32_t torn_len(const struct tape_write *w, enum torn how)
{
	switch (how) {
	case FIRST_BLOCK:
		return BLOCK;
	case OTHER_BLOCKS:
		return w->len - BLOCK;
	case BUT_LAST_SECTOR:
		return w->len - SECTOR;
	case FIRST_SECTOR:
	case NR_TORN:
		break;
	}
	return SECTOR;
}

static void make_image(struct cutter *c)
{
	const struct bench *bench = c->run->bench;

	memcpy(c->image, c->base, bench->image_len);
	for (unsigned int i = 0; i < c->nr_open; i++) {
		const struct tape_write *w = &bench->writes[c->open[i]];

		if (i == c->torn)
			tape_apply(w, bench->data, torn_from(c->torn_how), torn_len(w, c->torn_how),
				   c->image);
		else if (c->keep >> i & 1)
			tape_apply(w, bench->data, 0, w->len, c->image);
	}
}

static void check_one(struct cutter *c)
{
	struct result *result;
	unsigned int state;
	bool fresh, selected;

	make_image(c);
	totals.states++;
	result = result_of(c->image, &fresh);
	selected = c->deep && result->image / 2 % c->deep == 0;
	state = check_contents(c, result);
	for (unsigned int i = 0; i < NR_BACKINGS; i++)
		check_backing(c, result, state, i);
	if (c->killed)
		live_again(c, state, selected);
	else if (selected && (fresh || wanted.cut[level] != ANY))
		live_again(c, state, true);
}

/* The next one of the enumeration, unless another one is asked for. */
static void try_one(struct cutter *c)
{
	uint32_t n = place.subset[level]++;

	if (wanted.subset[level] == ANY || wanted.subset[level] == n) {
		place.subset[level] = n;
		check_one(c);
		place.subset[level] = n + 1;
	}
}

static void try_kept(struct cutter *c, uint64_t keep)
{
	c->keep = keep;
	try_one(c);
}

/* ---- all states of a cut ---- */

static uint64_t all_of(unsigned int nr)
{
	return nr == 64 ? UINT64_MAX : (1ull << nr) - 1;
}

static void each_subset(struct cutter *c)
{
	for (uint64_t keep = 1; keep < all_of(c->nr_open); keep++)
		try_kept(c, keep);
}

static void some_subsets(struct cutter *c)
{
	unsigned int nr = c->nr_open;

	if (nr <= 3) {
		each_subset(c);
		return;
	}
	for (unsigned int i = 0; i < nr; i++) {
		try_kept(c, 1ull << i);
		try_kept(c, all_of(nr) & ~(1ull << i));
		if (i > 1 && i < nr - 1)
			try_kept(c, all_of(i));
	}
}

static void tear(struct cutter *c, unsigned int i, enum torn how)
{
	uint64_t others = all_of(c->nr_open) & ~(1ull << i);

	if (c->run->bench->writes[c->open[i]].len <= (how < BUT_LAST_SECTOR ? BLOCK : SECTOR))
		return;
	c->torn = i;
	c->torn_how = how;
	if (c->nr_open > FEW) {
		try_kept(c, 0);
		try_kept(c, others);
	} else {
		for (uint64_t keep = 0; keep <= others; keep++)
			if (!(keep & ~others))
				try_kept(c, keep);
	}
	c->torn = NOT_TORN;
}

/* The process dies and the disks live on; what was in flight is done or not. */
static void kill_it(struct cutter *c)
{
	c->killed = true;
	try_kept(c, all_of(c->nr_complete));
	if (c->nr_open > c->nr_complete)
		try_kept(c, all_of(c->nr_open));
	c->killed = false;
}

/* The same writes are open as at the cut before, and no more is promised. */
static bool leaves_nothing_new(const struct cutter *c)
{
	return c->cut.min == c->last_cut.min && c->cut.max == c->last_cut.max &&
	       c->cut.drained == c->last_cut.drained && c->nr_open == c->last_nr_open &&
	       memcmp(c->open, c->last_open, c->nr_open * sizeof(*c->open)) == 0;
}

static void all_states(struct cutter *c)
{
	if (leaves_nothing_new(c)) {
		if (c->how == EVERY && c->nr_open)
			kill_it(c);
		return;
	}
	try_kept(c, 0);
	if (!c->nr_open)
		return;
	try_kept(c, all_of(c->nr_open));
	if (c->how == ENDS)
		return;
	if (c->how == EVERY && c->nr_open <= MOST_FOR_ALL)
		each_subset(c);
	else
		some_subsets(c);
	if (c->how != EVERY)
		return;
	if (c->nr_open > MOST_FOR_ALL)
		totals.capped++;
	for (unsigned int i = 0; i < c->nr_open; i++)
		for (enum torn how = 0; how < NR_TORN; how++)
			tear(c, i, how);
	kill_it(c);
}

/* ---- all cuts of a run ---- */

static void add_open(struct cutter *c, uint32_t i)
{
	assert(c->nr_open < MOST_OPEN);
	c->open[c->nr_open++] = i;
}

/* What is safe at a cut, and what is not. */
static void prepare(struct cutter *c)
{
	const struct bench *bench = c->run->bench;
	uint32_t tick = c->cut.tick;

	memcpy(c->base, bench->first, bench->image_len);
	c->nr_open = 0;
	for (uint32_t i = 0; i < bench->nr_completed; i++) {
		const struct tape_write *w = &bench->writes[bench->completed[i]];

		if (w->flushed < tick)
			tape_apply(w, bench->data, 0, w->len, c->base);
		else if (w->completed < tick && w->dropped >= tick)
			add_open(c, bench->completed[i]);
	}
	c->nr_complete = c->nr_open;
	for (uint32_t i = 0; i < bench->nr_writes; i++)
		if (bench->writes[i].submitted < tick && bench->writes[i].completed >= tick)
			add_open(c, i);
	if (c->nr_open > totals.most_unflushed)
		totals.most_unflushed = c->nr_open;
}

static void remember_cut(struct cutter *c)
{
	c->last_cut = c->cut;
	c->last_nr_open = c->nr_open;
	memcpy(c->last_open, c->open, c->nr_open * sizeof(*c->open));
}

void cut_everywhere(struct run *run, enum thoroughness how, unsigned int deep, uint32_t from_tick)
{
	struct cutter *c = &cutters[level];

	c->run = run;
	c->how = how;
	c->deep = deep;
	c->torn = NOT_TORN;
	c->last_nr_open = MOST_OPEN + 1;
	for (uint32_t i = 0; i < run->nr_cuts; i++) {
		c->cut = run->cuts[i];
		if (c->cut.tick < from_tick)
			continue;
		prepare(c);
		if (wanted.cut[level] == ANY || wanted.cut[level] == i) {
			place.cut[level] = i;
			place.subset[level] = 0;
			totals.cuts++;
			all_states(c);
		}
		remember_cut(c);
	}
	place.cut[level] = place.subset[level] = ANY;
}

/* ---- reports ---- */

static void describe(const struct cutter *c)
{
	static const char *const disks[] = {"cache", "b0", "b1"};
	const struct bench *bench = c->run->bench;

	fprintf(stderr, "states %u..%u are allowed; not flushed:%s\n", c->cut.min, c->cut.max,
		c->killed ? " (the process is killed, disks go on)" : "");
	for (unsigned int i = 0; i < c->nr_open; i++) {
		const struct tape_write *w = &bench->writes[c->open[i]];
		const char *fate = c->keep >> i & 1 ? "kept" : "lost";

		fprintf(stderr, "  %s %s %u+%u%s: %s\n",
			i < c->nr_complete ? "written" : "in flight", disks[w->disk], w->at, w->len,
			w->data == NO_DATA ? " zeros" : "",
			i == c->torn ? torn_names[c->torn_how] : fate);
	}
}

void cut_describe(void)
{
	for (unsigned int l = 0; l < LEVELS; l++)
		if (place.cut[l] != ANY)
			describe(&cutters[l]);
}

void cut_init(const struct geometry *geometry)
{
	bench_init(&probe_bench, geometry);
	bench_init(&second_bench, geometry);
	run_init(&probe, &probe_bench);
	probe.probing = true;
	run_init(&second, &second_bench);
	for (unsigned int l = 0; l < LEVELS; l++) {
		cutters[l].base = malloc(probe_bench.image_len);
		cutters[l].image = malloc(probe_bench.image_len);
		assert(cutters[l].base && cutters[l].image);
	}
}

void cut_fini(void)
{
	for (unsigned int l = 0; l < LEVELS; l++) {
		free(cutters[l].base);
		free(cutters[l].image);
	}
	run_fini(&probe);
	run_fini(&second);
	bench_fini(&probe_bench);
	bench_fini(&second_bench);
	free(results);
	results = NULL;
	nr_results = max_results = 0;
}
