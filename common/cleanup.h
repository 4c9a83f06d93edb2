/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory, descriptors and locks that are given back at the end of their scope. */
#ifndef COMMON_CLEANUP_H
#define COMMON_CLEANUP_H

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free_pointer(void *pointer)
{
	free(*(void **)pointer);
}

static inline void cleanup_close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_unlock_mutex(pthread_mutex_t **lock)
{
	pthread_mutex_unlock(*lock);
}

static inline pthread_mutex_t *cleanup_lock_mutex(pthread_mutex_t *lock)
{
	pthread_mutex_lock(lock);
	return lock;
}

/* On a pointer from malloc, initialised (NULL if nothing yet). */
#define CLEANUP_FREE __attribute__((cleanup(cleanup_free_pointer)))

/* On an int, initialised (-1 if nothing yet). */
#define CLEANUP_CLOSE __attribute__((cleanup(cleanup_close_fd)))

/* Hold a mutex up to the end of the scope. */
#define LOCK_SCOPE(lock) \
	__attribute__((cleanup(cleanup_unlock_mutex), unused)) \
	pthread_mutex_t *locked_in_scope = cleanup_lock_mutex(lock)

#endif
