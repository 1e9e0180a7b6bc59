/*
 * What the commands that write a stack from what another tool has share: their options, the file that they
 * write and never write over, the report, the client that looks at what is there.
 */
#pragma once

#include "cmd/import/draft.h"
#include "cmd/invocation/invocation.h"
#include "provider/names/names.h"

struct importing_settings {
    struct settings shared;
    const char *out, *name;
    bool dry_run, force;
};

extern const struct option_set options_importing;

struct importing {
    struct invocation *inv;
    struct catalog *catalog;
    struct names names;
    struct draft draft;
    struct http_engine *http;
    struct aws_client *client;
    struct provider *provider;
};

/* The exit status; what was opened is closed by importing_end() whatever it is. */
int importing_begin(struct importing *importing, struct invocation *inv);
void importing_end(struct importing *importing);
/* Opens the way to the account that environment and configuration name. -1: err. */
int importing_connect(struct importing *importing, struct err *err);
/* The folder that the stack file is written into; NULL: standard output. */
const char *importing_folder(const struct importing *importing);
/* A folder as one from the folder that the stack file is written into. */
struct str importing_way(struct importing *importing, struct str folder);
/* Before anything is read: would the stack's file be written over, though nobody allowed that? The exit
 * status. */
int importing_check(struct importing *importing);
/*
 * Tells the diagnostics; without errors among them writes the stack and the report, and at last `next`, the
 * steps that follow.
 */
int importing_finish(struct importing *importing, struct str next);
