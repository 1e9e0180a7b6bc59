/*
 * The remote modules that a stack uses, those within modules too, with what weir.lock says of each:
 * what the commands of `weir modules` work on.
 *
 * Order of calls: modules_open(); modules_find(); the rest; modules_close().
 */
#pragma once

#include "cmd/invocation/invocation.h"
#include "plan/workspace/module_files.h"

struct module_used {
    struct module_source source;
    struct str module;            /* the first that uses it */
    struct span span;             /* there */
    const struct module_pin *was; /* in the lock; NULL: not there */
    struct module_pin pin;        /* what it is to be; no tree: not pinned */
    bool chosen;                  /* it is one of those that are to be updated */
    bool moved;                   /* a tag that is another commit than it was */
};

struct modules {
    struct invocation *inv;
    struct module_fetching fetching;
    struct catalog *catalog;
    struct fetch *fetch; /* NULL: nothing is to be fetched */
    struct str lock_path;
    struct module_lock lock;
    struct module_used **items;
    size_t n, cap;
    struct map known; /* source -> struct module_used */
    /* Called for each source, once; says whether its files are there, so that what they use is looked at. -1:
     * reported. */
    int (*visit)(struct modules *modules, struct module_used *used);
};

/* `fetches`: waits for whoever fetches just now, and keeps others from it. The exit status. */
int modules_open(struct invocation *inv, bool fetches, struct modules *out);
int modules_find(struct modules *modules);
void modules_close(struct modules *modules);

/* A failure of one source, at the place that names it; -1. */
int modules_wrong(struct modules *modules, const struct module_used *used, const struct err *err);
/* The folder that the files of a pinned source are in. */
struct str modules_folder(
    const struct modules *modules, const struct module_used *used, const struct module_pin *pin);
/* Writes what they are to be. The exit status. */
int modules_write_lock(struct modules *modules);
/* "3f1c0a2b4d5e" of the commit or the archive. */
struct str modules_short(const struct module_pin *pin);

/* ---- modules_used.c ---- */

/* Brings the vendored copy of what is pinned to its folder; -1, reported. */
int modules_copy(struct modules *modules, struct module_used *used);

/* ---- modules_used.c: weir modules vendor. */
struct vendor_settings {
    struct settings shared;
    bool remove;
};

int modules_vendor_run(struct invocation *inv);
