/*
 * What stays as it is where a service takes all of what is sent: fields that the file does not speak of, and
 * members that the specification has no attribute for (`keeps` of an update, or of what puts a setting).
 */
#include "provider/spec/act.h"

/* Members are added and removed one by one, and entries that are made anew begin with nothing. */
static bool stays_beside(const struct spec_type *type, const struct spec_attr *attr)
{
    bool renewed = attr->owner == OWNER_MEMBERS;
    for (size_t i = 0; i < type->entries_count; i++)
        renewed |= type->entries[i].attr == attr && type->entries[i].renew;
    return !renewed;
}

/* The attribute without the field that breaks a constraint, or as it is wanted, where that is not one alone.
 */
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
           schema_constraint_broken(act->arena, &act->type->schema, out, ASKED_BY_WEIR, &broken))
        out = value_with(act->arena, out, broken.attribute,
            without_broken(
                act->arena, &broken, value_get(out, broken.attribute), value_get(wanted, broken.attribute)));
    return out;
}

/* An empty text is what services show where nothing is set, and nothing that they take. */
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

int act_sub_resource_kept(struct act *act, const struct spec_sub_resource *sub_resource,
    const struct value **object, struct err *err)
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
        if (attr_unnamed(kept) && value_get(there, kept))
            *object = value_with(act->arena, *object, kept, value_get(there, kept));
    }
    return 0;
}
