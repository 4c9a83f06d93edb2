/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mounts, caches and other devices, looked at without changing anything. A daemon that hangs must
 * not hang us: whoever asks it is a child that can be left behind.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "common/size.h"
#include "engine/posix/device.h"
#include "fuse/control_client.h"
#include "fuse/doctor.h"
#include "fuse/loops.h"
#include "fuse/memory.h"
#include "fuse/mounts.h"
#include "fuse/timer.h"

enum { ANSWER_POLLS = 60, SAID_LEN = 512 };
#define ANSWER_POLL_NS 50000000L /* 3 s in all */

/* ---- mounts ---- */

/* Does the daemon answer? 0, -errno, or -ETIMEDOUT. */
static int ask_daemon(const char *point)
{
	const struct timespec pause = {.tv_nsec = ANSWER_POLL_NS};
	struct statvfs fs;
	int status;
	pid_t child = fork();

	if (child < 0)
		return -errno;
	if (child == 0)
		_exit(statvfs(point, &fs) < 0 ? errno : 0);
	for (int i = 0; i < ANSWER_POLLS; i++) {
		if (waitpid(child, &status, WNOHANG) == child)
			return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
		nanosleep(&pause, NULL);
	}
	kill(child, SIGKILL);
	return -ETIMEDOUT;
}

/* False after a finding: there is nobody to ask. Others' trouble is worth a warning. */
static bool check_alive(struct doctor *doctor, const char *point, enum finding trouble)
{
	int err = ask_daemon(point);

	if (!err)
		return true;
	if (err == -ENOTCONN || err == -ECONNABORTED) {
		doctor_fix(doctor, "wbfs umount %s    # then mount it again: the log is recovered",
			   point);
		doctor_tell(doctor, trouble, point, "its daemon is gone");
	} else if (err == -ETIMEDOUT) {
		doctor_tell(doctor, trouble, point, "its daemon doesn't answer");
	} else if (err == -EACCES) {
		doctor_fix(doctor, "look as who mounted it");
		doctor_tell(doctor, FINDING_WARNING, point, "somebody else's mount");
	} else {
		doctor_tell(doctor, trouble, point, "%s", reason(err));
	}
	return false;
}

/* The value of a "key: value" line at the left margin of a status text. */
static bool status_word(const char *status, const char *key, char *word, size_t room)
{
	size_t len = strlen(key);

	for (const char *line = status; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) == 0 && strncmp(line + len, ": ", 2) == 0) {
			snprintf(word, room, "%.*s", (int)strcspn(line + len + 2, "\n"),
				 line + len + 2);
			return true;
		}
	}
	return false;
}

static void check_state(struct doctor *doctor, const struct mount_entry *mount,
			enum finding trouble)
{
	char state[32] = "", why[SAID_LEN] = "";
	TEXT_SCOPE text = {0};

	if (control_get(mount, "status", &text) || !text.bytes ||
	    !status_word(text.bytes, "state", state, sizeof(state))) {
		doctor_tell(doctor, trouble, mount->point, "its status can't be read");
		return;
	}
	if (strcmp(state, "healthy") == 0) {
		doctor_tell(doctor, FINDING_OK, mount->point, "mounted, healthy");
		return;
	}
	status_word(text.bytes, "reason", why, sizeof(why));
	doctor_fix(doctor,
		   "wbfs status %s    # says what; when it is mended: echo 1 > "
		   "%s/.control/retry",
		   mount->point, mount->point);
	doctor_tell(doctor, trouble, mount->point, "%s: %s", state, why);
}

static bool tell_loop(const struct loop *loop, void *ctx)
{
	struct doctor *doctor = ctx;
	char point[PATH_MAX];

	if (loop_find_mount(loop, point))
		doctor_tell(doctor, FINDING_OK, loop->device, "shows %s, mounted on %s", loop->file,
			    point);
	else
		doctor_tell(doctor, FINDING_OK, loop->device, "shows %s", loop->file);
	return true;
}

static void check_mount(struct doctor *doctor, const struct mount_entry *mount, bool asked)
{
	enum finding trouble = asked ? FINDING_FAILURE : FINDING_WARNING;

	if (!check_alive(doctor, mount->point, trouble))
		return;
	check_state(doctor, mount, trouble);
	if (asked && loops_each(mount->dev, tell_loop, doctor))
		doctor_tell(doctor, FINDING_WARNING, "loop devices", "can't be listed");
}

static bool check_if_ours(const struct mount_entry *entry, void *ctx)
{
	if (mounts_is_ours(entry))
		check_mount(ctx, entry, false);
	return true;
}

void doctor_mounts(struct doctor *doctor)
{
	int err = mounts_each(check_if_ours, doctor);

	if (err)
		doctor_tell(doctor, FINDING_WARNING, "mounts", "%s", reason(err));
}

static void check_directory(struct doctor *doctor, const char *path)
{
	DIR *dir = opendir(path);
	unsigned int nr = 0;

	if (!dir) {
		doctor_tell(doctor, FINDING_FAILURE, path, "%s", reason(errno));
		return;
	}
	while (nr <= 2 && readdir(dir))
		nr++;
	closedir(dir);
	if (nr > 2)
		doctor_tell(doctor, FINDING_WARNING, path,
			    "nothing of wbfs is mounted here, and what is in it would be hidden");
	else
		doctor_tell(doctor, FINDING_OK, path, "empty, and nothing is mounted here");
}

