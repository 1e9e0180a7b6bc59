/* What `terraform import` takes for an exported resource: see exported.h. */
#include "cmd/export/exported.h"

/* Items of a list stand apart by what stands before the first. */
static struct str id_text(struct arena *arena, const struct value *v, char before)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (!v || !value_is_known(v) || value_is_sensitive(v))
        return STR_EMPTY;
    if (v->kind != VALUE_LIST)
        return value_scalar_text(arena, v);
    for (uint32_t i = 0; i < v->count; i++) {
        if (i)
            buf_add_char(&out, before);
        buf_add_str(&out, value_scalar_text(arena, v->items[i]));
    }
    return arena_str(arena, buf_str(&out));
}

/* The first of "cidr_blocks|self" that there is: as Terraform has it, or as we do; 'default' is itself. */
static struct str id_part(struct arena *arena, const struct exported *one, struct str names, char before)
{
    struct str text = STR_EMPTY;
    while (names.n && !text.n) {
        struct str name = str_cut(names, '|', &names);
        const struct value *v = value_get(one->after, name);
        if (name.p[0] == '\'')
            text = str_slice(name, 1, name.n - 1);
        else if (str_eqz(name, "account"))
            text = str_part(value_gets(one->object->after, "arn"), ':', 4);
        else
            text = id_text(arena, v ? v : value_get(one->object->after, name), before);
    }
    return text;
}

/* "{role}:{name}" with the resource's values. False: one of them is not known. */
static bool fill_id(struct arena *arena, struct str template, const struct exported *one, struct buf *out)
{
    struct str before, names;
    while (str_take_name(&template, "{", &before, &names)) {
        buf_add_str(out, before);
        struct str text = id_part(arena, one, names, out->n ? out->p[out->n - 1] : '/');
        if (!text.n)
            return false;
        buf_add_str(out, text);
    }
    buf_add_str(out, template);
    return out->n > 0;
}

bool export_import_id(struct arena *arena, const struct exported *one, struct buf *out)
{
    const struct names_type *type = one->made->type;
    const struct value *ids = type->ids;
    AUTO_BUF struct buf template = BUF_INIT;
    if (type->import_id.n)
        return !str_eqz(type->import_id, "none") && fill_id(arena, type->import_id, one, out);
    for (uint32_t i = 0; ids && ids->count > 1 && i < ids->count; i++)
        buf_addf(&template, "%s{%.*s}", i ? "/" : "", STR_ARG(value_text(ids->items[i], STR_EMPTY)));
    return fill_id(arena, template.n ? buf_str(&template) : STR("{id}"), one, out);
}
