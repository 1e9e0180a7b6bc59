/* What rules see of resources. */
#include "plan/rules/rules_internal.h"

#include "plan/evaluate/instances.h"
#include "plan/objects/depends.h"

/* ---- one object ---- */

static const struct value *completed(struct arena *arena, const struct type *type, const struct value *v);

/* What an attribute is where nothing is configured. */
static const struct value *unconfigured(const struct attr *attr)
{
    return attr->default_value ? attr->default_value : &value_null;
}

static const struct value *completed_fields(
    struct arena *arena, const struct attr *attrs, size_t n, const struct value *object)
{
    struct value_entry *entries = ARENA_ARRAY(arena, struct value_entry, n + object->count);
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        const struct value *given = value_get(object, attrs[i].name);
        const struct value *v =
            value_is_null(given) ? unconfigured(&attrs[i]) : completed(arena, attrs[i].type, given);
        entries[count++] = (struct value_entry){attrs[i].name, v};
    }
    for (uint32_t i = 0; i < object->count; i++)
        if (!attr_find(attrs, n, object->entries[i].key))
            entries[count++] = object->entries[i];
    return value_mark(arena, value_map(arena, entries, count), object->marks & VALUE_SENSITIVE);
}

static const struct value *completed_items(
    struct arena *arena, const struct type *elem, const struct value *list)
{
    const struct value **items = ARENA_ARRAY(arena, const struct value *, list->count + 1);
    for (uint32_t i = 0; i < list->count; i++)
        items[i] = completed(arena, elem, list->items[i]);
    return value_mark(arena, value_list(arena, items, list->count), list->marks & VALUE_SENSITIVE);
}

static const struct value *completed(struct arena *arena, const struct type *type, const struct value *v)
{
    if (!type || !type_has_fields(type))
        return v;
    if (v->kind == VALUE_MAP && type->kind == TYPE_OBJECT)
        return completed_fields(arena, type->fields, type->field_count, v);
    if (v->kind == VALUE_LIST && type->elem)
        return completed_items(arena, type->elem, v);
    return v;
}

const struct value *rule_object(struct arena *arena, const struct schema *schema, const struct value *object)
{
    if (!object || object->kind != VALUE_MAP)
        return object;
    return completed_fields(arena, schema->attrs, schema->attr_count, object);
}

/* ---- what refers to what ---- */

struct links {
    struct planner *p;
    struct value_builder list;
};

static const struct value *link_of(struct planner *p, const struct instance *instance)
{
    const struct schema *schema = instance->decl->schema;
    const struct value *self = rule_object(p->arena, schema, instance->planned);
    return VALUE_MAP(p->arena, {STR("address"), value_string_ref(p->arena, instance->address)},
        {STR("type"), value_string_ref(p->arena, schema->name)},
        {STR("action"), value_stringz(p->arena, action_name(instance_action(instance)))},
        {STR("self"), self ? self : &value_unknown});
}

static void add_links(void *ctx, const struct decl *decl)
{
    struct links *links = ctx;
    const struct instances *list = &links->p->evaluated.instances[decl->index];
    for (size_t i = 0; decl->kind == DECL_RESOURCE && i < list->n; i++)
        value_builder_add(&links->list, link_of(links->p, &list->items[i]));
}

const struct value *rule_dependencies(struct planner *p, const struct decl *decl)
{
    struct links links = {p, VALUE_BUILDER(p->arena)};
    each_resource_dep(p, decl, add_links, &links);
    return value_builder_list(&links.list);
}

struct search {
    const struct decl *wanted;
    bool found;
};

static void note_found(void *ctx, const struct decl *dep)
{
    struct search *search = ctx;
    search->found |= dep == search->wanted;
}

const struct value *rule_dependents(struct planner *p, const struct decl *decl)
{
    struct links links = {p, VALUE_BUILDER(p->arena)};
    for (size_t i = decl->index + 1; i < p->stack->decl_count; i++) {
        struct search search = {decl, false};
        if (p->stack->decls[i]->kind == DECL_RESOURCE)
            each_resource_dep(p, p->stack->decls[i], note_found, &search);
        if (search.found)
            add_links(&links, p->stack->decls[i]);
    }
    return value_builder_list(&links.list);
}
