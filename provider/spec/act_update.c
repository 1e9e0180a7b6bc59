/*
 * Updates: only the steps affected by the change, with the other members of their requests filled in from the
 * live object; then changed sub-resources, entries, members and tags.
 */
#include "base/clock.h"
#include "provider/spec/act.h"

/* ---- Shared by creation and update: reading back what no response had, waiting until ready, lookups before
 * a step, putting a sub-resource. */

/* Reads until the object is visible, or deleted: changes take up to a minute to be visible everywhere. */
static int read_until(struct act *act, const struct value *object, const struct value *wanted, bool gone,
    int64_t within_ms, const struct value **live, struct err *err)
{
    int64_t until_ms = clock_mono_ms() + within_ms;
    for (int64_t pause = 250;; pause = pause < 4000 ? pause * 2 : pause) {
        if (act_read(act, object, wanted, live, err))
            return -1;
        if (gone == !*live || clock_mono_ms() > until_ms)
            return 0;
        if (cancel_sleep_ms(act->ctx->cancel, pause, err))
            return -1;
    }
}

int act_read_back(struct act *act, const struct value *object, const struct value *wanted,
    const struct value **live, struct err *err)
{
    int64_t given = act->ctx->timeout_ms;
    int64_t within_ms = given > 0 && given < RUN_APPEARS_WITHIN_MS ? given : RUN_APPEARS_WITHIN_MS;
    if (read_until(act, object, wanted, false, within_ms, live, err))
        return -1;
    return *live ? 0 : err_set(err, ERR_ABSENT, "it was created, but the service does not report it");
}

int act_see_deleted(struct act *act, const struct value *object, struct err *err)
{
    const struct value *live;
    if (read_until(act, object, &value_empty_list, true, RUN_APPEARS_WITHIN_MS, &live, err))
        return -1;
    if (!live)
        return 0;
    err_set(err, ERR_PROTOCOL, "the service accepted the deletion, but it still exists");
    err->lost = true;
    return -1;
}

int act_wait_live(struct act *act, const struct value *object, const struct value **live, struct err *err)
{
    const struct value *ready;
    if (act_wait_ready(act, value_merge(act->arena, object, *live), &ready, err))
        return -1;
    /* Later values take precedence over earlier ones. */
    for (size_t i = 0; ready && i < act->type->attr_count; i++) {
        const struct attr *attr = act->type->attrs[i].attr;
        const struct value *v = value_get(ready, attr->name);
        if (attr->computed && !value_is_null(v))
            *live = value_with(act->arena, *live, attr->name, v);
    }
    return 0;
}

/* Adds computed attributes of the live object to the desired one. */
static const struct value *with_computed(
    struct act *act, const struct value *object, const struct value *seen)
{
    for (size_t i = 0; i < act->type->attr_count; i++) {
        const struct attr *attr = act->type->attrs[i].attr;
        const struct value *v = value_get(seen, attr->name);
        if (attr->computed && !attr->settable && !value_is_null(v))
            object = value_with(act->arena, object, attr->name, v);
    }
    return object;
}

int act_look(struct act *act, const struct spec_step *step, const struct value **object, struct err *err)
{
    const struct value *document, *doc;
    struct err failure = ERR_INIT;
    if (act_step(act, step, *object, &document, &failure)) {
        if (failure.class == ERR_ABSENT)
            return 0;
        return err_raise(err, &failure);
    }
    doc = document ? act_at(act, step, document, *object) : NULL;
    if (doc)
        *object = with_computed(act, *object, act_decode(act, step, doc, NULL));
    return 0;
}

void act_see(struct act *act, const struct spec_step *step, const struct value *doc)
{
    if (doc && !step->reply.sparse)
        act->seen = act_decode(act, step, doc, NULL);
}

bool act_is_default(const struct attr *attr, const struct value *v)
{
    return attr->default_value && attr_equal(attr, v, attr->default_value);
}

/* Waits if the step makes the resource busy. */
static int act_wait_step(
    struct act *act, const struct spec_step *step, const struct value *object, struct err *err)
{
    const struct value *live = NULL;
    return step->wait ? act_wait_live(act, object, &live, err) : 0;
}

/* A put repeated after a lost response may find the setting in place: attached, associated. */
int act_put_sub_resource(
    struct act *act, const struct spec_owned *sub_resource, const struct value *object, struct err *err)
{
    const struct value *document;
    if (!act_applies(act, sub_resource->put, object))
        return 0;
    int failed = sub_resource->put->list.each
                     ? act_now(act, sub_resource->put, object, &document, err)
                     : act_bring_about(act, sub_resource->put, object, NULL, ERR_EXISTS, false, err);
    return failed ? -1 : act_wait_step(act, sub_resource->put, object, err);
}

