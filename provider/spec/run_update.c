/*
 * Updating: only the steps that are concerned by what changed, with what they send besides filled in from
 * what is there; then the facets, entries, members and tags that changed.
 */
#include "provider/spec/run.h"

struct updating {
    struct run *run;
    const struct value *prior, *desired, *changed;
    const struct value *object; /* desired over what is known of it */
    const struct value *live;   /* computed values from answers */
    bool any;
};

static bool update_changes(const struct updating *u, struct str name)
{
    return run_wants(u->changed, name);
}

static bool step_concerned(const struct updating *u, const struct spec_step *step)
{
    const struct spec_names sent = {step->request.attrs, step->request.attr_count};
    const struct spec_names *names = step->when.count ? &step->when : &sent;
    size_t changed = 0;
    for (size_t i = 0; i < names->count; i++)
        changed += update_changes(u, names->items[i]);
    return step->alone ? changed && changed == u->changed->count : changed > 0;
}

/* What is sent for an attribute that was taken out of the file. */
static const struct value *reset_value(const struct spec_attr *attr)
{
    return attr->unset ? attr->unset : attr->attr->default_value;
}

/* Would a live value of this attribute contradict what is sent? */
static bool update_excludes(const struct updating *u, const struct spec_attr *attr)
{
    for (size_t i = 0; i < u->run->type->attr_count; i++) {
        const struct attr *other = u->run->type->attrs[i].attr;
        bool rivals =
            str_eq(other->conflicts, attr->attr->name) || str_eq(attr->attr->conflicts, other->name);
        if (rivals && !value_is_null(value_get(u->desired, other->name)))
            return true;
    }
    return false;
}

static const struct value *update_names(struct run *run, const struct spec_request *request)
{
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(run->arena);
    for (size_t i = 0; i < request->attr_count; i++)
        value_builder_add(&names, value_string_ref(run->arena, request->attrs[i]));
    return value_builder_list(&names);
}

/* What others have put into a map that they write to as well stays beside what is wanted of it. */
static const struct value *with_others(
    struct arena *arena, const struct value *wanted, const struct value *ours, const struct value *live)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; live && live->kind == VALUE_MAP && i < live->count; i++)
        if (!value_get(ours, live->entries[i].key))
            value_builder_set(&b, live->entries[i].key, live->entries[i].value);
    return b.n ? value_merge(arena, value_builder_map(&b), wanted) : wanted;
}

/* The object as an update step sends it: reset values filled in, live ones of what is not managed where the
 * call replaces everything. */
static int object_to_send(
    struct updating *u, const struct spec_step *step, const struct value **out, struct err *err)
{
    const struct spec_type *type = u->run->type;
    const struct value *live = NULL;
    if (step->full && run_read(u->run, u->prior, update_names(u->run, &step->request), &live, err))
        return -1;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(u->run->arena);
    for (size_t i = 0; i < type->attr_count; i++) {
        const struct spec_attr *attr = &type->attrs[i];
        struct str name = attr->attr->name;
        const struct value *v = value_get(u->desired, name);
        bool changed = update_changes(u, name);
        if (value_is_null(v) && changed)
            v = reset_value(attr);
        else if (value_is_null(v) && attr->attr->computed && !attr->attr->settable)
            v = value_get(u->object, name);
        else if (value_is_null(v) && live && !update_excludes(u, attr))
            v = value_get(live, name);
        else if (value_is_null(v) && str_eq(name, type->schema.id))
            v = value_get(u->object, name);
        if (live && attr->attr->shared)
            v = with_others(u->run->arena, v, value_get(u->prior, name), value_get(live, name));
        if (step->partial && !changed && attr->attr->settable && !attr->attr->replace && !attr->steers)
            v = NULL;
        if (!value_is_null(v))
            value_builder_set(&b, name, v);
    }
    *out = value_builder_map(&b);
    return 0;
}

/* What it is to be: attributes that were taken out of the file have their default again. */
static const struct value *target_of(struct updating *u)
{
    const struct value *target = u->object;
    for (size_t i = 0; i < u->run->type->attr_count; i++) {
        const struct spec_attr *attr = &u->run->type->attrs[i];
        struct str name = attr->attr->name;
        if (update_changes(u, name) && value_is_null(value_get(u->desired, name)))
            target = value_with(u->run->arena, target, name, reset_value(attr));
    }
    return target;
}

static int update_step(struct updating *u, const struct spec_step *step, struct err *err)
{
    struct run *run = u->run;
    const struct value *document, *doc, *object;
    if (step->look)
        return run_look(run, step, &u->object, err);
    if (object_to_send(u, step, &object, err) || run_now(run, step, object, &document, err))
        return -1;
    u->any = true;
    doc = document && !step->list.each && !step->native ? run_at(run, step, document, object) : NULL;
    if (doc)
        u->live = run_decode(run, step, doc, u->live);
    if (doc && run_check_id(run, step, u->object, value_merge(run->arena, u->object, u->live), err))
        return -1;
    return step->wait ? run_wait_live(run, u->object, &u->live, err) : 0;
}

