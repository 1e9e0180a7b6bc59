/*
 * Whether anything is left of a destroyed stack. Each candidate is read: only resources that the service
 * reports now are leftovers, and not those of another stack or lineage. Candidates by tags, and services of
 * the stack.
 */
#include "plan/destroy/verify.h"

#include "base/clock.h"
#include "base/mem.h"
#include "plan/evaluate/connections.h"
#include "plan/evaluate/context.h"
#include "plan/refresh/refresh.h"

#include <stdlib.h>

/* ---- resources with the stack's ownership tags, by the tagging API, by listings, and in pure S3 stores by
 * their buckets; and services that the stack itself created ---- */

struct owned_search {
    struct verifying *v;
    struct provider *provider;
    const struct schema *schema;
};

static bool is_of_another_copy(const struct planner *p, const struct value *tags)
{
    struct str tag = value_gets(tags, "weir:state");
    struct str own = state_lineage(p->workspace->state);
    return tag.n && own.n && !str_eq(tag, own);
}

/* A queue's ARN has its name, but its id is a URL: it is looked up by name. False: it does not exist, or the
 * lookup failed. */
static bool complete_object(
    struct verifying *v, struct op_ctx *op, const struct value **object, struct str arn)
{
    const struct value *found = NULL;
    struct err err = ERR_INIT;
    if (!value_is_null(value_get(*object, op->schema->id)) || !op->schema->ops->find_by_name)
        return true;
    if (op->schema->ops->find_by_name(op, *object, &found, &err)) {
        if (err.class != ERR_ABSENT)
            verify_failed(v, &err, arn);
        return false;
    }
    *object = found ? value_merge(op->arena, *object, found) : NULL;
    return found;
}

/* Adds a candidate for each type that the ARN may be of; more precise forms first. */
static void add_by_arn(struct verifying *v, struct provider *provider, struct str arn, struct str address)
{
    struct catalog *catalog = v->p->workspace->catalog;
    size_t count;
    const struct str *names = catalog_names(catalog, false, &count);
    struct candidate c = {.provider = provider,
        .subject.address = address,
        .subject.id = arn,
        .subject.type = STR("?"),
        .why = STR("has this stack's ownership tags")};
    bool known = false;
    for (size_t i = 0; i < count; i++) {
        const struct schema *schema = catalog_find(catalog, names[i], false, ERR_IGNORED);
        const struct value *object = NULL;
        c.schema = schema;
        struct op_ctx op = verify_context(v, v->p->arena, &c);
        if (!schema || !schema->ops->by_arn || schema->ops->by_arn(&op, arn, &object, ERR_IGNORED) || !object)
            continue;
        known = true;
        if (!complete_object(v, &op, &object, arn))
            continue;
        c.object = object;
        c.subject.type = schema->name;
        c.subject.id = value_text(value_get(object, schema->id), arn);
        verify_add(v, &c);
    }
    c.schema = NULL;
    c.object = NULL;
    if (!known)
        verify_add(v, &c);
}

static void found_owned(void *ctx, const struct value *live)
{
    const struct owned_search *search = ctx;
    const struct value *tags = value_getz(live, "tags");
    if (is_of_another_copy(search->v->p, tags))
        return;
    struct candidate c = {.schema = search->schema,
        .provider = search->provider,
        .object = live,
        .subject.address = value_gets(tags, "weir:address"),
        .subject.type = search->schema->name,
        .subject.id = value_text(value_get(live, search->schema->id), STR_EMPTY),
        .why = STR("has this stack's ownership tags")};
    verify_add(search->v, &c);
}

/* True if this run has deleted the provider's service, by v->items. */
static bool verify_is_gone(const struct verifying *v, const struct provider *provider)
{
    for (size_t i = 0; i < v->n; i++)
        if (v->items[i].provider == provider && v->items[i].service_deleted)
            return true;
    return false;
}

static void search_failed(struct verifying *v, struct provider *provider, const struct err *err)
{
    if (verify_is_gone(v, provider) && unreachable_is(err))
        map_set(&v->unreachable, arena_printf(v->p->arena, "%p", (void *)provider), provider);
    else
        verify_failed(v, err, STR("the stack's ownership tags"));
}

