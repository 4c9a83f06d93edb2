/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes that use a file or a file system. Runs in a command's main thread. */
#include "config.h"

#include "fuse/users.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "common/cleanup.h"

enum { PROC_PATH_LEN = 320 };

struct search {
	const char *path;
	bool below;
};

static bool is_it(const struct search *search, const char *path)
{
	size_t len = strlen(search->path);

	return strncmp(path, search->path, len) == 0 &&
	       (path[len] == '\0' || (search->below && path[len] == '/'));
}

static bool link_is_it(const struct search *search, const char *link, char target[PATH_MAX])
{
	ssize_t len = readlink(link, target, PATH_MAX - 1);

	if (len < 0)
		return false;
	target[len] = '\0';
	return is_it(search, target);
}

static bool has_open(const struct search *search, const char *pid, char target[PATH_MAX])
{
	char path[PROC_PATH_LEN];
	struct dirent *entry;
	bool found = false;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	directory = opendir(path);
	while (directory && !found && (entry = readdir(directory))) {
		snprintf(path, sizeof(path), "/proc/%.20s/fd/%.20s", pid, entry->d_name);
		found = link_is_it(search, path, target);
	}
	if (directory)
		closedir(directory);
	return found;
}

/* "FROM-TO PERMISSIONS OFFSET DEVICE INODE      PATH" */
static bool has_mapped(const struct search *search, const char *pid, char target[PATH_MAX])
{
	CLEANUP_FREE char *line = NULL;
	char path[PROC_PATH_LEN];
	bool found = false;
	size_t room = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.20s/maps", pid);
	file = fopen(path, "re");
	while (file && !found && getline(&line, &room, file) > 0) {
		const char *mapped = strchr(line, '/');

		if (!mapped)
			continue;
		snprintf(target, PATH_MAX, "%.*s", (int)strcspn(mapped, "\n"), mapped);
		found = is_it(search, target);
	}
	if (file)
		fclose(file);
	return found;
}

static const char *how_it_uses(const struct search *search, const char *pid, char target[PATH_MAX])
{
	char path[PROC_PATH_LEN];

	if (has_open(search, pid, target))
		return "has open";
	snprintf(path, sizeof(path), "/proc/%.20s/cwd", pid);
	if (link_is_it(search, path, target))
		return "works in";
	snprintf(path, sizeof(path), "/proc/%.20s/root", pid);
	if (link_is_it(search, path, target))
		return "has as its root";
	return has_mapped(search, pid, target) ? "has mapped" : NULL;
}

static void read_comm(const char *pid, char *comm, size_t size)
{
	char path[PROC_PATH_LEN];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	file = fopen(path, "re");
	if (!file || !fgets(comm, (int)size, file))
		snprintf(comm, size, "?");
	comm[strcspn(comm, "\n")] = '\0';
	if (file)
		fclose(file);
}

/* The third field of a line of mountinfo. */
static bool has_mounted(const char *pid, dev_t dev)
{
	CLEANUP_FREE char *line = NULL;
	char path[PROC_PATH_LEN];
	unsigned int major_number, minor_number;
	bool found = false;
	size_t room = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.20s/mountinfo", pid);
	file = fopen(path, "re");
	while (file && !found && getline(&line, &room, file) > 0)
		found = sscanf(line, "%*d %*d %u:%u", &major_number, &minor_number) == 2 &&
			makedev(major_number, minor_number) == dev;
	if (file)
		fclose(file);
	return found;
}

static bool read_namespace(const char *pid, char name[PATH_MAX])
{
	char path[PROC_PATH_LEN];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%.20s/ns/mnt", pid);
	len = readlink(path, name, PATH_MAX - 1);
	name[len > 0 ? len : 0] = '\0';
	return len > 0;
}

bool users_find_elsewhere(dev_t dev, struct user *user)
{
	char ours[PATH_MAX], theirs[PATH_MAX];
	DIR *directory = opendir("/proc");
	struct dirent *entry;
	bool found = false;

	*user = (struct user){.how = "has it in its mount namespace"};
	while (directory && !found && read_namespace("self", ours) &&
	       (entry = readdir(directory))) {
		user->pid = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : 0;
		found = user->pid && read_namespace(entry->d_name, theirs) &&
			strcmp(ours, theirs) != 0 && has_mounted(entry->d_name, dev);
		if (found)
			read_comm(entry->d_name, user->comm, sizeof(user->comm));
	}
	if (directory)
		closedir(directory);
	return found;
}

void users_each(const char *path, bool below, bool (*fn)(const struct user *user, void *ctx),
		void *ctx)
{
	const struct search search = {path, below};
	DIR *directory = opendir("/proc");
	struct dirent *entry;
	struct user user;
	bool more = true;

	while (directory && more && (entry = readdir(directory))) {
		user.pid = isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : 0;
		if (!user.pid || user.pid == getpid())
			continue;
		user.how = how_it_uses(&search, entry->d_name, user.path);
		if (!user.how)
			continue;
		read_comm(entry->d_name, user.comm, sizeof(user.comm));
		more = fn(&user, ctx);
	}
	if (directory)
		closedir(directory);
}
