/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file system: INIT, attributes, and what is refused. The table of operations is at the end.
 * Runs on receivers.
 */
#include "config.h"

#include "fuse/fs.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "fuse/node.h"
#include "fuse/session.h"

enum {
	/*
	 * Linux 6.6: writes with FOPEN_DIRECT_IO don't leave stale pages to other descriptors of
	 * the file.
	 */
	DIRECT_IO_MINOR = 39,
	ATTRIBUTES_VALID = 60, /* seconds; sizes don't change */
	STAT_BLOCK = 512,
};

static void fs_init(void *userdata, struct fuse_conn_info *conn)
{
	struct server *server = userdata;

	session_negotiate(conn);
	atomic_store(&server->direct_io, conn->proto_minor >= DIRECT_IO_MINOR);
	eventfd_write(server->initialised_fd, 1);
}

/* ---- attributes ---- */

static void directory_attributes(struct stat *attr)
{
	attr->st_mode = S_IFDIR | 0755;
	attr->st_nlink = 2;
}

static int export_attributes(struct server *server, unsigned int slot, struct stat *attr)
{
	LOCK_SCOPE(&server->exports.lock);
	const struct export *export = exports_get(&server->exports, slot);

	if (!export || export->state == EXPORT_FREE)
		return -ENOENT;
	attr->st_mode = S_IFREG | 0600;
	attr->st_size = (off_t) export->size;
	attr->st_blocks = (blkcnt_t)(export->size / STAT_BLOCK);
	return 0;
}

static int control_attributes(struct server *server, struct node node, struct stat *attr)
{
	const struct control_file *file = control_file(&server->control, node);

	if (!file)
		return -ENOENT;
	attr->st_mode = file->mode;
	/* As in procfs: who sees another size, as cp does, reads no more than that. */
	attr->st_size = 0;
	return 0;
}

static bool is_shown(struct server *server, unsigned int slot)
{
	LOCK_SCOPE(&server->exports.lock);

	return slot < EXPORTS_MAX && server->exports.slot[slot].state == EXPORT_SHOWN;
}

int fs_attributes(struct server *server, fuse_ino_t id, struct stat *attr)
{
	struct node node = node_of(id);

	*attr = (struct stat){
		.st_ino = id,
		.st_nlink = 1,
		.st_uid = geteuid(),
		.st_gid = getegid(),
		.st_blksize = WB_BLOCK_SIZE,
		.st_atim = server->start_time,
		.st_mtim = server->start_time,
		.st_ctim = server->start_time,
	};
	switch (node.kind) {
	case NODE_ROOT:
	case NODE_CONTROL:
	case NODE_DEVICES:
		directory_attributes(attr);
		return 0;
	case NODE_DEVICE:
		directory_attributes(attr);
		return is_shown(server, node.slot) ? 0 : -ENOENT;
	case NODE_CONTROL_FILE:
	case NODE_DEVICE_FILE:
		return control_attributes(server, node, attr);
	case NODE_EXPORT:
		return export_attributes(server, node.slot, attr);
	case NODE_NR_KINDS:
		break;
	}
	return -ENOENT;
}

static void fs_getattr(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi)
{
	struct stat attr;
	int err = fs_attributes(fuse_req_userdata(req), id, &attr);

	(void)fi;
	if (err)
		fuse_reply_err(req, -err);
	else
		fuse_reply_attr(req, &attr, ATTRIBUTES_VALID);
}

/*
 * Sizes are fixed, but for `echo 1 > FILE` control files may be cut to nothing. Times can be set
 * and don't stay: touch is harmless. Modes and owners are ours.
 */
static void fs_setattr(fuse_req_t req, fuse_ino_t id, struct stat *wanted, int which,
		       struct fuse_file_info *fi)
{
	enum { OURS = FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID };
	enum node_kind kind = node_of(id).kind;
	struct stat attr;
	int err = fs_attributes(fuse_req_userdata(req), id, &attr);

