/*
 * How recorded resources are deleted, as the stack says now, not as some earlier run recorded; and what
 * services leave behind of them.
 */
#include "plan/destroy/teardown.h"

#include "plan/evaluate/attributes.h"
#include "plan/evaluate/evaluate.h"
#include "plan/evaluate/instances.h"
#include "plan/objects/recorded.h"

#include <stdio.h>

/* ---- what the stack says now ---- */

static void steer_instances(struct planner *p, const struct decl *decl)
{
    struct instances *list = &p->evaluated.instances[decl->index];
    if (!evaluate_instances(p, decl))
        *list = (struct instances){.keyed = decl->for_each != NULL};
    for (size_t i = 0; i < list->n; i++) {
        struct instance *instance = &list->items[i];
        struct seen *seen = recorded_find(&p->recorded, instance->address);
        instance->planned = seen ? seen->live : &value_unknown;
        if (seen)
            seen->steering = evaluate_steering(p, instance, p->arena);
    }
}

void teardown_steering(struct planner *p)
{
    /* Whatever cannot be computed, for want of a resource that is gone, stays as it was recorded. And of a
     * destroy the records alone are the plan. */
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

/* ---- what services left ---- */

struct leaf_search {
    struct planner *p;
    struct arena *arena;
    const struct value *leaf;
    const struct schema *schema;
    struct value_builder *found;
};

/* A resource of its own in this state goes, or stays, as that. What went already and is there again was made
 * anew: by a function that logged once more. */
static bool is_recorded(const struct planner *p, const struct schema *schema, struct str id)
{
    for (size_t i = 0; i < p->recorded.count; i++)
        if (str_eq(p->recorded.seen[i].record->subject.type, schema->name) &&
            str_eq(p->recorded.seen[i].record->subject.id, id))
            return state_get(p->workspace->state, p->recorded.seen[i].address);
    return false;
}

static void found_leaf(void *ctx, const struct value *live)
{
    struct leaf_search *search = ctx;
    struct str id = value_text(value_get(live, search->schema->id), STR_EMPTY);
    if (!id.n || is_recorded(search->p, search->schema, id))
        return;
    struct value_entry entries[] = {{STR("type"), value_string_ref(search->arena, search->schema->name)},
        {STR("id"), value_string(search->arena, id)}, {STR("says"), value_getz(search->leaf, "says")},
        {STR("kept"), value_getz(search->leaf, "kept")}, {STR("object"), value_copy(search->arena, live)}};
    value_builder_add(search->found, value_map(search->arena, entries, 5));
}

/* Something that a stack manages bears its marks; what a service made bears none, or those of what it was
 * made for (a snapshot may take over the tags). */
static bool is_left(const struct op_ctx *ctx, const struct schema *schema, const struct value *object)
{
    struct op_ctx own = *ctx;
    const struct value *marks = &value_empty_map;
    own.schema = schema;
    if (schema->ops->marks && schema->ops->marks(&own, object, &marks, ERR_IGNORED))
        return false;
    struct str stack = value_gets(marks, "stack"), address = value_gets(marks, "address");
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

static bool is_kept(const struct value *leaf)
{
    const struct value *kept = value_getz(leaf, "kept");
    return kept && kept->kind == VALUE_BOOL && kept->boolean;
}

void teardown_leaves(struct planner *p, struct op_ctx *ctx, const struct value *object)
{
    const struct value *list;
    struct err err = ERR_INIT;
    char text[sizeof err.message + 256];
    if (teardown_find_leaves(p, ctx, object, &list, &err)) {
        snprintf(text, sizeof text, "what services left of it was not removed: %s", err.message);
        op_warn(ctx, text);
        return;
    }
    for (uint32_t i = 0; i < list->count; i++) {
        struct str type = value_gets(list->items[i], "type");
        struct str id = value_gets(list->items[i], "id");
        struct op_ctx own = *ctx;
        struct err failure = ERR_INIT;
        if (is_kept(list->items[i]))
            continue;
        own.schema = catalog_find(p->workspace->catalog, type, false, &failure);
        own.owner.unmarked = true; /* a service made it, of what was ours */
        own.owner.found_out = false;
        own.owner.recorded = NULL;
        if (own.schema->ops->delete (
                &own, p->options->teardown, value_getz(list->items[i], "object"), &failure) == 0)
            continue;
        snprintf(
            text, sizeof text, "left behind: %.*s %.*s: %s", STR_ARG(type), STR_ARG(id), failure.message);
        op_warn(ctx, text);
    }
}
