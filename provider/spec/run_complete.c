/*
 * What an object is after an operation: what was sent, what the answers said, and what has to be asked for
 * because no answer told it. One rule for all that make and change things.
 */
#include "provider/spec/run.h"

/* ---- from what was sent and answered ---- */

const struct value *run_sent(struct run *run, const struct value *desired)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(run->arena);
    for (size_t i = 0; i < run->type->attr_count; i++) {
        const struct attr *attr = run->type->attrs[i].attr;
        const struct value *v = value_get(desired, attr->name);
        if (!attr->write_only && !value_is_null(v) && value_is_known(v))
            value_builder_set(&b, attr->name, v);
    }
    return value_builder_map(&b);
}

int run_made(struct run *run, const struct value *desired, const struct value *answered,
    const struct value **live, struct err *err)
{
    return run_fill_templates(run, value_merge(run->arena, run_sent(run, desired), answered), live, err);
}

const struct value *run_made_owned(struct run *run, const struct value *desired, const struct value *live)
{
    for (size_t i = 0; i < run->type->attr_count; i++) {
        const struct spec_attr *attr = &run->type->attrs[i];
        const struct value *v = value_get(desired, attr->attr->name);
        if (attr->owner != OWNER_BASE && !value_is_null(v))
            live = value_with(run->arena, live, attr->attr->name, v);
    }
    return live;
}

int run_changed(struct run *run, const struct value *desired, const struct value *changed,
    const struct value *answered, const struct value **live, struct err *err)
{
    const struct value *after = value_merge(run->arena, run->prior, answered);
    after = value_merge(run->arena, after, run_sent(run, desired));
    for (uint32_t i = 0; i < changed->count; i++)
        if (value_is_null(value_get(desired, changed->items[i]->string)))
            after = value_with(run->arena, after, changed->items[i]->string, NULL);
    return run_fill_templates(run, after, live, err);
}

/* ---- what no answer told ---- */

bool run_may_bring(const struct run *run, const struct spec_attr *attr)
{
    return attr->readable && (!run->base_read || run_reads_apart(run->type, attr->attr->name));
}

const struct value *run_untold(struct run *run, const struct value *live)
{
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(run->arena);
    for (size_t i = 0; i < run->type->attr_count; i++) {
        const struct spec_attr *attr = &run->type->attrs[i];
        const struct value *v = value_get(live, attr->attr->name);
        if (attr->attr->computed && !attr->hidden && (value_is_null(v) || value_is_unknown(v)))
            value_builder_add(&names, value_string_ref(run->arena, attr->attr->name));
    }
    return value_builder_list(&names);
}

const struct value *run_told(
    struct run *run, const struct value *names, const struct value *read, const struct value *live)
{
    for (uint32_t i = 0; i < names->count; i++) {
        const struct value *v = value_get(read, names->items[i]->string);
        live = value_with(run->arena, live, names->items[i]->string, v ? v : &value_null);
    }
    return live;
}

int run_complete(struct run *run, const struct value *object, const struct value *names,
    const struct value **live, struct err *err)
{
    AUTO_BUILDER struct value_builder wanted = VALUE_BUILDER(run->arena);
    for (uint32_t i = 0; i < names->count; i++)
        if (run_may_bring(run, spec_attr_find(run->type, names->items[i]->string)))
            value_builder_add(&wanted, names->items[i]);
    const struct value *read = NULL;
    if (wanted.n &&
        run_read_back(run, value_merge(run->arena, object, *live), value_builder_list(&wanted), &read, err))
        return -1;
    *live = run_shown(run, run_told(run, names, read, *live));
    return 0;
}
