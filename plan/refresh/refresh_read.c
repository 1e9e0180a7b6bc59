/*
 * Refresh one at a time: resources that no listing covers or that it shows as changed; and which attributes
 * to read: see refresh.h.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "plan/evaluate/context.h"
#include "plan/objects/objects.h"
#include "plan/refresh/refresh.h"

/* ---- attributes to read ---- */

/* Names in `wanted` that `covered` lacks. */
static const struct value *refresh_left(
    struct arena *arena, const struct value *wanted, const struct value *covered)
{
    struct value_builder left = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < wanted->count; i++)
        if (!value_list_has(covered, wanted->items[i]->string))
            value_builder_add(&left, wanted->items[i]);
    return value_builder_list(&left);
}

bool refresh_is_readable(const struct schema *schema, struct str name)
{
    const struct attr *attr = schema_attr(schema, name);
    return attr && !attr->local && !attr->write_only;
}

bool refresh_is_kept_secret(
    const struct schema *schema, const struct recorded_resource *recorded, struct str name)
{
    const struct attr *attr = schema_attr(schema, name);
    return attr && attr->computed && attr->sensitive &&
           !value_is_null(value_get(recorded->record->attrs, name));
}

const struct value *refresh_wanted(struct planner *p, struct arena *arena, const struct schema *schema,
    const struct recorded_resource *recorded)
{
    struct value_builder wanted = VALUE_BUILDER(arena);
    for (uint32_t i = 0; recorded->record->set && i < recorded->record->set->count; i++)
        if (refresh_is_readable(schema, recorded->record->set->items[i]->string))
            value_builder_add(&wanted, recorded->record->set->items[i]);
    struct str declared, key;
    const struct decl *decl =
        address_split(arena, recorded->address, &declared, &key) ? stack_find(p->stack, declared) : NULL;
    for (size_t i = 0; decl && i < decl->attr_count; i++)
        if (refresh_is_readable(schema, decl->attrs[i].name) &&
            !value_list_has(recorded->record->set, decl->attrs[i].name))
            value_builder_add(&wanted, value_string_ref(arena, decl->attrs[i].name));
    /* Secrets that the service keeps: the record may have only a hash, and other resources may refer to
     * them. */
    for (size_t i = 0; i < schema->attr_count; i++)
        if (refresh_is_kept_secret(schema, recorded, schema->attrs[i].name))
            value_builder_add(&wanted, value_string_ref(arena, schema->attrs[i].name));
    return value_builder_list(&wanted);
}

const struct value *refresh_wanted_by(struct refresh *r, struct arena *arena, const struct group *group)
{
    struct value_builder names = VALUE_BUILDER(arena);
    for (size_t i = 0; i < group->n; i++) {
        const struct value *wanted = refresh_wanted(r->p, arena, group->schema, group->items[i]);
        for (uint32_t k = 0; k < wanted->count; k++)
            value_builder_set(&names, wanted->items[k]->string, wanted->items[k]);
    }
    const struct value *unique = value_builder_map(&names);
    struct value_builder list = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < unique->count; i++)
        value_builder_add(&list, unique->entries[i].value);
    return value_builder_list(&list);
}

struct single {
    struct refresh *refresh;
    struct recorded_resource *recorded;
};

static void add_single(struct refresh *r, struct group *group, struct recorded_resource *recorded)
{
    MEM_GROW(r->singles, r->single_cap, r->single_count + 1);
    r->singles[r->single_count].group = group;
    r->singles[r->single_count++].recorded = recorded;
}

/* True if live is still what it was before a recent change of weir: some services are eventually
 * consistent. */
static bool is_behind(const struct group *group, const struct record *record, const struct value *live)
{
    const struct schema *schema = group->schema;
    int64_t written_ms;
    if (record->tainted || !time_parse_rfc3339(record->recent_since, &written_ms) ||
        clock_wall_ms() - written_ms > schema->settles_ms)
        return false;
    for (uint32_t i = 0; record->set && i < record->set->count; i++) {
        const struct attr *attr = schema_attr(schema, record->set->items[i]->string);
        if (!attr || !refresh_is_readable(schema, attr->name))
            continue;
        const struct value *is = value_get(live, attr->name), *was = value_get(record->before, attr->name);
        const struct value *recorded = value_get(record->attrs, attr->name);
        if (!attr_equal(attr, recorded, is) && !object_hash_matches(recorded, is) &&
            attr_equal(attr, value_is_null(was) ? attr->default_value : was,
                value_is_null(is) ? attr->default_value : is))
            return true;
    }
    return false;
}

/* The tagging API lags behind: tags that differ from the record are read from the service again. */
static bool tags_differ(
    const struct group *group, const struct recorded_resource *recorded, const struct value *live)
{
    for (size_t i = 0; i < group->schema->attr_count; i++) {
        const struct attr *attr = &group->schema->attrs[i];
        const struct value *v = attr->type->kind == TYPE_TAGS ? value_get(live, attr->name) : NULL;
        if (v && !attr_equal(attr, value_get(recorded->record->attrs, attr->name), v))
            return true;
    }
    return false;
}

