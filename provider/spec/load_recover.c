/*
 * Recovery after a lost response (struct spec_recover), mostly derived from the rest of the spec; and what is
 * deleted along with a resource.
 */
#include "provider/spec/load.h"

/* ---- Data loss at deletion, and what services leave behind ---- */

/* ---- teardown ---- */

static const struct teardown_name *teardown_find(struct str name)
{
    for (const struct teardown_name *known = teardown_names; known->name; known++)
        if (str_eqz(name, known->name))
            return known;
    return NULL;
}

static const struct value *load_set(struct type_loader *t, const struct node *node, struct spec_teardown *out)
{
    if (!node || node->kind != NODE_MAP || !node->count) {
        load_error(t->l, node ? node : t->node, "a teardown needs \"set\", {attribute: value}");
        return &value_empty_map;
    }
    for (uint32_t i = 0; i < node->count; i++)
        load_attr_named(t, node->entries[i].value, node->entries[i].key);
    out->main = node->entries[0].key;
    return node_value(t->l->arena, node);
}

static const struct spec_step *load_count(
    struct type_loader *t, const struct node *node, struct spec_teardown *out)
{
    if (!node)
        return NULL;
    struct step_rules rules = {.what = "a count", .extra = "as bytes", .pages = true, .reads = true};
    out->count_as = load_text(t->l, node, "as");
    out->bytes = load_text(t->l, node, "bytes");
    const struct spec_step *step = load_step(t, node, &rules);
    if (!step->call.native && !out->count_as.n)
        load_error(t->l, node, "a count needs \"as\": what is counted");
    return step;
}

/* {attribute: the message if it is not configured} */
static void load_needs(struct type_loader *t, const struct node *node, struct spec_teardown *out)
{
    if (!node)
        return;
    if (node->kind != NODE_MAP || node->count != 1) {
        load_error(t->l, node, "\"needs\" is {attribute: the message without it}");
        return;
    }
    out->needs = node->entries[0].key;
    out->lacks = load_text(t->l, node, arena_strz(t->l->arena, out->needs));
    load_attr_named(t, node->entries[0].value, out->needs);
}

void load_teardown(struct type_loader *t, const struct node *node)
{
    struct loader *l = t->l;
    uint32_t n = load_size(l, node, NODE_MAP, "teardown is {flag: {set: …, message: …}}");
    struct spec_teardown *rules = ARENA_ARRAY(l->arena, struct spec_teardown, n);
    for (uint32_t i = 0; i < n; i++) {
        const struct node *rule = node->entries[i].value;
        const struct teardown_name *known = teardown_find(node->entries[i].key);
        if (!known) {
            load_error(l, rule, "no teardown flag is called \"%.*s\"", STR_ARG(node->entries[i].key));
            continue;
        }
        if (!load_keys(l, rule, "a teardown", "set message instead refused count if needs within"))
            continue;
        rules[i] = (struct spec_teardown){.flag = known->flag,
            .name = known->name,
            .message = load_text(l, rule, "message"),
            .instead = load_text(l, rule, "instead"),
            .within = load_text(l, rule, "within"),
            .only = load_conditions(t, node_get(rule, "if")),
            .refused = load_errors(l, node_get(rule, "refused"))};
        rules[i].set = load_set(t, node_get(rule, "set"), &rules[i]);
        rules[i].count = load_count(t, node_get(rule, "count"), &rules[i]);
        load_needs(t, node_get(rule, "needs"), &rules[i]);
        if (!rules[i].message.n)
            load_error(l, rule, "a teardown needs \"message\": what is lost");
    }
    t->type->teardown = rules;
    t->type->teardown_count = n;
}

/* ---- leaves ---- */

void load_leaves(struct type_loader *t, const struct node *node)
{
    struct loader *l = t->l;
    uint32_t n = load_size(l, node, NODE_LIST, "leaves is a list of {type, match}");
    struct spec_leaf *leaves = ARENA_ARRAY(l->arena, struct spec_leaf, n);
    for (uint32_t i = 0; i < n; i++) {
        const struct node *leaf = node->items[i], *match = node_get(leaf, "match");
        if (!load_keys(l, leaf, "what is left", "type match if message kept"))
            continue;
        leaves[i] = (struct spec_leaf){.type = load_text(l, leaf, "type"),
            .match = match ? node_value(l->arena, match) : &value_empty_map,
            .only = load_conditions(t, node_get(leaf, "if")),
            .message = load_text(l, leaf, "message"),
            .kept = load_flag(l, leaf, "kept")};
        bool reported = !leaves[i].type.n && !match && leaves[i].message.n;
        if (!reported && (!leaves[i].type.n || leaves[i].match->kind != VALUE_MAP || !leaves[i].match->count))
            load_error(l, leaf,
                "what is left needs \"type\" and \"match\", {attribute: text}; what is only reported needs "
                "\"message\" alone");
    }
    t->type->leaves = leaves;
    t->type->leaf_count = n;
}

enum {
    AT_WORK_MS = 5 * 1000, /* how long a service may still execute a request after the client has gone */
    SHOWN_WITHIN_MS = 10 * 1000, /* delay of the service's own listings */
    TAGGED_WITHIN_MS = 30 * 1000 /* delay of the tagging API */
};
static const char *const ways[] = {"name", "tags", "content", "token", "never"};

static const char *const for_people[] = {"found by its name", "found by its ownership tags",
    "found by its attributes", "the request is sent again with the same token",
    "not created again until \"weir state\" imports or removes it"};

