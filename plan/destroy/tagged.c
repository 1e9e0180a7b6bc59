/* Finds ownership tags by the tagging API, and by listings of types that it does not support; records the
 * resources in a state. */
#include "plan/destroy/tagged.h"

#include "base/clock.h"
#include "base/mem.h"
#include "plan/evaluate/context.h"
#include "plan/evaluate/lease.h"
#include "provider/kind.h"

#include <stdlib.h>

struct gathering {
    struct planner *p;
    struct provider *provider;
    const struct schema *schema; /* the listed type */
    struct arena *arena;
    struct owned_groups *out;
    struct map seen; /* type and id of each */
};

/* ---- groups ---- */

static struct owned_group *group_of(struct gathering *g, struct str stack, struct str lineage)
{
    struct owned_groups *out = g->out;
    for (size_t i = 0; i < out->n; i++)
        if (str_eq(out->groups[i].lineage, lineage) && str_eq(out->groups[i].stack, stack))
            return &out->groups[i];
    MEM_GROW(out->groups, out->cap, out->n + 1);
    out->groups[out->n] =
        (struct owned_group){.stack = arena_str(g->arena, stack), .lineage = arena_str(g->arena, lineage)};
    return &out->groups[out->n++];
}

static void add_owned(
    struct gathering *g, const struct schema *schema, const struct value *object, const struct value *tags)
{
    struct str id = value_text(value_get(object, schema->id), STR_EMPTY),
               stack = value_gets(tags, "weir:stack"), lineage = value_gets(tags, "weir:state");
    struct str key = arena_printf(g->arena, "%.*s %.*s", STR_ARG(schema->name), STR_ARG(id));
    if (!id.n || !stack.n || !lineage.n || map_set(&g->seen, key, g))
        return;
    struct owned_resource resource = {.schema = schema,
        .object = value_copy(g->arena, object),
        .arn = arena_str(g->arena, value_gets(object, "arn")),
        .intent = arena_str(g->arena, value_gets(tags, "weir:intent")),
        .made_ms = state_token_ms(value_gets(tags, "weir:intent")),
        .subject = {.address = arena_str(g->arena, value_gets(tags, "weir:address")),
            .type = schema->name,
            .provider = STR("aws"),
            .id = arena_str(g->arena, id)}};
    time_parse_rfc3339(value_gets(tags, "weir:lease"), &resource.until_ms);
    if (provider_location(g->provider, schema, true, g->arena, &resource.location, ERR_IGNORED))
        resource.location = NULL;
    struct owned_group *group = group_of(g, stack, lineage);
    MEM_GROW(group->resources, group->cap, group->n + 1);
    group->resources[group->n++] = resource;
    if (resource.until_ms > group->until_ms)
        group->until_ms = resource.until_ms;
    if (resource.made_ms && (!group->made_ms || resource.made_ms < group->made_ms))
        group->made_ms = resource.made_ms;
}

static void note_unseen(struct gathering *g, struct str what, const struct err *err)
{
    if (g->out->unlisted_types++)
        return;
    g->out->first_error = *err;
    err_context(&g->out->first_error, "looking for %.*s", STR_ARG(what));
}

/* ---- by ARN ---- */

/* A queue's ARN has its name, but its id is a URL: it is looked up by name. */
static const struct value *with_id(struct op_ctx *op, const struct value *object)
{
    const struct value *found = NULL;
    if (!value_is_null(value_get(object, op->schema->id)) || !op->schema->ops->find_by_name ||
        op->schema->ops->find_by_name(op, object, &found, ERR_IGNORED) || !found)
        return object;
    return value_merge(op->arena, object, found);
}

/* Adds the resource with that ARN as the service reports it, if its own ownership tags match. */
static bool add_if_there(struct gathering *g, const struct schema *schema, struct str arn,
    const struct value *tags, const struct value *object)
{
    struct err err = ERR_INIT;
    const struct value *owner_tags = NULL, *live = NULL;
    struct op_ctx op = op_context(g->p, g->arena, g->provider, schema, STR_EMPTY);
    object = with_id(&op, object);
    if (!schema->ops->ownership_tags || schema->ops->ownership_tags(&op, object, &owner_tags, &err) ||
        !owner_tags || !str_eq(value_gets(owner_tags, "intent"), value_gets(tags, "weir:intent")))
        return false;
    if (schema->ops->read(&op, object, NULL, &live, &err)) {
        note_unseen(g, arn, &err);
        return true;
    }
    if (live)
        add_owned(g, schema, value_merge(g->arena, object, live), tags);
    return true;
}

