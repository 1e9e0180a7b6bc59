/* What belongs to a type's resources: sub-resources, members, entries. */
#include "provider/spec/load.h"

/* The step under that key, or NULL. */
static const struct spec_step *step_at(
    struct type_loader *t, const struct node *node, const char *key, const struct step_rules *rules)
{
    const struct node *call = node_get(node, key);
    return call ? load_step(t, call, rules) : NULL;
}

/* The same for calls that read: they share `at`, and listings may have pages. */
static const struct spec_step *reading_at(struct type_loader *t, const struct node *node, const char *key,
    const struct step_rules *rules, bool pages)
{
    struct step_rules reads = *rules;
    reads.reads = true;
    reads.pages = pages;
    return step_at(t, node, key, &reads);
}

static void load_sub_resource(
    struct type_loader *t, const struct node_entry *entry, struct spec_sub_resource *out)
{
    const struct node *node = entry->value;
    out->attr = spec_attr_find(t->type, entry->key);
    if (!out->attr ||
        !load_keys(t->l, node, "a sub-resource", "put get delete reset renew send at absent retry"))
        return;
    struct step_rules rules = {.what = "a sub-resource", .ident = node_get(node, "send"), .shared = node};
    out->get = reading_at(t, node, "get", &rules, false);
    out->remove = step_at(t, node, "delete", &rules);
    out->reset = step_at(t, node, "reset", &rules);
    out->renew = load_flag(t->l, node, "renew");
    rules.subject = out->attr;
    out->put = step_at(t, node, "put", &rules);
    if (!out->put)
        load_error(t->l, node, "a sub-resource needs \"put\"");
}

static const struct shape *list_of(struct loader *l, const struct shape *elem, const struct shape *like)
{
    struct shape *shape = ARENA_NEW(l->arena, struct shape);
    *shape = (struct shape){.kind = SHAPE_LIST, .elem = elem};
    if (like) {
        shape->item = like->item;
        shape->flat = like->flat;
    }
    return shape;
}

static void load_members(struct type_loader *t, const struct node_entry *entry, struct spec_members *out)
{
    struct loader *l = t->l;
    const struct node *node = entry->value;
    out->attr = spec_attr_find(t->type, entry->key);
    if (!out->attr || !load_keys(l, node, "a member set",
                          "list at skip add remove as modify add_as remove_as batch read_first self send "
                          "absent retry failed"))
        return;
    struct step_rules rules = {.what = "a member set", .ident = node_get(node, "send"), .shared = node};
    out->list = reading_at(t, node, "list", &rules, true);
    out->batch = load_flag(l, node, "batch");
    out->read_first = load_flag(l, node, "read_first");
    out->self = load_text(l, node, "self");
    const struct shape *whole = out->attr->shape, *elem = whole->elem ? whole->elem : whole;
    struct str as = load_text(l, node, "as"), add_as = load_text(l, node, "add_as"),
               remove_as = load_text(l, node, "remove_as");
    rules.items[0] = (struct item_member){add_as, STR("add"), whole};
    rules.items[1] = (struct item_member){remove_as, STR("remove"), whole};
    rules.item_count = 2;
    out->modify = step_at(t, node, "modify", &rules);
    rules.item_count = 1;
    rules.items[0] = (struct item_member){add_as.n ? add_as : as, STR("@"), out->batch ? whole : elem};
    out->add = step_at(t, node, "add", &rules);
    rules.items[0].as = remove_as.n ? remove_as : as;
    out->remove = step_at(t, node, "remove", &rules);
    if (!out->modify && (!out->add || !out->remove))
        load_error(l, node, "a member set needs \"add\" and \"remove\", or \"modify\"");
}

/* An entry on the wire as one structure: its key beside the value's own members, or beside the value; all of
 * it in the structure `in`, if that is said. */
static const struct shape *entry_shape(
    struct loader *l, const struct spec_entries *e, struct str in, bool key_only)
{
    static const struct shape text = {.kind = SHAPE_STRING};
    struct shape *shape = ARENA_NEW(l->arena, struct shape);
    struct shape_member members[] = {{.name = STR("key"), .wire = e->key, .shape = &text},
        {.name = STR("value"), .wire = e->value.n ? e->value : STR("."), .shape = e->attr->shape->elem}};
    for (size_t i = 0; in.n && i < 2; i++)
        members[i].wire = arena_printf(l->arena, "%.*s.%.*s", STR_ARG(in), STR_ARG(members[i].wire));
    load_struct(l, members, key_only ? 1 : 2, shape);
    return shape;
}

