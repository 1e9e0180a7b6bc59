/* Settings of connections as they come to be known, and the route of a provider. */
#include "plan/evaluate/connections.h"

#include "base/mem.h"
#include "plan/evaluate/context.h"
#include "plan/evaluate/evaluate.h"
#include "plan/evaluate/shared_listings.h"
#include "plan/objects/recorded.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- A connection by itself, or what a provider goes by: for commands that only want to go there. */

/* As its address has it after `connections.` or `providers.`, or in a module. */
static const struct decl *find(const struct stack *stack, struct str name)
{
    for (size_t i = 0; i < stack->decl_count; i++) {
        const struct decl *decl = stack->decls[i];
        if (decl->kind == DECL_CONNECTION && str_eq(decl->full_name, name))
            return decl;
    }
    for (size_t i = 0; i < stack->decl_count; i++) {
        const struct decl *decl = stack->decls[i];
        bool named = str_eq(decl->name, name) && !decl->module->parent;
        if (decl->kind == DECL_PROVIDER && decl->via && (named || str_eq(decl->full_name, name)))
            return decl;
    }
    return NULL;
}

static int not_found(const struct stack *stack, struct str name, struct err *err)
{
    AUTO_BUF struct buf names = BUF_INIT;
    err_set(
        err, ERR_USAGE, "there is no connection \"%.*s\", nor a provider that goes by one", STR_ARG(name));
    for (size_t i = 0; i < stack->decl_count; i++) {
        const struct decl *decl = stack->decls[i];
        if (decl->kind == DECL_CONNECTION || (decl->kind == DECL_PROVIDER && decl->via))
            buf_addf(&names, "%s%.*s", names.n ? ", " : "",
                STR_ARG(decl->kind == DECL_CONNECTION ? decl->full_name : decl->name));
    }
    return names.n ? err_hint(err, "there are: %s", names.p)
                   : err_hint(err, "they are declared under `connections:`");
}

static int route_settle(struct planner *p, const struct decl *decl, struct route *out, struct err *err)
{
    const struct decl *connection = decl->kind == DECL_CONNECTION ? decl : decl->via;
    const struct value *settings = p->evaluated.values[decl->index],
                       *of_connection = p->evaluated.values[connection->index];
    bool known = settings && value_is_known(settings) && of_connection && value_is_known(of_connection);
    if (p->diags->errors)
        return -1;
    if (!known) {
        err_set(err, ERR_INVALID, "where \"%.*s\" leads is not known before the stack is applied",
            STR_ARG(decl->name));
        return -1;
    }
    if (connections_define(p, decl, err))
        return -1;
    *out = (struct route){.reach = connections_reach(p->workspace->connections),
        .connection = connection->full_name,
        .is_provider = decl->kind == DECL_PROVIDER,
        .kind = decl->kind == DECL_PROVIDER ? decl->provider_name : STR("ssh"),
        .settings = value_copy(&p->workspace->stack->arena, settings)};
    return 0;
}

int plan_route(
    struct workspace *workspace, struct str name, struct diags *diags, struct route *out, struct err *err)
{
    const struct decl *decl = find(workspace->stack, name);
    if (!decl)
        return not_found(workspace->stack, name, err);
    struct plan_options options = {.offline = true};
    struct planner *p = planner_new(workspace, &options, diags);
    AUTO_FREE bool *needed = mem_zalloc((p->stack->decl_count + 1) * sizeof *needed);
    depends_need(decl, needed);
    int rc = workspace->state && !recorded_claim(p) ? -1 : 0;
    if (!rc) {
        evaluate_as_recorded(p, needed);
        rc = route_settle(p, decl, out, err);
    }
    plan_free(p->plan);
    return rc;
}

struct connections {
    struct reach *reach;
    struct host_keys *keys;
    struct observer observer;
    pthread_mutex_t *observer_lock; /* NULL: nobody else speaks to the observer */
};

static void progress(void *ctx, struct str connection, const char *what)
{
    struct connections *c = ctx;
    char address[256];
    int n = snprintf(address, sizeof address, "connections.%.*s", STR_ARG(connection));
    if (c->observer_lock)
        pthread_mutex_lock(c->observer_lock);
    observe(&c->observer,
        &(struct event){.kind = EVENT_NOTE, .address = str_n(address, (size_t)n), .text = what});
    if (c->observer_lock)
        pthread_mutex_unlock(c->observer_lock);
}

void connections_tell(struct workspace *workspace, const struct observer *observer)
{
    if (workspace->connections)
        host_keys_tell(workspace->connections->keys, observer);
}

/* ---- life ---- */

static void need_reach(struct planner *p)
{
    struct workspace *workspace = p->workspace;
    if (workspace->connections)
        return;
    struct connections *c = mem_zalloc(sizeof *c);
    c->keys = host_keys_new(workspace);
    struct reach_options options = {.trust = host_keys_trust(c->keys)};
    c->reach = reach_new(&options);
    reach_be_patient(c->reach, &(struct reach_patience){.cancel = p->cancel});
    workspace->connections = c;
}

