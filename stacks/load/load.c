/* Loads a stack: reads its files and calls the loader of each section: see load.h. */
#include "stacks/load/load.h"

#include "base/file.h"
#include "base/mem.h"

#include <stdlib.h>

/* ---- sections ---- */

enum where { IN_STACK = 1, IN_MODULE = 2, IN_INCLUDED = 4, EVERYWHERE = 7 };

static const struct section {
    struct str name;
    enum where where;
    enum node_kind kind;
    void (*load)(struct unit *unit, const struct node *section); /* NULL: read by another function */
} sections[] = {
    {STR_INIT("stack"), IN_STACK | IN_MODULE, NODE_STRING, NULL},
    {STR_INIT("description"), IN_STACK | IN_MODULE, NODE_STRING, NULL},
    {STR_INIT("include"), EVERYWHERE, NODE_LIST, NULL},
    {STR_INIT("inputs"), EVERYWHERE, NODE_MAP, load_inputs},
    {STR_INIT("environments"), IN_STACK | IN_INCLUDED, NODE_MAP, NULL},
    {STR_INIT("fleet"), IN_STACK, NODE_MAP, NULL},
    {STR_INIT("lease"), IN_STACK, NODE_MAP, NULL},
    {STR_INIT("state"), IN_STACK | IN_INCLUDED, NODE_MAP, NULL},
    {STR_INIT("specs"), IN_STACK, NODE_STRING, NULL},
    {STR_INIT("sandbox"), IN_STACK, NODE_STRING, NULL},
    {STR_INIT("budget"), IN_STACK, NODE_STRING, NULL}, /* or a map */
    {STR_INIT("usage"), IN_STACK, NODE_MAP, NULL},
    {STR_INIT("connections"), EVERYWHERE, NODE_MAP, load_connections},
    {STR_INIT("providers"), EVERYWHERE, NODE_MAP, load_providers},
    {STR_INIT("locals"), EVERYWHERE, NODE_MAP, load_locals},
    {STR_INIT("resources"), EVERYWHERE, NODE_MAP, load_resources},
    {STR_INIT("data"), EVERYWHERE, NODE_MAP, load_data},
    {STR_INIT("modules"), EVERYWHERE, NODE_MAP, load_modules},
    {STR_INIT("rules"), EVERYWHERE, NODE_MAP, load_rules},
    {STR_INIT("checks"), EVERYWHERE, NODE_MAP, load_checks},
    {STR_INIT("outputs"), EVERYWHERE, NODE_MAP, load_outputs},
    {STR_INIT("moved"), EVERYWHERE, NODE_LIST, load_moved},
    {STR_INIT("removed"), EVERYWHERE, NODE_LIST, load_removed},
    {STR_INIT("imports"), IN_STACK | IN_INCLUDED, NODE_LIST, load_imports},
};
enum { SECTIONS = sizeof sections / sizeof *sections };

static const struct section *find_section(struct str name)
{
    for (size_t i = 0; i < SECTIONS; i++)
        if (str_eq(sections[i].name, name))
            return &sections[i];
    return NULL;
}

/* Returns a hint for a section of another tool's file: its name in weir, or the command that imports the
 * file. */
