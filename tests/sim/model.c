/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "tests/sim/model.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECTOR 512u
#define BLOCK 4096u
#define WORDS (SECTOR / 4)

static void state_init(struct model_state *state, uint32_t nr_sectors)
{
	*state = (struct model_state){.stamps = calloc(nr_sectors, sizeof(*state->stamps))};
	assert(state->stamps);
}

void model_init_sized(struct model *m, unsigned int nr_backings, const uint32_t *sectors)
{
	assert(nr_backings <= MODEL_MAX_BACKINGS);
	*m = (struct model){.stamps = 1, .nr_backings = nr_backings};
	for (unsigned int i = 0; i < nr_backings; i++) {
		m->first[i] = m->nr_sectors;
		m->sectors[i] = sectors[i];
		m->nr_sectors += sectors[i];
	}
	state_init(&m->base, m->nr_sectors);
	state_init(&m->now, m->nr_sectors);
	state_init(&m->asked, m->nr_sectors);
}

void model_init(struct model *m)
{
	static const uint32_t sectors[MODEL_BACKINGS] = {MODEL_SECTORS, MODEL_SECTORS - 3};

	model_init_sized(m, MODEL_BACKINGS, sectors);
}

void model_fini(struct model *m)
{
	free(m->base.stamps);
	free(m->now.stamps);
	free(m->asked.stamps);
	free(m->ops);
}

uint32_t model_stamp(struct model *m)
{
	return m->stamps++;
}

/* ---- contents ---- */

static void fill_sector(unsigned int backing, uint32_t sector, uint32_t stamp, uint32_t *words)
{
	uint32_t seed = (stamp * 2654435761u) ^ (sector << 8) ^ backing;

	if (!stamp) {
		memset(words, 0, SECTOR);
		return;
	}
	for (uint32_t i = 0; i < WORDS; i++)
		words[i] = seed ^ (i << 20);
	words[0] = stamp;
}

/* CRC32C of whole words, four bytes at a time. */
static uint32_t crc32c(const uint8_t *data, uint32_t len)
{
	static uint32_t tables[4][256];
	uint32_t crc = 0;

	for (uint32_t i = 0; !tables[3][255] && i < 256; i++) {
		tables[0][i] = i;
		for (int bit = 0; bit < 8; bit++)
			tables[0][i] = tables[0][i] >> 1 ^ (0x82f63b78 & -(tables[0][i] & 1));
	}
	for (uint32_t t = 1; !tables[3][255] && t < 4; t++)
		for (uint32_t i = 0; i < 256; i++)
			tables[t][i] = tables[t - 1][i] >> 8 ^ tables[0][tables[t - 1][i] & 255];
	for (; len; len -= 4, data += 4) {
		uint32_t word;

		memcpy(&word, data, 4);
		crc ^= word;
		crc = tables[3][crc & 255] ^ tables[2][crc >> 8 & 255] ^
		      tables[1][crc >> 16 & 255] ^ tables[0][crc >> 24];
	}
	return crc;
}

/*
 * Whole blocks of some writes end in their own CRC32C, as metadata of ext4 does: a checksum of that
 * kind would not tell them apart.
 */
void model_fill(unsigned int backing, uint64_t off, uint64_t len, uint32_t stamp, uint8_t *buf)
{
	for (uint64_t at = 0; at < len; at += SECTOR) {
		uint32_t words[WORDS];

		fill_sector(backing, (uint32_t)((off + at) / SECTOR), stamp, words);
		memcpy(buf + at, words, SECTOR);
	}
	if (stamp % 4)
		return;
	for (uint64_t at = (BLOCK - off % BLOCK) % BLOCK; at + BLOCK <= len; at += BLOCK) {
		uint32_t crc = crc32c(buf + at, BLOCK - 4);

		memcpy(buf + at + BLOCK - 4, &crc, 4);
	}
}

uint32_t model_stamp_of(unsigned int backing, uint32_t sector, const uint8_t *buf)
{
	uint32_t expected[WORDS];
	uint32_t stamp;

	memcpy(&stamp, buf, 4);
	fill_sector(backing, sector, stamp, expected);
	if (stamp && stamp % 4 == 0 && sector % (BLOCK / SECTOR) == BLOCK / SECTOR - 1)
		memcpy(&expected[WORDS - 1], buf + SECTOR - 4, 4);
	return memcmp(buf, expected, SECTOR) == 0 ? stamp : MODEL_GARBAGE;
}

