/*
 * The object after an operation: what was sent and returned, waiting until it is ready, and reading what no
 * response had. The same rule for creation and update.
 */
#include "base/clock.h"
#include "provider/spec/act.h"

/* ---- Waiting until a resource is ready, or deleted ---- */

static struct str text_at(struct act *act, const struct value *live, struct str path)
{
    while (path.n)
        live = value_get(live, str_cut(path, '.', &path));
    return value_scalar_text(act->arena, live);
}

/* Returns "it to be deleted (now deleting)", with the state if the type has one. */
static struct str describe_gone(struct act *act, const struct value *live)
{
    const struct spec_type *type = act->type;
    const struct value_tests *states = type->deleting.count  ? &type->deleting
                                       : type->deleted.count ? &type->deleted
                                       : type->ready         ? &type->ready->until
                                                             : NULL;
    struct str now = STR_EMPTY;
    if (states && states->count)
        now = text_at(act, live, states->items[0].path);
    return now.n ? arena_printf(act->arena, "it to be deleted (now %.*s)", STR_ARG(now))
                 : STR("it to be deleted");
}

/* Returns "status available (now creating)". */
static struct str wait_describe(
    struct act *act, const struct value_tests *conditions, const struct value *live)
{
    if (!conditions->count)
        return describe_gone(act, live);
    const struct value_test *first = &conditions->items[0];
    bool names_value = first->kind == TEST_IS && first->values->count;
    struct str want = names_value ? value_scalar_text(act->arena, first->values->items[0]) : STR_EMPTY;
    struct str now = text_at(act, live, first->path);
    return arena_printf(act->arena, "%.*s%s%.*s (now %.*s)", STR_ARG(first->path), want.n ? " " : "",
        STR_ARG(want), STR_ARG(now.n ? now : STR("unknown")));
}

static const struct value *wait_names(
    struct act *act, const struct value_tests *a, const struct value_tests *b)
{
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(act->arena);
    struct str rest;
    for (size_t i = 0; i < a->count; i++)
        value_builder_add(&names, value_string_ref(act->arena, str_cut(a->items[i].path, '.', &rest)));
    for (size_t i = 0; i < b->count; i++)
        value_builder_add(&names, value_string_ref(act->arena, str_cut(b->items[i].path, '.', &rest)));
    return value_builder_list(&names);
}

static int wait_look(struct act *act, const struct spec_wait *wait, const struct value *object,
    const struct value **live, struct err *err)
{
    act->sees_deleting = true;
    int status = act_read(act, object, wait_names(act, &wait->until, &wait->fail), live, err);
    act->sees_deleting = false;
    return status;
}

/* Returns 1 if done, 0 to continue, -1 on failure. */
static int wait_judge(
    struct act *act, const struct spec_wait *wait, const struct value *live, bool seen, struct err *err)
{
    if (!live)
        return wait->deleted ? 1
               : seen        ? err_set(err, ERR_SERVICE, "it disappeared while weir waited for it")
                             : 0;
    if (wait->until.count && act_holds(act, &wait->until, live))
        return 1;
    const struct value_test *condition = act_first_holding(act, &wait->fail, live);
    if (!condition)
        return 0;
    struct str state = text_at(act, live, condition->path);
    struct str why = value_text(value_get(live, wait->tells), STR_EMPTY);
    return err_set(err, ERR_SERVICE, "%.*s became %.*s%s%.*s", STR_ARG(condition->path), STR_ARG(state),
        why.n ? ": " : "", STR_ARG(why));
}

static int wait_until(struct act *act, const struct spec_wait *wait, const struct value *object,
    const struct value **live, struct err *err)
{
    int64_t timeout = act->ctx->timeout_ms > 0 ? act->ctx->timeout_ms : wait->timeout_ms;
    int64_t until = clock_mono_ms() + timeout, pause = wait->every_ms < 250 ? wait->every_ms : 250;
    bool seen = false;
    for (;;) {
        if (wait_look(act, wait, object, live, err))
            return -1;
        int verdict = wait_judge(act, wait, *live, seen, err);
        if (verdict)
            return verdict < 0 ? -1 : 0;
        seen = seen || *live;
        struct str what = wait_describe(act, &wait->until, *live);
        op_progress(act->ctx, arena_printf(act->arena, "waiting for %.*s", STR_ARG(what)).p);
        if (clock_mono_ms() + pause > until)
            return err_set(
                err, ERR_TIMEOUT, "waited %lld s for %.*s", (long long)(timeout / 1000), STR_ARG(what));
        if (cancel_sleep_ms(act->ctx->cancel, pause, err))
            return -1;
        pause = pause * 2 < wait->every_ms ? pause * 2 : wait->every_ms;
    }
}

