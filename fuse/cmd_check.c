/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wbfs check: recover a cache in memory, read all of its log, and say what it holds and what is
 * wrong with it. Writes nothing. Runs in main's thread.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/message.h"
#include "common/size.h"
#include "fuse/commands.h"
#include "fuse/interrupt.h"
#include "fuse/offline.h"
#include "fuse/progress.h"
#include "fuse/report.h"

enum { SHOWN_DAMAGE = 20 }; /* places that get a message each, if all are not asked for */

struct check {
	struct mount_options options; /* first: ctx of set_json has it too */
	bool json;
	bool truncated; /* damage ends the log too early: what is told is what it would leave */
	struct server *server;
	struct wb_status status;
	struct wb_scrub scrub;
	struct progress progress;
	struct text damage; /* JSON */
	uint64_t nr_damage;
	uint64_t nr_blocks, nr_bytes; /* only in the cache */
};

static int set_json(void *ctx, const struct arg_option *option, const char *value)
{
	(void)option, (void)value;
	((struct check *)ctx)->json = true;
	return 0;
}

const struct arg_option check_options[] = {
	{"json", 0, NULL, "the report as JSON", set_json},
	{0},
};

/* ---- what the scrub tells ---- */

static bool show_progress(void *ctx, uint64_t bytes_left)
{
	struct check *check = ctx;

	progress_left(&check->progress, bytes_left);
	return !interrupt_asked();
}

static void damage_to_json(struct text *text, const struct wb_damage *d)
{
	text_printf(text, "%s\n    {\"offset\": %" PRIu64, text->len ? "," : "", d->off);
	if (d->segment)
		text_printf(text, ", \"segment\": %" PRIu64 ", \"slot\": %" PRIu32, d->segment,
			    d->slot);
	text_printf(text, ", \"what\": ");
	text_json_string(text, d->what);
	if (d->backing) {
		text_printf(text, ", \"backing\": ");
		text_json_string(text, d->backing);
		text_printf(text, ", \"block\": %" PRIu64 ", \"blocks\": %" PRIu64, d->block,
			    d->nr_blocks);
	}
	text_printf(text, ", \"lost\": %s}", d->lost ? "true" : "false");
}

/* "segment 3 (slot 3) at byte 4198400: checksum mismatch: byte 8192 of hdd0 is lost" */
static void tell_damage(const char *cache, const struct wb_damage *d)
{
	char whose[WB_NAME_LEN + 96] = "";

	if (d->backing)
		snprintf(whose, sizeof(whose), ": %" PRIu64 " block%s at byte %" PRIu64 " of %s %s",
			 d->nr_blocks, d->nr_blocks == 1 ? "" : "s", d->block * WB_BLOCK_SIZE,
			 d->backing, d->lost ? "lost" : "not needed any more");
	message(MESSAGE_ERROR,
		"%s: check: segment %" PRIu64 " (slot %" PRIu32 "), byte %" PRIu64 ": %s%s", cache,
		d->segment, d->slot, d->off, d->what, whose);
}

/* That a superblock is broken has been said when the cache was opened. */
static void note_damage(void *ctx, const struct wb_damage *damage)
{
	struct check *check = ctx;

	check->nr_damage++;
	if (check->json)
		damage_to_json(&check->damage, damage);
	else if (check->nr_damage <= SHOWN_DAMAGE && damage->segment)
		tell_damage(check->options.cache, damage);
}

/* ---- the verdict ---- */

/* A power cut while a superblock is written tears one, if the cache was in use. */
static bool super_may_be_torn(const struct check *check)
{
	return check->scrub.bad_super && !check->status.was_clean && check->scrub.nr_damaged == 1 &&
	       !check->scrub.err;
}

static int verdict(const struct check *check)
{
	if (check->scrub.err)
		return check->scrub.err;
	if (check->truncated || check->scrub.nr_lost)
		return -EUCLEAN;
	return check->scrub.nr_damaged && !super_may_be_torn(check) ? -EUCLEAN : 0;
}

