/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Node ids: 1 for the root, else kind, slot and row in bit fields. 32 bits, for old programs. */
#include "config.h"

#include "fuse/node.h"

enum { KIND_SHIFT = 24, SLOT_SHIFT = 8, SLOT_MASK = 0xffff, ROW_MASK = 0xff };

fuse_ino_t node_id(struct node node)
{
	if (node.kind == NODE_ROOT)
		return FUSE_ROOT_ID;
	return (fuse_ino_t)node.kind << KIND_SHIFT | node.slot << SLOT_SHIFT | node.row;
}

struct node node_of(fuse_ino_t id)
{
	return (struct node){
		.kind = (enum node_kind)(id >> KIND_SHIFT),
		.slot = id >> SLOT_SHIFT & SLOT_MASK,
		.row = id & ROW_MASK,
	};
}