static const char *section_meant(struct str key)
{
    static const struct {
        const char *key, *hint;
    } others[] = {
        {"variables", "they are called `inputs:` here"},
        {"variable", "they are called `inputs:` here"},
        {"Parameters", "they are called `inputs:` here"},
        {"Mappings", "`locals:` are for what is used more than once"},
        {"AWSTemplateFormatVersion", "`weir import cloudformation FILE` makes a stack of a template"},
        {"services", "`weir import compose FILE` makes a stack of a compose file"},
        {"terraform",
            "`weir import terraform DIR` makes a stack of what Terraform has; its backend is `state:`"},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (str_eqz(key, others[i].key))
            return others[i].hint;
    return NULL;
}

static void check_sections(struct unit *unit, const struct part *part)
{
    struct diags *diags = unit->loader->diags;
    bool module = unit->parent || unit->loader->options->module;
    for (size_t i = 0; i < part->root->count; i++) {
        const struct node_entry *entry = &part->root->entries[i];
        const struct section *section = find_section(entry->key);
        if (section && module && !(section->where & IN_MODULE)) {
            diag_error(diags, node_key_span(entry), "\"%.*s\" belongs in the stack, not in a module",
                STR_ARG(entry->key));
        } else if (section && part->included && !(section->where & IN_INCLUDED)) {
            diag_error(diags, node_key_span(entry), "\"%.*s\" belongs in weir.yaml, not in an included file",
                STR_ARG(entry->key));
        } else if (!section) {
            struct str names[SECTIONS];
            for (size_t k = 0; k < SECTIONS; k++)
                names[k] = sections[k].name;
            struct diag *d = diag_error(diags, node_key_span(entry), "a %s has no \"%.*s\"",
                module ? "module" : "stack", STR_ARG(entry->key));
            diag_did_you_mean(diags, d, entry->key, names, SECTIONS);
            const char *meant = section_meant(entry->key);
            if (meant)
                diag_hint(diags, d, "%s", meant);
            if (!d->label.n && !meant && node_get(entry->value, "type"))
                diag_hint(diags, d, "resources go under `resources:`, each with its name as the key");
        }
    }
}

static void load_sections(struct unit *unit)
{
    for (size_t i = 0; i < SECTIONS; i++) {
        const struct section *section = &sections[i];
        bool wanted =
            section->load && (section->load != load_modules || !unit->loader->options->settings_of.n);
        for (size_t k = 0; wanted && k < unit->part_count; k++) {
            const struct node_entry *entry = node_find(unit->parts[k].root, section->name);
            if (!entry || entry->value->kind == NODE_NULL)
                continue;
            AUTO_ARENA struct arena scratch = ARENA_INIT;
            struct str what = arena_printf(&scratch, "\"%.*s\"", STR_ARG(section->name));
            bool good = section->kind == NODE_MAP ? expect_map(unit->loader, entry->value, what.p)
                                                  : expect_list(unit->loader, entry->value, what.p);
            if (good)
                section->load(unit, entry->value);
        }
    }
}

/* ---- mistakes ---- */

struct tally load_tally(const struct loader *loader)
{
    return (struct tally){loader->diags->met, loader->diags->errors};
}

bool load_ignore_errors(struct loader *loader, struct tally since)
{
    loader->stack->ignored_errors += loader->diags->errors - since.errors;
    return loader->diags->met > since.met;
}

/* A resource without type becomes a local value that others may refer to. */
static void forgive_untyped(struct loader *loader)
{
    for (size_t i = 0; i < loader->decl_count; i++) {
        struct decl *decl = loader->decls[i];
        if ((decl->kind != DECL_RESOURCE && decl->kind != DECL_DATA) || decl->schema)
            continue;
        decl->kind = DECL_LOCAL;
        decl->mistaken.any = true;
    }
}

/* ---- including ---- */

struct including {
    struct unit *unit;
    struct map seen; /* ident -> the node that included it (for the module's own file the root) */
};

static void add_part(struct including *in, const struct node *root, bool included);

static void include_file(struct including *in, const struct node *node)
{
    struct unit *unit = in->unit;
    struct loader *loader = unit->loader;
    struct str name, ident;
    if (!expect_text(loader, node, "an included file", &name))
        return;
    if (unit->builtin) {
        diag_error(loader->diags, node_span(node), "a built-in module is one file");
        return;
    }
    struct str file = unit_path(unit, name);
    if (!file_identify(loader, file, node, &ident) || !remote_stays_inside(unit, node, file))
        return;
    const struct node *first = map_set(&in->seen, ident, (void *)node);
    if (first) {
        struct diag *d = diag_error(loader->diags, node_span(node), "%.*s is included twice", STR_ARG(file));
        if (first->kind == NODE_MAP)
            diag_hint(loader->diags, d, "it includes this file");
        else
            diag_related(loader->diags, d, node_span(first), "first here");
        return;
    }
    const struct node *root = file_tree(unit, ident, file, node);
    if (root)
        add_part(in, root, true);
}

static void add_part(struct including *in, const struct node *root, bool included)
{
    struct unit *unit = in->unit;
    struct loader *loader = unit->loader;
    MEM_GROW(unit->parts, unit->part_cap, unit->part_count + 1);
    unit->parts[unit->part_count++] = (struct part){root, included};
    check_sections(unit, &unit->parts[unit->part_count - 1]);
    const struct node *list = node_get(root, "include");
    if (!list || list->kind == NODE_NULL || !expect_list(loader, list, "\"include\""))
        return;
    for (size_t i = 0; i < list->count; i++)
        include_file(in, list->items[i]);
}

struct unit *unit_new(struct loader *loader, struct unit *parent)
{
    struct unit *unit = ARENA_NEW(loader->arena, struct unit);
    unit->loader = loader;
    unit->parent = parent;
    unit->module = ARENA_NEW(loader->arena, struct module);
    unit->module->parent = parent ? parent->module : NULL;
    unit->module->path = unit->module->source = unit->module->dir = STR_EMPTY;
    unit->tree = parent ? parent->tree : STR_EMPTY;
    MEM_GROW(loader->units, loader->unit_cap, loader->unit_count + 1);
    loader->units[loader->unit_count++] = unit;
    return unit;
}

/* Reads the folder of specs before any type is looked up. The command line and the environment have
 * precedence. */
static void use_specs(struct unit *root, const struct node *file)
{
    struct loader *loader = root->loader;
    const struct node *node = node_get(file, "specs");
    struct str dir;
    struct err err = ERR_INIT;
    if (!node || node->kind == NODE_NULL || !expect_text(loader, node, "the folder of specs", &dir) ||
        catalog_has_specs(loader->options->catalog))
        return;
    if (!catalog_use_specs(
            loader->options->catalog, path_join(loader->arena, root->module->dir, dir), "specs", &err))
        return;
    struct diag *d = diag_error(loader->diags, node_span(node), "%s", err.message);
    if (err.hint[0])
        diag_hint(loader->diags, d, "%s", err.hint);
}

/* Checks only the type: the sandbox is found before the stack is loaded (files.h). */
static void check_sandbox(struct unit *root, const struct node *file)
{
    const struct node *node = node_get(file, "sandbox");
    struct str path;
    if (node && node->kind != NODE_NULL)
        expect_text(root->loader, node, "the folder of a sandbox", &path);
}

bool unit_load(struct unit *unit)
{
    const struct node *root = file_tree(unit, unit->ident, unit->file, NULL);
    if (!root)
        return false;
    struct including in = {.unit = unit};
    map_set(&in.seen, unit->ident, (void *)root);
    add_part(&in, root, false);
    map_release(&in.seen);
    if (!unit->module->path.n) {
        use_specs(unit, root);
        check_sandbox(unit, root);
        if (!unit->loader->options->settings_of.n)
            load_organisation_rules(unit);
    }
    load_sections(unit);
    return true;
}

/* ---- the stack itself ---- */

static bool is_stack_name(struct str name)
{
    return name.n <= 63 && str_is_word(name, CHARS_LOWER, CHARS_LOWER CHARS_DIGITS "-");
}

static void read_head(struct loader *loader, const struct unit *root)
{
    const struct node *file = root->parts[0].root, *node;
    struct stack *stack = loader->stack;
    if (!(node = node_get(file, "stack")) && loader->options->default_name.n) {
        stack->name = arena_str(loader->arena, loader->options->default_name);
    } else if (!node) {
        struct span span = {.source = file->source};
        struct diag *d = diag_error(loader->diags, span, "the stack has no name");
        diag_hint(loader->diags, d,
            "begin the file with `stack: NAME`; a module is checked by its tests (`weir test`) and where it "
            "is used");
    } else if (expect_text(loader, node, "the name of a stack", &stack->name) &&
               !is_stack_name(stack->name)) {
        struct diag *d = diag_error(
            loader->diags, node_span(node), "\"%.*s\" is not a name for a stack", STR_ARG(stack->name));
        diag_hint(loader->diags, d, "a small letter, then small letters, digits and -, at most 63 in all");
    }
    if ((node = node_get(file, "description")) && node->kind != NODE_NULL)
        expect_text(loader, node, "a description", &stack->description);
}

static const struct value *text_map(
    struct arena *arena, const char *const *keys, const struct str *texts, size_t n)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (size_t i = 0; i < n; i++)
        value_builder_set(&b, str_z(keys[i]), value_string(arena, texts[i]));
    return value_builder_map(&b);
}

