/* One resource type or data source of a spec. */
#include "provider/spec/load.h"

#define TYPE_KEYS                                                                                            \
    "doc cfn id arn made_by_aws attributes create read update delete list sub_resources members entries "    \
    "tags wait "                                                                                             \
    "find deleted "                                                                                          \
    "example sandbox run recorded native teardown leaves iam pending settles recover deleting history "      \
    "replace "                                                                                               \
    "unique alike serves constraints refers fills console same "                                             \
    "partial"

const struct spec_attr *spec_attr_find(const struct spec_type *type, struct str name)
{
    for (size_t i = 0; type && i < type->attr_count; i++)
        if (str_eq(type->attrs[i].attr->name, name))
            return &type->attrs[i];
    return NULL;
}

bool spec_names_have(const struct spec_names *names, struct str name)
{
    for (size_t i = 0; i < names->count; i++)
        if (str_eq(names->items[i], name))
            return true;
    return false;
}

const struct spec_owned *spec_owned_of(const struct spec_type *type, const struct spec_attr *attr)
{
    for (size_t i = 0; i < type->owned_count; i++)
        if (type->owned[i].attr == attr)
            return &type->owned[i];
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

/* True for keys that stack files reserve on every resource: an attribute of that name could not be
 * configured. */
static bool is_taken(struct str name)
{
    return str_is_any(name, "type for_each when depends_on provider lifecycle timeouts adopt");
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

/* Marks attributes that no response has, which are compared with the record. */
static void mark_unread(struct type_loader *t)
{
    for (size_t i = 0; i < t->type->attr_count; i++) {
        struct attr *attr = t->attrs[i].attr;
        if (!t->attrs[i].readable && attr->settable && !attr->write_only &&
            !str_eq(attr->name, t->type->schema.id))
            attr->local = true;
    }
}

/* ---- waits, listings ---- */

static const struct spec_wait *load_wait(struct type_loader *t, const struct node *node, bool deleted)
{
    if (!node || !load_keys(t->l, node, "a wait", "if for fail tells every timeout"))
        return NULL;
    struct spec_wait *wait = ARENA_NEW(t->l->arena, struct spec_wait);
    *wait = (struct spec_wait){.only = load_conditions(t, node_get(node, "if")),
        .until = load_conditions(t, node_get(node, "for")),
        .fail = load_conditions(t, node_get(node, "fail")),
        .every_ms = load_ms(t->l, node, "every", 5 * 1000),
        .timeout_ms = load_ms(t->l, node, "timeout", 10 * 60 * 1000),
        .deleted = deleted};
    if (!deleted && !wait->until.count)
        load_error(t->l, node, "a wait needs \"for\"");
    wait->tells = load_text(t->l, node, "tells");
    if (wait->tells.n)
        load_attr_named(t, node_get(node, "tells"), wait->tells);
    return wait;
}

/* Reads one wait, or several, of which the first counts whose conditions are true. */
static const struct spec_wait *load_waits(struct type_loader *t, const struct node *node)
{
    size_t n;
    const struct node *const *items = load_all(&node, &n);
    const struct spec_wait *first = NULL;
    for (size_t i = n; i-- > 0;) {
        const struct spec_wait *loaded = load_wait(t, items[i], false);
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
    t->type->schema.listed_per_parent = t->type->list.count && t->type->list.items[0].list.per.count;
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

/* `console: {call: …, at: Output}`: a machine's console output at its start, with its host keys. */
static void load_console(struct type_loader *t)
{
    const struct node *node = node_get(t->node, "console");
    if (!node)
        return;
    struct step_rules rules = {.what = "console", .reads = true};
    t->type->console = load_steps(t, node, &rules);
    t->type->schema.console = t->type->console.count > 0;
}

/* `pending: {at: PendingModifiedValues, as: pending, until: …}`: changes that the service applies later. */
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
    type->made_by_aws = load_skip(t->l, node_get(t->node, "made_by_aws"));
    type->deleted = load_conditions(t, node_get(t->node, "deleted"));
    type->deleting = load_conditions(t, node_get(t->node, "deleting"));
}

static bool load_type_sends(struct loader *l, const struct spec_request *request, struct str name)
{
    if (spec_names_have(&request->attrs, name))
        return true;
    struct str template = arena_printf(l->arena, "${%.*s}", STR_ARG(name));
    for (size_t i = 0; i < request->extra_count; i++)
        if (!request->extras[i].from_item && load_mentions(request->extras[i].value, template))
            return true;
    return false;
}

static bool creates_with(struct loader *l, const struct spec_type *type, const struct spec_attr *attr)
{
    for (size_t s = 0; attr && s < type->create.count; s++)
        if (load_type_sends(l, &type->create.items[s].call.request, attr->attr->name))
            return true;
    return false;
}

/* Marks attributes that the create call sends. */
static void mark_sent_by_create(struct loader *l, struct spec_type *type)
{
    struct spec_owned *owned = (struct spec_owned *)type->owned;
    for (size_t i = 0; i < type->owned_count; i++)
        owned[i].sent_by_create = owned[i].with_create || creates_with(l, type, owned[i].attr);
}

static void load_native_ops(struct type_loader *t)
{
    struct spec_type *type = t->type;
    struct str name = load_text(t->l, t->node, "native");
    const struct native *native = name.n ? kind_native(t->l->service->kind, name) : NULL;
    if (name.n && (!native || !native->ops))
        load_error(t->l, node_get(t->node, "native"),
            "the provider type \"%s\" has no operations called \"%.*s\"", t->l->service->kind->name,
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

/* Counts the steps of an update with a change of this attribute. */
static size_t count_steps(const struct spec_type *type, struct str name)
{
    size_t n = 0;
    for (size_t i = 0; i < type->update.count; i++) {
        const struct spec_step *step = &type->update.items[i];
        n += spec_names_have(&step->when.changed, name) && !step->when.only.count &&
             !step->when.unless.count && !step->lookup;
    }
    return n;
}

static bool is_updated(const struct spec_type *type, struct str name)
{
    for (size_t i = 0; i < type->update.count; i++) {
        const struct spec_step *step = &type->update.items[i];
        if (spec_names_have(&step->call.request.attrs, name) || spec_names_have(&step->when.changed, name))
            return true;
    }
    return false;
}

/* An attribute that is sent only at creation forces replacement. */
static void mark_replaced(struct type_loader *t)
{
    const struct spec_type *type = t->type;
    for (size_t i = 0; i < type->attr_count; i++) {
        struct attr *attr = t->attrs[i].attr;
        if (attr->settable && !attr->local && t->attrs[i].owner == OWNER_BASE &&
            !is_updated(type, attr->name))
            attr->replace = true;
        attr->attached = t->attrs[i].owner != OWNER_BASE;
        attr->several_calls = count_steps(type, attr->name) > 1;
    }
}

/* Reads the attribute without which the resource contains no service; the id: always. */
static void load_serves(struct type_loader *t)
{
    const struct node *node = node_get(t->node, "serves");
    struct schema *schema = &t->type->schema;
    if (!node)
        return;
    schema->serves = load_text(t->l, t->node, "serves");
    if (schema->serves.n && !spec_attr_find(t->type, schema->serves))
        load_error(
            t->l, node, "serves names the id, or the attribute that is given where a service is in it");
}

/* Reads a type's name and description, and simple flags. */
static void load_head(struct type_loader *t, struct str name, bool is_data)
{
    struct loader *l = t->l;
    const struct node *node = t->node;
    struct schema *schema = &t->type->schema;
    *schema = (struct schema){.name = kind_type_name(l->service->kind, l->service->name, name, l->arena),
        .doc = load_text(l, node, "doc"),
        .cfn = load_text(l, node, "cfn"),
        .example = load_text(l, node, "example"),
        .is_data = is_data,
        .id = load_text(l, node, "id"),
        .ops = &spec_ops,
        .service = l->calls && !l->service->kind->send ? &l->service->aws : NULL,
        .settles_ms = load_ms(l, node, "settles", 0),
        .history = load_flag(l, node, "history"),
        .partial = load_flag(l, node, "partial"),
        .alike = load_flag(l, node, "alike"),
        .impl = t->type};
    static const char *const orders[] = {"create first", "delete late", NULL};
    int order = load_word(l, node, "replace", orders);
    schema->create_first = order == 1;
    schema->delete_late = order == 2;
}

/* Reads what identifies a resource without tags; the default is an id assigned by the service. */
static void load_same(struct type_loader *t)
{
    const struct node *node = node_get(t->node, "same");
    const struct spec_attr *id = spec_attr_find(t->type, t->type->schema.id);
    if (node)
        t->type->same = load_attr_names(t, node);
    else if (id && id->attr->computed && !id->attr->settable && !id->template.n)
        t->type->same = (struct spec_names){.items = &t->type->schema.id, .count = 1};
}

/* Loads attributes, and which have their own calls. */
static void load_parts(struct type_loader *t)
{
    load_attributes(t);
    load_serves(t);
    load_same(t);
    if (!t->type->schema.is_data)
        mark_unread(t);
    load_owned(t);
    load_tag_constraints(t);
    load_refers(t, node_get(t->node, "refers"));
    load_fills(t, node_get(t->node, "fills"));
    load_others_changes(t);
    load_constraints(t, node_get(t->node, "constraints"), false);
    load_constraints(t, node_get(node_get(t->node, "sandbox"), "constraints"), true);
    load_engines(t, node_get(node_get(t->node, "sandbox"), "engines"));
}

static void load_ends(struct type_loader *t)
{
    const struct node *wait = node_get(t->node, "wait"), *iam = node_get(t->node, "iam");
    if (wait && load_keys(t->l, wait, "wait", "ready deleted")) {
        t->type->ready = load_waits(t, node_get(wait, "ready"));
        t->type->deleted_wait = load_wait(t, node_get(wait, "deleted"), true);
    }
    if (iam && load_keys(t->l, iam, "iam", "on anywhere"))
        t->type->iam = node_value(t->l->arena, iam);
    load_teardown(t, node_get(t->node, "teardown"));
    load_leaves(t, node_get(t->node, "leaves"));
}

static void check_id(struct type_loader *t)
{
    struct str id = t->type->schema.id;
    if (id.n)
        load_attr_named(t, node_get(t->node, "id"), id);
    else if (!t->type->schema.is_data)
        load_error(t->l, t->node, "a type needs \"id\"");
}

/* Checks that a resource type has calls to create and delete, or exists in the state only. */
static void check_life(struct type_loader *t, bool recorded)
{
    const struct spec_type *type = t->type;
    if (recorded && (type->create.count || type->read.count || type->list.count || type->delete.count))
        load_error(t->l, t->node, "what is only recorded has no calls to create, read, list or delete it");
    bool part = node_get(node_get(t->node, "sandbox"), "part_of"); /* deleted with its parent */
    if (!type->schema.is_data && !recorded && !(part && type->create.count) && !makes_and_deletes(type))
        load_error(t->l, t->node, "a type needs \"create\" and \"delete\"");
}

/* True for a finished action whose read returns only whether it exists. */
static bool is_over(const struct spec_type *type)
{
    for (size_t i = 0; i < type->attr_count; i++)
        if (type->attrs[i].readable && !type->attrs[i].hidden &&
            !str_eq(type->attrs[i].attr->name, type->schema.id))
            return false;
    return type->schema.history && type->read.count == 1 && type->read.items[0].call.ignore.count;
}

struct spec_type *load_type(struct loader *l, struct str name, const struct node *node, bool is_data)
{
    if (!load_keys(l, node, "a type", TYPE_KEYS))
        return NULL;
    struct spec_type *type = ARENA_NEW(l->arena, struct spec_type);
    struct type_loader t = {.l = l, .type = type, .node = node};
    bool recorded = load_flag(l, node, "recorded");
    type->service = l->service;
    load_head(&t, name, is_data);
    load_parts(&t);
    load_calls(&t);
    mark_sent_by_create(l, type);
    load_identity(&t);
    load_unique(&t, recorded);
    load_listing(&t);
    load_find(&t);
    load_console(&t);
    load_pending(&t);
    load_ends(&t);
    load_sandbox(&t, node_get(node, "sandbox"));
    type->job = load_job(&t, node_get(node, "run"));
    type->schema.job = type->job ? &type->job->ops : NULL;
    if (is_data && type->job)
        type->schema.ops = &spec_run_ops;
    check_id(&t);
    load_native_ops(&t);
    check_life(&t, recorded);
    type->schema.finished_is_final = is_over(type);
    load_reference(&t);
    if (recorded) {
        type->schema.ops = &spec_recorded_ops;
        type->schema.service = NULL;
        type->schema.alike = true;
    } else if (!is_data) {
        if (!type->native)
            mark_replaced(&t);
        load_recover(&t);
    }
    return type;
}
