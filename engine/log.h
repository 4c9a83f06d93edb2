/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef WB_ENGINE_LOG_H
#define WB_ENGINE_LOG_H

struct wb;

/* Nothing since *durable* is trusted to be on the device: write it again. Mutex held. */
void log_write_all_again(struct wb *wb);

#endif
