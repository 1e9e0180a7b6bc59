/* The resources of a template: their names first, because they refer to each other, then what they say. */
#include "cmd/import/template.h"

/* ---- names ---- */

static bool is_hash(struct str s)
{
    return s.n == 10 && str_is_made_of(s, CHARS_HEX);
}

/* SAM's transform ends some names in a hash; what a bucket tells goes by the bucket. */
static struct str physical_id(struct template *t, const struct thing *thing)
{
    const struct value *all = t->live->physical;
    struct str name = thing->logical, notices = STR("Notifications"), found;
    if (str_eqz(thing->type, "aws.s3.bucket_notification") && str_ends(name, notices))
        name.n -= notices.n;
    found = value_gets(value_get(all, name), "id");
    for (uint32_t i = 0; t->serverless && !found.n && i < all->count; i++) {
        struct str other = all->entries[i].key;
        if (str_starts(other, name) && is_hash(str_slice(other, name.n, other.n)))
            found = value_gets(all->entries[i].value, "id");
    }
    return found;
}

static struct thing *add_thing(struct template *t, const struct node_entry *entry, struct str logical)
{
    struct thing *thing = ARENA_NEW(t->arena, struct thing);
    *thing = (struct thing){.logical = arena_str(t->arena, logical),
        .pattern = STR_EMPTY,
        .node = entry->value,
        .physical = STR_EMPTY};
    thing->type = node_text(node_get(entry->value, "Type"));
    thing->resource = draft_resource(t->draft);
    thing->resource->comment = template_comment(t->arena, entry);
    thing->resource->origin = thing->logical;
    thing->resource->was = thing->type;
    if (!thing->type.n)
        diag_error(t->diags, node_key_span(entry), "a resource is a map with its `Type`");
    if (map_set(&t->things, thing->logical, thing))
        diag_error(t->diags, node_key_span(entry), "\"%.*s\" is there twice", STR_ARG(logical));
    if (t->live)
        thing->physical = physical_id(t, thing);
    return thing;
}

static void name_resource(struct template *t, const struct node_entry *entry, struct str logical)
{
    struct thing *thing = add_thing(t, entry, logical);
    thing->resource->name = draft_name(t->draft, logical, str_last_part(thing->type, ":"));
}

/* "${Name}Bucket"; and "Bucket", for its name here. */
static void set_pattern(struct template *t, struct thing *thing)
{
    struct str rest = thing->pattern = thing->logical;
    for (const struct loop *l = thing->loops; l; l = l->outer) {
        struct str mark = arena_printf(t->arena, "${%.*s}", STR_ARG(l->name));
        ptrdiff_t at = str_find(rest, mark, 0);
        if (at >= 0)
            rest = arena_printf(t->arena, "%.*s%.*s", (int)at, rest.p, (int)(rest.n - (size_t)at - mark.n),
                rest.p + at + mark.n);
    }
    thing->resource->name = draft_name(
        t->draft, rest.n ? rest : str_last_part(thing->type, ":"), str_last_part(thing->type, ":"));
}

static void name_each(struct template *t, const struct node_entry *entry, const struct loop *loops)
{
    struct str logical; /* as far as loops around it are known */
    template_plain_name(t, entry->key, &logical);
    struct thing *thing = add_thing(t, entry, logical);
    thing->loops = loops;
    thing->bindings = t->bindings;
    set_pattern(t, thing);
    thing->collection = template_loop_items(t, loops);
}

/* ---- what they say ---- */

static void add_dependency(
    struct template *t, const struct thing *thing, struct said *list, const struct node *node)
{
    struct str name, key;
    template_plain_name(t, node_text(node), &name);
    const struct thing *other = template_find(t, name, &key);
    if (!other) {
        diag_error(
            t->diags, node_span(node), "the template has no resource \"%.*s\"", STR_ARG(node_text(node)));
        return;
    }
    for (size_t i = 0; i < t->draft->reference_count; i++) /* a reference says the same */
        if (t->draft->references[i]->owner == thing && t->draft->references[i]->target == other)
            return;
    draft_reference(t->draft, (void *)thing, (void *)other, STR("DependsOn"), STR_EMPTY, node);
    said_add(t->arena, list, said_string(t->arena, other->resource->name, node));
}

