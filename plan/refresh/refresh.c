/* Refresh: reads the live objects of recorded resources. */
#include "plan/refresh/refresh.h"

#include "base/clock.h"
#include "base/mem.h"
#include "plan/evaluate/connections.h"
#include "plan/evaluate/context.h"
#include "plan/evaluate/evaluate.h"
#include "plan/objects/objects.h"
#include "plan/objects/plan_scope.h"

#include <stdlib.h>

/* ---- results, from several threads ---- */

bool refresh_note_unreachable(struct refresh *r, struct str provider, const struct err *err)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&r->lock);
    return unreachable_note(r->p, provider, err);
}

void refresh_fail(struct refresh *r, const struct err *err)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&r->lock);
    if (!r->failed)
        r->err = *err;
    r->failed = true;
}

void refresh_note_ownership(
    struct refresh *r, struct recorded_resource *recorded, const struct value *owner_tags)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&r->lock);
    recorded->owner_tags = value_copy(r->p->arena, owner_tags);
}

void refresh_leave(struct recorded_resource *recorded, bool unread)
{
    recorded->live = recorded->record->attrs;
    recorded->read = false;
    recorded->unread = unread;
}

/* ---- which resources are read ---- */

static struct group *group_of(struct refresh *r, const struct schema *schema, struct provider *provider)
{
    for (size_t i = 0; i < r->group_count; i++)
        if (r->groups[i].schema == schema && r->groups[i].provider == provider)
            return &r->groups[i];
    MEM_GROW(r->groups, r->group_cap, r->group_count + 1);
    r->groups[r->group_count] = (struct group){.schema = schema, .provider = provider};
    return &r->groups[r->group_count++];
}

/* True if the service keeps a secret of it, of which the record may have only a hash. */
static bool keeps_secret(const struct schema *schema, const struct recorded_resource *recorded)
{
    for (size_t i = 0; i < schema->attr_count; i++)
        if (refresh_is_kept_secret(schema, recorded, schema->attrs[i].name))
            return true;
    return false;
}

/* In a refresh for routes only: true if a route uses a secret of it. */
static bool is_on_a_route(const struct refresh *r, const struct recorded_resource *recorded)
{
    const struct decl *decl = stack_find(r->p->stack, address_declared(recorded->address));
    const struct schema *schema =
        catalog_find(r->p->workspace->catalog, recorded->record->subject.type, false, ERR_IGNORED);
    return decl && r->routes[decl->index] && schema && keeps_secret(schema, recorded);
}

/* Resources that are not targeted stay as recorded. */
static bool is_meant(const struct planner *p, const struct recorded_resource *recorded)
{
    if (!p->options->target_count)
        return true;
    const struct decl *decl = stack_find(p->stack, address_declared(recorded->address));
    return decl ? p->targets.targeted[decl->index] && targets_have(p, decl, recorded->address)
                : address_matches(recorded->address, p->options->targets, p->options->target_count);
}

/* `late`: only those whose provider depends on resources; otherwise only the others. */
static int add_recorded(struct refresh *r, struct recorded_resource *recorded, bool late, struct err *err)
{
    struct planner *p = r->p;
    if (r->routes ? !is_on_a_route(r, recorded) : !is_meant(p, recorded))
        return 0;
    const struct schema *schema =
        catalog_find(p->workspace->catalog, recorded->record->subject.type, false, ERR_IGNORED);
    if (!schema) /* an error unless `removed:` forgets it, or the stack has another type for it */
        return 0;
    if (!schema->ops->read || schema->finished_is_final)
        return 0; /* it exists in the state only */
    struct provider *provider;
    if (late != location_depends(p, recorded->record->subject.provider))
        return 0;
    if (late && !location_known(p, recorded->record->subject.provider, recorded->record->location)) {
        refresh_leave(recorded, true);
        return 0;
    }
    if (location_provider(
            p, recorded->record->subject.provider, recorded->record->location, &provider, err)) {
        if (!refresh_note_unreachable(r, recorded->record->subject.provider, err))
            return -1;
        *err = (struct err)ERR_INIT;
        refresh_leave(recorded, true);
        return 0;
    }
    struct group *group = group_of(r, schema, provider);
    MEM_GROW(group->items, group->cap, group->n + 1);
    group->items[group->n++] = recorded;
    return 0;
}

