/*
 * `fleet:` of a stack: a list of members, for each of which the stack is made once, with inputs and a state
 * of its own. To all other commands a member is an environment.
 */
#include "stacks/load.h"

#include "base/csv.h"
#include "base/file.h"

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

/* What is being made of a list, and where its items are reported. */
struct enlisting {
    struct loader *loader;
    const struct node *each;
    struct value_builder members;
    struct map seen;
    bool failed;
};

static void enlist_fail(struct enlisting *e, struct str file, size_t line, const char *why, struct str name)
{
    struct diags *diags = e->loader->diags;
    e->failed = true;
    if (file.n)
        diag_error(diags, node_span(e->each), "%.*s, line %zu: \"%.*s\" %s", STR_ARG(file), line,
            STR_ARG(name), why);
    else
        diag_error(diags, node_span(e->each), "\"%.*s\" %s", STR_ARG(name), why);
}

static void enlist(
    struct enlisting *e, struct str file, size_t line, struct str name, const struct value *value)
{
    if (!is_environment_name(name))
        enlist_fail(e, file, line, "is no name for a member: letters, digits, - and _, at most 63", name);
    else if (map_set(&e->seen, name, (void *)value))
        enlist_fail(e, file, line, "is a member already", name);
    else
        value_builder_set(&e->members, name, value);
}

/* ---- a file ---- */

static bool csv_column(const struct value_builder *head, struct str name, size_t *column)
{
    for (*column = 0; *column < head->n; (*column)++)
        if (str_eq(head->entries[*column].value->string, name))
            return true;
    return false;
}

/* Byte order marks and blanks around names are what spreadsheets leave. */
static void trim_row(struct value_builder *row, struct arena *arena)
{
    for (size_t i = 0; i < row->n; i++) {
        struct str field = row->entries[i].value->string;
        if (i == 0 && str_starts(field, STR("\xef\xbb\xbf")))
            field = str_slice(field, 3, field.n);
        row->entries[i].value = value_string(arena, str_trim(field));
    }
}

static void enlist_rows(struct enlisting *e, struct str path, struct str text, struct str key)
{
    struct arena *arena = e->loader->arena;
    struct csv csv = {.text = text, .separator = ','};
    AUTO_BUILDER struct value_builder head = VALUE_BUILDER(arena);
    AUTO_BUILDER struct value_builder row = VALUE_BUILDER(arena);
    size_t column, line = 2;
    bool whole = csv_row(&csv, arena, &head);
    trim_row(&head, arena);
    if (!whole || !csv_column(&head, key, &column)) {
        enlist_fail(e, path, 1, "is no column of it", key);
        return;
    }
    for (; csv.at < text.n; line++) {
        if (!csv_row(&csv, arena, &row)) {
            enlist_fail(e, path, line, "begins a quote that has no end", STR("\""));
            return;
        }
        if (csv_row_is_empty(&row))
            continue;
        trim_row(&row, arena);
        if (row.n != head.n) {
            enlist_fail(e, path, line, "has another number of columns than the head",
                row.entries[column < row.n ? column : 0].value->string);
            return;
        }
        for (size_t i = 0; i < row.n; i++)
            row.entries[i].key = head.entries[i].value->string;
        enlist(e, path, line, row.entries[column].value->string, value_map(arena, row.entries, row.n));
    }
}

/* {file: attendees.csv, key: mail_id} */
static void enlist_file(struct enlisting *e, struct unit *root, const struct value *list)
{
    struct str path = unit_path(root, value_gets(list, "file")), text;
    struct err err = ERR_INIT;
    if (!file_read(e->loader->arena, path.p, YAML_MAX_SIZE, &text, &err)) {
        enlist_rows(e, path, text, value_gets(list, "key"));
        return;
    }
    e->failed = true;
    diag_error(e->loader->diags, node_span(e->each), "%s", err.message);
}

static bool is_file(const struct value *list)
{
    return list->kind == VALUE_MAP && list->count == 2 && value_gets(list, "file").n &&
           value_gets(list, "key").n;
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
    } else if (is_file(list)) {
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
