/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "config.h"

#include "engine/format.h"

#include <errno.h>
#include <string.h>

#include "engine/xxh.h"

/* Of a block in which the checksum itself counts as zeros. */
static uint64_t checksum_without(const void *block, size_t checksum_off)
{
	uint8_t copy[WB_BLOCK_SIZE];

	memcpy(copy, block, sizeof(copy));
	memset(copy + checksum_off, 0, sizeof(uint64_t));
	return XXH3_64bits(copy, sizeof(copy));
}

bool format_is_text(const char *text)
{
	for (const char *p = text; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return false;
	return true;
}

static int text_get(char *text, const uint8_t *disk, size_t len)
{
	memcpy(text, disk, len);
	return memchr(text, '\0', len) && format_is_text(text) ? 0 : -EUCLEAN;
}

static void text_put(uint8_t *disk, const char *text, size_t len)
{
	memset(disk, 0, len);
	memcpy(disk, text, strnlen(text, len - 1));
}

void super_encode(const struct super *super, struct wb_super_disk *disk)
{
	memset(disk, 0, sizeof(*disk));
	memcpy(disk->magic, WB_SUPER_MAGIC, sizeof(disk->magic));
	disk->version = le32_put(WB_FORMAT_VERSION);
	disk->state = le32_put(super->state);
	disk->features_compat = le64_put(super->features_compat);
	disk->features_ro_compat = le64_put(super->features_ro_compat);
	disk->features_incompat = le64_put(super->features_incompat);
	memcpy(disk->uuid, super->uuid, WB_UUID_LEN);
	text_put(disk->label, super->label, WB_LABEL_LEN);
	disk->sequence = le64_put(super->sequence);
	disk->segment_blocks = le32_put(super->segment_blocks);
	disk->nr_segments = le32_put(super->nr_segments);
	disk->generation = le64_put(super->generation);
	disk->generation_segment = le64_put(super->generation_segment);
	disk->generation_record = le64_put(super->generation_record);
	disk->migrated = le64_put(super->migrated);
	disk->tail_segment = le64_put(super->tail_segment);
	disk->tail_block = le32_put(super->tail_block);
	disk->table_entries = le32_put(super->table_entries);
	disk->durable = le64_put(super->durable);
	disk->table_sequence = le64_put(super->table_sequence);
	disk->table_checksum = le64_put(super->table_checksum);
	disk->checksum = le64_put(checksum_without(disk, offsetof(struct wb_super_disk, checksum)));
}

static void super_fields(const struct wb_super_disk *disk, struct super *super)
{
	super->state = (enum wb_super_state)le32_get(disk->state);
	super->features_compat = le64_get(disk->features_compat);
	super->features_ro_compat = le64_get(disk->features_ro_compat);
	super->features_incompat = le64_get(disk->features_incompat);
	memcpy(super->uuid, disk->uuid, WB_UUID_LEN);
	super->sequence = le64_get(disk->sequence);
	super->segment_blocks = le32_get(disk->segment_blocks);
	super->nr_segments = le32_get(disk->nr_segments);
	super->generation = le64_get(disk->generation);
	super->generation_segment = le64_get(disk->generation_segment);
	super->generation_record = le64_get(disk->generation_record);
	super->migrated = le64_get(disk->migrated);
	super->tail_segment = le64_get(disk->tail_segment);
	super->tail_block = le32_get(disk->tail_block);
	super->table_entries = le32_get(disk->table_entries);
	super->durable = le64_get(disk->durable);
	super->table_sequence = le64_get(disk->table_sequence);
	super->table_checksum = le64_get(disk->table_checksum);
}

/* Numbers that no sane cache reaches: they keep later arithmetic from overflowing. */
#define LARGEST_NUMBER (1ull << 50)

static const char *super_nonsense(const struct super *super)
{
	if (super->state != WB_SUPER_CLEAN && super->state != WB_SUPER_IN_USE)
		return "impossible state";
	if (super->segment_blocks < 2 || super->segment_blocks > WB_MAX_SEGMENT_BLOCKS)
		return "impossible segment size";
	if (super->nr_segments < 3 ||
	    (uint64_t)super->nr_segments * super->segment_blocks > UINT32_MAX - 1)
		return "impossible number of segments";
	if (super->table_entries > WB_MAX_TABLE)
		return "impossible number of backings";
	if (super->tail_block > super->segment_blocks || !super->tail_segment)
		return "impossible tail of the log";
	if (super->migrated > super->durable || super->durable > LARGEST_NUMBER ||
	    super->tail_segment > LARGEST_NUMBER || super->generation > LARGEST_NUMBER ||
	    super->generation_record > LARGEST_NUMBER || super->generation_segment > LARGEST_NUMBER)
		return "impossible record numbers";
	return NULL;
}

int super_decode(const struct wb_super_disk *disk, struct super *super, const char **why)
{
	*why = SUPER_NOT_OURS;
	if (memcmp(disk->magic, WB_SUPER_MAGIC, sizeof(disk->magic)) != 0)
		return -EMEDIUMTYPE;
	*why = "checksum mismatch";
	if (le64_get(disk->checksum) !=
	    checksum_without(disk, offsetof(struct wb_super_disk, checksum)))
		return -EUCLEAN;
	*why = "format version unknown to this program";
	if (le32_get(disk->version) != WB_FORMAT_VERSION)
		return -EMEDIUMTYPE;
	super_fields(disk, super);
	*why = "incompatible features unknown to this program";
	if (super->features_incompat & ~WB_FEATURES_INCOMPAT)
		return -EMEDIUMTYPE;
	*why = "impossible label";
	if (text_get(super->label, disk->label, WB_LABEL_LEN))
		return -EUCLEAN;
	*why = super_nonsense(super);
	return *why ? -EUCLEAN : 0;
}

void table_entry_encode(const struct table_entry *entry, struct wb_backing_disk *disk)
{
	memset(disk, 0, sizeof(*disk));
	disk->id = entry->id;
	disk->flags = (uint8_t)((entry->detached ? WB_BACKING_DETACHED : 0) |
				(entry->sample_valid ? WB_BACKING_SAMPLE_VALID : 0));
	text_put(disk->name, entry->name, WB_NAME_LEN);
	text_put(disk->path, entry->path, WB_PATH_LEN);
	text_put(disk->identity, entry->identity, WB_IDENTITY_LEN);
	disk->size = le64_put(entry->size);
	disk->sample = le64_put(entry->sample);
	disk->last_record = le64_put(entry->last_record);
	disk->migrated = le64_put(entry->migrated);
	disk->batch_end = le64_put(entry->batch_end);
	disk->zeroed = le64_put(entry->zeroed);
}

int table_entry_decode(const struct wb_backing_disk *disk, struct table_entry *entry)
{
	entry->id = disk->id;
	entry->detached = disk->flags & WB_BACKING_DETACHED;
	entry->sample_valid = disk->flags & WB_BACKING_SAMPLE_VALID;
	entry->size = le64_get(disk->size);
	entry->sample = le64_get(disk->sample);
	entry->last_record = le64_get(disk->last_record);
	entry->migrated = le64_get(disk->migrated);
	entry->batch_end = le64_get(disk->batch_end);
	entry->zeroed = le64_get(disk->zeroed);
	if (!entry->id || entry->migrated > entry->batch_end || entry->batch_end > LARGEST_NUMBER ||
	    entry->zeroed > LARGEST_NUMBER || entry->size % WB_SECTOR_SIZE ||
	    entry->size > (1ull << 52) || text_get(entry->name, disk->name, WB_NAME_LEN) ||
	    text_get(entry->path, disk->path, WB_PATH_LEN) ||
	    text_get(entry->identity, disk->identity, WB_IDENTITY_LEN) ||
	    wb_name_error(entry->name))
		return -EUCLEAN;
	return 0;
}

uint64_t table_checksum(const struct wb_backing_disk *entries, unsigned int nr)
{
	return XXH3_64bits(entries, nr * sizeof(*entries));
}

void entry_encode(const struct record_entry *entry, struct wb_entry_disk *disk)
{
	disk->backing = entry->backing;
	disk->mask = entry->mask;
	disk->kind = entry->kind;
	for (int i = 0; i < 5; i++)
		disk->block[i] = (uint8_t)(entry->block >> (8 * i));
	disk->value = le32_put(entry->value);
}

struct record_entry record_entry(const struct wb_record_disk *disk, unsigned int i)
{
	const struct wb_entry_disk *from = &disk->entries[i];
	struct record_entry entry = {
		.backing = from->backing,
		.mask = from->mask,
		.kind = from->kind,
		.value = le32_get(from->value),
	};

	for (int j = 4; j >= 0; j--)
		entry.block = entry.block << 8 | from->block[j];
	return entry;
}

void record_encode(const struct record_header *header, struct wb_record_disk *disk)
{
	size_t used = offsetof(struct wb_record_disk, entries) +
		      header->nr_entries * sizeof(disk->entries[0]);

	memset((uint8_t *)disk + used, 0, sizeof(*disk) - used);
	memset(disk->zero, 0, sizeof(disk->zero));
	memcpy(disk->magic, WB_RECORD_MAGIC, sizeof(disk->magic));
	disk->version = le32_put(WB_FORMAT_VERSION);
	disk->flags = le32_put(header->continued ? WB_RECORD_CONTINUED : 0);
	memcpy(disk->uuid, header->uuid, WB_UUID_LEN);
	disk->generation = le64_put(header->generation);
	disk->generation_record = le64_put(header->generation_record);
	disk->segment = le64_put(header->segment);
	disk->record = le64_put(header->record);
	disk->durable = le64_put(header->durable);
	disk->block = le32_put(header->block);
	disk->nr_entries = le16_put(header->nr_entries);
	disk->nr_blocks = le16_put(header->nr_blocks);
	disk->checksum = le64_put(
		checksum_without(disk, offsetof(struct wb_record_disk, checksum)));
}

static bool entries_make_sense(const struct wb_record_disk *disk, unsigned int nr_entries,
			       unsigned int nr_blocks)
{
	unsigned int data = 0;

	for (unsigned int i = 0; i < nr_entries; i++) {
		struct record_entry e = record_entry(disk, i);

		if (!e.backing || !e.mask)
			return false;
		switch (e.kind) {
		case WB_ENTRY_DATA:
			data++;
			break;
		case WB_ENTRY_ZEROS:
		case WB_ENTRY_POISON:
		case WB_ENTRY_OLD_ZEROS:
			if (!e.value || e.mask != 0xff)
				return false;
			break;
		default:
			return false;
		}
	}
	return data == nr_blocks;
}

int record_decode(const struct wb_record_disk *disk, const uint8_t uuid[WB_UUID_LEN],
		  uint32_t segment_blocks, struct record_header *header)
{
	if (memcmp(disk->magic, WB_RECORD_MAGIC, sizeof(disk->magic)) != 0 ||
	    memcmp(disk->uuid, uuid, WB_UUID_LEN) != 0 ||
	    le64_get(disk->checksum) !=
		    checksum_without(disk, offsetof(struct wb_record_disk, checksum)) ||
	    le32_get(disk->version) != WB_FORMAT_VERSION)
		return -EUCLEAN;
	*header = (struct record_header){
		.generation = le64_get(disk->generation),
		.generation_record = le64_get(disk->generation_record),
		.segment = le64_get(disk->segment),
		.record = le64_get(disk->record),
		.durable = le64_get(disk->durable),
		.block = le32_get(disk->block),
		.nr_entries = le16_get(disk->nr_entries),
		.nr_blocks = le16_get(disk->nr_blocks),
		.continued = le32_get(disk->flags) & WB_RECORD_CONTINUED,
	};
	memcpy(header->uuid, uuid, WB_UUID_LEN);
	if (!header->segment || !header->record || header->segment > LARGEST_NUMBER ||
	    header->record > LARGEST_NUMBER || header->durable >= header->record ||
	    header->generation_record > header->record || header->generation > LARGEST_NUMBER ||
	    !header->nr_entries || header->nr_entries > WB_RECORD_ENTRIES ||
	    header->block >= segment_blocks ||
	    header->nr_blocks >= segment_blocks - header->block ||
	    !entries_make_sense(disk, header->nr_entries, header->nr_blocks))
		return -EUCLEAN;
	return 0;
}

uint64_t format_seed(const uint8_t uuid[WB_UUID_LEN])
{
	return XXH3_64bits(uuid, WB_UUID_LEN);
}

uint32_t format_block_checksum(uint64_t cache_seed, uint8_t backing, uint64_t block,
			       const void *data)
{
	uint64_t seed = cache_seed ^ ((uint64_t)backing << 56 | block);

	return (uint32_t)XXH3_64bits_withSeed(data, WB_BLOCK_SIZE, seed);
}
