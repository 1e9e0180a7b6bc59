/* Attributes of a spec: their schema (struct attr) and their wire form (struct shape). */
#include "provider/spec/load.h"

#include "base/mem.h"
#include "provider/notation/notation.h"

#define ATTR_KEYS                                                                                            \
    "type required replace computed prepared optional sensitive write_only local default pattern enum "      \
    "range compare "                                                                                         \
    "conflicts wire along read item flat pairs entry values time fields doc unset changes_with template "    \
    "hidden "                                                                                                \
    "send_default plain_if read_values within text shared joined place language ignore_changes assumed_by "  \
    "import older"

#define PAIRS_WRONG "pairs are two names: the key's and the value's"

static void load_typed(
    struct loader *l, struct str text, const struct node *node, const struct node *where, struct typed *out);

/* ---- structures ---- */

static void check_neighbours(struct loader *l, const struct node *map, const struct node *named)
{
    AUTO_FREE struct str *known = mem_alloc(map->count * sizeof *known);
    for (uint32_t i = 0; i < map->count; i++)
        known[i] = map->entries[i].key;
    struct spec_names names = load_names(l, named);
    for (size_t i = 0; i < names.count; i++) {
        if (node_find(map, names.items[i]))
            continue;
        struct diag *diag = diag_error(
            l->diags, node_span(named), "the type has no attribute \"%.*s\"", STR_ARG(names.items[i]));
        diag_did_you_mean(l->diags, diag, names.items[i], known, map->count);
    }
}

void load_neighbours(struct loader *l, const struct node *map)
{
    static const char *const keys[] = {"conflicts", "changes_with"};
    for (uint32_t i = 0; i < map->count; i++)
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
            check_neighbours(l, map, node_get(map->entries[i].value, keys[k]));
}

static struct shape_member group_of(
    struct loader *l, struct str name, const struct shape_member *members, size_t n, size_t first, bool *done)
{
    struct shape_member *inner = ARENA_ARRAY(l->arena, struct shape_member, n - first);
    size_t count = 0;
    for (size_t i = first; i < n; i++) {
        struct str rest;
        if (done[i] || !str_eq(str_cut(members[i].wire, '.', &rest), name) || !rest.p)
            continue;
        done[i] = true;
        inner[count] = members[i];
        inner[count++].wire = rest;
    }
    struct shape *shape = ARENA_NEW(l->arena, struct shape);
    load_struct(l, inner, count, shape);
    shape->keyed = str_ends(name, STR("{}"));
    if (shape->keyed)
        name.n -= 2;
    if (!str_ends(name, STR("[]")))
        return (struct shape_member){.wire = name, .shape = shape, .group = true};
    struct shape *list = ARENA_NEW(l->arena, struct shape);
    *list = (struct shape){.kind = SHAPE_LIST, .elem = shape};
    return (struct shape_member){.wire = str_slice(name, 0, name.n - 2), .shape = list, .group = true};
}

void load_struct(struct loader *l, const struct shape_member *members, size_t n, struct shape *out)
{
    struct shape_member *made = ARENA_ARRAY(l->arena, struct shape_member, n + 1);
    AUTO_FREE bool *done = mem_zalloc(n + 1);
    size_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (done[i])
            continue;
        struct str rest, first = str_cut(members[i].wire, '.', &rest);
        done[i] = true;
        if (str_eqz(members[i].wire, ".")) {
            made[count] = members[i];
            made[count++].spread = true;
        } else if (!rest.p) {
            made[count++] = members[i];
        } else {
            done[i] = false;
            made[count++] = group_of(l, first, members, n, i, done);
        }
    }
    out->kind = SHAPE_STRUCT;
    out->members = made;
    out->member_count = count;
}

static size_t count_along(const struct node *fields)
{
    size_t n = 0;
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct node *along = node_get(fields->entries[i].value, "along");
        n += along && along->kind == NODE_LIST ? along->count : along != NULL;
    }
    return n;
}

