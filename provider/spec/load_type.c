/* One resource type or data source of a spec. */
#include "provider/spec/load.h"

#define TYPE_KEYS                                                                                            \
    "doc cfn id arn attributes create read update delete list facets members entries tags wait find gone "   \
    "example sandbox run recorded native teardown leaves iam pending settles settle going history replace "  \
    "sole "                                                                                                  \
    "partial"
#define TAGS_KEYS                                                                                            \
    "as listed_as pairs item flat with_create add add_as remove remove_as remove_item remove_structures "    \
    "put put_as "                                                                                            \
    "clear list at send "                                                                                    \
    "absent bulk mark retry"

const struct spec_attr *spec_attr_find(const struct spec_type *type, struct str name)
{
    for (size_t i = 0; i < type->attr_count; i++)
        if (str_eq(type->attrs[i].attr->name, name))
            return &type->attrs[i];
    return NULL;
}

/* ---- attributes ---- */

static void add_arn(struct type_loader *t, struct str template, size_t *n)
{
    for (size_t i = 0; i < *n; i++)
        if (str_eqz(t->attrs[i].attr->name, "arn")) {
            t->attrs[i].template = template;
            return;
        }
    static const struct type text = {.kind = TYPE_STRING};
    static const struct shape shape = {.kind = SHAPE_STRING};
    struct attr *attr = ARENA_NEW(t->l->arena, struct attr);
    *attr = (struct attr){
        .name = STR("arn"), .doc = STR("Amazon Resource Name."), .type = &text, .computed = true};
    t->attrs[(*n)++] = (struct spec_attr){.attr = attr,
        .wire = STR("Arn"),
        .read = STR("Arn"),
        .shape = &shape,
        .answer = &shape,
        .template = template};
}

/* Keys that a stack file has for itself on every resource: an attribute of that name could never be given. */
static bool is_taken(struct str name)
{
    static const struct str keys[] = {STR_INIT("type"), STR_INIT("for_each"), STR_INIT("when"),
        STR_INIT("depends_on"), STR_INIT("provider"), STR_INIT("lifecycle"), STR_INIT("timeouts"),
        STR_INIT("adopt")};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (str_eq(name, keys[i]))
            return true;
    return false;
}

static void load_attributes(struct type_loader *t)
{
    const struct node *map = node_get(t->node, "attributes");
    if (!map || map->kind != NODE_MAP) {
        load_error(t->l, map ? map : t->node, "a type needs \"attributes\", a map");
        return;
    }
    load_neighbours(t->l, map);
    size_t n = map->count;
    t->attrs = ARENA_ARRAY(t->l->arena, struct spec_attr, n + 1);
    for (size_t i = 0; i < n; i++) {
        if (is_taken(map->entries[i].key))
            load_error(t->l, map->entries[i].value,
                "\"%.*s\" is a key of the stack file's own: name the attribute otherwise, with `wire:`",
                STR_ARG(map->entries[i].key));
        load_attr(t->l, map->entries[i].key, map->entries[i].value, &t->attrs[i]);
    }
    struct str arn = load_text(t->l, t->node, "arn");
    if (arn.n)
        add_arn(t, arn, &n);
    struct attr *attrs = ARENA_ARRAY(t->l->arena, struct attr, n);
    size_t shown = 0;
    for (size_t i = 0; i < n; i++) {
        if (t->attrs[i].hidden)
            continue;
        attrs[shown] = *t->attrs[i].attr;
        t->attrs[i].attr = &attrs[shown++];
    }
    t->type->attrs = t->attrs;
    t->type->attr_count = n;
    t->type->schema.attrs = attrs;
    t->type->schema.attr_count = shown;
}

/* What no answer has is compared with the record. */
static void mark_unread(struct type_loader *t)
{
    for (size_t i = 0; i < t->type->attr_count; i++) {
        struct attr *attr = t->attrs[i].attr;
        if (!t->attrs[i].readable && attr->settable && !attr->write_only &&
            !str_eq(attr->name, t->type->schema.id))
            attr->local = true;
    }
}

