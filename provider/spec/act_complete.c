/*
 * What an object is after an operation: what was sent, what the answers said, and what has to be asked for
 * because no answer told it. One rule for all that make and change resources.
 */
#include "provider/spec/act.h"

/* ---- from what was sent and answered ---- */

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

/* ---- what no answer told ---- */

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

/* Of what was made: what never changes, as the service writes it. Else the next plan would make it anew. */
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
