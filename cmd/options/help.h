/*
 * Help texts, made from the tables of commands and options.
 */
#pragma once

#include "cmd/options/command.h"
#include "cmd/terminal/term.h"

void help_overview(const struct term *term, struct buf *out);
void help_command(const struct command *command, struct str path, const struct term *term, struct buf *out);
/* "weir plan [OPTIONS] [FILE]" */
void help_usage_line(const struct command *command, struct str path, struct buf *out);

/* "Show what would change." of "show what would change" */
void help_sentence(const char *text, struct buf *out);

/* Exit statuses and environment variables, for help, manual and docs. */
struct help_item {
    const char *name, *doc;
};
extern const struct help_item help_exit_statuses[]; /* ends with name NULL */
extern const struct help_item help_variables[];