/* In a store with S3 only: reads the tags of each bucket. Objects have no ownership tags. */
static void add_owned_buckets(struct verifying *v, struct provider *provider)
{
    struct err err = ERR_INIT;
    const struct schema *schema = catalog_find(v->p->workspace->catalog, STR("aws.s3.bucket"), false, &err);
    struct candidate c = {.schema = schema, .provider = provider, .subject.type = STR("aws.s3.bucket")};
    struct owned_search search = {v, provider, schema};
    struct op_ctx op = verify_context(v, v->p->arena, &c);
    if (!schema || schema->ops->list_owned(&op, true, found_owned, &search, &err))
        search_failed(v, provider, &err);
    else
        v->tags_searched = true;
}

/* True if all resources of the stack at the provider are S3's. */
static bool has_only_s3(const struct verifying *v, const struct provider *provider)
{
    for (size_t i = 0; i < v->n; i++) {
        const struct schema *schema = v->items[i].schema;
        if (v->items[i].provider == provider && schema && str_starts(schema->name, STR("aws.")) &&
            !str_starts(schema->name, STR("aws.s3.")))
            return false;
    }
    return true;
}

static void add_tagged(struct verifying *v)
{
    for (size_t i = 0; i < v->providers.n; i++) {
        struct provider *provider = v->providers.items[i].ptr;
        const struct value *list;
        struct err err = ERR_INIT;
        bool only_s3 = has_only_s3(v, provider);
        if (only_s3 && provider_is_store(provider, NULL)) {
            add_owned_buckets(v, provider);
            continue;
        }
        if (provider_list_owned(provider, v->p->arena, v->p->stack->name, &list, &err)) {
            if (only_s3 && provider_is_store(provider, &err))
                add_owned_buckets(v, provider);
            else
                search_failed(v, provider, &err);
            continue;
        }
        v->tags_searched = true;
        for (uint32_t k = 0; k < list->count; k++) {
            const struct value *tags = value_getz(list->items[k], "tags");
            if (!is_of_another_copy(v->p, tags))
                add_by_arn(v, provider, value_gets(list->items[k], "arn"), value_gets(tags, "weir:address"));
        }
    }
}

/* Lists types of the stack that the tagging API does not support. */
static void add_listed(struct verifying *v)
{
    AUTO_MAP struct map done = MAP_INIT;
    size_t n = v->n;
    for (size_t i = 0; i < n; i++) {
        struct candidate c = v->items[i];
        struct err err = ERR_INIT;
        struct owned_search search = {v, c.provider, c.schema};
        if (!c.schema || !c.schema->ops->list_owned || map_set(&done, c.subject.type, &done))
            continue;
        struct op_ctx op = verify_context(v, v->p->arena, &c);
        if (c.schema->ops->list_owned(&op, false, found_owned, &search, &err) &&
            !(c.service_deleted && unreachable_is(&err)))
            verify_failed(v, &err, c.subject.type);
    }
}

void verify_find_owned(struct verifying *v)
{
    add_tagged(v);
    add_listed(v);
}

/* ---- services that the stack itself created, and deleted with their contents ---- */

/* Values and builds (weir.*) are not part of a service, unless they start one. */
static bool is_deleted_part(
    const struct planner *p, const struct decl *decl, const struct recorded_resource *recorded)
{
    const struct record *record = recorded->record;
    return (!str_starts(record->subject.type, STR("weir.")) || unreachable_serves(decl)) &&
           !state_get(p->workspace->state, record->subject.address);
}

static bool stands_on_deleted(struct planner *p, const struct decl *config)
{
    AUTO_FREE bool *needed = mem_zalloc((p->stack->decl_count + 1) * sizeof *needed);
    depends_need(config, needed);
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        if (!needed[i] || decl->kind != DECL_RESOURCE)
            continue;
        const struct recorded_resource *recorded = map_get(p->recorded.by_declared, decl->address);
        for (; recorded; recorded = recorded->next_by_new)
            if (is_deleted_part(p, decl, recorded))
                return true;
    }
    return false;
}

static void verify_need(void *ctx, const struct decl *decl)
{
    depends_need(decl, ctx);
}

