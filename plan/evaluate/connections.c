/* Settings of connections, the route of a provider, and host keys: see connections.h. */
#include "plan/evaluate/connections.h"

#include "base/mem.h"
#include "plan/evaluate/context.h"
#include "plan/evaluate/evaluate.h"
#include "plan/evaluate/shared_listings.h"
#include "plan/objects/objects.h"
#include "plan/objects/recorded.h"

#include <stdlib.h>

/* ---- Host keys of the stack's connections. A trusted key belongs to the host of that time: the recorded
 * resources that the connection's `host` comes from, by type and id. If other resources have replaced them,
 * the key counts as never seen. If the service reports a host's boot output (schema->console), the key is
 * compared with that at the first login.
 *
 * host_keys_bind() is called by the planner's thread, the functions of host_keys_trust() by any. The next
 * apply records learned keys and reports them. */

struct learned {
    struct str connection, key, of;
    const char *shown, *where, *why;
    bool reported, recorded;
};

/* The resources that are a connection's host. */
struct host {
    struct str of; /* "aws.ec2.instance i-0a1b"; "": none of the stack */
    struct machine *machines;
    size_t n;
};

struct machine {
    struct str address;
    const struct schema *schema;
    struct provider *provider;
    const struct value *attrs;
};

struct host_keys {
    struct workspace *workspace;
    pthread_mutex_t lock; /* guards the fields below */
    struct arena arena;
    struct map hosts; /* connection -> struct host */
    struct learned *learned;
    size_t n, cap;
    bool recording; /* the state accepts records */
    bool binding;   /* host_keys_bind() is running: opening a provider may call it again */
};

/* ---- finding the host ---- */

struct search {
    struct planner *p;
    struct arena *arena;
    struct str host;
    bool *visited;
    struct host *out;
    struct buf machines, others; /* their types and ids */
    bool exact;                  /* the machines have the host's address */
};

static bool has_text(const struct record *record, struct str text)
{
    for (uint32_t i = 0; text.n && i < record->attrs->count; i++)
        if (str_eq(value_text(record->attrs->entries[i].value, STR_EMPTY), text))
            return true;
    return false;
}

static void add_identity(struct buf *out, const struct record *record)
{
    buf_addf(
        out, "%s%.*s %.*s", out->n ? ", " : "", STR_ARG(record->subject.type), STR_ARG(record->subject.id));
}

static void add_machine(struct search *s, const struct record *record, const struct schema *schema)
{
    struct err ignored = ERR_INIT; /* without it the key is trusted at its first use */
    struct provider *provider;
    add_identity(&s->machines, record);
    if (location_provider(s->p, record->subject.provider, record->location, &provider, &ignored))
        return;
    struct machine *more = ARENA_ARRAY(s->arena, struct machine, s->out->n + 1);
    if (s->out->n)
        memcpy(more, s->out->machines, s->out->n * sizeof *more);
    more[s->out->n++] = (struct machine){record->subject.address, schema, provider, record->attrs};
    s->out->machines = more;
}

/* Records of the declaration; before a run begins, `moved:` may not be applied to them. */
static const struct record *const *instances_of(struct search *s, const struct decl *decl)
{
    const struct record *const *now = state_instances(s->p->workspace->state, s->arena, decl->address);
    const struct recorded_resource *first = map_get(s->p->recorded.by_declared, decl->address);
    size_t n = 0;
    if (now[0])
        return now;
    for (const struct recorded_resource *recorded = first; recorded; recorded = recorded->next_by_new)
        n++;
    const struct record **before = ARENA_ARRAY(s->arena, const struct record *, n + 1);
    n = 0;
    for (const struct recorded_resource *recorded = first; recorded; recorded = recorded->next_by_new)
        before[n++] = recorded->record;
    return before;
}

/* Adds the machine with the host's address; without such a machine, all. */
static void add_records(struct search *s, const struct decl *decl)
{
    const struct record *const *records = instances_of(s, decl);
    for (size_t i = 0; records[i]; i++) {
        bool exact = has_text(records[i], s->host);
        if (decl->schema->console && exact && !s->exact) {
            s->exact = true;
            s->out->n = 0;
            s->machines.n = 0;
        }
        if (decl->schema->console && exact == s->exact)
            add_machine(s, records[i], decl->schema);
        else if (exact && !decl->schema->history) /* not a host, but it has the host's address */
            add_identity(&s->others, records[i]);
    }
}

