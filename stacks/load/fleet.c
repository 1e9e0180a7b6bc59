/* `fleet:` with its list of members, `shared:`, and `lease:` of a stack. A fleet's stack is applied once for
 * each member, with its own inputs and state; other commands treat a member as an environment. */
#include "base/clock.h"
#include "base/csv.h"
#include "base/file.h"
#include "base/json.h"
#include "stacks/load/load.h"

/* ---- members of a fleet in a CSV file, as spreadsheets write it: a line each ---- */

static bool names_list_file(const struct value *list)
{
    const struct value *file = list->kind == VALUE_MAP ? value_getz(list, "file") : NULL;
    return file && file->kind == VALUE_STRING;
}

/* ---- the header line ---- */

/* A CSV file that is being read. */
struct list_file {
    struct enlisting *e;
    struct str path, key;
    struct csv csv;
    size_t line; /* the line number of csv.at */
    struct value_builder head, row;
    size_t column; /* the column of the names */
};

static struct diag *enlist_fail(
    struct enlisting *e, struct str file, size_t line, struct str name, const char *why)
{
    struct diags *diags = e->loader->diags;
    e->failed = true;
    if (file.n)
        return diag_error(diags, node_span(e->each), "%.*s, line %zu: \"%.*s\" %s", STR_ARG(file), line,
            STR_ARG(name), why);
    return diag_error(diags, node_span(e->each), "\"%.*s\" %s", STR_ARG(name), why);
}

/* Reads the next line that is not empty, without blanks around its fields. Returns false at the end. */
static bool next_row(struct list_file *f, struct value_builder *row, size_t *line)
{
    bool empty = true;
    while (empty && f->csv.at < f->csv.text.n && !f->e->failed) {
        size_t from = f->csv.at;
        *line = f->line;
        if (!csv_row(&f->csv, f->e->loader->arena, row)) {
            enlist_fail(f->e, f->path, f->line, STR("\""), "begins a quote that has no end");
            return false;
        }
        for (size_t i = from; i < f->csv.at && i < f->csv.text.n; i++)
            f->line += f->csv.text.p[i] == '\n';
        for (size_t i = 0; i < row->n; i++) {
            struct str field = str_trim(row->entries[i].value->string);
            row->entries[i].value = value_string_ref(f->e->loader->arena, field);
            empty &= !field.n;
        }
    }
    return !empty;
}

static bool find_column(const struct value_builder *head, struct str name, size_t *column)
{
    for (*column = 0; *column < head->n; (*column)++)
        if (str_eq(head->entries[*column].value->string, name))
            return true;
    return false;
}

static void refuse_head(struct list_file *f)
{
    AUTO_BUF struct buf names = BUF_INIT;
    struct diag *d = enlist_fail(f->e, f->path, 1, f->key, "is not a column of it");
    for (size_t i = 0; i < f->head.n; i++)
        buf_addf(&names, "%s%.*s", i ? ", " : "", STR_ARG(f->head.entries[i].value->string));
    if (names.n)
        diag_hint(f->e->loader->diags, d, "its first line names the columns: %s", names.p);
    else
        diag_hint(f->e->loader->diags, d, "its first line has to name the columns");
}

/* Tries several separators: in locales with a decimal comma, spreadsheets write semicolons. */
static bool read_head(struct list_file *f)
{
    static const char separators[] = {',', ';', '\t'};
    struct str text = f->csv.text;
    size_t line;
    for (size_t i = 0; i < sizeof separators; i++) {
        f->csv = (struct csv){.text = text, .separator = separators[i]};
        f->line = 1;
        if (next_row(f, &f->head, &line) && find_column(&f->head, f->key, &f->column))
            return true;
        if (f->e->failed)
            return false;
    }
    refuse_head(f);
    return false;
}

static bool check_columns(struct list_file *f)
{
    for (size_t i = 0; i < f->head.n; i++) {
        struct str name = f->head.entries[i].value->string;
        size_t first;
        if (!name.n || !find_column(&f->head, name, &first) || first == i)
            continue;
        enlist_fail(f->e, f->path, 1, name, "names two columns");
        return false;
    }
    return true;
}

