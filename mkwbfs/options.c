/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line of mkwbfs: what was typed, checked as far as that goes without the cache. */
#include "config.h"

#include "mkwbfs/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "common/message.h"
#include "common/size.h"
#include "engine/wb_format.h"

#define SEGMENT_SIZE_MIN (64u * 1024)
#define SEGMENT_SIZE_MAX (1024u * 1024)

static const char help[] =
	"mkwbfs [OPTION...] CACHE\n"
	"Format a block device or image file as the cache of wbfs.\n"
	"\n"
	"  -f, --force              format although something else is there, or a cache with\n"
	"                           blocks that are not yet on their backings; never if in use\n"
	"  -n, --dry-run            say what would be done and do nothing\n"
	"      --size SIZE          create CACHE as an image file of this size, all of it allocated;\n"
	"                           if there is one of this size already, allocate its holes\n"
	"      --segment-size SIZE  power of two from 64K to 1M (1M, less on a small cache)\n"
	"  -L, --label LABEL        at most 63 bytes\n"
	"  -h, --help\n"
	"  -V, --version\n"
	"\n"
	"SIZE takes K, M, G, T (powers of 1024).\n"
	"\n"
	"Exit status: 0 done, 1 wrong usage or unfit CACHE, 2 no permission, 3 out of space or memory,\n"
	"4 CACHE holds something, 5 in use, 6 I/O error, 8 interrupted.\n";

enum { OPT_SIZE = 256, OPT_SEGMENT_SIZE };

static const struct option long_options[] = {
	{"force", no_argument, NULL, 'f'},
	{"dry-run", no_argument, NULL, 'n'},
	{"size", required_argument, NULL, OPT_SIZE},
	{"segment-size", required_argument, NULL, OPT_SEGMENT_SIZE},
	{"label", required_argument, NULL, 'L'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

static int usage_error(const char *object, const char *why)
{
	message(MESSAGE_ERROR, "%s: usage: %s", object, why);
	hint("mkwbfs --help");
	return -EINVAL;
}

static int set_size(struct mkwbfs_options *options, const char *text)
{
	if (parse_size(text, &options->size) < 0 || options->size == 0) {
		message(MESSAGE_ERROR, "--size: %s: not a size, such as 512M or 20G", text);
		return -EINVAL;
	}
	if (options->size % WB_SECTOR_SIZE) {
		message(MESSAGE_ERROR, "--size: %s: not a multiple of 512 bytes", text);
		return -EINVAL;
	}
	return 0;
}

static int set_segment_size(struct mkwbfs_options *options, const char *text)
{
	uint64_t size = 0;

	if (parse_size(text, &size) < 0 || size < SEGMENT_SIZE_MIN || size > SEGMENT_SIZE_MAX ||
	    size & (size - 1)) {
		message(MESSAGE_ERROR, "--segment-size: %s: not a power of two from 64K to 1M",
			text);
		return -EINVAL;
	}
	options->segment_size = (uint32_t)size;
	return 0;
}

static int set_label(struct mkwbfs_options *options, const char *text)
{
	if (strlen(text) >= WB_LABEL_LEN) {
		message(MESSAGE_ERROR, "--label: %s: longer than %u bytes", text, WB_LABEL_LEN - 1);
		return -EINVAL;
	}
	for (const char *p = text; *p; p++) {
		if (iscntrl((unsigned char)*p)) {
			message(MESSAGE_ERROR, "--label: %s: has a control character", text);
			return -EINVAL;
		}
	}
	options->label = text;
	return 0;
}

static int set_option(struct mkwbfs_options *options, int option, char **argv)
{
	switch (option) {
	case 'f':
		options->force = true;
		return 0;
	case 'n':
		options->dry_run = true;
		return 0;
	case OPT_SIZE:
		return set_size(options, optarg);
	case OPT_SEGMENT_SIZE:
		return set_segment_size(options, optarg);
	case 'L':
		return set_label(options, optarg);
	case 'h':
		fputs(help, stdout);
		return 1;
	case 'V':
		puts("mkwbfs " PACKAGE_VERSION);
		return 1;
	case ':':
		return usage_error(argv[optind - 1], "needs a value");
	default:
		break;
	}
	if (optopt > 0 && optopt < OPT_SIZE && !strchr(argv[optind - 1], '=')) {
		char name[] = {'-', (char)optopt, '\0'};

		return usage_error(name, "no such option");
	}
	return usage_error(argv[optind - 1], "no such option");
}

int mkwbfs_options_parse(int argc, char **argv, struct mkwbfs_options *options)
{
	int option, result;

	*options = (struct mkwbfs_options){0};
	opterr = 0;
	while ((option = getopt_long(argc, argv, ":fnL:hV", long_options, NULL)) != -1) {
		result = set_option(options, option, argv);
		if (result)
			return result;
	}
	if (optind == argc)
		return usage_error("CACHE", "name a block device or an image file");
	if (optind + 1 < argc)
		return usage_error(argv[optind + 1], "only one CACHE at a time");
	options->path = argv[optind];
	return 0;
}
