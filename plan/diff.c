/*
 * The three-way diff: desired (the file), recorded (the last apply), live (the service now).
 *
 *   in the file                    desired against live, under the attribute's rule
 *   recorded, not in the file      it was taken out: back to the default, or the facet is deleted
 *   neither                        not ours, whatever its value
 *   live differs from recorded     drift; shown as such, then handled by the rules above
 */
#include "plan/diff.h"

#include "base/mem.h"
#include "plan/address.h"
#include "plan/context.h"
#include "plan/objects.h"
#include "plan/places.h"
#include "plan/replace_trigger.h"

#include <stdio.h>

static struct change *new_change(struct planner *p, struct subject subject, enum action action)
{
    struct change *change = ARENA_NEW(p->arena, struct change);
    change->subject = subject;
    change->action = action;
    return change;
}

static struct str provider_of(const struct decl *decl)
{
    return decl->provider ? decl->provider->full_name : decl->provider_name;
}

struct change *instance_change(struct planner *p, struct instance *instance)
{
    if (!instance->change) {
        const struct decl *decl = instance->decl;
        const struct record *record = instance->seen ? instance->seen->record : NULL;
        struct subject subject = {.address = instance->address,
            .type = decl->schema->name,
            .provider = provider_of(decl),
            .id = record ? record->subject.id : STR_EMPTY};
        struct change *change = new_change(p, subject, ACTION_NOOP);
        change->schema = decl->schema;
        change->instance = instance;
        if (record && !str_eq(record->subject.address, instance->address))
            change->moved_from = record->subject.address;
        instance->change = change;
    }
    return instance->change;
}

static void set_differences(struct planner *p, struct change *change, const struct difference *list, size_t n)
{
    change->attrs = ARENA_ARRAY(p->arena, struct attr_change, n ? n : 1);
    change->attr_count = n;
    for (size_t i = 0; i < n; i++)
        change->attrs[i] = (struct attr_change){
            .name = list[i].attr->name,
            .attr = list[i].attr,
            .before = list[i].before,
            .after = list[i].after,
            .replaces = list[i].replaces,
        };
}

/* What the service does not tell, the record knows: such things have not changed by being replaced. */
static const struct value *value_before(
    const struct seen *seen, const struct attr *attr, const struct value *after)
{
    const struct value *v = seen ? value_get(seen->live, attr->name) : NULL;
    if (!v && seen && (attr->local || attr->write_only))
        v = value_get(seen->record->attrs, attr->name);
    return v && object_hash_matches(v, after) ? after : v;
}

/* For a create: everything that is set, and what will be known. */
static void set_all(
    struct planner *p, struct change *change, const struct value *planned, const struct seen *seen)
{
    struct attr_change *attrs =
        ARENA_ARRAY(p->arena, struct attr_change, planned->count ? planned->count : 1);
    size_t n = 0;
    for (uint32_t i = 0; i < planned->count; i++) {
        const struct attr *attr = schema_attr(change->schema, planned->entries[i].key);
        if (attr && !value_is_null(planned->entries[i].value))
            attrs[n++] = (struct attr_change){.name = attr->name,
                .attr = attr,
                .before = value_before(seen, attr, planned->entries[i].value),
                .after = planned->entries[i].value};
    }
    change->attrs = attrs;
    change->attr_count = n;
}

/* ---- drift ---- */

static void find_drift(struct planner *p, struct instance *instance)
{
    const struct seen *seen = instance->seen;
    if (!seen->read)
        return;
    if (!seen->live) {
        instance_change(p, instance)->gone = true;
        p->plan->drifted = true;
        return;
    }
    struct attr_change *drift = NULL;
    size_t n = 0;
    const struct value *set = seen->record->set;
    for (uint32_t i = 0; set && i < set->count; i++) {
        const struct attr *attr = schema_attr(instance->decl->schema, set->items[i]->string);
        if (!attr || attr->local || attr->write_only)
            continue;
        const struct value *recorded = value_get(seen->record->attrs, attr->name),
                           *live = value_get(seen->live, attr->name);
        if (attr_equal(attr, recorded, live) || object_hash_matches(recorded, live))
            continue;
        if (!drift)
            drift = ARENA_ARRAY(p->arena, struct attr_change, set->count);
        bool secret = attr->sensitive || value_is_sensitive(recorded);
        drift[n++] = (struct attr_change){.name = attr->name,
            .attr = attr,
            .before = recorded,
            .after = secret && live ? value_mark(p->arena, live, VALUE_SENSITIVE) : live};
    }
    if (!n)
        return;
    struct change *change = instance_change(p, instance);
    change->drift = drift;
    change->drift_count = n;
    p->plan->drifted = true;
}

/* ---- decisions ---- */

