/* Resource models of the Cloud Control API: see cloudcontrol.h. */
#include "sandbox/services/cloudcontrol/cloudcontrol.h"

#include "base/json.h"

/* ---- JSON Patch (RFC 6902): add, remove, replace, test ---- */

struct operation {
    struct arena *arena;
    struct str name, path;
    const struct value *value;
};

static int cloud_patch_refuse(const struct operation *o, const char *why, struct err *err)
{
    return err_set(err, ERR_INVALID, "[%.*s Operation] %s %.*s", STR_ARG(o->name), why, STR_ARG(o->path));
}

/* Applies the operation to the value `is` at the end of its path. */
static int at_end(
    const struct operation *o, const struct value *is, const struct value **out, struct err *err)
{
    bool add = str_eqz(o->name, "add"), remove = str_eqz(o->name, "remove"), test = str_eqz(o->name, "test");
    if (!add && !is)
        return cloud_patch_refuse(o, "no such path in target JSON document:", err);
    if (!remove && !o->value)
        return cloud_patch_refuse(o, "has no value:", err);
    if (test && !value_equal(is, o->value))
        return cloud_patch_refuse(o, "the value differs:", err);
    *out = remove ? NULL : test ? is : o->value;
    return 0;
}

static int apply(const struct operation *o, const struct value *v, struct str rest, const struct value **out,
    struct err *err);

static int apply_in_list(const struct operation *o, const struct value *list, struct str step,
    struct str rest, const struct value **out, struct err *err)
{
    int64_t index = list->count;
    bool last = !rest.p, add = str_eqz(o->name, "add");
    if (!str_eqz(step, "-") && (!str_to_int(step, &index) || index < 0 || index > list->count))
        return cloud_patch_refuse(o, "no such index:", err);
    AUTO_BUILDER struct value_builder items = VALUE_BUILDER(o->arena);
    for (uint32_t i = 0; i <= list->count; i++) {
        const struct value *is = i < list->count ? list->items[i] : NULL, *now = is;
        if ((int64_t)i == index) {
            bool inserts = last && add;
            if (last  ? at_end(o, inserts ? NULL : is, &now, err)
                : !is ? cloud_patch_refuse(o, "no such index:", err)
                      : apply(o, is, rest, &now, err))
                return -1;
            if (now)
                value_builder_add(&items, now);
            if (inserts && is)
                value_builder_add(&items, is);
        } else if (is) {
            value_builder_add(&items, is);
        }
    }
    *out = value_builder_list(&items);
    return 0;
}

static int apply(const struct operation *o, const struct value *v, struct str rest, const struct value **out,
    struct err *err)
{
    struct str step = json_pointer_unescaped(o->arena, str_cut(rest, '/', &rest));
    const struct value *now;
    if (v->kind == VALUE_LIST)
        return apply_in_list(o, v, step, rest, out, err);
    const struct value *is = value_get(v, step);
    if (v->kind != VALUE_MAP || (rest.p && !is))
        return cloud_patch_refuse(o, "parent does not exist:", err);
    if (rest.p ? apply(o, is, rest, &now, err) : at_end(o, is, &now, err))
        return -1;
    *out = value_with(o->arena, v, step, now);
    return 0;
}

int cloud_model_patch(struct arena *arena, const struct value *properties, const struct value *patch,
    const struct value **out, struct err *err)
{
    *out = properties;
    for (uint32_t i = 0; i < patch->count; i++) {
        const struct value *doc = patch->items[i];
        struct operation o = {
            arena, value_gets(doc, "op"), value_gets(doc, "path"), value_getz(doc, "value")};
        if (!str_is_any(o.name, "add remove replace test") || !str_starts(o.path, STR("/")))
            return cloud_patch_refuse(&o, "is not understood:", err);
        if (apply(&o, *out, str_slice(o.path, 1, o.path.n), out, err))
            return -1;
    }
    return 0;
}

enum { REFERENCES_MAX = 64 }; /* longest chain of references */

/* ---- paths of a schema: /properties/A/items/properties/B, /properties/A/B ---- */

static struct str next_step(struct str *rest)
{
    while (rest->n) {
        struct str step = str_cut(*rest, '/', rest);
        if (step.n && !str_eqz(step, "properties") && !str_eqz(step, "items") && !str_eqz(step, "*"))
            return step;
    }
    return STR_EMPTY;
}

