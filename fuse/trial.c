/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The temporary directory and what is in it; trial_daemon.c has the daemon. */
#include "config.h"

#include "fuse/trial.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "engine/posix/device.h"
#include "engine/wb.h"

static volatile sig_atomic_t stopped;

static void note_signal(int number)
{
	(void)number;
	stopped = 1;
}

static void catch_signals(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = note_signal};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

bool trial_stopped(void)
{
	return stopped || ferror(stdout);
}

/* ---- the directory ---- */

static int make_directory(struct trial *trial, const char *parent)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.3900s/wbfs-%s.XXXXXX", parent, trial->command);
	if (!mkdtemp(path))
		return -errno;
	if (realpath(path, trial->dir))
		return 0;
	trial->dir[0] = '\0';
	return -errno;
}

int trial_begin(struct trial *trial, const char *command)
{
	const char *wanted = getenv("TMPDIR");
	const char *parent = wanted && *wanted ? wanted : "/var/tmp";
	char path[TRIAL_PATH_LEN];
	int err;

	*trial = (struct trial){.command = command};
	catch_signals();
	err = make_directory(trial, parent);
	if (err && parent != wanted) {
		parent = "/tmp";
		err = make_directory(trial, parent);
	}
	if (err) {
		message(MESSAGE_ERROR, "%s: make a temporary directory: %s", parent, reason(err));
		hint("TMPDIR=/somewhere wbfs %s", command);
		return err;
	}
	trial_path(trial, "mnt", path);
	if (mkdir(path, 0700) == 0)
		return 0;
	err = -errno;
	message(MESSAGE_ERROR, "%s: create: %s", path, reason(err));
	trial_end(trial);
	return err;
}

void trial_path(const struct trial *trial, const char *name, char path[TRIAL_PATH_LEN])
{
	snprintf(path, TRIAL_PATH_LEN, "%s/%.60s", trial->dir, name);
}

/* Nothing but files is there, and one empty directory: never what is still mounted. */
static void remove_all(const char *dir)
{
	DIR *stream = opendir(dir);
	struct dirent *entry;

	while (stream && (entry = readdir(stream))) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlinkat(dirfd(stream), entry->d_name, 0) < 0)
			unlinkat(dirfd(stream), entry->d_name, AT_REMOVEDIR);
	}
	if (stream)
		closedir(stream);
	if (rmdir(dir) < 0)
		message(MESSAGE_ERROR, "%s: clean up: %s", dir, reason(errno));
}

void trial_end(struct trial *trial)
{
	if (!trial->dir[0])
		return;
	if (trial->daemon)
		trial_kill(trial);
	if (trial_remove_mount(trial) == 0)
		remove_all(trial->dir);
	trial->dir[0] = '\0';
}

/* ---- images ---- */

uint64_t trial_space(const struct trial *trial)
{
	struct statvfs fs;

	if (statvfs(trial->dir, &fs) < 0)
		return 0;
	return (uint64_t)fs.f_bavail * fs.f_frsize;
}

int trial_image(const struct trial *trial, const char *name, uint64_t size, bool allocate)
{
	CLEANUP_CLOSE int fd = -1;
	char path[TRIAL_PATH_LEN];
	int err = 0;

	trial_path(trial, name, path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		err = -errno;
	if (!err && allocate && fallocate(fd, 0, 0, (off_t)size) < 0 && errno != EOPNOTSUPP)
		err = -errno;
	if (err)
		message(MESSAGE_ERROR, "%s: create: %s", path, reason(err));
	return err;
}

int trial_link(const struct trial *trial, const char *name, const char *target)
{
	CLEANUP_FREE char *real = realpath(target, NULL);
	char path[TRIAL_PATH_LEN];

	trial_path(trial, name, path);
	if (real && symlink(real, path) == 0)
		return 0;
	message(MESSAGE_ERROR, "%s: open: %s", target, reason(errno));
	return -errno;
}

/* ---- the cache ---- */

static void log_message(void *ctx, enum wb_log_level level, const char *text)
{
	(void)ctx;
	message((enum message_level)level, "%s", text);
}

static int format(struct posix_io *io, const char *path)
{
	struct wb_format_options options = {.label = NULL};
	struct wb_format_result result;
	struct bdev *dev;
	int err = device_open(io, path, DEVICE_BUFFERED, &dev);

	if (err)
		return err;
	if (getrandom(options.uuid, WB_UUID_LEN, 0) != WB_UUID_LEN)
		err = -EIO;
	if (!err)
		err = wb_format(dev, &options, &result);
	if (err)
		message(MESSAGE_ERROR, "%s: format: %s", path, reason(err));
	bdev_close(dev);
	return err;
}

int trial_format(const struct trial *trial)
{
	static const struct wb_env env = {.log = log_message};
	char path[TRIAL_PATH_LEN];
	struct posix_io *io;
	int err = posix_io_start(POSIX_IO_THREADS, &env, &io);

	if (err)
		return err;
	trial_path(trial, "cache", path);
	err = format(io, path);
	posix_io_stop(io);
	return err;
}
