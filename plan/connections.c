/* Settings of connections as they come to be known, and the keys of hosts that were trusted on the way. */
#include "plan/connections.h"

#include "base/mem.h"
#include "plan/attributes.h"
#include "plan/context.h"
#include "plan/depends.h"
#include "plan/evaluate.h"
#include "plan/instances.h"
#include "plan/recorded.h"
#include "provider/ssh/reach.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- what is trusted ---- */

struct learned {
    char *connection, *key, *shown, *where;
    bool told, recorded;
};

struct connections {
    struct reach *reach;
    struct workspace *workspace;
    pthread_mutex_t lock;
    struct learned *learned;
    size_t n, cap;
    bool recording; /* the state takes records */
    struct observer observer;
    pthread_mutex_t *observer_lock; /* NULL: nobody else speaks to the observer */
};

static struct str known_key(void *ctx, struct arena *arena, struct str connection)
{
    struct connections *c = ctx;
    struct str key = STR_EMPTY;
    pthread_mutex_lock(&c->lock);
    if (c->workspace->state)
        key = value_text(value_get(state_trusted(c->workspace->state), connection), STR_EMPTY);
    for (size_t i = 0; i < c->n; i++)
        if (str_eqz(connection, c->learned[i].connection))
            key = str_z(c->learned[i].key);
    key = arena_str(arena, key);
    pthread_mutex_unlock(&c->lock);
    return key;
}

static int record(struct connections *c, struct learned *learned, struct err *err)
{
    if (learned->recorded)
        return 0;
    learned->recorded = true;
    return state_trust(c->workspace->state, str_z(learned->connection), str_z(learned->key), err);
}

static void learn_key(void *ctx, struct str connection, struct str where, struct str key, const char *shown)
{
    struct connections *c = ctx;
    struct err ignored = ERR_INIT; /* a state that cannot be written stops the run by itself */
    pthread_mutex_lock(&c->lock);
    MEM_GROW(c->learned, c->cap, c->n + 1);
    c->learned[c->n] = (struct learned){mem_memdup0(connection.p, connection.n), mem_memdup0(key.p, key.n),
        mem_strdup(shown), mem_memdup0(where.p, where.n), false, false};
    if (c->recording)
        record(c, &c->learned[c->n], &ignored);
    c->n++;
    pthread_mutex_unlock(&c->lock);
}

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
    struct connections *c = workspace->connections;
    for (size_t i = 0; c && i < c->n; i++) {
        struct learned *learned = &c->learned[i];
        char address[256], text[512];
        if (learned->told)
            continue;
        learned->told = true;
        int n = snprintf(address, sizeof address, "connections.%s", learned->connection);
        snprintf(text, sizeof text, "the host key of %s is trusted at its first use%s: %s", learned->where,
            learned->recorded ? "" : " (an apply records it)", learned->shown);
        observe(observer,
            &(struct event){.kind = EVENT_NOTE, .address = str_n(address, (size_t)n), .text = text});
    }
}

/* ---- life ---- */

static void need_reach(struct planner *p)
{
    struct workspace *workspace = p->workspace;
    if (workspace->connections)
        return;
    struct connections *c = mem_zalloc(sizeof *c);
    c->workspace = workspace;
    pthread_mutex_init(&c->lock, NULL);
    struct reach_options options = {.trust = {known_key, learn_key, c}};
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
    int rc = 0;
    if (!has_any(p->stack))
        return 0;
    need_reach(p);
    struct connections *c = p->workspace->connections;
    if (!p->evaluated.early) /* from now on the state belongs to many */
        find_early(p);
    pthread_mutex_lock(&c->lock);
    c->recording = true;
    c->observer = *observer;
    c->observer_lock = lock;
    for (size_t i = 0; i < c->n && !rc; i++)
        rc = record(c, &c->learned[i], err);
    pthread_mutex_unlock(&c->lock);
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
    pthread_mutex_lock(&c->lock);
    c->recording = false;
    c->observer = (struct observer){0};
    pthread_mutex_unlock(&c->lock);
    connections_tell(p->workspace, observer);
}

void connections_free(struct connections *c)
{
    if (!c)
        return;
    reach_free(c->reach);
    for (size_t i = 0; i < c->n; i++) {
        free(c->learned[i].connection);
        free(c->learned[i].key);
        free(c->learned[i].shown);
        free(c->learned[i].where);
    }
    free(c->learned);
    pthread_mutex_destroy(&c->lock);
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

bool connections_hang(const struct planner *p, const struct decl *decl)
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
 * All that hang on resources, in a planner of their own, which leaves no traces. It reads nothing but the
 * data sources of what is taken down, which nobody else does then.
 */
static void find_early(struct planner *p)
{
    size_t n = p->stack->decl_count;
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    AUTO_FREE bool *needed = mem_zalloc((n + 1) * sizeof *needed);
    p->evaluated.early = ARENA_ARRAY(p->arena, const struct value *, n + 1);
    for (size_t i = 0; i < n; i++)
        if (connections_hang(p, p->stack->decls[i]))
            depends_need(p->stack->decls[i], needed);
    struct plan_options options = {.offline = p->offline || !p->options->destroy};
    struct planner *early = planner_new(p->workspace, &options, &ignored);
    early->evaluated.early = ARENA_ARRAY(early->arena, const struct value *, n + 1); /* not once more */
    if (p->workspace->state && recorded_claim(early)) {
        see(early, p);
        evaluate_as_recorded(early, needed);
    }
    for (size_t i = 0; i < n; i++)
        if (connections_hang(p, p->stack->decls[i]) && early->evaluated.values[i])
            p->evaluated.early[i] = value_copy(p->arena, early->evaluated.values[i]);
    plan_free(early->plan);
}

const struct value *connections_settings(struct planner *p, const struct decl *decl)
{
    const struct value *v = p->evaluated.values[decl->index];
    if ((v && value_is_known(v)) || !connections_hang(p, decl))
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
    return reach_define(p->workspace->connections->reach, via->full_name, settings, local_dir(via), err);
}