/* ---- the history ---- */

uint64_t model_now(const struct model *m)
{
	return m->nr_ops;
}

static void advance(const struct model *m, struct model_state *state, uint64_t n)
{
	for (; state->n < n; state->n++) {
		const struct model_op *op = &m->ops[state->n];
		uint32_t *stamps = state->stamps + m->first[op->backing] + op->first;

		for (uint32_t i = 0; i < op->nr; i++)
			stamps[i] = op->stamp;
	}
}

static void copy_state(const struct model *m, struct model_state *to,
		       const struct model_state *from)
{
	memcpy(to->stamps, from->stamps, m->nr_sectors * sizeof(*to->stamps));
	to->n = from->n;
}

uint64_t model_placed(struct model *m, unsigned int backing, uint64_t off, uint64_t len,
		      uint32_t stamp, uint64_t record)
{
	assert(!m->nr_ops || m->ops[m->nr_ops - 1].record <= record);
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
		.record = record,
	};
	advance(m, &m->now, m->nr_ops);
	return m->nr_ops - 1;
}

void model_write(struct model *m, unsigned int backing, uint64_t off, uint64_t len, uint32_t stamp)
{
	model_placed(m, backing, off, len, stamp, 0);
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

uint64_t model_until(const struct model *m, uint64_t record)
{
	uint64_t low = 0, high = m->nr_ops;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (m->ops[middle].record <= record)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const uint32_t *model_state(struct model *m, unsigned int backing, uint64_t n)
{
	if (n == m->nr_ops)
		return m->now.stamps + m->first[backing];
	if (m->asked.n > n)
		copy_state(m, &m->asked, &m->base);
	advance(m, &m->asked, n);
	return m->asked.stamps + m->first[backing];
}

bool model_same(struct model *m, unsigned int backing, uint64_t a, uint64_t b)
{
	size_t len = m->sectors[backing] * sizeof(uint32_t);
	uint32_t *stamps = malloc(len);
	bool same;

	assert(stamps);
	memcpy(stamps, model_state(m, backing, a), len);
	same = memcmp(stamps, model_state(m, backing, b), len) == 0;
	free(stamps);
	return same;
}

void model_forget(struct model *m, unsigned int backing, const uint32_t *stamps)
{
	size_t len = m->sectors[backing] * sizeof(*stamps);

	for (uint64_t n = 0; n < m->nr_ops; n++)
		if (m->ops[n].backing == backing)
			m->ops[n].nr = 0;
	memcpy(m->base.stamps + m->first[backing], stamps, len);
	memcpy(m->now.stamps + m->first[backing], stamps, len);
	memcpy(m->asked.stamps + m->first[backing], stamps, len);
}

void model_cut(struct model *m, uint64_t n)
{
	if (n == m->nr_ops)
		return;
	if (m->asked.n > n)
		copy_state(m, &m->asked, &m->base);
	advance(m, &m->asked, n);
	copy_state(m, &m->now, &m->asked);
	m->nr_ops = n;
	if (m->synced > n)
		m->synced = n;
}

void model_rebase(struct model *m)
{
	m->nr_ops = m->synced = m->asked.n = 0;
	copy_state(m, &m->base, &m->asked);
	copy_state(m, &m->now, &m->asked);
}

/* ---- looking back ---- */

static bool touches(const struct model_op *op, unsigned int backing, uint32_t sector)
{
	return op->backing == backing && sector >= op->first && sector - op->first < op->nr;
}

bool model_wrote(const struct model *m, unsigned int backing, uint32_t sector, uint32_t stamp,
		 uint64_t from, uint64_t to)
{
	for (uint64_t n = from; n < to; n++)
		if (m->ops[n].stamp == stamp && touches(&m->ops[n], backing, sector))
			return true;
	return false;
}

bool model_has_written(const struct model *m, uint64_t from, uint64_t to)
{
	for (uint64_t n = from; n < to && n < m->nr_ops; n++)
		if (m->ops[n].nr)
			return true;
	return false;
}

bool model_replaced(const struct model *m, unsigned int backing, uint32_t block, uint64_t from,
		    uint64_t to)
{
	uint32_t first = block * (BLOCK / SECTOR), end = first + BLOCK / SECTOR;

	if (end > m->sectors[backing])
		end = m->sectors[backing];
	for (uint64_t n = from; n < to && n < m->nr_ops; n++) {
		const struct model_op *op = &m->ops[n];

		if (op->backing == backing && op->first <= first && op->first + op->nr >= end)
			return true;
	}
	return false;
}

uint64_t model_last(const struct model *m, unsigned int backing, uint32_t block)
{
	uint32_t first = block * (BLOCK / SECTOR), end = first + BLOCK / SECTOR;
	uint64_t n = m->nr_ops;

	for (; n; n--) {
		const struct model_op *op = &m->ops[n - 1];

		if (op->backing == backing && op->first < end && op->first + op->nr > first)
			break;
	}
	return n;
}

static bool sector_ok(struct model *m, unsigned int backing, uint32_t sector, uint32_t stamp,
		      uint64_t since)
{
	uint64_t n = m->nr_ops;
	uint32_t base = m->base.stamps[m->first[backing] + sector];

	if (m->now.stamps[m->first[backing] + sector] == stamp)
		return true;
	while (n-- > 0) {
		if (!touches(&m->ops[n], backing, sector))
			continue;
		if (m->ops[n].stamp == stamp)
			return true;
		if (n < since)
			return false;
	}
	return stamp == base || (base == MODEL_ANY && stamp != MODEL_GARBAGE);
}

void model_explain(const struct model *m, unsigned int backing, uint32_t sector, uint32_t stamp)
{
	fprintf(stderr,
		"backing %u sector %u has stamp %d; %llu of %llu operations must be there\n",
		backing, sector, (int)stamp, (unsigned long long)m->synced,
		(unsigned long long)m->nr_ops);
	for (uint64_t n = 0; n < m->nr_ops; n++)
		if (touches(&m->ops[n], backing, sector))
			fprintf(stderr, "  operation %llu: stamp %u, sectors %u+%u, record %llu\n",
				(unsigned long long)n, m->ops[n].stamp, m->ops[n].first,
				m->ops[n].nr, (unsigned long long)m->ops[n].record);
}

bool model_check_read(struct model *m, unsigned int backing, uint64_t off, uint64_t len,
		      const uint8_t *buf, uint64_t since)
{
	for (uint64_t at = 0; at < len; at += SECTOR) {
		uint32_t sector = (uint32_t)((off + at) / SECTOR);
		uint32_t stamp = model_stamp_of(backing, sector, buf + at);

		if (sector_ok(m, backing, sector, stamp, since))
			continue;
		model_explain(m, backing, sector, stamp);
		return false;
	}
	return true;
}

/* The first state from operation `from` on that equals the images, or UINT64_MAX. */
static uint64_t find_state(struct model *m, uint8_t *const images[], uint64_t from)
{
	uint32_t *found = malloc(m->nr_sectors * sizeof(*found));
	struct model_state state = m->asked;
	uint64_t wrong = 0, n = 0;

	assert(found);
	copy_state(m, &state, &m->base);
	for (unsigned int b = 0; b < m->nr_backings; b++)
		for (uint32_t s = 0; s < m->sectors[b]; s++) {
			uint32_t i = m->first[b] + s;

			found[i] = model_stamp_of(b, s, images[b] + (size_t)s * SECTOR);
			wrong += found[i] != state.stamps[i];
		}
	for (; (wrong || n < from) && n < m->nr_ops; n++) {
		uint32_t first = m->first[m->ops[n].backing] + m->ops[n].first;

		for (uint32_t i = first; i < first + m->ops[n].nr; i++) {
			wrong -= state.stamps[i] != found[i];
			state.stamps[i] = m->ops[n].stamp;
			wrong += state.stamps[i] != found[i];
		}
	}
	m->asked.n = n;
	free(found);
	return wrong || n < from ? UINT64_MAX : n;
}

bool model_recover(struct model *m, uint8_t *const images[])
{
	uint64_t n = find_state(m, images, m->synced);

	if (n == UINT64_MAX)
		return false;
	model_cut(m, n);
	m->synced = n;
	return true;
}

bool model_is_past(struct model *m, uint8_t *const images[])
{
	return find_state(m, images, 0) != UINT64_MAX;
}