static int predict(struct planner *p, struct instance *instance, const struct value *prior,
    struct provider *provider, struct err *err)
{
    const struct schema *schema = instance->decl->schema;
    if (!schema->ops->predict) {
        instance->planned = instance->desired;
        return 0;
    }
    if (p->options.offline) {
        instance->planned = object_unknown(p->arena, schema, instance->desired);
        return 0;
    }
    struct op_ctx op = instance_context(p, p->arena, provider, instance);
    if (schema->ops->predict(&op, instance->desired, prior, &instance->planned, err))
        return err_context(err, "planning %.*s", STR_ARG(instance->address));
    instance->planned = object_mark(p->arena, schema, instance->planned, NULL);
    return 0;
}

static bool decide(
    struct planner *p, struct instance *instance, enum action action, const struct value *prior)
{
    struct err err = ERR_INIT;
    struct provider *provider = NULL;
    bool asks = instance->decl->schema->ops->predict && !p->options.offline;
    instance->action = action;
    if (asks && evaluate_provider(p, instance->decl, &provider, &err)) {
        instance->planned = NULL;
        return plan_provider_failed(p, instance->decl, &err);
    }
    if (predict(p, instance, prior, provider, &err)) {
        instance->planned = NULL; /* unknown to others, so that they do not fail for the same reason */
        return plan_failed(p, instance->decl->span, &err);
    }
    struct change *change = instance_change(p, instance);
    change->action = action;
    p->pending[instance->decl->index] = true;
    return true;
}

static bool decide_create(struct planner *p, struct instance *instance)
{
    if (!decide(p, instance, ACTION_CREATE, NULL))
        return false;
    set_all(p, instance->change, instance->planned, NULL);
    return true;
}

static bool forbidden(
    struct planner *p, const struct decl *decl, struct str address, const char *what, const char *why)
{
    struct diag *d = diag_error(p->diags, decl ? decl->span : (struct span){0},
        "%.*s would be %s%s, but has lifecycle prevent_destroy", STR_ARG(address), what, why);
    if (decl)
        diag_hint(p->diags, d, "set prevent_destroy to false first, or leave it out with --target");
    else
        diag_hint(p->diags, d,
            "declare it again with prevent_destroy: false and destroy it with --target, or let go of it with "
            "`removed: [{address: %.*s, destroy: false}]`",
            STR_ARG(address));
    return false;
}

static bool adopted_forbids(
    struct planner *p, const struct record *record, struct span span, const char *what)
{
    if (!record->adopted || p->options.delete_adopted)
        return false;
    struct diag *d =
        diag_error(p->diags, span, "%.*s would be %s, but it was there before this stack took it over",
            STR_ARG(record->subject.address), what);
    diag_hint(p->diags, d,
        "--delete-adopted agrees to that; `removed: [{address: %.*s, destroy: false}]` forgets it instead",
        STR_ARG(record->subject.address));
    return true;
}

static bool decide_replace(
    struct planner *p, struct instance *instance, const char *reason, const struct difference *list, size_t n)
{
    const struct decl *decl = instance->decl;
    if (decl->lifecycle.prevent_destroy)
        return forbidden(p, decl, instance->address, "replaced", "");
    if (adopted_forbids(p, instance->seen->record, decl->span, "replaced") ||
        !decide(p, instance, ACTION_REPLACE, NULL))
        return false;
    struct change *change = instance->change;
    change->adopted = instance->seen->record->adopted;
    instance->create_before_destroy = decl->lifecycle.create_before_destroy || decl->schema->create_first;
    change->create_before_destroy = instance->create_before_destroy;
    change->reason = str_z(reason);
    set_all(p, change, instance->planned, instance->seen);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < change->attr_count; k++)
            if (change->attrs[k].attr == list[i].attr)
                change->attrs[k].replaces = list[i].replaces;
    return true;
}

static bool diff_with_live(struct planner *p, struct instance *instance, const struct value *live)
{
    const struct decl *decl = instance->decl;
    const struct record *record = instance->seen ? instance->seen->record : NULL;
    struct difference *list;
    size_t n = diff_objects(p->arena, decl->schema, &decl->lifecycle, instance->desired, live, record, &list);
    bool replace = false;
    for (size_t i = 0; i < n; i++)
        replace |= list[i].replaces;
    struct str moves;
    if (record && record->tainted)
        return decide_replace(p, instance, "half-made by an earlier run", list, n);
    if (record && place_moves(p, instance, &moves))
        return decide_replace(p, instance, moves.p, list, n);
    if (record && address_matches(instance->address, p->options.replaces, p->options.replace_count))
        return decide_replace(p, instance, "asked for with --replace", list, n);
    if (record && decl->lifecycle.trigger_count && triggered(p, instance))
        return decide_replace(p, instance, "replace_triggered_by", list, n);
    if (record && replace)
        return decide_replace(p, instance, "", list, n);
    if (n) {
        if (!decide(p, instance, record ? ACTION_UPDATE : ACTION_ADOPT, live))
            return false;
        set_differences(p, instance->change, list, n);
        return true;
    }
    instance->action = ACTION_NOOP;
    instance->planned = object_complete(p->arena, decl->schema, instance->desired, live, false);
    instance->planned = object_mark(p->arena, decl->schema, instance->planned, NULL);
    if (!record) {
        instance->action = ACTION_ADOPT;
        instance_change(p, instance)->action = ACTION_ADOPT;
    } else if (record->prevent_destroy != decl->lifecycle.prevent_destroy) {
        /* The record has to know: it is all there is once the resource is no longer in the file. */
        instance->action = ACTION_UPDATE;
        instance_change(p, instance)->action = ACTION_UPDATE;
        instance->change->reason = record->prevent_destroy ? STR("no longer protected by prevent_destroy")
                                                           : STR("now protected by prevent_destroy");
    } else if (instance->seen->address.p != record->subject.address.p) {
        instance_change(p, instance); /* nothing but a move */
    }
    return true;
}

