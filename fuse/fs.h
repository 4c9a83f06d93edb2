/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file system as the kernel asks for it. Handlers run on receivers and never sleep: what
 * can't be answered at once is answered from the engine's done callback.
 */
#ifndef FUSE_FS_H
#define FUSE_FS_H

#include "fuse/lowlevel.h"
#include "fuse/server.h"

extern const struct fuse_lowlevel_ops fs_ops; /* userdata: struct server */

/* Attributes of a node. 0 or -ENOENT. */
int fs_attributes(struct server *server, fuse_ino_t id, struct stat *attr) WB_CHECK;

/* fs_tree.c: names */
void fs_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void fs_readdir(fuse_req_t req, fuse_ino_t id, size_t size, off_t off, struct fuse_file_info *fi);

/* fs_io.c: open files */
void fs_open(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi);
void fs_release(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *fi);
void fs_read(fuse_req_t req, fuse_ino_t id, size_t len, off_t off, struct fuse_file_info *fi);
void fs_write(fuse_req_t req, fuse_ino_t id, const char *data, size_t len, off_t off,
	      struct fuse_file_info *fi);
void fs_fsync(fuse_req_t req, fuse_ino_t id, int datasync, struct fuse_file_info *fi);
void fs_fsyncdir(fuse_req_t req, fuse_ino_t id, int datasync, struct fuse_file_info *fi);
void fs_fallocate(fuse_req_t req, fuse_ino_t id, int mode, off_t off, off_t len,
		  struct fuse_file_info *fi);

#endif
