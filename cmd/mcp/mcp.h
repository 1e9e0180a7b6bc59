/*
 * `weir mcp`: a Model Context Protocol server for assistants, over two descriptors, for the stack in one
 * folder. server.c answers messages, and makes of what a command printed an answer of bounded size; tools.c
 * has the tools, resources.c what can be read, run.c runs a command.
 *
 * Every tool is a command of weir, run by cli_main() in a forked process with pipes. That a command prints
 * its answer and ends is what all of them are made for; a stack that makes one fail, or wait, or use all
 * memory, does so to that process, and a client that cancels a request ends it. It is also what may be
 * confined (base/file.h): it reads files below one folder and runs no programs, neither of which could be
 * taken back. The server itself opens no stack.
 *
 * A plan is kept in memory, as it was saved and as it was shown; apply takes the last one, by its hash, and
 * once all of it was shown.
 *
 * One thread. A request is answered before the next one is begun; while a command runs, cancellations and
 * pings are heeded.
 */
#pragma once

#include "cmd/invocation/invocation.h"
#include "cmd/rpc/rpc.h"

enum { PLAN_HASH = 64 };

/* The last plan. */
struct plan_kept {
    struct buf saved;  /* as a file of `weir plan -o` has it; empty: there is none to be applied */
    struct buf events; /* a line each */
    char hash[PLAN_HASH + 1];
    size_t shown; /* so many lines of it, from the first on */
};

struct mcp {
    struct invocation *inv;
    const char *folder; /* of the stack, whole */
    const char *file;   /* the stack's file in it, where it has another name; NULL */
    const char *root;   /* below which files are read */
    bool may_apply, may_command;
    struct rpc rpc;
    bool initialized, done;
    struct plan_kept plan;
};

/* A request that is being worked on. */
struct call {
    struct mcp *mcp;
    struct arena *arena;
    const struct value *id, *params;
    const struct value *token; /* of progress notifications; NULL: none are wanted */
    bool modern;               /* it carries the protocol's version itself: since 2026-07-28 */
    bool cancelled;            /* nobody waits for an answer any more */
};

/* Serves until the client is gone. */
int mcp_serve(struct mcp *mcp, struct err *err);
/* Answers one message; ctx: the struct mcp. */
void mcp_take(void *ctx, struct rpc_message *message);

/* ---- run.c ---- */

struct run {
    struct texts words;          /* a command line, without "weir" */
    int (*own)(struct mcp *mcp); /* instead of it, in the same kind of process; NULL */
    struct str plan;             /* apply: becomes the file that the last word names */
    struct buf *saved;           /* plan: what it saves; NULL: it saves nothing */
    struct buf out, err;         /* what it printed; bounded */
    int status;                  /* its exit status */
};

/* Adds a word to the command line. */
void run_add(struct call *call, struct run *run, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Options that the person has chosen: stack, inputs, sandbox. */
void run_add_chosen(struct call *call, struct run *run);
int run_command(struct call *call, struct run *run, struct err *err);
void run_release(struct run *run);
#define AUTO_RUN __attribute__((cleanup(run_release)))

/* ---- server.c ---- */

/* The begin of a result that a client might keep. */
void answer_begin_kept(const struct call *call, struct buf *out);
/* What a tool found, or why it did not: which the assistant is to see. `from` a line, or its last lines. */
#define ANSWER_END SIZE_MAX
void answer_tool(struct call *call, const struct run *run, bool json, size_t from);
void answer_plan(struct call *call, const struct run *run, size_t from);
void answer_refusal(struct call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- tools.c, resources.c: the methods ---- */

typedef void mcp_method(struct call *call);
mcp_method tools_list, tools_call, resources_list, resources_templates, resources_read;

/* ---- Tools as a table: each is a command of weir, whose command line its arguments become. tools.c has
 * the table and lists it, checks what a call gives, and has the tools that share a plan. */
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
