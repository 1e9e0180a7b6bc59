/* What one call of a spec sends. */
#include "provider/spec/act.h"

/* The entry of a map attribute that is called as the item is. */
static const struct value *entry_for(
    struct act *act, const struct spec_extra *extra, const struct value *object, const struct value *item)
{
    struct str key = value_scalar_text(act->arena, wire_path(act->arena, item, extra->value->string));
    return value_get(value_get(object, extra->entry_of), key);
}

bool act_has_entries(
    struct act *act, const struct spec_step *step, const struct value *object, const struct value *item)
{
    for (size_t i = 0; i < step->call.request.extra_count; i++) {
        const struct spec_extra *extra = &step->call.request.extras[i];
        if (extra->entry_of.n && value_is_null(entry_for(act, extra, object, item)))
            return false;
    }
    return true;
}

static const struct value *item_value(
    struct act *act, const struct spec_extra *extra, const struct value *object, const struct value *item)
{
    if (item && extra->entry_of.n)
        return value_get(entry_for(act, extra, object, item), extra->field);
    const struct value *v = item ? wire_path(act->arena, item, extra->value->string) : NULL;
    return v && extra->listed ? value_list(act->arena, &v, 1) : v;
}

static int add_extras(struct act *act, const struct spec_request *request, const struct value *object,
    const struct value *item, struct value_builder *input, struct err *err)
{
    for (size_t i = 0; i < request->extra_count; i++) {
        const struct spec_extra *extra = &request->extras[i];
        const struct value *v = extra->value;
        if (extra->from_item)
            v = item_value(act, extra, object, item);
        else if (extra->dynamic && act_template(act, extra->value, object, &v, err))
            return -1;
        if (!value_is_null(v))
            value_builder_set(input, extra->key, v);
    }
    return 0;
}

/* What weir itself uses has its default even where the file is silent; services mostly know their own. */
static const struct value *default_to_send(const struct spec_step *step, const struct spec_attr *attr)
{
    if (!attr || (!attr->steers && !attr->attr->send_default))
        return NULL;
    bool stays = step->call.partial && attr->attr->settable && !attr->attr->replace && !attr->steers;
    return stays ? NULL : attr->attr->default_value; /* an update in parts has what changes by itself */
}

/* Services refuse an empty list where they take none at all: a new resource has that anyway. */
static bool is_left_out(const struct act *act, const struct spec_attr *attr, const struct value *v)
{
    const struct value *usual = attr ? attr->attr->default_value : NULL;
    bool collection = usual && (usual->kind == VALUE_MAP || usual->kind == VALUE_LIST);
    return act->making && collection && !usual->count && v->kind == usual->kind && !v->count;
}

static bool has_fields_to_fill(const struct type *type)
{
    for (; type; type = type->elem)
        for (size_t i = 0; i < type->field_count; i++)
            if (type->fields[i].send_default || has_fields_to_fill(type->fields[i].type))
                return true;
    return false;
}

/* The same for what lies inside objects. */
static const struct value *fill_fields(struct arena *arena, const struct type *type, const struct value *v)
{
    if (value_is_null(v) || !value_is_known(v) || !has_fields_to_fill(type))
        return v;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    if (v->kind == VALUE_LIST) {
        for (uint32_t i = 0; i < v->count; i++)
            value_builder_add(&b, fill_fields(arena, type->elem, v->items[i]));
        return value_builder_list(&b);
    }
    if (v->kind != VALUE_MAP)
        return v;
    for (uint32_t i = 0; i < v->count; i++) {
        const struct attr *field = type->elem ? NULL : type_field(type, v->entries[i].key);
        const struct type *inner = field ? field->type : type->elem;
        value_builder_set(&b, v->entries[i].key, fill_fields(arena, inner, v->entries[i].value));
    }
    for (size_t i = 0; i < type->field_count; i++) {
        const struct attr *field = &type->fields[i];
        if (field->send_default && value_is_null(value_get(v, field->name)))
            value_builder_set(&b, field->name, field->default_value);
    }
    return value_builder_map(&b);
}

/* Those that a resource is made with. */
static int add_tags(struct act *act, const struct value *object, struct value_builder *input, struct err *err)
{
    const struct spec_tags *tags = act->type->tags;
    const struct value *v = tags && tags->with_create ? value_get(object, tags->attr->attr->name) : NULL;
    if (!v)
        return 0;
    if (act_tag_items(act, object, v, &v, err))
        return -1;
    value_builder_set(input, tags->attr->attr->name, v);
    return 0;
}

int act_input(struct act *act, const struct spec_step *step, const struct value *object,
    const struct value *item, const struct value *token, const struct value **out, struct err *err)
{
    AUTO_BUILDER struct value_builder input = VALUE_BUILDER(act->arena);
    const struct spec_request *request = &step->call.request;
    for (size_t i = 0; i < request->attrs.count; i++) {
        const struct spec_attr *attr = spec_attr_find(act->type, request->attrs.items[i]);
        const struct value *v = value_get(object, request->attrs.items[i]);
        if (value_is_null(v))
            v = default_to_send(step, attr);
        if (!value_is_null(v) && value_is_known(v) && !is_left_out(act, attr, v))
            value_builder_set(
                &input, request->attrs.items[i], attr ? fill_fields(act->arena, attr->attr->type, v) : v);
    }
    for (size_t i = 0; i < step->call.kept_count; i++) {
        struct str name = step->call.kept[i].name;
        if (attr_unnamed(name) && value_get(object, name))
            value_builder_set(&input, name, value_get(object, name));
    }
    if (add_tags(act, object, &input, err) || add_extras(act, request, object, item, &input, err))
        return -1;
    if (token)
        value_builder_set(&input, step->list.page.in_key, token);
    *out = value_builder_map(&input);
    return 0;
}
