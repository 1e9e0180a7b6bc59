/*
 * A workspace is what a command works on: the catalog of types, the loaded stack, the state and the HTTP
 * engine.
 *
 * Order of calls: workspace_open(); plan_make() and what follows from it; workspace_close(). Opening reads
 * the stack and the state but calls no service and takes no lock.
 */
#pragma once

#include "base/digests.h"
#include "plan/state/state.h"
#include "provider/http/http.h"
#include "stacks/stack.h"

/* What a command is going to plan. */
struct wanted_part {
    const struct str *targets;
    size_t n;
    bool alone; /* and what their change reaches, instead of what they need: deploy */
};

struct workspace_options {
    struct stack_options stack; /* its catalog is filled in */
    const struct provider_kinds *kinds;
    struct catalog
        *catalog; /* of another workspace of the same stack, which outlives this one; NULL: its own */
    const char *specs_dir; /* --specs */
    int trace;             /* -v count */
    void (*trace_line)(void *ctx, const char *line);
    void *trace_ctx;
    const atomic_bool *cancel; /* nothing is asked any more for a plan alone; NULL: nothing says so */
    const struct value
        *overlay;          /* merged over the configuration of every provider but weir's own; NULL: nothing */
    const char *state_dir; /* the state is kept in files there, whatever the stack says; NULL: as it says */
    const char *sandbox_dir; /* --sandbox: the sandbox in which that is; NULL: none */
    /* All that is going to be planned, by targets, is this: then it may be that only a part of the state is
     * read. NULL: anything is. */
    const struct wanted_part *part;
    uint64_t state_at; /* only to look at: the state as it was after the record of that number; 0: now */
    struct shared
        *shared; /* plan/evaluate/shared_listings.h: what it shares with other workspaces; NULL: nothing */
    /* Where a fleet says what the stack gives that its members share; NULL: its state says. */
    const struct value *const *shared_outputs;
    const struct planned_stacks *planned; /* plan/state/stack_data.h: other stacks of the same run; NULL */
    bool no_fetch;                        /* nothing is fetched: modules that are not here yet are mistakes */
    bool no_state;                        /* validate, console without state, schema */
    /* Where only attributes are wrong, opening succeeds, with errors in diags and without a state: a plan
     * that calls nobody finds what else is wrong. */
    bool find_all;
    /* For commands on the state alone: mistakes in the files do not matter where the state can be found. */
    bool no_stack;
};

struct workspace {
    struct catalog *catalog; /* its own, unless the options gave one */
    struct stack *stack;
    struct state *state;      /* NULL with no_state */
    const bool *needed;       /* where that is a part: of which declarations, by their index; NULL: of all */
    struct str work_dir;      /* the stack's .weir */
    struct digests *digests;  /* of the stack's local files */
    struct http_engine *http; /* made when the first provider is opened */
    const struct workspace_options *options;
    struct map providers;      /* name -> struct opened *; opened on first use */
    struct provider **retired; /* those whose settings became others */
    size_t retired_count, retired_cap;
    const struct value *shared; /* what the state of the stack gives that a fleet shares; NULL: unknown */
    struct connections *connections; /* connections.h; NULL: none were needed yet */
};

/* -1 with err, or with errors in diags (then err is untouched: class ERR_NONE). */
int workspace_open(
    const struct workspace_options *options, struct diags *diags, struct workspace *out, struct err *err);
void workspace_close(struct workspace *workspace);
/* Of one that begins as {0}. */
#define AUTO_WORKSPACE __attribute__((cleanup(workspace_close)))

/*
 * The provider of that name ("aws.tokyo"), configured with config (map or NULL); opened anew where that is
 * not what it was before. Not thread-safe; what it returns is, and lives until the workspace is closed.
 */
int workspace_provider(struct workspace *workspace, struct str name, const struct value *config,
    struct provider **out, struct err *err);
/* The same, if it is open; NULL: it is not. */
struct provider *workspace_opened(const struct workspace *workspace, struct str name);
/*
 * How far the services' clock is ahead of this machine's, as an open provider knows it; asked for where none
 * knows it yet. False: none is open that could be asked.
 */
bool workspace_clock(const struct workspace *workspace, int64_t *ahead_ms);
/* What `shared` is to a member of a fleet: the outputs of the stack that all share, as far as it is made. */
const struct value *workspace_shared(const struct workspace *workspace);
/* The same of outputs that its state has: what it declares and has not given yet is unknown. */
const struct value *workspace_shared_values(
    struct arena *arena, const struct shared_stack *shared, const struct value *outputs);
/* The state, opened a second time: records of it as they are now. The caller closes it. */
struct state_part;
int workspace_read_part(
    const struct workspace *workspace, const struct state_part *part, struct state **out, struct err *err);
/* The stack's state store, opened a second time: for its history. The caller frees it. */
int workspace_backend(const struct workspace *workspace, struct backend **out, struct err *err);
/*
 * The state of this stack and environment in the default place beside it, where the stack keeps its state
 * elsewhere by now and that one was not moved, or to another place and there is none here. False: there is
 * none.
 */
struct former_state {
    struct str path, moved_to; /* "" it was not */
    size_t count;              /* resources */
};
bool workspace_former(const struct workspace *workspace, struct arena *arena, struct former_state *out);
/* The backend of that place. The caller frees it. */
int workspace_former_backend(const struct workspace *workspace, struct backend **out, struct err *err);
uint64_t workspace_requests(const struct workspace *workspace);
