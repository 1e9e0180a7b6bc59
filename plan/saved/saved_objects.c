/* All resources of a plan with their values, in a saved plan. */
#include "plan/saved/saved.h"

#include "plan/evaluate/context.h"

/* ---- values as JSON without secrets ---- */

static const struct value *marker(struct arena *arena, const char *name, const struct value *v)
{
    return value_with(arena, NULL, str_z(name), v);
}

static const struct value *secret_number(struct saved_encoder *encoder, const struct value *v)
{
    size_t i = 0;
    while (i < encoder->secrets.n && !state_hash_matches(encoder->secrets.entries[i].value, v))
        i++;
    if (i == encoder->secrets.n)
        value_builder_add(&encoder->secrets, v);
    return value_int(encoder->arena, (int64_t)i);
}

static const struct value *encode_any(
    struct saved_encoder *encoder, const struct type *type, bool hidden, const struct value *v);

static const struct value *encode_secret(struct saved_encoder *encoder, const struct value *v)
{
    if (v->kind != VALUE_MAP || !encoder->names)
        return secret_number(encoder, v);
    AUTO_BUILDER struct value_builder map = VALUE_BUILDER(encoder->arena);
    for (uint32_t i = 0; i < v->count; i++)
        value_builder_set(&map, v->entries[i].key, secret_number(encoder, v->entries[i].value));
    return value_builder_map(&map);
}

static const struct value *encode_list(
    struct saved_encoder *encoder, const struct type *type, bool hidden, const struct value *v)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(encoder->arena);
    for (uint32_t i = 0; i < v->count; i++)
        value_builder_add(&list, encode_any(encoder, type ? type->elem : NULL, hidden, v->items[i]));
    return value_builder_list(&list);
}

static const struct value *encode_map(
    struct saved_encoder *encoder, const struct type *type, bool hidden, const struct value *v)
{
    AUTO_BUILDER struct value_builder map = VALUE_BUILDER(encoder->arena);
    for (uint32_t i = 0; i < v->count; i++) {
        struct str key = v->entries[i].key;
        const struct attr *field = type && type->kind == TYPE_OBJECT ? type_field(type, key) : NULL;
        const struct type *within = field ? field->type : type ? type->elem : NULL;
        value_builder_set(&map, key,
            encode_any(encoder, within, hidden || (field && field->sensitive), v->entries[i].value));
    }
    const struct value *whole = value_builder_map(&map);
    bool like_marker = v->count == 1 && str_starts(v->entries[0].key, STR("$"));
    return like_marker ? marker(encoder->arena, "$map", whole) : whole;
}

static const struct value *encode_any(
    struct saved_encoder *encoder, const struct type *type, bool hidden, const struct value *v)
{
    struct arena *arena = encoder->arena;
    bool secret = hidden || (v->marks & VALUE_SENSITIVE);
    if (v->kind == VALUE_UNKNOWN)
        return marker(arena, "$unknown", value_bool(v->marks & VALUE_SENSITIVE));
    if (state_is_hash(v)) {
        secret_number(encoder, v); /* it counts like a known secret */
        return value_unmark(arena, v);
    }
    if (secret)
        return marker(arena, "$secret", encode_secret(encoder, v));
    if (v->kind == VALUE_STRING && !str_is_utf8(v->string))
        return marker(arena, "$bytes", value_string_ref(arena, base64_encode(arena, v->string)));
    if (v->kind == VALUE_LIST)
        return encode_list(encoder, type, hidden, v);
    return v->kind == VALUE_MAP ? encode_map(encoder, type, hidden, v) : v;
}

const struct value *saved_value_encode(struct saved_encoder *encoder, const struct value *v)
{
    return encode_any(encoder, encoder->type, encoder->hidden, v);
}

/* ---- and back ---- */

/* A secret without its value: the number tells which secrets are equal. */
static const struct value *hidden_value(struct arena *arena, const struct value *number)
{
    struct str text = value_scalar_text(arena, number);
    return value_mark(arena, value_string(arena, text.p ? text : STR_EMPTY), VALUE_SENSITIVE);
}

