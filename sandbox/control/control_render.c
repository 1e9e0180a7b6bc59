/* The document of a response, and the objects in it: attributes, entries, and further members, at their
 * paths. */
#include "sandbox/control/control_internal.h"

#include "base/hash.h"
#include "base/json.h"
#include "provider/spec/act.h"

/* ---- document under construction ---- */

struct part_node *document_child(struct making *m, struct part_node *parent, struct str name, bool fresh)
{
    for (struct part_node *at = parent->first; at && !fresh; at = at->next)
        if (str_eq(at->name, name))
            return at;
    struct part_node *node = ARENA_NEW(m->arena, struct part_node);
    node->name = name;
    if (parent->last)
        parent->last->next = node;
    else
        parent->first = node;
    parent->last = node;
    return node;
}

/* Follows a path segment; "Bucket[]" below another name is XML's <Buckets><Bucket/>…, otherwise the
 * protocol's own item element. */
static struct part_node *document_descend(
    struct making *m, struct part_node *node, const struct wire_segment *segment, bool below_name)
{
    struct part_node *child = segment->name.n ? document_child(m, node, segment->name, false) : node;
    if (segment->items == WIRE_EVERY_ITEM) {
        child->is_list = true;
        child->flat = m->xml && below_name;
    }
    return child;
}

const struct shape document_text = {.kind = SHAPE_STRING}, document_flag = {.kind = SHAPE_BOOL};

/* True if the element has the segment's value at its key; sets it on a new element. */
static bool take_selected(struct making *m, struct part_node *element, const struct wire_segment *segment)
{
    for (const struct part_node *at = element->first; at; at = at->next)
        if (str_eq(at->name, segment->key))
            return at->value && str_ieq(value_scalar_text(m->arena, at->value), segment->value);
    bool flag = str_eqz(segment->value, "true");
    document_put(m, element, segment->key, flag ? &document_flag : &document_text,
        flag ? &value_true : value_string(m->arena, segment->value));
    return true;
}

/* "Versions[IsDefault=true]": returns the element with this value, created if missing. */
static struct part_node *descend_selected(
    struct making *m, struct part_node *node, const struct wire_segment *segment)
{
    struct part_node *list = document_child(m, node, segment->name, false);
    list->is_list = true;
    for (struct part_node *at = list->first; at; at = at->next)
        if (take_selected(m, at, segment))
            return at;
    struct part_node *element = document_child(m, list, STR_EMPTY, true);
    take_selected(m, element, segment);
    return element;
}

/* Puts each item of a list into an element of its own. */
static void render_items(struct making *m, struct part_node *list, struct str rest, const struct shape *shape,
    const struct value *v)
{
    uint32_t n = v->kind == VALUE_LIST ? v->count : 1; /* a single value is a list of one */
    for (uint32_t i = 0; i < n; i++) {
        struct part_node *element = NULL;
        uint32_t k = 0;
        for (struct part_node *at = list->first; at; at = at->next, k++)
            if (k == i)
                element = at;
        if (!element)
            element = document_child(m, list, STR_EMPTY, true);
        if (v->kind == VALUE_LIST)
            document_put(m, element, rest, shape->elem ? shape->elem : shape, v->items[i]);
        else
            document_put(m, element, rest, shape, v);
    }
}

/* IAM returns policies percent-encoded. */
static const struct value *policy_encoded(struct making *m, const struct value *policy)
{
    AUTO_BUF struct buf json = BUF_INIT, text = BUF_INIT;
    json_write(&json, policy, JSON_PLAIN);
    url_encode(&text, buf_str(&json), false);
    return value_string(m->arena, buf_str(&text));
}

