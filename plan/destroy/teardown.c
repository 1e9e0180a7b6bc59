/*
 * How recorded resources are deleted, by the present stack; leftovers of services; obstacles to deletions.
 */
#include "plan/destroy/teardown.h"

#include "plan/evaluate/attributes.h"
#include "plan/evaluate/evaluate.h"
#include "plan/objects/recorded.h"

/* ---- obstacles to deletions ---- */

enum { REPORTED_AT_ONCE = 5 };

bool obstacle_is(const struct value *what)
{
    return value_getz(what, "stops") != NULL;
}

/* ---- contents that are deleted before ---- */

/* Earlier versions are where they were created, even if no record refers there any more. */
static int64_t versions_in(struct arena *arena, const struct change *change, const struct subject *container)
{
    const struct resource_ops *ops = change->schema->ops;
    const struct value *in = ops->outlasting ? ops->outlasting(arena, change->recorded->record->attrs) : NULL;
    const struct value *ids = value_as_list(value_get(in, container->type));
    int64_t n = 0;
    for (uint32_t i = 0; i < ids->count; i++)
        n += str_eq(value_text(ids->items[i], STR_EMPTY), container->id);
    return n;
}

/* How many of a recorded resource's objects are in the container that its attribute `within` names and are
 * deleted with it. A container with `keeps` still has versions of them afterwards. */
static int64_t resources_in(struct arena *arena, const struct change *change, struct str within,
    const struct subject *container, bool keeps)
{
    if (change->decision.action != ACTION_DELETE || !change->schema)
        return 0;
    const struct value *attrs = change->recorded->record->attrs;
    int64_t versions = versions_in(arena, change, container), files = value_geti(attrs, "count", 0);
    if (versions || keeps || !str_eq(value_text(value_get(attrs, within), STR_EMPTY), container->id))
        return versions;
    return files ? files : 1;
}

/* A command of the stack that depends on the resource may empty it. */
static bool is_command_of(const struct change *change, struct str address)
{
    const struct record *record = change->decision.action == ACTION_DELETE ? change->recorded->record : NULL;
    const struct value *deps = record && str_eqz(record->subject.type, "weir.command") ? record->deps : NULL;
    for (uint32_t i = 0; deps && i < deps->count; i++)
        if (str_eq(value_text(deps->items[i], STR_EMPTY), address) ||
            str_eq(value_text(deps->items[i], STR_EMPTY), address_declared(address)))
            return true;
    return false;
}

/* The counted objects of a bucket, unless it has more versions than that. -1: unknown. */
static int64_t counted_in(const struct value *counts)
{
    if (!counts || !counts->count)
        return -1;
    const struct value *first = counts->entries[0].value;
    int64_t n = value_geti(counts, "objects", first->kind == VALUE_INT ? first->integer : -1);
    return value_geti(counts, "versions", 0) > n ? -1 : n;
}

bool obstacle_is_deleted_first(struct planner *p, const struct change *change, const struct value *what)
{
    struct str within = value_gets(what, "within");
    const struct value *counts = value_getz(what, "counts");
    int64_t own = 0, owners = 0, there = counted_in(counts);
    bool command = false;
    if (there < 0 || !within.n)
        return false;
    for (size_t i = 0; i < p->decided.count; i++) {
        int64_t n = resources_in(p->arena, p->decided.changes[i], within, &change->recorded->record->subject,
            value_getb(what, "keeps_versions"));
        own += n;
        owners += n > 0; /* each may have an unfinished upload, which is deleted with it */
        command |= is_command_of(p->decided.changes[i], change->subject.address);
    }
    return command || (own >= there && owners >= value_geti(counts, "uploads", 0));
}

/* ---- messages ---- */

const struct value *obstacle_owner(
    struct arena *arena, const struct ownership *owner, struct str address, bool agreed)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    value_builder_text(&b, "message", owner->reason);
    if (owner->kind == OWNERSHIP_UNKNOWN)
        value_builder_text(&b, agreed ? "flag" : "lifts", STR("delete_adopted"));
    if (agreed)
        return value_builder_map(&b);
    value_builder_set(&b, STR("stops"), &value_true);
    value_builder_text(
        &b, "instead", arena_printf(arena, "`weir state rm '%.*s'` forgets it", STR_ARG(address)));
    return value_builder_map(&b);
}

const struct value *obstacle_existing(struct arena *arena, const struct value *what)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    value_builder_set(&b, STR("stops"), &value_true);
    value_builder_text(&b, "message",
        arena_printf(arena, "%.*s %.*s, as which it would stay, exists already",
            STR_ARG(value_gets(what, "type")), STR_ARG(value_gets(what, "id"))));
    value_builder_text(
        &b, "set", arena_printf(arena, "%.*s: ANOTHER-NAME", STR_ARG(value_gets(what, "needs"))));
    return value_builder_map(&b);
}

