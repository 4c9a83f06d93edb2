/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disks come and go: attaching, detaching, and everything else that reports to a wb_done_fn. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/world.h"

#define NR_NAMES 5

static const char *const task_names[] = {"start", "stop", "drain", "commit", "detach", "resize"};

/* ---- tasks ---- */

static bool remembered(struct world *w, const char *path, struct wb_backing_info *info)
{
	for (unsigned int i = 0; wb_backing_info(w->wb, i, info); i++)
		if (info->id && strcmp(info->path, path) == 0)
			return true;
	return false;
}

static void all_attached(struct world *w, uint64_t number)
{
	for (unsigned int i = 0; i < NR_DISKS; i++) {
		struct disk *d = &w->disks[i];

		if (d->state != DISK_ATTACHING || d->since >= number)
			continue;
		d->state = DISK_THERE;
		d->leaving = d->discarding = false;
		d->committed = i != UNCACHED;
	}
}

/* What is given up need not be durable before. */
static bool any_discarding(const struct world *w)
{
	for (unsigned int i = 0; i < w->nr_cached; i++)
		if (w->disks[i].discarding)
			return true;
	return false;
}

static void drained(struct world *w, struct task *t)
{
	for (unsigned int i = 0; i < w->nr_cached; i++)
		if ((t->disk == ALL_DISKS || t->disk == i) && !w->disks[i].discarding)
			backing_must_have(w, i, t->covered);
	if (t->kind == DRAIN && t->disk == ALL_DISKS && !any_discarding(w))
		model_synced(&w->model, t->covered);
	totals->drains++;
}

static void detached(struct world *w, struct task *t)
{
	struct disk *d = &w->disks[t->disk];

	if (t->disk != UNCACHED && !t->discard)
		drained(w, t);
	if (t->disk != UNCACHED)
		backing_detached(w, t->disk, t->discard);
	totals->discarded += t->discard;
	totals->detached++;
	d->state = DISK_AWAY;
	d->handle = NULL;
	d->forgotten = d->committed;
	d->committed = d->paused = d->leaving = d->discarding = false;
}

/* Nobody knows which table is on the cache before the next commit. */
static void detach_failed(struct world *w, struct task *t)
{
	struct disk *d = &w->disks[t->disk];

	if (t->err == -EROFS) {
		d->leaving = d->discarding = false;
		d->state = d->handle ? DISK_THERE : DISK_AWAY;
		return;
	}
	d->state = d->handle ? DISK_ATTACHING : DISK_AWAY;
	d->since = w->nr_tasks;
	d->committed = false;
}

/* What the cache takes for its size. */
static uint64_t known_size(struct world *w, unsigned int i)
{
	struct wb_backing_info info;

	return remembered(w, w->disks[i].dev->bdev.path, &info) ? info.size : 0;
}

static void resized(struct world *w, struct task *t)
{
	struct disk *d = &w->disks[t->disk];

	d->resizing = false;
	if (!t->err)
		d->size = d->dev->bdev.size;
	else if (t->err == -EBUSY)
		d->dev->bdev.size = known_size(w, t->disk);
	totals->resized += !t->err;
}

static void task_succeeded(struct world *w, struct task *t)
{
	switch (t->kind) {
	case START:
	case COMMIT:
		all_attached(w, t->number);
		break;
	case STOP:
		model_synced(&w->model, t->covered);
		break;
	case DRAIN:
		drained(w, t);
		break;
	case DETACH:
		detached(w, t);
		break;
	case RESIZE:
		resized(w, t);
		break;
	}
}

/* A failed cache fails all; drain and detach need migration, too, which a failing disk stops. */
static bool error_is_right(struct world *w, struct task *t, int err)
{
	struct wb_status status;

	if (err == -EROFS)
		return w->read_only && (t->kind == DRAIN || t->kind == DETACH || t->kind == RESIZE);
	if (err == -ESHUTDOWN)
		return w->stopping;
	if (err == -EBUSY)
		return t->kind == RESIZE && known_size(w, t->disk) % WB_BLOCK_SIZE;
	wb_status(w->wb, &status);
	if (err == -EIO && status.state == WB_FAILED)
		return true;
	if (err != -EIO || (t->kind != DRAIN && t->kind != DETACH) || t->discard)
		return false;
	backings_look(w);
	for (unsigned int i = 0; i < w->nr_cached; i++)
		if ((t->disk == ALL_DISKS || t->disk == i) && w->disks[i].unable_at >= t->number)
			return true;
	return false;
}