static const struct value *lift_secret(struct arena *arena, const struct value *v)
{
    if (v->kind != VALUE_MAP)
        return hidden_value(arena, v);
    AUTO_BUILDER struct value_builder map = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < v->count; i++)
        value_builder_set(
            &map, arena_str(arena, v->entries[i].key), hidden_value(arena, v->entries[i].value));
    return value_mark(arena, value_builder_map(&map), VALUE_SENSITIVE);
}

static const struct value *lift_map(struct arena *arena, const struct value *v)
{
    AUTO_BUILDER struct value_builder map = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < v->count; i++)
        value_builder_set(
            &map, arena_str(arena, v->entries[i].key), saved_value_decode(arena, v->entries[i].value));
    return value_builder_map(&map);
}

/* NULL: not one of the markers. */
static const struct value *lift_marker(struct arena *arena, struct str name, const struct value *v)
{
    struct str bytes;
    if (str_eqz(name, "$unknown"))
        return value_mark(arena, &value_unknown, value_equal(v, &value_true) ? VALUE_SENSITIVE : 0);
    if (str_eqz(name, "$secret"))
        return lift_secret(arena, v);
    if (str_eqz(name, "$map") && v->kind == VALUE_MAP)
        return lift_map(arena, v);
    if (str_eqz(name, "$bytes") && v->kind == VALUE_STRING && base64_decode(arena, v->string, &bytes))
        return value_string(arena, bytes);
    return NULL;
}

const struct value *saved_value_decode(struct arena *arena, const struct value *v)
{
    if (v->kind == VALUE_LIST) {
        AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
        for (uint32_t i = 0; i < v->count; i++)
            value_builder_add(&list, saved_value_decode(arena, v->items[i]));
        return value_builder_list(&list);
    }
    if (v->kind != VALUE_MAP)
        return value_copy(arena, v);
    bool marked = v->count == 1 && str_starts(v->entries[0].key, STR("$"));
    const struct value *lifted = marked ? lift_marker(arena, v->entries[0].key, v->entries[0].value) : NULL;
    if (lifted)
        return lifted;
    const struct value *map = lift_map(arena, v), *hash = value_mark(arena, map, VALUE_SENSITIVE);
    return state_is_hash(hash) ? hash : map;
}

/* ---- all resources: writing ---- */

static const struct value *object_encoded(
    struct arena *arena, const struct schema *schema, const struct value *object)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; object && object->kind == VALUE_MAP && i < object->count; i++) {
        struct attr_change given = {
            .attr = schema_attr(schema, object->entries[i].key), .after = object->entries[i].value};
        struct saved_encoder encoder = {.arena = arena,
            .type = given.attr ? given.attr->type : NULL,
            .hidden = given.attr && given.attr->sensitive,
            .names = attr_change_names_given(&given),
            .secrets = VALUE_BUILDER(arena)};
        value_builder_set(&b, object->entries[i].key, saved_value_encode(&encoder, given.after));
        value_builder_release(&encoder.secrets);
    }
    return value_builder_map(&b);
}

struct references {
    struct value_builder list, parts;
    bool part;                   /* the visited expression is only a part of the attribute's value */
    const struct expr *for_each; /* of the declaration; NULL: none, or visited already */
    struct planner *p;           /* its stamps mark visited declarations */
};

/* Follows locals, outputs and module arguments to resources. */
static void add_reference(void *ctx, const struct decl *decl, struct str attr, bool part)
{
    struct references *r = ctx;
    bool outer = r->part;
    part = part || outer;
    const struct expr *expr = !decl                                                   ? r->for_each
                              : decl->kind == DECL_INPUT                              ? decl->argument
                              : decl->kind == DECL_LOCAL || decl->kind == DECL_OUTPUT ? decl->expr
                                                                                      : NULL;
    if (decl && decl->kind == DECL_RESOURCE) {
        struct str text = arena_printf(
            r->list.arena, "%.*s%s%.*s", STR_ARG(decl->address), attr.n ? "." : "", STR_ARG(attr));
        value_builder_add(&r->list, value_string_ref(r->list.arena, text));
        if (part)
            value_builder_add(&r->parts, value_string_ref(r->list.arena, text));
        return;
    }
    uint32_t *stamp = decl ? &r->p->evaluated.stamps[decl->index] : NULL;
    if (!expr || (stamp && *stamp == r->p->evaluated.stamp))
        return;
    if (stamp)
        *stamp = r->p->evaluated.stamp;
    else
        r->for_each = NULL;
    r->part = part;
    expr_each_reference(expr, add_reference, r);
    r->part = outer;
}