/* True if all records of the declaration are deleted. */
static bool are_deleted(const struct planner *p, const struct decl *decl)
{
    const struct recorded_resource *recorded = map_get(p->recorded.by_declared, decl->address);
    bool all = recorded != NULL;
    for (; recorded; recorded = recorded->next_by_new)
        all = all && is_deleted_part(p, decl, recorded);
    return all;
}

/* True if the route leads through deleted hosts only: another host may have the address now. */
static bool leads_nowhere(struct planner *p, const struct decl *config)
{
    AUTO_FREE bool *needed = mem_zalloc((p->stack->decl_count + 1) * sizeof *needed);
    bool machines = false, deleted = true;
    for (const struct decl *via = config->via; via; via = via->via)
        expr_each_decl(via->config, STR("host"), verify_need, needed);
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        if (!needed[i] || !unreachable_serves(decl))
            continue;
        machines = true;
        deleted = deleted && are_deleted(p, decl);
    }
    return machines && deleted;
}

void verify_find_deleted(struct verifying *v)
{
    struct planner *p = v->p;
    for (size_t i = 0; i < p->provider_count; i++)
        if (connections_depend(p, p->providers[i]) && stands_on_deleted(p, p->providers[i]))
            map_set(&v->deleted_services, p->providers[i]->full_name,
                leads_nowhere(p, p->providers[i]) ? (void *)&v->deleted_services : v);
}

enum { LOOKS = 4, FIRST_PAUSE_MS = 1000 };

struct op_ctx verify_context(struct verifying *v, struct arena *arena, const struct candidate *c)
{
    return op_context(v->p, arena, c->provider, c->schema, c->subject.address);
}

void verify_failed(struct verifying *v, const struct err *err, struct str what)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&v->lock);
    if (v->failure.class == ERR_NONE) {
        v->failure = *err;
        err_context(&v->failure, "looking for %.*s", STR_ARG(what));
    }
}

/* True if the live resource belongs to others; false without ownership tags. A resource that was just deleted
 * may be that of a copy of this stack with its own state; for one found by name the lineage does not matter,
 * since its state may be lost. */
static bool is_others(struct op_ctx *op, const struct value *live, bool deleted)
{
    const struct value *owner_tags = &value_empty_map;
    if (!op->schema->ops->ownership_tags ||
        op->schema->ops->ownership_tags(op, live, &owner_tags, ERR_IGNORED))
        return false;
    struct str stack = value_gets(owner_tags, "stack"), state = value_gets(owner_tags, "state");
    if (deleted && state.n && op->owner.lineage.n && !str_eq(state, op->owner.lineage))
        return true;
    return stack.n && !str_eq(stack, op->owner.stack);
}

/* An empty folder: a bucket reports one for any name. */
static bool is_hollow(const struct value *live)
{
    const struct value *count = value_getz(live, "count");
    return count && count->kind == VALUE_INT && !count->integer;
}

static void look_at_candidate(void *ctx, size_t i)
{
    struct verifying *v = ctx;
    struct candidate *c = &v->items[i];
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct value *live = NULL;
    struct err err = ERR_INIT;
    if (!c->schema) {
        c->exists = true; /* a leftover that was just found, or of an unknown type */
        return;
    }
    struct op_ctx op = verify_context(v, &arena, c);
    c->exists = false;
    c->unreadable = c->deleted && c->route_deleted;
    if (c->unreadable)
        return;
    const struct value *id = value_string_ref(&arena, c->schema->id);
    if (c->schema->ops->read(&op, c->object, value_list(&arena, &id, 1), &live, &err)) {
        c->unreadable = c->deleted && c->service_deleted && unreachable_is(&err);
        if (err.class != ERR_ABSENT && !c->unreadable)
            verify_failed(v, &err, c->subject.id);
        return;
    }
    c->exists =
        live && !is_hollow(live) &&
        !((c->named || c->deleted) && is_others(&op, value_merge(&arena, c->object, live), c->deleted));
}

static bool any_deleted_is_there(const struct verifying *v)
{
    for (size_t i = 0; i < v->n; i++)
        if (v->items[i].exists && v->items[i].deleted)
            return true;
    return false;
}

