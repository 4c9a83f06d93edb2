/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Encoding and decoding of everything that is on the cache device: the only file that knows byte
 * order, magic numbers and checksums. Decoders take any bytes at all and vouch for what they
 * return. No I/O, no locks.
 */
#ifndef WB_ENGINE_FORMAT_H
#define WB_ENGINE_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/wb.h"
#include "engine/wb_format.h"

static inline uint16_t le16_get(le16 v)
{
	return (uint16_t)(v.b[0] | v.b[1] << 8);
}

static inline uint32_t le32_get(le32 v)
{
	return (uint32_t)v.b[0] | (uint32_t)v.b[1] << 8 | (uint32_t)v.b[2] << 16 |
	       (uint32_t)v.b[3] << 24;
}

static inline uint64_t le64_get(le64 v)
{
	uint64_t n = 0;

	for (int i = 7; i >= 0; i--)
		n = n << 8 | v.b[i];
	return n;
}

static inline le16 le16_put(uint16_t n)
{
	return (le16){{(uint8_t)n, (uint8_t)(n >> 8)}};
}

static inline le32 le32_put(uint32_t n)
{
	return (le32){{(uint8_t)n, (uint8_t)(n >> 8), (uint8_t)(n >> 16), (uint8_t)(n >> 24)}};
}

static inline le64 le64_put(uint64_t n)
{
	le64 v;

	for (int i = 0; i < 8; i++, n >>= 8)
		v.b[i] = (uint8_t)n;
	return v;
}

/* A superblock, decoded; fields as in struct wb_super_disk. */
struct super {
	enum wb_super_state state;
	uint64_t features_compat, features_ro_compat, features_incompat;
	uint8_t uuid[WB_UUID_LEN];
	char label[WB_LABEL_LEN];
	uint64_t sequence;
	uint32_t segment_blocks, nr_segments;
	uint64_t generation, generation_segment, generation_record;
	uint64_t migrated, tail_segment;
	uint32_t tail_block, table_entries;
	uint64_t durable;
	uint64_t table_sequence, table_checksum;
};

/* The parts of a record header that are the same for all records of a cache or generation. */
struct record_header {
	uint8_t uuid[WB_UUID_LEN];
	uint64_t generation, generation_record;
	uint64_t segment, record, durable;
	uint32_t block;
	uint16_t nr_entries, nr_blocks;
	bool continued;
};

struct record_entry {
	uint64_t block;
	uint32_t value;
	uint8_t backing, mask, kind;
};

struct table_entry {
	uint8_t id;
	bool detached, sample_valid;
	char name[WB_NAME_LEN];
	char path[WB_PATH_LEN];
	char identity[WB_IDENTITY_LEN];
	uint64_t size, sample, last_record;
	uint64_t migrated, batch_end, zeroed;
};

/* Whether a name, path or label may be on disk: nothing in it that a terminal would choke on. */
bool format_is_text(const char *text);

void super_encode(const struct super *super, struct wb_super_disk *disk);

#define SUPER_NOT_OURS "no wbfs magic" /* *why of a block that is no superblock at all */

/*
 * -EMEDIUMTYPE: no magic; another version or unknown incompatible features, which *why then names.
 * -EUCLEAN: checksum or impossible contents. *why is a phrase for a message.
 */
int super_decode(const struct wb_super_disk *disk, struct super *super, const char **why) WB_CHECK;

void table_entry_encode(const struct table_entry *entry, struct wb_backing_disk *disk);
int table_entry_decode(const struct wb_backing_disk *disk, struct table_entry *entry) WB_CHECK;
uint64_t table_checksum(const struct wb_backing_disk *entries, unsigned int nr);

void entry_encode(const struct record_entry *entry, struct wb_entry_disk *disk);

/* Fill in the header around the entries that are in disk already, and its checksum. */
void record_encode(const struct record_header *header, struct wb_record_disk *disk);

/*
 * A record header of the cache `uuid`, all of whose entries make sense for a segment of
 * segment_blocks: otherwise -EUCLEAN.
 */
int record_decode(const struct wb_record_disk *disk, const uint8_t uuid[WB_UUID_LEN],
		  uint32_t segment_blocks, struct record_header *header) WB_CHECK;
/* An entry of a header that record_decode accepted. */
struct record_entry record_entry(const struct wb_record_disk *disk, unsigned int i);

/* The checksum of a data block. cache_seed: from format_seed, of the cache's uuid. */
uint64_t format_seed(const uint8_t uuid[WB_UUID_LEN]);
uint32_t format_block_checksum(uint64_t cache_seed, uint8_t backing, uint64_t block,
			       const void *data);

#endif
