/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading /proc/self/mountinfo. No state, any thread. */
#include "config.h"

#include "fuse/mounts.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/message.h"

/* Blanks and backslashes are written as three octal digits. */
static void unescape(const char *from, char to[PATH_MAX])
{
	size_t len = 0;

	while (*from && len < PATH_MAX - 1) {
		unsigned int code;

		if (*from == '\\' && sscanf(from + 1, "%3o", &code) == 1) {
			to[len++] = (char)code;
			from += 4;
		} else {
			to[len++] = *from++;
		}
	}
	to[len] = '\0';
}

/* "ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [FIELD...] - TYPE SOURCE OPTIONS", see proc(5). */
static bool parse(char *line, struct mount_entry *entry)
{
	char *rest = strstr(line, " - ");
	unsigned int major_number, minor_number;
	char *field[5], *save = NULL;
	char *type, *source, *options;
	const char *owner;

	if (!rest)
		return false;
	*rest = '\0';
	for (int i = 0; i < 5; i++) {
		field[i] = strtok_r(i ? NULL : line, " ", &save);
		if (!field[i])
			return false;
	}
	type = strtok_r(rest + 3, " \n", &save);
	source = type ? strtok_r(NULL, " \n", &save) : NULL;
	if (!source || sscanf(field[2], "%u:%u", &major_number, &minor_number) != 2)
		return false;
	entry->id = atoi(field[0]);
	entry->parent = atoi(field[1]);
	entry->dev = makedev(major_number, minor_number);
	unescape(field[4], entry->point);
	unescape(source, entry->source);
	snprintf(entry->type, sizeof(entry->type), "%s", type);
	options = strtok_r(NULL, " \n", &save);
	owner = options ? strstr(options, "user_id=") : NULL;
	entry->owner = owner ? (uid_t)strtoul(owner + strlen("user_id="), NULL, 10) : 0;
	return true;
}

int mounts_each(bool (*fn)(const struct mount_entry *entry, void *ctx), void *ctx)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	CLEANUP_FREE struct mount_entry *entry = malloc(sizeof(*entry));
	CLEANUP_FREE char *line = NULL;
	size_t room = 0;
	bool more = true;

	if (!file || !entry) {
		if (file)
			fclose(file);
		return file ? -ENOMEM : -errno;
	}
	while (more && getline(&line, &room, file) > 0)
		if (parse(line, entry))
			more = fn(entry, ctx);
	fclose(file);
	return 0;
}

bool mounts_is_ours(const struct mount_entry *entry)
{
	return strcmp(entry->type, "fuse.wbfs") == 0;
}

struct search {
	const char *point;
	struct mount_entry *entry;
	bool found;
};

static bool compare(const struct mount_entry *entry, void *ctx)
{
	struct search *search = ctx;

	/* What is mounted on top hides what was there. */
	if (strcmp(entry->point, search->point) == 0) {
		search->found = mounts_is_ours(entry);
		*search->entry = *entry;
	}
	return true;
}

bool mounts_find(const char *point, struct mount_entry *entry)
{
	struct search search = {.point = point, .entry = entry};

	return mounts_each(compare, &search) == 0 && search.found;
}

/*
 * Absolute and without links. What is mounted by a daemon that is gone can't be resolved itself:
 * then the directory that it is in.
 */
static bool resolve(const char *path, char resolved[PATH_MAX])
{
	CLEANUP_FREE char *parent = NULL;
	CLEANUP_FREE char *copy = NULL;
	char *name;
	size_t len;

	if (realpath(path, resolved))
		return true;
	copy = strdup(path);
	parent = strdup(path);
	if (!copy || !parent || !realpath(dirname(parent), resolved))
		return false;
	name = basename(copy);
	len = strlen(resolved);
	if (len + strlen(name) + 2 > PATH_MAX)
		return false;
	sprintf(resolved + len, "%s%s", len > 1 ? "/" : "", name);
	return true;
}

/* The first will do: who has several knows them. */
static bool hint_if_ours(const struct mount_entry *entry, void *ctx)
{
	(void)ctx;
	if (!mounts_is_ours(entry))
		return true;
	hint("wbfs is mounted on %s", entry->point);
	return false;
}

/* MOUNTPOINT/NAME: found without asking its daemon, which may hang, for what is below. */
static bool find_above(const char *path, struct mount_entry *entry, char below[NAME_MAX + 1])
{
	CLEANUP_FREE char *for_parent = strdup(path), *for_name = strdup(path);
	char parent[PATH_MAX];
	const char *name = for_name ? basename(for_name) : "";

	if (!for_parent || !*name || *name == '/' || strcmp(name, ".") == 0 ||
	    strcmp(name, "..") == 0 || strlen(name) > NAME_MAX ||
	    !realpath(dirname(for_parent), parent) || !mounts_find(parent, entry))
		return false;
	strcpy(below, name);
	return true;
}

bool mounts_find_for(const char *command, const char *path, struct mount_entry *entry,
		     char below[NAME_MAX + 1])
{
	char resolved[PATH_MAX];

	below[0] = '\0';
	if (find_above(path, entry, below))
		return true;
	if (!*path || !resolve(path, resolved)) {
		message(MESSAGE_ERROR, "%s: %s: %s", *path ? path : "''", command,
			reason(*path ? errno : ENOENT));
		return false;
	}
	if (mounts_find(resolved, entry) || find_above(resolved, entry, below))
		return true;
	message(MESSAGE_ERROR, "%s: %s: not a mount point of wbfs", path, command);
	if (mounts_each(hint_if_ours, NULL))
		return false;
	return false;
}

enum { NOT_STARTED = 127 };

/* For who may not unmount, but did mount. */
static int unmount_by_helper(const char *point, int flags)
{
	pid_t child = fork();
	int how;

	if (child < 0)
		return -errno;
	if (child == 0) {
		execlp("fusermount3", "fusermount3", flags & MNT_DETACH ? "-quz" : "-qu", "--",
		       point, (char *)NULL);
		_exit(NOT_STARTED);
	}
	if (waitpid(child, &how, 0) < 0)
		return -errno;
	if (WIFEXITED(how) && WEXITSTATUS(how) == NOT_STARTED)
		return -EPERM;
	/* It doesn't tell why; the owner may unmount, so that's the one reason that is left. */
	return WIFEXITED(how) && WEXITSTATUS(how) == 0 ? 0 : -EBUSY;
}

int mounts_unmount(const struct mount_entry *mount, int flags)
{
	if (umount2(mount->point, UMOUNT_NOFOLLOW | flags) == 0)
		return 0;
	if (errno != EPERM || mount->owner != geteuid())
		return -errno;
	return unmount_by_helper(mount->point, flags);
}
