/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A backing that stays but gets another device. */
#ifndef FUSE_CHANGE_H
#define FUSE_CHANGE_H

#include "fuse/options.h"
#include "fuse/request.h"

/*
 * In the control worker: what was written into attach names a backing that is there. If it fails or
 * its device is gone, it goes on with the device given, which has to be the same one. Answers the
 * request.
 */
void change_device(struct request *request, const struct device_option *device, unsigned int slot);

#endif
