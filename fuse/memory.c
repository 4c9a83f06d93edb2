/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory for the engine. Segment buffers lie in huge pages, which makes direct I/O from them much
 * cheaper; the index is address space that costs memory only where it is used. Because of that
 * the kernel would promise any amount of it and kill us later, so what may come to be used in the
 * end is compared with what the machine has before anything is written.
 */
#include "config.h"

#include "fuse/memory.h"

#include <inttypes.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/message.h"
#include "common/size.h"

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif

#define HUGE_PAGE ((size_t)2 << 20)

static _Atomic uint64_t promised;	/* bytes that the engine has */
static uint64_t available = UINT64_MAX; /* before it had any; const after read_available */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void read_available(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	uint64_t kib;
	char line[128];

	if (!file)
		return;
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %" SCNu64, &kib) == 1)
			available = kib << 10;
	fclose(file);
}

/* One rule for both kinds: whoever frees memory doesn't say which it was. */
static size_t rounded(size_t len)
{
	return (len + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
}

static void *map(size_t len, int flags)
{
	void *mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1,
			 0);

	return mem == MAP_FAILED ? NULL : mem;
}

/* Ordinary pages at an address where the kernel can put huge ones. */
static void *map_aligned(size_t len, int flags)
{
	char *mem = map(len + HUGE_PAGE, flags);
	size_t before;

	if (!mem)
		return NULL;
	before = (HUGE_PAGE - (uintptr_t)mem % HUGE_PAGE) % HUGE_PAGE;
	if (before)
		munmap(mem, before);
	munmap(mem + before + len, HUGE_PAGE - before);
	mem += before;
	madvise(mem, len, MADV_HUGEPAGE);
	return mem;
}

void memory_populate(void *ctx, void *mem, size_t len)
{
	size_t into_page = (uintptr_t)mem % (size_t)sysconf(_SC_PAGESIZE);

	(void)ctx;
	madvise((char *)mem - into_page, into_page + len, MADV_POPULATE_WRITE);
}

static void *map_io(size_t len)
{
	void *mem = map(len, MAP_HUGETLB);

	if (!mem)
		mem = map_aligned(len, 0);
	/* So that none of it has to be found when memory is short. */
	if (mem)
		memory_populate(NULL, mem, len);
	return mem;
}

static void *map_kind(size_t len, enum wb_memory kind)
{
	switch (kind) {
	case WB_MEMORY_SPARSE:
		return map(len, MAP_NORESERVE);
	case WB_MEMORY_INDEX:
		return map_aligned(len, MAP_NORESERVE);
	case WB_MEMORY_IO:
		return map_io(len);
	}
	return NULL;
}

/* The engine says what it wanted it for. */
static void note_refusal(uint64_t len)
{
	char need[SIZE_TEXT_LEN], have[SIZE_TEXT_LEN];

	message(MESSAGE_DEBUG, "memory: allocate: %s in all, %s were available",
		format_size(len, need), format_size(available, have));
}

void *memory_alloc(void *ctx, size_t len, enum wb_memory kind)
{
	uint64_t all;
	void *mem;

	(void)ctx;
	pthread_once(&once, read_available);
	len = rounded(len);
	all = atomic_fetch_add(&promised, len) + len;
	if (all <= available)
		mem = map_kind(len, kind);
	else
		mem = NULL;
	if (!mem) {
		note_refusal(all);
		atomic_fetch_sub(&promised, len);
	}
	return mem;
}

void memory_free(void *ctx, void *mem, size_t len)
{
	(void)ctx;
	len = rounded(len);
	munmap(mem, len);
	atomic_fetch_sub(&promised, len);
}

/* Under a limit, locking what is to come would make later allocations fail. */
static bool may_lock_all(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
	const struct rlimit unlimited = {RLIM_INFINITY, RLIM_INFINITY};

	if (syscall(SYS_capget, &header, data) == 0 && data[0].effective & 1u << CAP_IPC_LOCK)
		return true;
	return setrlimit(RLIMIT_MEMLOCK, &unlimited) == 0;
}

void memory_lock_all(void)
{
	prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
	if (may_lock_all())
		mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
}
