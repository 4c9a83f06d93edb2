/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "tests/sim/model.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR 512u
#define BLOCK 4096u
#define GARBAGE UINT32_MAX

void model_init(struct model *m)
{
	*m = (struct model){.stamps = 1};
}

void model_fini(struct model *m)
{
	free(m->ops);
}

uint32_t model_stamp(struct model *m)
{
	return m->stamps++;
}

static uint32_t word(unsigned int backing, uint32_t sector, uint32_t stamp, uint32_t i)
{
	return i == 0 ? stamp : (stamp * 2654435761u) ^ (sector << 8) ^ backing ^ (i << 20);
}

static void fill_sector(unsigned int backing, uint32_t sector, uint32_t stamp, uint8_t *buf)
{
	for (uint32_t i = 0; i < SECTOR / 4; i++) {
		uint32_t v = stamp ? word(backing, sector, stamp, i) : 0;

		memcpy(buf + i * 4, &v, 4);
	}
}

static uint32_t crc32c(const uint8_t *data, uint32_t len)
{
	static uint32_t table[256];
	uint32_t crc = 0;

	for (uint32_t i = 0; !table[255] && i < 256; i++) {
		table[i] = i;
		for (int bit = 0; bit < 8; bit++)
			table[i] = table[i] >> 1 ^ (0x82f63b78 & -(table[i] & 1));
	}
	while (len--)
		crc = table[(crc ^ *data++) & 255] ^ crc >> 8;
	return crc;
}

/*
 * Whole blocks end in their own CRC32C, as metadata of ext4 does: a checksum of that kind would
 * not tell them apart.
 */
void model_fill(unsigned int backing, uint64_t off, uint64_t len, uint32_t stamp, uint8_t *buf)
{
	for (uint64_t at = 0; at < len; at += SECTOR)
		fill_sector(backing, (uint32_t)((off + at) / SECTOR), stamp, buf + at);
	for (uint64_t at = (BLOCK - off % BLOCK) % BLOCK; at + BLOCK <= len; at += BLOCK) {
		uint32_t crc = crc32c(buf + at, BLOCK - 4);

		memcpy(buf + at + BLOCK - 4, &crc, 4);
	}
}

/* The stamp of a sector's contents, or GARBAGE. */
static uint32_t stamp_of(unsigned int backing, uint32_t sector, const uint8_t *buf)
{
	uint8_t expected[SECTOR];
	uint32_t stamp;

	memcpy(&stamp, buf, 4);
	fill_sector(backing, sector, stamp, expected);
	if (stamp && sector % (BLOCK / SECTOR) == BLOCK / SECTOR - 1)
		memcpy(expected + SECTOR - 4, buf + SECTOR - 4, 4);
	return memcmp(buf, expected, SECTOR) == 0 ? stamp : GARBAGE;
}

uint64_t model_now(const struct model *m)
{
	return m->nr_ops;
}

void model_write(struct model *m, unsigned int backing, uint64_t off, uint64_t len, uint32_t stamp)
{
	if (m->nr_ops == m->max_ops) {
		m->max_ops = m->max_ops * 2 + 64;
		m->ops = realloc(m->ops, m->max_ops * sizeof(*m->ops));
		assert(m->ops);
	}
	m->ops[m->nr_ops++] = (struct model_op){
		.backing = backing,
		.first = (uint32_t)(off / SECTOR),
		.nr = (uint32_t)(len / SECTOR),
		.stamp = stamp,
	};
}

/* A write that failed did nothing: the engine places a request whole or not at all. */
void model_maybe(struct model *m, unsigned int backing, uint64_t off, uint64_t len, uint32_t stamp)
{
	(void)m;
	(void)backing;
	(void)off;
	(void)len;
	(void)stamp;
}

void model_synced(struct model *m, uint64_t covered)
{
	if (covered > m->synced)
		m->synced = covered;
}

static bool touches(const struct model_op *op, unsigned int backing, uint32_t sector)
{
	return op->backing == backing && sector >= op->first && sector - op->first < op->nr;
}

static bool sector_ok(struct model *m, unsigned int backing, uint32_t sector, uint32_t stamp,
		      uint64_t since)
{
	uint64_t n = m->nr_ops;

	while (n-- > 0) {
		if (!touches(&m->ops[n], backing, sector))
			continue;
		if (m->ops[n].stamp == stamp)
			return true;
		if (n < since)
			return false;
	}
	return stamp == 0;
}

static void explain(const struct model *m, unsigned int backing, uint32_t sector, uint32_t stamp,
		    uint64_t since)
{
	fprintf(stderr, "backing %u sector %u has stamp %d; %llu operations before\n", backing,
		sector, (int)stamp, (unsigned long long)since);
	for (uint64_t n = 0; n < m->nr_ops; n++)
		if (touches(&m->ops[n], backing, sector))
			fprintf(stderr, "  operation %llu: stamp %u, sectors %u+%u\n",
				(unsigned long long)n, m->ops[n].stamp, m->ops[n].first,
				m->ops[n].nr);
}

bool model_check_read(struct model *m, unsigned int backing, uint64_t off, uint64_t len,
		      const uint8_t *buf, uint64_t since)
{
	for (uint64_t at = 0; at < len; at += SECTOR) {
		uint32_t sector = (uint32_t)((off + at) / SECTOR);

		uint32_t stamp = stamp_of(backing, sector, buf + at);

		if (sector_ok(m, backing, sector, stamp, since))
			continue;
		explain(m, backing, sector, stamp, since);
		return false;
	}
	return true;
}

/* The first state from operation `from` on that equals the images, or UINT64_MAX. */
static uint64_t find_state(struct model *m, uint8_t *const images[MODEL_BACKINGS], uint64_t from)
{
	uint32_t found[MODEL_BACKINGS][MODEL_SECTORS];
	uint32_t model[MODEL_BACKINGS][MODEL_SECTORS] = {0};
	uint64_t wrong = 0;

	for (unsigned int b = 0; b < MODEL_BACKINGS; b++)
		for (uint32_t s = 0; s < MODEL_SECTORS - b * 3; s++) {
			found[b][s] = stamp_of(b, s, images[b] + s * SECTOR);
			wrong += found[b][s] != 0;
		}
	for (uint64_t n = 0;; n++) {
		if (!wrong && n >= from)
			return n;
		if (n == m->nr_ops)
			return UINT64_MAX;
		for (uint32_t s = m->ops[n].first; s < m->ops[n].first + m->ops[n].nr; s++) {
			unsigned int b = m->ops[n].backing;

			wrong -= model[b][s] != found[b][s];
			model[b][s] = m->ops[n].stamp;
			wrong += model[b][s] != found[b][s];
		}
	}
}

bool model_recover(struct model *m, uint8_t *const images[MODEL_BACKINGS])
{
	uint64_t n = find_state(m, images, m->synced);

	if (n == UINT64_MAX)
		return false;
	m->nr_ops = m->synced = n;
	return true;
}

bool model_is_past(struct model *m, uint8_t *const images[MODEL_BACKINGS])
{
	return find_state(m, images, 0) != UINT64_MAX;
}
