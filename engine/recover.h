/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef WB_ENGINE_RECOVER_H
#define WB_ENGINE_RECOVER_H

#include "engine/wb.h"

/*
 * Rebuild index, zeros, slots, ladder and watermarks from the log. wb has its superblock, table
 * and empty objects; nobody else uses it. Blocks. Writes nothing.
 * -EIO: something can't be read; -EUCLEAN: damage, with a message; -ENOMEM.
 */
int recover(struct wb *wb) WB_CHECK;

#endif