/* Changes that the service has accepted but not made yet are no difference, but are reported. */
static void tell_pending(struct planner *p, const struct recorded_resource *recorded)
{
    const struct schema *schema =
        catalog_find(p->workspace->catalog, recorded->record->subject.type, false, ERR_IGNORED);
    const struct value *names =
        schema && schema->pending.n ? value_get(recorded->live, schema->pending) : NULL;
    if (!names || names->kind != VALUE_LIST || !names->count)
        return;
    AUTO_BUF struct buf text = BUF_INIT;
    for (uint32_t i = 0; i < names->count; i++) {
        buf_addz(&text, i ? ", " : "");
        buf_add_str(&text, value_text(names->items[i], STR_EMPTY));
    }
    buf_addf(&text, " pending until %.*s", STR_ARG(schema->pending_until));
    observe(&p->observer,
        &(struct event){
            .kind = EVENT_NOTE, .address = recorded->address, .text = arena_strz(p->arena, buf_str(&text))});
}

static void clear_refresh(struct refresh *r)
{
    for (size_t i = 0; i < r->group_count; i++) {
        free(r->groups[i].items);
        map_release(&r->groups[i].by_id);
    }
    r->group_count = r->single_count = 0;
    refresh_tags_release(&r->tags);
}

static void release_refresh(struct refresh *r)
{
    clear_refresh(r);
    free(r->groups);
    free(r->singles);
    pthread_mutex_destroy(&r->lock);
}

static bool wants_tags(
    struct refresh *r, struct arena *scratch, const struct group *group, struct recorded_resource *recorded)
{
    const struct value *wanted = refresh_wanted(r->p, scratch, group->schema, recorded);
    for (size_t i = 0; i < group->schema->attr_count; i++)
        if (group->schema->attrs[i].type->kind == TYPE_TAGS)
            return value_list_has(wanted, group->schema->attrs[i].name);
    return false;
}

/* Shared listings read the tags of all workspaces. */
static void ask_tags(struct refresh *r)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    for (size_t g = 0; g < r->group_count; g++) {
        struct group *group = &r->groups[g];
        for (size_t i = 0; i < group->n && !(group->bulk && r->p->workspace->options->shared); i++)
            if (wants_tags(r, &scratch, group, group->items[i]))
                refresh_tags_want(&r->tags, group->provider, group->schema, group->items[i]->record->attrs,
                    group->bulk ? group : NULL);
    }
    refresh_tags_ask(&r->tags);
}

/* ---- all of it ---- */

/* `late`: only resources whose providers depend on other resources. */
static int read_all(struct refresh *r, bool late, struct err *err)
{
    struct planner *p = r->p;
    size_t count = 0;
    clear_refresh(r);
    for (size_t i = 0; i < p->recorded.count; i++)
        if (add_recorded(r, &p->recorded.items[i], late, err))
            return -1;
    for (size_t g = 0; g < r->group_count; g++)
        count += r->groups[g].n;
    if (!count)
        return 0;
    char text[64];
    snprintf(text, sizeof text, "reading %zu resource%s", count, count == 1 ? "" : "s");
    observe(&p->observer, &(struct event){.kind = EVENT_REFRESH, .text = text, .count = count});
    int threads = p->options->parallelism ? p->options->parallelism : 32;
    for (size_t g = 0; g < r->group_count; g++)
        refresh_choose_bulk(r, &r->groups[g]);
    ask_tags(r);
    pool_run(threads, r->group_count, refresh_list_group, r);
    if (!r->failed)
        refresh_collect_singles(r);
    pool_run(threads, r->single_count, refresh_read_single, r);
    p->plan->refresh_count += count;
    p->plan->refreshed_quickly = p->options->quick_refresh;
    return 0;
}

/* Reads only resources of these declarations with secrets that a service keeps. */
static int read_some(struct planner *p, const bool *routes, struct err *err)
{
    struct refresh r = {.p = p, .tags = {.p = p}, .routes = routes, .lock = PTHREAD_MUTEX_INITIALIZER};
    int status = read_all(&r, false, err);
    if (r.failed) {
        *err = r.err;
        status = -1;
    }
    release_refresh(&r);
    return status;
}

/* ---- live values from a plan file ---- */