/* ---- caches and other devices ---- */

/* What the engine and its devices say, the last error or warning of it. */
static void keep_said(void *ctx, enum wb_log_level level, const char *text)
{
	if (level <= WB_LOG_WARNING && strncmp(text, "hint: ", strlen("hint: ")) != 0)
		snprintf(ctx, SAID_LEN, "%s", text);
}

static uint64_t get_now(void *ctx)
{
	(void)ctx;
	return timer_now();
}

/* It is never run. */
static void ignore_timer(void *ctx, uint64_t when)
{
	(void)ctx, (void)when;
}

struct user {
	const char *source;
	char point[PATH_MAX];
};

static bool compare_source(const struct mount_entry *entry, void *ctx)
{
	struct user *user = ctx;

	if (mounts_is_ours(entry) && strcmp(entry->source, user->source) == 0)
		strcpy(user->point, entry->point);
	return true;
}

/* As it was said, "PATH: ACTION: REASON", or for want of that the error. */
static void tell_said(struct doctor *doctor, enum finding finding, const char *path, int err,
		      const char *said)
{
	CLEANUP_FREE char *resolved = realpath(path, NULL);
	size_t len = resolved ? strlen(resolved) : 0;

	if (resolved && strncmp(said, resolved, len) == 0 && strncmp(said + len, ": ", 2) == 0)
		said += len + 2;
	doctor_tell(doctor, finding, path, "%s", *said ? said : reason(err));
}

static void tell_unopened(struct doctor *doctor, const char *path, int err, const char *said)
{
	CLEANUP_FREE char *resolved = realpath(path, NULL);
	struct user user = {.source = resolved ? resolved : path};

	if (err == -EBUSY && mounts_each(compare_source, &user) == 0 && *user.point)
		doctor_tell(doctor, FINDING_OK, path, "in use, as the cache of %s", user.point);
	else
		tell_said(doctor, err == -EBUSY ? FINDING_WARNING : FINDING_FAILURE, path, err,
			  said);
}

static void check_direct(struct doctor *doctor, const char *path, const struct bdev *dev)
{
	if (dev->logical_block_size > 1)
		doctor_tell(doctor, FINDING_OK, path, "direct I/O in units of %u bytes",
			    dev->logical_block_size);
	else
		doctor_tell(doctor, FINDING_WARNING, path,
			    "no direct I/O here: everything goes through the page cache, which "
			    "costs memory and time");
}

static void tell_cache(struct doctor *doctor, const char *path, struct wb *wb, double seconds)
{
	struct wb_status status;
	char dirty[SIZE_TEXT_LEN];

	wb_status(wb, &status);
	doctor_tell(doctor, FINDING_OK, path,
		    "a wbfs cache, %s; %s only in it; %.1f s to read its log",
		    status.was_clean ? "closed cleanly" : "not closed cleanly",
		    format_size(status.dirty_bytes, dirty), seconds);
}

static void tell_no_cache(struct doctor *doctor, const char *path, int err, const char *said)
{
	if (err == -EMEDIUMTYPE) {
		doctor_tell(doctor, FINDING_OK, path, "no wbfs cache; it could be a backing");
		return;
	}
	if (err == -EUCLEAN)
		doctor_fix(doctor, "wbfs check %s", path);
	tell_said(doctor, FINDING_FAILURE, path, err, said);
}

static void check_content(struct doctor *doctor, const char *path, struct bdev *dev,
			  const struct wb_env *env, const char *said)
{
	const struct wb_options options = {.read_only = true};
	uint64_t begin = timer_now();
	struct wb *wb;
	int err = wb_open(dev, &options, env, &wb);

	if (err) {
		tell_no_cache(doctor, path, err, said);
		return;
	}
	tell_cache(doctor, path, wb, (double)(timer_now() - begin) / 1e9);
	err = wb_close(wb);
	if (err)
		tell_said(doctor, FINDING_WARNING, path, err, said);
}

static void check_device(struct doctor *doctor, const char *path)
{
	char said[SAID_LEN] = "";
	const struct wb_env env = {
		.ctx = said,
		.now = get_now,
		.set_timer = ignore_timer,
		.log = keep_said,
		.alloc = memory_alloc,
		.free = memory_free,
		.populate = memory_populate,
	};
	struct posix_io *io;
	struct bdev *dev;
	int err = posix_io_start(POSIX_IO_THREADS, &env, &io);

	if (err) {
		doctor_tell(doctor, FINDING_FAILURE, path, "%s", reason(err));
		return;
	}
	err = device_open(io, path, DEVICE_READ_ONLY, &dev);
	if (err) {
		tell_unopened(doctor, path, err, said);
	} else {
		check_direct(doctor, path, dev);
		check_content(doctor, path, dev, &env, said);
		bdev_close(dev);
	}
	posix_io_stop(io);
}

void doctor_target(struct doctor *doctor, const char *path)
{
	CLEANUP_FREE char *resolved = realpath(path, NULL);
	struct mount_entry mount;
	struct stat attr;

	if (mounts_find(resolved ? resolved : path, &mount))
		check_mount(doctor, &mount, true);
	else if (stat(path, &attr) < 0)
		doctor_tell(doctor, FINDING_FAILURE, path, "%s", reason(errno));
	else if (S_ISDIR(attr.st_mode))
		check_directory(doctor, path);
	else
		check_device(doctor, path);
}