/* Stops at machines and at other connections: resources that a machine was made with are not the host. */
static bool search_hosts(void *ctx, const struct decl *dep)
{
    struct search *s = ctx;
    if (s->visited[dep->index] || dep->kind == DECL_CONNECTION)
        return false;
    s->visited[dep->index] = true;
    bool resource = dep->kind == DECL_RESOURCE && dep->schema;
    if (resource)
        add_records(s, dep);
    return !resource || !dep->schema->console;
}

static const struct host *host_of(const struct host_keys *keys, struct str connection)
{
    static const struct host nothing = {0};
    const struct host *host = map_get(&keys->hosts, connection);
    return host ? host : &nothing;
}

/* With the lock held. */
static void bind_host(struct host_keys *keys, struct str connection, const struct host *found, struct str of)
{
    const struct host *before = host_of(keys, connection);
    if (str_eq(before->of, of) && before->n == found->n)
        return;
    struct host *host = ARENA_NEW(&keys->arena, struct host);
    *host = (struct host){arena_str(&keys->arena, of), NULL, found->n};
    host->machines = ARENA_ARRAY(&keys->arena, struct machine, found->n + 1);
    if (found->n)
        memcpy(host->machines, found->machines, found->n * sizeof *found->machines);
    map_set(&keys->hosts, connection, host);
}

/* Finds the host of a connection in the present state. */
static void host_keys_bind(
    struct host_keys *keys, struct planner *p, const struct decl *connection, const struct value *settings)
{
    if (!p->workspace->state || keys->binding)
        return;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_FREE bool *visited = mem_zalloc(p->stack->decl_count + 1);
    struct host found = {0};
    struct search s = {
        .p = p, .arena = &scratch, .host = value_gets(settings, "host"), .visited = visited, .out = &found};
    keys->binding = true;
    decl_walk_deps(connection, search_hosts, &s);
    keys->binding = false;
    pthread_mutex_lock(&keys->lock);
    bind_host(keys, connection->full_name, &found, buf_str(s.machines.n ? &s.machines : &s.others));
    pthread_mutex_unlock(&keys->lock);
    buf_release(&s.machines);
    buf_release(&s.others);
}

/* ---- trusted keys ---- */

/* True if the key belongs to the present host. For hosts outside the stack the connection's name suffices. */
static bool still_counts(struct str of, const struct host *host)
{
    return !of.n || str_eq(of, host->of);
}

static struct str known_key(void *ctx, struct arena *arena, struct str connection, bool *made)
{
    struct host_keys *keys = ctx;
    struct str key = STR_EMPTY;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&keys->lock);
    const struct host *host = host_of(keys, connection);
    const struct value *recorded =
        keys->workspace->state ? value_get(state_trusted(keys->workspace->state), connection) : NULL;
    struct str of = value_gets(recorded, "of");
    if (recorded && still_counts(of, host))
        key = value_text(recorded, value_gets(recorded, "key"));
    *made = host->n && of.n;
    for (size_t i = 0; i < keys->n; i++)
        if (str_eq(connection, keys->learned[i].connection) && still_counts(keys->learned[i].of, host)) {
            key = keys->learned[i].key;
            *made = host->n > 0;
        }
    key = arena_str(arena, key);
    return key;
}

static int record(struct host_keys *keys, struct learned *learned, struct err *err)
{
    if (learned->recorded)
        return 0;
    learned->recorded = true;
    return state_trust(keys->workspace->state, learned->connection, learned->key, learned->of, err);
}

static void learn_key(void *ctx, const struct ssh_pool_learned *found)
{
    struct host_keys *keys = ctx;
    struct arena *arena = &keys->arena;
    struct err ignored = ERR_INIT; /* a state that cannot be written stops the run anyway */
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&keys->lock);
    MEM_GROW(keys->learned, keys->cap, keys->n + 1);
    struct learned *learned = &keys->learned[keys->n++];
    *learned = (struct learned){.connection = arena_str(arena, found->connection),
        .key = arena_str(arena, found->key),
        .of = host_of(keys, found->connection)->of,
        .shown = arena_strz(arena, str_z(found->shown)),
        .where = arena_strz(arena, found->where),
        .why = arena_strz(arena, str_z(found->why ? found->why : "")),
        .reported = found->vouched};
    if (keys->recording)
        record(keys, learned, &ignored);
}

/* ---- boot output ---- */