/* Finds referenced resources with a hash in the file. False: none. */
static bool find_hashed(const struct planner *p, bool *hashed)
{
    AUTO_FREE bool *referred = mem_zalloc((p->stack->decl_count + 1) * sizeof *referred);
    bool any = false;
    for (size_t i = 0; i < p->stack->decl_count; i++)
        for (size_t k = 0; k < p->stack->decls[i]->dep_count; k++)
            referred[p->stack->decls[i]->deps[k]->index] = true;
    for (size_t i = 0; i < p->recorded.count; i++) {
        const struct recorded_resource *recorded = &p->recorded.items[i];
        const struct decl *decl = stack_find(p->stack, address_declared(recorded->address));
        if (decl && referred[decl->index] && recorded->read && object_holds_hash(recorded->live))
            any = hashed[decl->index] = true;
    }
    return any;
}

/* The saved object, with secrets that still match their hashes. */
static const struct value *with_secrets(
    struct arena *arena, const struct value *then, const struct value *now)
{
    const struct value *whole = then;
    for (uint32_t i = 0; then && i < then->count; i++) {
        const struct value *v = value_get(now, then->entries[i].key);
        if (object_hash_matches(then->entries[i].value, v))
            whole = value_with(arena, whole, then->entries[i].key, v);
    }
    return whole;
}

/* Without a key the file has only hashes of secrets that services keep: these are read again. */
static int read_hashed(struct planner *p, struct err *err)
{
    AUTO_FREE bool *hashed = mem_zalloc((p->stack->decl_count + 1) * sizeof *hashed);
    if (!find_hashed(p, hashed))
        return 0;
    const struct value **then = ARENA_ARRAY(p->arena, const struct value *, p->recorded.count);
    for (size_t i = 0; i < p->recorded.count; i++)
        then[i] = p->recorded.items[i].live;
    int status = read_some(p, hashed, err);
    for (size_t i = 0; i < p->recorded.count; i++)
        if (p->recorded.items[i].live != then[i])
            p->recorded.items[i].live = with_secrets(p->arena, then[i], p->recorded.items[i].live);
    return status;
}

static int refresh_from_saved(struct planner *p, struct err *err)
{
    for (size_t i = 0; i < p->recorded.count; i++) {
        const struct value *live =
            value_get(p->options->saved_live, p->recorded.items[i].record->subject.address);
        if (!live || concurrent_leaves(p, p->recorded.items[i].address))
            continue;
        p->recorded.items[i].live = value_is_null(live) ? NULL : live;
        p->recorded.items[i].owner_tags =
            value_get(p->options->saved_ownership, p->recorded.items[i].record->subject.address);
        p->recorded.items[i].read = true;
    }
    p->plan->refreshed = true;
    return read_hashed(p, err);
}

/* ---- refreshing ---- */

int refresh_records(struct planner *p, struct err *err)
{
    if (p->options->saved_live)
        return refresh_from_saved(p, err);
    struct refresh r = {.p = p, .tags = {.p = p}, .lock = PTHREAD_MUTEX_INITIALIZER};
    int64_t start = clock_mono_ms();
    uint64_t requests = workspace_requests(p->workspace);
    int status = read_all(&r, false, err);
    connections_refreshed(p);
    if (!status && !r.failed)
        status = read_all(&r, true, err);
    if (p->plan->refresh_count) {
        p->plan->refresh_requests = workspace_requests(p->workspace) - requests;
        p->plan->refresh_ms = clock_mono_ms() - start;
        observe(&p->observer,
            &(struct event){
                .kind = EVENT_REFRESH_DONE, .count = p->plan->refresh_requests, .ms = p->plan->refresh_ms});
    }
    p->plan->refreshed = true;
    for (size_t i = 0; i < p->recorded.count && !r.failed; i++)
        tell_pending(p, &p->recorded.items[i]);
    if (r.failed) {
        *err = r.err;
        status = -1;
    }
    release_refresh(&r);
    return status;
}

int refresh_routes(struct planner *p, struct err *err)
{
    AUTO_FREE bool *routes = mem_zalloc((p->stack->decl_count + 1) * sizeof *routes);
    for (size_t i = 0; i < p->stack->decl_count; i++)
        if (connections_depend(p, p->stack->decls[i]))
            depends_need(p->stack->decls[i], routes);
    int status = read_some(p, routes, err);
    connections_refreshed(p);
    return status;
}
