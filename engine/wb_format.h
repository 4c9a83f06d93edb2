/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cache's format on disk. Public, and complete: docs/FORMAT.md explains it, this file is it.
 *
 *   0                                                     1 MiB
 *   [ superblock 0 | table 0 | superblock 1 | table 1 ... ] [ slot 0 ] [ slot 1 ] ...
 *
 * Every number is little-endian. Checksums are XXH3: 64 bits (with the checksum field itself as
 * zero) for superblocks, tables and record headers, the low 32 bits seeded with
 * format_block_seed() for data blocks.
 *
 * A slot holds one segment; segment s lives in slot s % nr_segments. A segment is a sequence of
 * records; a record is a header block and the data blocks of its entries, in the order of the
 * entries. The next record starts right behind, or at the start of the next segment.
 */
#ifndef WB_FORMAT_H
#define WB_FORMAT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define WB_BLOCK_SIZE 4096u
#define WB_SECTOR_SIZE 512u
#define WB_SECTORS_PER_BLOCK 8u

#define WB_MAX_SEGMENT_BLOCKS 256u /* 1 MiB */

#define WB_FORMAT_VERSION 1u
#define WB_SUPER_MAGIC "\x8bwbcache"  /* 8 bytes, no NUL on disk */
#define WB_RECORD_MAGIC "\x8bwbrecrd" /* 8 bytes, no NUL on disk */

#define WB_NR_SUPERS 2u
#define WB_SUPER_AREA (512u * 1024)		    /* superblock and table i are at i * this */
#define WB_TABLE_OFF WB_BLOCK_SIZE		    /* the table, from the superblock on */
#define WB_SLOTS_OFF (WB_NR_SUPERS * WB_SUPER_AREA) /* where slot 0 starts */

#define WB_LABEL_LEN 64u     /* bytes with the NUL */
#define WB_NAME_LEN 64u	     /* bytes with the NUL */
#define WB_PATH_LEN 1024u    /* bytes with the NUL */
#define WB_IDENTITY_LEN 128u /* bytes with the NUL */
#define WB_UUID_LEN 16u

#define WB_MAX_BACKINGS 127u /* attached at the same time */
#define WB_MAX_TABLE 255u    /* ids 1..255, with those whose records may still be in the log */

typedef struct {
	uint8_t b[2];
} le16;
typedef struct {
	uint8_t b[4];
} le32;
typedef struct {
	uint8_t b[8];
} le64;

enum wb_super_state {
	WB_SUPER_CLEAN = 1, /* closed in order: durable is the end of the log */
	WB_SUPER_IN_USE = 2,
};

/* No incompatible, read-only compatible or compatible features are defined yet. */
#define WB_FEATURES_INCOMPAT 0ull
#define WB_FEATURES_RO_COMPAT 0ull

struct wb_super_disk {
	uint8_t magic[8];
	le32 version;
	le32 state;		 /* enum wb_super_state */
	le64 features_compat;	 /* unknown bits may be ignored */
	le64 features_ro_compat; /* unknown bits: read only */
	le64 features_incompat;	 /* unknown bits: refuse */
	uint8_t uuid[WB_UUID_LEN];
	uint8_t label[WB_LABEL_LEN];
	le64 sequence;	     /* of superblock writes; the valid one with the larger one counts */
	le32 segment_blocks; /* blocks in a segment, headers included */
	le32 nr_segments;
	le64 generation;	 /* of the last opening for writing */
	le64 generation_segment; /* the first segment it may use */
	le64 generation_record;	 /* the first record number it may use */
	le64 migrated;		 /* record: nothing up to it is needed any more */
	le64 tail_segment; /* where record migrated + 1 is looked for: at tail_block of this */
	le32 tail_block;   /* segment, or at the start of the next one */
	le32 table_entries;
	le64 durable; /* record: known to be durable; may lag */
	le64 table_sequence;
	le64 table_checksum; /* over table_entries entries */
	uint8_t zero[WB_BLOCK_SIZE - 208 - 8];
	le64 checksum;
};
_Static_assert(sizeof(struct wb_super_disk) == WB_BLOCK_SIZE, "superblock");
_Static_assert(offsetof(struct wb_super_disk, checksum) == WB_BLOCK_SIZE - 8, "superblock");