	(void)fi;
	if (!err && (which & OURS))
		err = -EPERM;
	if (!err && (which & FUSE_SET_ATTR_SIZE) && kind == NODE_EXPORT &&
	    wanted->st_size != attr.st_size)
		err = -EPERM;
	if (err)
		fuse_reply_err(req, -err);
	else
		fuse_reply_attr(req, &attr, ATTRIBUTES_VALID);
}

static void fs_statfs(fuse_req_t req, fuse_ino_t id)
{
	struct server *server = fuse_req_userdata(req);
	uint64_t bytes = 0;
	fsfilcnt_t files = 0;
	struct statvfs stat;

	(void)id;
	pthread_mutex_lock(&server->exports.lock);
	for (int i = 0; i < EXPORTS_MAX; i++) {
		if (server->exports.slot[i].state == EXPORT_FREE)
			continue;
		bytes += server->exports.slot[i].size;
		files++;
	}
	pthread_mutex_unlock(&server->exports.lock);
	stat = (struct statvfs){
		.f_bsize = WB_BLOCK_SIZE,
		.f_frsize = WB_BLOCK_SIZE,
		.f_blocks = bytes / WB_BLOCK_SIZE,
		.f_files = files,
		.f_namemax = WB_NAME_LEN - 1,
	};
	fuse_reply_statfs(req, &stat);
}

static void fs_readlink(fuse_req_t req, fuse_ino_t id)
{
	control_readlink(fuse_req_userdata(req), req, node_of(id));
}

/* ---- what the shape of the mount doesn't allow ---- */

static void refuse_node(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t dev)
{
	(void)parent, (void)name, (void)mode, (void)dev;
	fuse_reply_err(req, EPERM);
}

static void refuse_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
			  struct fuse_file_info *fi)
{
	(void)parent, (void)name, (void)mode, (void)fi;
	fuse_reply_err(req, EPERM);
}

static void refuse_directory(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	(void)parent, (void)name, (void)mode;
	fuse_reply_err(req, EPERM);
}

static void refuse_removal(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	(void)parent, (void)name;
	fuse_reply_err(req, EPERM);
}

static void refuse_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	(void)target, (void)parent, (void)name;
	fuse_reply_err(req, EPERM);
}

static void refuse_rename(fuse_req_t req, fuse_ino_t parent, const char *name,
			  fuse_ino_t new_parent, const char *new_name, unsigned int flags)
{
	(void)parent, (void)name, (void)new_parent, (void)new_name, (void)flags;
	fuse_reply_err(req, EPERM);
}

static void refuse_link(fuse_req_t req, fuse_ino_t id, fuse_ino_t new_parent, const char *name)
{
	(void)id, (void)new_parent, (void)name;
	fuse_reply_err(req, EPERM);
}

/*
 * Left out on purpose: flush (closing a file is not a sync; the kernel stops asking), access (the
 * kernel checks modes by default_permissions), lseek (the kernel's own answer, all data and a
 * hole at the end, is right), write_buf (it would bring splicing).
 */
const struct fuse_lowlevel_ops fs_ops = {
	.init = fs_init,
	.lookup = fs_lookup,
	.getattr = fs_getattr,
	.setattr = fs_setattr,
	.readlink = fs_readlink,
	.mknod = refuse_node,
	.mkdir = refuse_directory,
	.unlink = refuse_removal,
	.rmdir = refuse_removal,
	.symlink = refuse_symlink,
	.rename = refuse_rename,
	.link = refuse_link,
	.create = refuse_create,
	.open = fs_open,
	.read = fs_read,
	.write = fs_write,
	.release = fs_release,
	.fsync = fs_fsync,
	.readdir = fs_readdir,
	.fsyncdir = fs_fsyncdir,
	.statfs = fs_statfs,
	.fallocate = fs_fallocate,
};
