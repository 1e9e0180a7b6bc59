/* Attributes with their own calls: tags, sub-resources, members, entries. */
#include "provider/spec/load.h"

/* ---- A type's tags: the calls that set and remove them, and the form of their items. */

#define TAGS_KEYS                                                                                            \
    "as listed_as pairs item flat with_create add add_as remove remove_as remove_item remove_structures "    \
    "put put_as clear list at send absent bulk mark retry beside flag"

const struct node *load_tags_node(struct type_loader *t)
{
    const struct node *own = node_get(t->node, "tags"), *head = t->l->tags;
    if (!own || own->kind != NODE_MAP || !head || head->kind != NODE_MAP)
        return own ? own : head;
    struct node *merged = ARENA_NEW(t->l->arena, struct node);
    *merged = *own;
    merged->entries = ARENA_ARRAY(t->l->arena, struct node_entry, own->count + head->count);
    memcpy(merged->entries, own->entries, own->count * sizeof *merged->entries);
    for (uint32_t i = 0; i < head->count; i++)
        if (!node_find(own, head->entries[i].key))
            merged->entries[merged->count++] = head->entries[i];
    return merged;
}

static const struct spec_step *tags_step(struct type_loader *t, const struct node *node, const char *key,
    struct step_rules *rules, struct str as, const struct shape *shape)
{
    rules->item_count = as.n ? 1 : 0;
    rules->items[0] = (struct item_member){as, STR("@"), shape};
    return load_step_at(t, node, key, rules);
}

/* ---- items with further members ---- */

/* `flag: {Member: attribute}`: the attribute lists the keys for which the member is true. */
static void load_flagged(struct type_loader *t, const struct node *node, struct spec_owned *tags)
{
    const struct node *flag = node_get(node, "flag");
    if (!flag)
        return;
    const struct node *named = flag->kind == NODE_MAP && flag->count == 1 ? flag->entries[0].value : NULL;
    if (!named || named->kind != NODE_STRING || node_get(node, "list")) {
        load_error(t->l, flag, "flag is {Member: attribute}, of tags that the object's own answer has");
        return;
    }
    struct spec_attr *attr = load_attr_named(t, named, named->string);
    if (!attr)
        return;
    attr->owner = OWNER_TAGS;
    tags->flag = attr;
    tags->flag_member = flag->entries[0].key;
}

/* Returns the shape of one item; `key_only`: of items to remove. */
static const struct shape *item_shape(
    struct type_loader *t, const struct node *beside, const struct spec_owned *tags, bool key_only)
{
    static const struct shape yes_or_no = {.kind = SHAPE_BOOL};
    size_t count = beside ? beside->count : 0, n = 0;
    bool dynamic = false;
    struct shape_member *members = ARENA_ARRAY(t->l->arena, struct shape_member, count + 2);
    struct str value_name = tags->listed->value_name;
    members[n++] =
        key_only ? (struct shape_member){.name = STR("key"), .wire = STR("Key"), .shape = &shape_text}
                 : (struct shape_member){.name = STR("value"), .wire = value_name, .shape = &shape_text};
    for (size_t i = 0; i < count; i++)
        members[n++] = (struct shape_member){.name = beside->entries[i].key,
            .wire = beside->entries[i].key,
            .shape = load_constant_shape(t, beside->entries[i].value, &dynamic)};
    if (tags->flag && !key_only)
        members[n++] =
            (struct shape_member){.name = tags->flag_member, .wire = tags->flag_member, .shape = &yes_or_no};
    struct shape *shape = ARENA_NEW(t->l->arena, struct shape);
    *shape = (struct shape){.kind = SHAPE_STRUCT, .members = members, .member_count = n};
    return shape;
}

/* `beside: {Member: constant}`: further members of each item. They are ignored in responses. */
static void load_beside(struct type_loader *t, const struct node *node, struct spec_owned *tags)
{
    const struct node *beside = node_get(node, "beside");
    load_flagged(t, node, tags);
    if (beside && !load_size(t->l, beside, NODE_MAP, "beside is {Member: constant}"))
        return;
    tags->structures = beside || tags->flag;
    if (!tags->structures)
        return;
    struct shape *shape = ARENA_NEW(t->l->arena, struct shape);
    *shape = *tags->shape;
    shape->value_name = STR(".");
    shape->elem = item_shape(t, beside, tags, false);
    tags->shape = shape;
    tags->beside = beside ? node_value(t->l->arena, beside) : NULL;
}

