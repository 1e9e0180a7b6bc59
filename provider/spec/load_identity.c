/* Which attributes name the thing in requests: they have to be readable for it to be found again. */
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

/* Calls of what belongs to the thing: those that ask send nothing but what names it. */
static bool parts_name(const struct spec_type *type, const struct named *attr)
{
    bool any = type->tags && (step_names(type->tags->list, attr) || step_names(type->tags->remove, attr) ||
                                 step_names(type->tags->clear, attr));
    for (size_t i = 0; !any && i < type->facet_count; i++)
        any = step_names(type->facets[i].get, attr) || step_names(type->facets[i].remove, attr);
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