static void load_fields(
    struct loader *l, const struct node *fields, const struct node *where, struct typed *out)
{
    struct type *type = ARENA_NEW(l->arena, struct type);
    struct shape *shape = ARENA_NEW(l->arena, struct shape), *answer = ARENA_NEW(l->arena, struct shape);
    *out = (struct typed){type, shape, answer};
    type->kind = TYPE_OBJECT;
    shape->kind = answer->kind = SHAPE_STRUCT;
    if (!fields || fields->kind != NODE_MAP) {
        load_error(l, fields ? fields : where, "an object needs \"fields\", a map");
        return;
    }
    load_neighbours(l, fields);
    size_t n = fields->count, readable = 0, sent_count = 0;
    struct attr *attrs = ARENA_ARRAY(l->arena, struct attr, n);
    struct shape_member *sent = ARENA_ARRAY(l->arena, struct shape_member, n + count_along(fields));
    struct shape_member *read = ARENA_ARRAY(l->arena, struct shape_member, n);
    bool same = true;
    for (size_t i = 0; i < n; i++) {
        struct spec_attr field;
        load_attr(l, fields->entries[i].key, fields->entries[i].value, &field);
        attrs[i] = *field.attr;
        if (!field.along.count)
            sent[sent_count++] =
                (struct shape_member){.name = field.attr->name, .wire = field.wire, .shape = field.shape};
        for (size_t k = 0; k < field.along.count; k++)
            sent[sent_count++] = (struct shape_member){
                .name = field.attr->name, .wire = field.along.items[k], .shape = field.shape, .along = true};
        same = same && field.readable && str_eq(field.read, field.wire) && field.answer == field.shape &&
               !field.along.count;
        if (field.readable)
            read[readable++] =
                (struct shape_member){.name = field.attr->name, .wire = field.read, .shape = field.answer};
    }
    type->fields = attrs;
    type->field_count = n;
    load_struct(l, sent, sent_count, shape);
    load_struct(l, read, readable, answer);
    if (same)
        out->answer = shape;
}

/* ---- types ---- */

static const struct {
    const char *name;
    enum type_kind type;
    enum shape_kind shape;
} scalars[] = {
    {"any", TYPE_ANY, SHAPE_ANY},
    {"string", TYPE_STRING, SHAPE_STRING},
    {"integer", TYPE_INT, SHAPE_INT},
    {"number", TYPE_FLOAT, SHAPE_FLOAT},
    {"boolean", TYPE_BOOL, SHAPE_BOOL},
    {"timestamp", TYPE_TIMESTAMP, SHAPE_TIMESTAMP},
    {"blob", TYPE_BLOB, SHAPE_BLOB},
    {"json", TYPE_JSON, SHAPE_JSON_TEXT},
    {"policy", TYPE_POLICY, SHAPE_JSON_TEXT},
};

/* Keys of a YAML map are strings; converts one to the attribute's type, or null. */
static const struct value *our_value(struct arena *arena, enum shape_kind kind, struct str text)
{
    int64_t integer;
    if (str_eqz(text, "null"))
        return &value_null;
    if (kind == SHAPE_BOOL)
        return value_bool(str_eqz(text, "true"));
    if (kind == SHAPE_INT && str_to_int(text, &integer))
        return value_int(arena, integer);
    return value_string(arena, text);
}

static void load_choices(struct loader *l, const struct node *values, struct shape *shape)
{
    uint32_t n = load_size(l, values, NODE_MAP, "\"values\" has to be a map");
    if (!n)
        return;
    AUTO_BUILDER struct value_builder in = VALUE_BUILDER(l->arena), out = VALUE_BUILDER(l->arena);
    for (uint32_t i = 0; i < n; i++) {
        struct str ours = values->entries[i].key;
        const struct value *theirs = node_value(l->arena, values->entries[i].value);
        if (theirs->kind == VALUE_LIST && theirs->count) { /* responses may have several spellings */
            for (uint32_t k = 1; k < theirs->count; k++)
                value_builder_set(
                    &out, value_text(theirs->items[k], STR_EMPTY), our_value(l->arena, shape->kind, ours));
            theirs = theirs->items[0];
        }
        value_builder_set(&in, ours, theirs);
        if (theirs->kind == VALUE_NULL)
            continue; /* not sent */
        if (theirs->kind == VALUE_STRING || theirs->kind == VALUE_BOOL || theirs->kind == VALUE_INT)
            value_builder_set(
                &out, value_scalar_text(l->arena, theirs), our_value(l->arena, shape->kind, ours));
        else
            load_error(l, values->entries[i].value,
                "expected the service's spelling, a string, a boolean or an integer");
    }
    shape->choices_in = value_builder_map(&in);
    shape->choices_out = value_builder_map(&out);
}