static int read_once(struct op_ctx *op, const struct group *group, const struct recorded_resource *recorded,
    const struct value *prior, const struct value *wanted, const struct value **live, struct err *err)
{
    if (group->schema->ops->read(op, prior, wanted, live, err))
        return -1;
    if (!op->known_tags || !*live || !tags_differ(group, recorded, *live))
        return 0;
    op->known_tags = NULL;
    return group->schema->ops->read(op, prior, wanted, live, err);
}

/* Reads until the service is consistent, or another run has changed the record. */
static int read_settled(struct refresh *r, struct op_ctx *op, const struct group *group,
    const struct recorded_resource *recorded, const struct value *base, const struct value *wanted,
    const struct value **live, struct err *err)
{
    const struct value *prior = value_merge(op->arena, recorded->record->attrs, base);
    for (int64_t pause = 250;; pause = pause < 4000 ? pause * 2 : pause) {
        if (read_once(op, group, recorded, prior, wanted, live, err))
            return -1;
        bool given_up = cancel_is_set(op->cancel);
        if (!*live || given_up || !is_behind(group, recorded->record, value_merge(op->arena, base, *live)) ||
            state_may_be_outdated(r->p->workspace->state, recorded->record->subject.address))
            return 0;
        clock_sleep_ms(pause);
    }
}

static void read_ownership_tags(void *ctx, struct str id UNUSED, const struct value *owner_tags)
{
    struct single *single = ctx;
    refresh_note_ownership(single->refresh, single->recorded, owner_tags);
}

static void reading_failed(struct refresh *r, struct recorded_resource *recorded, struct err *err)
{
    err_context(err, "reading %.*s", STR_ARG(recorded->address));
    if (!recorded->record->subject.id.n)
        err_hint(err,
            "the state has no id for it: look whether the service has one, then \"weir state rm '%.*s'\"",
            STR_ARG(recorded->address));
    if (refresh_note_unreachable(r, recorded->record->subject.provider, err))
        refresh_leave(recorded, true);
    else
        refresh_fail(r, err);
}

/* Merges what was read into what a listing returned; NULL: deleted. */
static void keep_live(struct refresh *r, const struct group *group, struct recorded_resource *recorded,
    const struct value *base, const struct value *live)
{
    pthread_mutex_lock(&r->lock);
    if (live)
        live = value_merge(r->p->arena, base, value_copy(r->p->arena, live));
    recorded->live = live ? object_from_live(r->p->arena, group->schema, recorded->record, live) : NULL;
    pthread_mutex_unlock(&r->lock);
    recorded->read = true;
}

void refresh_read_single(void *refresh, size_t i)
{
    struct refresh *r = refresh;
    struct group *group = r->singles[i].group;
    struct recorded_resource *recorded = r->singles[i].recorded;
    if (r->failed)
        return;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct op_ctx op = op_context(r->p, &arena, group->provider, group->schema, recorded->address);
    const struct decl *decl = stack_find(r->p->stack, address_declared(recorded->address));
    op.dir = decl ? local_dir(decl) : r->p->stack->dir;
    struct single single = {r, recorded};
    struct op_observer observer = {.ctx = &single, .ownership_tags = read_ownership_tags};
    op.observer = &observer;
    op.known_tags = refresh_tags_of(&r->tags, group->provider);
    const struct value *live = NULL, *wanted = refresh_wanted(r->p, &arena, group->schema, recorded);
    /* The listing agrees: only attributes that it did not cover. */
    const struct value *base =
        recorded->read && refresh_listing_agrees(group, recorded) ? recorded->live : NULL;
    if (base)
        wanted = refresh_left(&arena, wanted, group->covered);
    struct err err = ERR_INIT;
    if (read_settled(r, &op, group, recorded, base, wanted, &live, &err))
        reading_failed(r, recorded, &err);
    else
        keep_live(r, group, recorded, base, live);
}

/* In a quick refresh: resources without a listing stay as recorded, except for secrets that only the service
 * has. */
static bool is_quick(struct refresh *r, const struct group *group, struct recorded_resource *recorded)
{
    bool shown = group->listed && recorded->read && refresh_listing_agrees(group, recorded);
    if (!r->p->options->quick_refresh || (group->bulk && !shown))
        return false;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct value *left = refresh_wanted(r->p, &scratch, group->schema, recorded);
    if (shown)
        left = refresh_left(&scratch, left, group->covered);
    for (uint32_t i = 0; i < left->count; i++)
        if (refresh_is_kept_secret(group->schema, recorded, left->items[i]->string))
            return false;
    if (shown)
        recorded->live = value_merge(r->p->arena, recorded->record->attrs, recorded->live);
    else
        refresh_leave(recorded, false);
    return true;
}

void refresh_collect_singles(struct refresh *r)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    for (size_t g = 0; g < r->group_count; g++) {
        struct group *group = &r->groups[g];
        for (size_t i = 0; i < group->n && !group->unreachable; i++) {
            struct recorded_resource *recorded = group->items[i];
            if (is_quick(r, group, recorded))
                continue;
            bool complete = group->listed && recorded->read && refresh_listing_agrees(group, recorded) &&
                            !refresh_left(&scratch, refresh_wanted(r->p, &scratch, group->schema, recorded),
                                group->covered)
                                 ->count;
            if (!complete)
                add_single(r, group, recorded);
        }
    }
}