static bool consoles(void *ctx, struct arena *arena, struct str connection, const atomic_bool *cancel,
    struct str *text, struct err *err)
{
    struct host_keys *keys = ctx;
    AUTO_BUF struct buf all = BUF_INIT;
    int rc = 0;
    pthread_mutex_lock(&keys->lock);
    const struct host *host = host_of(keys, connection);
    pthread_mutex_unlock(&keys->lock);
    *text = STR_EMPTY;
    for (size_t i = 0; i < host->n && !rc; i++) {
        const struct machine *m = &host->machines[i];
        struct str one = STR_EMPTY;
        struct op_ctx op = {.arena = arena,
            .provider = m->provider,
            .schema = m->schema,
            .address = m->address,
            .cancel = cancel};
        rc = m->schema->ops->console(&op, m->attrs, &one, err);
        buf_add_str(&all, one);
    }
    if (!rc)
        *text = arena_str(arena, buf_str(&all));
    return host->n > 0;
}

/* ---- allocation ---- */

static struct host_keys *host_keys_new(struct workspace *workspace)
{
    struct host_keys *keys = mem_zalloc(sizeof *keys);
    keys->workspace = workspace;
    pthread_mutex_init(&keys->lock, NULL);
    return keys;
}

static void host_keys_free(struct host_keys *keys)
{
    map_release(&keys->hosts);
    free(keys->learned);
    arena_release(&keys->arena);
    pthread_mutex_destroy(&keys->lock);
    free(keys);
}

static struct ssh_pool_trust host_keys_trust(struct host_keys *keys)
{
    return (struct ssh_pool_trust){known_key, learn_key, consoles, keys};
}

/* Records keys as they are learned, and those learned before; stops when called with false. */
static int host_keys_record(struct host_keys *keys, bool recording, struct err *err)
{
    int rc = 0;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&keys->lock);
    keys->recording = recording;
    for (size_t i = 0; recording && i < keys->n && !rc; i++)
        rc = record(keys, &keys->learned[i], err);
    return rc;
}

/* Reports keys that were trusted since the last call without verification. */
static void host_keys_tell(struct host_keys *keys, const struct observer *observer)
{
    for (size_t i = 0; i < keys->n; i++) {
        struct learned *learned = &keys->learned[i];
        char address[256], text[1024];
        if (learned->reported)
            continue;
        learned->reported = true;
        int n = snprintf(address, sizeof address, "connections.%.*s", STR_ARG(learned->connection));
        snprintf(text, sizeof text, "the host key of %s is trusted at its first use%s: %s%s%s%s",
            learned->where, learned->recorded ? "" : " (an apply records it)", learned->shown,
            *learned->why ? " (not checked: " : "", learned->why, *learned->why ? ")" : "");
        observe(observer,
            &(struct event){.kind = EVENT_NOTE, .address = str_n(address, (size_t)n), .text = text});
    }
}

/* ---- The route of a connection or provider, for commands that only connect. ---- */