/* Attributes under facets, members and entries have calls of their own. */
static void load_owners(struct type_loader *t, const char *key, enum spec_owner owner)
{
    const struct node *map = node_get(t->node, key);
    if (map && map->kind != NODE_MAP)
        load_error(t->l, map, "%s has to be a map by attribute", key);
    for (uint32_t i = 0; map && map->kind == NODE_MAP && i < map->count; i++) {
        struct spec_attr *attr = load_attr_named(t, map->entries[i].value, map->entries[i].key);
        if (attr)
            attr->owner = owner;
    }
}

/* ---- facets, members, entries ---- */

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

static void load_facet(struct type_loader *t, const struct node_entry *entry, struct spec_facet *out)
{
    const struct node *node = entry->value;
    out->attr = spec_attr_find(t->type, entry->key);
    if (!out->attr || !load_keys(t->l, node, "a facet", "put get delete reset renew send at absent retry"))
        return;
    struct step_rules rules = {.what = "a facet", .ident = node_get(node, "send"), .shared = node};
    out->get = reading_at(t, node, "get", &rules, false);
    out->remove = step_at(t, node, "delete", &rules);
    out->reset = step_at(t, node, "reset", &rules);
    out->renew = load_flag(t->l, node, "renew");
    rules.subject = out->attr;
    out->put = step_at(t, node, "put", &rules);
    if (!out->put)
        load_error(t->l, node, "a facet needs \"put\"");
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
    if (!out->attr ||
        !load_keys(l, node, "a member set",
            "list at skip add remove as modify add_as remove_as batch read_first send absent retry failed"))
        return;
    struct step_rules rules = {.what = "a member set", .ident = node_get(node, "send"), .shared = node};
    out->list = reading_at(t, node, "list", &rules, true);
    out->batch = load_flag(l, node, "batch");
    out->read_first = load_flag(l, node, "read_first");
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
            "absent retry failed"))
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
    out->skip = load_skip(l, node_get(node, "skip"));
    out->broken = load_skip(l, node_get(node, "broken"));
    load_entry_calls(t, node, out);
}

/* ---- tags ---- */

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

static void load_tags(struct type_loader *t)
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
    attr->shape = tags->shape;
    attr->answer = tags->answer;
    attr->owner = OWNER_TAGS;
    tags->bulk = load_text(l, node, "bulk");
    tags->untold = str_eqz(tags->bulk, "none");
    if (tags->untold)
        tags->bulk = STR_EMPTY;
    tags->mark = !node_get(node, "mark") || load_flag(l, node, "mark");
    tags->with_create = node_get(node, "with_create");
    static const struct shape text = {.kind = SHAPE_STRING};
    struct str put_as = load_text(l, node, "put_as");
    struct shape *keys = ARENA_NEW(l->arena, struct shape);
    *keys = (struct shape){.kind = SHAPE_LIST, .elem = &text, .item = load_text(l, node, "remove_item")};
    static const struct shape_member key_member[] = {
        {.name = STR_INIT("key"), .wire = STR_INIT("Key"), .shape = &text}};
    static const struct shape key_shape = {.kind = SHAPE_STRUCT, .members = key_member, .member_count = 1};
    tags->remove_structures = load_flag(l, node, "remove_structures");
    if (tags->remove_structures)
        keys->elem = &key_shape;
    struct step_rules rules = {.what = "tags", .ident = node_get(node, "send"), .shared = node};
    tags->add = tags_step(t, node, "add", &rules, load_text(l, node, "add_as"), tags->shape);
    tags->remove = tags_step(t, node, "remove", &rules, load_text(l, node, "remove_as"), keys);
    tags->put = tags_step(t, node, "put", &rules, put_as, tags->shape);
    tags->clear = tags_step(t, node, "clear", &rules, STR_EMPTY, NULL);
    rules.pages = rules.reads = true;
    tags->list = tags_step(t, node, "list", &rules, STR_EMPTY, NULL);
}

/* ---- waiting, listing ---- */