const struct shape *load_tags_shape(struct loader *l, const struct node *tags, const char *as)
{
    struct shape *shape = ARENA_NEW(l->arena, struct shape);
    shape->elem = &shape_text;
    shape->kind = str_eqz(load_text(l, tags, as), "map") ? SHAPE_MAP : SHAPE_PAIRS;
    shape->item = load_text(l, tags, "item");
    shape->flat = load_flag(l, tags, "flat");
    struct spec_names pairs = load_names(l, node_get(tags, "pairs"));
    if (pairs.count == 2) {
        shape->key_name = pairs.items[0];
        shape->value_name = pairs.items[1];
    } else if (pairs.count) {
        load_error(l, node_get(tags, "pairs"), PAIRS_WRONG);
    } else {
        shape->key_name = STR("Key");
        shape->value_name = STR("Value");
    }
    return shape;
}

/* `joined: ","`: the list is sent as one string. */
static void load_joined(
    struct loader *l, const struct node *node, const struct typed *elem, struct shape *shape)
{
    struct str between = load_text(l, node, "joined");
    if (!node_get(node, "joined"))
        return;
    if (!between.n || elem->type->kind != TYPE_STRING)
        load_error(l, node_get(node, "joined"),
            "joined is the separator between the strings of a list(string) or set(string)");
    shape->kind = SHAPE_JOINED;
    shape->elem = NULL;
    shape->item = between;
}

/* list(T), set(T), map(T): T is the string in the parentheses. */
static bool load_collection(struct loader *l, struct str text, enum type_kind kind, const struct node *node,
    const struct node *where, struct typed *out)
{
    struct str inner = str_slice(text, (size_t)str_find_char(text, '(', 0) + 1, text.n - 1);
    struct typed elem;
    load_typed(l, inner, node, where, &elem);
    struct type *type = ARENA_NEW(l->arena, struct type);
    *type = (struct type){.kind = kind, .elem = elem.type};
    struct shape *shape = ARENA_NEW(l->arena, struct shape);
    struct spec_names pairs = load_names(l, node_get(node, "pairs"));
    struct spec_names entry = load_names(l, node_get(node, "entry"));
    *shape = (struct shape){.kind = SHAPE_LIST,
        .elem = elem.shape,
        .item = load_text(l, node, "item"),
        .flat = load_flag(l, node, "flat")};
    load_joined(l, node, &elem, shape);
    if (kind == TYPE_MAP) {
        shape->kind = pairs.count == 2 ? SHAPE_PAIRS : SHAPE_MAP;
        if (pairs.count == 2) {
            shape->key_name = pairs.items[0];
            shape->value_name = pairs.items[1];
        } else if (entry.count == 3) {
            shape->entry = entry.items[0];
            shape->key_name = entry.items[1];
            shape->value_name = entry.items[2];
        } else if (entry.count) {
            load_error(
                l, node_get(node, "entry"), "entry is three names: the element's, the key's and the value's");
        } else if (pairs.count) {
            load_error(l, node_get(node, "pairs"), PAIRS_WRONG);
        }
    }
    struct shape *answer = shape;
    if (elem.answer != elem.shape) {
        answer = ARENA_NEW(l->arena, struct shape);
        *answer = *shape;
        answer->elem = elem.answer;
    }
    *out = (struct typed){type, shape, answer};
    return true;
}

static bool load_named_shape(struct loader *l, struct str name, const struct node *where, struct typed *out)
{
    const struct node_entry *found = l->shapes ? node_find(l->shapes, name) : NULL;
    if (!found)
        return false;
    if (l->depth > 16) {
        load_error(l, where, "shape \"%.*s\" contains itself", STR_ARG(name));
        return false;
    }
    l->depth++;
    load_fields(l, found->value, where, out);
    l->depth--;
    return true;
}