struct updating {
    struct act *act;
    const struct value *prior, *desired, *changed;
    const struct value *object; /* desired over the known object */
    const struct value *live;   /* computed values from responses */
    bool any;
};

static bool update_changes(const struct updating *u, struct str name)
{
    return act_wants(u->changed, name);
}

static size_t changed_among(const struct updating *u, const struct spec_names *names)
{
    size_t changed = 0;
    for (size_t i = 0; i < names->count; i++)
        changed += update_changes(u, names->items[i]);
    return changed;
}

static bool step_concerned(const struct updating *u, const struct spec_step *step)
{
    const struct spec_names *names =
        step->when.changed.count ? &step->when.changed : &step->call.request.attrs;
    size_t changed = changed_among(u, names);
    return step->when.only_change ? changed && changed == u->changed->count : changed > 0;
}

/* Returns what is sent for an attribute that was removed from the configuration. */
static const struct value *reset_value(const struct spec_attr *attr)
{
    return attr->attr->unset ? attr->attr->unset : attr->attr->default_value;
}

/* True if a live value of this attribute conflicts with what is sent. Of two conflicting live attributes the
 * one that declares the conflict is left out: services return it besides the other one. */
static bool update_excludes(const struct updating *u, const struct spec_attr *attr, const struct value *live)
{
    for (size_t i = 0; i < u->act->type->attr_count; i++) {
        const struct attr *other = u->act->type->attrs[i].attr;
        bool rivals =
            str_eq(other->conflicts, attr->attr->name) || str_eq(attr->attr->conflicts, other->name);
        bool follows = str_eq(attr->attr->conflicts, other->name);
        if (rivals && (!value_is_null(value_get(u->desired, other->name)) ||
                          (follows && !value_is_null(value_get(live, other->name)))))
            return true;
    }
    return false;
}

/* Keeps keys of a shared map that others have set. */
static const struct value *with_others(
    struct arena *arena, const struct value *wanted, const struct value *ours, const struct value *live)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; live && live->kind == VALUE_MAP && i < live->count; i++)
        if (!value_get(ours, live->entries[i].key))
            value_builder_set(&b, live->entries[i].key, live->entries[i].value);
    return b.n ? value_merge(arena, value_builder_map(&b), wanted) : wanted;
}

/* True if the step sends an attribute with further members, which have to be read. */
static bool update_keeps(const struct updating *u, const struct spec_step *step)
{
    bool keeps = false;
    for (size_t i = 0; i < step->call.kept_count && !keeps; i++) {
        struct str name = step->call.kept[i].name;
        keeps = step->call.partial ? update_changes(u, name) : !value_is_null(value_get(u->desired, name));
    }
    return keeps || step->call.full;
}

/* Returns the desired object with what is kept; *there is the live object. */
static int wanted_of(struct updating *u, const struct spec_step *step, const struct value **there,
    const struct value **wanted, struct err *err)
{
    struct act *act = u->act;
    const struct value *names =
        value_strings(act->arena, step->call.request.attrs.items, step->call.request.attrs.count);
    *there = NULL;
    if (update_keeps(u, step) && act_read(act, u->prior, names, there, err))
        return -1;
    *there = *there ? act_with_unnamed(act, step, *there) : u->prior;
    const struct value *sent = step->call.full ? NULL : step->call.partial ? u->changed : names;
    *wanted =
        schema_without_nulls(act->arena, &act->type->schema, act_kept(act, act->desired, *there, sent), true);
    return 0;
}

/* Builds the object of an update step: with reset values, and with live values of attributes that are not
 * managed if the call replaces everything. */
