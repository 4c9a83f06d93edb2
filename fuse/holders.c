/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who keeps a mount busy. Looks at numbers and links in /proc and /sys only, which doesn't touch
 * the mount itself. Runs in a command's main thread.
 */
#include "config.h"

#include "fuse/holders.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>

#include "common/message.h"
#include "fuse/above.h"
#include "fuse/users.h"

enum { MAX_TOLD = 10, TRIES = 50, PAUSE_NS = 20000000 };

struct holders {
	const char *object;		 /* what messages begin with */
	const struct mount_entry *mount; /* who is on it */
	const struct above_list *known;	 /* what isn't foreign, or NULL */
	unsigned int told;
};

static void tell(struct holders *holders, const char *what, const char *verb, const char *where)
{
	if (holders->told++ < MAX_TOLD)
		message(MESSAGE_ERROR, "%s: in use: %s%s%s", holders->object, what, verb, where);
}

/* ---- processes ---- */

static bool tell_user(const struct user *user, void *ctx)
{
	struct holders *holders = ctx;

	if (holders->told++ < MAX_TOLD)
		message(MESSAGE_ERROR, "%s: in use: process %d (%s) %s %s", holders->object,
			(int)user->pid, user->comm, user->how, user->path);
	return holders->told < MAX_TOLD;
}

/* ---- mounts ---- */

static bool is_known(const struct above_list *list, const struct mount_entry *entry)
{
	for (size_t i = 0; list && i < list->nr; i++)
		if (list->items[i].kind == ABOVE_MOUNT && list->items[i].mount.id == entry->id)
			return true;
	return false;
}

static bool tell_submount(const struct mount_entry *entry, void *ctx)
{
	struct holders *holders = ctx;

	if (entry->parent == holders->mount->id && !is_known(holders->known, entry))
		tell(holders, entry->source, " is mounted on ", entry->point);
	return true;
}

static void tell_of_mount(struct holders *holders, const struct mount_entry *mount)
{
	holders->mount = mount;
	if (mounts_each(tell_submount, holders) == 0)
		users_each(mount->point, true, tell_user, holders);
}

static bool tell_other_point(const struct mount_entry *entry, void *ctx)
{
	struct holders *holders = ctx;

	if (entry->dev == holders->mount->dev && entry->id != holders->mount->id)
		tell(holders, entry->source, " is also mounted on ", entry->point);
	return true;
}

/* ---- loop devices ---- */

static bool tell_claim(const char *name, void *ctx)
{
	tell(ctx, name, " is made of it", "");
	return true;
}

static void tell_of_loop(struct holders *holders, const struct loop *loop)
{
	loop_each_claim(loop, tell_claim, holders);
	users_each(loop->device, false, tell_user, holders);
}

unsigned int holders_tell_loop(const struct loop *loop)
{
	struct holders holders = {.object = loop->device};
	char point[PATH_MAX];

	if (loop_find_mount(loop, point))
		tell(&holders, "mounted on ", point, "");
	tell_of_loop(&holders, loop);
	return holders.told;
}

static void tell_above(struct holders *holders, const struct above_list *list)
{
	for (size_t i = 0; i < list->nr; i++) {
		const struct above *item = &list->items[i];

		if (item->kind == ABOVE_LOOP)
			tell(holders, item->loop.device, " shows ", item->loop.file);
		else
			tell(holders, item->loop.device, " is mounted on ", item->mount.point);
	}
}

unsigned int holders_tell(const struct mount_entry *mount)
{
	struct holders holders = {.object = mount->point, .mount = mount};
	ABOVE_SCOPE list = {0};
	bool removable;

	if (above_find(mount, &list) == 0)
		tell_above(&holders, &list);
	if (mounts_each(tell_other_point, &holders) < 0)
		return holders.told;
	removable = holders.told > 0;
	tell_of_mount(&holders, mount);
	if (removable)
		hint("wbfs umount --detach %s", mount->point);
	return holders.told;
}

/* ---- taking away ---- */

/* Is nobody there who isn't going away with the rest? */
static int check_unused(const struct mount_entry *mount, const struct above_list *list)
{
	struct holders holders = {.object = mount->point, .known = list};

	for (size_t i = 0; i < list->nr; i++) {
		const struct above *item = &list->items[i];

		holders.object = item->kind == ABOVE_LOOP ? item->loop.device : item->mount.point;
		if (item->kind == ABOVE_LOOP)
			tell_of_loop(&holders, &item->loop);
		else
			tell_of_mount(&holders, &item->mount);
	}
	holders.object = mount->point;
	tell_of_mount(&holders, mount);
	return holders.told ? -EBUSY : 0;
}

/* The kernel lets go of a closed file a little later. */
static int unmount(const char *point)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	int err = umount2(point, UMOUNT_NOFOLLOW) < 0 ? -errno : 0;

	for (int i = 0; err == -EBUSY && i < TRIES; i++) {
		nanosleep(&pause, NULL);
		err = umount2(point, UMOUNT_NOFOLLOW) < 0 ? -errno : 0;
	}
	if (err)
		message(MESSAGE_ERROR, "%s: unmount: %s", point, reason(err));
	else
		message(MESSAGE_INFO, "%s: unmounted", point);
	return err;
}

static int take_away(const struct above *item)
{
	int err;

	if (item->kind == ABOVE_MOUNT)
		return unmount(item->mount.point);
	err = loop_remove(&item->loop);
	if (!err)
		message(MESSAGE_INFO, "%s: detached from %s", item->loop.device, item->loop.file);
	return err;
}

struct points {
	const struct mount_entry *mount;
	int err;
};

static bool unmount_other_point(const struct mount_entry *entry, void *ctx)
{
	struct points *points = ctx;

	if (entry->dev == points->mount->dev && entry->id != points->mount->id)
		points->err = unmount(entry->point);
	return !points->err;
}

int holders_detach(const struct mount_entry *mount)
{
	struct points points = {.mount = mount};
	ABOVE_SCOPE list = {0};
	int err = above_find(mount, &list);

	if (err) {
		message(MESSAGE_ERROR, "%s: detach: %s", mount->point, reason(err));
		return err;
	}
	err = check_unused(mount, &list);
	for (size_t i = list.nr; !err && i-- > 0;)
		err = take_away(&list.items[i]);
	if (!err)
		err = mounts_each(unmount_other_point, &points);
	return err ? err : points.err;
}