static void load_typed(
    struct loader *l, struct str text, const struct node *node, const struct node *where, struct typed *out)
{
    static const struct {
        const char *prefix;
        enum type_kind kind;
    } collections[] = {{"list(", TYPE_LIST}, {"set(", TYPE_SET}, {"map(", TYPE_MAP}};
    for (size_t i = 0; i < sizeof collections / sizeof *collections; i++)
        if (str_starts(text, str_z(collections[i].prefix)) && str_ends(text, STR(")"))) {
            load_collection(l, text, collections[i].kind, node, where, out);
            return;
        }
    struct type *type = ARENA_NEW(l->arena, struct type);
    struct shape *shape = ARENA_NEW(l->arena, struct shape);
    *out = (struct typed){type, shape, shape};
    shape->kind = SHAPE_STRING;
    type->kind = TYPE_STRING;
    if (str_eqz(text, "object")) {
        load_fields(l, node_get(node, "fields"), where, out);
        return;
    }
    if (str_eqz(text, "tags")) {
        type->kind = TYPE_TAGS;
        out->shape = out->answer = load_tags_shape(l, l->tags, "as");
        return;
    }
    static const char *const times[] = {"iso", "epoch", "http", NULL}; /* as in enum wire_time */
    for (size_t i = 0; i < sizeof scalars / sizeof *scalars; i++)
        if (str_eqz(text, scalars[i].name)) {
            type->kind = scalars[i].type;
            shape->kind = scalars[i].shape;
            shape->time = (enum wire_time)load_word(l, node, "time", times);
            type->place = load_text(l, node, "place");
            load_choices(l, node_get(node, "values"), shape);
            return;
        }
    if (load_named_shape(l, text, where, out))
        return;
    load_error(l, where, "no type is called \"%.*s\"", STR_ARG(text));
}

/* ---- attributes ---- */

static void load_language(struct loader *l, const struct node *node, struct attr *attr)
{
    attr->language = load_text(l, node, "language");
    attr->has_language = attr->language.n > 0;
    if (attr->language.n && !notation_exists(attr->language))
        load_error(l, node_get(node, "language"), "no language is called \"%.*s\"", STR_ARG(attr->language));
    const struct type *type = attr->type;
    while (type->elem)
        type = type->elem;
    for (size_t i = 0; i < type->field_count; i++)
        attr->has_language = attr->has_language || type->fields[i].has_language;
}

/* `assumed_by: lambda.amazonaws.com`, or a list of services one of which has to be allowed. */
static void load_assumed(struct loader *l, const struct node *node, struct attr *attr)
{
    const struct node *services = node_get(node, "assumed_by");
    if (services) {
        struct spec_names names = load_names(l, services);
        attr->assumed_by = value_strings(l->arena, names.items, names.count);
    }
    attr->has_assumed_by = services != NULL;
    const struct type *type = attr->type;
    while (type->elem)
        type = type->elem;
    for (size_t i = 0; i < type->field_count; i++)
        attr->has_assumed_by = attr->has_assumed_by || type->fields[i].has_assumed_by;
}

static void load_checks(struct loader *l, const struct node *node, struct attr *attr)
{
    attr->pattern = load_text(l, node, "pattern");
    attr->conflicts = load_text(l, node, "conflicts");
    const struct node *choices = node_get(node, "enum"), *range = node_get(node, "range");
    if (choices && choices->kind == NODE_LIST)
        attr->choices = node_value(l->arena, choices);
    else if (choices)
        load_error(l, choices, "enum has to be a list");
    if (range && range->kind == NODE_LIST && range->count == 2) {
        attr->has_min = range->items[0]->kind == NODE_INT;
        attr->has_max = range->items[1]->kind == NODE_INT;
        attr->min = attr->has_min ? range->items[0]->integer : 0;
        attr->max = attr->has_max ? range->items[1]->integer : 0;
    } else if (range) {
        load_error(l, range, "range has to be [min, max]; null leaves one open");
    }
    static const char *const rules[] = {
        "nocase", "prefix", "cidr", "configured", "protocol", "arn", NULL}; /* as in enum attr_compare */
    int rule = load_word(l, node, "compare", rules);
    attr->compare = rule            ? (enum attr_compare)(COMPARE_CHOICE + rule)
                    : attr->choices ? COMPARE_CHOICE
                                    : COMPARE_EXACT;
    load_language(l, node, attr);
    load_assumed(l, node, attr);
    struct err err = ERR_INIT;
    if (attr->pattern.n && attr_compile_pattern(l->arena, attr, &err))
        load_error(l, node_get(node, "pattern"), "%s", err.message);
}

/* `arn: string` is short for `arn: {type: string}`. */
static const struct node *attr_map(struct loader *l, const struct node *node, struct str *type)
{
    static const struct node nothing = {.kind = NODE_MAP};
    if (node->kind == NODE_STRING) {
        *type = node->string;
        return &nothing;
    }
    if (!load_keys(l, node, "an attribute", ATTR_KEYS))
        return &nothing;
    *type = load_text(l, node, "type");
    if (!type->n)
        *type = node_get(node, "fields") ? STR("object") : STR("string");
    return node;
}