static bool resources_keep(const struct node *node, const char *key)
{
    struct str policy = node_text(node_get(node, key));
    return str_eqz(policy, "Retain") || str_eqz(policy, "RetainExceptOnCreate");
}

static void tell_policies(struct template *t, struct thing *thing)
{
    static const char *const unsaid[] = {"CreationPolicy", "UpdatePolicy"};
    for (size_t i = 0; i < sizeof unsaid / sizeof *unsaid; i++) {
        const struct node_entry *entry = node_find(thing->node, str_z(unsaid[i]));
        if (entry)
            diag_warning(
                t->diags, node_key_span(entry), "`%s` cannot be said in a stack, and is left out", unsaid[i]);
    }
    const struct node_entry *deletion = node_find(thing->node, STR("DeletionPolicy"));
    if (deletion && str_eqz(node_text(deletion->value), "Snapshot"))
        thing->resource->note =
            STR("what a destroy does with its last snapshot, the type's own attributes say");
}

/* weir's own keys, around the attributes. */
static void read_around(struct template *t, struct thing *thing, struct said *before, struct said *after)
{
    const struct node *only = node_get(thing->node, "Condition"),
                      *depends = node_get(thing->node, "DependsOn");
    if (thing->collection)
        said_set(t->arena, before, STR("for_each"), thing->collection);
    if (only)
        said_set(
            t->arena, before, STR("when"), said_code(t->arena, only, "%s", template_condition(t, only).p));
    if (depends) {
        struct said *list = said_new(t->arena, SAID_LIST, depends);
        for (uint32_t i = 0; depends->kind == NODE_LIST && i < depends->count; i++)
            add_dependency(t, thing, list, depends->items[i]);
        if (depends->kind != NODE_LIST)
            add_dependency(t, thing, list, depends);
        if (list->n)
            said_set(t->arena, after, STR("depends_on"), list);
    }
    if (resources_keep(thing->node, "DeletionPolicy") || resources_keep(thing->node, "UpdateReplacePolicy")) {
        struct said *lifecycle = said_new(t->arena, SAID_MAP, NULL);
        said_set(t->arena, lifecycle, STR("prevent_destroy"), said_value(t->arena, &value_true, NULL));
        said_set(t->arena, after, STR("lifecycle"), lifecycle);
    }
    tell_policies(t, thing);
}

static void read_properties(struct template *t, struct thing *thing)
{
    const struct node *properties = node_get(thing->node, "Properties");
    t->current = thing;
    const struct binding *before_loop = t->bindings;
    t->bindings = thing->bindings;
    template_bind_loops(t, thing->loops);
    thing->properties = properties ? template_said(t, properties) : said_new(t->arena, SAID_MAP, thing->node);
    struct said *before = said_new(t->arena, SAID_MAP, NULL), *after = said_new(t->arena, SAID_MAP, NULL);
    read_around(t, thing, before, after);
    thing->resource->attrs = before;
    said_set(t->arena, before, STR("\001after"), after);
    t->bindings = before_loop;
    t->current = NULL;
    if (thing->properties->kind != SAID_MAP) {
        diag_error(t->diags, node_span(properties), "`Properties` is a map");
        thing->properties = said_new(t->arena, SAID_MAP, thing->node);
    }
    template_nest(t, thing);
}

void template_resources(struct template *t, const struct node *section)
{
    for (uint32_t i = 0; i < section->count; i++)
        if (str_starts(section->entries[i].key, STR("Fn::ForEach::")))
            template_loops(t, &section->entries[i], name_each);
        else
            name_resource(t, &section->entries[i], section->entries[i].key);
    for (size_t i = 0; i < t->things.n; i++)
        read_properties(t, t->things.items[i].ptr);
}
