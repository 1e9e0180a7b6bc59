/*
 * The remote modules that a stack uses, including those within modules, with their pins in weir.lock; used by
 * the commands of `weir modules`.
 *
 * Order of calls: modules_open(); modules_find(); the other functions; modules_close().
 */
#pragma once

#include "cmd/invocation/invocation.h"
#include "plan/workspace/module_files.h"

struct module_used {
    struct module_source source;
    struct str module;            /* the first module that uses the source */
    struct span span;             /* of the `source:` in that module */
    const struct module_pin *was; /* its pin in the lock; NULL: none */
    struct module_pin pin;        /* its new pin; no tree: not pinned */
    bool chosen;                  /* selected for an update */
    bool moved;                   /* its tag is at another commit than before */
};

struct modules {
    struct invocation *inv;
    struct module_fetching fetching;
    struct catalog *catalog;
    struct fetch *fetch; /* NULL: nothing is fetched */
    struct str lock_path;
    struct module_lock lock;
    struct module_used **items;
    size_t n, cap;
    struct map known; /* source -> struct module_used */
    /* Called once for each source. Returns whether its files exist, so that modules within it are visited
     * too; -1 after a reported error. */
    int (*visit)(struct modules *modules, struct module_used *used);
};

/* `fetches`: waits for and then holds the lock for fetching. Returns the exit status. */
int modules_open(struct invocation *inv, bool fetches, struct modules *out);
int modules_find(struct modules *modules);
void modules_close(struct modules *modules);

/* Reports an error at the place that names the source; returns -1. */
int modules_report(struct modules *modules, const struct module_used *used, const struct err *err);
/* Returns the folder of a pinned source's files. */
struct str modules_folder(
    const struct modules *modules, const struct module_used *used, const struct module_pin *pin);
/* Writes the new pins to the lock. Returns the exit status. */
int modules_write_lock(struct modules *modules);
/* Returns the first digits of the commit or the archive: "3f1c0a2b4d5e". */
struct str modules_short(const struct module_pin *pin);

/* ---- modules_used.c ---- */

/* Copies the vendored files of a pin to its folder. Returns -1 after a reported error. */
int modules_copy(struct modules *modules, struct module_used *used);

/* ---- modules_used.c: weir modules vendor. */
struct vendor_settings {
    struct settings shared;
    bool remove;
};

int modules_vendor_run(struct invocation *inv);
