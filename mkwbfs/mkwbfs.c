/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mkwbfs: format a block device or image file as a cache.
 *
 * The order is: look and refuse, reading only; create the image; remove what was there, flush;
 * write the superblocks, flush. So a crash leaves the old contents, nothing that is recognised,
 * or a cache; never two things at a time.
 *
 * Exit statuses beyond the usual: a CACHE that is too small is usage (1), one that holds something
 * is "not a wbfs cache" (4), with a cache whose blocks are not all on their backings too.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/exit_status.h"
#include "common/message.h"
#include "common/size.h"
#include "engine/posix/device.h"
#include "engine/posix/signatures.h"
#include "engine/wb.h"
#include "mkwbfs/image.h"
#include "mkwbfs/options.h"

#define MIN_SEGMENT_SIZE (64u * 1024)
#define MIN_SEGMENTS 4u
#define DEFAULT_BUFFERS 64u

struct job {
	const struct mkwbfs_options *options;
	struct wb_format_options format;
	struct wb_format_result result;
	struct image image;
	struct posix_io *io;
	struct bdev *dev;
	struct signatures signatures;
};

/* SIGINT, SIGTERM or SIGHUP has come. */
static volatile bool stopped;

static void note_signal(int signal)
{
	(void)signal;
	stopped = true;
}

static void catch_signals(void)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = note_signal}; /* no SA_RESTART: end waiting */

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
}

static void log_message(void *ctx, enum wb_log_level level, const char *text)
{
	(void)ctx;
	message((enum message_level)level, "%s", text);
}

/* Random, as RFC 4122 wants it. */
static int new_uuid(uint8_t uuid[WB_UUID_LEN])
{
	if (getrandom(uuid, WB_UUID_LEN, 0) != WB_UUID_LEN) {
		message(MESSAGE_ERROR, "UUID: choose: %s", reason(errno));
		return -EIO;
	}
	uuid[6] = (uuid[6] & 0x0f) | 0x40;
	uuid[8] = (uuid[8] & 0x3f) | 0x80;
	return 0;
}

static void print_uuid(const uint8_t uuid[WB_UUID_LEN])
{
	for (unsigned int i = 0; i < WB_UUID_LEN; i++)
		printf("%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
}

/* A path as the shell takes it. */
static void print_quoted(const char *path)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				    "/._-+:,@%=";

	if (!path[strspn(path, plain)]) {
		fputs(path, stdout);
		return;
	}
	putchar('\'');
	for (; *path; path++) {
		if (*path == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*path);
	}
	putchar('\'');
}

static void report(const struct job *job)
{
	const struct wb_format_result *result = &job->result;
	uint64_t ram = wb_ram_needed(result->nr_segments, result->segment_size / WB_BLOCK_SIZE,
				     DEFAULT_BUFFERS);
	char segment_size[SIZE_TEXT_LEN], ram_text[SIZE_TEXT_LEN];

	printf("cache      %s\n", job->image.path);
	printf("UUID       ");
	print_uuid(job->format.uuid);
	if (job->format.label)
		printf("\nlabel      %s", job->format.label);
	printf("\nsegments   %" PRIu64 " of %s\n", result->nr_segments,
	       format_size(result->segment_size, segment_size));
	printf("RAM        %s for a mount\n", format_size(ram, ram_text));
	if (job->options->dry_run)
		printf("dry run    nothing was written\n");
	printf("next       wbfs mount --cache ");
	print_quoted(job->image.path);
	printf(" -d hdd0=/dev/... /mnt/wb\n");
}

static int too_small(const struct job *job, uint64_t size)
{
	uint64_t segment_size = job->format.segment_size ? job->format.segment_size
							 : MIN_SEGMENT_SIZE;
	char is[SIZE_TEXT_LEN];

	/* In K, as it can be typed: it need not be a round number of anything larger. */
	message(MESSAGE_ERROR,
		"%s: format: too small: %s, the least is %" PRIu64 "K with segments of %" PRIu64
		"K",
		job->image.path, format_size(size, is),
		(WB_SLOTS_OFF + MIN_SEGMENTS * segment_size) / 1024, segment_size / 1024);
	return -EINVAL;
}

static int plan(struct job *job, uint64_t size)
{
	int err = wb_format_plan(size, &job->format, &job->result);

	if (err == -ENOSPC)
		return too_small(job, size);
	if (err)
		message(MESSAGE_ERROR, "%s: format: %s", job->image.path, reason(err));
	return err;
}