static void set_constants(struct stack *stack)
{
    struct arena *arena = &stack->arena;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    value_builder_set(&b, STR("stack"),
        text_map(arena, (const char *const[]){"name", "description", "env"},
            (struct str[]){stack->name, stack->description, stack->env}, 3));
    value_builder_set(
        &b, STR("path"), text_map(arena, (const char *const[]){"root"}, (struct str[]){STR(".")}, 1));
    stack->constants = value_builder_map(&b);
}

const struct value *unit_constants(struct unit *unit)
{
    struct module *module = unit->module;
    struct stack *stack = unit->loader->stack;
    if (module->constants || !unit->parent ||
        unit->builtin) /* built-in modules name files of their callers */
        return module->constants ? module->constants
               : unit->parent    ? unit_constants(unit->parent)
                                 : stack->constants;
    struct str way = path_between(&stack->arena, module->dir, stack->dir);
    struct value_entry root = {STR("root"), value_string_ref(&stack->arena, way.n ? way : stack->dir)};
    return module->constants =
               value_with(&stack->arena, stack->constants, STR("path"), value_map(&stack->arena, &root, 1));
}

/* Checks the state's settings by its backend. A backend given by an expression is checked when the state is
 * opened. */
static void check_state(struct loader *loader, const struct node *state)
{
    size_t n = loader->options->state_count;
    const struct attr *kinds = loader->options->states;
    struct str names[8], kind = STR("file");
    const struct node *backend = node_get(state, "backend");
    if (!n || (backend && (backend->kind != NODE_STRING || str_find(backend->string, STR("${"), 0) >= 0)))
        return;
    if (backend)
        kind = backend->string;
    for (size_t i = 0; i < n; i++) {
        names[i] = kinds[i].name;
        if (!str_eq(kind, kinds[i].name))
            continue;
        check_literal(loader, "state", &kinds[i], state);
        return;
    }
    struct diag *d =
        diag_error(loader->diags, node_span(backend), "there is no state backend \"%.*s\"", STR_ARG(kind));
    diag_did_you_mean(loader->diags, d, kind, names, n);
    if (!d->label.n)
        diag_hint(loader->diags, d, "backends are file, s3 and postgres");
}

