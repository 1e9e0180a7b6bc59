/*
 * Bringing the files of remote modules: repositories by the program git, archives over HTTPS or from
 * S3. They come to be in .weir/modules below the stack's folder, in a folder for each content, whole and as
 * the lock says or not at all; what is there already is not fetched again.
 *
 * What comes is not trusted: archives are refused as base/archive.h says, of git only https, ssh and
 * file are spoken (http to loopback), nothing of a repository's own settings, hooks and filters is used, and
 * nobody is asked anything.
 *
 * Order of calls: fetch_open(), which waits until nobody else fetches for this stack; the others;
 * fetch_close(). One thread.
 */
#pragma once

#include "provider/http/http.h"
#include "provider/provider.h"
#include "stacks/load/module_lock.h"

struct fetch_options {
    struct str dir; /* the stack's folder */
    const struct provider_kinds *kinds;
    /* What the stack says under `providers: aws:`, asked for before anything is fetched from S3. -1 with err,
     * or with what it has reported itself (then err is untouched). */
    int (*settings)(void *ctx, struct arena *arena, const struct value **out, struct err *err);
    void *settings_ctx;
    struct http_engine *shared; /* whose connections are used; NULL: own */
    int trace;                  /* -v count */
    /* Told of what is fetched, whatever is traced; NULL: nobody. */
    void (*trace_line)(void *ctx, const char *line);
    void *trace_ctx;
};

struct fetch;

int fetch_open(const struct fetch_options *options, struct fetch **out, struct err *err);
void fetch_close(struct fetch *fetch); /* NULL is fine */

/* What the source stands for now, without fetching it: of a repository the commit, of an archive "". *tag: a
 * tag says so, which nobody should move. */
int fetch_look(struct fetch *fetch, const struct module_source *source, struct arena *arena,
    struct str *commit, bool *tag, struct err *err);
/* Fetches what the source stands for now, unless that is `was` (NULL: nothing) and is there; *pin, with texts
 * in the arena, is what the lock is to say. *tag as above. */
int fetch_latest(struct fetch *fetch, const struct module_source *source, const struct module_pin *was,
    struct arena *arena, struct module_pin *pin, bool *tag, struct err *err);
/* Fetches exactly what is pinned, unless it is there. ERR_DAMAGED: the source is not that any more. */
int fetch_pinned(
    struct fetch *fetch, const struct module_source *source, const struct module_pin *pin, struct err *err);

/* ---- git.c: Repositories, by the program git: what a tag or branch is now, and the files of a commit. */
/* Asks the repository for all its tags and branches. `work` is a folder for scratch files. */
int git_refs(struct arena *arena, const struct module_source *source, const char *work, struct str *refs,
    struct err *err);
/* The commit that the source's tag or branch is at, among these; *tag: it is a tag. */
int git_find(struct arena *arena, const struct module_source *source, struct str refs, struct str *commit,
    bool *tag, struct err *err);
/* All files of the commit, as they are in the repository, into the folder `tree`, which exists. ERR_ABSENT:
 * the repository has no such commit any more. */
int git_files(struct arena *arena, const struct module_source *source, struct str commit, const char *work,
    const char *tree, struct err *err);

/* ---- How large a remote module may be, as it is fetched and when it is unpacked. */
/* In bytes: what the variable WEIR_MODULE_MIB says in MiB, or 512 MiB. */
int64_t fetch_limit(void);
/* "it is larger than 512 MiB", and what allows more. */
int fetch_too_large(struct err *err);
/* unpack_archive() as far as the limit goes. */
int fetch_unpack(const char *archive, const char *dir, struct err *err);

/* ---- Archives, over HTTPS or from S3, as a file. */
/* Follows redirections, but not from TLS to plain HTTP. */
int download_https(struct http_engine *http, struct str url, const char *path, struct err *err);
