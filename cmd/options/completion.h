/*
 * Completion scripts, one file for each shell, and what they share: walks through the tables of commands and
 * options (in cmd_completion.c).
 */
#pragma once

#include "cmd/options/help.h"

void completion_bash(struct buf *out);
void completion_zsh(struct buf *out);
void completion_fish(struct buf *out);

/* ---- for these ---- */

/* `ctx` is whatever the visitor wants to know besides. */
typedef void option_visitor(struct buf *out, const struct option *o, struct str path, const char *ctx);

void completion_options(
    const struct command *c, struct str path, option_visitor *visit, const char *ctx, struct buf *out);
/* Text for inside single quotes; `also` are further characters that need a backslash. */
void completion_quote(struct buf *out, struct str text, const char *also);
/* Their names, each with a blank before it. */
void completion_subs(struct buf *out, const struct command *c);
void completion_commands(struct buf *out);
/* For a `case` of bash and zsh, "-e | --env": an option; those of the set with or without a value; commands
 * that have subcommands. */
void completion_pattern(struct buf *out, const struct option *o);
void completion_patterns(struct buf *out, const struct option_set *set, bool value, const char *separator);
void completion_parents(struct buf *out);