static void load_state(struct unit *root)
{
    const struct stack_options *options = root->loader->options;
    const struct node_entry *first = NULL;
    if (options->files) { /* an earlier version of the files: the state is where it is now */
        root->loader->stack->state = options->state;
        return;
    }
    for (size_t i = 0; i < root->part_count; i++) {
        const struct node_entry *entry = node_find(root->parts[i].root, STR("state"));
        if (!entry || entry->value->kind == NODE_NULL)
            continue;
        if (first) {
            struct diag *d =
                diag_error(root->loader->diags, node_key_span(entry), "\"state\" is given twice");
            diag_related(root->loader->diags, d, node_key_span(first), "first here");
        } else if (expect_map(root->loader, entry->value, "\"state\"")) {
            check_state(root->loader, entry->value);
            resolve_state(root, entry);
        }
        first = entry;
    }
}

static bool find_root(struct loader *loader, struct unit *root)
{
    struct stack *stack = loader->stack;
    const struct stack_options *options = loader->options;
    struct str unsaved;
    if (options->files && options->root.n) {
        stack->dir = arena_str(loader->arena, str_z(options->dir ? options->dir : "."));
        root->file = path_join(loader->arena, stack->dir, options->root);
    } else if (options->dir && unsaved_text(loader, str_z(options->dir), &unsaved)) {
        root->file = arena_str(loader->arena, str_z(options->dir));
        stack->dir = arena_str(loader->arena, path_dir(root->file));
    } else if (!find_stack(loader->arena, loader->options->dir, &stack->dir, &root->file, loader->diags))
        return false;
    stack->file = root->file;
    root->module->dir = stack->dir;
    return unit_identify(root, NULL);
}

