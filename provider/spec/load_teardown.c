/* What goes with a resource when it is deleted, and what services leave behind. */
#include "provider/spec/load.h"

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

/* {attribute: what is said where nothing gives it} */
static void load_needs(struct type_loader *t, const struct node *node, struct spec_teardown *out)
{
    if (!node)
        return;
    if (node->kind != NODE_MAP || node->count != 1) {
        load_error(t->l, node, "\"needs\" is {attribute: what is said without it}");
        return;
    }
    out->needs = node->entries[0].key;
    out->lacks = load_text(t->l, node, arena_strz(t->l->arena, out->needs));
    load_attr_named(t, node->entries[0].value, out->needs);
}

void load_teardown(struct type_loader *t, const struct node *node)
{
    struct loader *l = t->l;
    if (!node)
        return;
    if (node->kind != NODE_MAP) {
        load_error(l, node, "teardown is {flag: {set: …, says: …}}");
        return;
    }
    struct spec_teardown *rules = ARENA_ARRAY(l->arena, struct spec_teardown, node->count);
    for (uint32_t i = 0; i < node->count; i++) {
        const struct node *rule = node->entries[i].value;
        const struct teardown_name *known = teardown_find(node->entries[i].key);
        if (!known) {
            load_error(l, rule, "no teardown flag is called \"%.*s\"", STR_ARG(node->entries[i].key));
            continue;
        }
        if (!load_keys(l, rule, "a teardown", "set says instead refused count if needs within"))
            continue;
        rules[i] = (struct spec_teardown){.flag = known->flag,
            .name = known->name,
            .says = load_text(l, rule, "says"),
            .instead = load_text(l, rule, "instead"),
            .within = load_text(l, rule, "within"),
            .only = load_conditions(t, node_get(rule, "if")),
            .refused = load_errors(l, node_get(rule, "refused"))};
        rules[i].set = load_set(t, node_get(rule, "set"), &rules[i]);
        rules[i].count = load_count(t, node_get(rule, "count"), &rules[i]);
        load_needs(t, node_get(rule, "needs"), &rules[i]);
        if (!rules[i].says.n)
            load_error(l, rule, "a teardown needs \"says\": what goes");
    }
    t->type->teardown = rules;
    t->type->teardown_count = node->count;
}

/* ---- leaves ---- */

void load_leaves(struct type_loader *t, const struct node *node)
{
    struct loader *l = t->l;
    if (!node)
        return;
    if (node->kind != NODE_LIST) {
        load_error(l, node, "leaves is a list of {type, match}");
        return;
    }
    struct spec_leaf *leaves = ARENA_ARRAY(l->arena, struct spec_leaf, node->count);
    for (uint32_t i = 0; i < node->count; i++) {
        const struct node *leaf = node->items[i], *match = node_get(leaf, "match");
        if (!load_keys(l, leaf, "what is left", "type match if says kept"))
            continue;
        leaves[i] = (struct spec_leaf){.type = load_text(l, leaf, "type"),
            .match = match ? node_value(l->arena, match) : &value_empty_map,
            .only = load_conditions(t, node_get(leaf, "if")),
            .says = load_text(l, leaf, "says"),
            .kept = load_flag(l, leaf, "kept")};
        bool reported = !leaves[i].type.n && !match && leaves[i].says.n;
        if (!reported && (!leaves[i].type.n || leaves[i].match->kind != VALUE_MAP || !leaves[i].match->count))
            load_error(l, leaf,
                "what is left needs \"type\" and \"match\", {attribute: text}; what is only told \"says\" "
                "alone");
    }
    t->type->leaves = leaves;
    t->type->leaf_count = node->count;
}