int act_wait_ready(struct act *act, const struct value *object, const struct value **live, struct err *err)
{
    const struct spec_wait *wait = act->type->ready;
    *live = NULL;
    while (wait && wait->only.count && !act_holds(act, &wait->only, object))
        wait = wait->next;
    return wait ? wait_until(act, wait, object, live, err) : 0;
}

int act_wait_deleted(struct act *act, const struct value *object, struct err *err)
{
    const struct value *live;
    return act->type->deleted_wait ? wait_until(act, act->type->deleted_wait, object, &live, err) : 0;
}

/* ---- What is kept if a call replaces everything: fields that are not configured, and members without an
 * attribute (`keeps` of an update or of a sub-resource's put). */

/* Members are added and removed one at a time, and recreated entries start empty. */
static bool stays_beside(const struct spec_type *type, const struct spec_attr *attr)
{
    return attr->owner != OWNER_MEMBERS &&
           !(attr->owner == OWNER_ENTRIES && spec_owned_of(type, attr)->renew);
}

/* Returns the attribute without the field that breaks a constraint; or the desired value, if it is not a
 * single field. */
static const struct value *without_broken(struct arena *arena, const struct constraint_break *broken,
    const struct value *v, const struct value *wanted)
{
    struct str field = broken->path->count == 1 ? value_text(broken->path->items[0], STR_EMPTY) : STR_EMPTY;
    return field.n && wanted && !value_get(wanted, field) ? value_with(arena, v, field, NULL) : wanted;
}

const struct value *act_kept(
    struct act *act, const struct value *wanted, const struct value *live, const struct value *names)
{
    const struct value *out = wanted;
    for (size_t i = 0; i < act->type->attr_count; i++) {
        const struct spec_attr *attr = &act->type->attrs[i];
        struct str name = attr->attr->name;
        if (!act_wants(names, name) || !stays_beside(act->type, attr))
            continue;
        const struct value *v = value_get(wanted, name),
                           *kept = attr_completed(act->arena, attr->attr, v, value_get(live, name));
        if (kept != v)
            out = value_with(act->arena, out, name, kept);
    }
    struct constraint_break broken = {.changed = names};
    while (out != wanted &&
           schema_constraint_broken(act->arena, &act->type->schema, out, CHECKED_BY_WEIR, &broken))
        out = value_with(act->arena, out, broken.attribute,
            without_broken(
                act->arena, &broken, value_get(out, broken.attribute), value_get(wanted, broken.attribute)));
    return out;
}

/* Services return an empty string for an attribute that is not set, and do not accept it. */
static bool is_shown_only(const struct value *v)
{
    return value_is_null(v) || (v->kind == VALUE_STRING && !v->string.n);
}

const struct value *act_with_unnamed(struct act *act, const struct spec_step *step, const struct value *live)
{
    for (size_t i = 0; act->raw && i < step->call.kept_count; i++) {
        const struct spec_kept *kept = &step->call.kept[i];
        const struct spec_attr *attr = spec_attr_find(act->type, kept->name);
        const struct value *v = wire_path(act->arena, act->raw, kept->path);
        v = is_shown_only(v) ? NULL : wire_coerce(act->arena, kept->answer, v);
        if (v && attr && attr->attr->sensitive)
            v = value_mark(act->arena, v, VALUE_SENSITIVE);
        if (v)
            live = value_with(act->arena, live, kept->name, v);
    }
    return live;
}

int act_sub_resource_kept(
    struct act *act, const struct spec_owned *sub_resource, const struct value **object, struct err *err)
{
    struct str name = sub_resource->attr->attr->name;
    const struct value *names = value_string_ref(act->arena, name), *there = NULL;
    if (!sub_resource->put->call.kept_count)
        return 0;
    if (act_read(act, *object, value_list(act->arena, &names, 1), &there, err))
        return -1;
    there = there ? act_with_unnamed(act, sub_resource->put, there) : NULL;
    *object = value_with(act->arena, *object, name,
        attr_completed(
            act->arena, sub_resource->attr->attr, value_get(*object, name), value_get(there, name)));
    for (size_t i = 0; i < sub_resource->put->call.kept_count; i++) {
        struct str kept = sub_resource->put->call.kept[i].name;
        if (attr_is_unnamed(kept) && value_get(there, kept))
            *object = value_with(act->arena, *object, kept, value_get(there, kept));
    }
    return 0;
}

