/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The options of a mount, from the command line and from -o or fstab. One table has a row for
 * each: `--name value` and `-o name=value` are the same. Knobs of the engine are options too.
 * Filled in before the daemon forks and const from then on.
 */
#ifndef FUSE_OPTIONS_H
#define FUSE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/message.h"
#include "engine/posix/device.h"
#include "engine/wb.h"
#include "fuse/args.h"

struct knob_setting {
	bool set;
	unsigned int value;
};

/* A backing as asked for: NAME=PATH[,cache=none][,sim=hdd][,KNOB=VALUE]... */
struct device_option {
	char *name;
	char *path; /* absolute once options_resolve has been called */
	bool uncached;
	bool sim_hdd; /* takes the time of a hard disk; the cache doesn't remember it */
	struct knob_setting migrate_threshold;
};

struct name_list {
	char **names;
	size_t nr;
};

/* How much of a daemon a command takes. */
enum offline {
	OFFLINE_NOT,	  /* all: it mounts */
	OFFLINE_BACKINGS, /* the engine with its backings */
	OFFLINE_LOG,	  /* the log alone, before anything may be written */
};

struct mount_options {
	char *cache;	   /* absolute once options_resolve has been called */
	char *mount_point; /* the same */
	struct device_option *devices;
	size_t nr_devices;
	struct name_list without;
	struct name_list force_backing;
	struct name_list pass; /* for the kernel: nosuid, noexec, ... */
	bool foreground;
	enum offline offline;
	struct name_list only; /* OFFLINE_BACKINGS: not the others; empty: all */
	bool read_only;
	bool recover_truncate;
	bool allow_other;
	bool sloppy; /* ignore unknown options, as mount -s asks */
	enum posix_io_kind io;
	unsigned int buffers; /* 0: the engine's default */
	struct knob_setting knobs[WB_NR_KNOBS];
	enum message_level log_level;
	const char *command; /* what messages about options begin with */
};

/* What an ordinary mount has. */
void options_init(struct mount_options *options);
void options_free(struct mount_options *options);

/* The rows, for args_parse and help; ctx is the struct mount_options. */
extern const struct arg_option option_rows[];

/* Those that make sense without a mount. The first is --offline itself. */
extern const struct arg_option offline_rows[];

/* The rows that come from the engine's knobs, by name; NULL if it isn't one. */
const struct arg_option *options_find_knob(const char *name);

/* A list as in -o or fstab: "name,name=value,...". 0 or -EINVAL after a message. */
int options_parse_list(struct mount_options *options, const char *list) WB_CHECK;

/* "NAME=PATH[,option...]", as -d and the attach command have it. The same. */
int device_option_parse(const char *command, const char *text, struct device_option *device)
	WB_CHECK;
void device_option_free(struct device_option *device);

int name_list_add(struct name_list *list, const char *name) WB_CHECK;
bool name_list_has(const struct name_list *list, const char *name);

/* Make paths absolute: a daemon changes its directory. 0 or -errno after a message. */
int options_resolve(struct mount_options *options) WB_CHECK;

/* What a knob's text stands for. 0, or -EINVAL with why in words. */
#define KNOB_REASON_LEN 160
int knob_parse(const struct wb_knob *knob, const char *text, unsigned int *value,
	       char why[KNOB_REASON_LEN]) WB_CHECK;
/* The other way round: a number or one of its words. */
#define KNOB_TEXT_LEN 32
const char *knob_text(const struct wb_knob *knob, unsigned int value, char text[KNOB_TEXT_LEN]);

void options_print_help(void);

#endif
