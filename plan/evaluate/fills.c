/* Attributes that the file leaves to another resource: see attributes.h. */
#include "plan/evaluate/attributes.h"

#include "plan/evaluate/context.h"

static const struct value *value_below(const struct value *v, struct str path)
{
    while (v && path.n)
        v = value_get(v, str_cut(path, '.', &path));
    return v;
}

static const struct value *with_below(
    struct arena *arena, const struct value *object, struct str path, const struct value *v)
{
    struct str rest, name = str_cut(path, '.', &rest);
    return value_with(arena, object, name, rest.n ? with_below(arena, value_get(object, name), rest, v) : v);
}

/* The id of the resource that has it, where the file does not say itself; NULL: nothing is to be filled in.
 */
static const struct value *asked_of(const struct schema_fill *fill, const struct value *object)
{
    const struct value *id = value_below(object, fill->by);
    return value_is_null(id) || !value_is_null(value_below(object, fill->path)) ? NULL : id;
}

/* ---- of the stack ---- */

static const struct value *find_planned(struct planner *p, const struct schema_fill *fill, struct str id)
{
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        const struct instances *list = &p->evaluated.instances[decl->index];
        if (!decl->schema || !str_eq(decl->schema->name, fill->type))
            continue;
        for (size_t k = 0; k < list->n; k++) {
            const struct value *planned = list->items[k].planned;
            if (str_eq(value_text(value_get(planned, decl->schema->id), STR_EMPTY), id))
                return planned;
        }
    }
    return NULL;
}

const struct value *fills_known(
    struct planner *p, const struct instance *instance, struct arena *arena, const struct value *object)
{
    const struct schema *schema = instance->decl->schema;
    bool later = p->offline || (schema->fill_count && provider_waits(p, instance->decl));
    for (size_t i = 0; i < schema->fill_count; i++) {
        const struct schema_fill *fill = &schema->fills[i];
        const struct value *id = asked_of(fill, object), *v = &value_unknown;
        if (!id)
            continue;
        if (value_is_known(id))
            v = value_get(find_planned(p, fill, value_text(id, STR_EMPTY)), fill->from);
        if (!value_is_null(v) || !value_is_known(id) || later)
            object = with_below(arena, object, fill->path, value_is_null(v) ? &value_unknown : v);
    }
    return object;
}

/* ---- of others ---- */

static int fill_from_service(const struct op_ctx *op, const struct schema *schema,
    const struct schema_fill *fill, const struct value *id, const struct value **out, struct err *err)
{
    struct op_ctx reading = *op;
    const struct value *live = NULL, *wanted = value_string_ref(op->arena, fill->from);
    reading.schema = schema;
    if (schema->ops->read(&reading, value_with(op->arena, NULL, schema->id, id),
            value_list(op->arena, &wanted, 1), &live, err))
        return -1;
    *out = value_get(live, fill->from);
    return live ? 0 : err_set(err, ERR_ABSENT, "it does not exist");
}

int fills_read(struct planner *p, const struct op_ctx *op, const struct value **object, struct err *err)
{
    for (size_t i = 0; i < op->schema->fill_count; i++) {
        const struct schema_fill *fill = &op->schema->fills[i];
        const struct value *id = asked_of(fill, *object), *v = NULL;
        if (!id || !value_is_known(id))
            continue;
        const struct schema *schema = catalog_find(p->workspace->catalog, fill->type, false, err);
        if (!schema || fill_from_service(op, schema, fill, id, &v, err)) {
            err_context(err, "%.*s, which is left to %.*s %.*s", STR_ARG(fill->path), STR_ARG(fill->type),
                STR_ARG(value_text(id, STR_EMPTY)));
            return -1;
        }
        if (!value_is_null(v))
            *object = with_below(op->arena, *object, fill->path, v);
    }
    return 0;
}
