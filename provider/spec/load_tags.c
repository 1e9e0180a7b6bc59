/* A type's tags: the calls that set them and take them away, and what their items look like. */
#include "provider/spec/load.h"

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
    const struct node *call = node_get(node, key);
    if (!call)
        return NULL;
    rules->item_count = as.n ? 1 : 0;
    rules->items[0] = (struct item_member){as, STR("@"), shape};
    return load_step(t, call, rules);
}

/* ---- items with more than key and value ---- */

/* `flag: {Member: attribute}`: a set, of the keys for which that member is true. */
static void load_flagged(struct type_loader *t, const struct node *node, struct spec_tags *tags)
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

/* One item as it is sent. `key_only`: of those to be removed. */
static const struct shape *item_shape(
    struct type_loader *t, const struct node *beside, const struct spec_tags *tags, bool key_only)
{
    static const struct shape text = {.kind = SHAPE_STRING}, yes_or_no = {.kind = SHAPE_BOOL};
    size_t count = beside ? beside->count : 0, n = 0;
    bool dynamic = false;
    struct shape_member *members = ARENA_ARRAY(t->l->arena, struct shape_member, count + 2);
    struct str value_name = tags->answer->value_name;
    members[n++] = key_only ? (struct shape_member){.name = STR("key"), .wire = STR("Key"), .shape = &text}
                            : (struct shape_member){.name = STR("value"), .wire = value_name, .shape = &text};
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

/* `beside: {Member: constant}`: what each item has besides. Answers are read without it. */
static void load_beside(struct type_loader *t, const struct node *node, struct spec_tags *tags)
{
    const struct node *beside = node_get(node, "beside");
    load_flagged(t, node, tags);
    if (beside && beside->kind != NODE_MAP) {
        load_error(t->l, beside, "beside is {Member: constant}, not %s", node_kind_name(beside));
        return;
    }
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

/* How keys go out that are to be removed. */
static const struct shape *keys_shape(struct type_loader *t, const struct node *node, struct spec_tags *tags)
{
    static const struct shape text = {.kind = SHAPE_STRING};
    struct shape *keys = ARENA_NEW(t->l->arena, struct shape);
    tags->remove_structures = load_flag(t->l, node, "remove_structures");
    *keys = (struct shape){.kind = SHAPE_LIST,
        .elem = tags->remove_structures ? item_shape(t, node_get(node, "beside"), tags, true) : &text,
        .item = load_text(t->l, node, "remove_item")};
    return keys;
}

void load_tags(struct type_loader *t)
{
    struct loader *l = t->l;
    struct spec_attr *attr = NULL;
    for (size_t i = 0; i < t->type->attr_count; i++)
        if (t->attrs[i].attr->type->kind == TYPE_TAGS)
            attr = &t->attrs[i];
    const struct node *node = load_tags_node(t);
    if (!attr || !node || !load_keys(l, node, "tags", TAGS_KEYS))
        return;
    struct spec_tags *tags = ARENA_NEW(l->arena, struct spec_tags);
    t->type->tags = tags;
    tags->attr = attr;
    tags->shape = load_tags_shape(l, node, "as");
    tags->answer = node_get(node, "listed_as") ? load_tags_shape(l, node, "listed_as") : tags->shape;
    load_beside(t, node, tags);
    attr->shape = tags->shape;
    attr->answer = tags->answer;
    attr->owner = OWNER_TAGS;
    tags->bulk = load_text(l, node, "bulk");
    tags->unreported = str_eqz(tags->bulk, "none");
    if (tags->unreported)
        tags->bulk = STR_EMPTY;
    tags->mark = !node_get(node, "mark") || load_flag(l, node, "mark");
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