static const struct spec_wait *load_wait(struct type_loader *t, const struct node *node, bool gone)
{
    if (!node || !load_keys(t->l, node, "a wait", "if for fail tells every timeout"))
        return NULL;
    struct spec_wait *wait = ARENA_NEW(t->l->arena, struct spec_wait);
    *wait = (struct spec_wait){.only = load_conditions(t, node_get(node, "if")),
        .until = load_conditions(t, node_get(node, "for")),
        .fail = load_conditions(t, node_get(node, "fail")),
        .every_ms = load_ms(t->l, node, "every", 5 * 1000),
        .timeout_ms = load_ms(t->l, node, "timeout", 10 * 60 * 1000),
        .gone = gone};
    if (!gone && !wait->until.count)
        load_error(t->l, node, "a wait needs \"for\"");
    wait->tells = load_text(t->l, node, "tells");
    if (wait->tells.n)
        load_attr_named(t, node_get(node, "tells"), wait->tells);
    return wait;
}

/* One, or several of which the first counts whose conditions hold. */
static const struct spec_wait *load_waits(struct type_loader *t, const struct node *node)
{
    if (!node || node->kind != NODE_LIST)
        return load_wait(t, node, false);
    const struct spec_wait *first = NULL;
    for (size_t i = node->count; i-- > 0;) {
        const struct spec_wait *loaded = load_wait(t, node->items[i], false);
        if (!loaded)
            return NULL;
        struct spec_wait *wait = ARENA_NEW(t->l->arena, struct spec_wait);
        *wait = *loaded;
        wait->next = first;
        first = wait;
    }
    return first;
}

static void load_listing(struct type_loader *t)
{
    const struct node *node = node_get(t->node, "list");
    if (!node)
        return;
    struct step_rules rules = {
        .what = "list", .extra = "per of gather", .nothing = true, .pages = true, .reads = true};
    t->type->list = load_steps(t, node, &rules);
    t->type->schema.bulk = true;
}

static void load_find(struct type_loader *t)
{
    const struct node *node = node_get(t->node, "find");
    if (!node)
        return;
    struct step_rules rules = {.what = "find", .extra = "by since", .nothing = true, .pages = true};
    const struct node *by = node_get(node, "by");
    t->type->find_by = load_attr_names(t, by);
    t->type->find_since = load_text(t->l, node, "since");
    if (!by || node_get(node, "call"))
        t->type->find = load_step(t, node, &rules);
    else
        load_keys(t->l, node, "find without a call", "by since");
    if (t->type->find_since.n && !by)
        load_error(t->l, node, "\"since\" goes with \"by\"");
}

/* Changes that the service keeps for later: `pending: {at: PendingModifiedValues, as: pending, until: …}`. */
static void load_pending(struct type_loader *t)
{
    const struct node *node = node_get(t->node, "pending");
    if (!node || !load_keys(t->l, node, "pending", "at as until"))
        return;
    struct schema *schema = &t->type->schema;
    t->type->pending_at = load_text(t->l, node, "at");
    schema->pending = load_text(t->l, node, "as");
    schema->pending_until = load_text(t->l, node, "until");
    if (!t->type->pending_at.n || !schema->pending.n || !schema->pending_until.n)
        load_error(t->l, node, "pending needs \"at\", \"as\" and \"until\"");
    else
        load_attr_named(t, node_get(node, "as"), schema->pending);
}

/* ---- the type ---- */

static const struct node *type_map(struct type_loader *t, const char *key, size_t *n)
{
    const struct node *map = node_get(t->node, key);
    *n = map && map->kind == NODE_MAP ? map->count : 0;
    return map;
}

static void load_owned(struct type_loader *t)
{
    struct arena *arena = t->l->arena;
    struct spec_type *type = t->type;
    const struct node *map = type_map(t, "facets", &type->facet_count);
    struct spec_facet *facets = ARENA_ARRAY(arena, struct spec_facet, type->facet_count);
    for (size_t i = 0; i < type->facet_count; i++)
        load_facet(t, &map->entries[i], &facets[i]);
    map = type_map(t, "members", &type->member_count);
    struct spec_members *members = ARENA_ARRAY(arena, struct spec_members, type->member_count);
    for (size_t i = 0; i < type->member_count; i++)
        load_members(t, &map->entries[i], &members[i]);
    map = type_map(t, "entries", &type->entries_count);
    struct spec_entries *entries = ARENA_ARRAY(arena, struct spec_entries, type->entries_count);
    for (size_t i = 0; i < type->entries_count; i++)
        load_entries(t, &map->entries[i], &entries[i]);
    type->facets = facets;
    type->members = members;
    type->entries = entries;
}