/* Refuse what holds something, unless forced. */
static int check_contents(struct job *job)
{
	const struct signatures *signatures = &job->signatures;
	int err = signatures_find(job->dev, &job->signatures);

	if (err || !signatures->found[0])
		return err;
	if (job->options->force) {
		message(MESSAGE_INFO, "%s: format: overwriting %s", job->dev->path,
			signatures->found);
		return 0;
	}
	message(MESSAGE_ERROR, "%s: format: holds %s", job->dev->path, signatures->found);
	if (signatures->dirty_cache)
		hint("to bring the blocks home: wbfs drain --offline %s", job->dev->path);
	else
		hint("to overwrite it: mkwbfs --force %s", job->dev->path);
	return -EMEDIUMTYPE;
}

/* A sparse image that was not made here: the log may find its file system full. */
static void warn_of_holes(const struct job *job)
{
	struct stat st;

	if (job->image.size || stat(job->image.path, &st) < 0 || !S_ISREG(st.st_mode) ||
	    (uint64_t)st.st_blocks * 512 >= job->dev->size)
		return;
	message(MESSAGE_WARNING, "%s: format: has holes, so writes can find its file system full",
		job->dev->path);
	hint("fallocate --length %" PRIu64 " %s", job->dev->size, job->dev->path);
}

static int write_cache(struct job *job)
{
	int err;

	if (stopped) {
		message(MESSAGE_ERROR, "%s: format: interrupted", job->dev->path);
		return -EINTR;
	}
	err = signatures_wipe(job->dev);
	if (err)
		return err;
	err = wb_format(job->dev, &job->format, &job->result);
	if (err)
		message(MESSAGE_ERROR, "%s: format: %s", job->dev->path, reason(err));
	return err;
}

/* The kernel still knows the partitions whose table was wiped. It may refuse to forget them. */
static void forget_partitions(const struct job *job)
{
	CLEANUP_CLOSE int fd = -1;

	if (!job->signatures.partitions)
		return;
	fd = open(job->image.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd >= 0 && ioctl(fd, BLKRRPART) < 0 && errno == EBUSY)
		message(MESSAGE_WARNING, "%s: read partitions: in use", job->image.path);
}

/* Open, check and format what is there. */
static int format_device(struct job *job)
{
	bool dry_run = job->options->dry_run;
	int err = device_open(job->io, job->image.path,
			      DEVICE_BUFFERED | (dry_run ? DEVICE_READ_ONLY : 0), &job->dev);

	if (err)
		return err;
	err = plan(job, job->dev->size);
	if (!err)
		err = check_contents(job);
	if (!err && !dry_run && job->image.size && !job->image.created)
		err = image_allocate(&job->image, &stopped);
	if (!err && !dry_run)
		err = write_cache(job);
	if (!err)
		warn_of_holes(job);
	bdev_close(job->dev);
	if (!err && !dry_run)
		forget_partitions(job);
	return err;
}

static int make_image_and_format(struct job *job)
{
	bool is_new = job->image.size && (!job->image.exists || job->image.empty);
	int err = is_new ? plan(job, job->image.size) : 0;

	if (err || (is_new && job->options->dry_run))
		return err;
	if (is_new)
		err = image_allocate(&job->image, &stopped);
	if (!err)
		err = format_device(job);
	if (err)
		image_undo(&job->image);
	return err;
}

static int run(const struct mkwbfs_options *options)
{
	static const struct wb_env env = {.log = log_message};
	struct job job = {
		.options = options,
		.format = {.segment_size = options->segment_size, .label = options->label},
	};
	int err = image_plan(&job.image, options->path, options->size);

	if (!err)
		err = new_uuid(job.format.uuid);
	if (err)
		return err;
	/* No io_uring for a handful of blocks. */
	err = posix_io_start(POSIX_IO_THREADS, &env, &job.io);
	if (err)
		return err;
	catch_signals();
	err = make_image_and_format(&job);
	posix_io_stop(job.io);
	if (!err)
		report(&job);
	return err;
}

int main(int argc, char **argv)
{
	struct mkwbfs_options options;
	int result;

	message_set_program("mkwbfs");
	result = mkwbfs_options_parse(argc, argv, &options);
	if (result == 0)
		result = run(&options);
	if (result < 0)
		return exit_status_of(result);
	if (fflush(stdout) == 0)
		return EXIT_STATUS_DONE;
	message(MESSAGE_ERROR, "standard output: write: %s", reason(errno));
	return EXIT_STATUS_IO;
}