/* ---- from requests and responses ---- */

const struct value *act_sent(struct act *act, const struct value *desired)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(act->arena);
    for (size_t i = 0; i < act->type->attr_count; i++) {
        const struct attr *attr = act->type->attrs[i].attr;
        const struct value *v = value_get(desired, attr->name);
        if (!attr->write_only && !value_is_null(v) && value_is_known(v))
            value_builder_set(&b, attr->name, v);
    }
    return value_builder_map(&b);
}

int act_made(struct act *act, const struct value *desired, const struct value *answered,
    const struct value **live, struct err *err)
{
    return act_fill_templates(act, value_merge(act->arena, act_sent(act, desired), answered), live, err);
}

const struct value *act_made_owned(struct act *act, const struct value *desired, const struct value *live)
{
    for (size_t i = 0; i < act->type->attr_count; i++) {
        const struct spec_attr *attr = &act->type->attrs[i];
        const struct value *v = value_get(desired, attr->attr->name);
        if (attr->owner != OWNER_BASE && !value_is_null(v))
            live = value_with(act->arena, live, attr->attr->name, v);
    }
    return live;
}

int act_changed(struct act *act, const struct value *desired, const struct value *changed,
    const struct value *answered, const struct value **live, struct err *err)
{
    const struct value *after = value_merge(act->arena, act->prior, answered);
    after = value_merge(act->arena, after, act_sent(act, desired));
    for (uint32_t i = 0; i < changed->count; i++)
        if (value_is_null(value_get(desired, changed->items[i]->string)))
            after = value_with(act->arena, after, changed->items[i]->string, NULL);
    return act_fill_templates(act, after, live, err);
}

/* ---- what no response had ---- */

bool act_may_bring(const struct act *act, const struct spec_attr *attr)
{
    return attr->readable && (!act->base_read || act_reads_apart(act->type, attr->attr->name));
}

const struct value *act_unreported(struct act *act, const struct value *live)
{
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(act->arena);
    for (size_t i = 0; i < act->type->attr_count; i++) {
        const struct spec_attr *attr = &act->type->attrs[i];
        const struct value *v = value_get(live, attr->attr->name);
        if (attr->attr->computed && !attr->hidden && (value_is_null(v) || value_is_unknown(v)))
            value_builder_add(&names, value_string_ref(act->arena, attr->attr->name));
    }
    return value_builder_list(&names);
}

const struct value *act_reported(
    struct act *act, const struct value *names, const struct value *read, const struct value *live)
{
    for (uint32_t i = 0; i < names->count; i++) {
        const struct value *v = value_get(read, names->items[i]->string);
        live = value_with(act->arena, live, names->items[i]->string, v ? v : &value_null);
    }
    return live;
}

/* After a creation, takes attributes that force replacement in the service's spelling. Otherwise the next
 * plan would replace the resource. */
static const struct value *with_fixed(struct act *act, const struct value *read, const struct value *live)
{
    for (size_t i = 0; act->attempt && i < act->type->attr_count; i++) {
        const struct attr *attr = act->type->attrs[i].attr;
        const struct value *given = value_get(live, attr->name), *v = value_get(read, attr->name);
        if (attr->replace && attr->settable && v && given && v->kind == VALUE_STRING && v->string.n &&
            given->kind == VALUE_STRING && !attr_equal(attr, given, v))
            live = value_with(act->arena, live, attr->name, v);
    }
    return live;
}

int act_complete(struct act *act, const struct value *object, const struct value *names,
    const struct value **live, struct err *err)
{
    AUTO_BUILDER struct value_builder wanted = VALUE_BUILDER(act->arena);
    for (uint32_t i = 0; i < names->count; i++)
        if (act_may_bring(act, spec_attr_find(act->type, names->items[i]->string)))
            value_builder_add(&wanted, names->items[i]);
    const struct value *read = NULL;
    if (wanted.n &&
        act_read_back(act, value_merge(act->arena, object, *live), value_builder_list(&wanted), &read, err))
        return -1;
    *live = act_shown(act, act_reported(act, names, read, with_fixed(act, read, *live)));
    return 0;
}