static void look_at_all(struct verifying *v)
{
    int64_t pause_ms = FIRST_PAUSE_MS;
    for (int round = 0; round < LOOKS; round++) {
        pool_run(VERIFY_THREADS, v->n, look_at_candidate, v);
        if (!any_deleted_is_there(v) || round + 1 == LOOKS || cancel_is_set(v->p->cancel))
            return;
        clock_sleep_ms(pause_ms);
        pause_ms *= 2;
    }
}

static int by_type_and_id(const void *a, const void *b)
{
    const struct leftover *x = a, *y = b;
    int order = str_cmp(x->subject.type, y->subject.type);
    return order ? order : str_cmp(x->subject.id, y->subject.id);
}

/* True if a location without an account (a store's, or not requested yet) is listed with one. */
static bool has_account_elsewhere(const struct verifying *v, struct str location)
{
    for (size_t i = 0; i < v->locations.n; i++) {
        const struct noted_location *other = v->locations.items[i].ptr;
        if (str_eq(other->without_account, location) && !str_eq(v->locations.items[i].key, location))
            return true;
    }
    return false;
}

static void report_locations(const struct verifying *v, struct verified *out)
{
    struct str *locations = ARENA_ARRAY(v->p->arena, struct str, v->locations.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < v->locations.n; i++) {
        const struct noted_location *noted = v->locations.items[i].ptr;
        struct str provider = arena_printf(v->p->arena, "%p", (void *)noted->provider);
        if (!map_get(&v->unreachable, provider) && !has_account_elsewhere(v, v->locations.items[i].key))
            locations[n++] = v->locations.items[i].key;
    }
    qsort(locations, n, sizeof *locations, str_order);
    out->locations = locations;
    out->location_count = n;
}

/* Candidates of unknown types are not read. */
static void report_asked(const struct verifying *v, struct verified *out)
{
    for (size_t i = 0; i < v->n; i++)
        out->lookups += v->items[i].schema && !v->items[i].unreadable;
    out->tags_searched = v->tags_searched;
}

static void report_unseen(const struct verifying *v, struct verified *out)
{
    struct str *unseen = ARENA_ARRAY(v->p->arena, struct str, v->n + 1);
    size_t n = 0;
    for (size_t i = 0; i < v->n; i++)
        if (v->items[i].unreadable)
            unseen[n++] = v->items[i].subject.address;
    qsort(unseen, n, sizeof *unseen, str_order);
    out->unverified = unseen;
    out->unverified_count = n;
}

static void report_leftovers(
    const struct verifying *v, bool forgotten, const struct leftover **out, size_t *n)
{
    struct leftover *list = ARENA_ARRAY(v->p->arena, struct leftover, v->n + 1);
    *n = 0;
    for (size_t i = 0; i < v->n; i++) {
        const struct candidate *c = &v->items[i];
        if (c->exists && c->forgotten == forgotten)
            list[(*n)++] = (struct leftover){.subject = c->subject, .why = c->why};
    }
    qsort(list, *n, sizeof *list, by_type_and_id);
    *out = list;
}

int plan_verify(struct plan *plan, const atomic_bool *cancel, struct verified *out, struct err *err)
{
    *out = (struct verified){0};
    struct verifying v = {.p = plan->planner, .lock = PTHREAD_MUTEX_INITIALIZER};
    planner_hand_over(v.p, cancel);
    verify_find(&v);
    look_at_all(&v);
    report_leftovers(&v, false, &out->leftovers, &out->leftover_count);
    report_leftovers(&v, true, &out->forgotten, &out->forgotten_count);
    report_locations(&v, out);
    report_unseen(&v, out);
    report_asked(&v, out);
    int status = 0;
    if (cancel_is_set(v.p->cancel))
        status = err_set(err, ERR_INTERRUPTED, "interrupted while looking for leftovers");
    else if (!out->leftover_count && v.failure.class != ERR_NONE) {
        *err = v.failure; /* leftovers are reported in any case; without any, a failed lookup must not count
                             as none */
        status = -1;
    }
    free(v.items);
    map_release(&v.known);
    map_release(&v.providers);
    map_release(&v.locations);
    map_release(&v.deleted_services);
    map_release(&v.unreachable);
    pthread_mutex_destroy(&v.lock);
    return status;
}