/* Returns the shape of the keys to remove. */
static const struct shape *keys_shape(struct type_loader *t, const struct node *node, struct spec_owned *tags)
{
    struct shape *keys = ARENA_NEW(t->l->arena, struct shape);
    tags->remove_structures = load_flag(t->l, node, "remove_structures");
    *keys = (struct shape){.kind = SHAPE_LIST,
        .elem = tags->remove_structures ? item_shape(t, node_get(node, "beside"), tags, true) : &shape_text,
        .item = load_text(t->l, node, "remove_item")};
    return keys;
}

static void load_tags(struct type_loader *t, struct spec_owned *tags)
{
    struct loader *l = t->l;
    struct spec_attr *attr = NULL;
    for (size_t i = 0; i < t->type->attr_count; i++)
        if (t->attrs[i].attr->type->kind == TYPE_TAGS)
            attr = &t->attrs[i];
    const struct node *node = load_tags_node(t);
    if (!attr || !node || !load_keys(l, node, "tags", TAGS_KEYS))
        return;
    t->type->tags = tags;
    tags->attr = attr;
    tags->shape = load_tags_shape(l, node, "as");
    tags->listed = node_get(node, "listed_as") ? load_tags_shape(l, node, "listed_as") : tags->shape;
    load_beside(t, node, tags);
    attr->shape = tags->shape;
    attr->answer = tags->listed;
    attr->owner = OWNER_TAGS;
    tags->bulk = load_text(l, node, "bulk");
    tags->unreported = str_eqz(tags->bulk, "none");
    if (tags->unreported)
        tags->bulk = STR_EMPTY;
    tags->ownership = !node_get(node, "mark") || load_flag(l, node, "mark");
    tags->with_create = node_get(node, "with_create");
    struct str put_as = load_text(l, node, "put_as");
    const struct shape *keys = keys_shape(t, node, tags);
    struct step_rules rules = {.what = "tags", .ident = node_get(node, "send"), .shared = node};
    tags->add = tags_step(t, node, "add", &rules, load_text(l, node, "add_as"), tags->shape);
    tags->remove = tags_step(t, node, "remove", &rules, load_text(l, node, "remove_as"), keys);
    tags->put = tags_step(t, node, "put", &rules, put_as, tags->shape);
    tags->clear = tags_step(t, node, "clear", &rules, STR_EMPTY, NULL);
    rules.pages = rules.reads = true;
    tags->list = tags_step(t, node, "list", &rules, STR_EMPTY, NULL);
}

/* Reads a call that reads: it shares `at`, and listings may be paginated. */
static const struct spec_step *reading_at(struct type_loader *t, const struct node *node, const char *key,
    const struct step_rules *rules, bool pages)
{
    struct step_rules reads = *rules;
    reads.reads = true;
    reads.pages = pages;
    return load_step_at(t, node, key, &reads);
}