/* ---- the lines of members ---- */

/* Adds a member; `file` and `line` tell its origin, "" for a list in the stack. */
static void enlist(
    struct enlisting *e, struct str file, size_t line, struct str name, const struct value *value)
{
    if (!is_environment_name(name))
        enlist_fail(e, file, line, name, "is not a name for a member: letters, digits, - and _, at most 63");
    else if (map_set(&e->seen, name, (void *)value))
        enlist_fail(e, file, line, name, "is a member already");
    else
        value_builder_set(&e->members, name, value);
}

static void enlist_rows(struct list_file *f)
{
    struct arena *arena = f->e->loader->arena;
    size_t line;
    while (next_row(f, &f->row, &line)) {
        if (f->row.n != f->head.n) {
            struct str name = f->row.entries[f->column < f->row.n ? f->column : 0].value->string;
            enlist_fail(f->e, f->path, line, name, "has another number of columns than the head");
            return;
        }
        for (size_t i = 0; i < f->row.n; i++)
            f->row.entries[i].key = f->head.entries[i].value->string;
        enlist(f->e, f->path, line, f->row.entries[f->column].value->string,
            value_map(arena, f->row.entries, f->row.n));
    }
}

/* Services take only UTF-8, and other encodings would give wrong names. */
static bool check_text(struct list_file *f)
{
    struct str text = f->csv.text;
    size_t good = str_utf8_prefix(text), line = 1;
    if (good == text.n)
        return true;
    for (size_t i = 0; i < good; i++)
        line += text.p[i] == '\n';
    struct diags *diags = f->e->loader->diags;
    struct diag *d = diag_error(
        diags, node_span(f->e->each), "%.*s, line %zu: this is not a UTF-8 text", STR_ARG(f->path), line);
    diag_hint(diags, d, "save it once more as \"CSV UTF-8\"");
    f->e->failed = true;
    return false;
}

static bool check_words(struct enlisting *e, const struct value *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        struct str word = list->entries[i].key;
        if (str_eqz(word, "file") || str_eqz(word, "key"))
            continue;
        struct diag *d = enlist_fail(e, STR_EMPTY, 0, word, "is nothing that a fleet's file has");
        diag_hint(e->loader->diags, d, "{file: attendees.csv, key: COLUMN}");
        return false;
    }
    if (value_gets(list, "key").n)
        return true;
    struct diag *d = diag_error(
        e->loader->diags, node_span(e->each), "which column of the file has the names of the members?");
    diag_hint(e->loader->diags, d, "{file: attendees.csv, key: COLUMN}");
    e->failed = true;
    return false;
}

/* Reads {file: attendees.csv, key: mail_id}. */
static void enlist_file(struct enlisting *e, struct unit *root, const struct value *list)
{
    static const struct str bom = STR_INIT("\xef\xbb\xbf");
    struct arena *arena = e->loader->arena;
    struct list_file f = {.e = e,
        .path = unit_path(root, value_gets(list, "file")),
        .key = value_gets(list, "key"),
        .head = VALUE_BUILDER(arena),
        .row = VALUE_BUILDER(arena)};
    struct err err = ERR_INIT;
    if (!check_words(e, list))
        return;
    const struct open_files *open = e->loader->options->open;
    if (!(open && open->find(open->ctx, f.path, &f.csv.text)) &&
        file_read(arena, f.path.p, YAML_MAX_SIZE, &f.csv.text, &err)) {
        e->failed = true;
        diag_error(e->loader->diags, node_span(e->each), "%s", err.message);
        return;
    }
    if (str_starts(f.csv.text, bom))
        f.csv.text = str_slice(f.csv.text, bom.n, f.csv.text.n);
    if (check_text(&f) && read_head(&f) && check_columns(&f))
        enlist_rows(&f);
    value_builder_release(&f.head);
    value_builder_release(&f.row);
}

/* ---- `lease:` of a stack: how long it may exist after it was created, as in lease: {for: 8h, warn: 30m,
 * extend: true}. The state records when the lease ends (plan/evaluate/lease.h). */

