/*
 * Candidates for leftovers: from the state, its log, the names in the stack, and leftovers of services.
 */
#include "base/mem.h"
#include "plan/destroy/teardown.h"
#include "plan/destroy/verify.h"
#include "plan/evaluate/attributes.h"
#include "plan/evaluate/context.h"
#include "plan/evaluate/evaluate.h"
#include "plan/refresh/refresh.h"
#include "plan/state/history.h"

/* ---- The log from its beginning: the resource of each address, and forgotten ones that were not imported
 * again (`removed: [{…, destroy: false}]`). The service keeps these with their tags, and they belong to
 * whoever imported them. Those dropped by `weir state rm` are not included. ---- */

struct forgetting {
    struct arena *arena;
    struct map held;    /* address -> struct str, "type id" of its resource */
    struct map dropped; /* address -> struct str, "type id" when it was forgotten */
    struct map *out;
};

/* Returns the key "type id". */
static struct str forgotten_key(struct arena *arena, struct str type, struct str id)
{
    return arena_printf(arena, "%.*s %.*s", STR_ARG(type), STR_ARG(id));
}

static void hold_resource(struct forgetting *l, const struct history_change *change)
{
    struct str *key = arena_alloc(l->arena, sizeof *key);
    *key = forgotten_key(l->arena, change->type, change->id);
    map_set(&l->held, change->address, key);
    /* imported again, possibly with another id for the same resource */
    struct str *before = str_eqz(change->action, "adopt") ? map_get(&l->dropped, change->address) : NULL;
    map_set(l->out, *key, NULL);
    if (before)
        map_set(l->out, *before, NULL);
}

static void follow_change(struct forgetting *l, const struct history_change *change, bool by_hand)
{
    struct str *key = map_get(&l->held, change->address);
    if (change->failed)
        return;
    if (change->id.n && !str_eqz(change->action, "delete")) {
        hold_resource(l, change);
        return;
    }
    map_set(&l->held, change->address, NULL);
    if (key && change->to.n)
        map_set(&l->held, change->to, key);
    else if (key && str_eqz(change->action, "drop") && !by_hand) {
        map_set(l->out, *key, key);
        map_set(&l->dropped, change->address, key);
    }
}

/* Sets "type id" of each to a pointer that is not NULL; nothing if the log cannot be read. Keys are in the
 * arena. */
static void forgotten_find(struct workspace *workspace, struct arena *arena, struct map *out)
{
    struct backend *backend;
    const struct history_run *runs;
    size_t n = 0;
    struct forgetting l = {.arena = arena, .out = out};
    if (workspace_backend(workspace, &backend, ERR_IGNORED))
        return;
    if (history_read(backend, arena, &runs, &n, ERR_IGNORED))
        n = 0;
    backend_free(backend);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < runs[i].change_count; k++)
            follow_change(&l, &runs[i].changes[k], str_starts(runs[i].command, STR("state ")));
    map_release(&l.held);
    map_release(&l.dropped);
}

/* ---- recorded resources ---- */

/* True if the resource was configured to be kept. */
static bool verify_stays(const struct candidate *candidate)
{
    const struct resource_ops *ops = candidate->schema ? candidate->schema->ops : NULL;
    return ops && ops->survives_deletion && candidate->object && ops->survives_deletion(candidate->object);
}

void verify_add(struct verifying *v, const struct candidate *candidate)
{
    struct arena *arena = v->p->arena;
    struct str key =
        arena_printf(arena, "%.*s %.*s", STR_ARG(candidate->subject.type), STR_ARG(candidate->subject.id));
    if (map_set(&v->known, key, v) || verify_stays(candidate))
        return;
    MEM_GROW(v->items, v->cap, v->n + 1);
    struct candidate *own = &v->items[v->n++];
    *own = *candidate;
    own->object = candidate->object ? value_copy(arena, candidate->object) : NULL;
    own->subject.address = arena_str(arena, candidate->subject.address);
    own->subject.type = arena_str(arena, candidate->subject.type);
    own->subject.id = arena_str(arena, candidate->subject.id);
    own->why = arena_str(arena, candidate->why);
}

/* Notes the type's location for the report, and its provider for the search by ownership tags. */
static void note_location(struct verifying *v, struct provider *provider, const struct schema *schema)
{
    struct arena *arena = v->p->arena;
    const struct value *location = NULL;
    if (!provider_aws(provider) || provider_location(provider, schema, false, arena, &location, ERR_IGNORED))
        return;
    map_set(&v->providers, arena_printf(arena, "%p", (void *)provider), provider);
    if (!location)
        return;
    struct noted_location *noted = ARENA_NEW(arena, struct noted_location);
    *noted = (struct noted_location){.provider = provider,
        .without_account =
            provider_location_text(provider, value_with(arena, location, STR("account"), NULL), arena)};
    map_set(&v->locations, provider_location_text(provider, location, arena), noted);
}

