/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wbfs replay: apply the log. Without more that is the same as wbfs drain --offline. With
 * NAME=OUTPUT the backing as it is with the log applied is written to OUTPUT, and neither cache nor
 * backing is touched: for a backing that must not be written any more, or that can't be.
 * Runs in main's thread.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/message.h"
#include "common/size.h"
#include "engine/posix/signatures.h"
#include "fuse/commands.h"
#include "fuse/interrupt.h"
#include "fuse/offline.h"
#include "fuse/progress.h"
#include "fuse/waiter.h"

enum { CHUNK = 1024 * 1024, MAX_COPIES = 127 };

/* A backing that is being copied. */
struct copy {
	const char *name;
	const char *output; /* as it was typed */
	bool created;	    /* by us: it reads as zeros where nothing was written */
	uint64_t size;
	struct wb_backing *backing;
	struct bdev *dev;
	uint8_t *chunk, *pages;
	uint64_t lost_from, lost_to; /* a range that can't be read and whose end is not known yet */
	uint64_t nr_lost;	     /* bytes */
};

/* ---- OUTPUT ---- */

static int output_error(const struct copy *copy, const char *action, int err)
{
	message(MESSAGE_ERROR, "%s: %s: %s", copy->output, action, reason(err));
	return err;
}

static int create_output(struct copy *copy)
{
	CLEANUP_CLOSE int fd = open(copy->output, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return output_error(copy, "create", -errno);
	copy->created = true;
	interrupt_dooms(copy->output);
	if (ftruncate(fd, (off_t)copy->size) < 0)
		return output_error(copy, "create", -errno);
	return 0;
}

/* Whether a backing of this cache is there: the others aren't open, so nothing keeps us from it. */
static bool is_a_backing(struct server *server, const struct copy *copy)
{
	struct wb_backing_info info;

	for (unsigned int i = 0; wb_backing_info(server->wb, i, &info); i++) {
		if (!device_is_at(copy->dev, info.path))
			continue;
		message(MESSAGE_ERROR, "%s: replay: it is the backing %s", copy->output, info.name);
		return true;
	}
	return false;
}

static int check_device(struct server *server, const struct copy *copy)
{
	struct signatures signatures;
	char size[SIZE_TEXT_LEN];
	int err;

	if (copy->dev->size < copy->size) {
		message(MESSAGE_ERROR, "%s: open: smaller than %s, which has %s", copy->output,
			copy->name, format_size(copy->size, size));
		return -EINVAL;
	}
	if (copy->created)
		return 0;
	if (is_a_backing(server, copy))
		return -EBUSY;
	err = signatures_find(copy->dev, &signatures);
	if (err || !signatures.found[0])
		return err;
	message(MESSAGE_ERROR, "%s: replay: holds %s, which would be overwritten", copy->output,
		signatures.found);
	hint("wipefs --all %s, if it may be lost", copy->output);
	return -EMEDIUMTYPE;
}

static int refuse_existing(const struct copy *copy)
{
	message(MESSAGE_ERROR, "%s: create: it exists, and is no block device", copy->output);
	hint("wbfs replay CACHE %s=NEW-FILE", copy->name);
	return -EEXIST;
}

/* A new file, or a block device that holds nothing that is known. */
static int open_output(struct copy *copy, struct server *server)
{
	struct stat attr;
	int err = 0;

	if (stat(copy->output, &attr) < 0)
		err = errno == ENOENT ? create_output(copy) : output_error(copy, "open", -errno);
	else if (!S_ISBLK(attr.st_mode))
		err = refuse_existing(copy);
	if (!err)
		err = device_open(server->io, copy->output, DEVICE_BUFFERED, &copy->dev);
	return err ? err : check_device(server, copy);
}

/* Half a copy is worse than none. */
static void close_output(struct copy *copy, bool keep)
{
	if (copy->dev)
		bdev_close(copy->dev);
	copy->dev = NULL;
	if (copy->created && !keep)
		unlink(copy->output);
	interrupt_dooms(NULL);
}

/* ---- reading with the log applied ---- */

static void read_done(struct wb_io *io, int err)
{
	waiter_done(io->ctx, err);
}

static int read_range(struct server *server, const struct copy *copy, uint64_t off, uint64_t len,
		      uint8_t *buf)
{
	static struct wb_io io; /* one at a time */
	struct waiter waiter = WAITER_INIT;

	io = (struct wb_io){
		.backing = copy->backing,
		.off = off,
		.len = len,
		.buf = buf,
		.pages = copy->pages,
		.done = read_done,
		.ctx = &waiter,
	};
	wb_read(server->wb, &io);
	return waiter_wait(&waiter);
}

static void tell_lost(struct copy *copy)
{
	if (copy->lost_to > copy->lost_from)
		message(MESSAGE_ERROR,
			"%s: replay: bytes %" PRIu64 " to %" PRIu64 " can't be read: zeros instead",
			copy->name, copy->lost_from, copy->lost_to - 1);
	copy->lost_from = copy->lost_to = 0;
}

static void note_lost(struct copy *copy, uint64_t off, uint64_t len)
{
	if (copy->lost_to != off) {
		tell_lost(copy);
		copy->lost_from = off;
	}
	copy->lost_to = off + len;
	copy->nr_lost += len;
}

/* What can't be read as a whole is read block by block. */
static void read_chunk(struct server *server, struct copy *copy, uint64_t off, uint64_t len)
{
	if (read_range(server, copy, off, len, copy->chunk) == 0)
		return;
	for (uint64_t at = 0; at < len; at += WB_BLOCK_SIZE) {
		uint64_t part = len - at < WB_BLOCK_SIZE ? len - at : WB_BLOCK_SIZE;

		if (read_range(server, copy, off + at, part, copy->chunk + at) == 0)
			continue;
		memset(copy->chunk + at, 0, part);
		note_lost(copy, off + at, part);
	}
}

static bool is_zero(const uint8_t *bytes, uint64_t len)
{
	return !bytes[0] && memcmp(bytes, bytes + 1, len - 1) == 0;
}

static int copy_chunk(struct server *server, struct copy *copy, uint64_t off, uint64_t len)
{
	int err;

	read_chunk(server, copy, off, len);
	if (copy->created && is_zero(copy->chunk, len))
		return 0;
	err = bdev_write(copy->dev, off, copy->chunk, len);
	return err ? output_error(copy, "write", err) : 0;
}

static int copy_all(struct server *server, struct copy *copy)
{
	struct progress progress = progress_begin(copy->name);
	int err = 0;

	for (uint64_t off = 0; !err && off < copy->size; off += CHUNK) {
		progress_left(&progress, copy->size - off);
		err = interrupt_asked()
			      ? -EINTR
			      : copy_chunk(server, copy, off,
					   copy->size - off < CHUNK ? copy->size - off : CHUNK);
	}
	tell_lost(copy);
	if (!err)
		err = bdev_flush(copy->dev);
	progress_end(&progress, !err);
	if (err == -EINTR)
		message(MESSAGE_ERROR, "%s: replay: stopped before complete%s", copy->output,
			copy->created ? ": removed" : ": holds a part of it");
	return err;
}

/* ---- the command ---- */

static bool find_backing(struct server *server, struct copy *copy)
{
	struct wb_backing_info info;

	for (unsigned int i = 0; wb_backing_info(server->wb, i, &info); i++) {
		if (!info.attached || strcmp(info.name, copy->name) != 0)
			continue;
		copy->backing = info.backing;
		copy->size = info.size;
		return true;
	}
	message(MESSAGE_ERROR, "%s: replay: no such backing, or it is not there", copy->name);
	return false;
}

static int copy_one(struct server *server, struct copy *copy)
{
	int err = -EINVAL;

	if (find_backing(server, copy))
		err = open_output(copy, server);
	if (!err)
		err = copy_all(server, copy);
	close_output(copy, !err);
	if (!err && copy->nr_lost)
		err = -EIO;
	return err;
}

static int split(struct mount_options *options, char *word, struct copy *copy)
{
	char *equals = strchr(word, '=');
	char *slash = strchr(word, '/');

	if (!equals || equals == word || !equals[1] || (slash && slash < equals)) {
		message(MESSAGE_ERROR, "replay: %s: needs the form NAME=OUTPUT", word);
		return -EINVAL;
	}
	*equals = '\0';
	*copy = (struct copy){.name = word, .output = equals + 1};
	return name_list_add(&options->only, word);
}

static int make_copies(struct mount_options *options, int words, char **argv)
{
	CLEANUP_FREE uint8_t *chunk = aligned_alloc(WB_BLOCK_SIZE, CHUNK);
	CLEANUP_FREE uint8_t *pages = aligned_alloc(WB_BLOCK_SIZE,
						    (size_t)WB_IO_PAGES * WB_BLOCK_SIZE);
	struct copy copies[MAX_COPIES];
	struct server *server;
	int err = chunk && pages ? 0 : -ENOMEM, stop_err;

	for (int i = 1; !err && i < words; i++)
		err = split(options, argv[i], &copies[i - 1]);
	if (err)
		return err;
	options->read_only = true;
	options->offline = OFFLINE_BACKINGS;
	err = offline_start(options, argv[0], &server);
	if (err)
		return err;
	for (int i = 0; err != -EINTR && i < words - 1; i++) {
		int copy_err;

		copies[i].chunk = chunk;
		copies[i].pages = pages;
		copy_err = copy_one(server, &copies[i]);
		if (!err || copy_err == -EINTR)
			err = copy_err;
	}
	stop_err = offline_stop(server);
	return err ? err : stop_err;
}

enum exit_status command_replay(int argc, char **argv)
{
	struct mount_options options;
	const struct args args = {
		.command = argv[0],
		.options = offline_rows + 1,
		.ctx = &options,
		.min_words = 1,
		.max_words = 1 + MAX_COPIES,
	};
	int words, err;

	options_init(&options);
	options.command = "replay";
	words = args_parse(&args, argc, argv);
	if (words < 0)
		err = words;
	else
		err = words == 1 ? offline_drain(&options, argv[0])
				 : make_copies(&options, words, argv);
	options_free(&options);
	return exit_status_of(err);
}