static const char *verdict_words(const struct check *check)
{
	if (verdict(check))
		return check->scrub.err == 0 ? "damaged" : "can't be read everywhere";
	if (!check->status.was_clean)
		return "good; not closed in order: the next mount recovers it";
	return check->nr_blocks ? "good; has blocks that are not on their backings yet" : "clean";
}

/* ---- the report ---- */

static void print_backings(struct check *check)
{
	struct wb_backing_info info;
	char size[SIZE_TEXT_LEN];

	for (unsigned int i = 0; wb_backing_info(check->server->wb, i, &info); i++)
		printf("backing    %s: %" PRIu64 " blocks (%s) only in the cache; %s\n", info.name,
		       info.nr_dirty, format_size(info.dirty_bytes, size), info.path);
}

static void print_torn(const struct wb_scrub *scrub)
{
	if (scrub->nr_torn_records)
		printf("torn tail  %" PRIu64 " record%s at byte %" PRIu64 " (segment %" PRIu64
		       ") of a request that is not whole: left out, nobody was told it is "
		       "durable\n",
		       scrub->nr_torn_records, scrub->nr_torn_records == 1 ? "" : "s",
		       scrub->torn_off, scrub->torn_segment);
}

static void print_log(const struct check *check)
{
	const struct wb_scrub *scrub = &check->scrub;
	const struct wb_status *status = &check->status;

	if (scrub->last_record >= scrub->first_record)
		printf("log        records %" PRIu64 " to %" PRIu64 " in segments %" PRIu64
		       " to %" PRIu64 ", %" PRIu64 " of %" PRIu64 " slots\n",
		       scrub->first_record, scrub->last_record, scrub->first_segment,
		       scrub->last_segment, scrub->nr_segments, status->nr_segments);
	else
		printf("log        empty, %" PRIu64 " slots\n", status->nr_segments);
	if (check->truncated)
		printf("           (what is left of it with -o recover=truncate)\n");
}

static void print_report(struct check *check)
{
	const struct wb_scrub *scrub = &check->scrub;
	char uuid[UUID_TEXT_LEN], size[SIZE_TEXT_LEN];

	printf("cache      %s\n", check->options.cache);
	printf("UUID       %s\n", report_uuid(check->status.uuid, uuid));
	if (check->status.label[0])
		printf("label      %.*s\n", (int)sizeof(check->status.label), check->status.label);
	printf("closed     %s, generation %" PRIu64 "\n",
	       check->status.was_clean ? "in order" : "not: crashed or killed",
	       check->status.generation);
	print_log(check);
	print_torn(scrub);
	print_backings(check);
	printf("checked    %" PRIu64 " blocks (%s), %" PRIu64 " of them not needed any more\n",
	       scrub->nr_blocks, format_size(scrub->nr_blocks * WB_BLOCK_SIZE, size),
	       scrub->nr_needless);
	printf("damage     %" PRIu64 " places, %" PRIu64 " blocks lost\n", check->nr_damage,
	       scrub->nr_lost);
	printf("result     %s\n", verdict_words(check));
}

static void json_backings(struct check *check, struct text *text)
{
	struct wb_backing_info info;

	text_printf(text, "  \"backings\": [");
	for (unsigned int i = 0; wb_backing_info(check->server->wb, i, &info); i++) {
		text_printf(text, "%s\n    {\"name\": ", i ? "," : "");
		text_json_string(text, info.name);
		text_printf(text, ", \"device\": ");
		text_json_string(text, info.path);
		text_printf(text, ", \"dirty_blocks\": %" PRIu64 ", \"dirty_bytes\": %" PRIu64 "}",
			    info.nr_dirty, info.dirty_bytes);
	}
	text_printf(text, "],\n");
}

