/*
 * A workspace has what a command works on: the catalog of types, the loaded stack, the state and the HTTP
 * engine.
 *
 * Order of calls: workspace_open(); plan_make() and other calls; workspace_close(). Opening reads the stack
 * and the state but calls no other service and takes no lock.
 */
#pragma once

#include "base/digests.h"
#include "plan/state/state.h"
#include "provider/http/http.h"
#include "stacks/stack.h"

/* The targets of the planned command. */
struct wanted_part {
    const struct str *targets;
    size_t n;
    bool targets_only; /* with dependents that their change reaches, instead of their dependencies: deploy */
};

struct workspace_options {
    struct stack_options stack; /* its catalog is filled in by workspace_open() */
    const struct provider_kinds *kinds;
    struct catalog
        *catalog; /* of another workspace of the same stack, which must outlive this one; NULL: its own */
    const char *specs_dir; /* --specs */
    int trace;             /* -v count */
    void (*trace_line)(void *ctx, const char *line);
    void *trace_ctx;
    const atomic_bool *cancel; /* cancels calls for a plan; NULL: never set */
    const struct value
        *overlay; /* merged over the configuration of each provider other than weir's own; NULL: none */
    const char *state_dir;   /* folder of the state, whatever the stack says; NULL: as the stack says */
    const char *sandbox_dir; /* --sandbox: the sandbox that contains it; NULL: none */
    /* The targets of everything that will be planned, so that only a part of the state needs to be read.
     * NULL: no limit. */
    const struct wanted_part *part;
    uint64_t state_at;     /* read-only: the state after this log record; 0: the latest */
    struct shared *shared; /* plan/evaluate/shared_listings.h: shared with other workspaces; NULL: nothing */
    /* Outputs of the stack that the members of a fleet share; NULL: read from its state. */
    const struct value *const *shared_outputs;
    const struct planned_stacks *planned; /* plan/state/stack_data.h: other stacks of the same run; NULL */
    bool no_fetch;                        /* no downloads: missing modules are errors */
    bool no_state;                        /* validate, console without state, schema */
    /* Opening succeeds if only attributes are invalid, with errors in diags and without a state. An offline
     * plan then reports the other errors. */
    bool find_all;
    /* For commands on the state alone: errors in the files are ignored if the state can be found. */
    bool no_stack;
};

struct workspace {
    struct catalog *catalog; /* its own, unless given in the options */
    struct stack *stack;
    struct state *state;      /* NULL with no_state */
    const bool *needed;       /* with a part: which declarations are needed, by index; NULL: all */
    struct str work_dir;      /* the .weir folder of the stack */
    struct digests *digests;  /* of the stack's local files */
    struct http_engine *http; /* made when the first provider is opened */
    const struct workspace_options *options;
    struct map providers;      /* name -> struct opened *; opened on first use */
    struct provider **retired; /* closed with the workspace: their settings have changed */
    size_t retired_count, retired_cap;
    const struct value *shared;      /* outputs of the stack that a fleet shares; NULL: not read yet */
    struct connections *connections; /* connections.h; NULL: not needed yet */
};

/* Returns -1 with err, or with errors in diags (then err is untouched: class ERR_NONE). */
int workspace_open(
    const struct workspace_options *options, struct diags *diags, struct workspace *out, struct err *err);
void workspace_close(struct workspace *workspace);
/* For a variable that is initialised to {0}. */
#define AUTO_WORKSPACE __attribute__((cleanup(workspace_close)))

/*
 * Returns the provider of that name ("aws.tokyo") with the configuration (map or NULL); opens it again if the
 * configuration has changed. Not thread-safe; the returned provider is, and lives until the workspace is
 * closed.
 */
int workspace_provider(struct workspace *workspace, struct str name, const struct value *config,
    struct provider **out, struct err *err);
/* The same, if it is open; otherwise NULL. */
struct provider *workspace_opened(const struct workspace *workspace, struct str name);
/*
 * Returns how far the services' clock is ahead of this machine's, from an open provider; calls a service if
 * none knows it yet. False: no open provider can tell.
 */
bool workspace_clock(const struct workspace *workspace, int64_t *ahead_ms);
/* Value of `shared` for a member of a fleet: the outputs of the shared stack that exist so far. */
const struct value *workspace_shared(const struct workspace *workspace);
/* The same from the outputs in its state: outputs that are declared but not recorded are unknown. */
const struct value *workspace_shared_values(
    struct arena *arena, const struct shared_stack *shared, const struct value *outputs);
/* Opens the state a second time, with its present records. The caller closes it. */
struct state_part;
int workspace_read_part(
    const struct workspace *workspace, const struct state_part *part, struct state **out, struct err *err);
/* Opens the stack's state store a second time, for its history. The caller frees it. */
int workspace_backend(const struct workspace *workspace, struct backend **out, struct err *err);
/*
 * State of this stack and environment in the default place beside it, if the stack now keeps its state
 * elsewhere, and this one was not moved, or was moved to a third store while the configured one is empty.
 * False: none.
 */
struct former_state {
    struct str path, moved_to; /* "": not moved */
    size_t count;              /* number of resources */
};
bool workspace_former(const struct workspace *workspace, struct arena *arena, struct former_state *out);
/* Backend of that default place. The caller frees it. */
int workspace_former_backend(const struct workspace *workspace, struct backend **out, struct err *err);
uint64_t workspace_requests(const struct workspace *workspace);
