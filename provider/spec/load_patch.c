/* Operations whose body is a list of changes: how those are spelt. */
#include "provider/spec/load.h"

static void load_items(struct loader *l, const struct node *node, struct patch_rule *rule)
{
    struct str items = load_text(l, node, "items");
    if (str_eqz(items, "value"))
        rule->items = PATCH_BY_VALUE;
    else if (str_eqz(items, "old"))
        rule->items = PATCH_BY_OLD;
    else if (str_find_char(items, ':', 0) > 0)
        *rule = (struct patch_rule){
            .place = rule->place, .at = rule->at, .items = PATCH_BY_PARTS, .parts = items};
    else if (items.n)
        load_error(
            l, node_get(node, "items"), "items are named by value, by the old one or by member:member");
}

/* `metrics/enabled`, or {at, items, key, gone} */
static void load_rule(struct loader *l, const struct node_entry *entry, struct patch_rule *rule)
{
    const struct node *node = entry->value;
    *rule = (struct patch_rule){.place = entry->key};
    if (node->kind == NODE_STRING) {
        rule->at = node->string;
        return;
    }
    if (!load_keys(l, node, "a place", "at items key gone"))
        return;
    if (node_get(node, "at"))
        rule->at = load_text(l, node, "at");
    if (node_get(node, "at") && !rule->at.p)
        rule->at = STR_EMPTY;
    load_items(l, node, rule);
    rule->segments = load_int(l, node, "key", 0);
    const struct node *gone = node_get(node, "gone");
    rule->gone_by_null = gone && gone->kind == NODE_NULL;
    if (gone && !rule->gone_by_null)
        rule->gone_by = arena_str(l->arena, load_text(l, node, "gone"));
}

const struct patch_spelling *load_patch(struct loader *l, const struct node *node)
{
    if (!node)
        return NULL;
    struct patch_spelling *out = ARENA_NEW(l->arena, struct patch_spelling);
    if (node->kind == NODE_STRING) {
        out->member = node->string;
        return out;
    }
    if (!load_keys(l, node, "patch", "as new places"))
        return NULL;
    out->member = load_text(l, node, "as");
    if (!out->member.n)
        load_error(l, node, "patch is the member that has the changes, or {as: member, …}");
    struct str fresh = load_text(l, node, "new");
    out->replaces = str_eqz(fresh, "replace");
    if (fresh.n && !out->replaces)
        load_error(l, node_get(node, "new"), "new is \"replace\", or left out");
    const struct node *places = node_get(node, "places");
    if (places && places->kind != NODE_MAP) {
        load_error(l, places, "places has to be a map");
        return out;
    }
    struct patch_rule *rules = ARENA_ARRAY(l->arena, struct patch_rule, places ? places->count : 0);
    for (uint32_t i = 0; places && i < places->count; i++)
        load_rule(l, &places->entries[i], &rules[i]);
    out->rules = rules;
    out->count = places ? places->count : 0;
    return out;
}

void load_patched(struct loader *l, const struct spec_operation *op, struct spec_request *request)
{
    static const struct shape text = {.kind = SHAPE_STRING};
    static const struct shape_member fields[] = {
        {.name = STR_INIT("op"), .wire = STR_INIT("op"), .shape = &text},
        {.name = STR_INIT("path"), .wire = STR_INIT("path"), .shape = &text},
        {.name = STR_INIT("value"), .wire = STR_INIT("value"), .shape = &text},
        {.name = STR_INIT("from"), .wire = STR_INIT("from"), .shape = &text}};
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