static void load_sub_resource(struct type_loader *t, const struct node *node, struct spec_owned *out)
{
    if (!load_keys(t->l, node, "a sub-resource", "put get delete reset renew send at absent retry"))
        return;
    struct step_rules rules = {.what = "a sub-resource", .ident = node_get(node, "send"), .shared = node};
    out->get = reading_at(t, node, "get", &rules, false);
    out->remove = load_step_at(t, node, "delete", &rules);
    out->reset = load_step_at(t, node, "reset", &rules);
    out->renew = load_flag(t->l, node, "renew");
    rules.subject = out->attr;
    out->put = load_step_at(t, node, "put", &rules);
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

static void load_members(struct type_loader *t, const struct node *node, struct spec_owned *out)
{
    struct loader *l = t->l;
    if (!load_keys(l, node, "a member set",
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
    out->modify = load_step_at(t, node, "modify", &rules);
    rules.item_count = 1;
    rules.items[0] = (struct item_member){add_as.n ? add_as : as, STR("@"), out->batch ? whole : elem};
    out->add = load_step_at(t, node, "add", &rules);
    rules.items[0].as = remove_as.n ? remove_as : as;
    out->remove = load_step_at(t, node, "remove", &rules);
    if (!out->modify && (!out->add || !out->remove))
        load_error(l, node, "a member set needs \"add\" and \"remove\", or \"modify\"");
}

/* Returns the shape of an entry as one structure: its key beside the value's own members, or beside the
 * value; all in the structure `in`, if it is given. */
static const struct shape *entry_shape(
    struct loader *l, const struct spec_owned *e, struct str in, bool key_only)
{
    struct shape *shape = ARENA_NEW(l->arena, struct shape);
    struct shape_member members[] = {{.name = STR("key"), .wire = e->key, .shape = &shape_text},
        {.name = STR("value"), .wire = e->value.n ? e->value : STR("."), .shape = e->attr->shape->elem}};
    for (size_t i = 0; in.n && i < 2; i++)
        members[i].wire = arena_printf(l->arena, "%.*s.%.*s", STR_ARG(in), STR_ARG(members[i].wire));
    load_struct(l, members, key_only ? 1 : 2, shape);
    return shape;
}

static void load_entry_calls(struct type_loader *t, const struct node *node, struct spec_owned *out)
{
    struct loader *l = t->l;
    const struct shape like = {.item = load_text(l, node, "item")};
    struct str put_as = load_text(l, node, "put_as"), delete_as = load_text(l, node, "delete_as"),
               put_in = load_text(l, node, "put_in"), delete_in = load_text(l, node, "delete_in");
    const struct item_member key = {out->key, STR("key"), &shape_text};
    const struct item_member value = {
        out->value.n ? out->value : STR("."), STR("value"), out->attr->shape->elem};
    const struct item_member keys = {delete_as, STR("key"), list_of(l, &shape_text, NULL)};
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
    out->remove = load_step_at(t, node, "delete", &rules);
    rules.items[0] = out->batch ? items : key;
    rules.items[1] = value;
    rules.items[2] = (struct item_member){load_text(l, node, "key_too"), STR("key"), &shape_text};
    rules.item_count = out->batch ? 1 : rules.items[2].as.n ? 3 : 2;
    out->put = load_step_at(t, node, "put", &rules);
    out->replace = load_step_at(t, node, "replace", &rules);
    if (!out->put || !out->remove)
        load_error(l, node, "an entry map needs \"put\" and \"delete\"");
}

static void load_entries(struct type_loader *t, const struct node *node, struct spec_owned *out)
{
    struct loader *l = t->l;
    if (!load_keys(l, node, "an entry map",
            "list at skip broken get put replace delete delete_whole renew item key key_too value answer "
            "put_as put_in delete_as delete_in batch send "
            "absent retry failed listed_as deleted_by"))
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
    static const char *const forms[] = {"map", NULL};
    out->mapped = load_word(l, node, "listed_as", forms);
    if (out->mapped && node_get(node, "list"))
        load_error(l, node_get(node, "listed_as"), "listed_as is for entries without a listing");
    out->deleted_by = load_attr_names(t, node_get(node, "deleted_by"));
    out->skip = load_skip(l, node_get(node, "skip"));
    out->broken = load_skip(l, node_get(node, "broken"));
    load_entry_calls(t, node, out);
}

/* In the order in which a new resource gets them. */
static const struct section {
    const char *key;
    enum spec_owner owner;
    void (*load)(struct type_loader *t, const struct node *node, struct spec_owned *out);
} sections[] = {{"sub_resources", OWNER_SUB_RESOURCE, load_sub_resource},
    {"entries", OWNER_ENTRIES, load_entries}, {"members", OWNER_MEMBERS, load_members}};

enum { SECTIONS = sizeof sections / sizeof *sections };

/* Marks the attributes before any call is loaded, since calls that send all attributes leave them out. */
static size_t mark_owned(struct type_loader *t, const struct section *section)
{
    size_t n = 0;
    const struct node *map = node_get(t->node, section->key);
    uint32_t count = load_size(t->l, map, NODE_MAP, "expected a map by attribute");
    for (uint32_t i = 0; i < count; i++) {
        struct spec_attr *attr = load_attr_named(t, map->entries[i].value, map->entries[i].key);
        if (attr)
            attr->owner = section->owner;
        n += attr != NULL;
    }
    return n;
}

void load_owned(struct type_loader *t)
{
    size_t n = 0;
    for (size_t s = 0; s < SECTIONS; s++)
        n += mark_owned(t, &sections[s]);
    struct spec_owned *owned = ARENA_ARRAY(t->l->arena, struct spec_owned, n + 1);
    t->type->owned = owned;
    load_tags(t, &owned[n]);
    for (size_t s = 0; s < SECTIONS; s++) {
        const struct node *map = node_get(t->node, sections[s].key);
        for (uint32_t i = 0; map && map->kind == NODE_MAP && i < map->count; i++) {
            struct spec_owned *out = &owned[t->type->owned_count];
            if (!(out->attr = spec_attr_find(t->type, map->entries[i].key)))
                continue;
            sections[s].load(t, map->entries[i].value, out);
            t->type->owned_count++;
        }
    }
    t->type->owned_count += t->type->tags != NULL;
}
