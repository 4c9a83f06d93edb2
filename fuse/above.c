/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stands on a mount of ours. Runs in a command's main thread. */
#include "config.h"

#include "fuse/above.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

enum { MOST = 4096 }; /* an error, not a machine */

struct search {
	struct above_list *list;
	const struct loop *loop; /* whose mounts are looked for */
	int err;
};

static bool add(struct search *search, const struct above *item)
{
	struct above_list *list = search->list;
	struct above *items = NULL;

	if (list->nr < MOST)
		items = realloc(list->items, (list->nr + 1) * sizeof(*items));
	if (!items) {
		search->err = -ENOMEM;
		return false;
	}
	list->items = items;
	items[list->nr++] = *item;
	return true;
}

static bool add_loop(const struct loop *loop, void *ctx)
{
	const struct above item = {.kind = ABOVE_LOOP, .loop = *loop};

	return add(ctx, &item);
}

static bool add_if_of_loop(const struct mount_entry *entry, void *ctx)
{
	struct search *search = ctx;
	const struct above item = {.kind = ABOVE_MOUNT, .loop = *search->loop, .mount = *entry};

	return !loop_has_mount(search->loop, entry) || add(search, &item);
}

/* A file system that is mounted at several places is looked at once. */
static bool is_first_of_its_kind(const struct above_list *list, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (list->items[i].kind == ABOVE_MOUNT &&
		    list->items[i].mount.dev == list->items[at].mount.dev)
			return false;
	return true;
}

/* Each item is asked once what stands on it; what is found is asked later. */
int above_find(const struct mount_entry *mount, struct above_list *list)
{
	struct search search = {.list = list};
	int err;

	*list = (struct above_list){0};
	err = loops_each(mount->dev, add_loop, &search);
	for (size_t i = 0; !err && !search.err && i < list->nr; i++) {
		const struct above item = list->items[i]; /* the list moves */

		search.loop = &item.loop;
		if (item.kind == ABOVE_LOOP)
			err = mounts_each(add_if_of_loop, &search);
		else if (is_first_of_its_kind(list, i))
			err = loops_each(item.mount.dev, add_loop, &search);
	}
	return err ? err : search.err;
}

void above_free(struct above_list *list)
{
	free(list->items);
	*list = (struct above_list){0};
}
