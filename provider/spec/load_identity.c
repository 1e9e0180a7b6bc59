/*
 * Which attributes name the resource in requests: they have to be readable for it to be found again. And
 * which tell it from all others of its type.
 */
#include "provider/spec/load.h"

static bool identity_mentions(const struct value *template, struct str mention)
{
    if (template->kind == VALUE_STRING)
        return str_find(template->string, mention, 0) >= 0;
    bool any = false;
    for (uint32_t i = 0; template->kind == VALUE_LIST && i < template->count; i++)
        any = any || identity_mentions(template->items[i], mention);
    for (uint32_t i = 0; template->kind == VALUE_MAP && i < template->count; i++)
        any = any || identity_mentions(template->entries[i].value, mention);
    return any;
}

/* An attribute, and how templates speak of it. */
struct named {
    struct str name, mention;
};

static bool step_names(const struct spec_step *step, const struct named *attr)
{
    for (size_t i = 0; step && i < step->call.request.attr_count; i++)
        if (str_eq(step->call.request.attrs[i], attr->name))
            return true;
    for (size_t i = 0; step && i < step->call.request.extra_count; i++)
        if (identity_mentions(step->call.request.extras[i].value, attr->mention))
            return true;
    return false;
}

static bool steps_name(const struct spec_steps *steps, const struct named *attr)
{
    for (size_t i = 0; i < steps->count; i++)
        if (step_names(&steps->items[i], attr))
            return true;
    return false;
}

/* Calls of what belongs to the resource: those that ask send nothing but what names it. */
static bool parts_name(const struct spec_type *type, const struct named *attr)
{
    bool any = type->tags && (step_names(type->tags->list, attr) || step_names(type->tags->remove, attr) ||
                                 step_names(type->tags->clear, attr));
    for (size_t i = 0; !any && i < type->sub_resource_count; i++)
        any = step_names(type->sub_resources[i].get, attr) || step_names(type->sub_resources[i].remove, attr);
    for (size_t i = 0; !any && i < type->member_count; i++)
        any = step_names(type->members[i].list, attr);
    for (size_t i = 0; !any && i < type->entries_count; i++)
        any = step_names(type->entries[i].list, attr) || step_names(type->entries[i].get, attr);
    return any;
}

void load_identity(struct type_loader *t)
{
    const struct spec_type *type = t->type;
    for (size_t i = 0; i < type->attr_count; i++) {
        AUTO_ARENA struct arena scratch = ARENA_INIT;
        struct attr *attr = t->attrs[i].attr;
        struct named named = {attr->name, arena_printf(&scratch, "${%.*s}", STR_ARG(attr->name))};
        attr->identifies = str_eq(attr->name, type->schema.id) || str_eqz(attr->name, "arn") ||
                           steps_name(&type->read, &named) || steps_name(&type->delete, &named) ||
                           parts_name(type, &named);
    }
}

/* ---- what tells it from all others ---- */

/* The id where people give it, or where it is made of what they give; else the name. */
static struct spec_names default_unique(const struct type_loader *t)
{
    const struct spec_attr *id = spec_attr_find(t->type, t->type->schema.id),
                           *name = spec_attr_find(t->type, STR("name"));
    const struct spec_attr *one = id && (id->attr->settable || id->template.n) ? id : name;
    struct str *items = ARENA_NEW(t->l->arena, struct str);
    if (one)
        *items = one->attr->name;
    return (struct spec_names){.items = items, .count = one != NULL};
}

/* Each once; `names` has room for all attributes. */
static size_t add_unique(const struct spec_attr *attr, struct str *names, size_t n)
{
    bool there = !attr;
    for (size_t i = 0; i < n && !there; i++)
        there = str_eq(names[i], attr->attr->name);
    if (!there)
        names[n++] = attr->attr->name;
    return n;
}

/* Of a template the attributes: what is of the surroundings, such as the account, is the same for all. */
static size_t add_template(const struct spec_type *type, struct str rest, struct str *names, size_t n)
{
    struct str before, inner, filter;
    while (str_take_name(&rest, "${", &before, &inner))
        n = add_unique(spec_attr_find(type, str_cut(inner, '|', &filter)), names, n);
    return n;
}

/* What the service alone says is told by its id. */
static bool all_are_given(const struct schema *schema, const struct str *names, size_t n)
{
    bool given = true;
    for (size_t i = 0; i < n; i++)
        given = given && schema_attr(schema, names[i])->settable;
    return given;
}

void load_unique(struct type_loader *t, bool recorded)
{
    struct spec_type *type = t->type;
    const struct node *node = node_get(t->node, "unique");
    if (type->schema.is_data || recorded || type->schema.alike)
        return;
    type->unique = node ? load_attr_names(t, node) : default_unique(t);
    struct str *names = ARENA_ARRAY(t->l->arena, struct str, type->attr_count + 1);
    size_t n = 0;
    for (size_t i = 0; i < type->unique.count; i++) {
        const struct spec_attr *attr = spec_attr_find(type, type->unique.items[i]);
        n = attr && attr->template.n ? add_template(type, attr->template, names, n)
                                     : add_unique(attr, names, n);
    }
    type->schema.unique = names;
    type->schema.unique_count = all_are_given(&type->schema, names, n) ? n : 0;
}