bool diff_instance(struct planner *p, struct instance *instance)
{
    struct seen *seen = instance->seen;
    if (instance->import_live) {
        const struct schema *schema = instance->decl->schema;
        instance->import_live = object_ours(p->arena, schema, instance->import_live, instance->desired,
            object_set(p->arena, schema, instance->desired));
        bool ok = diff_with_live(p, instance, instance->import_live);
        if (ok)
            instance->change->subject.id =
                value_text(value_get(instance->import_live, instance->decl->schema->id), STR_EMPTY);
        return ok;
    }
    if (!seen)
        return decide_create(p, instance);
    find_drift(p, instance);
    if (!seen->live)
        return decide_create(p, instance);
    if (!str_eq(seen->record->subject.type, instance->decl->schema->name)) {
        struct diag *d = diag_error(p->diags, instance->decl->span,
            "\"%.*s\" is recorded as %.*s and is now %.*s", STR_ARG(instance->address),
            STR_ARG(seen->record->subject.type), STR_ARG(instance->decl->schema->name));
        diag_hint(p->diags, d, "give the new resource another name");
        return false;
    }
    return diff_with_live(p, instance, seen->live);
}

/* ---- what is in the state only ---- */

const struct removed *removed_of(struct planner *p, struct str address)
{
    for (size_t i = 0; i < p->stack->removed_count; i++)
        if (address_matches(address, &p->stack->removed[i].address, 1))
            return &p->stack->removed[i];
    return NULL;
}

static void list_attributes(struct planner *p, struct change *change, const struct record *record)
{
    const struct value *set = record->set;
    change->attrs = ARENA_ARRAY(p->arena, struct attr_change, set && set->count ? set->count : 1);
    for (uint32_t i = 0; set && i < set->count; i++) {
        const struct attr *attr = schema_attr(change->schema, set->items[i]->string);
        if (attr)
            change->attrs[change->attr_count++] = (struct attr_change){
                .name = attr->name, .attr = attr, .before = value_get(record->attrs, attr->name)};
    }
}

static bool diff_orphan(struct planner *p, struct seen *seen)
{
    const struct record *record = seen->record;
    const struct removed *removed = removed_of(p, seen->address);
    bool forget = removed && !removed->destroy && !p->options.destroy;
    struct str declared, key;
    const struct decl *decl =
        address_split(p->arena, seen->address, &declared, &key) ? stack_find(p->stack, declared) : NULL;
    if (!forget && (decl ? decl->lifecycle.prevent_destroy : record->prevent_destroy))
        return forbidden(
            p, decl, seen->address, "destroyed", decl ? "" : ", as the stack does not have it any more");
    if (!forget && adopted_forbids(p, record, decl ? decl->span : (struct span){0}, "destroyed"))
        return false;
    struct err err = ERR_INIT;
    const struct schema *schema = catalog_find(p->workspace->catalog, record->subject.type, false, &err);
    if (!schema && !forget) {
        diag_error(p->diags, (struct span){0}, "%.*s in the state: %s", STR_ARG(record->subject.address),
            err.message);
        return false;
    }
    struct change *change = new_change(p, record->subject, forget ? ACTION_FORGET : ACTION_DELETE);
    change->schema = schema;
    change->reason = p->options.destroy ? STR_EMPTY
                     : forget           ? STR("removed: it stays where it is")
                                        : STR("not in the stack any more");
    change->gone = seen->read && !seen->live;
    change->adopted = record->adopted;
    if (schema)
        list_attributes(p, change, record);
    MEM_GROW(p->changes, p->change_cap, p->change_count + 1);
    p->changes[p->change_count++] = *change;
    return true;
}

bool diff_orphans(struct planner *p)
{
    bool ok = true;
    for (size_t i = 0; i < p->seen_count; i++)
        if (!p->seen[i].claimed)
            ok &= diff_orphan(p, &p->seen[i]);
    return ok;
}