static void add_part(struct buf *out, const char *before, struct str text, const char *after)
{
    if (text.n)
        buf_addf(out, "%s%s%.*s%s", out->n ? ", or " : "", before, STR_ARG(text), after);
}

struct str obstacle_option(struct arena *arena, struct str flag)
{
    char *text = arena_strz(arena, flag);
    for (char *c = text; *c; c++)
        *c = (char)(*c == '_' ? '-' : *c);
    return flag.n ? arena_printf(arena, "--%s", text) : STR_EMPTY;
}

struct str obstacle_remedy(
    struct arena *arena, const struct plan *plan, const struct change *change, const struct value *what)
{
    AUTO_BUF struct buf out = BUF_INIT;
    /* The stack's attributes are used if the stack still has the resource; for `live` the service's own
     * are. */
    bool in_file = plan->destroy || change->decision.action == ACTION_REPLACE;
    bool before = value_getb(what, "live") || !in_file;
    struct str instead = value_gets(what, "instead");
    add_part(&out, "", obstacle_option(arena, value_gets(what, "lifts")), "");
    add_part(&out, before ? "apply `" : "`", value_gets(what, "set"), before ? "` before" : "` in the stack");
    if (out.n && instead.n && value_getz(what, "set"))
        buf_addf(&out, "; %.*s", STR_ARG(instead));
    else
        add_part(&out, "", instead, "");
    return arena_str(arena, buf_str(&out));
}

/* Obstacles in an error message, with their solutions. */
struct obstacles {
    const struct plan *plan;
    struct arena arena;
    struct buf names, ways;
    size_t n;
};

static void add_way(struct obstacles *all, const struct change *change, const struct value *what)
{
    struct str way = obstacle_remedy(&all->arena, all->plan, change, what);
    if (str_find(buf_str(&all->ways), way, 0) < 0)
        buf_addf(&all->ways, "%s%.*s", all->ways.n ? "; " : "", STR_ARG(way));
}

static void add_obstacle(struct obstacles *all, const struct change *change, const struct value *what)
{
    if (all->n++ >= REPORTED_AT_ONCE)
        return;
    buf_addf(&all->names, "%s%.*s (%.*s)", all->n > 1 ? ", " : "", STR_ARG(change->subject.address),
        STR_ARG(value_gets(what, "message")));
    add_way(all, change, what);
}

int plan_check_deletions(const struct plan *plan, struct err *err)
{
    struct obstacles all = {.plan = plan};
    for (size_t i = 0; i < plan->change_count; i++) {
        const struct change *c = plan->changes[i];
        for (uint32_t k = 0; c->data_loss && k < c->data_loss->count; k++)
            if (obstacle_is(c->data_loss->items[k]))
                add_obstacle(&all, c, c->data_loss->items[k]);
    }
    if (all.n > REPORTED_AT_ONCE)
        buf_addf(&all.names, " and %zu more, which the plan lists", all.n - REPORTED_AT_ONCE);
    if (all.n) {
        err_set(err, ERR_INVALID, "deletions that are blocked: %.*s; nothing was changed", (int)all.names.n,
            all.names.p);
        err_hint(err, "to allow it: %.*s", (int)all.ways.n, all.ways.p);
    }
    buf_release(&all.names);
    buf_release(&all.ways);
    arena_release(&all.arena);
    return all.n ? -1 : 0;
}

/* ---- configured attributes ---- */

static void steer_instances(struct planner *p, const struct decl *decl)
{
    struct instances *list = &p->evaluated.instances[decl->index];
    if (!evaluate_instances(p, decl))
        *list = (struct instances){.keyed = decl->for_each != NULL};
    for (size_t i = 0; i < list->n; i++) {
        struct instance *instance = &list->items[i];
        struct recorded_resource *recorded = recorded_find(&p->recorded, instance->address);
        instance->planned = recorded ? recorded->live : &value_unknown;
        if (recorded)
            recorded->weir_only = evaluate_weir_only(p, instance, p->arena);
    }
}

void teardown_weir_only(struct planner *p)
{
    /* Attributes that cannot be computed, because a resource is deleted, stay as recorded. Diagnostics are
     * dropped: a destroy depends on the records only. */
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    struct planner aside = planner_aside(p, &ignored);
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        if (p->evaluated.fixed[i])
            continue;
        if (decl->kind == DECL_RESOURCE)
            steer_instances(&aside, decl);
        if (decl->kind == DECL_DATA)
            aside.evaluated.values[i] = &value_unknown;
        else
            evaluate_decl(&aside, decl);
    }
}

/* ---- leftovers of services ---- */

struct leaf_search {
    struct planner *p;
    struct arena *arena;
    const struct value *leaf;
    const struct schema *schema;
    struct value_builder *found;
};

