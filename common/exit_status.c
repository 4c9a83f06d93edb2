/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One table from error numbers to exit statuses. No state, any thread. */
#include "config.h"

#include "common/exit_status.h"

#include <errno.h>
#include <stddef.h>

/* What is not here is something that the user asked for and can't have: usage. */
static const struct {
	int err;
	enum exit_status status;
} table[] = {
	{0, EXIT_STATUS_DONE},
	{EPERM, EXIT_STATUS_PERMISSION},
	{EACCES, EXIT_STATUS_PERMISSION},
	{EROFS, EXIT_STATUS_PERMISSION},
	{ENOMEM, EXIT_STATUS_RESOURCES},
	{EMFILE, EXIT_STATUS_RESOURCES},
	{ENFILE, EXIT_STATUS_RESOURCES},
	{ENOSPC, EXIT_STATUS_RESOURCES},
	{EDQUOT, EXIT_STATUS_RESOURCES},
	{EFBIG, EXIT_STATUS_RESOURCES},
	{EAGAIN, EXIT_STATUS_RESOURCES},
	{ENOLCK, EXIT_STATUS_RESOURCES},
	{EMEDIUMTYPE, EXIT_STATUS_NOT_A_CACHE},
	{EBUSY, EXIT_STATUS_BUSY},
	{ETXTBSY, EXIT_STATUS_BUSY},
	{EALREADY, EXIT_STATUS_BUSY},
	{EIO, EXIT_STATUS_IO},
	{EREMOTEIO, EXIT_STATUS_IO},
	{EILSEQ, EXIT_STATUS_IO},
	{ENODATA, EXIT_STATUS_IO}, /* the block layer's word for a medium error */
	{ENOLINK, EXIT_STATUS_IO},
	{EBADE, EXIT_STATUS_IO},
	{ETIMEDOUT, EXIT_STATUS_IO},
	{ESHUTDOWN, EXIT_STATUS_IO},
	{ENODEV, EXIT_STATUS_IO},
	{ENXIO, EXIT_STATUS_IO},
	{EUCLEAN, EXIT_STATUS_CORRUPT},
	{ESTALE, EXIT_STATUS_CORRUPT},
	{EBADMSG, EXIT_STATUS_CORRUPT},
	{EINTR, EXIT_STATUS_STOPPED},
	{ECANCELED, EXIT_STATUS_STOPPED},
};

enum exit_status exit_status_of(int err)
{
	if (err < 0)
		err = -err;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].err == err)
			return table[i].status;
	return EXIT_STATUS_USAGE;
}

int exit_status_for_mount(enum exit_status status)
{
	enum { MOUNT_USAGE = 1, MOUNT_SYSTEM = 2, MOUNT_INTERRUPTED = 8, MOUNT_FAILED = 32 };

	switch (status) {
	case EXIT_STATUS_DONE:
		return 0;
	case EXIT_STATUS_USAGE:
	case EXIT_STATUS_PERMISSION:
		return MOUNT_USAGE;
	case EXIT_STATUS_RESOURCES:
		return MOUNT_SYSTEM;
	case EXIT_STATUS_STOPPED:
		return MOUNT_INTERRUPTED;
	case EXIT_STATUS_NOT_A_CACHE:
	case EXIT_STATUS_BUSY:
	case EXIT_STATUS_IO:
	case EXIT_STATUS_CORRUPT:
		return MOUNT_FAILED;
	}
	return MOUNT_FAILED;
}
