/*
 * `fleet:` of a stack: a list of members, for each of which the stack is made once, with inputs and a state
 * of its own. To all other commands a member is an environment.
 */
#include "stacks/load/load.h"

/*
 *     fleet:
 *       each: {file: attendees.csv, key: mail_id}     # or a list of names, or a map
 *       inputs: {owner: "${each.key}", bastion_key: "${each.value.public_key}"}
 *       shared: network.yaml                          # fleet_shared.c
 */

enum { MEMBERS_MAX = 10000 };

static const char knows[] = "a fleet's list knows inputs that are given, stack and path";
static const char each_knows[] =
    "what a fleet gives knows each.key, each.value, inputs that are given, stack and path";

const struct node_entry *fleet_section(const struct unit *root)
{
    const struct node_entry *entry = root->part_count ? node_find(root->parts[0].root, STR("fleet")) : NULL;
    return entry && entry->value->kind != NODE_NULL ? entry : NULL;
}

struct diag *enlist_fail(struct enlisting *e, struct str file, size_t line, struct str name, const char *why)
{
    struct diags *diags = e->loader->diags;
    e->failed = true;
    if (file.n)
        return diag_error(diags, node_span(e->each), "%.*s, line %zu: \"%.*s\" %s", STR_ARG(file), line,
            STR_ARG(name), why);
    return diag_error(diags, node_span(e->each), "\"%.*s\" %s", STR_ARG(name), why);
}

void enlist(struct enlisting *e, struct str file, size_t line, struct str name, const struct value *value)
{
    if (!is_environment_name(name))
        enlist_fail(e, file, line, name, "is not a name for a member: letters, digits, - and _, at most 63");
    else if (map_set(&e->seen, name, (void *)value))
        enlist_fail(e, file, line, name, "is a member already");
    else
        value_builder_set(&e->members, name, value);
}

/* ---- what the section says ---- */

static void enlist_values(struct enlisting *e, const struct value *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const struct value *item = list->kind == VALUE_MAP ? list->entries[i].value : list->items[i];
        struct str name =
            list->kind == VALUE_MAP ? list->entries[i].key : value_scalar_text(e->loader->arena, item);
        enlist(e, STR_EMPTY, 0, name, item);
    }
}

static bool check_section(struct unit *root, const struct node *fleet)
{
    static const struct str keys[] = {STR_INIT("each"), STR_INIT("inputs"), STR_INIT("shared")};
    struct loader *loader = root->loader;
    const struct node *inputs = node_get(fleet, "inputs");
    if (!expect_map(loader, fleet, "\"fleet\""))
        return false;
    check_keys(loader, fleet, "a fleet", keys, sizeof keys / sizeof *keys);
    if (inputs && !expect_map(loader, inputs, "the inputs of a fleet"))
        return false;
    for (size_t i = 0; i < root->part_count; i++) {
        const struct node_entry *other = node_find(root->parts[i].root, STR("environments"));
        if (!other || other->value->kind == NODE_NULL)
            continue;
        struct diag *d = diag_error(
            loader->diags, node_key_span(other), "a stack has environments, or members of a fleet, not both");
        diag_related(loader->diags, d, node_span(fleet), "the fleet");
        return false;
    }
    if (node_get(fleet, "each"))
        return true;
    struct diag *d = diag_error(loader->diags, node_span(fleet), "the fleet has no `each`");
    diag_hint(loader->diags, d, "a list of names, a map, or {file: attendees.csv, key: COLUMN}");
    return false;
}

const struct value *fleet_members(struct unit *root, const struct node *fleet)
{
    struct loader *loader = root->loader;
    if (!check_section(root, fleet))
        return NULL;
    struct enlisting e = {
        .loader = loader, .each = node_get(fleet, "each"), .members = VALUE_BUILDER(loader->arena)};
    const struct value *list = resolve_early(root, e.each, false, knows);
    if (!list)
        return NULL;
    if (!value_is_known(list) || (list->kind != VALUE_LIST && list->kind != VALUE_MAP)) {
        struct diag *d = diag_error(loader->diags, node_span(e.each), "a fleet needs a list or a map, not %s",
            value_kind_name(list->kind));
        diag_hint(loader->diags, d, "%s", knows);
        e.failed = true;
    } else if (names_list_file(list)) {
        enlist_file(&e, root, list);
    } else {
        enlist_values(&e, list);
    }
    if (!e.failed && e.members.n > MEMBERS_MAX) {
        diag_error(loader->diags, node_span(e.each), "a fleet has at most %d members", MEMBERS_MAX);
        e.failed = true;
    }
    const struct value *members = value_builder_map(&e.members);
    value_builder_release(&e.members);
    map_release(&e.seen);
    return e.failed ? NULL : members;
}

const struct value *fleet_input(
    struct unit *root, const struct node *node, const struct value *key, const struct value *value)
{
    const struct value *v = resolve_early_each(root, node, key, value, each_knows);
    if (!v || value_is_known(v))
        return v;
    struct diag *d =
        diag_error(root->loader->diags, node_span(node), "this takes an input that has no value yet");
    diag_hint(root->loader->diags, d, "%s", each_knows);
    return NULL;
}
