/*
 * Completion scripts: a script for each shell (completion.bash), in which the tables of commands and options
 * have their places, one file that writes these, and what they share (in cmd_completion.c).
 */
#pragma once

#include "cmd/options/help.h"

void completion_bash(struct buf *out);
void completion_zsh(struct buf *out);
void completion_fish(struct buf *out);

/* ---- for these ---- */

/* What stands in a script for @{name}: written at once, or for each command. */
struct completion_part {
    const char *name; /* NULL: after the last one */
    void (*write)(struct buf *out);
    command_visitor *visit;
};
/* The script with these parts, and those that several shells have. */
void completion_fill(struct buf *out, const char *path, const struct completion_part *parts);

/* `ctx` is whatever the visitor wants to know besides. */
typedef void option_visitor(struct buf *out, const struct option *o, struct str path, const char *ctx);

void completion_options(
    const struct command *c, struct str path, option_visitor *visit, const char *ctx, struct buf *out);
/* Text for inside single quotes; `also` are further characters that need a backslash. */
void completion_quote(struct buf *out, struct str text, const char *also);
/* The names of its subcommands, each with a blank before it. */
void completion_subs(struct buf *out, const struct command *c);
void completion_commands(struct buf *out);
/* For a `case` of bash and zsh, "-e | --env". */
void completion_pattern(struct buf *out, const struct option *o);
