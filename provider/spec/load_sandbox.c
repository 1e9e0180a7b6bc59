/*
 * Checks `sandbox:` of a type, the additional data of its server side. The sandbox reads it as plain values;
 * every key and every attribute name in it is checked here, so that none is misspelt.
 */
#include "provider/spec/load.h"

enum form {
    FORM_ATTR,       /* an attribute */
    FORM_ATTRS,      /* a list of attributes */
    FORM_NAMES,      /* a list of other names: calls, members of responses */
    FORM_BY_ATTR,    /* {attribute: …} */
    FORM_BY_VALUE,   /* {attribute: …}, or a name that only templates in the section use */
    FORM_CASES,      /* like FORM_BY_VALUE, each with a list of [value, {attribute: value}] */
    FORM_TO_ATTR,    /* {name: attribute} */
    FORM_MAP,        /* {name: …} */
    FORM_KEYS,       /* a map with these keys */
    FORM_KEYS_BELOW, /* {name: a map with these keys} */
    FORM_RULES,      /* a list of maps with these keys */
    FORM_STEPS,      /* a list of calls, see load_also() */
    FORM_RESOURCES,  /* a list of {attribute: value} */
};

static const struct sandbox_key {
    const char *name;
    enum form form;
    const char *keys; /* of its maps */
} sandbox_keys[] = {
    {"values", FORM_BY_VALUE, NULL},
    {"numbered", FORM_ATTR, NULL},
    {"server", FORM_ATTR, NULL},
    {"on_update", FORM_BY_VALUE, NULL},
    {"on_tags", FORM_BY_VALUE, NULL},
    {"on_change", FORM_BY_VALUE, NULL},
    {"states", FORM_BY_ATTR, NULL},
    {"updating", FORM_BY_ATTR, NULL},
    {"deleting", FORM_BY_ATTR, NULL},
    {"derives", FORM_CASES, NULL},
    {"standing", FORM_RESOURCES, NULL},
    {"references", FORM_BY_ATTR, NULL},
    {"creates", FORM_RULES, "type attributes if held follows"},
    {"owns", FORM_RULES, "type attribute"},
    {"part_of", FORM_BY_ATTR, NULL},
    {"delete_unless", FORM_BY_ATTR, NULL},
    {"used_by", FORM_KEYS, "code message by"},
    {"strict", FORM_ATTRS, NULL},
    {"any_resource", FORM_ATTRS, NULL},
    {"defers", FORM_KEYS, "unless attributes"},
    {"errors", FORM_KEYS, "absent constraint deleting exists invalid reference"},
    {"messages", FORM_KEYS, "absent delete exists reference parts"},
    {"quiet", FORM_NAMES, NULL},
    {"soft_delete", FORM_KEYS, "sets unless undo code listed"},
    {"also", FORM_STEPS, NULL},
    {"shows", FORM_MAP, NULL},
    {"shows_in", FORM_MAP, NULL},
    {"shows_beside", FORM_MAP, NULL},
    {"item_shows", FORM_BY_ATTR, NULL},
    {"collects", FORM_KEYS_BELOW, "type attribute if shows lists one"},
    {"text_maps", FORM_NAMES, NULL},
    {"page_size", FORM_MAP, NULL},
    {"lingers", FORM_BY_ATTR, NULL},
    {"leaves_behind", FORM_RULES, "type if attributes"},
    {"filters", FORM_TO_ATTR, NULL},
    {"narrows", FORM_TO_ATTR, NULL},
    {"by_arn", FORM_MAP, NULL},
    {"ignores", FORM_MAP, NULL},
    {"keeps", FORM_MAP, NULL},
    {"again", FORM_MAP, NULL},
    {"merges", FORM_NAMES, NULL},
    {"whole", FORM_BY_ATTR, NULL},
    {"normalise", FORM_BY_ATTR, NULL},
    {"once", FORM_MAP, NULL},
    {"delete_needs", FORM_KEYS, "attributes code"},
    {"fallbacks", FORM_MAP, NULL},
    {"hides", FORM_BY_ATTR, NULL},
    {"unfilled", FORM_ATTRS, NULL},
    {"newest_first", FORM_NAMES, NULL},
    {"fixed", FORM_KEYS_BELOW, "if keys code"},
    {"fetches", FORM_KEYS_BELOW, "type where attribute"},
    {"constraints", FORM_RULES, "if each where must message code answer new"},
    {"engines", FORM_RULES, "makes runs serves if"},
};

enum { KEY_COUNT = sizeof sandbox_keys / sizeof *sandbox_keys };

/* ---- calls of other clients ---- */

static void load_one_also(struct type_loader *t, const struct node *node, struct spec_also *out)
{
    struct step_rules rules = {.what = "a call under \"also\"", .extra = "as per", .reads = true};
    out->as = load_text(t->l, node, "as");
    if (!str_is_any(out->as, "create read list update delete tags"))
        load_error(t->l, node, "\"as\" is one of create, read, list, update, delete, tags");
    rules.nothing = rules.pages = str_eqz(out->as, "list");
    if (str_eqz(out->as, "tags"))
        rules.ident = node_get(load_tags_node(t), "send");
    out->step = load_step(t, node, &rules);
}

static void load_also(struct type_loader *t, const struct node *also)
{
    struct spec_also *calls = ARENA_ARRAY(t->l->arena, struct spec_also, also->count);
    for (uint32_t i = 0; i < also->count; i++)
        load_one_also(t, also->items[i], &calls[i]);
    t->type->also = calls;
    t->type->also_count = also->count;
}

/* ---- keys and names ---- */