static const struct value *references_of(
    struct planner *p, struct arena *arena, const struct decl *decl, const struct value **parts)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena), of_parts = VALUE_BUILDER(arena);
    for (size_t i = 0; i < decl->attr_count; i++) {
        struct references found = {
            .list = VALUE_BUILDER(arena), .parts = VALUE_BUILDER(arena), .for_each = decl->for_each, .p = p};
        p->evaluated.stamp++;
        expr_each_reference(decl->attrs[i].expr, add_reference, &found);
        if (found.list.n)
            value_builder_set(&b, decl->attrs[i].name, value_builder_list(&found.list));
        if (found.parts.n)
            value_builder_set(&of_parts, decl->attrs[i].name, value_builder_list(&found.parts));
    }
    *parts = value_builder_map(&of_parts);
    return value_builder_map(&b);
}

static const struct value *given_of(struct arena *arena, const struct decl *decl)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    for (size_t i = 0; i < decl->attr_count; i++)
        value_builder_add(&list, value_string_ref(arena, decl->attrs[i].name));
    return value_builder_list(&list);
}

/* NULL: not known yet. */
static struct provider *provider_of(struct planner *p, const struct decl *decl)
{
    struct provider *provider;
    bool waits = provider_waits(p, decl) || evaluate_provider(p, decl, &provider, ERR_IGNORED);
    return waits ? NULL : provider;
}

/* The region of the resource; empty if there is none or it is not known yet. */
static struct str region_of(struct planner *p, const struct decl *decl)
{
    const struct value *location = NULL;
    struct provider *provider = provider_of(p, decl);
    if (!provider || provider_location(provider, decl->schema, false, p->arena, &location, ERR_IGNORED))
        return STR_EMPTY;
    return value_gets(location, "region");
}

/* Adds the provider's ignored tags, if any. */
static const struct value *with_ignored_tags(
    struct planner *p, struct arena *arena, const struct decl *decl, const struct value *saved)
{
    struct provider *provider = provider_of(p, decl);
    const struct value *ignored = provider ? provider_ignored_tags(provider) : NULL;
    return value_is_empty(ignored) ? saved : value_with(arena, saved, STR("ignored_tags"), ignored);
}

static const struct value *object_saved(struct arena *arena, const struct instance *instance,
    const struct value *region, const struct value *given, const struct value *references,
    const struct value *parts)
{
    const struct decl *decl = instance->decl;
    const struct value *planned = instance->planned;
    return VALUE_MAP(arena, {STR("address"), value_string_ref(arena, instance->address)},
        {STR("type"), value_string_ref(arena, decl->schema->name)},
        {STR("id"),
            value_string(arena, instance->recorded ? instance->recorded->record->subject.id : STR_EMPTY)},
        {STR("planned"), object_encoded(arena, decl->schema, planned)}, {STR("region"), region},
        {STR("given"), given}, {STR("references"), references}, {STR("parts"), parts});
}

const struct value *saved_objects(const struct plan *plan, struct arena *arena)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    struct planner *p = plan->planner;
    for (size_t i = 0; !plan->destroy && i < p->stack->decl_count; i++) {
        const struct instances *instances = &p->evaluated.instances[i];
        const struct decl *decl = p->stack->decls[i];
        if (decl->kind != DECL_RESOURCE || !instances->n)
            continue;
        const struct value *given = given_of(arena, decl), *parts,
                           *references = references_of(p, arena, decl, &parts),
                           *region = value_string(arena, region_of(p, decl));
        for (size_t k = 0; k < instances->n; k++)
            value_builder_add(
                &list, with_ignored_tags(p, arena, decl,
                           object_saved(arena, &instances->items[k], region, given, references, parts)));
    }
    return value_builder_list(&list);
}

/* ---- reading ---- */

struct objects {
    struct arena *arena;
    struct catalog *catalog;
    const struct value *saved;
    struct map changes; /* address -> const struct value, in the file */
    struct planned_object *items;
    size_t n;
};