/* By its name after `connections.` or `providers.`, or in a module. */
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
    err_set(err, ERR_USAGE, "there is no connection \"%.*s\", nor a provider that uses one", STR_ARG(name));
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
        err_set(err, ERR_INVALID, "the address of \"%.*s\" is known only after apply", STR_ARG(decl->name));
        return -1;
    }
    if (connections_define(p, decl, err))
        return -1;
    *out = (struct route){.ssh_pool = connections_ssh_pool(p->workspace->connections),
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
    struct ssh_pool *ssh_pool;
    struct host_keys *keys;
    struct observer observer;
    pthread_mutex_t *observer_lock; /* NULL: nothing else uses the observer */
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

void connections_report(struct workspace *workspace, const struct observer *observer)
{
    if (workspace->connections)
        host_keys_tell(workspace->connections->keys, observer);
}

/* ---- allocation ---- */

static void need_ssh_pool(struct planner *p)
{
    struct workspace *workspace = p->workspace;
    if (workspace->connections)
        return;
    struct connections *c = mem_zalloc(sizeof *c);
    c->keys = host_keys_new(workspace);
    struct ssh_pool_options options = {.trust = host_keys_trust(c->keys)};
    c->ssh_pool = ssh_pool_new(&options);
    ssh_pool_be_patient(c->ssh_pool, &(struct ssh_pool_patience){.cancel = p->cancel});
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
    need_ssh_pool(p);
    struct connections *c = p->workspace->connections;
    if (!p->evaluated.recorded_settings) /* other threads use the state from now on */
        find_early(p);
    c->observer = *observer;
    c->observer_lock = lock;
    int rc = host_keys_record(c->keys, true, err);
    struct ssh_pool_patience patience = {.wait = true,
        .services = !p->options->destroy, /* they cannot be started during a destroy */
        .cancel = cancel,
        .progress = progress,
        .progress_ctx = c};
    ssh_pool_be_patient(c->ssh_pool, &patience);
    return rc;
}

void connections_apply_ends(struct planner *p, const struct observer *observer)
{
    struct connections *c = p->workspace->connections;
    if (!c)
        return;
    ssh_pool_be_patient(c->ssh_pool, &(struct ssh_pool_patience){0});
    host_keys_record(c->keys, false, NULL);
    c->observer = (struct observer){0};
    connections_report(p->workspace, observer);
}

void connections_free(struct connections *c)
{
    if (!c)
        return;
    ssh_pool_free(c->ssh_pool);
    host_keys_free(c->keys);
    free(c);
}

struct ssh_pool *connections_ssh_pool(struct connections *c)
{
    return c ? c->ssh_pool : NULL;
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

/* Copies refreshed values into the second planner. */
static void see(struct planner *early, const struct planner *p)
{
    for (size_t i = 0; i < early->recorded.count; i++) {
        const struct recorded_resource *recorded =
            p->recorded.count ? recorded_find(&p->recorded, early->recorded.items[i].address) : NULL;
        if (recorded && recorded->read)
            early->recorded.items[i].live = recorded->live;
    }
}

/*
 * Computes all settings that depend on resources, in a planner of their own that does not modify this one.
 * Reads only data sources, with recorded arguments; the plan reuses the results.
 */
static void find_early(struct planner *p)
{
    size_t n = p->stack->decl_count;
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    AUTO_FREE bool *needed = mem_zalloc((n + 1) * sizeof *needed);
    p->evaluated.recorded_settings = ARENA_ARRAY(p->arena, const struct value *, n + 1);
    for (size_t i = 0; i < n; i++)
        if (connections_depend(p, p->stack->decls[i]))
            depends_need(p->stack->decls[i], needed);
    struct plan_options options = {.offline = p->offline, .cancel = p->cancel};
    struct planner *early = planner_new(p->workspace, &options, &ignored);
    struct shared_data *own = early->data;
    early->data = p->data ? p->data : own;
    early->evaluated.recorded_settings =
        ARENA_ARRAY(early->arena, const struct value *, n + 1); /* prevents recursion */
    if (p->workspace->state && recorded_claim(early)) {
        see(early, p);
        evaluate_as_recorded(early, needed);
    }
    for (size_t i = 0; i < n; i++)
        if (connections_depend(p, p->stack->decls[i]) && early->evaluated.values[i])
            p->evaluated.recorded_settings[i] = value_copy(p->arena, early->evaluated.values[i]);
    early->data = own;
    plan_free(early->plan);
}

const struct value *connections_settings(struct planner *p, const struct decl *decl)
{
    const struct value *v = p->evaluated.values[decl->index];
    if ((v && value_is_known(v)) || !connections_depend(p, decl))
        return v;
    if (!p->evaluated.recorded_settings)
        find_early(p);
    const struct value *early = p->evaluated.recorded_settings[decl->index];
    return early ? early : v;
}

void connections_refreshed(struct planner *p)
{
    p->evaluated.recorded_settings = NULL;
}

int connections_check_secrets(const struct decl *config, const struct value *settings, struct err *err)
{
    for (uint32_t i = 0; settings && settings->kind == VALUE_MAP && i < settings->count; i++)
        if (object_holds_hash(settings->entries[i].value)) {
            err_set(err, ERR_NETWORK,
                "\"%.*s\" of \"%.*s\" refers to a secret of which the state keeps only a hash",
                STR_ARG(settings->entries[i].key), STR_ARG(config->full_name));
            return err_hint(err, "%s", lost_secret_hint);
        }
    return 0;
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
    if (connections_check_secrets(via, settings, err))
        return -1;
    need_ssh_pool(p);
    host_keys_bind(p->workspace->connections->keys, p, via, settings);
    return ssh_pool_define(
        p->workspace->connections->ssh_pool, via->full_name, settings, local_dir(via), err);
}
