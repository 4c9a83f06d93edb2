/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef WB_ENGINE_NEWCACHE_H
#define WB_ENGINE_NEWCACHE_H

#include "engine/wb.h"

/* As wb_format, of a geometry that need not be one for users: tests have segments of two blocks. */
int newcache_write(struct bdev *dev, const struct wb_format_options *options,
		   const struct wb_format_result *geometry) WB_CHECK;

#endif
