/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel says for how long a disk was busy, not with whose I/O. So what our own migration
 * does to it is not subtracted but avoided: if migration was in flight for more than a tenth of an
 * interval, it rests for a moment at the end, and only that is measured.
 */
#include "config.h"

#include "fuse/modulator.h"

#include <unistd.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "fuse/server.h"

#define NS_PER_MS 1000000ull
#define NS_PER_S 1000000000ull
#define QUIET_MIN (60 * NS_PER_MS)
#define QUIET_MAX (500 * NS_PER_MS)
#define QUIET_PART 16 /* of an interval */
#define DRAIN_POLL (10 * NS_PER_MS)

#define for_each_slot(i, m, on_disk) \
	for (unsigned int i = 0; i < EXPORTS_MAX; i++) \
		if ((m)->slot[i].backing && (!(on_disk) || (m)->slot[i].disk == (on_disk)))

/* ---- which disks there are ---- */

static struct modulator_disk *find_disk(struct modulator *m, uint64_t number)
{
	struct modulator_disk *free_one = NULL;

	for (size_t i = 0; i < WB_MAX_BACKINGS; i++) {
		struct modulator_disk *disk = &m->disks[i];

		if (disk->nr_backings && number && disk->number == number)
			return disk;
		if (!disk->nr_backings)
			free_one = disk;
	}
	return free_one;
}

static void join(struct modulator *m, unsigned int i, const struct export *e)
{
	bool simulated = device_simulates(e->dev);
	uint64_t number = simulated ? 0 : device_disk_number(e->dev);
	struct modulator_disk *disk = find_disk(m, number);

	if (!disk)
		return;
	if (!disk->nr_backings) {
		*disk = (struct modulator_disk){.number = number, .fd = -1};
		if (number)
			disk->fd = load_open(LOAD_SYS_BLOCK, number);
	}
	disk->nr_backings++;
	disk->phase = DISK_RUNNING;
	disk->from = (struct load_sample){0};
	m->slot[i].backing = atomic_load(&e->backing);
	m->slot[i].dev = e->dev;
	m->slot[i].number = device_number(e->dev);
	m->slot[i].disk = disk;
}

/* The engine may not have the backing any more. */
static void leave(struct modulator *m, unsigned int i)
{
	struct modulator_disk *disk = m->slot[i].disk;

	m->slot[i].backing = NULL;
	disk->phase = DISK_RUNNING;
	disk->from = (struct load_sample){0};
	if (!--disk->nr_backings && disk->fd >= 0)
		close(disk->fd);
}

static void follow_exports(struct modulator *m)
{
	for (unsigned int i = 0; i < EXPORTS_MAX; i++) {
		const struct export *e = &m->server->exports.slot[i];
		bool there = e->state == EXPORT_SHOWN && e->cached;
		bool known = m->slot[i].backing;

		if (known && there && m->slot[i].backing == atomic_load(&e->backing) &&
		    m->slot[i].dev == e->dev && m->slot[i].number == device_number(e->dev))
			continue;
		if (known)
			leave(m, i);
		if (there)
			join(m, i, e);
	}
}

/* ---- measuring ---- */

static void sample(struct modulator *m, struct modulator_disk *disk, uint64_t now,
		   struct load_sample *s, bool *migrating)
{
	uint64_t simulated_ns;
	struct wb_usage usage;

	*s = (struct load_sample){.at = now};
	*migrating = false;
	for_each_slot(i, m, disk)
	{
		wb_usage(m->server->wb, m->slot[i].backing, &usage);
		s->foreground_ns += usage.foreground_ns;
		s->migration_ns += usage.migration_ns;
		*migrating |= usage.migrating;
		if (device_busy_ns(m->slot[i].dev, &simulated_ns)) {
			s->busy_ms = (uint32_t)(simulated_ns / NS_PER_MS);
			s->has_busy = true;
		}
	}
	if (disk->fd >= 0)
		s->has_busy = load_read(disk->fd, &s->busy_ms);
}

static void keep_quiet(struct modulator *m, const struct modulator_disk *disk, uint64_t until)
{
	for_each_slot(i, m, disk) wb_quiet(m->server->wb, m->slot[i].backing, until);
}

static uint64_t quiet_time(const struct modulator *m)
{
	uint64_t ns = m->interval * NS_PER_S / QUIET_PART;

	return ns < QUIET_MIN ? QUIET_MIN : ns > QUIET_MAX ? QUIET_MAX : ns;
}

/* Take what was measured, unless it says nothing. */
static void conclude(struct modulator_disk *disk, const struct load_sample *to)
{
	int utilisation = disk->from.at ? load_utilisation(&disk->from, to) : -1;

	if (utilisation >= 0)
		disk->utilisation = (unsigned int)utilisation;
	disk->from = *to;
	disk->phase = DISK_RUNNING;
}

