/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of the engine's knobs as text: for options, control files and commands. Any thread. */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuse/options.h"

/* Only digits: strtoul would take blanks, signs and other bases. */
static bool parse_number(const char *text, unsigned long *value)
{
	if (!*text)
		return false;
	for (const char *c = text; *c; c++)
		if (!isdigit((unsigned char)*c))
			return false;
	errno = 0;
	*value = strtoul(text, NULL, 10);
	return errno == 0;
}

static int parse_choice(const struct wb_knob *knob, const char *text, unsigned int *value,
			char why[KNOB_REASON_LEN])
{
	size_t len;

	for (unsigned int i = 0; i <= knob->max; i++) {
		if (strcmp(knob->choices[i], text) == 0) {
			*value = i;
			return 0;
		}
	}
	snprintf(why, KNOB_REASON_LEN, "%.40s not one of", text);
	for (unsigned int i = 0; i <= knob->max; i++) {
		len = strlen(why);
		snprintf(why + len, KNOB_REASON_LEN - len, "%s%s", i ? ", " : " ",
			 knob->choices[i]);
	}
	return -EINVAL;
}

int knob_parse(const struct wb_knob *knob, const char *text, unsigned int *value,
	       char why[KNOB_REASON_LEN])
{
	unsigned long number;

	if (knob->choices)
		return parse_choice(knob, text, value, why);
	if (!parse_number(text, &number) || number < knob->min || number > knob->max) {
		snprintf(why, KNOB_REASON_LEN, "%.40s not in %u..%u", *text ? text : "nothing",
			 knob->min, knob->max);
		return -EINVAL;
	}
	*value = (unsigned int)number;
	return 0;
}

const char *knob_text(const struct wb_knob *knob, unsigned int value, char text[KNOB_TEXT_LEN])
{
	if (knob->choices && value <= knob->max)
		return knob->choices[value];
	snprintf(text, KNOB_TEXT_LEN, "%u", value);
	return text;
}
