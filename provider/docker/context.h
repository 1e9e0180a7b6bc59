/*
 * Build contexts: the files of a folder as the Engine gets them, without what .dockerignore keeps out, and
 * the same, byte for byte, wherever they are sent from: sorted by name, owners and times fixed, modes 0755 or
 * 0644. Links stay links, empty folders are there.
 *
 * Order of calls: context_scan(), context_hash(), then context_digest() says what it is made of; tar_open()
 * (context.h) gives its bytes. A file that changes meanwhile makes the call fail with `changed` set; who
 * calls begins anew.
 */
#pragma once

#include "base/digests.h"
#include "base/match.h"
#include "base/threads.h"

enum context_kind { CONTEXT_FILE, CONTEXT_FOLDER, CONTEXT_LINK };

struct context_entry {
    struct str path;   /* in the context */
    struct str source; /* on disk, with a NUL after its end; "" where `text` is all there is */
    struct str text;   /* content, or where a link leads */
    enum context_kind kind;
    bool executable;
    int mode;     /* 0: as executable says */
    int uid, gid; /* owners */
    int64_t size;
    struct file_id id;
    unsigned char sha256[SHA256_SIZE];
};

struct context {
    struct arena *arena;
    struct context_entry *entries; /* heap */
    size_t n, cap;
    int64_t bytes;
    atomic_bool changed;
    const atomic_bool *cancel; /* may be NULL */
};

void context_init(struct context *context, struct arena *arena);
void context_release(struct context *context);
/* `dockerfile` within the folder. ERR_INVALID where it is not there, or for what cannot be sent. */
int context_scan(struct context *context, struct str folder, struct str dockerfile, struct err *err);
int context_hash(struct context *context, struct digests *digests, struct err *err);
/* SHA-256 over all of it and `more`, in hex. */
struct str context_digest(const struct context *context, struct str more);
/* One file made of a text. */
struct context_entry *context_add_text(struct context *context, struct str path, struct str text, int mode);
/* Opens a file, if it is still the one that was scanned. */
int context_open_file(struct context *context, const struct context_entry *entry, int *fd, struct err *err);
int context_check_file(struct context *context, const struct context_entry *entry, int fd, struct err *err);

/* ---- context.c ---- */

/* The rules of .dockerignore; Docker reads them otherwise than git reads its own. */
struct dockerignore {
    struct glob_rule *items; /* heap */
    size_t n, cap;
    bool takes_back; /* has a rule with `!`: what lies below an ignored folder may be wanted */
};

/* DOCKERFILE.dockerignore goes before .dockerignore. */
void dockerignore_add(struct dockerignore *rules, struct arena *arena, struct str line);
/* Is the path kept out? */
bool dockerignore_says(const struct dockerignore *rules, struct str path);
void dockerignore_release(struct dockerignore *rules);

/* ---- image_build.c: The bytes of a context as a tar archive, made while they are sent: neither in memory
 * nor on disk as a whole.
 *
 * Order of calls: tar_open(); tar_read() until it gives 0, by one thread, which may be another one than the
 * opener; tar_close(). What went wrong is in `err` when tar_read() has given -1. */
struct tar;

int tar_open(struct context *context, struct tar **out, struct err *err);
/* As http_request.source. */
int64_t tar_read(void *tar, void *bytes, size_t n);
const struct err *tar_failure(const struct tar *tar); /* NULL: none */
int64_t tar_sent(const struct tar *tar);
void tar_close(struct tar *tar);
