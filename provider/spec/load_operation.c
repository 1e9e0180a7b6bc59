/*
 * Operations of a spec: method and path, locations of members in requests and responses, and bodies that are
 * lists of changes.
 */
#include "provider/spec/load.h"

/* ---- Operations whose body is a list of changes: the spelling of these ---- */

static void load_items(struct loader *l, const struct node *node, struct patch_rule *rule)
{
    struct str items = load_text(l, node, "items");
    if (str_eqz(items, "value"))
        rule->items = PATCH_BY_VALUE;
    else if (str_eqz(items, "old"))
        rule->items = PATCH_BY_OLD;
    else if (str_find_char(items, ':', 0) > 0)
        *rule = (struct patch_rule){
            .member = rule->member, .at = rule->at, .items = PATCH_BY_PARTS, .parts = items};
    else if (items.n)
        load_error(
            l, node_get(node, "items"), "items are named by value, by the old one or by member:member");
}

/* `metrics/enabled`, or {at, items, key, removed, whole} */
static void load_rule(struct loader *l, const struct node_entry *entry, struct patch_rule *rule)
{
    const struct node *node = entry->value;
    *rule = (struct patch_rule){.member = entry->key};
    if (node->kind == NODE_STRING) {
        rule->at = node->string;
        return;
    }
    if (!load_keys(l, node, "a member", "at items key removed whole"))
        return;
    if (node_get(node, "at"))
        rule->at = load_text(l, node, "at");
    if (node_get(node, "at") && !rule->at.p)
        rule->at = STR_EMPTY;
    load_items(l, node, rule);
    rule->segments = load_int(l, node, "key", 0);
    rule->whole = load_flag(l, node, "whole");
    const struct node *removed = node_get(node, "removed");
    rule->removed_as_null = removed && removed->kind == NODE_NULL;
    if (removed && !rule->removed_as_null)
        rule->removed_as = arena_str(l->arena, load_text(l, node, "removed"));
}

/* Reads `patch:` of an operation; NULL if there is none. */
static const struct patch_spelling *load_patch(struct loader *l, const struct node *node)
{
    if (!node)
        return NULL;
    struct patch_spelling *out = ARENA_NEW(l->arena, struct patch_spelling);
    if (node->kind == NODE_STRING) {
        out->member = node->string;
        return out;
    }
    if (!load_keys(l, node, "patch", "as new members"))
        return NULL;
    out->member = load_text(l, node, "as");
    if (!out->member.n)
        load_error(l, node, "patch is the member that has the changes, or {as: member, …}");
    static const char *const additions[] = {"replace", NULL};
    out->replaces = load_word(l, node, "new", additions);
    const struct node *members = node_get(node, "members");
    out->count = load_size(l, members, NODE_MAP, "members has to be a map");
    struct patch_rule *rules = ARENA_ARRAY(l->arena, struct patch_rule, out->count);
    for (uint32_t i = 0; i < out->count; i++)
        load_rule(l, &members->entries[i], &rules[i]);
    out->rules = rules;
    return out;
}

void load_patched(struct loader *l, const struct spec_operation *op, struct spec_request *request)
{
    static const struct shape_member fields[] = {
        {.name = STR_INIT("op"), .wire = STR_INIT("op"), .shape = &shape_text},
        {.name = STR_INIT("path"), .wire = STR_INIT("path"), .shape = &shape_text},
        {.name = STR_INIT("value"), .wire = STR_INIT("value"), .shape = &shape_text},
        {.name = STR_INIT("from"), .wire = STR_INIT("from"), .shape = &shape_text}};
    static const struct shape change = {.kind = SHAPE_STRUCT, .members = fields, .member_count = 4};
    static const struct shape list = {.kind = SHAPE_LIST, .elem = &change};
    const struct shape *whole = &request->shape;
    struct shape_member *placed = ARENA_ARRAY(l->arena, struct shape_member, whole->member_count + 1);
    struct shape_member *body = ARENA_ARRAY(l->arena, struct shape_member, whole->member_count);
    size_t placed_n = 0, body_n = 0;
    for (size_t i = 0; i < whole->member_count; i++)
        if (whole->members[i].location == WIRE_BODY)
            body[body_n++] = whole->members[i];
        else
            placed[placed_n++] = whole->members[i];
    placed[placed_n++] =
        (struct shape_member){.name = str_z(PATCH_KEY), .wire = op->patch->member, .shape = &list};
    request->patched = (struct shape){.kind = SHAPE_STRUCT, .members = body, .member_count = body_n};
    request->shape = (struct shape){.kind = SHAPE_STRUCT, .members = placed, .member_count = placed_n};
}

static const struct spec_place *load_places(struct loader *l, const struct node *operation, const char *key,
    enum wire_location location, struct spec_place *places, size_t *n)
{
    const struct node *map = node_get(operation, key);
    uint32_t count = load_size(l, map, NODE_MAP, "expected a map from members to names");
    for (uint32_t i = 0; i < count; i++)
        if (map->entries[i].value->kind == NODE_STRING)
            places[(*n)++] =
                (struct spec_place){map->entries[i].key, map->entries[i].value->string, location};
        else
            load_error(l, map->entries[i].value, "expected a name");
    return places;
}

static size_t map_count(const struct node *node, const char *key)
{
    const struct node *map = node_get(node, key);
    return map ? map->count : 0;
}