static void task_done(void *ctx, int err)
{
	struct task *t = ctx;
	struct world *w = t->world;

	requests_note_placed(w);
	t->busy = false;
	t->err = err;
	if (err && !error_is_right(w, t, err))
		fail(w, "a %s got error %d without a reason", task_names[t->kind], -err);
	if (!err)
		task_succeeded(w, t);
	else if (t->kind == DETACH)
		detach_failed(w, t);
	else if (t->kind == RESIZE)
		resized(w, t);
}

static struct wb_backing *handle_of(struct world *w, unsigned int disk)
{
	struct wb_backing_info info;

	if (disk == ALL_DISKS || w->disks[disk].handle)
		return disk == ALL_DISKS ? NULL : w->disks[disk].handle;
	return remembered(w, w->disks[disk].dev->bdev.path, &info) ? info.backing : NULL;
}

struct task *task_begin(struct world *w, enum task_kind kind, unsigned int disk)
{
	struct task *t = w->tasks;

	while (t < w->tasks + MAX_TASKS && t->busy)
		t++;
	if (t == w->tasks + MAX_TASKS)
		return NULL;
	*t = (struct task){
		.world = w,
		.kind = kind,
		.busy = true,
		.disk = disk,
		.discard = kind == DETACH && w->disks[disk].discarding,
		.covered = model_now(&w->model),
		.number = ++w->nr_tasks,
	};
	note(w, "%s disk %u", task_names[kind], disk);
	switch (kind) {
	case START:
		wb_start(w->wb, task_done, t);
		break;
	case STOP:
		wb_stop(w->wb, task_done, t);
		break;
	case DRAIN:
		wb_drain(w->wb, handle_of(w, disk), task_done, t);
		break;
	case COMMIT:
		wb_commit(w->wb, task_done, t);
		break;
	case DETACH:
		wb_detach(w->wb, handle_of(w, disk), t->discard, task_done, t);
		break;
	case RESIZE:
		wb_resize(w->wb, handle_of(w, disk), task_done, t);
		break;
	}
	return t;
}

bool tasks_are_many(const struct world *w)
{
	unsigned int nr = 0;

	for (unsigned int i = 0; i < MAX_TASKS; i++)
		nr += w->tasks[i].busy;
	return nr >= MANY_TASKS;
}

int task_wait(struct world *w, struct task *task, const char *what)
{
	while (task->busy)
		if (!world_step(w))
			fail(w, "%s", what);
	return task->err;
}

/* ---- what the cache remembers ---- */

/* The owner of a name, if it has one. */
static bool name_known(struct world *w, const char *name, struct wb_backing_info *info)
{
	for (unsigned int i = 0; wb_backing_info(w->wb, i, info); i++)
		if (strcmp(info->name, name) == 0)
			return true;
	return false;
}

static struct disk *disk_at(struct world *w, const char *path)
{
	for (unsigned int i = 0; i < NR_DISKS; i++)
		if (strcmp(w->disks[i].dev->bdev.path, path) == 0)
			return &w->disks[i];
	return NULL;
}

/* One whose blocks the log has. */
bool disks_any_missing(struct world *w)
{
	struct wb_backing_info info;

	for (unsigned int i = 0; wb_backing_info(w->wb, i, &info); i++)
		if (!info.attached && info.in_log)
			return true;
	return false;
}

/* ---- attaching ---- */

static int try_attach(struct world *w, unsigned int i, const char *name, bool cached, bool force,
		      struct wb_backing **handle)
{
	struct simdev *dev = w->disks[i].dev;
	struct wb_backing_spec spec = {
		.name = name,
		.path = dev->bdev.path,
		.identity = dev->bdev.path,
		.dev = &dev->bdev,
		.cached = cached,
		.force = force,
	};

	return wb_attach(w->wb, &spec, handle);
}

static bool choose_name(struct world *w, unsigned int i, char name[WB_NAME_LEN])
{
	struct wb_backing_info info;
	struct disk *owner;

	if (i == UNCACHED || !w->comings) {
		snprintf(name, WB_NAME_LEN, "n%u", i == UNCACHED ? NR_NAMES : i);
		return true;
	}
	snprintf(name, WB_NAME_LEN, "n%u", (unsigned int)dice(w, NR_NAMES));
	if (!name_known(w, name, &info))
		return true;
	if (info.attached || info.in_log)
		return false;
	/* Nobody needs what is remembered of the name: it goes to this disk. */
	owner = disk_at(w, info.path);
	if (owner)
		owner->committed = owner->forgotten = false;
	return true;
}