/* True if a template of the section uses "${name}", or "${name|filter}". */
static bool is_used(struct type_loader *t, struct str name)
{
    return load_mentions(t->type->sandbox, arena_printf(t->l->arena, "${%.*s}", STR_ARG(name))) ||
           load_mentions(t->type->sandbox, arena_printf(t->l->arena, "${%.*s|", STR_ARG(name)));
}

/* `or_used`: or names that templates use. */
static void check_keys_are_attrs(struct type_loader *t, const struct node *map, bool or_used)
{
    for (uint32_t i = 0; i < map->count; i++)
        if (!or_used || !is_used(t, map->entries[i].key))
            load_attr_named(t, map->entries[i].value, map->entries[i].key);
}

static void check_list(struct type_loader *t, const struct node *list, const struct sandbox_key *key)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (key->form == FORM_RULES)
            load_keys(t->l, list->items[i], key->name, key->keys);
        else if (list->items[i]->kind == NODE_MAP)
            check_keys_are_attrs(t, list->items[i], false);
        else
            load_error(t->l, list->items[i], "expected {attribute: value}");
}

/* Checks attribute names in a map with its own keys, and its rules. */
static void check_inside(struct type_loader *t, const struct node *map)
{
    const struct node *users = node_get(map, "by");
    load_attr_names(t, node_get(map, "attributes"));
    struct str sets = load_text(t->l, map, "sets"), unless = load_text(t->l, map, "unless");
    if (sets.n)
        load_attr_named(t, node_get(map, "sets"), sets);
    if (unless.n)
        load_attr_named(t, node_get(map, "unless"), unless);
    for (uint32_t i = 0; users && users->kind == NODE_LIST && i < users->count; i++)
        load_keys(t->l, users->items[i], "used_by", "type attribute where if used counts call shows message");
}

/* [[value, {attribute: value}], [value]] */
static void check_cases(struct type_loader *t, const struct node *cases)
{
    for (uint32_t i = 0; cases->kind == NODE_LIST && i < cases->count; i++) {
        const struct node *one = cases->items[i];
        bool has_conditions = one->kind == NODE_LIST && one->count == 2 && one->items[1]->kind == NODE_MAP;
        if (one->kind != NODE_LIST || !(one->count == 1 || has_conditions))
            load_error(t->l, one, "a case is [value, {attribute: value}], the last one [value]");
        else if (has_conditions)
            check_keys_are_attrs(t, one->items[1], false);
    }
    if (cases->kind != NODE_LIST)
        load_error(t->l, cases, "expected a list of cases, not %s", node_kind_name(cases));
}

/* Checks an attribute, or a field of each item: transformations[].metric_name; stars around a name mean
 * "contains", a tilde before it a pattern. */
static void check_to_attr(struct type_loader *t, const struct node *to)
{
    struct str name = node_text(to);
    ptrdiff_t within = str_find(name, STR("[]."), 0);
    bool anywhere = str_starts(name, STR("*")) || str_starts(name, STR("~"));
    size_t end = within > 0 ? (size_t)within : name.n - str_ends(name, STR("*"));
    if (name.n)
        load_attr_named(t, to, str_slice(name, anywhere, end));
    else
        load_error(t->l, to, "expected an attribute");
}

static void check_map(struct type_loader *t, const struct node *map, const struct sandbox_key *key)
{
    if (key->form == FORM_BY_ATTR || key->form == FORM_BY_VALUE || key->form == FORM_CASES)
        check_keys_are_attrs(t, map, key->form != FORM_BY_ATTR);
    if (key->form == FORM_KEYS && load_keys(t->l, map, key->name, key->keys))
        check_inside(t, map);
    for (uint32_t i = 0; i < map->count; i++)
        if (key->form == FORM_TO_ATTR)
            check_to_attr(t, map->entries[i].value);
        else if (key->form == FORM_KEYS_BELOW)
            load_keys(t->l, map->entries[i].value, key->name, key->keys);
        else if (key->form == FORM_CASES)
            check_cases(t, map->entries[i].value);
}

static void check_key(struct type_loader *t, const struct node *node, const struct sandbox_key *key)
{
    bool lists = key->form == FORM_ATTRS || key->form == FORM_NAMES || key->form == FORM_RULES ||
                 key->form == FORM_STEPS || key->form == FORM_RESOURCES;
    int kind = lists ? NODE_LIST : key->form == FORM_ATTR ? NODE_STRING : NODE_MAP;
    if (node->kind != kind) {
        load_error(t->l, node, "\"%s\" has to be %s, not %s", key->name,
            lists              ? "a list"
            : kind == NODE_MAP ? "a map"
                               : "a name",
            node_kind_name(node));
        return;
    }
    if (key->form == FORM_ATTR || key->form == FORM_ATTRS)
        load_attr_names(t, node);
    else if (key->form == FORM_NAMES)
        load_names(t->l, node);
    else if (key->form == FORM_STEPS)
        load_also(t, node);
    else if (lists)
        check_list(t, node, key);
    else
        check_map(t, node, key);
}

void load_sandbox(struct type_loader *t, const struct node *node)
{
    struct str names = STR_EMPTY;
    for (size_t i = 0; node && i < KEY_COUNT; i++)
        names = arena_printf(t->l->arena, "%.*s%s ", STR_ARG(names), sandbox_keys[i].name);
    if (!node || !load_keys(t->l, node, "sandbox", names.p))
        return;
    t->type->sandbox = node_value(t->l->arena, node);
    for (size_t i = 0; i < KEY_COUNT; i++) {
        const struct node *value = node_get(node, sandbox_keys[i].name);
        if (value)
            check_key(t, value, &sandbox_keys[i]);
    }
}
