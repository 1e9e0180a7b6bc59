/*
 * Bringing the files of modules from elsewhere: repositories by the program git, archives over HTTPS or from
 * S3. They come to lie in .weir/modules below the stack's folder, in a folder for each content, whole and as
 * the lock says or not at all; what is there already is not fetched again.
 *
 * What comes is not trusted: archives are refused as base/unpack_archive.h says, of git only https, ssh and
 * file are spoken (http to loopback), nothing of a repository's own settings, hooks and filters is used, and
 * nobody is asked anything.
 *
 * Order of calls: fetch_open(), which waits until nobody else fetches for this stack; the others;
 * fetch_close(). One thread.
 */
#pragma once

#include "base/value.h"
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