static void add_arn(struct gathering *g, struct str arn, const struct value *tags)
{
    struct catalog *catalog = g->p->workspace->catalog;
    size_t count;
    const struct str *names = catalog_names(catalog, false, &count);
    for (size_t i = 0; i < count; i++) {
        const struct schema *schema = catalog_find(catalog, names[i], false, ERR_IGNORED);
        const struct value *object = NULL;
        struct op_ctx op = op_context(g->p, g->arena, g->provider, schema, STR_EMPTY);
        if (!schema || !schema->ops->by_arn || !schema->ops->read)
            continue;
        if (!schema->ops->by_arn(&op, arn, &object, ERR_IGNORED) && object &&
            add_if_there(g, schema, arn, tags, object))
            return;
    }
}

/* ---- by listing ---- */

static void found_listed(void *ctx, const struct value *live)
{
    struct gathering *g = ctx;
    const struct value *tags = value_getz(live, "tags"), *whole = NULL;
    struct err err = ERR_INIT;
    struct op_ctx op = op_context(g->p, g->arena, g->provider, g->schema, STR_EMPTY);
    const struct value *object = value_with(g->arena, live, STR("tags"), NULL);
    if (!value_gets(tags, "weir:state").n)
        return;
    if (g->schema->ops->read(&op, object, NULL, &whole, &err))
        note_unseen(g, g->schema->name, &err);
    else if (whole)
        add_owned(g, g->schema, value_merge(g->arena, object, whole), tags);
}

static void add_listed(struct gathering *g, bool only_buckets)
{
    struct catalog *catalog = g->p->workspace->catalog;
    size_t count;
    const struct str *names = catalog_names(catalog, false, &count);
    for (size_t i = 0; i < count; i++) {
        struct err err = ERR_INIT;
        g->schema = catalog_find(catalog, names[i], false, &err);
        if (!g->schema || !g->schema->service || !g->schema->ops->list_owned || !g->schema->ops->read ||
            (only_buckets && !str_eqz(names[i], "aws.s3.bucket")))
            continue;
        struct op_ctx op = op_context(g->p, g->arena, g->provider, g->schema, STR_EMPTY);
        op.owner.stack = STR_EMPTY; /* any stack */
        if (g->schema->ops->list_owned(&op, only_buckets, found_listed, g, &err))
            note_unseen(g, names[i], &err);
    }
}

/* ---- all ---- */

static int by_stack(const void *a, const void *b)
{
    const struct owned_group *x = a, *y = b;
    int order = str_cmp(x->stack, y->stack);
    return order ? order : str_cmp(x->lineage, y->lineage);
}

static int gather_owned(struct gathering *g, struct err *err)
{
    const struct value *list;
    if (workspace_provider(g->p->workspace, STR("aws"), NULL, &g->provider, err))
        return -1;
    struct err failure = ERR_INIT;
    bool store = provider_is_store(g->provider, NULL);
    if (!store && provider_list_owned(g->provider, g->arena, STR_EMPTY, &list, &failure)) {
        store = provider_is_store(g->provider, &failure);
        if (!store) {
            *err = failure;
            return err_context(err, "looking for weir's ownership tags");
        }
    }
    for (uint32_t i = 0; !store && i < list->count; i++)
        add_arn(g, value_gets(list->items[i], "arn"), value_getz(list->items[i], "tags"));
    add_listed(g, store);
    return 0;
}

int plan_find_owned(
    struct workspace *workspace, struct arena *arena, struct owned_groups *out, struct err *err)
{
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    struct plan_options options = {.offline = true};
    *out = (struct owned_groups){0};
    struct gathering g = {.p = planner_new(workspace, &options, &ignored), .arena = arena, .out = out};
    int status = gather_owned(&g, err);
    map_release(&g.seen);
    plan_free(g.p->plan);
    if (out->n)
        qsort(out->groups, out->n, sizeof *out->groups, by_stack);
    out->now_ms = lease_now(workspace, &out->by_service);
    return status;
}