enum wb_backing_flags {
	WB_BACKING_DETACHED = 1,     /* id still reserved: the log may hold records of it */
	WB_BACKING_SAMPLE_VALID = 2, /* sample is of the contents at a clean close */
};

struct wb_backing_disk {
	uint8_t id; /* 1..255 */
	uint8_t flags;
	uint8_t reserved[6];
	uint8_t name[WB_NAME_LEN];
	uint8_t path[WB_PATH_LEN];
	uint8_t identity[WB_IDENTITY_LEN];
	le64 size;	  /* bytes */
	le64 sample;	  /* XXH3 of blocks spread over the device */
	le64 last_record; /* no record after this one uses the id, if detached */
	le64 migrated;	  /* record: what it has in records up to this one is on the backing */
	le64 batch_end; /* record: > migrated: the backing may have any part of what is up to it */
	le64 zeroed;	/* record: WB_ENTRY_OLD_ZEROS up to this one are on the backing */
	uint8_t zero[264];
};
_Static_assert(sizeof(struct wb_backing_disk) == 1536, "backing table entry");
_Static_assert(WB_TABLE_OFF + WB_MAX_TABLE * sizeof(struct wb_backing_disk) <= WB_SUPER_AREA,
	       "the table fits between the superblocks");

enum wb_entry_kind {
	WB_ENTRY_DATA = 1,   /* one block; mask tells which sectors are valid */
	WB_ENTRY_ZEROS = 2,  /* value blocks of zeros, no data */
	WB_ENTRY_POISON = 3, /* value blocks whose contents are lost, no data: reads give EIO */
	/*
	 * Zeros that were written long ago and carried forward: older than everything else that the
	 * log has, so value blocks of zeros where it has nothing else.
	 */
	WB_ENTRY_OLD_ZEROS = 4,
};

struct wb_entry_disk {
	uint8_t backing;  /* id */
	uint8_t mask;	  /* bit i: sector i of the block is valid; 0xff unless WB_ENTRY_DATA */
	uint8_t kind;	  /* enum wb_entry_kind */
	uint8_t block[5]; /* little-endian, of the backing, in blocks */
	le32 value;	  /* data: checksum of the block; otherwise the length in blocks */
};
_Static_assert(sizeof(struct wb_entry_disk) == 12, "record entry");

enum wb_record_flags {
	WB_RECORD_CONTINUED = 1, /* its last request goes on in the next record */
};

#define WB_RECORD_ENTRIES 330u /* entries in a record at the most */

struct wb_record_disk {
	uint8_t magic[8];
	le32 version;
	le32 flags;
	uint8_t uuid[WB_UUID_LEN]; /* of the cache: headers of an earlier format are not ours */
	le64 generation;
	le64 generation_record; /* the first record number of the generation */
	le64 segment;
	le64 record;
	le64 durable; /* record: known to be durable when this was written */
	le32 block;   /* of the header, in its segment */
	le16 nr_entries;
	le16 nr_blocks; /* data blocks that follow */
	le64 checksum;	/* of the whole block */
	uint8_t zero[40];
	struct wb_entry_disk entries[WB_RECORD_ENTRIES];
	uint8_t pad[WB_BLOCK_SIZE - 128 - WB_RECORD_ENTRIES * 12];
};
_Static_assert(sizeof(struct wb_record_disk) == WB_BLOCK_SIZE, "record header");
_Static_assert(offsetof(struct wb_record_disk, checksum) == 80, "record header");
_Static_assert(offsetof(struct wb_record_disk, entries) == 128, "record header");

#endif