static int update_steps(struct updating *u, struct err *err)
{
    const struct value *target = target_of(u);
    for (size_t i = 0; i < u->run->type->update.count; i++) {
        const struct spec_step *step = &u->run->type->update.items[i];
        if (step_concerned(u, step) && run_applies(u->run, step, target) && update_step(u, step, err))
            return -1;
    }
    return 0;
}

/* Back to how it is when nobody asks for anything. */
static int reset_facet(struct updating *u, const struct spec_facet *facet, struct err *err)
{
    const struct spec_step *step = facet->remove ? facet->remove : facet->reset;
    const struct value *object = u->object, *document;
    if (!step) {
        const struct value *v = reset_value(facet->attr);
        if (value_is_null(v))
            return err_set(err, ERR_INVALID, "\"%.*s\" cannot be taken away again once it is set",
                STR_ARG(facet->attr->attr->name));
        step = facet->put;
        object = value_with(u->run->arena, object, facet->attr->attr->name, v);
    }
    struct err failure = ERR_INIT;
    if (run_step(u->run, step, object, &document, &failure) && failure.class != ERR_ABSENT) {
        *err = failure;
        return -1;
    }
    return run_wait_step(u->run, step, object, err);
}

static int update_facets(struct updating *u, struct err *err)
{
    const struct spec_type *type = u->run->type;
    for (size_t i = 0; i < type->facet_count; i++) {
        const struct spec_facet *facet = &type->facets[i];
        struct str name = facet->attr->attr->name;
        if (!update_changes(u, name))
            continue;
        const struct value *want = value_get(u->desired, name);
        /* A call that switches on is no call for switching off. */
        bool off = facet->remove && run_is_default(facet->attr->attr, want);
        bool renews =
            facet->renew && !off && !value_is_null(want) && !value_is_null(value_get(u->prior, name));
        if (renews && reset_facet(u, facet, err))
            return err_context(err, "%.*s", STR_ARG(name));
        if (!value_is_null(want) && !off ? run_put_facet(u->run, facet, u->object, err)
                                         : reset_facet(u, facet, err))
            return err_context(err, "%.*s", STR_ARG(name));
    }
    return 0;
}

static int update_sets(struct updating *u, struct err *err)
{
    struct run *run = u->run;
    const struct spec_type *type = run->type;
    for (size_t i = 0; i < type->entries_count; i++) {
        const struct spec_entries *e = &type->entries[i];
        struct str name = e->attr->attr->name;
        const struct value *have = value_get(u->prior, name);
        if (!update_changes(u, name))
            continue;
        if (!have && e->list && run_read_entries(run, e, u->object, &have, err))
            return -1;
        if (run_sync_entries(run, e, u->object, have, value_get(u->desired, name), err))
            return err_context(err, "%.*s", STR_ARG(name));
    }
    for (size_t i = 0; i < type->member_count; i++) {
        const struct spec_members *m = &type->members[i];
        struct str name = m->attr->attr->name;
        const struct value *have = value_get(u->prior, name);
        if (!update_changes(u, name))
            continue;
        if (!have && m->list && run_read_members(run, m, u->object, &have, err))
            return -1;
        if (run_sync_members(run, m, u->object, have, value_get(u->desired, name), err))
            return err_context(err, "%.*s", STR_ARG(name));
    }
    return 0;
}

static int update_tags(struct updating *u, struct err *err)
{
    const struct spec_tags *tags = u->run->type->tags;
    if (!tags || !update_changes(u, tags->attr->attr->name))
        return 0;
    struct str name = tags->attr->attr->name;
    const struct value *want = value_get(u->desired, name);
    return run_sync_tags(
        u->run, u->object, value_get(u->prior, name), value_is_null(want) ? NULL : want, false, err);
}

/* Computed values that the change affects and no answer brought. */
static const struct value *update_untold(const struct updating *u)
{
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(u->run->arena);
    for (size_t i = 0; i < u->run->type->attr_count; i++) {
        const struct spec_attr *attr = &u->run->type->attrs[i];
        bool affected = false;
        for (size_t k = 0; k < attr->changes_with.count && !affected; k++)
            affected = update_changes(u, attr->changes_with.items[k]);
        if (affected && run_may_bring(u->run, attr) && !value_get(u->live, attr->attr->name))
            value_builder_add(&names, value_string_ref(u->run->arena, attr->attr->name));
    }
    return value_builder_list(&names);
}

int spec_update(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
    const struct value *changed, const struct value **live, struct err *err)
{
    struct run run;
    run_init(&run, ctx);
    run.prior = prior;
    struct updating u = {.run = &run, .prior = prior, .desired = desired, .changed = changed, .live = NULL};
    /* Its own ARN and id may be needed by any call and are not in the file. */
    if (run_fill_templates(&run, value_merge(run.arena, prior, desired), &u.object, err) ||
        run_check_known(&run, u.object, err) || run_check_seen(&run, u.object, err))
        return -1;
    if (update_steps(&u, err) || update_facets(&u, err) || update_sets(&u, err) || update_tags(&u, err))
        return -1;
    if (u.any && run_wait_live(&run, u.object, &u.live, err))
        return -1;
    const struct value *after;
    if (run_changed(&run, desired, changed, u.live, &after, err) ||
        run_complete(&run, value_merge(run.arena, u.object, after), update_untold(&u), &after, err))
        return -1;
    *live = after;
    return 0;
}
