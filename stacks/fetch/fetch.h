/*
 * Fetches the files of remote modules: repositories with the program git, archives over HTTPS or from S3.
 * They are stored in .weir/modules below the stack's folder, one folder per content, completely and as the
 * lock pins them, or not at all. Files that are already there are not fetched again.
 *
 * The content is not trusted: archives are refused as base/archive.h describes. git uses only https, ssh and
 * file (http to loopback), none of the repository's own settings, hooks and filters, and never prompts.
 *
 * Order of calls: fetch_open(), which blocks while another process fetches for this stack; the other
 * functions; fetch_close(). One thread.
 */
#pragma once

#include "provider/http/http.h"
#include "provider/provider.h"
#include "stacks/load/module_lock.h"

struct fetch_options {
    struct str dir; /* the stack's folder */
    const struct provider_kinds *kinds;
    /* Returns the stack's `providers: aws:` configuration; called before the first fetch from S3. Returns -1
     * with err, or with err untouched if it has reported the error itself. */
    int (*settings)(void *ctx, struct arena *arena, const struct value **out, struct err *err);
    void *settings_ctx;
    struct http_engine *shared; /* whose connections are used; NULL: own connections */
    int trace;                  /* -v count */
    /* Called for each fetch at any trace level; NULL: none. */
    void (*trace_line)(void *ctx, const char *line);
    void *trace_ctx;
};

struct fetch;

int fetch_open(const struct fetch_options *options, struct fetch **out, struct err *err);
void fetch_close(struct fetch *fetch); /* NULL is allowed */

/* Resolves the source without fetching it: returns the commit of a repository, "" for an archive. *tag: the
 * commit comes from a tag, which should not move. */
int fetch_resolve(struct fetch *fetch, const struct module_source *source, struct arena *arena,
    struct str *commit, bool *tag, struct err *err);
/* Fetches the current content of the source, unless it equals `was` (NULL: none) and is already stored. *pin
 * is the new entry of the lock, allocated in the arena. *tag as above. */
int fetch_latest(struct fetch *fetch, const struct module_source *source, const struct module_pin *was,
    struct arena *arena, struct module_pin *pin, bool *tag, struct err *err);
/* Fetches exactly the pinned content, unless it is already stored. ERR_DAMAGED: the source has other content
 * now. */
int fetch_pinned(
    struct fetch *fetch, const struct module_source *source, const struct module_pin *pin, struct err *err);

/* ---- git.c: repositories, with the program git: the commit of a tag or branch, and the files of a
 * commit. */
/* Lists all tags and branches of the repository. `work` is a folder for temporary files. */
int git_refs(struct arena *arena, const struct module_source *source, const char *work, struct str *refs,
    struct err *err);
/* Finds the commit of the source's tag or branch in that list. *tag: it is a tag. */
int git_find(struct arena *arena, const struct module_source *source, struct str refs, struct str *commit,
    bool *tag, struct err *err);
/* Writes all files of the commit, unmodified, into the existing folder `tree`. ERR_ABSENT: the repository no
 * longer has that commit. */
int git_files(struct arena *arena, const struct module_source *source, struct str commit, const char *work,
    const char *tree, struct err *err);

/* ---- The size limit of a remote module, while it is fetched and unpacked. */
/* Returns the limit in bytes: the variable WEIR_MODULE_MIB in MiB, or 512 MiB. */
int64_t fetch_limit(void);
/* Sets the error "it is larger than 512 MiB", with a hint how to raise the limit. */
int fetch_too_large(struct err *err);
/* unpack_archive() with this limit. */
int fetch_unpack(const char *archive, const char *dir, struct err *err);

/* ---- downloads of archives over HTTPS or from S3 to a file */
/* Follows redirects, except from TLS to plain HTTP. */
int download_https(struct http_engine *http, struct str url, const char *path, struct err *err);