static bool is_at(const struct planner *p, struct str address, const struct schema *schema, struct str id)
{
    const struct record *record = state_get(p->workspace->state, address);
    return record && str_eq(record->subject.type, schema->name) && str_eq(record->subject.id, id);
}

/* True for a recorded resource, which is deleted or kept as such, also at its new address by `moved:`. A
 * resource that was deleted and exists again was created by a service, such as a log group by a running
 * function. */
static bool is_recorded(const struct planner *p, const struct schema *schema, struct str id)
{
    for (size_t i = 0; i < p->recorded.count; i++) {
        const struct recorded_resource *recorded = &p->recorded.items[i];
        if (str_eq(recorded->record->subject.id, id) &&
            (is_at(p, recorded->address, schema, id) ||
                is_at(p, recorded->record->subject.address, schema, id)))
            return true;
    }
    return false;
}

static void found_leaf(void *ctx, const struct value *live)
{
    struct leaf_search *search = ctx;
    struct str id = value_text(value_get(live, search->schema->id), STR_EMPTY);
    if (!id.n || is_recorded(search->p, search->schema, id))
        return;
    struct value_entry entries[] = {{STR("type"), value_string_ref(search->arena, search->schema->name)},
        {STR("id"), value_string(search->arena, id)}, {STR("message"), value_getz(search->leaf, "message")},
        {STR("kept"), value_getz(search->leaf, "kept")}, {STR("object"), value_copy(search->arena, live)}};
    value_builder_add(search->found, value_map(search->arena, entries, 5));
}

/* Managed resources have their own ownership tags. Leftovers of services have none, or those of the original
 * resource (a snapshot may copy the tags). */
static bool is_left(const struct op_ctx *ctx, const struct schema *schema, const struct value *object)
{
    struct op_ctx own = *ctx;
    const struct value *owner_tags = &value_empty_map;
    own.schema = schema;
    if (schema->ops->ownership_tags && schema->ops->ownership_tags(&own, object, &owner_tags, ERR_IGNORED))
        return false;
    struct str stack = value_gets(owner_tags, "stack"), address = value_gets(owner_tags, "address");
    return !stack.n || (str_eq(stack, ctx->owner.stack) && str_eq(address, ctx->address));
}

int teardown_find_leaves(struct planner *p, const struct op_ctx *ctx, const struct value *object,
    const struct value **out, struct err *err)
{
    struct op_ctx own = *ctx;
    const struct value *list = &value_empty_list;
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(ctx->arena), left = VALUE_BUILDER(ctx->arena);
    *out = &value_empty_list;
    if (!ctx->schema->ops->leaves)
        return 0;
    if (ctx->schema->ops->leaves(&own, object, &list, err))
        return -1;
    for (uint32_t i = 0; i < list->count; i++) {
        struct str type = value_gets(list->items[i], "type");
        struct leaf_search search = {.p = p,
            .arena = ctx->arena,
            .leaf = list->items[i],
            .schema = catalog_find(p->workspace->catalog, type, false, err),
            .found = &all};
        if (!search.schema)
            return -1;
        own.schema = search.schema;
        if (search.schema->ops->search &&
            search.schema->ops->search(&own, value_getz(list->items[i], "match"), found_leaf, &search, err))
            return err_context(err, "looking for %.*s", STR_ARG(type));
    }
    for (size_t i = 0; i < all.n; i++) {
        const struct value *item = all.entries[i].value;
        const struct schema *schema =
            catalog_find(p->workspace->catalog, value_gets(item, "type"), false, ERR_IGNORED);
        if (is_left(ctx, schema, value_getz(item, "object")))
            value_builder_add(&left, item);
    }
    *out = value_builder_list(&left);
    return 0;
}

void teardown_leaves(struct planner *p, struct op_ctx *ctx, const struct value *object)
{
    const struct value *list;
    struct err err = ERR_INIT;
    char text[sizeof err.message + 256];
    if (teardown_find_leaves(p, ctx, object, &list, &err)) {
        snprintf(text, sizeof text, "leftovers of services were not removed: %s", err.message);
        op_warn(ctx, text);
        return;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        struct str type = value_gets(list->items[i], "type");
        struct str id = value_gets(list->items[i], "id");
        struct op_ctx own = *ctx;
        struct err failure = ERR_INIT;
        if (value_getb(list->items[i], "kept"))
            continue;
        own.schema = catalog_find(p->workspace->catalog, type, false, &failure);
        own.owner.untagged = true; /* created by a service from a managed resource */
        own.owner.owner_checked = false;
        own.owner.recorded = NULL;
        if (own.schema->ops->delete (
                &own, p->options->teardown, value_getz(list->items[i], "object"), &failure) == 0)
            continue;
        snprintf(
            text, sizeof text, "left behind: %.*s %.*s: %s", STR_ARG(type), STR_ARG(id), failure.message);
        op_warn(ctx, text);
    }
}
