/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Error numbers in words, for the end of a message. */
#ifndef WB_ENGINE_REASON_H
#define WB_ENGINE_REASON_H

/*
 * In lower case: "no space left on device"; "error 4000" if the system knows no words. err is
 * -errno or errno. Any thread; valid until the thread asks again.
 */
const char *reason(int err);

#endif