static int object_to_send(
    struct updating *u, const struct spec_step *step, const struct value **out, struct err *err)
{
    const struct spec_type *type = u->act->type;
    const struct value *there, *desired;
    if (wanted_of(u, step, &there, &desired, err))
        return -1;
    const struct value *live = step->call.full ? there : NULL;
    bool together = changed_among(u, &step->call.together) > 0;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(u->act->arena);
    for (size_t i = 0; i < type->attr_count; i++) {
        const struct spec_attr *attr = &type->attrs[i];
        struct str name = attr->attr->name;
        const struct value *v = value_get(desired, name);
        bool changed = update_changes(u, name),
             along = together && spec_names_have(&step->call.together, name);
        if (value_is_null(v) && changed)
            v = reset_value(attr);
        else if (value_is_null(v) && attr->attr->computed && !attr->attr->settable)
            v = value_get(u->object, name);
        else if (value_is_null(v) && live && !update_excludes(u, attr, live))
            v = value_get(live, name);
        else if (value_is_null(v) && str_eq(name, type->schema.id))
            v = value_get(u->object, name);
        else if (value_is_null(v) &&
                 (attr->attr->send_default || along)) /* what is not managed stays unchanged */
            v = value_get(u->prior, name);
        if (live && attr->attr->shared)
            v = with_others(u->act->arena, v, value_get(u->prior, name), value_get(live, name));
        if (step->call.partial && !changed && !along && attr->attr->settable && !attr->attr->replace &&
            !attr->weir_only)
            v = NULL;
        if (!value_is_null(v))
            value_builder_set(&b, name, v);
    }
    for (size_t i = 0; i < step->call.kept_count; i++) {
        struct str name = step->call.kept[i].name;
        if (attr_is_unnamed(name) && value_get(there, name))
            value_builder_set(&b, name, value_get(there, name));
    }
    *out = value_builder_map(&b);
    return 0;
}

/* Returns the target object: removed attributes have their defaults again. */
static const struct value *target_of(struct updating *u)
{
    const struct value *target = u->object;
    for (size_t i = 0; i < u->act->type->attr_count; i++) {
        const struct spec_attr *attr = &u->act->type->attrs[i];
        struct str name = attr->attr->name;
        if (update_changes(u, name) && value_is_null(value_get(u->desired, name)))
            target = value_with(u->act->arena, target, name, reset_value(attr));
    }
    return target;
}

static int update_step(struct updating *u, const struct spec_step *step, struct err *err)
{
    struct act *act = u->act;
    const struct value *document, *doc, *object;
    if (step->lookup)
        return act_look(act, step, &u->object, err);
    if (object_to_send(u, step, &object, err) || act_now(act, step, object, &document, err))
        return -1;
    u->any = true;
    doc = document && !step->list.each && !step->call.native ? act_at(act, step, document, object) : NULL;
    if (doc)
        u->live = act_decode(act, step, doc, u->live);
    act_see(act, step, doc);
    if (doc && act_check_id(act, step, u->object, value_merge(act->arena, u->object, u->live), err))
        return -1;
    if (doc) /* later steps send what the service returned */
        u->object = with_computed(act, u->object, u->live);
    return step->wait ? act_wait_live(act, u->object, &u->live, err) : 0;
}

static int update_steps(struct updating *u, struct err *err)
{
    const struct value *target = target_of(u);
    for (size_t i = 0; i < u->act->type->update.count; i++) {
        const struct spec_step *step = &u->act->type->update.items[i];
        if (step_concerned(u, step) && act_applies(u->act, step, target) && update_step(u, step, err))
            return -1;
    }
    return 0;
}

/* Resets a sub-resource to its default. */
static int reset_sub_resource(struct updating *u, const struct spec_owned *sub_resource, struct err *err)
{
    const struct spec_step *step = sub_resource->remove ? sub_resource->remove : sub_resource->reset;
    const struct value *object = u->object, *document;
    if (!step) {
        const struct value *v = reset_value(sub_resource->attr);
        if (value_is_null(v))
            return err_set(err, ERR_INVALID, "\"%.*s\" cannot be taken away again once it is set",
                STR_ARG(sub_resource->attr->attr->name));
        step = sub_resource->put;
        object = value_with(u->act->arena, object, sub_resource->attr->attr->name, v);
    }
    struct err failure = ERR_INIT;
    if (act_step(u->act, step, object, &document, &failure) && failure.class != ERR_ABSENT)
        return err_raise(err, &failure);
    return act_wait_step(u->act, step, object, err);
}

static int update_sub_resource(struct updating *u, const struct spec_owned *sub_resource, struct err *err)
{
    struct str name = sub_resource->attr->attr->name;
    const struct value *want = value_get(u->desired, name), *object = u->object;
    /* A call that enables cannot disable. */
    bool off = sub_resource->remove && act_is_default(sub_resource->attr->attr, want);
    bool puts = !value_is_null(want) && !off;
    bool renews = sub_resource->renew && puts && !value_is_null(value_get(u->prior, name));
    if (renews && reset_sub_resource(u, sub_resource, err))
        return -1;
    if (!puts)
        return reset_sub_resource(u, sub_resource, err);
    return act_sub_resource_kept(u->act, sub_resource, &object, err) ||
                   act_put_sub_resource(u->act, sub_resource, object, err)
               ? -1
               : 0;
}