static void load_entry_calls(struct type_loader *t, const struct node *node, struct spec_entries *out)
{
    static const struct shape text = {.kind = SHAPE_STRING};
    struct loader *l = t->l;
    const struct shape like = {.item = load_text(l, node, "item")};
    struct str put_as = load_text(l, node, "put_as"), delete_as = load_text(l, node, "delete_as"),
               put_in = load_text(l, node, "put_in"), delete_in = load_text(l, node, "delete_in");
    const struct item_member key = {out->key, STR("key"), &text};
    const struct item_member value = {
        out->value.n ? out->value : STR("."), STR("value"), out->attr->shape->elem};
    const struct item_member keys = {delete_as, STR("key"), list_of(l, &text, NULL)};
    const struct item_member items = {
        put_as, STR("items"), list_of(l, entry_shape(l, out, put_in, false), &like)};
    struct step_rules rules = {.what = "an entry map", .ident = node_get(node, "send"), .shared = node};
    out->list = reading_at(t, node, "list", &rules, true);
    rules.items[0] = key;
    rules.item_count = 1;
    out->get = reading_at(t, node, "get", &rules, false);
    if (out->delete_whole) {
        rules.items[0] = items;
        rules.items[0].as = delete_as;
        if (delete_in.n)
            rules.items[0].shape = list_of(l, entry_shape(l, out, delete_in, true), &like);
    } else if (out->batch) {
        rules.items[0] = keys;
    } else if (delete_as.n) {
        rules.items[0].as = delete_as;
    }
    out->remove = step_at(t, node, "delete", &rules);
    rules.items[0] = out->batch ? items : key;
    rules.items[1] = value;
    rules.items[2] = (struct item_member){load_text(l, node, "key_too"), STR("key"), &text};
    rules.item_count = out->batch ? 1 : rules.items[2].as.n ? 3 : 2;
    out->put = step_at(t, node, "put", &rules);
    out->replace = step_at(t, node, "replace", &rules);
    if (!out->put || !out->remove)
        load_error(l, node, "an entry map needs \"put\" and \"delete\"");
}

static void load_entries(struct type_loader *t, const struct node_entry *entry, struct spec_entries *out)
{
    struct loader *l = t->l;
    const struct node *node = entry->value;
    out->attr = spec_attr_find(t->type, entry->key);
    if (!out->attr ||
        !load_keys(l, node, "an entry map",
            "list at skip broken get put replace delete delete_whole renew item key key_too value answer "
            "put_as put_in delete_as delete_in batch send "
            "absent retry failed listed_as wiped_by"))
        return;
    if (out->attr->attr->type->kind != TYPE_MAP) {
        load_error(l, node, "entries are for attributes of type map(…)");
        return;
    }
    out->key = load_text(l, node, "key");
    out->value = load_text(l, node, "value");
    out->answer = load_text(l, node, "answer");
    if (!out->answer.n)
        out->answer = out->value;
    out->batch = load_int(l, node, "batch", 0);
    out->delete_whole = load_flag(l, node, "delete_whole") || node_get(node, "delete_in");
    out->renew = load_flag(l, node, "renew");
    struct str listed = load_text(l, node, "listed_as");
    out->mapped = str_eqz(listed, "map");
    if (listed.n && (!out->mapped || node_get(node, "list")))
        load_error(l, node_get(node, "listed_as"), "listed_as is \"map\", of entries without a listing");
    out->wiped_by = load_attr_names(t, node_get(node, "wiped_by"));
    out->skip = load_skip(l, node_get(node, "skip"));
    out->broken = load_skip(l, node_get(node, "broken"));
    load_entry_calls(t, node, out);
}

static const struct node *type_map(struct type_loader *t, const char *key, size_t *n)
{
    const struct node *map = node_get(t->node, key);
    *n = map && map->kind == NODE_MAP ? map->count : 0;
    return map;
}

void load_owned(struct type_loader *t)
{
    struct arena *arena = t->l->arena;
    struct spec_type *type = t->type;
    const struct node *map = type_map(t, "sub_resources", &type->sub_resource_count);
    struct spec_sub_resource *sub_resources =
        ARENA_ARRAY(arena, struct spec_sub_resource, type->sub_resource_count);
    for (size_t i = 0; i < type->sub_resource_count; i++)
        load_sub_resource(t, &map->entries[i], &sub_resources[i]);
    map = type_map(t, "members", &type->member_count);
    struct spec_members *members = ARENA_ARRAY(arena, struct spec_members, type->member_count);
    for (size_t i = 0; i < type->member_count; i++)
        load_members(t, &map->entries[i], &members[i]);
    map = type_map(t, "entries", &type->entries_count);
    struct spec_entries *entries = ARENA_ARRAY(arena, struct spec_entries, type->entries_count);
    for (size_t i = 0; i < type->entries_count; i++)
        load_entries(t, &map->entries[i], &entries[i]);
    type->sub_resources = sub_resources;
    type->members = members;
    type->entries = entries;
}
