/*
 * References of a type: its identity, attributes of other resources that fill its own, engines, and names and
 * page of the service's documentation.
 */
#include "provider/spec/load.h"

/* ---- `fills`, from other resources; `engines`, from a sandbox's machine. */

/* ---- fills ---- */

/* A type of the same or another service, and one of its attributes. */
static bool split_from(struct str text, struct schema_fill *fill)
{
    size_t dot = str_after_last(text, ".");
    fill->type = str_slice(text, 0, dot ? dot - 1 : 0);
    fill->from = str_slice(text, dot, text.n);
    return fill->type.n && fill->from.n;
}

void load_fills(struct type_loader *t, const struct node *node)
{
    struct loader *l = t->l;
    uint32_t n = load_size(l, node, NODE_MAP, "fills are {path: {path: type.attribute}}");
    struct schema_fill *fills = ARENA_ARRAY(l->arena, struct schema_fill, n);
    for (uint32_t i = 0; i < n; i++) {
        const struct node *by = node->entries[i].value;
        bool good = by->kind == NODE_MAP && by->count == 1 && by->entries[0].value->kind == NODE_STRING &&
                    split_from(by->entries[0].value->string, &fills[i]);
        if (!good) {
            load_error(l, by, "expected {path: type.attribute}");
            return;
        }
        fills[i].path = node->entries[i].key;
        fills[i].by = by->entries[0].key;
        load_path(t, by, fills[i].path);
        load_path(t, by, fills[i].by);
    }
    t->type->schema.fills = fills;
    t->type->schema.fill_count = n;
}

/* ---- engines ---- */

void load_engines(struct type_loader *t, const struct node *node)
{
    static const char *const uses[] = {
        [ENGINE_MAKES] = "makes", [ENGINE_RUNS] = "runs", [ENGINE_SERVES] = "serves"};
    struct loader *l = t->l;
    if (!node || node->kind != NODE_LIST)
        return; /* load_sandbox() reports that it is not a list */
    struct schema_engine *engines = ARENA_ARRAY(l->arena, struct schema_engine, node->count);
    for (uint32_t i = 0; i < node->count; i++) {
        struct schema_engine *engine = &engines[i];
        size_t n = 0;
        for (int use = 0; use < ENGINE_USES; use++)
            if (node_get(node->items[i], uses[use])) {
                engine->use = (enum engine_use)use;
                engine->name = load_text(l, node->items[i], uses[use]);
                n++;
            }
        if (n != 1)
            load_error(l, node->items[i], "an engine makes, runs or serves the type: one of these");
        engine->when = load_value_tests(t, node_get(node->items[i], "if"));
    }
    t->type->schema.engines = engines;
    t->type->schema.engine_count = node->count;
}

/* ---- Attributes that identify the resource in requests: they have to be readable for recovery. And those
 * that distinguish it from all others of its type. */

bool load_mentions(const struct value *template, struct str text)
{
    bool any = template->kind == VALUE_STRING && str_find(template->string, text, 0) >= 0;
    for (uint32_t i = 0; template->kind == VALUE_LIST && i < template->count; i++)
        any = any || load_mentions(template->items[i], text);
    for (uint32_t i = 0; template->kind == VALUE_MAP && i < template->count; i++)
        any = any || load_mentions(template->entries[i].value, text);
    return any;
}

/* An attribute, and its form in templates. */
struct named {
    struct str name, mention;
};