void document_put(struct making *m, struct part_node *node, struct str path, const struct shape *shape,
    const struct value *v)
{
    bool below_name = false;
    while (path.n && !str_eqz(path, "@") && !str_eqz(path, ".")) {
        struct wire_segment segment = wire_path_cut(&path);
        struct str others;
        segment.name = str_cut(segment.name, '|', &others); /* the first of alternative members */
        bool selects = segment.items == WIRE_ITEM_THAT_HAS;
        node =
            selects ? descend_selected(m, node, &segment) : document_descend(m, node, &segment, below_name);
        if (node->is_list && !selects) {
            if (path.n && str_find(path, STR("[]"), 0) < 0) {
                render_items(m, node, path, shape, v);
                return;
            }
            if (path.n) /* A[].B[]: one element with the whole list */
                node = node->first ? node->first : document_child(m, node, STR_EMPTY, true);
            else
                node->is_list = false; /* a list at the end of a path is a value */
        }
        below_name = !selects; /* nested lists begin anew in an item */
    }
    bool policy = shape->kind == SHAPE_JSON_TEXT && v->kind == VALUE_MAP &&
                  str_eqz(m->call->service->spec->aws.signing_name, "iam");
    node->shape = policy ? &document_text : shape;
    node->value = policy ? policy_encoded(m, v) : v;
}

static void finish_map(
    struct making *m, const struct part_node *node, const struct shape **shape, const struct value **value)
{
    static const struct shape texts = {.kind = SHAPE_MAP,
        .elem = &document_text,
        .entry = STR_INIT("entry"),
        .key_name = STR_INIT("key"),
        .value_name = STR_INIT("value")};
    struct value_builder b = VALUE_BUILDER(m->arena);
    for (const struct part_node *at = node->first; at; at = at->next)
        if (at->value)
            value_builder_set(&b, at->name, value_string(m->arena, json_or_text(m->arena, at->value)));
    *shape = &texts;
    *value = value_builder_map(&b);
}

static void finish_list(
    struct making *m, const struct part_node *node, const struct shape **shape, const struct value **value)
{
    static const struct shape anything = {.kind = SHAPE_ANY};
    struct shape *made = ARENA_NEW(m->arena, struct shape);
    const struct shape *elem = NULL;
    struct value_builder b = VALUE_BUILDER(m->arena);
    for (const struct part_node *at = node->first; at; at = at->next) {
        const struct shape *one;
        const struct value *v;
        document_finish(m, at, &one, &v);
        value_builder_add(&b, v);
        elem = elem ? wire_shape_union(m->arena, elem, one) : one;
    }
    *made = (struct shape){
        .kind = SHAPE_LIST, .item = node->item, .flat = node->flat, .elem = elem ? elem : &anything};
    *shape = made;
    *value = value_builder_list(&b);
}

static void finish_structure(
    struct making *m, const struct part_node *node, const struct shape **shape, const struct value **value)
{
    size_t n = 0;
    for (const struct part_node *at = node->first; at; at = at->next)
        n++;
    struct shape *made = ARENA_NEW(m->arena, struct shape);
    struct shape_member *members = ARENA_ARRAY(m->arena, struct shape_member, n + 1);
    struct value_builder b = VALUE_BUILDER(m->arena);
    *made = (struct shape){.kind = SHAPE_STRUCT, .members = members};
    for (const struct part_node *at = node->first; at; at = at->next) {
        const struct value *v;
        struct shape_member *member = &members[made->member_count++];
        *member = (struct shape_member){.name = at->name, .wire = at->name};
        document_finish(m, at, &member->shape, &v);
        value_builder_set(&b, at->name, v);
    }
    *shape = made;
    *value = value_builder_map(&b);
}

/* Merges an attribute's structure with further members. */
static void finish_both(
    struct making *m, const struct part_node *node, const struct shape **shape, const struct value **value)
{
    const struct shape *shown;
    const struct value *v;
    finish_structure(m, node, &shown, &v);
    *shape = wire_shape_union(m->arena, node->shape, shown);
    *value = value_merge(m->arena, node->value, v);
}

void document_finish(
    struct making *m, const struct part_node *node, const struct shape **shape, const struct value **value)
{
    if (node->shape && !node->first) {
        *shape = node->shape;
        *value = node->value;
    } else if (node->shape && node->shape->kind == SHAPE_STRUCT && node->value->kind == VALUE_MAP) {
        finish_both(m, node, shape, value);
    } else if (node->is_map) {
        finish_map(m, node, shape, value);
    } else if (node->is_list) {
        finish_list(m, node, shape, value);
    } else {
        finish_structure(m, node, shape, value);
    }
}