/* Meanwhile: by one whose detaching failed. Or by one that has lost blocks. */
static bool name_is_taken(const struct world *w, int err)
{
	bool detaching = false;

	for (unsigned int i = 0; i < NR_DISKS; i++)
		detaching |= w->disks[i].leaving;
	return (err == -EEXIST && detaching) || (err == -ESTALE && w->nr_lost);
}

/*
 * It has grown, and what is remembered doesn't know: that is refused while the log has blocks of
 * it. Then it is made to be taken, or is as it was.
 */
static int attach_grown(struct world *w, unsigned int i, const struct wb_backing_info *info)
{
	struct disk *d = &w->disks[i];
	bool fits = info->size % WB_BLOCK_SIZE == 0;
	bool force = fits && one_in(w, 2);

	if (!fits && try_attach(w, i, info->name, true, true, &d->handle) != -ESTALE && !w->fault)
		fail(w, "disk %u was attached by force, but does not fit", i);
	if (!force)
		d->dev->bdev.size = info->size;
	return try_attach(w, i, info->name, true, force, &d->handle);
}

static void attach(struct world *w, unsigned int i)
{
	struct disk *d = &w->disks[i];
	struct wb_backing_info info;
	bool known = remembered(w, d->dev->bdev.path, &info);
	bool grown = known && info.size < d->dev->bdev.size;
	uint64_t fails = faults_of(d->dev);
	char name[WB_NAME_LEN];
	int err;

	if (known)
		snprintf(name, sizeof(name), "%s", info.name);
	else if (!choose_name(w, i, name))
		return;
	else
		d->settled = model_now(&w->model); /* the log has nothing of it */
	err = try_attach(w, i, name, i != UNCACHED, false, &d->handle);
	if (grown && info.in_log && !err)
		fail(w, "disk %u has grown, and is attached", i);
	if (grown && err == -ESTALE)
		err = attach_grown(w, i, &info);
	note(w, "attach disk %u as %s: %d", i, name, err);
	if (err && (faults_of(d->dev) > fails || (!known && name_is_taken(w, err))))
		return;
	if (err)
		fail(w, "disk %u can't be attached as %s: error %d", i, name, -err);
	d->state = DISK_ATTACHING;
	d->since = w->nr_tasks;
	d->size = d->dev->bdev.size;
	d->forgotten = false;
	totals->attached++;
}

/* What a committed change of the table says must be remembered, and nothing else. */
static void check_memory(struct world *w)
{
	struct wb_backing_info info;

	for (unsigned int i = 0; i < NR_CACHED; i++) {
		struct disk *d = &w->disks[i];
		bool known = remembered(w, d->dev->bdev.path, &info);

		if (d->committed && !known)
			fail(w, "disk %u is forgotten", i);
		if (d->forgotten && known)
			fail(w, "disk %u is still remembered", i);
	}
}

void disks_attach_first(struct world *w)
{
	if (!faults_damaged(w))
		check_memory(w);
	for (unsigned int i = 0; i < NR_DISKS; i++) {
		bool away = w->comings && one_in(w, 5);
		struct disk *d = &w->disks[i];

		if ((i < NR_CACHED && i >= w->nr_cached) || (i == UNCACHED && !w->has_uncached) ||
		    away)
			continue;
		attach(w, i);
		if (d->state == DISK_ATTACHING && w->read_only)
			d->state = DISK_THERE;
	}
	w->missing = disks_any_missing(w);
	totals->missing += w->missing;
}

static bool choose_away(struct world *w, unsigned int *disk)
{
	unsigned int first = (unsigned int)dice(w, NR_DISKS);

	for (unsigned int i = 0; i < NR_DISKS; i++) {
		*disk = (first + i) % NR_DISKS;
		if (w->disks[*disk].state == DISK_AWAY &&
		    (*disk == UNCACHED || *disk < w->nr_cached))
			return true;
	}
	return false;
}

void disk_attach(struct world *w)
{
	unsigned int i;

	if (choose_away(w, &i))
		attach(w, i);
	if (w->read_only && w->disks[i].state == DISK_ATTACHING)
		w->disks[i].state = DISK_THERE;
	else
		task_begin(w, COMMIT, 0);
}

