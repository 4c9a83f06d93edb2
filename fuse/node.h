/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Node ids. They are computed from what they stand for and back, so that another daemon that
 * takes over the mount understands them without having been told.
 */
#ifndef FUSE_NODE_H
#define FUSE_NODE_H

#include "fuse/lowlevel.h"

enum node_kind {
	NODE_ROOT, /* its id is FUSE_ROOT_ID */
	NODE_CONTROL,
	NODE_CONTROL_FILE, /* row */
	NODE_DEVICES,
	NODE_DEVICE,	  /* slot */
	NODE_DEVICE_FILE, /* slot, row */
	NODE_EXPORT,	  /* slot */
	NODE_NR_KINDS,
};

struct node {
	enum node_kind kind;
	unsigned int slot; /* of an export */
	unsigned int row;  /* of the table of control files */
};

fuse_ino_t node_id(struct node node);
struct node node_of(fuse_ino_t id);

#endif