typedef void path_visit(void *ctx, const struct value *v);

static void walk(const struct value *v, struct str rest, path_visit *visit, void *ctx)
{
    if (v && v->kind == VALUE_LIST) {
        for (uint32_t i = 0; i < v->count; i++)
            walk(v->items[i], rest, visit, ctx);
        return;
    }
    struct str step = next_step(&rest);
    if (!step.n) {
        visit(ctx, v);
    } else if (v && v->kind == VALUE_MAP) {
        walk(value_get(v, step), rest, visit, ctx);
    }
}

struct gathered {
    struct buf text;
    size_t given;
};

static void cloud_model_gather(void *ctx, const struct value *v)
{
    struct gathered *g = ctx;
    if (!v)
        return;
    g->given++;
    json_write(&g->text, v, JSON_PLAIN);
    buf_add_char(&g->text, ';');
}

static struct str gathered_at(
    struct arena *arena, const struct value *properties, struct str path, size_t *given)
{
    struct gathered g = {.text = BUF_INIT};
    walk(properties, path, cloud_model_gather, &g);
    struct str text = arena_str(arena, buf_str(&g.text));
    buf_release(&g.text);
    *given = g.given;
    return text;
}

struct str cloud_model_differs(
    const struct cloud_model *model, const char *paths, const struct value *a, const struct value *b)
{
    const struct value *list = value_getz(model->schema, paths);
    for (uint32_t i = 0; list && list->kind == VALUE_LIST && i < list->count; i++) {
        struct str path = value_text(list->items[i], STR_EMPTY);
        size_t before, after;
        if (!str_eq(gathered_at(model->arena, a, path, &before), gathered_at(model->arena, b, path, &after)))
            return path;
    }
    return STR_EMPTY;
}

struct str cloud_model_gives(
    const struct cloud_model *model, const char *paths, const struct value *properties)
{
    const struct value *list = value_getz(model->schema, paths);
    for (uint32_t i = 0; list && list->kind == VALUE_LIST && i < list->count; i++) {
        size_t given;
        struct str path = value_text(list->items[i], STR_EMPTY);
        gathered_at(model->arena, properties, path, &given);
        if (given)
            return path;
    }
    return STR_EMPTY;
}

struct str cloud_model_identifier(const struct cloud_model *model, const struct value *properties)
{
    const struct value *list = value_getz(model->schema, "primaryIdentifier");
    AUTO_BUF struct buf id = BUF_INIT;
    for (uint32_t i = 0; list && i < list->count; i++) {
        const struct value *at = properties;
        struct str rest = value_text(list->items[i], STR_EMPTY);
        for (struct str step; at && (step = next_step(&rest)).n;)
            at = value_get(at, step);
        struct str part = at ? value_scalar_text(model->arena, at) : STR_EMPTY;
        if (!part.n)
            return STR_EMPTY;
        buf_addf(&id, "%s%.*s", i ? "|" : "", STR_ARG(part));
    }
    return arena_str(model->arena, buf_str(&id));
}

/* ---- values as a read shows them ---- */

static const struct value *without_path(struct arena *arena, const struct value *v, struct str rest)
{
    if (v->kind == VALUE_LIST) {
        AUTO_BUILDER struct value_builder items = VALUE_BUILDER(arena);
        for (uint32_t i = 0; i < v->count; i++)
            value_builder_add(&items, without_path(arena, v->items[i], rest));
        return value_builder_list(&items);
    }
    struct str step = next_step(&rest), after = rest;
    const struct value *inner = v->kind == VALUE_MAP ? value_get(v, step) : NULL;
    if (!inner)
        return v;
    bool last = !next_step(&after).n;
    return value_with(arena, v, step, last ? NULL : without_path(arena, inner, rest));
}

const struct value *cloud_model_resolved(const struct cloud_model *model, const struct value *schema)
{
    for (int i = 0; i < REFERENCES_MAX; i++) {
        struct str reference = value_gets(schema, "$ref"), head = STR("#/definitions/");
        if (!str_starts(reference, head))
            return schema;
        const struct value *target =
            value_get(value_getz(model->schema, "definitions"), str_slice(reference, head.n, reference.n));
        schema = value_merge(model->arena, target, value_with(model->arena, schema, STR("$ref"), NULL));
    }
    return &value_empty_map;
}

