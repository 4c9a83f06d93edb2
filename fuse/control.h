/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control tree: .control/ and .control/devices/NAME/. A row of a table for each file. Every
 * write is a whole value, wherever it goes; what is refused leaves its reason in last_error.
 */
#ifndef FUSE_CONTROL_H
#define FUSE_CONTROL_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "engine/wb.h"
#include "fuse/lowlevel.h"
#include "fuse/node.h"
#include "fuse/text.h"

struct request;
struct server;
struct control_file;
struct export;

/* What a file is to show. */
struct control_show {
	struct server *server;
	const struct control_file *file;
	unsigned int slot;		    /* of the export, for a file of a device */
	const struct wb_backing_info *info; /* the same; NULL for files of the cache */
	struct text *text;
};

/* What was written into a file. */
struct control_store {
	struct server *server;
	const struct control_file *file;
	unsigned int slot;
	fuse_req_t req;
	char *value; /* without newline; in the request's memory */
	size_t len;  /* as written */
};

/* A store function took the request along and answers later. */
enum { CONTROL_LATER = 1 };

struct control_file {
	const char *name;
	mode_t mode;				       /* with file type */
	void (*show)(const struct control_show *show); /* NULL: can't be read */
	/* 0, -errno after control_refuse, or CONTROL_LATER; NULL: can't be written */
	int (*store)(struct control_store *store);
	/* what store = control_trigger does when 1 is written, as store */
	int (*trigger)(struct control_store *store);
	const struct wb_knob *knob; /* or NULL */
	enum wb_knob_id id;
};

enum { CONTROL_MAX_FILES = 64, CONTROL_SNAPSHOTS = 256, CONTROL_REASON_LEN = 512 };

struct control {
	/* const after control_start */
	struct control_file cache_files[CONTROL_MAX_FILES];
	struct control_file device_files[CONTROL_MAX_FILES];

	pthread_mutex_t lock;
	/* protected by lock */
	char last_error[CONTROL_REASON_LEN];
	uint64_t last_handle;
	struct snapshot {
		uint64_t handle; /* 0: none */
		struct text text;
	} snapshots[CONTROL_SNAPSHOTS]; /* by handle modulo their number */
	struct request *first_job, **last_job;
	bool closing;  /* attach and detach are over */
	bool stopping; /* the worker ends when it has nothing to do */

	pthread_cond_t work;
	pthread_t worker; /* const after control_start */
};

/* Make the tables, start the worker. 0 or -errno. */
int control_start(struct control *control) WB_CHECK;
/* Refuse what has not begun. The receivers are stopped. */
void control_close(struct control *control);
/* The engine is stopped, too. */
void control_stop(struct control *control);

/* The row of a node, or NULL. */
const struct control_file *control_file(const struct control *control, struct node node);

/* Requests for nodes of control files; they answer. */
void control_open(struct server *server, fuse_req_t req, struct node node,
		  struct fuse_file_info *fi);
void control_release(struct control *control, uint64_t handle);
void control_read(struct server *server, fuse_req_t req, struct node node, size_t len, off_t off,
		  struct fuse_file_info *fi);
void control_write(struct server *server, fuse_req_t req, struct node node, const char *data,
		   size_t len);
void control_readlink(struct server *server, fuse_req_t req, struct node node);

/* Put the reason into last_error: "FILE: REASON". Returns err. */
int control_refuse(struct control *control, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void control_last_error(struct control *control, char reason[CONTROL_REASON_LEN]);

/* Do request->job on the worker. */
void control_post(struct control *control, struct request *request);

/* ---- for the tables ---- */

void control_fill_cache_files(struct control_file files[CONTROL_MAX_FILES]);
void control_fill_device_files(struct control_file files[CONTROL_MAX_FILES]);

/* show and store of knobs, and of triggers */
void control_show_knob(const struct control_show *show);
int control_store_knob(struct control_store *store);
void control_show_trigger(const struct control_show *show);
int control_trigger(struct control_store *store);

/* control_drain.c: for .control and a device */
int control_drain(struct control_store *store);
int control_drain_device(struct control_store *store);

/* attach.c: store functions */
int control_attach(struct control_store *store);
int control_detach(struct control_store *store);
int control_detach_discard(struct control_store *store);

/* change.c */
int control_resize(struct control_store *store);

/* For jobs on the worker: keep the request and its value, and post it. Returns CONTROL_LATER. */
int control_post_store(struct control_store *store, struct export *export,
		       void (*job)(struct request *request));
/* Whether attach and detach are over. */
bool control_is_closing(struct control *control);
/* Say why a backing's blocks can't be written back, or it can't go. Returns err. */
int control_refuse_to_go(struct server *server, const char *action, const char *name, int err);
/* Answer a write and give the request back. */
void control_answer(struct request *request, int err);

#endif
