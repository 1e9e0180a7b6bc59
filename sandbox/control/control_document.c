/* An answer's document under construction; see control_render.h. */
#include "sandbox/control/control_render.h"

#include "base/hash.h"
#include "base/json.h"

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

struct part_node *document_descend(
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

/* Does the element have the segment's value at its key, or, being new, nothing there? It has it then. */
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

/* "Versions[IsDefault=true]": a list's one element of which that is true. */
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

/* Each item of a list value gets an element of its own. */
static void render_items(struct making *m, struct part_node *list, struct str rest, const struct shape *shape,
    const struct value *v)
{
    uint32_t n = v->kind == VALUE_LIST ? v->count : 1; /* one value may be the only item of a list */
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

/* IAM shows its policies percent-encoded. */
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
        segment.name = str_cut(segment.name, '|', &others); /* of several members the first */
        bool selects = segment.items == WIRE_ITEM_THAT_HAS;
        node =
            selects ? descend_selected(m, node, &segment) : document_descend(m, node, &segment, below_name);
        if (node->is_list && !selects) {
            if (path.n && str_find(path, STR("[]"), 0) < 0) {
                render_items(m, node, path, shape, v);
                return;
            }
            if (path.n) /* A[].B[]: one element, with the whole list in it */
                node = node->first ? node->first : document_child(m, node, STR_EMPTY, true);
            else
                node->is_list = false; /* a list value at the end of a path is the value itself */
        }
        below_name = !selects; /* in the item a list begins anew */
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

/* An attribute's own structure, in which more is shown. */
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