/* Derives the shape from the value: further members have none in the spec. */
static const struct shape *shape_of(const struct value *template, const struct value *v)
{
    static const struct shape shapes[] = {[VALUE_NULL] = {.kind = SHAPE_ANY},
        [VALUE_BOOL] = {.kind = SHAPE_BOOL},
        [VALUE_INT] = {.kind = SHAPE_INT},
        [VALUE_FLOAT] = {.kind = SHAPE_FLOAT},
        [VALUE_STRING] = {.kind = SHAPE_STRING},
        [VALUE_LIST] = {.kind = SHAPE_LIST, .elem = &shapes[VALUE_NULL]},
        [VALUE_MAP] = {.kind = SHAPE_ANY}};
    static const struct shape time = {.kind = SHAPE_TIMESTAMP};
    struct str text = value_text(template, STR_EMPTY);
    bool is_time = str_eqz(text, "${created}") || str_eqz(text, "${changed}") || str_eqz(text, "${now}");
    return is_time ? &time : &shapes[v->kind];
}

void render_shown(struct making *m, struct part_node *node, const struct spec_type *type,
    const struct value *shown, const struct value *attrs)
{
    for (uint32_t i = 0; shown && shown->kind == VALUE_MAP && i < shown->count; i++) {
        const struct value *template = fill_fitting(shown->entries[i].value, attrs),
                           *v = template ? fill_value(m->call, type, template, attrs) : NULL;
        if (!value_is_null(v))
            document_put(m, node, shown->entries[i].key, shape_of(template, v), v);
    }
}

/* Adds whether an entry refers to a missing resource (a blackhole route). */
static void render_whether_broken(struct making *m, struct part_node *element, const struct spec_type *type,
    const struct spec_owned *e, struct str key, const struct value *entry)
{
    const struct control_type *own = type_own(m->call->control, type);
    if (!own->broken || !e->broken.path.n)
        return;
    bool broken =
        !check_is_fixed(type, e->attr->attr->name, key, entry) && own->broken(m->call->control, entry);
    document_put(m, element, e->broken.path, &document_text,
        broken ? e->broken.values->items[0] : value_stringz(m->arena, "active"));
}

/* Adds `item_shows` of entries: templates may use their fields and ${key}. */
static void render_entry_extras(struct making *m, struct part_node *element, const struct spec_type *type,
    const struct spec_owned *e, struct str key, const struct value *entry)
{
    const struct value *shown = value_get(value_getz(type->sandbox, "item_shows"), e->attr->attr->name);
    render_shown(m, element, type, shown,
        value_with(m->arena, value_as_map(entry), STR("key"), value_string(m->arena, key)));
}

static bool has_fields(const struct shape *shape, const struct value *fields)
{
    bool any = false;
    for (size_t i = 0; i < shape->member_count && !any; i++) {
        const struct shape_member *member = &shape->members[i];
        any = member->group ? has_fields(member->shape, fields)
                            : !member->along && value_get(fields, member->name) != NULL;
    }
    return any;
}

/* Adds an object's fields, some of them in structures that exist only on the wire. */
static void render_fields(
    struct making *m, struct part_node *node, const struct shape *shape, const struct value *fields)
{
    for (size_t i = 0; shape->kind == SHAPE_STRUCT && i < shape->member_count; i++) {
        const struct shape_member *member = &shape->members[i];
        const struct value *v = value_get(fields, member->name);
        if (member->group && has_fields(member->shape, fields))
            render_fields(m, document_child(m, node, member->wire, false), member->shape, fields);
        else if (v)
            document_put(m, node, member->wire, member->shape, v);
    }
}

void render_entries(struct making *m, struct part_node *node, struct str path, const struct spec_owned *e,
    bool names_only, const struct value *entries)
{
    struct str list_path = path;
    if (str_ends(list_path, STR("[]")))
        list_path = str_slice(list_path, 0, list_path.n - 2);
    struct part_node *list = node;
    struct str rest = list_path;
    bool below_name = false;
    while (rest.n) {
        below_name = list != node;
        list = document_child(m, list, wire_path_cut(&rest).name, false);
    }
    list->is_list = true;
    list->flat = m->xml && below_name;
    for (uint32_t i = 0; entries && i < entries->count; i++) {
        struct part_node *element = document_child(m, list, STR_EMPTY, true);
        const struct value *key = value_string(m->arena, entries->entries[i].key);
        if (!e->key.n || names_only) {
            document_put(m, element, STR_EMPTY, &document_text, key);
            continue;
        }
        if (e->value.n) {
            document_put(m, element, e->value, e->attr->answer->elem, entries->entries[i].value);
        } else { /* the whole item, including the key */
            render_fields(m, element, e->attr->answer->elem, entries->entries[i].value);
        }
        document_put(m, element, e->key, &document_text, key);
        render_whether_broken(
            m, element, m->call->role->type, e, entries->entries[i].key, entries->entries[i].value);
        render_entry_extras(
            m, element, m->call->role->type, e, entries->entries[i].key, entries->entries[i].value);
    }
}