static void load_calls(struct type_loader *t)
{
    struct spec_type *type = t->type;
    struct step_rules create = {.what = "create",
        .change = true,
        .all = true,
        .with_create = type->tags ? type->tags->with_create : NULL};
    struct step_rules plain = {.what = "a step"}, update = {.what = "update", .change = true};
    type->create = load_steps(t, node_get(t->node, "create"), &create);
    type->read = load_steps(t, node_get(t->node, "read"), &plain);
    type->update = load_steps(t, node_get(t->node, "update"), &update);
    type->delete = load_steps(t, node_get(t->node, "delete"), &plain);
    type->gone = load_conditions(t, node_get(t->node, "gone"));
    type->going = load_conditions(t, node_get(t->node, "going"));
}

/* Is it "${name}", or has such a text in it? */
static bool load_type_mentions(const struct value *template, struct str name)
{
    if (template->kind == VALUE_STRING)
        return str_starts(template->string, STR("${")) && template->string.n == name.n + 3 &&
               str_eq(str_slice(template->string, 2, template->string.n - 1), name);
    bool any = false;
    for (uint32_t i = 0; template->kind == VALUE_LIST && i < template->count; i++)
        any = any || load_type_mentions(template->items[i], name);
    for (uint32_t i = 0; template->kind == VALUE_MAP && i < template->count; i++)
        any = any || load_type_mentions(template->entries[i].value, name);
    return any;
}

static bool load_type_sends(const struct spec_request *request, struct str name)
{
    for (size_t i = 0; i < request->attr_count; i++)
        if (str_eq(request->attrs[i], name))
            return true;
    for (size_t i = 0; i < request->extra_count; i++)
        if (!request->extras[i].from_item && load_type_mentions(request->extras[i].value, name))
            return true;
    return false;
}

static bool creates_with(const struct spec_type *type, const struct spec_attr *attr)
{
    for (size_t s = 0; attr && s < type->create.count; s++)
        if (load_type_sends(&type->create.items[s].request, attr->attr->name))
            return true;
    return false;
}

/* What the create call sends needs no call of its own afterwards. */
static void mark_sent_by_create(struct spec_type *type)
{
    struct spec_facet *facets = (struct spec_facet *)type->facets;
    struct spec_members *members = (struct spec_members *)type->members;
    struct spec_entries *entries = (struct spec_entries *)type->entries;
    for (size_t i = 0; i < type->facet_count; i++)
        facets[i].sent_by_create = creates_with(type, facets[i].attr);
    for (size_t i = 0; i < type->member_count; i++)
        members[i].sent_by_create = creates_with(type, members[i].attr);
    for (size_t i = 0; i < type->entries_count; i++)
        entries[i].sent_by_create = creates_with(type, entries[i].attr);
}

static void load_native_ops(struct type_loader *t)
{
    struct spec_type *type = t->type;
    struct str name = load_text(t->l, t->node, "native");
    const struct native *native = name.n ? kind_native(t->l->service->kind, name) : NULL;
    if (name.n && (!native || !native->ops))
        load_error(t->l, node_get(t->node, "native"),
            "the kind \"%s\" has no operations that are called \"%.*s\"", t->l->service->kind->name,
            STR_ARG(name));
    if (!native || !native->ops)
        return;
    type->native = native->ops;
    type->schema.ops = native_ops(t->l->arena, type, t->l->calls);
    type->schema.bulk = type->schema.bulk || native->ops->list;
}

static bool makes_and_deletes(const struct spec_type *type)
{
    const struct resource_ops *native = type->native;
    return (type->create.count || (native && native->create)) &&
           (type->delete.count || (native && native->delete));
}