const char *recover_way_name(enum recover_way way)
{
    return ways[way];
}

/* ---- defaults from the rest of the spec ---- */

static bool looks_for_token(const struct spec_step *step)
{
    for (size_t i = 0; i < step->call.request.extra_count; i++)
        if (!step->call.request.extras[i].from_item &&
            load_mentions(step->call.request.extras[i].value, STR("${token")))
            return true;
    for (size_t i = 0; i < step->reply.match_count; i++)
        if (str_eqz(step->reply.matches[i].attr, "token"))
            return true;
    return false;
}

static bool is_known(const struct spec_type *type, struct str name, int depth);

/* True if all attributes of the template are known; other names are of the context. */
static bool template_is_known(const struct spec_type *type, struct str rest, int depth)
{
    struct str before, inner, filter;
    while (str_take_name(&rest, "${", &before, &inner)) {
        struct str name = str_cut(inner, '|', &filter);
        if (spec_attr_find(type, name) && !is_known(type, name, depth + 1))
            return false;
    }
    return true;
}

static bool is_known(const struct spec_type *type, struct str name, int depth)
{
    enum { DEPTH_MAX = 8 };
    const struct spec_attr *attr = spec_attr_find(type, name);
    if (!attr || depth > DEPTH_MAX)
        return false;
    if (attr->template.n)
        return template_is_known(type, attr->template, depth);
    return !attr->attr->computed;
}

/* True if the id is known before the creation. */
static bool load_id_is_known(const struct spec_type *type)
{
    return is_known(type, type->schema.id, 0);
}

static enum recover_way derived(const struct spec_type *type)
{
    const struct spec_owned *tags = type->tags;
    bool tagged = tags && tags->ownership && tags->with_create;
    if (load_id_is_known(type) || (type->native && type->native->find))
        return RECOVER_NAME;
    if (type->find_by.count)
        return RECOVER_CONTENT;
    if (type->find)
        return !looks_for_token(type->find) ? RECOVER_NAME : tagged ? RECOVER_TAGS : RECOVER_NEVER;
    return tagged && tags->bulk.n ? RECOVER_TAGS : type->recover.token ? RECOVER_TOKEN : RECOVER_NEVER;
}

static int64_t usual_ms(const struct spec_type *type)
{
    switch (type->recover.way) {
    case RECOVER_TAGS: return type->find ? SHOWN_WITHIN_MS : TAGGED_WITHIN_MS;
    case RECOVER_CONTENT: return SHOWN_WITHIN_MS;
    case RECOVER_NAME:
    case RECOVER_TOKEN:
    case RECOVER_NEVER: break;
    }
    return AT_WORK_MS;
}

/* ---- checks ---- */

/* Returns what the type lacks for the rule; NULL: nothing. */
static const char *unsupported(const struct spec_type *type, enum recover_way way)
{
    if (type->native && type->native->find)
        return NULL;
    const struct spec_owned *tags = type->tags;
    bool tagged = tags && tags->ownership && tags->with_create;
    switch (way) {
    case RECOVER_NAME:
        return load_id_is_known(type) || type->find || (type->find_by.count && type->list.count)
                   ? NULL
                   : "an id that is known beforehand, or \"find\"";
    case RECOVER_TAGS: /* compared with the results of `find` */
        return !tagged                      ? "tags that the create call takes"
               : type->find || tags->bulk.n ? NULL
                                            : "\"find\", or tags with \"bulk\"";
    case RECOVER_CONTENT: return type->find_by.count ? NULL : "\"find\" with \"by\"";
    case RECOVER_TOKEN: return type->recover.token ? NULL : "a \"token\" in the create call";
    case RECOVER_NEVER: break;
    }
    return NULL;
}

static bool takes_token(const struct node *create)
{
    for (uint32_t i = 0; create && create->kind == NODE_LIST && i < create->count; i++)
        if (node_get(create->items[i], "token"))
            return true;
    return create && create->kind == NODE_MAP && node_get(create, "token");
}

static void load_given(struct type_loader *t, const struct node *node)
{
    struct spec_recover *recover = &t->type->recover;
    struct str word = node_text(node);
    if (node->kind != NODE_STRING) {
        if (!load_keys(t->l, node, "recover", "by within"))
            return;
        word = load_text(t->l, node, "by");
        recover->within_ms = load_ms(t->l, node, "within", recover->within_ms);
    }
    for (size_t i = 0; word.n && i < sizeof ways / sizeof *ways; i++) {
        if (!str_eqz(word, ways[i]))
            continue;
        recover->way = (enum recover_way)i;
        recover->given = true;
        const char *needs = unsupported(t->type, recover->way);
        if (needs)
            load_error(t->l, node, "recover: %s needs %s", ways[i], needs);
        return;
    }
    if (word.n)
        load_error(t->l, node, "recover is name, tags, content, token or never");
}

void load_recover(struct type_loader *t)
{
    struct spec_recover *recover = &t->type->recover;
    const struct node *given = node_get(t->node, "recover");
    recover->token = takes_token(node_get(t->node, "create"));
    recover->way = derived(t->type);
    if (given)
        load_given(t, given);
    if (!recover->within_ms)
        recover->within_ms = usual_ms(t->type);
    t->type->schema.recovery = str_z(for_people[recover->way]);
    t->type->schema.visible_within_ms = recover->within_ms;
    t->type->schema.name_is_unique = recover->way == RECOVER_NAME;
    t->type->schema.never_recovered = recover->way == RECOVER_NEVER;
}