/* Adds entries that the response has as a map. */
static void render_mapped(struct making *m, struct part_node *node, struct str path,
    const struct spec_owned *e, const struct value *entries)
{
    bool list;
    struct part_node *map = render_node(m, node, path, &list);
    for (uint32_t i = 0; i < entries->count; i++) {
        struct part_node *element = document_child(m, map, entries->entries[i].key, false);
        render_fields(m, element, e->attr->answer->elem, entries->entries[i].value);
        render_entry_extras(
            m, element, m->call->role->type, e, entries->entries[i].key, entries->entries[i].value);
    }
}

struct part_node *render_node(struct making *m, struct part_node *root, struct str at, bool *list)
{
    struct part_node *node = root;
    bool below_name = false;
    *list = false;
    while (at.n && !str_eqz(at, "@")) {
        struct wire_segment segment = wire_path_cut(&at);
        node = document_descend(m, node, &segment, below_name);
        if (node->is_list && at.n) { /* Reservations[].Instances[]: one element with the inner list */
            node = node->first ? node->first : document_child(m, node, STR_EMPTY, true);
            below_name = false;
        } else {
            below_name = true;
        }
        *list = node->is_list;
    }
    return node;
}

/* True for a write-only value, unless the spec reads it from this response (GetSecretValue). */
static bool is_kept_back(const struct role *role, const struct spec_attr *attr)
{
    bool shown = !attr->attr->write_only;
    for (size_t i = 0; i < role->step->reply.answer_count && !shown; i++)
        shown = str_eq(role->step->reply.answers[i].attr, attr->attr->name);
    return !shown;
}

/* `hides: {table_class: STANDARD}`: values that responses omit. */
static bool is_hidden(const struct spec_type *type, const struct spec_attr *attr, const struct value *v)
{
    const struct value *hidden = value_get(value_getz(type->sandbox, "hides"), attr->attr->name);
    return hidden && value_equal(hidden, v);
}

void render_item_extras(struct making *m, struct part_node *node, struct str path,
    const struct spec_type *type, const struct spec_attr *attr, const struct value *members)
{
    const struct value *shown = value_get(value_getz(type->sandbox, "item_shows"), attr->attr->name);
    ptrdiff_t end = str_find(path, STR("[]"), 0);
    if (!shown || end < 0 || members->kind != VALUE_LIST)
        return;
    bool is_list;
    struct part_node *list = render_node(m, node, str_slice(path, 0, (size_t)end + 2), &is_list);
    uint32_t i = 0;
    for (struct part_node *item = list->first; item && i < members->count; item = item->next, i++) {
        m->call->item = members->items[i];
        render_shown(m, item, type, shown, &value_empty_map);
    }
}

static void render_pending(
    struct making *m, struct part_node *node, const struct role *role, const struct value *waiting)
{
    if (!role->type->pending_at.n || role->step->reply.sparse)
        return;
    document_child(m, node, role->type->pending_at, false); /* also if empty */
    for (uint32_t i = 0; waiting && i < waiting->count; i++) {
        const struct spec_attr *attr = spec_attr_find(role->type, waiting->entries[i].key);
        struct str path = arena_printf(
            m->arena, "%.*s.%.*s", STR_ARG(role->type->pending_at), STR_ARG(act_pending_name(attr)));
        document_put(m, node, path, attr->answer, waiting->entries[i].value);
    }
}

