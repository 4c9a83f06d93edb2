/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who keeps a mount busy. Looks at numbers and links in /proc and /sys only, which doesn't touch
 * the mount itself. Runs in a command's main thread.
 */
#include "config.h"

#include "fuse/holders.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "common/message.h"
#include "fuse/loops.h"

enum { MAX_TOLD = 10, PROC_PATH_LEN = 320, COMM_LEN = 64 };

struct holders {
	const struct mount_entry *mount;
	unsigned int told;
	int err;
};

/* ---- loop devices and what is mounted on them ---- */

static bool tell_loop(const struct loop *loop, void *ctx)
{
	struct holders *holders = ctx;
	char point[PATH_MAX] = "";
	bool mounted = loop_find_mount(loop, point);

	message(MESSAGE_ERROR, "%s: in use: %s shows %s%s%s", holders->mount->point, loop->device,
		loop->file, mounted ? ", mounted on " : "", point);
	holders->told++;
	return true;
}

static bool remove_loop(const struct loop *loop, void *ctx)
{
	struct holders *holders = ctx;
	char point[PATH_MAX];

	while (loop_find_mount(loop, point)) {
		if (umount2(point, UMOUNT_NOFOLLOW) < 0) {
			holders->err = -errno;
			message(MESSAGE_ERROR, "%s: unmount: %s", point, reason(errno));
			return false;
		}
	}
	holders->err = loop_remove(loop);
	return !holders->err;
}

int holders_detach_loops(const struct mount_entry *mount)
{
	struct holders holders = {.mount = mount};
	int err = loops_each(mount->dev, remove_loop, &holders);

	return err ? err : holders.err;
}

/* ---- processes ---- */

static bool is_below(const char *path, const char *point)
{
	size_t len = strlen(point);

	return strncmp(path, point, len) == 0 && (path[len] == '/' || path[len] == '\0');
}

static bool link_is_below(const char *link, const char *point)
{
	char target[PATH_MAX];
	ssize_t len = readlink(link, target, sizeof(target) - 1);

	if (len < 0)
		return false;
	target[len] = '\0';
	return is_below(target, point);
}

static bool has_open(const char *pid, const char *point)
{
	char path[PROC_PATH_LEN];
	struct dirent *entry;
	bool found = false;
	DIR *directory;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	directory = opendir(path);
	if (!directory)
		return false;
	while (!found && (entry = readdir(directory))) {
		snprintf(path, sizeof(path), "/proc/%.20s/fd/%.20s", pid, entry->d_name);
		found = link_is_below(path, point);
	}
	closedir(directory);
	return found;
}

static const char *how_it_holds(const char *pid, const char *point)
{
	char path[PROC_PATH_LEN];

	if (has_open(pid, point))
		return "has a file open";
	snprintf(path, sizeof(path), "/proc/%.20s/cwd", pid);
	if (link_is_below(path, point))
		return "has its working directory there";
	snprintf(path, sizeof(path), "/proc/%.20s/root", pid);
	return link_is_below(path, point) ? "has its root there" : NULL;
}

static void read_comm(const char *pid, char comm[COMM_LEN])
{
	char path[PROC_PATH_LEN];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.20s/comm", pid);
	file = fopen(path, "re");
	if (!file || !fgets(comm, COMM_LEN, file))
		snprintf(comm, COMM_LEN, "?");
	comm[strcspn(comm, "\n")] = '\0';
	if (file)
		fclose(file);
}

static void tell_processes(struct holders *holders)
{
	DIR *directory = opendir("/proc");
	struct dirent *entry;

	while (directory && holders->told < MAX_TOLD && (entry = readdir(directory))) {
		const char *pid = entry->d_name;
		char comm[COMM_LEN];
		const char *how;

		if (!isdigit((unsigned char)*pid))
			continue;
		how = how_it_holds(pid, holders->mount->point);
		if (!how)
			continue;
		read_comm(pid, comm);
		message(MESSAGE_ERROR, "%s: in use: process %s (%s) %s", holders->mount->point, pid,
			comm, how);
		holders->told++;
	}
	if (directory)
		closedir(directory);
}

void holders_tell(const struct mount_entry *mount)
{
	struct holders holders = {.mount = mount};
	int err = loops_each(mount->dev, tell_loop, &holders);
	bool loops = !err && holders.told;

	tell_processes(&holders);
	if (!holders.told)
		message(MESSAGE_ERROR, "%s: unmount: in use", mount->point);
	if (loops)
		hint("wbfs umount --detach %s", mount->point);
}
