/*
 * Tools as a table: each is a command of weir, whose command line its arguments become. tools.c has the table
 * and lists it, arguments.c checks what a call gives, plan_calls.c has the tools that share a plan. Nobody
 * else includes this.
 */
#pragma once

#include "cmd/mcp/mcp.h"

enum arg_kind { ARG_TEXT, ARG_CHOICE, ARG_FLAG, ARG_NUMBER, ARG_TEXTS, ARG_INPUTS };

struct arg {
    const char *name, *doc;
    enum arg_kind kind;
    const char *option;  /* "--target"; NULL: the command's argument, "" it is not on the command line */
    const char *choices; /* CHOICE: with blanks between */
    bool required;
};

struct tool;
typedef void tool_call(struct call *call, const struct tool *tool, const struct value *args);

struct tool {
    const char *name, *title, *doc;
    const char *command, *option; /* "plan", "--json"; option NULL: the choice of an argument follows */
    const struct arg *args;       /* the last one has no name; NULL: none of its own */
    bool text;                    /* prints no events, and takes nothing that picks an environment */
    bool changes;
    tool_call *call; /* NULL: as the table says */
};

/* ---- plan_calls.c ---- */

tool_call call_command, call_plan, call_show, call_apply;

/* ---- arguments.c ---- */

/* The i-th argument: its own, then those that all have; NULL: there are no more. */
const struct arg *tool_arg(const struct tool *tool, size_t i);
/* Its JSON Schema, as a member of `properties`. */
void arg_schema(const struct arg *arg, struct buf *out);
/* False: they were refused, and the assistant told. */
bool tool_check(struct call *call, const struct tool *tool, const struct value *args);
/* The tool's command line. */
void tool_words(struct call *call, struct run *run, const struct tool *tool, const struct value *args);
