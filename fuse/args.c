/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words behind a command. Runs in main's thread, before there are others. */
#include "config.h"

#include "fuse/args.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/message.h"
#include "fuse/nearest.h"

enum { OPTION_NAME_MAX = 64, HELP_COLUMN = 30 };

/* Where the parser stands. */
struct cursor {
	const struct args *args;
	int argc;
	char **argv;
	int next; /* the word to look at */
};

static const struct arg_option *find_long(const struct args *args, const char *name)
{
	for (const struct arg_option *o = args->options; o && o->name; o++)
		if (strcmp(o->name, name) == 0)
			return o;
	return args->find ? args->find(name) : NULL;
}

static const struct arg_option *find_letter(const struct args *args, char letter)
{
	for (const struct arg_option *o = args->options; o && o->name; o++)
		if (o->letter && o->letter == letter)
			return o;
	return NULL;
}

static int unknown_option(const struct args *args, const char *name)
{
	struct nearest nearest = nearest_to(name);

	for (const struct arg_option *o = args->options; o && o->name; o++)
		nearest_offer(&nearest, o->name);
	message(MESSAGE_ERROR, "%s: --%s: unknown option", args->command, name);
	if (nearest_word(&nearest))
		hint("did you mean --%s?", nearest_word(&nearest));
	else
		hint("wbfs %s --help", args->command);
	return -EINVAL;
}

/* An option's value is behind its "=" or letter, or the next word. */
static int apply(struct cursor *c, const struct arg_option *option, const char *value)
{
	if (!option->value_name && value) {
		message(MESSAGE_ERROR, "%s: --%s: takes no value", c->args->command, option->name);
		return -EINVAL;
	}
	if (option->value_name && !value) {
		if (c->next >= c->argc) {
			message(MESSAGE_ERROR, "%s: --%s: needs a value: %s", c->args->command,
				option->name, option->value_name);
			return -EINVAL;
		}
		value = c->argv[c->next++];
	}
	return option->set(c->args->ctx, option, value);
}

static int parse_long(struct cursor *c, const char *word)
{
	const char *equals = strchr(word, '=');
	size_t len = equals ? (size_t)(equals - word) : strlen(word);
	const struct arg_option *option;
	char name[OPTION_NAME_MAX];

	snprintf(name, sizeof(name), "%.*s", (int)len, word);
	option = len < sizeof(name) ? find_long(c->args, name) : NULL;
	if (!option)
		return unknown_option(c->args, name);
	return apply(c, option, equals ? equals + 1 : NULL);
}

/* Letters may stand together; the first that takes a value takes the rest of the word. */
static int parse_letters(struct cursor *c, const char *letters)
{
	for (; *letters; letters++) {
		const struct arg_option *option = find_letter(c->args, *letters);
		int err;

		if (!option) {
			message(MESSAGE_ERROR, "%s: -%c: unknown option", c->args->command,
				*letters);
			hint("wbfs %s --help", c->args->command);
			return -EINVAL;
		}
		if (option->value_name)
			return apply(c, option, letters[1] ? letters + 1 : NULL);
		err = apply(c, option, NULL);
		if (err)
			return err;
	}
	return 0;
}

static int check_words(const struct args *args, int words)
{
	if (words >= args->min_words && words <= args->max_words)
		return words;
	message(MESSAGE_ERROR, "%s: too %s arguments", args->command,
		words < args->min_words ? "few" : "many");
	hint("wbfs %s --help", args->command);
	return -EINVAL;
}

int args_parse(const struct args *args, int argc, char **argv)
{
	struct cursor c = {.args = args, .argc = argc, .argv = argv, .next = 1};
	bool only_words = false;
	int words = 0;

	while (c.next < argc) {
		char *word = argv[c.next++];
		int err = 0;

		if (only_words || word[0] != '-' || !word[1])
			argv[words++] = word;
		else if (strcmp(word, "--") == 0)
			only_words = true;
		else if (word[1] == '-')
			err = parse_long(&c, word + 2);
		else
			err = parse_letters(&c, word + 1);
		if (err)
			return err;
	}
	argv[words] = NULL;
	return check_words(args, words);
}

static bool have(int argc, char **argv, const char *letter, const char *name)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], letter) == 0 || strcmp(argv[i], name) == 0)
			return true;
	return false;
}

bool args_want_help(int argc, char **argv)
{
	return have(argc, argv, "-h", "--help");
}

bool args_want_version(int argc, char **argv)
{
	return have(argc, argv, "-V", "--version");
}

void args_print_options(const struct arg_option *options)
{
	for (const struct arg_option *o = options; o && o->name; o++) {
		char left[OPTION_NAME_MAX * 2];
		char letter[8] = "    ";

		if (o->letter)
			snprintf(letter, sizeof(letter), "-%c, ", o->letter);
		snprintf(left, sizeof(left), "%s--%s%s%s", letter, o->name,
			 o->value_name ? " " : "", o->value_name ? o->value_name : "");
		printf("  %-*s %s%s\n", HELP_COLUMN, left,
		       strlen(left) > HELP_COLUMN ? "\n                                 " : "",
		       o->help);
	}
}