static void find_early(struct planner *p);

static bool has_any(const struct stack *stack)
{
    for (size_t i = 0; i < stack->decl_count; i++)
        if (stack->decls[i]->kind == DECL_CONNECTION)
            return true;
    return false;
}

int connections_apply_begins(struct planner *p, const struct observer *observer, pthread_mutex_t *lock,
    const atomic_bool *cancel, struct err *err)
{
    if (!has_any(p->stack))
        return 0;
    need_reach(p);
    struct connections *c = p->workspace->connections;
    if (!p->evaluated.early) /* from now on the state belongs to many */
        find_early(p);
    c->observer = *observer;
    c->observer_lock = lock;
    int rc = host_keys_record(c->keys, true, err);
    struct reach_patience patience = {.wait = true,
        .services = !p->options->destroy, /* in which nothing is started */
        .cancel = cancel,
        .progress = progress,
        .progress_ctx = c};
    reach_be_patient(c->reach, &patience);
    return rc;
}

void connections_apply_ends(struct planner *p, const struct observer *observer)
{
    struct connections *c = p->workspace->connections;
    if (!c)
        return;
    reach_be_patient(c->reach, &(struct reach_patience){0});
    host_keys_record(c->keys, false, NULL);
    c->observer = (struct observer){0};
    connections_tell(p->workspace, observer);
}

void connections_free(struct connections *c)
{
    if (!c)
        return;
    reach_free(c->reach);
    host_keys_free(c->keys);
    free(c);
}

struct reach *connections_reach(struct connections *c)
{
    return c ? c->reach : NULL;
}

/* ---- settings ---- */

const struct value *connections_bind(struct planner *p, const struct decl *decl, const struct value *settings)
{
    if (!settings || !decl->via || settings->kind != VALUE_MAP)
        return settings;
    const struct value *outer = p->evaluated.values[decl->via->index];
    const struct value *name =
        outer && value_is_known(outer) ? value_string_ref(p->arena, decl->via->full_name) : &value_unknown;
    return value_with(p->arena, settings, STR("via"), name);
}

bool connections_depend(const struct planner *p, const struct decl *decl)
{
    return (decl->kind == DECL_PROVIDER || decl->kind == DECL_CONNECTION) && !p->evaluated.fixed[decl->index];
}

/* What is recorded, as far as a refresh has not seen it otherwise. */
static void see(struct planner *early, const struct planner *p)
{
    for (size_t i = 0; i < early->recorded.count; i++) {
        const struct seen *seen =
            p->recorded.count ? recorded_find(&p->recorded, early->recorded.seen[i].address) : NULL;
        if (seen && seen->read)
            early->recorded.seen[i].live = seen->live;
    }
}

/*
 * All that depend on resources, in a planner of their own, which leaves no traces. It reads nothing but data
 * sources, of what is recorded: what they say is kept for when the plan comes to them.
 */
static void find_early(struct planner *p)
{
    size_t n = p->stack->decl_count;
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    AUTO_FREE bool *needed = mem_zalloc((n + 1) * sizeof *needed);
    p->evaluated.early = ARENA_ARRAY(p->arena, const struct value *, n + 1);
    for (size_t i = 0; i < n; i++)
        if (connections_depend(p, p->stack->decls[i]))
            depends_need(p->stack->decls[i], needed);
    struct plan_options options = {.offline = p->offline, .cancel = p->cancel};
    struct planner *early = planner_new(p->workspace, &options, &ignored);
    struct shared_data *own = early->data;
    early->data = p->data ? p->data : own;
    early->evaluated.early = ARENA_ARRAY(early->arena, const struct value *, n + 1); /* not once more */
    if (p->workspace->state && recorded_claim(early)) {
        see(early, p);
        evaluate_as_recorded(early, needed);
    }
    for (size_t i = 0; i < n; i++)
        if (connections_depend(p, p->stack->decls[i]) && early->evaluated.values[i])
            p->evaluated.early[i] = value_copy(p->arena, early->evaluated.values[i]);
    early->data = own;
    plan_free(early->plan);
}

const struct value *connections_settings(struct planner *p, const struct decl *decl)
{
    const struct value *v = p->evaluated.values[decl->index];
    if ((v && value_is_known(v)) || !connections_depend(p, decl))
        return v;
    if (!p->evaluated.early)
        find_early(p);
    const struct value *early = p->evaluated.early[decl->index];
    return early ? early : v;
}

void connections_refreshed(struct planner *p)
{
    p->evaluated.early = NULL;
}

int connections_define(struct planner *p, const struct decl *decl, struct err *err)
{
    const struct decl *via = decl->kind == DECL_CONNECTION ? decl : decl->via;
    if (!via)
        return 0;
    const struct value *settings = connections_settings(p, via);
    if (via->via && connections_define(p, via->via, err))
        return -1;
    if (!settings || !value_is_known(settings))
        return 0;
    need_reach(p);
    host_keys_bind(p->workspace->connections->keys, p, via, settings);
    return reach_define(p->workspace->connections->reach, via->full_name, settings, local_dir(via), err);
}