static const char lease_knows[] = "a lease knows inputs, stack and path only";

static void read_time(
    struct unit *root, const struct node *section, const char *key, struct lease_terms *terms, int64_t *ms)
{
    struct loader *loader = root->loader;
    const struct node *node = node_get(section, key);
    if (!node || node->kind == NODE_NULL)
        return;
    const struct value *v = resolve_early(root, node, false, lease_knows);
    if (!v || value_is_unknown(v)) {
        terms->unknown |= v != NULL;
        return;
    }
    if (v->kind == VALUE_STRING && duration_read(v->string, ms))
        return;
    struct str raw = node_raw(node);
    struct diag *d = diag_error(loader->diags, node_span(node), "\"%.*s\" is not a duration", STR_ARG(raw));
    diag_label(loader->diags, d, "such as 30m, 8h or 2d12h");
}

void load_lease(struct unit *root)
{
    static const struct str known[] = {STR_INIT("for"), STR_INIT("warn"), STR_INIT("extend")};
    struct loader *loader = root->loader;
    struct lease_terms *terms = &loader->stack->lease;
    const struct node_entry *entry = node_find(root->parts[0].root, STR("lease"));
    terms->extend = true;
    if (!entry || entry->value->kind == NODE_NULL || !expect_map(loader, entry->value, "\"lease\""))
        return;
    const struct node *section = entry->value, *extend = node_get(section, "extend");
    check_keys(loader, section, "a lease", known, sizeof known / sizeof *known);
    if (!node_get(section, "for")) {
        struct diag *d = diag_error(loader->diags, node_key_span(entry), "the lease has no `for`");
        diag_hint(loader->diags, d, "lease: {for: 8h}");
        return;
    }
    terms->given = true;
    read_time(root, section, "for", terms, &terms->for_ms);
    read_time(root, section, "warn", terms, &terms->warn_ms);
    if (extend)
        expect_bool(loader, extend, "\"extend\"", &terms->extend);
}

static const char knows[] = "a fleet's list knows inputs that are given, stack and path";

/* ---- `shared:` of a fleet: a stack that all members refer to as `shared.OUTPUT`. The loader reads it for
 * the names of its outputs; the planner reads their values from its state. */

/* Adds the input in the form of an `-i` option. */
static bool add_input(struct unit *root, const struct node_entry *entry)
{
    struct loader *loader = root->loader;
    struct shared_stack *shared = &loader->stack->shared;
    const struct value *v = resolve_early(root, entry->value, false, knows);
    AUTO_BUF struct buf text = BUF_INIT;
    if (!v)
        return false;
    if (!value_is_known(v)) {
        struct diag *d =
            diag_error(loader->diags, node_span(entry->value), "this takes an input that has no value yet");
        diag_hint(loader->diags, d, "%s", knows);
        return false;
    }
    buf_addf(&text, "%.*s=", STR_ARG(entry->key));
    if (v->kind == VALUE_STRING)
        buf_add_str(&text, v->string);
    else
        json_write(&text, v, JSON_PLAIN);
    ((struct str *)shared->inputs)[shared->input_count++] = arena_str(loader->arena, buf_str(&text));
    return true;
}

static bool add_inputs(struct unit *root, const struct node *inputs)
{
    struct loader *loader = root->loader;
    if (!inputs || inputs->kind == NODE_NULL)
        return true;
    if (!expect_map(loader, inputs, "the inputs of a shared stack"))
        return false;
    loader->stack->shared.inputs = ARENA_ARRAY(loader->arena, struct str, inputs->count + 1);
    for (size_t i = 0; i < inputs->count; i++)
        if (!add_input(root, &inputs->entries[i]))
            return false;
    return true;
}