void owned_release(struct owned_groups *owned)
{
    for (size_t i = 0; i < owned->n; i++)
        free(owned->groups[i].resources);
    free(owned->groups);
}

bool owned_mentions(const struct value *v, struct str id, struct str arn)
{
    if (v->kind == VALUE_STRING)
        return str_eq(v->string, id) || (arn.n && str_eq(v->string, arn));
    for (uint32_t i = 0; (v->kind == VALUE_LIST || v->kind == VALUE_MAP) && i < v->count; i++)
        if (owned_mentions(v->kind == VALUE_LIST ? v->items[i] : v->entries[i].value, id, arn))
            return true;
    return false;
}

/* ---- recording them ---- */

/* jobs/a in a tag means jobs["a"], if the stack has that resource with a for_each. */
static struct str address_for(const struct workspace *workspace, struct arena *arena, struct str tag)
{
    size_t at = str_after_last(tag, "/");
    if (at > 1 && !stack_find(workspace->stack, tag)) {
        const struct decl *decl = stack_find(workspace->stack, str_slice(tag, 0, at - 1));
        if (decl && decl->kind == DECL_RESOURCE && decl->for_each)
            return address_instance(arena, decl->address, value_string_ref(arena, str_slice(tag, at, tag.n)));
    }
    return tag;
}

/* Returns a valid and unused address. */
static struct str fresh_address(struct arena *arena, struct map *taken, struct str address)
{
    struct str plain, key;
    if (!address.n || !address_split(arena, address, &plain, &key))
        address = STR("found");
    struct str fresh = address;
    for (int n = 2; map_get(taken, fresh); n++)
        fresh = arena_printf(arena, "%.*s-%d", STR_ARG(address), n);
    map_set(taken, fresh, taken);
    return fresh;
}

static const struct value *deps_of(
    struct arena *arena, const struct owned_group *group, const struct str *addresses, size_t of)
{
    AUTO_BUILDER struct value_builder deps = VALUE_BUILDER(arena);
    for (size_t i = 0; i < group->n; i++)
        if (i != of && owned_mentions(group->resources[of].object, group->resources[i].subject.id,
                           group->resources[i].arn))
            value_builder_add(&deps, value_string_ref(arena, addresses[i]));
    return value_builder_list(&deps);
}

static int record_all(struct state *state, const struct owned_group *group, const struct str *addresses,
    struct arena *arena, struct err *err)
{
    for (size_t i = 0; i < group->n; i++) {
        const struct owned_resource *resource = &group->resources[i];
        struct outcome outcome = {.record = {.subject = resource->subject,
                                      .attrs = resource->object,
                                      .set = &value_empty_list,
                                      .deps = deps_of(arena, group, addresses, i),
                                      .location = resource->location},
            .action = STR("adopt"),
            .schema = resource->schema,
            .given = &value_empty_map};
        outcome.record.subject.address = addresses[i];
        if (state_done(state, &outcome, err))
            return -1;
    }
    struct lease lease = {.until_ms = group->until_ms};
    return lease.until_ms ? state_set_lease(state, &lease, err) : 0;
}

int owned_record(struct workspace *workspace, const struct owned_group *group, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    AUTO_MAP struct map taken = MAP_INIT;
    struct state *state = workspace->state;
    struct str *addresses = ARENA_ARRAY(&arena, struct str, group->n + 1);
    if (state_count(state) || (state_lineage(state).n && !str_eq(state_lineage(state), group->lineage)))
        return err_set(err, ERR_EXISTS, "the state %.*s already belongs to another stack",
            STR_ARG(state_description(state)));
    for (size_t i = 0; i < group->n; i++)
        addresses[i] = fresh_address(
            &arena, &taken, address_for(workspace, &arena, group->resources[i].subject.address));
    state_take_lineage(state, group->lineage);
    return state_begin(state, "adopt", NULL, err) || record_all(state, group, addresses, &arena, err) ||
                   state_end(state, "done", NULL, NULL, err) || state_flush(state, err)
               ? -1
               : 0;
}