static void add_recorded(struct verifying *v)
{
    struct planner *p = v->p;
    for (size_t i = 0; i < p->recorded.count; i++) {
        const struct record *record = p->recorded.items[i].record;
        struct candidate c = {.subject = record->subject,
            .object = record->attrs,
            .why = STR("it was in the state, and still exists"),
            .recorded = true,
            .deleted = !state_get(p->workspace->state, record->subject.address),
            .service_deleted = map_get(&v->deleted_services, record->subject.provider) != NULL,
            .route_deleted = map_get(&v->deleted_services, record->subject.provider) == &v->deleted_services};
        c.schema = catalog_find(p->workspace->catalog, record->subject.type, false, ERR_IGNORED);
        if (!c.schema || c.schema->history || !c.schema->ops->read ||
            location_provider(p, record->subject.provider, record->location, &c.provider, ERR_IGNORED))
            continue;
        note_location(v, c.provider, c.schema);
        verify_add(v, &c);
    }
}

/* Resources that may have existed before weir may exist after it. */
static bool may_be_others(const struct planner *p, const struct instance *instance)
{
    for (size_t i = 0; i < p->stack->import_count; i++)
        if (str_eq(p->stack->imports[i].address, instance->address))
            return true;
    return decl_lifecycle(instance->decl)->adopt == ADOPT_EXISTING;
}

/* The known attributes, for calls. */
static const struct value *known_part(struct arena *arena, const struct value *object)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < object->count; i++)
        if (value_is_known(object->entries[i].value))
            value_builder_set(&b, object->entries[i].key, object->entries[i].value);
    return value_builder_map(&b);
}

static void add_named(struct verifying *v, struct planner *p, struct instance *instance)
{
    const struct decl *decl = instance->decl;
    const struct schema *schema = decl->schema;
    struct provider *provider;
    const struct value *planned = evaluate_given(p, instance, p->arena); /* without builds */
    instance->planned = planned ? planned : &value_unknown;
    if (!planned || !schema->ops->read || evaluate_provider(p, decl, &provider, ERR_IGNORED))
        return;
    note_location(v, provider, schema);
    struct op_ctx op = instance_context(p, p->arena, provider, instance);
    if (schema->ops->predict && schema->ops->predict(&op, planned, NULL, &planned, ERR_IGNORED))
        return;
    instance->planned = planned;
    const struct value *id = value_get(planned, schema->id);
    if (value_is_null(id) || !value_is_known(id) || schema->history || may_be_others(p, instance))
        return;
    struct candidate c = {.schema = schema,
        .provider = provider,
        .object = known_part(p->arena, planned),
        .subject.address = instance->address,
        .subject.type = schema->name,
        .subject.id = value_text(id, STR_EMPTY),
        .why = STR("has a name that this stack configures"),
        .named = true};
    verify_add(v, &c);
}

/* Adds the names in the stack for new resources, as far as they are known without these. */
static void add_declared(struct verifying *v)
{
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    struct planner aside = planner_aside(v->p, &ignored), *p = &aside;
    aside.offline = true; /* no packaging, uploads or calls */
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        struct instances *list = &p->evaluated.instances[i];
        if (p->evaluated.fixed[i])
            continue;
        if (decl->kind == DECL_RESOURCE && !evaluate_instances(p, decl))
            list->n = 0;
        for (size_t k = 0; decl->kind == DECL_RESOURCE && k < list->n; k++)
            add_named(v, p, &list->items[k]);
        if (decl->kind == DECL_DATA)
            p->evaluated.values[i] = &value_unknown;
        else
            evaluate_decl(p, decl);
    }
}

/* ---- leftovers of services ---- */

static void look_for_leaves(void *ctx, size_t i)
{
    struct verifying *v = ctx;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    pthread_mutex_lock(&v->lock);
    struct candidate c = v->items[i];
    pthread_mutex_unlock(&v->lock);
    struct err err = ERR_INIT;
    const struct value *left;
    if (!c.schema || !c.schema->ops->leaves || !c.object || c.forgotten)
        return;
    struct op_ctx op = verify_context(v, &arena, &c);
    if (teardown_find_leaves(v->p, &op, c.object, &left, &err)) {
        if (!c.service_deleted || !unreachable_is(&err))
            verify_failed(v, &err, c.subject.address);
        return;
    }
    for (uint32_t k = 0; k < left->count; k++) {
        const struct value *leaf = left->items[k];
        struct str type = value_gets(leaf, "type");
        struct candidate own = {.provider = c.provider,
            .object = value_getz(leaf, "object"),
            .subject.address = c.subject.address,
            .subject.type = type,
            .subject.id = value_gets(leaf, "id"),
            .why = value_gets(leaf, "message"),
            .exists = true};
        pthread_mutex_lock(&v->lock);
        verify_add(v, &own);
        pthread_mutex_unlock(&v->lock);
    }
}

/* A candidate by tags only may have been forgotten; its leftovers are not the stack's either. */
static void find_forgotten(struct verifying *v)
{
    AUTO_MAP struct map forgotten = MAP_INIT;
    bool read = false;
    for (size_t i = 0; i < v->n; i++) {
        struct candidate *c = &v->items[i];
        if (c->named || c->recorded)
            continue;
        if (!read)
            forgotten_find(v->p->workspace, v->p->arena, &forgotten);
        read = true;
        c->forgotten =
            map_get(&forgotten, forgotten_key(v->p->arena, c->subject.type, c->subject.id)) != NULL;
    }
}

void verify_find(struct verifying *v)
{
    verify_find_deleted(v);
    add_recorded(v);
    add_declared(v);
    verify_find_owned(v);
    find_forgotten(v);
    pool_run(VERIFY_THREADS, v->n, look_for_leaves, v);
}
