/*
 * What leads from a type to its service's own documentation: the page of the operation that makes it, and
 * the names that attributes have there where they are not the attribute's own name in another spelling.
 */
#include "provider/spec/load.h"

#include "base/mem.h"

/* The first call that does what the steps are for: makes it, starts it, reads a data source. */
static const struct spec_operation *named_operation(const struct spec_steps *steps)
{
    for (size_t i = 0; i < steps->count; i++)
        if (steps->items[i].call.op && !steps->items[i].look && !steps->items[i].must_be_absent)
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

/* Where a request has the attribute; "" nowhere. */
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

/* A sub-resource has a document of its own, whose members say little without its name. */
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
    for (size_t i = 0; !path.n && i < type->sub_resource_count; i++)
        if (type->sub_resources[i].attr == attr && type->sub_resources[i].put)
            path = sub_resource_path(arena, &type->sub_resources[i].put->call, attr->attr->name);
    return path.n ? path : attr->wire;
}

/* Are they the same but for case, underscores, and a plural of which the wire has the singular? */
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
        bool calls = !attr->steers && !attr->template.n && t->l->calls && attr->owner != OWNER_TAGS;
        struct str wire = !calls                 ? STR_EMPTY
                          : attr->attr->settable ? sent_as(t->l->arena, t->type, attr)
                                                 : attr->read;
        attr->attr->member = load_member_name(attr->attr->name, wire);
    }
}
