/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wbfs doctor: what usually goes wrong, looked at in turn. Runs in main's thread. */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fuse/commands.h"
#include "fuse/doctor.h"

enum { DOCTOR_TEXT_LEN = 1024, MANY_WORDS = 100 };

void doctor_fix(struct doctor *doctor, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(doctor->fix, sizeof(doctor->fix), format, args);
	va_end(args);
}

/* Paths may hold anything; what could move the cursor doesn't get through. */
static void make_harmless(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

void doctor_tell(struct doctor *doctor, enum finding finding, const char *what, const char *format,
		 ...)
{
	static const struct {
		const char *word, *colour;
	} words[NR_FINDINGS] = {
		[FINDING_OK] = {"ok", "\033[32m"},
		[FINDING_WARNING] = {"warn", "\033[33m"},
		[FINDING_FAILURE] = {"FAIL", "\033[1;31m"},
	};
	char text[DOCTOR_TEXT_LEN], object[DOCTOR_TEXT_LEN];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	snprintf(object, sizeof(object), "%s", what);
	make_harmless(text);
	make_harmless(object);
	make_harmless(doctor->fix);
	doctor->nr[finding]++;
	printf("%s%-4s%s  %s: %s\n", doctor->colour ? words[finding].colour : "",
	       words[finding].word, doctor->colour ? "\033[m" : "", object, text);
	if (finding != FINDING_OK && *doctor->fix)
		printf("      fix: %s\n", doctor->fix);
	doctor->fix[0] = '\0';
}

static void sum_up(const struct doctor *doctor, bool targets)
{
	unsigned int warnings = doctor->nr[FINDING_WARNING];
	unsigned int failures = doctor->nr[FINDING_FAILURE];

	printf("\n");
	if (failures)
		printf("%u of %u things do not work", failures,
		       failures + warnings + doctor->nr[FINDING_OK]);
	else
		printf("wbfs can be used%s", targets ? ", and what you asked about" : "");
	if (warnings)
		printf("; %u warning%s", warnings, warnings == 1 ? "" : "s");
	printf("\n");
}

static bool wants_colour(void)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no_color && *no_color) &&
	       !(term && strcmp(term, "dumb") == 0);
}

enum exit_status command_doctor(int argc, char **argv)
{
	const struct args args = {.command = argv[0], .max_words = MANY_WORDS};
	int words = args_parse(&args, argc, argv);
	struct doctor doctor = {.colour = wants_colour()};

	if (words < 0)
		return EXIT_STATUS_USAGE;
	doctor_system(&doctor);
	doctor_io(&doctor);
	doctor_mounts(&doctor);
	for (int i = 0; i < words; i++)
		doctor_target(&doctor, argv[i]);
	sum_up(&doctor, words > 0);
	return doctor.nr[FINDING_FAILURE] ? EXIT_STATUS_RESOURCES : EXIT_STATUS_DONE;
}