/* Reverses lists whose order is insignificant (insertionOrder false). */
static const struct value *reverse_unordered(
    const struct cloud_model *model, const struct value *schema, const struct value *v, int depth)
{
    if (depth > 12 || schema->kind != VALUE_MAP)
        return v;
    schema = cloud_model_resolved(model, schema);
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(model->arena);
    const struct value *order = value_getz(schema, "insertionOrder"), *items = value_getz(schema, "items"),
                       *properties = value_getz(schema, "properties");
    if (v->kind == VALUE_LIST && items) {
        bool any = order && order->kind == VALUE_BOOL && !order->boolean;
        for (uint32_t i = 0; i < v->count; i++)
            value_builder_add(
                &b, reverse_unordered(model, items, v->items[any ? v->count - 1 - i : i], depth + 1));
        return value_builder_list(&b);
    }
    if (v->kind != VALUE_MAP || !properties)
        return v;
    for (uint32_t i = 0; i < v->count; i++) {
        const struct value *inner = value_get(properties, v->entries[i].key);
        value_builder_set(&b, v->entries[i].key,
            inner ? reverse_unordered(model, inner, v->entries[i].value, depth + 1) : v->entries[i].value);
    }
    return value_builder_map(&b);
}

const struct value *cloud_model_shown(const struct cloud_model *model, const struct value *properties)
{
    const struct value *list = value_getz(model->schema, "writeOnlyProperties");
    for (uint32_t i = 0; list && list->kind == VALUE_LIST && i < list->count; i++)
        properties = without_path(model->arena, properties, value_text(list->items[i], STR_EMPTY));
    return reverse_unordered(model, model->schema, properties, 0);
}

/* ---- values that the service adds ---- */

struct filling {
    const struct cloud_model *model;
    struct str chance; /* 32 hex digits */
};

static struct str word_of_type(const struct cloud_model *model, int which)
{
    struct str rest = model->type;
    for (int i = 0; i < which; i++)
        rest = str_slice(rest, (size_t)str_find(rest, STR("::"), 0) + 2, rest.n);
    ptrdiff_t end = str_find(rest, STR("::"), 0);
    return arena_lower(model->arena, end < 0 ? rest : str_slice(rest, 0, (size_t)end));
}

/* Returns the candidate number `which` for an id, in the usual formats. The first that the schema accepts is
 * used. */
static struct str cloud_model_candidate(const struct filling *f, struct str name, int which)
{
    const struct cloud_model *m = f->model;
    struct arena *arena = m->arena;
    struct str service = word_of_type(m, 1), type = word_of_type(m, 2), c = f->chance;
    switch (which) {
    case 0:
        if (str_ends(name, STR("Arn")) || str_ends(name, STR("ARN")))
            return arena_printf(arena, "arn:aws:%.*s:%.*s:%.*s:%.*s/%.12s", STR_ARG(service),
                STR_ARG(m->region), STR_ARG(m->account), STR_ARG(type), c.p);
        return arena_printf(arena, "%.*s-%.17s", STR_ARG(arena_lower(arena, name)), c.p);
    case 1: return arena_printf(arena, "%.17s", c.p);
    case 2:
        return arena_printf(arena, "%.8s-%.4s-4%.3s-a%.3s-%.12s", c.p, c.p + 8, c.p + 12, c.p + 15, c.p + 18);
    case 3: return arena_printf(arena, "%.10s", c.p);
    case 4: return arena_printf(arena, "%.*s-%.8s", STR_ARG(type), c.p);
    case 5: return m->account;
    case 6: return STR("2026-01-01T00:00:00Z");
    case 7:
        return arena_printf(arena, "arn:aws:%.*s:%.*s:%.*s:%.*s/%.12s", STR_ARG(service), STR_ARG(m->region),
            STR_ARG(m->account), STR_ARG(type), c.p);
    case 8:
        return arena_printf(arena, "arn:aws:%.*s:%.*s:%.*s:%.*s", STR_ARG(service), STR_ARG(m->region),
            STR_ARG(m->account), STR_ARG(type));
    case 9: return arena_printf(arena, "https://%.*s.%.8s.example.org/", STR_ARG(service), c.p);
    case 10: return STR("10.0.0.0/16");
    case 11: return STR("1");
    default: return STR_EMPTY;
    }
}

