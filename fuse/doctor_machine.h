/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Small questions to the machine that several checks of wbfs doctor ask. */
#ifndef FUSE_DOCTOR_MACHINE_H
#define FUSE_DOCTOR_MACHINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Is it in our effective set? */
bool machine_has_capability(unsigned int capability);

/* The beginning of a small file, as text; "" if it can't be read. Returns its length. */
size_t machine_read(const char *path, char *text, size_t room);

#endif
