/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names: looking them up and listing them. Directories are small and listed anew each time; an
 * entry's offset is its place in the list plus one. Runs on receivers.
 */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "common/cleanup.h"
#include "fuse/fs.h"
#include "fuse/node.h"

enum {
	ENTRIES_VALID = 60,	/* seconds; what leaves is taken back by a notification */
	LISTING_MAX = 64 << 10, /* bytes of a listing that are returned at once */
};

/* ---- what is in a directory, by place ---- */

/* The shown export with that many before it. Called with exports.lock held. */
static const struct export *nth_export(const struct exports *exports, unsigned int n)
{
	for (int i = 0; i < EXPORTS_MAX; i++)
		if (exports->slot[i].state == EXPORT_SHOWN && n-- == 0)
			return &exports->slot[i];
	return NULL;
}

static bool nth_in_exports(struct server *server, enum node_kind kind, unsigned int n,
			   struct node *node, char name[NAME_MAX + 1])
{
	LOCK_SCOPE(&server->exports.lock);
	const struct export *export = nth_export(&server->exports, n);

	if (!export)
		return false;
	*node = (struct node){.kind = kind, .slot = (unsigned int)(export - server->exports.slot)};
	strcpy(name, export->name);
	return true;
}

static bool nth_in_files(struct server *server, struct node directory, unsigned int n,
			 struct node *node, char name[NAME_MAX + 1])
{
	const struct control_file *file;

	*node = (struct node){
		.kind = directory.kind == NODE_CONTROL ? NODE_CONTROL_FILE : NODE_DEVICE_FILE,
		.slot = directory.slot,
		.row = n,
	};
	file = control_file(&server->control, *node);
	if (!file)
		return false;
	strcpy(name, file->name);
	return true;
}

/* The n-th entry of a directory behind "." and "..". False when there are no more. */
static bool nth_entry(struct server *server, struct node directory, unsigned int n,
		      struct node *node, char name[NAME_MAX + 1])
{
	switch (directory.kind) {
	case NODE_ROOT:
	case NODE_CONTROL:
		if (n == 0) {
			bool root = directory.kind == NODE_ROOT;

			*node = (struct node){.kind = root ? NODE_CONTROL : NODE_DEVICES};
			strcpy(name, root ? ".control" : "devices");
			return true;
		}
		if (directory.kind == NODE_ROOT)
			return nth_in_exports(server, NODE_EXPORT, n - 1, node, name);
		return nth_in_files(server, directory, n - 1, node, name);
	case NODE_DEVICES:
		return nth_in_exports(server, NODE_DEVICE, n, node, name);
	case NODE_DEVICE:
		return nth_in_files(server, directory, n, node, name);
	case NODE_CONTROL_FILE:
	case NODE_DEVICE_FILE:
	case NODE_EXPORT:
	case NODE_NR_KINDS:
		break;
	}
	return false;
}

/* ---- requests ---- */

/* Tells a node from an earlier one with the same id. */
static uint64_t generation_of(struct server *server, struct node node)
{
	LOCK_SCOPE(&server->exports.lock);

	switch (node.kind) {
	case NODE_EXPORT:
	case NODE_DEVICE:
	case NODE_DEVICE_FILE:
		return server->exports.slot[node.slot].generation;
	case NODE_ROOT:
	case NODE_CONTROL:
	case NODE_CONTROL_FILE:
	case NODE_DEVICES:
	case NODE_NR_KINDS:
		break;
	}
	return 0;
}

static void reply_entry(fuse_req_t req, struct server *server, struct node node)
{
	struct fuse_entry_param entry = {
		.ino = node_id(node),
		.generation = generation_of(server, node),
		.attr_timeout = ENTRIES_VALID,
		.entry_timeout = ENTRIES_VALID,
	};
	int err = fs_attributes(server, entry.ino, &entry.attr);

	if (err)
		fuse_reply_err(req, -err);
	else
		fuse_reply_entry(req, &entry);
}

void fs_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct server *server = fuse_req_userdata(req);
	char entry[NAME_MAX + 1];
	struct node node;

	for (unsigned int n = 0; nth_entry(server, node_of(parent), n, &node, entry); n++) {
		if (strcmp(entry, name) == 0) {
			reply_entry(req, server, node);
			return;
		}
	}
	fuse_reply_err(req, ENOENT);
}

/* "." and "..", and what is in the directory. */
static bool listed(struct server *server, fuse_ino_t id, off_t place, struct node *node,
		   char name[NAME_MAX + 1])
{
	if (place < 2) {
		*node = node_of(id);
		strcpy(name, place ? ".." : ".");
		return true;
	}
	return nth_entry(server, node_of(id), (unsigned int)place - 2, node, name);
}

void fs_readdir(fuse_req_t req, fuse_ino_t id, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct server *server = fuse_req_userdata(req);
	static _Thread_local char listing[LISTING_MAX];
	char name[NAME_MAX + 1];
	struct node node;
	size_t len = 0;

	(void)fi;
	if (size > sizeof(listing))
		size = sizeof(listing);
	for (; listed(server, id, off, &node, name); off++) {
		struct stat attr;
		size_t entry;

		if (fs_attributes(server, node_id(node), &attr))
			continue;
		entry = fuse_add_direntry(req, listing + len, size - len, name, &attr, off + 1);
		if (entry > size - len)
			break;
		len += entry;
	}
	fuse_reply_buf(req, listing, len);
}