static void load_place(struct loader *l, const struct node *node, struct spec_attr *out)
{
    struct str wire = load_text(l, node, "wire");
    out->wire = wire.n ? wire : load_wire_name(l, out->attr->name);
    out->along = load_names(l, node_get(node, "along"));
    out->read = out->wire;
    out->readable = !out->attr->local && !out->attr->write_only;
    const struct node *read = node_get(node, "read");
    if (read && read->kind == NODE_BOOL && !read->boolean)
        out->readable = false;
    else if (read && read->kind == NODE_STRING)
        out->read = read->string;
    else if (read)
        load_error(l, read, "read is a path in the answer, or false");
}

/* `text`: sent as a string, whatever the type. `read_values`: responses have another spelling than
 * requests. */
static void load_spellings(struct loader *l, const struct node *map, struct spec_attr *out)
{
    const struct node *values = node_get(map, "read_values");
    if (values) {
        struct shape *answer = ARENA_NEW(l->arena, struct shape);
        *answer = *out->answer;
        load_choices(l, values, answer);
        out->answer = answer;
    }
    struct str within = load_text(l, map, "within");
    if (within.n) {
        struct shape *answer = ARENA_NEW(l->arena, struct shape), *item = answer;
        *answer = *out->answer;
        if (answer->kind == SHAPE_LIST) {
            item = ARENA_NEW(l->arena, struct shape);
            *item = *answer->elem;
            answer->elem = item;
        }
        item->within = within;
        out->answer = answer;
    }
    if (load_flag(l, map, "text")) {
        struct shape *sent = ARENA_NEW(l->arena, struct shape);
        *sent = *out->shape;
        sent->kind = SHAPE_STRING;
        out->shape = sent;
    }
}

/* `replace: whole`: adding or removing it forces replacement; a change within it does not. */
static void load_replace(struct loader *l, const struct node *map, struct attr *attr)
{
    const struct node *replace = node_get(map, "replace");
    attr->replace_whole = replace && replace->kind == NODE_STRING && str_eqz(replace->string, "whole");
    attr->replace = !attr->replace_whole && load_flag(l, map, "replace");
}

void load_attr(struct loader *l, struct str name, const struct node *node, struct spec_attr *out)
{
    struct str type_text = STR_EMPTY;
    struct attr *attr = ARENA_NEW(l->arena, struct attr);
    const struct node *map = attr_map(l, node, &type_text);
    struct typed typed = {0};
    load_typed(l, type_text, map, node, &typed);
    *attr = (struct attr){.name = name,
        .doc = load_text(l, map, "doc"),
        .type = typed.type,
        .required = load_flag(l, map, "required"),
        .computed = load_flag(l, map, "computed"),
        .sensitive = load_flag(l, map, "sensitive"),
        .write_only = load_flag(l, map, "write_only"),
        .local = load_flag(l, map, "local"),
        .weir_only = load_flag(l, map, "local"),
        .send_default = load_flag(l, map, "send_default"),
        .shared = load_flag(l, map, "shared")};
    load_replace(l, map, attr);
    attr->prepared = load_flag(l, map, "prepared");
    attr->settable = !attr->prepared && (!attr->computed || load_flag(l, map, "optional"));
    const struct node *fallback = node_get(map, "default"), *unset = node_get(map, "unset");
    attr->plain_if = load_map(l, map, "plain_if", "plain_if is a map of attributes and their values");
    if (fallback)
        attr->default_value = node_value(l->arena, fallback);
    if (unset)
        attr->unset = node_value(l->arena, unset);
    load_checks(l, map, attr);
    *out = (struct spec_attr){.attr = attr,
        .shape = typed.shape,
        .answer = typed.answer,
        .template = load_text(l, map, "template"),
        .changes_with = load_names(l, node_get(map, "changes_with")),
        .weir_only = attr->local,
        .hidden = load_flag(l, map, "hidden"),
        .older =
            load_map(l, map, "older", "older is a map of members and where answers have what they were once"),
        .imported = load_map(l, map, "import", "import is a map of fields and where the answers have them")};
    load_place(l, map, out);
    attr->member = l->calls && !attr->local ? load_member_name(name, out->wire) : STR_EMPTY;
    load_spellings(l, map, out);
}