/* They can't be told from each other. */
static bool look_the_same(const struct simdev *a, const struct simdev *b)
{
	return a->bdev.size == b->bdev.size && memcmp(a->visible, b->visible, a->bdev.size) == 0;
}

/* Another disk than the remembered one, or the same uncached, while the log needs it: refused. */
void disk_attach_wrong(struct world *w)
{
	struct wb_backing_info info;
	struct wb_backing *handle;
	unsigned int i = (unsigned int)dice(w, w->nr_cached);
	bool cached = one_in(w, 2);
	char name[WB_NAME_LEN];
	int err;

	if (w->disks[i].state != DISK_AWAY || !remembered(w, w->disks[i].dev->bdev.path, &info) ||
	    !info.in_log || (cached && look_the_same(w->disks[i].dev, w->disks[UNCACHED].dev)))
		return;
	snprintf(name, sizeof(name), "%s", info.name);
	err = try_attach(w, cached ? UNCACHED : i, name, cached, false, &handle);
	note(w, "attach the wrong disk as %s: %d", name, err);
	if (err != (cached ? -ESTALE : -EUCLEAN) && !w->fault)
		fail(w, "attaching the wrong disk got error %d", -err);
	if (!err)
		fail(w, "the wrong disk was attached");
}

void disks_attach_missing(struct world *w)
{
	struct wb_backing_info info;

	for (unsigned int i = 0; i < w->nr_cached; i++)
		if (w->disks[i].state == DISK_AWAY &&
		    remembered(w, w->disks[i].dev->bdev.path, &info))
			attach(w, i);
	task_wait(w, task_begin(w, COMMIT, 0), "a commit never completes");
}

/* ---- detaching ---- */

/* Rather one that is being carried forward. */
static unsigned int choose_leaving(struct world *w)
{
	struct peek p;

	for (unsigned int i = 0; i < w->nr_cached; i++) {
		peek_backing(w->wb, w->disks[i].dev->bdev.path, &p);
		if (p.carried && one_in(w, 2))
			return i;
	}
	return (unsigned int)dice(w, NR_DISKS);
}

void disk_detach(struct world *w)
{
	unsigned int i = choose_leaving(w);
	struct disk *d = &w->disks[i];
	enum disk_state before = d->state;
	bool missing = before == DISK_AWAY && i != UNCACHED && handle_of(w, i);

	if ((before != DISK_THERE && !missing) || requests_busy(w, i) || d->resizing)
		return;
	d->state = DISK_DETACHING;
	d->leaving = true;
	/* One that failed before may still turn out to have succeeded. */
	d->discarding |= i != UNCACHED && !w->read_only && one_in(w, 2);
	note(w, "detach disk %u%s%s", i, d->discarding ? ", discarding" : "",
	     missing ? ", which is missing" : "");
	if (d->discarding && w->faulty && one_in(w, d->paused ? 2 : 4))
		faults_of_log(w);
	if (task_begin(w, DETACH, i))
		return;
	d->state = before;
	d->leaving = d->discarding = false;
}

/* ---- growing ---- */

void disk_grow(struct world *w)
{
	unsigned int i = (unsigned int)dice(w, NR_CACHED);
	struct disk *d = &w->disks[i];
	uint64_t unit = d->dev->bdev.logical_block_size, now = d->dev->bdev.size;
	uint64_t more = (1 + dice(w, 8 * WB_BLOCK_SIZE / unit)) * unit;

	if (d->state != DISK_THERE || d->resizing || now + more > d->max_size ||
	    (known_size(w, i) % WB_BLOCK_SIZE && requests_busy(w, i)))
		return;
	note(w, "disk %u grows from %llu to %llu bytes", i, (unsigned long long)now,
	     (unsigned long long)(now + more));
	d->dev->bdev.size = now + more;
	d->resizing = true;
	if (one_in(w, 3))
		w->actions_left = 1 + (unsigned int)dice(w, 10);
	if (!task_begin(w, RESIZE, i))
		d->resizing = false;
}

void disks_forget(struct world *w)
{
	for (unsigned int i = 0; i < NR_DISKS; i++) {
		struct disk *d = &w->disks[i];

		if (d->state == DISK_DETACHING)
			d->committed = d->forgotten = false;
		d->state = DISK_AWAY;
		d->handle = NULL;
		d->paused = d->resizing = false;
	}
	memset(w->tasks, 0, sizeof(w->tasks));
}
