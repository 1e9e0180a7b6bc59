/*
 * `weir mcp`: a Model Context Protocol server for assistants over two descriptors, for the stack in one
 * folder. server.c handles messages and converts a command's output to a response of limited size; tools.c
 * has the tools, resources.c the resources, run.c runs commands.
 *
 * Every tool is a command of weir, run by cli_main() in a forked process with pipes. If a stack makes a
 * command fail, block or exhaust memory, only that process is affected, and a client that cancels a request
 * ends it. That process can also be confined (base/file.h) to reading files below one folder and running no
 * programs, which cannot be undone. The server itself opens no stack.
 *
 * A plan is kept in memory, as saved and as shown. `apply` takes the last plan by its hash, after all of it
 * was shown.
 *
 * One thread. A request is answered before the next one is started; while a command runs, cancellations and
 * pings are handled.
 */
#pragma once

#include "cmd/invocation/invocation.h"
#include "cmd/rpc/rpc.h"

enum { PLAN_HASH = 64 };

/* The last plan. */
struct plan_kept {
    struct buf saved;  /* the content of a `weir plan -o` file; empty: no plan can be applied */
    struct buf events; /* the plan's events, one per line */
    char hash[PLAN_HASH + 1];
    size_t shown; /* number of its lines shown so far */
};

struct mcp {
    struct invocation *inv;
    const char *folder; /* the stack's folder, absolute */
    const char *file;   /* the stack file's name if it is not the default, else NULL */
    const char *root;   /* only files below this folder are read */
    bool may_apply, may_command;
    struct rpc rpc;
    bool initialized, done;
    struct plan_kept plan;
};

/* A request in progress. */
struct call {
    struct mcp *mcp;
    struct arena *arena;
    const struct value *id, *params;
    const struct value *token; /* for progress notifications; NULL: not requested */
    bool modern;               /* the request contains the protocol's version: since 2026-07-28 */
    bool cancelled;            /* the client has cancelled it, so no response is sent */
};

/* Serves until the client disconnects. */
int mcp_serve(struct mcp *mcp, struct err *err);
/* Handles one message; ctx is the struct mcp. */
void mcp_take(void *ctx, struct rpc_message *message);

/* ---- run.c ---- */

struct run {
    struct texts words;          /* the command line, without "weir" */
    int (*own)(struct mcp *mcp); /* a function that is run instead of the command; NULL */
    struct str plan;             /* apply: content of the file that the last word names */
    struct buf *saved;           /* plan: receives the saved plan; NULL: none */
    struct buf out, err;         /* its output, limited in size */
    int status;                  /* its exit status */
};

/* Adds a word to the command line. */
void run_add(struct call *call, struct run *run, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Adds the options that the user selected: stack, inputs, sandbox. */
void run_add_chosen(struct call *call, struct run *run);
int run_command(struct call *call, struct run *run, struct err *err);
void run_release(struct run *run);
#define AUTO_RUN __attribute__((cleanup(run_release)))

/* ---- server.c ---- */

/* Appends the beginning of a result that a client may cache. */
void answer_begin_cacheable(const struct call *call, struct buf *out);
/* Sends the result or the error of a tool, which the assistant sees. `from` is the first line, or ANSWER_END
 * for the last lines. */
#define ANSWER_END SIZE_MAX
void answer_tool(struct call *call, const struct run *run, bool json, size_t from);
void answer_plan(struct call *call, const struct run *run, size_t from);
void answer_refusal(struct call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- tools.c, resources.c: the methods ---- */

typedef void mcp_method(struct call *call);
mcp_method tools_list, tools_call, resources_list, resources_templates, resources_read;

/* ---- The table of tools: each is a command of weir, whose command line is built from the arguments. tools.c
 * has the table, lists it, checks the arguments of a call, and has the tools that use a plan. */
enum arg_kind { ARG_TEXT, ARG_CHOICE, ARG_FLAG, ARG_NUMBER, ARG_TEXTS, ARG_INPUTS };

struct arg {
    const char *name, *doc;
    enum arg_kind kind;
    const char *option;  /* "--target"; NULL: an argument of the command, "": not on the command line */
    const char *choices; /* CHOICE: separated by blanks */
    bool required;
};

struct tool;
typedef void tool_call(struct call *call, const struct tool *tool, const struct value *args);

struct tool {
    const char *name, *title, *doc;
    const char *command, *option; /* "plan", "--json"; option NULL: the value of an argument follows */
    const struct arg *args;       /* ends with an unnamed one; NULL: no own arguments */
    bool text;                    /* it prints text instead of events and does not take an environment */
    bool changes;
    tool_call *call; /* NULL: runs the command of the table */
};