static int update_entries(struct updating *u, const struct spec_owned *e, struct err *err)
{
    struct str name = e->attr->attr->name;
    const struct value *have = value_get(u->prior, name), *want = value_get(u->desired, name);
    if (changed_among(u, &e->deleted_by)) {
        want = want || update_changes(u, name) ? want : have;
        have = &value_empty_map;
    }
    if (!have && e->list && act_read_entries(u->act, e, u->object, &have, err))
        return -1;
    return act_sync_entries(u->act, e, u->object, have, want, err);
}

static int update_members(struct updating *u, const struct spec_owned *m, struct err *err)
{
    struct str name = m->attr->attr->name;
    const struct value *have = value_get(u->prior, name);
    if (!have && m->list && act_read_members(u->act, m, u->object, &have, err))
        return -1;
    return act_sync_members(u->act, m, u->object, have, value_get(u->desired, name), err);
}

static int update_owned(struct updating *u, struct err *err)
{
    static int (*const updates[])(struct updating * u, const struct spec_owned *owned, struct err *err) = {
        [OWNER_SUB_RESOURCE] = update_sub_resource,
        [OWNER_ENTRIES] = update_entries,
        [OWNER_MEMBERS] = update_members};
    const struct spec_type *type = u->act->type;
    for (size_t i = 0; i < type->owned_count; i++) {
        const struct spec_owned *owned = &type->owned[i];
        struct str name = owned->attr->attr->name;
        if (owned != type->tags && (update_changes(u, name) || changed_among(u, &owned->deleted_by)) &&
            updates[owned->attr->owner](u, owned, err))
            return err_context(err, "%.*s", STR_ARG(name));
    }
    return 0;
}

static int update_tags(struct updating *u, struct err *err)
{
    const struct spec_owned *tags = u->act->type->tags;
    if (!tags || !(update_changes(u, tags->attr->attr->name) ||
                     (tags->flag && update_changes(u, tags->flag->attr->name))))
        return 0;
    struct str name = tags->attr->attr->name;
    const struct value *want = value_get(u->desired, name), *object = target_of(u);
    if (value_list_has(u->act->ctx->unsent, name)) /* and with them the ownership tags */
        return act_sync_tags(
            u->act, object, NULL, value_get(act_with_ownership_tags(u->act, u->desired), name), false, err);
    return act_sync_tags(
        u->act, object, value_get(u->prior, name), value_is_null(want) ? NULL : want, false, err);
}

/* Returns computed attributes that the change affects and that no response had. */
static const struct value *update_unreported(const struct updating *u)
{
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(u->act->arena);
    for (size_t i = 0; i < u->act->type->attr_count; i++) {
        const struct spec_attr *attr = &u->act->type->attrs[i];
        bool affected = false;
        for (size_t k = 0; k < attr->changes_with.count && !affected; k++)
            affected = update_changes(u, attr->changes_with.items[k]);
        if (affected && act_may_bring(u->act, attr) && !value_get(u->live, attr->attr->name))
            value_builder_add(&names, value_string_ref(u->act->arena, attr->attr->name));
    }
    return value_builder_list(&names);
}

int spec_update(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
    const struct value *changed, const struct value **live, struct err *err)
{
    struct act act = act_of(ctx);
    act.prior = act.seen = prior;
    act.changed = changed;
    act.desired = desired;
    desired = schema_without_nulls(act.arena, ctx->schema, act_kept(&act, desired, prior, changed), true);
    struct updating u = {.act = &act, .prior = prior, .desired = desired, .changed = changed, .live = NULL};
    /* Any call may need the ARN and id, which are not in the configuration. */
    if (act_fill_templates(&act, value_merge(act.arena, prior, desired), &u.object, err) ||
        act_check_known(&act, u.object, err) || act_check_seen(&act, u.object, err))
        return -1;
    if (update_steps(&u, err) || update_owned(&u, err) || update_tags(&u, err))
        return -1;
    if (u.any && act_wait_live(&act, u.object, &u.live, err))
        return -1;
    const struct value *after;
    if (act_changed(&act, desired, changed, u.live, &after, err) ||
        act_complete(&act, value_merge(act.arena, u.object, after), update_unreported(&u), &after, err))
        return -1;
    *live = after;
    return 0;
}