/* The object before the change: the planned one, with the former values of changed attributes. */
static const struct value *before_of(
    struct arena *arena, const struct value *planned, const struct value *change)
{
    const struct value *attrs = value_as_list(value_getz(change, "attrs"));
    for (uint32_t i = 0; i < attrs->count; i++) {
        const struct value *before = value_getz(attrs->items[i], "before");
        planned = value_with(arena, planned, arena_str(arena, value_gets(attrs->items[i], "name")),
            before ? saved_value_decode(arena, before) : NULL);
    }
    return planned;
}

static struct planned_object *object_read(
    struct objects *o, const struct value *named, const struct value *change)
{
    struct err unknown = ERR_INIT; /* then without schema information */
    struct planned_object *object = &o->items[o->n++];
    *object = (struct planned_object){.address = arena_str(o->arena, value_gets(named, "address")),
        .type = arena_str(o->arena, value_gets(named, "type")),
        .id = arena_str(o->arena, value_gets(named, "id")),
        .region = arena_str(o->arena, value_gets(named, "region")),
        .ignored_tags = value_copy(o->arena, value_as_list(value_getz(named, "ignored_tags"))),
        .action = action_named(value_gets(change, "action")),
        .create_first = value_getb(change, "create_first"),
        .given = value_copy(o->arena, value_as_list(value_getz(named, "given"))),
        .references = value_copy(o->arena, value_as_map(value_getz(named, "references"))),
        .parts = value_copy(o->arena, value_as_map(value_getz(named, "parts")))};
    object->schema = catalog_find(o->catalog, object->type, false, &unknown);
    return object;
}

static void add_planned(struct objects *o, const struct value *saved)
{
    const struct value *change = map_get(&o->changes, value_gets(saved, "address"));
    struct planned_object *object = object_read(o, saved, change);
    object->after = lift_map(o->arena, value_as_map(value_getz(saved, "planned")));
    if (object->action != ACTION_CREATE)
        object->before = before_of(o->arena, object->after, change);
    map_set(&o->changes, object->address, NULL);
}

/* A live object in the file, without encrypted and hashed values. */
static const struct value *live_lifted(struct arena *arena, const struct value *kept)
{
    if (kept->kind != VALUE_MAP)
        return saved_value_decode(arena, kept);
    if (kept->count == 1 && str_starts(kept->entries[0].key, STR("$")))
        return value_mark(arena, &value_empty_string, VALUE_SENSITIVE);
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < kept->count; i++)
        value_builder_set(
            &b, arena_str(arena, kept->entries[i].key), live_lifted(arena, kept->entries[i].value));
    return value_builder_map(&b);
}

/* Adds a resource without an instance, of which only the former object is known. */
static void add_leaving(struct objects *o, const struct value *change)
{
    struct str address = value_gets(change, "address");
    if (!map_get(&o->changes, address) || value_getb(change, "data"))
        return;
    struct planned_object *object = object_read(o, change, change);
    if (object->action != ACTION_DELETE && object->action != ACTION_FORGET)
        return (void)o->n--;
    const struct value *live = value_get(value_getz(o->saved, "live"), object->address);
    object->before = before_of(o->arena, live_lifted(o->arena, value_as_map(live)), change);
}

const struct planned_object *saved_objects_read(
    const struct value *saved, struct catalog *catalog, struct arena *arena, size_t *n)
{
    const struct value *objects = value_as_list(value_getz(saved, "objects")),
                       *changes = value_as_list(value_getz(saved, "changes"));
    struct objects o = {.arena = arena,
        .catalog = catalog,
        .saved = saved,
        .items = ARENA_ARRAY(arena, struct planned_object, objects->count + changes->count + 1)};
    for (uint32_t i = 0; i < changes->count; i++)
        map_set(&o.changes, value_gets(changes->items[i], "address"), (void *)changes->items[i]);
    for (uint32_t i = 0; i < objects->count; i++)
        add_planned(&o, objects->items[i]);
    for (uint32_t i = 0; i < changes->count; i++)
        add_leaving(&o, changes->items[i]);
    map_release(&o.changes);
    *n = o.n;
    return o.items;
}