/* "PUT /{Bucket}?versioning" */
static void load_http(
    struct loader *l, const struct node *where, struct str text, struct wire_operation *wire)
{
    struct str rest;
    wire->method = str_cut(text, ' ', &rest);
    if (!rest.p || !str_starts(rest, STR("/"))) {
        load_error(l, where, "expected METHOD /path, such as \"GET /jobs/{Name}\"");
        return;
    }
    wire->path = str_cut(rest, '?', &rest);
    wire->query = rest.p ? rest : STR_EMPTY;
}

static struct spec_operation *new_operation(struct loader *l, struct str name)
{
    struct spec_operation *op = ARENA_NEW(l->arena, struct spec_operation);
    op->wire = l->service->operation;
    op->wire.name = name;
    map_set(&l->service->operations, name, op);
    return op;
}

static const struct shape *load_answer_headers(struct loader *l, const struct node *node)
{
    if (!node)
        return NULL;
    struct spec_names names = load_names(l, node);
    struct shape_member *members = ARENA_ARRAY(l->arena, struct shape_member, names.count);
    for (size_t i = 0; i < names.count; i++)
        members[i] = (struct shape_member){
            .name = names.items[i], .wire = names.items[i], .shape = &shape_text, .location = WIRE_HEADER};
    struct shape *shape = ARENA_NEW(l->arena, struct shape);
    *shape = (struct shape){.kind = SHAPE_STRUCT, .members = members, .member_count = names.count};
    return shape;
}

static void load_one_operation(struct loader *l, struct str name, const struct node *node)
{
    struct spec_operation *op = new_operation(l, name);
    if (node->kind == NODE_STRING) {
        load_http(l, node, node->string, &op->wire);
        return;
    }
    if (!load_keys(l, node, "an operation",
            "http body xmlns raw query headers answer host_prefix md5 result base patch send_raw"))
        return;
    const struct node *http = node_get(node, "http");
    if (http && http->kind == NODE_STRING)
        load_http(l, http, http->string, &op->wire);
    op->wire.body = load_text(l, node, "body");
    op->wire.body_xmlns = load_text(l, node, "xmlns");
    op->wire.result = load_text(l, node, "result");
    op->wire.md5 = load_flag(l, node, "md5");
    op->wire.raw = load_text(l, node, "raw");
    op->host_prefix = load_text(l, node, "host_prefix");
    op->base = load_text(l, node, "base");
    struct spec_place *places =
        ARENA_ARRAY(l->arena, struct spec_place, map_count(node, "query") + map_count(node, "headers"));
    load_places(l, node, "query", WIRE_QUERY_STRING, places, &op->place_count);
    op->places = load_places(l, node, "headers", WIRE_HEADER, places, &op->place_count);
    op->answer = load_answer_headers(l, node_get(node, "answer"));
    op->send_raw = load_text(l, node, "send_raw");
    op->patch = load_patch(l, node_get(node, "patch"));
}

void load_operations(struct loader *l, const struct node *node)
{
    uint32_t n = load_size(l, node, NODE_MAP, "operations has to be a map");
    for (uint32_t i = 0; i < n; i++)
        load_one_operation(l, node->entries[i].key, node->entries[i].value);
}

void load_success(struct loader *l, const struct node *node)
{
    uint32_t n = load_size(l, node, NODE_MAP, "success has to be a map of statuses");
    for (uint32_t i = 0; i < n; i++) {
        const struct spec_names names = load_names(l, node->entries[i].value);
        int64_t status;
        if (!str_to_int(node->entries[i].key, &status) || status < 200 || status > 299)
            load_error(l, node->entries[i].value, "\"%.*s\" is not an HTTP status of success",
                STR_ARG(node->entries[i].key));
        for (size_t k = 0; k < names.count; k++) {
            struct spec_operation *op = map_get(&l->service->operations, names.items[k]);
            if (op)
                op->wire.status = (int)status;
            else
                load_error(
                    l, node->entries[i].value, "there is no operation \"%.*s\"", STR_ARG(names.items[k]));
        }
    }
}

const struct spec_operation *load_operation(struct loader *l, const struct node *node, struct str name)
{
    struct spec_operation *op = map_get(&l->service->operations, name);
    if (op)
        return op;
    if (wire_is_rest(l->service->protocol))
        load_error(l, node, "operation \"%.*s\" has no method and path under \"operations\"", STR_ARG(name));
    return new_operation(l, name);
}

static bool in_path(struct str path, struct str member)
{
    for (ptrdiff_t at = str_find_char(path, '{', 0); at >= 0; at = str_find_char(path, '{', (size_t)at + 1)) {
        struct str rest = str_slice(path, (size_t)at + 1, path.n);
        if (str_starts(rest, member) && rest.n > member.n &&
            (rest.p[member.n] == '}' || rest.p[member.n] == '+'))
            return true;
    }
    return false;
}

void spec_place_member(const struct spec_operation *op, struct shape_member *member)
{
    if (in_path(op->wire.path, member->wire))
        member->location = WIRE_PATH;
    else if ((op->wire.raw.n && str_eq(op->wire.raw, member->wire)) ||
             (op->send_raw.n && str_eq(op->send_raw, member->wire)))
        member->location = WIRE_RAW_BODY;
    for (size_t i = 0; i < op->place_count; i++)
        if (str_eq(op->places[i].member, member->wire)) {
            member->location = op->places[i].location;
            member->wire = op->places[i].name;
            return;
        }
}
