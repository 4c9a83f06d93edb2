/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ctrl-C of a command that works on a cache by itself. For its main thread. */
#ifndef FUSE_INTERRUPT_H
#define FUSE_INTERRUPT_H

#include <stdbool.h>

/*
 * From now on SIGINT, SIGTERM and SIGHUP end the process at once, with one message, "OBJECT:
 * ACTION: WHAT", and EXIT_STATUS_STOPPED: nothing is done yet that has to be ended in order.
 */
void interrupt_catch(const char *object, const char *action, const char *what);

#define INTERRUPT_STOPPED "stopped before complete"

/* From now on the first one only asks to stop; another one ends the process as above. */
void interrupt_defer(void);

bool interrupt_asked(void);

/* A file that is removed if the process is ended as above; NULL: none any more. */
void interrupt_dooms(const char *path);

#endif
