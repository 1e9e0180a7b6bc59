/*
 * Help texts, made from the tables of commands and options, and from cmd/help.yaml.
 */
#pragma once

#include "base/yaml.h"
#include "cmd/options/command.h"
#include "cmd/terminal/term.h"

void help_overview(const struct term *term, struct buf *out);
void help_command(const struct command *command, struct str path, const struct term *term, struct buf *out);
/* "weir plan [OPTIONS] [FILE]" */
void help_usage_line(const struct command *command, struct str path, struct buf *out);

/* Its summary as a sentence: "Show what would change." of "show what would change". */
void help_sentence(struct str path, struct buf *out);

/* ---- cmd/help.yaml ---- */

/* Of a command with this path ("state list"): one line without full stop; paragraphs; lines and what they do.
 */
struct str help_summary(struct str path);
const struct node *help_details(struct str path);
const struct node *help_examples(struct str path);
/* The command's own, that of the command above it, or that of all commands. */
struct str help_option(struct str path, const struct option *option);
/* A map of names and what they mean: "exit_statuses", "variables", "events". */
const struct node *help_section(const char *name);