const struct shape *render_shape(struct making *m, const struct value *v)
{
    if (v->kind != VALUE_LIST && v->kind != VALUE_MAP)
        return &shape_any;
    struct shape *shape = ARENA_NEW(m->arena, struct shape);
    if (v->kind == VALUE_LIST) {
        *shape =
            (struct shape){.kind = SHAPE_LIST, .elem = v->count ? render_shape(m, v->items[0]) : &shape_any};
        return shape;
    }
    struct shape_member *members = ARENA_ARRAY(m->arena, struct shape_member, v->count + 1);
    *shape = (struct shape){.kind = SHAPE_STRUCT, .members = members, .member_count = v->count};
    for (uint32_t i = 0; i < v->count; i++)
        members[i] = (struct shape_member){.name = v->entries[i].key,
            .wire = v->entries[i].key,
            .shape = render_shape(m, v->entries[i].value)};
    return shape;
}

/* Adds a member to an attribute that is a structure. False: it is not. */
static bool render_within(
    struct making *m, const struct part_node *node, struct str path, const struct value *v)
{
    struct str member, name = str_cut(path, '.', &member);
    struct part_node *at = node->first;
    while (at && !str_eq(at->name, name))
        at = at->next;
    if (!at || !member.n || !at->value || at->value->kind != VALUE_MAP || at->shape->kind != SHAPE_STRUCT)
        return false;
    struct shape *shape = ARENA_NEW(m->arena, struct shape);
    struct shape_member *members = ARENA_ARRAY(m->arena, struct shape_member, at->shape->member_count + 1);
    memcpy(members, at->shape->members, at->shape->member_count * sizeof *members);
    members[at->shape->member_count] =
        (struct shape_member){.name = member, .wire = member, .shape = render_shape(m, v)};
    *shape = *at->shape;
    shape->members = members;
    shape->member_count++;
    at->shape = shape;
    at->value = value_with(m->arena, at->value, member, v);
    return true;
}

/* Adds stored members that are not attributes: `keeps`. */
static void render_kept(struct making *m, struct part_node *node, const struct value *kept)
{
    for (uint32_t i = 0; kept && i < kept->count; i++) {
        struct str path = kept->entries[i].key;
        const struct value *v = kept->entries[i].value;
        if (!render_within(m, node, path, v))
            document_put(m, node, path, render_shape(m, v), v);
    }
}

/* Returns the attribute's structure with a default at the path unless it has a value. NULL: the structure has
 * no such member. */
static const struct value *value_within(struct making *m, const struct shape *shape, const struct value *v,
    struct str path, const struct value *fallback)
{
    struct str rest, name = str_cut(path, '.', &rest);
    for (size_t i = 0; shape && shape->kind == SHAPE_STRUCT && i < shape->member_count; i++) {
        const struct shape_member *member = &shape->members[i];
        if (!str_eq(member->wire, name))
            continue;
        if (member->group && rest.n)
            return value_within(m, member->shape, v, rest, fallback);
        const struct value *below = value_get(v, member->name);
        if (rest.n)
            fallback = value_within(m, member->shape, below ? below : &value_empty_map, rest, fallback);
        else if (!value_is_null(below))
            return v;
        return fallback ? value_with(m->arena, v, member->name, fallback) : NULL;
    }
    return NULL;
}

static void fall_back_within(
    struct making *m, struct part_node *at, struct str path, const struct value *fallback)
{
    const struct value *v = value_within(m, at->shape, at->value, path, fallback);
    if (v)
        at->value = v;
    else
        document_put(m, at, path, render_shape(m, fallback), fallback);
}

/* Returns the shape of the attribute read at a path: an empty `Dimensions: {}` is a list of pairs. */
static const struct shape *shape_read_at(
    struct making *m, const struct spec_type *type, struct str path, const struct value *v)
{
    for (size_t i = 0; i < type->attr_count; i++)
        if (str_eq(type->attrs[i].read, path) && type->attrs[i].answer->kind == SHAPE_PAIRS)
            return type->attrs[i].answer;
    return render_shape(m, v);
}

static void render_fallback(struct making *m, const struct spec_type *type, struct part_node *node,
    struct str path, const struct value *v)
{
    struct str rest = path, name = wire_path_cut(&rest).name;
    struct part_node *at = node->first;
    while (at && !str_eq(at->name, name))
        at = at->next;
    bool list = str_starts(str_slice(path, name.n, path.n), STR("[]"));
    if (!at && !(list && rest.n))
        document_put(m, node, path, shape_read_at(m, type, path, v), v);
    else if (at && rest.n && list)
        for (struct part_node *item = at->first; item; item = item->next)
            render_fallback(m, type, item, rest, v);
    else if (at && rest.n && !at->value)
        render_fallback(m, type, at, rest, v);
    else if (at && rest.n && at->shape->kind == SHAPE_STRUCT)
        fall_back_within(m, at, rest, v);
}

