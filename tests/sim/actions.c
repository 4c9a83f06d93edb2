/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may happen in a life, and how often. */
#include "config.h"

#include "tests/sim/world.h"

#define NS_PER_MS 1000000ull

static void some_steps(struct world *w)
{
	uint64_t n = 1 + dice(w, one_in(w, 16) ? 24 : 4);

	while (n-- && world_step(w))
		;
}

static void time_passes(struct world *w)
{
	uint64_t until = w->sim.now + dice(w, one_in(w, 4) ? 5000 : 200) * NS_PER_MS;

	note(w, "time passes");
	while (w->sim.now < until && world_step(w))
		;
}

static void tick(struct world *w)
{
	wb_tick(w->wb);
}

static void read_some(struct world *w)
{
	request_start(w, READ);
}

static void write_some(struct world *w)
{
	request_start(w, WRITE);
}

static void write_many(struct world *w)
{
	uint64_t n = dice(w, 12);

	if (one_in(w, 2)) {
		requests_write_all(w, n);
		return;
	}
	while (n--)
		request_start(w, WRITE);
}

static void zero_some(struct world *w)
{
	request_start(w, ZERO);
}

static void sync_all(struct world *w)
{
	request_start(w, SYNC);
}

static void change_knob(struct world *w)
{
	enum wb_knob_id id = (enum wb_knob_id)dice(w, WB_NR_ALL_KNOBS);
	struct disk *d = &w->disks[dice(w, NR_DISKS)];
	const struct wb_knob *knob = &wb_knobs[id];
	uint64_t range = knob->max - knob->min + 1ull;
	unsigned int value = knob->min + (unsigned int)dice(w, range < 9 ? range : 9);
	bool of_backing = id >= WB_NR_KNOBS;

	if (id == WB_KNOB_PAUSED || (of_backing && d->state != DISK_THERE))
		return;
	note(w, "knob %s = %u", knob->name, value);
	if (wb_knob_set(w->wb, of_backing ? d->handle : NULL, id, value))
		fail(w, "a knob refuses a value in its range");
	if (wb_knob_get(w->wb, of_backing ? d->handle : NULL, id) != value)
		fail(w, "a knob forgets its value");
	if (!wb_knob_set(w->wb, of_backing ? d->handle : NULL, id, knob->max + 1))
		fail(w, "a knob accepts a value out of its range");
}

static void drain(struct world *w)
{
	unsigned int i = (unsigned int)dice(w, NR_DISKS);

	task_begin(w, DRAIN, w->disks[i].state == DISK_THERE && one_in(w, 2) ? i : ALL_DISKS);
}

static void commit(struct world *w)
{
	task_begin(w, COMMIT, 0);
}

static void retry(struct world *w)
{
	note(w, "retry");
	wb_retry(w->wb);
}

static void mend(struct world *w)
{
	note(w, "all devices work again");
	faults_mend(w);
}

static void look(struct world *w)
{
	const char *what = peek_counters(w->wb);

	if (what)
		fail(w, "%s", what);
	backings_check(w);
}

static void clear_stat(struct world *w)
{
	wb_clear_stat(w->wb);
}

enum need { ALWAYS, FAULTY, COMINGS, GROWING, DAMAGING, ROTTING, HOLDING };

static const struct {
	unsigned int weight;
	enum need need;
	void (*fn)(struct world *w);
} actions[] = {
	{300, ALWAYS, some_steps},
	{220, ALWAYS, write_some},
	{70, ALWAYS, read_some},
	{45, ALWAYS, zero_some},
	{55, ALWAYS, sync_all},
	{6, ALWAYS, write_many},
	{8, ALWAYS, time_passes},
	{2, ALWAYS, tick},
	{10, ALWAYS, change_knob},
	{4, ALWAYS, drain},
	{4, ALWAYS, commit},
	{4, ALWAYS, look},
	{1, ALWAYS, clear_stat},
	{14, FAULTY, faults_inject},
	{4, FAULTY, mend},
	{5, FAULTY, retry},
	{8, COMINGS, disk_attach},
	{8, COMINGS, disk_detach},
	{3, COMINGS, disk_attach_wrong},
	{9, GROWING, disk_grow},
	{4, DAMAGING, faults_damage},
	{6, ROTTING, faults_rot},
	{6, HOLDING, hold_pause},
	{3, HOLDING, hold_busy},
	{3, ALWAYS, hold_progress},
};
#define NR_ACTIONS (sizeof(actions) / sizeof(*actions))

static unsigned int weight(const struct world *w, unsigned int i)
{
	switch (actions[i].need) {
	case ALWAYS:
		break;
	case FAULTY:
		return w->faulty ? actions[i].weight : 0;
	case COMINGS:
		return w->comings ? actions[i].weight : 0;
	case GROWING:
		return w->growing ? actions[i].weight : 0;
	case DAMAGING:
		return w->damaging ? actions[i].weight : 0;
	case ROTTING:
		return w->rotting ? actions[i].weight : 0;
	case HOLDING:
		return w->holding ? actions[i].weight : 0;
	}
	return actions[i].weight;
}

void act(struct world *w)
{
	unsigned int i = 0, sum = 0;
	uint64_t n;

	for (unsigned int j = 0; j < NR_ACTIONS; j++)
		sum += weight(w, j);
	for (n = dice(w, sum); n >= weight(w, i); i++)
		n -= weight(w, i);
	w->acting = true;
	if (tasks_are_many(w))
		some_steps(w);
	else
		actions[i].fn(w);
	w->acting = false;
	requests_note_placed(w);
	if (w->nr_actions % 8 == 0)
		check_status(w);
}