/* The interval is over. */
static void measure(struct modulator *m, struct modulator_disk *disk, uint64_t now)
{
	struct load_sample to;
	bool migrating;

	if (disk->phase != DISK_RUNNING)
		return;
	sample(m, disk, now, &to, &migrating);
	if (!disk->from.at || load_tells(&disk->from, &to))
		conclude(disk, &to);
	else
		disk->phase = DISK_DRAINING;
}

/*
 * Go on with a quiet moment. Returns when it wants to be looked at again; UINT64_MAX: it doesn't.
 */
static uint64_t go_on(struct modulator *m, struct modulator_disk *disk, uint64_t now)
{
	struct load_sample s;
	bool migrating;

	if (disk->phase == DISK_RUNNING)
		return UINT64_MAX;
	if (disk->phase == DISK_QUIET && now < disk->quiet_end)
		return disk->quiet_end;
	sample(m, disk, now, &s, &migrating);
	if (disk->phase == DISK_QUIET) {
		/* It was not heeded if migration had become urgent. */
		if (!load_tells(&disk->from, &s))
			disk->from.at = 0;
		conclude(disk, &s);
		keep_quiet(m, disk, 0);
		return UINT64_MAX;
	}
	/* The hold runs out by itself, should we not come back. */
	keep_quiet(m, disk, now + 2 * quiet_time(m));
	if (migrating)
		return now + DRAIN_POLL;
	disk->from = s;
	disk->quiet_end = now + quiet_time(m);
	disk->phase = DISK_QUIET;
	return disk->quiet_end;
}

/* ---- judging ---- */

/* Unless all backings are busy. */
static void allow_migrate(struct modulator *m, bool allow)
{
	struct wb *wb = m->server->wb;

	if (wb_knob_get(wb, NULL, WB_KNOB_ALLOW_MIGRATE) == (unsigned int)allow)
		return;
	if (wb_knob_set(wb, NULL, WB_KNOB_ALLOW_MIGRATE, allow))
		message(MESSAGE_ERROR, "allow_migrate: set: refused");
}

static void tell(struct modulator *m)
{
	struct wb *wb = m->server->wb;
	unsigned int nr = 0, nr_busy = 0;

	for_each_slot(i, m, NULL)
	{
		struct wb_backing *backing = m->slot[i].backing;
		unsigned int utilisation = m->slot[i].disk->utilisation;
		unsigned int threshold = wb_knob_get(wb, backing, WB_KNOB_MIGRATE_THRESHOLD);
		bool busy = m->interval && load_is_busy(utilisation, threshold);

		wb_set_utilisation(wb, backing, utilisation);
		wb_set_busy(wb, backing, busy);
		nr++;
		nr_busy += busy;
	}
	if (m->interval)
		allow_migrate(m, !nr || nr_busy < nr);
}

static void turn_off(struct modulator *m)
{
	m->due = 0;
	for (size_t i = 0; i < WB_MAX_BACKINGS; i++) {
		struct modulator_disk *disk = &m->disks[i];

		if (disk->nr_backings && disk->phase != DISK_RUNNING)
			keep_quiet(m, disk, 0);
		disk->phase = DISK_RUNNING;
		disk->from = (struct load_sample){0};
		disk->utilisation = 0;
	}
}

static void look(void *ctx)
{
	struct modulator *m = ctx;
	uint64_t now = timer_now(), next;
	bool is_due;

	LOCK_SCOPE(&m->server->exports.lock);
	m->interval = wb_knob_get(m->server->wb, NULL, WB_KNOB_UPDATE_INTERVAL);
	follow_exports(m);
	if (!m->interval) {
		turn_off(m);
		tell(m);
		return;
	}
	next = now + m->interval * NS_PER_S;
	is_due = now >= m->due;
	if (is_due || m->due > next)
		m->due = next;
	next = m->due;
	for (size_t i = 0; i < WB_MAX_BACKINGS; i++) {
		struct modulator_disk *disk = &m->disks[i];
		uint64_t again;

		if (!disk->nr_backings)
			continue;
		if (is_due)
			measure(m, disk, now);
		again = go_on(m, disk, now);
		next = again < next ? again : next;
	}
	tell(m);
	timer_set(&m->timer, next);
}

int modulator_start(struct modulator *m, struct server *server)
{
	int err;

	m->server = server;
	err = timer_init(&m->timer);
	if (!err) {
		look(m);
		err = timer_start(&m->timer, look, m);
		if (err)
			timer_fini(&m->timer);
	}
	if (err)
		message(MESSAGE_ERROR, "modulator: start: %s", reason(err));
	return err;
}

void modulator_stop(struct modulator *m)
{
	timer_stop(&m->timer);
	timer_fini(&m->timer);
	for (unsigned int i = 0; i < EXPORTS_MAX; i++)
		if (m->slot[i].backing)
			leave(m, i);
}

void modulator_poke(struct modulator *m)
{
	timer_set(&m->timer, 0);
}