static void load_finish(struct loader *loader)
{
    struct stack *stack = loader->stack;
    size_t n = loader->unit_count;
    stack->modules = ARENA_ARRAY(loader->arena, struct module *, n);
    for (size_t i = 0; i < n; i++)
        stack->modules[i] = loader->units[i]->module;
    stack->module_count = n;
    stack->sources = ARENA_ARRAY(loader->arena, const struct source *, loader->source_count);
    stack->source_count = loader->source_count;
    if (loader->source_count)
        memcpy(stack->sources, loader->sources, loader->source_count * sizeof *stack->sources);
    for (size_t i = 0; i < n; i++)
        free(loader->units[i]->parts);
    free(loader->units);
    free(loader->sources);
    free(loader->rules);
    free(loader->waivers);
    map_release(&loader->rule_sets);
    free(loader->decls);
    free(loader->infos);
    map_release(&loader->files);
    map_release(&loader->resource_types);
    map_release(&loader->data_types);
    map_release(&loader->trees);
}

void give_inputs(struct unit *root)
{
    if (root->loader->inputs_given)
        return;
    root->loader->inputs_given = true;
    read_head(root->loader, root);
    set_constants(root->loader->stack);
    inputs_give(root);
}

struct stack *stack_load(const struct stack_options *options, struct diags *diags)
{
    struct stack *stack = mem_zalloc(sizeof *stack);
    struct loader loader = {.options = options, .stack = stack, .arena = &stack->arena, .diags = diags};
    stack->name = stack->description = STR_EMPTY;
    stack->env = options->env.n ? arena_str(&stack->arena, options->env) : STR_EMPTY;
    struct unit *root = unit_new(&loader, NULL);
    stack->root = root->module;
    bool loaded = find_root(&loader, root) && unit_load(root);
    if (loaded)
        give_inputs(root);
    for (size_t i = 0; loaded && i < loader.unit_count; i++)
        loader.units[i]->module->constants = unit_constants(loader.units[i]);
    if (loaded && options->settings_of.n) {
        stack->settings = resolve_settings(root, options->settings_of);
    } else if (loaded) {
        resolve_all(&loader);
        budget_load(root);
        resolve_rules(&loader);
        check_waivers(&loader);
        order_decls(&loader);
        load_state(root);
        load_lease(root);
        check_addresses(&loader);
        moves_add(stack, options->moved, options->moved_count);
        forgive_untyped(&loader);
    }
    load_finish(&loader);
    if (loaded)
        return stack;
    diags_own_sources(diags);
    stack_free(stack);
    return NULL;
}

void stack_free(struct stack *stack)
{
    if (!stack)
        return;
    for (size_t i = 0; i < stack->module_count; i++) {
        struct module *module = stack->modules[i];
        map_release(&module->inputs);
        map_release(&module->locals);
        map_release(&module->providers);
        map_release(&module->connections);
        map_release(&module->names);
        map_release(&module->outputs);
        free(module->decls);
    }
    struct arena arena = stack->arena;
    free(stack);
    arena_release(&arena);
}