static void print_json(struct check *check)
{
	const struct wb_scrub *scrub = &check->scrub;
	TEXT_SCOPE text = {0};
	char uuid[UUID_TEXT_LEN];

	text_printf(&text, "{\n  \"device\": ");
	text_json_string(&text, check->options.cache);
	text_printf(&text,
		    ",\n  \"uuid\": \"%s\",\n  \"label\": ", report_uuid(check->status.uuid, uuid));
	text_json_string(&text, check->status.label);
	text_printf(&text,
		    ",\n  \"clean\": %s,\n  \"generation\": %" PRIu64
		    ",\n  \"truncated\": %s,\n  \"records\": %" PRIu64 ",\n  \"segments\": %" PRIu64
		    ",\n  \"blocks\": %" PRIu64 ",\n  \"needless_blocks\": %" PRIu64
		    ",\n  \"torn_records\": %" PRIu64 ",\n  \"lost_blocks\": %" PRIu64 ",\n",
		    check->status.was_clean ? "true" : "false", check->status.generation,
		    check->truncated ? "true" : "false", scrub->nr_records, scrub->nr_segments,
		    scrub->nr_blocks, scrub->nr_needless, scrub->nr_torn_records, scrub->nr_lost);
	json_backings(check, &text);
	text_printf(&text, "  \"damage\": [%s],\n  \"result\": ",
		    check->damage.bytes ? check->damage.bytes : "");
	text_json_string(&text, verdict_words(check));
	printf("%s\n}\n", text.bytes);
}

/* ---- the command ---- */

static void swallow(enum message_level level, const char *line)
{
	(void)level, (void)line;
}

/* A log that is broken in the middle has a beginning that may be good. */
static int open_truncated(struct check *check, const char *cache)
{
	int err;

	check->options.recover_truncate = true;
	message_set_sink(swallow); /* all has been said */
	err = offline_start(&check->options, cache, &check->server);
	message_set_sink(NULL);
	check->truncated = !err;
	return err;
}

static int look(struct check *check)
{
	int err;

	wb_status(check->server->wb, &check->status);
	check->nr_blocks = check->status.nr_dirty;
	check->progress = progress_begin("check");
	check->scrub = (struct wb_scrub){
		.ctx = check,
		.progress = show_progress,
		.damage = note_damage,
	};
	err = wb_scrub(check->server->wb, &check->scrub);
	progress_end(&check->progress, !err);
	if (err == -EINTR)
		message(MESSAGE_ERROR,
			"%s: check: stopped before complete: %" PRIu64 " damaged places so far",
			check->options.cache, check->nr_damage);
	else if (err)
		message(MESSAGE_ERROR, "%s: check: %s", check->options.cache, reason(err));
	return err;
}

static void report(struct check *check)
{
	if (check->json) {
		print_json(check);
		return;
	}
	if (check->nr_damage > SHOWN_DAMAGE)
		message(MESSAGE_ERROR, "%s: check: %" PRIu64 " more places; --json shows them all",
			check->options.cache, check->nr_damage - SHOWN_DAMAGE);
	print_report(check);
}

static int check_cache(struct check *check, const char *cache)
{
	int err = offline_start(&check->options, cache, &check->server);
	int stop_err;

	if (err == -EUCLEAN && open_truncated(check, cache))
		return -EUCLEAN;
	if (err && err != -EUCLEAN)
		return err;
	err = look(check);
	if (!err) {
		report(check);
		err = verdict(check);
	}
	stop_err = offline_stop(check->server);
	return err ? err : stop_err;
}

enum exit_status command_check(int argc, char **argv)
{
	struct check check = {.json = false};
	const struct args args = {
		.command = argv[0],
		.options = check_options,
		.ctx = &check,
		.min_words = 1,
		.max_words = 1,
	};
	int err;

	options_init(&check.options);
	check.options.command = "check";
	check.options.offline = OFFLINE_LOG;
	check.options.read_only = true;
	err = args_parse(&args, argc, argv);
	if (err >= 0)
		err = check_cache(&check, argv[0]);
	text_free(&check.damage);
	options_free(&check.options);
	return exit_status_of(err);
}