/* Returns the node that names the file of the shared stack, or NULL after an error. */
static const struct node *file_node(struct unit *root, const struct node *node)
{
    static const struct str keys[] = {STR_INIT("file"), STR_INIT("inputs")};
    struct diags *diags = root->loader->diags;
    if (node->kind != NODE_MAP)
        return node;
    check_keys(root->loader, node, "a shared stack", keys, sizeof keys / sizeof *keys);
    const struct node *file = node_get(node, "file");
    if (!file) {
        struct diag *d = diag_error(diags, node_span(node), "the shared stack has no `file`");
        diag_hint(diags, d, "a stack file, such as network.yaml");
    }
    return file;
}

static void report_unusable(struct loader *loader, const struct diags *why)
{
    const struct shared_stack *shared = &loader->stack->shared;
    struct diag *d = diag_error(loader->diags, shared->span, "the shared stack cannot be used: %.*s",
        why->n ? (int)why->items[0].message.n : 0, why->n ? why->items[0].message.p : "");
    diag_hint(loader->diags, d, "`weir validate -C %.*s` says more", STR_ARG(shared->file));
}

static void learn_outputs(struct loader *loader, const struct stack *other)
{
    struct shared_stack *shared = &loader->stack->shared;
    const struct map *outputs = &other->root->outputs;
    struct str *names = ARENA_ARRAY(loader->arena, struct str, outputs->n + 1);
    for (size_t i = 0; i < outputs->n; i++)
        names[i] = arena_str(loader->arena, outputs->items[i].key);
    shared->name = arena_str(loader->arena, other->name);
    shared->outputs = names;
    shared->output_count = outputs->n;
    if (str_eq(other->name, loader->stack->name))
        diag_error(loader->diags, shared->span,
            "the shared stack has the fleet's name, \"%.*s\", and would have its state",
            STR_ARG(other->name));
}

/* For files of an earlier time it is unknown whether the shared stack existed. */
static void read_stack(struct loader *loader)
{
    const struct shared_stack *shared = &loader->stack->shared;
    struct stack_options options = {.dir = shared->file.p,
        .inputs = shared->inputs,
        .input_count = shared->input_count,
        .catalog = loader->options->catalog,
        .states = loader->options->states,
        .state_count = loader->options->state_count,
        .lenient_inputs = true,
        .no_shared = true};
    AUTO_DIAGS struct diags diags = DIAGS_INIT;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    if (loader->options->files && !stack_exists(&scratch, shared->file.p))
        return;
    struct stack *other = stack_load(&options, &diags);
    if (other && other->fleet)
        diag_error(loader->diags, shared->span, "the shared stack is a fleet itself");
    else if (!other || diags.errors)
        report_unusable(loader, &diags);
    else
        learn_outputs(loader, other);
    stack_free(other);
}

void fleet_share(struct unit *root, const struct node *fleet)
{
    struct loader *loader = root->loader;
    struct shared_stack *shared = &loader->stack->shared;
    const struct node_entry *entry = fleet->kind == NODE_MAP ? node_find(fleet, STR("shared")) : NULL;
    struct str name;
    if (!entry || entry->value->kind == NODE_NULL || loader->options->no_shared)
        return;
    const struct node *file = file_node(root, entry->value);
    if (!file || !expect_text(loader, file, "the shared stack", &name))
        return;
    shared->file = arena_str(loader->arena, unit_path(root, name));
    shared->span = node_span(file);
    declare(root, DECL_SHARED, entry);
    if (entry->value->kind == NODE_MAP && !add_inputs(root, node_get(entry->value, "inputs")))
        return;
    read_stack(loader);
}

/*
 *     fleet:
 *       each: {file: attendees.csv, key: mail_id}     # or a list of names, or a map
 *       inputs: {owner: "${each.key}", bastion_key: "${each.value.public_key}"}
 *       shared: network.yaml                          # fleet.c
 */

enum { MEMBERS_MAX = 10000 };

static const char each_knows[] =
    "what a fleet gives knows each.key, each.value, inputs that are given, stack and path";

const struct node_entry *fleet_section(const struct unit *root)
{
    const struct node_entry *entry = root->part_count ? node_find(root->parts[0].root, STR("fleet")) : NULL;
    return entry && entry->value->kind != NODE_NULL ? entry : NULL;
}

/* ---- the section ---- */

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