static bool is_updated(const struct spec_type *type, struct str name)
{
    for (size_t i = 0; i < type->update.count; i++) {
        const struct spec_step *step = &type->update.items[i];
        for (size_t k = 0; k < step->request.attr_count; k++)
            if (str_eq(step->request.attrs[k], name))
                return true;
        for (size_t k = 0; k < step->when.count; k++)
            if (str_eq(step->when.items[k], name))
                return true;
    }
    return false;
}

/* What a creation sends and no update takes a new thing. */
static void mark_replaced(struct type_loader *t)
{
    const struct spec_type *type = t->type;
    for (size_t i = 0; i < type->attr_count; i++) {
        struct attr *attr = t->attrs[i].attr;
        if (attr->settable && !attr->local && t->attrs[i].owner == OWNER_BASE &&
            !is_updated(type, attr->name))
            attr->replace = true;
    }
}

struct spec_type *load_type(struct loader *l, struct str name, const struct node *node, bool is_data)
{
    if (!load_keys(l, node, "a type", TYPE_KEYS))
        return NULL;
    struct spec_type *type = ARENA_NEW(l->arena, struct spec_type);
    struct type_loader t = {.l = l, .type = type, .node = node};
    type->service = l->service;
    type->schema = (struct schema){.name = kind_type_name(l->service->kind, l->service->name, name, l->arena),
        .doc = load_text(l, node, "doc"),
        .cfn = load_text(l, node, "cfn"),
        .example = load_text(l, node, "example"),
        .is_data = is_data,
        .id = load_text(l, node, "id"),
        .ops = &spec_ops,
        .service = l->calls && !l->service->kind->send ? &l->service->aws : NULL,
        .impl = type};
    struct str order = load_text(l, node, "replace");
    type->schema.create_first = str_eqz(order, "create first");
    type->schema.delete_late = str_eqz(order, "delete late");
    if (order.n && !type->schema.create_first && !type->schema.delete_late)
        load_error(l, node_get(node, "replace"), "replace is \"create first\", \"delete late\", or left out");
    type->schema.settles_ms = load_ms(l, node, "settles", 0);
    type->schema.history = load_flag(l, node, "history");
    type->schema.sole = load_flag(l, node, "sole");
    type->schema.partial = load_flag(l, node, "partial");
    load_attributes(&t);
    if (!is_data)
        mark_unread(&t);
    load_owners(&t, "facets", OWNER_FACET);
    load_owners(&t, "members", OWNER_MEMBERS);
    load_owners(&t, "entries", OWNER_ENTRIES);
    load_tags(&t);
    load_owned(&t);
    load_calls(&t);
    mark_sent_by_create(type);
    load_identity(&t);
    load_listing(&t);
    load_find(&t);
    load_pending(&t);
    const struct node *wait = node_get(node, "wait");
    if (wait && load_keys(l, wait, "wait", "ready gone")) {
        type->ready = load_waits(&t, node_get(wait, "ready"));
        type->gone_wait = load_wait(&t, node_get(wait, "gone"), true);
    }
    if (node_get(node, "iam") && load_keys(l, node_get(node, "iam"), "iam", "on anywhere"))
        type->iam = node_value(l->arena, node_get(node, "iam"));
    load_teardown(&t, node_get(node, "teardown"));
    load_leaves(&t, node_get(node, "leaves"));
    load_sandbox(&t, node_get(node, "sandbox"));
    type->job = load_job(&t, node_get(node, "run"));
    type->schema.job = type->job ? &type->job->ops : NULL;
    if (type->schema.id.n)
        load_attr_named(&t, node_get(node, "id"), type->schema.id);
    else if (!is_data)
        load_error(l, node, "a type needs \"id\"");
    load_native_ops(&t);
    bool recorded = load_flag(l, node, "recorded");
    if (recorded && (type->create.count || type->read.count || type->list.count || type->delete.count))
        load_error(l, node, "what is only recorded has no calls to create, read, list or delete it");
    if (!is_data && !recorded && !makes_and_deletes(type))
        load_error(l, node, "a type needs \"create\" and \"delete\"");
    if (recorded) {
        type->schema.ops = &spec_recorded_ops;
        type->schema.service = NULL;
    } else if (!is_data) {
        if (!type->native)
            mark_replaced(&t);
        load_settle(&t);
    }
    return type;
}