static bool step_names(const struct spec_step *step, const struct named *attr)
{
    if (step && spec_names_have(&step->call.request.attrs, attr->name))
        return true;
    for (size_t i = 0; step && i < step->call.request.extra_count; i++)
        if (load_mentions(step->call.request.extras[i].value, attr->mention))
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

/* True if calls of a part of the resource name the attribute: calls that read send only what identifies
 * it. */
static bool parts_name(const struct spec_type *type, const struct named *attr)
{
    bool any = false;
    for (size_t i = 0; !any && i < type->owned_count; i++) {
        const struct spec_owned *owned = &type->owned[i];
        enum spec_owner owner = owned->attr->owner;
        bool whole = owner == OWNER_SUB_RESOURCE || owner == OWNER_TAGS; /* no item is named */
        any = step_names(owned->list, attr) || step_names(owned->get, attr) ||
              (whole && step_names(owned->remove, attr)) || step_names(owned->clear, attr);
    }
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

/* ---- unique attributes ---- */

/* Returns the id if people choose it, or if it is built from what they choose; else the name. */
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

/* Adds a name once; `names` has room for all attributes. */
static size_t add_unique(const struct spec_attr *attr, struct str *names, size_t n)
{
    bool there = !attr;
    for (size_t i = 0; i < n && !there; i++)
        there = str_eq(names[i], attr->attr->name);
    if (!there)
        names[n++] = attr->attr->name;
    return n;
}

/* Adds the attributes of a template: values of the context, such as the account, are the same for all. */
static size_t add_template(const struct spec_type *type, struct str rest, struct str *names, size_t n)
{
    struct str before, inner, filter;
    while (str_take_name(&rest, "${", &before, &inner))
        n = add_unique(spec_attr_find(type, str_cut(inner, '|', &filter)), names, n);
    return n;
}

/* True if all can be configured: attributes that only the service assigns are found by the id. */
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

/* Returns the first call with the purpose of the steps: create, start, or read. */
static const struct spec_operation *named_operation(const struct spec_steps *steps)
{
    for (size_t i = 0; i < steps->count; i++)
        if (steps->items[i].call.op && !steps->items[i].lookup)
            return steps->items[i].call.op;
    return NULL;
}

static void load_page_address(struct type_loader *t)
{
    static const struct str hole = STR_INIT("${operation}");
    struct schema *schema = &t->type->schema;
    struct str template = t->l->service->reference;
    ptrdiff_t at = str_find(template, hole, 0);
    const struct spec_operation *op = named_operation(schema->is_data ? &t->type->read : &t->type->create);
    if (!op && t->type->job)
        op = named_operation(&t->type->job->start);
    if (at < 0 || !op)
        return;
    schema->operation = op->wire.name;
    schema->reference = arena_printf(t->l->arena, "%.*s%.*s%.*s", (int)at, template.p, STR_ARG(op->wire.name),
        STR_ARG(str_slice(template, (size_t)at + hole.n, template.n)));
}

/* Returns the attribute's path in a request; "" if it is not sent. */
static struct str member_path(struct arena *arena, const struct shape *shape, struct str name)
{
    while (shape->kind == SHAPE_LIST)
        shape = shape->elem;
    for (size_t i = 0; i < shape->member_count; i++) {
        const struct shape_member *m = &shape->members[i];
        if (!m->group && str_eq(m->name, name))
            return m->wire;
        struct str inner = m->group ? member_path(arena, m->shape, name) : STR_EMPTY;
        if (inner.n)
            return arena_printf(arena, "%.*s.%.*s", STR_ARG(m->wire), STR_ARG(inner));
    }
    return STR_EMPTY;
}

/* A sub-resource has its own document, whose name precedes the member's. */
static struct str sub_resource_path(struct arena *arena, const struct spec_call *call, struct str name)
{
    struct str path = member_path(arena, &call->request.shape, name);
    struct str body = call->op ? call->op->wire.body : STR_EMPTY;
    if (!path.n || !body.n || str_eqz(path, ".") || str_starts(path, body))
        return path;
    return arena_printf(arena, "%.*s.%.*s", STR_ARG(body), STR_ARG(path));
}

static struct str sent_as(struct arena *arena, const struct spec_type *type, const struct spec_attr *attr)
{
    struct str path = STR_EMPTY;
    for (size_t i = 0; !path.n && i < type->create.count; i++)
        path = member_path(arena, &type->create.items[i].call.request.shape, attr->attr->name);
    const struct spec_owned *owned = attr->owner == OWNER_SUB_RESOURCE ? spec_owned_of(type, attr) : NULL;
    if (!path.n && owned && owned->put)
        path = sub_resource_path(arena, &owned->put->call, attr->attr->name);
    return path.n ? path : attr->wire;
}

/* Compares without case and underscores; a plural equals the service's singular. */
static bool is_same_word(struct str name, struct str wire)
{
    size_t at = 0;
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '_')
            continue;
        if (at == wire.n)
            return i + 1 == name.n && name.p[i] == 's';
        if ((wire.p[at] | 0x20) != (name.p[i] | 0x20))
            return false;
        at++;
    }
    return at == wire.n;
}

struct str load_member_name(struct str name, struct str wire)
{
    struct str last = wire;
    for (struct str rest = wire; rest.n;)
        last = str_cut(rest, '.', &rest);
    return !last.n || str_eqz(last, "@") || is_same_word(name, last) ? STR_EMPTY : wire;
}

void load_reference(struct type_loader *t)
{
    load_page_address(t);
    for (size_t i = 0; i < t->type->attr_count; i++) {
        struct spec_attr *attr = &t->attrs[i];
        bool calls = !attr->weir_only && !attr->template.n && t->l->calls && attr->owner != OWNER_TAGS;
        struct str wire = !calls                 ? STR_EMPTY
                          : attr->attr->settable ? sent_as(t->l->arena, t->type, attr)
                                                 : attr->read;
        attr->attr->member = load_member_name(attr->attr->name, wire);
    }
}