/* `fallbacks: {Path: value}`: members that responses have even if neither an attribute nor a request sets
 * them, such as empty lists. */
static void render_fallbacks(
    struct making *m, struct part_node *node, const struct spec_type *type, const struct value *attrs)
{
    const struct value *fallbacks = value_getz(type->sandbox, "fallbacks");
    attrs = fallbacks ? implied_fetch(m->call, type, attrs) : attrs;
    for (uint32_t i = 0; fallbacks && i < fallbacks->count; i++) {
        const struct value *template = fill_fitting(fallbacks->entries[i].value, attrs),
                           *v = template ? fill_value(m->call, type, template, attrs) : NULL;
        if (!value_is_null(v))
            render_fallback(m, type, node, fallbacks->entries[i].key, v);
    }
}

/* True for a listing of names only: answers: {name: "@"}. */
static bool is_bare(const struct spec_step *step)
{
    for (size_t i = 0; i < step->reply.answer_count; i++)
        if (str_eqz(step->reply.answers[i].path, "@"))
            return true;
    return false;
}

/* Adds tags with further members and flags. */
static void render_tags(struct making *m, struct part_node *node, struct str path,
    const struct spec_type *type, const struct spec_attr *attr, const struct value *attrs)
{
    const struct spec_owned *tags = type->tags;
    const struct value *beside =
        tags->beside ? fill_value(m->call, type, tags->beside, attrs) : &value_empty_map;
    const struct value *flagged = tags->flag ? value_get(attrs, tags->flag->attr->name) : NULL;
    if (attr != tags->attr)
        return;
    document_put(m, node, path, tags->shape,
        spec_tag_items(m->arena, tags, value_get(attrs, attr->attr->name), beside, flagged));
}

void render_object(
    struct making *m, struct part_node *node, const struct role *role, const struct value *attrs)
{
    const struct spec_type *type = role->type;
    for (size_t i = 0; i < type->attr_count; i++) {
        const struct spec_attr *attr = &type->attrs[i];
        struct str path;
        const struct value *v = value_get(attrs, attr->attr->name);
        if (value_is_null(v) || is_kept_back(role, attr) || is_hidden(type, attr, v) ||
            !act_provides(type, role->step, attr, &path) ||
            str_starts(path, STR("^."))) /* an attribute of the enclosing object */
            continue;
        if (attr->owner == OWNER_ENTRIES && spec_owned_of(type, attr)->mapped)
            render_mapped(m, node, path, spec_owned_of(type, attr), v);
        else if (attr->owner == OWNER_ENTRIES)
            render_entries(m, node, path, spec_owned_of(type, attr), false, v);
        else if (attr->owner == OWNER_TAGS && type->tags->structures)
            render_tags(m, node, path, type, attr, attrs);
        else
            document_put(m, node, path, attr->answer, v);
        render_item_extras(m, node, path, type, attr, v);
    }
    if (is_bare(role->step))
        return;
    render_pending(m, node, role, value_getz(attrs, PENDING_KEY));
    const struct value *maps = value_getz(type->sandbox, "text_maps");
    for (struct part_node *at = node->first; at; at = at->next)
        for (uint32_t i = 0; maps && i < maps->count; i++)
            at->is_map = at->is_map || str_eq(at->name, value_text(maps->items[i], STR_EMPTY));
    const struct value *one =
        value_get(value_getz(type->sandbox, "shows_in"), role->step->call.op->wire.name);
    if (!one && !role->step->reply.sparse && !role->step->when.wanted.count)
        one = value_getz(type->sandbox, "shows");
    render_shown(m, node, type, one, attrs);
    if (!role->step->reply.sparse && !role->step->when.wanted.count)
        render_kept(m, node, value_getz(attrs, KEPT_KEY));
    if (!role->step->reply.sparse && !role->step->when.wanted.count && !role->step->list.covers.count)
        render_fallbacks(m, node, type, attrs);
}