static bool schema_takes(const struct cloud_model *model, const struct value *schema, const struct value *v)
{
    struct cloud_model alone = *model;
    alone.schema =
        value_with(model->arena, schema, STR("definitions"), value_getz(model->schema, "definitions"));
    return !cloud_model_wrong(&alone, v).n;
}

static const struct value *text_for(const struct filling *f, const struct value *schema, struct str name)
{
    const struct value *choices = value_getz(schema, "enum");
    if (choices && choices->kind == VALUE_LIST && choices->count)
        return choices->items[0];
    for (int i = 0; i <= 11; i++) {
        const struct value *v = value_string(f->model->arena, cloud_model_candidate(f, name, i));
        if (schema_takes(f->model, schema, v))
            return v;
    }
    return value_string(f->model->arena, cloud_model_candidate(f, name, 0));
}

static const struct value *placeholder_value(
    const struct filling *f, const struct value *schema, struct str name, int depth);

static const struct value *object_for(const struct filling *f, const struct value *schema, int depth)
{
    const struct value *properties = value_getz(schema, "properties");
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(f->model->arena);
    for (uint32_t i = 0; properties && depth < 4 && i < properties->count; i++)
        value_builder_set(&b, properties->entries[i].key,
            placeholder_value(f, properties->entries[i].value, properties->entries[i].key, depth + 1));
    return value_builder_map(&b);
}

static const struct value *placeholder_value(
    const struct filling *f, const struct value *schema, struct str name, int depth)
{
    schema = cloud_model_resolved(f->model, schema);
    const struct value *type = value_getz(schema, "type"), *least = value_getz(schema, "minimum");
    struct str word = type && type->kind == VALUE_LIST && type->count ? value_text(type->items[0], STR_EMPTY)
                                                                      : value_text(type, STR_EMPTY);
    if (str_eqz(word, "integer") || str_eqz(word, "number"))
        return least && least->kind == VALUE_INT ? least : value_int(f->model->arena, 1);
    if (str_eqz(word, "boolean"))
        return &value_false;
    if (str_eqz(word, "array"))
        return &value_empty_list;
    if (str_eqz(word, "object") || value_getz(schema, "properties"))
        return object_for(f, schema, depth);
    return text_for(f, schema, name);
}

/* Sets the value at a path if it is missing. */
static const struct value *with_path(const struct filling *f, const struct value *schema,
    const struct value *v, struct str rest, struct str name)
{
    schema = cloud_model_resolved(f->model, schema);
    struct str step = next_step(&rest);
    if (!step.n)
        return v ? v : placeholder_value(f, schema, name, 0);
    const struct value *inner = value_get(value_getz(schema, "properties"), step), *is = value_get(v, step);
    if (!inner || (v && v->kind != VALUE_MAP))
        return v;
    const struct value *now = with_path(f, inner, is, rest, step);
    return now && now != is ? value_with(f->model->arena, v ? v : &value_empty_map, step, now) : v;
}

static const struct value *with_paths(
    const struct filling *f, const struct value *properties, const char *paths)
{
    const struct value *list = value_getz(f->model->schema, paths);
    for (uint32_t i = 0; list && list->kind == VALUE_LIST && i < list->count; i++)
        properties =
            with_path(f, f->model->schema, properties, value_text(list->items[i], STR_EMPTY), STR_EMPTY);
    return properties;
}

const struct value *cloud_model_filled(
    const struct cloud_model *model, const struct value *properties, struct str chance)
{
    const struct filling f = {model, chance};
    const struct value *all = value_getz(model->schema, "properties");
    properties = with_paths(&f, properties, "primaryIdentifier");
    properties = with_paths(&f, properties, "readOnlyProperties");
    for (uint32_t i = 0; all && i < all->count; i++) {
        const struct value *usual = value_getz(cloud_model_resolved(model, all->entries[i].value), "default");
        if (usual && !value_get(properties, all->entries[i].key))
            properties = value_with(model->arena, properties, all->entries[i].key, usual);
    }
    return properties;
}
