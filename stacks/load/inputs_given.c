/*
 * Gives the root's inputs their values: environment, input files, variables, -i; later ones override earlier
 * ones. Values that a fleet configures for its members override all of them.
 */
#include "stacks/load/load.h"

#include "base/file.h"
#include "base/json.h"
#include "base/mask.h"
#include "base/mem.h"

#include <ctype.h>
#include <stdlib.h>

/* The value of an input and its origin. */
struct given {
    const struct value *value;
    const struct node *node; /* NULL: the value comes from a string or JSON */
    struct span span;
    bool option; /* given by -i */
};

struct giving {
    struct loader *loader;
    struct module *root;
    struct given *given;     /* by decl->index: the root's inputs are declared first */
    struct str environments; /* " dev, -e prod": the declared environments; "" none */
    bool misled; /* the requested environment does not exist, so missing inputs are not reported */
};

enum { INPUTS_SHOWN = 12 };

static void hint_inputs(struct diags *diags, struct diag *d, const struct str *names, size_t n)
{
    AUTO_BUF struct buf list = BUF_INIT;
    for (size_t i = 0; i < n && i < INPUTS_SHOWN; i++)
        buf_addf(&list, "%s%.*s", i ? ", " : "", STR_ARG(names[i]));
    if (n)
        diag_hint(diags, d, "it has: %s%s", list.p, n > INPUTS_SHOWN ? ", …" : "");
    else
        diag_hint(diags, d, "it has no `inputs:`");
}

static struct decl *find_input(struct giving *g, struct str name, struct span span)
{
    struct decl *decl = map_get(&g->root->inputs, name);
    if (decl)
        return decl;
    struct diags *diags = g->loader->diags;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str *names = ARENA_ARRAY(&scratch, struct str, g->root->inputs.n + 1);
    for (size_t i = 0; i < g->root->inputs.n; i++)
        names[i] = g->root->inputs.items[i].key;
    struct diag *d = span_is_hidden(span)
                         ? diag_error(diags, span, "the stack has no input of this name")
                         : diag_error(diags, span, "the stack has no input \"%.*s\"", STR_ARG(name));
    diag_did_you_mean(diags, d, name, names, g->root->inputs.n);
    if (!d->label.n)
        hint_inputs(diags, d, names, g->root->inputs.n);
    return NULL;
}

/* Finds an input that is given from outside. With some_inputs an unknown name is ignored. */
static struct decl *find_given(struct giving *g, struct str name, struct span span)
{
    bool others = g->loader->options->some_inputs && !map_get(&g->root->inputs, name);
    return others ? NULL : find_input(g, name, span);
}

static struct given *slot_of(struct giving *g, const struct decl *decl)
{
    return &g->given[decl->index];
}

/* Excerpts show whole lines, so an error in a sensitive value is reported with its file only. */
static struct span careful_span(const struct decl *decl, struct span span)
{
    if (decl->input->sensitive && !span_is_hidden(span))
        span = (struct span){.source = span.source};
    return span;
}

static void convert_given(struct giving *g, struct decl *decl, const struct given *given)
{
    struct schema_issue issue;
    const struct value *out;
    struct attr quiet = *decl->input;
    if (decl->input->sensitive) {
        mask_add_value(given->value, MASK_GIVEN);
        mask_add_value(decl->input->default_value, MASK_GIVEN);
    }
    if (!schema_convert(g->loader->arena, decl->input, given->value, &out, &issue)) {
        decl->given = out;
        return;
    }
    decl->given = &value_unknown;
    struct span span = given->node ? literal_span(given->node, &issue) : given->span;
    if ((quiet.sensitive = span_is_hidden(span))) /* the same message without the value */
        schema_convert(g->loader->arena, &quiet, given->value, &out, &issue);
    struct diag *d = diag_error(g->loader->diags, careful_span(decl, span), "input \"%.*s\": %.*s",
        STR_ARG(decl->name), STR_ARG(issue.message));
    if (issue.label.n)
        diag_label(g->loader->diags, d, "%.*s", STR_ARG(issue.label));
    if (decl->input->doc.n)
        diag_hint(g->loader->diags, d, "%.*s: %.*s", STR_ARG(decl->name), STR_ARG(decl->input->doc));
}

/* Reads a map of values: an environment, or a whole input file. `use`: the values apply. */
static void give_map(struct giving *g, const struct node *map, const char *what, bool use)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct node_entry *entry = &map->entries[i];
        const struct decl *decl = find_input(g, entry->key, node_key_span(entry));
        if (!decl)
            continue;
        check_hide(g->loader, decl->input, entry->value);
        const struct value *value = constant_value(g->loader, entry->value, what);
        if (!value)
            value = &value_unknown;
        struct given given = {value, entry->value, node_span(entry->value), false};
        if (use) {
            *slot_of(g, decl) = given;
        } else {
            struct decl ignored = *decl;
            convert_given(g, &ignored, &given);
        }
    }
}

static void report_no_environment(struct giving *g, const struct str *names, size_t n)
{
    struct diags *diags = g->loader->diags;
    struct str env = g->loader->options->env;
    g->misled = true;
    struct diag *d = diag_error(diags, (struct span){0}, "there is no environment \"%.*s\"", STR_ARG(env));
    AUTO_BUF struct buf list = BUF_INIT;
    for (size_t i = 0; i < n; i++)
        buf_addf(&list, "%s%.*s", i ? ", " : "", STR_ARG(names[i]));
    if (n)
        diag_hint(diags, d, "the stack has: %s", list.p);
    else
        diag_hint(diags, d, "the stack has no `environments:`");
    diag_did_you_mean(diags, d, env, names, n);
}

bool is_environment_name(struct str name)
{
    return name.n <= 63 && str_is_word(name, CHARS_ALNUM, CHARS_ALNUM "-_");
}

/* Checks all environments and applies the selected one. */
static void give_environment(struct giving *g, struct unit *root)
{
    struct loader *loader = g->loader;
    struct str env = loader->options->env;
    bool found = false;
    AUTO_MAP struct map seen = MAP_INIT;
    for (size_t i = 0; i < root->part_count; i++) {
        const struct node *section = node_get(root->parts[i].root, "environments");
        if (!section || section->kind == NODE_NULL || !expect_map(loader, section, "\"environments\""))
            continue;
        for (size_t k = 0; k < section->count; k++) {
            const struct node_entry *entry = &section->entries[k];
            const struct node_entry *first = map_set(&seen, entry->key, (void *)entry);
            if (first) {
                struct diag *d = diag_error(loader->diags, node_key_span(entry),
                    "the environment \"%.*s\" is given twice", STR_ARG(entry->key));
                diag_related(loader->diags, d, node_key_span(first), "first here");
            }
            if (!is_environment_name(entry->key))
                diag_error(loader->diags, node_key_span(entry),
                    "an environment's name is letters, digits, - and _, at most 63");
            bool chosen = str_eq(entry->key, env);
            found |= chosen;
            if (entry->value->kind != NODE_NULL && expect_map(loader, entry->value, "an environment"))
                give_map(g, entry->value, "the value of an input", chosen);
        }
    }
    AUTO_BUF struct buf names_text = BUF_INIT;
    for (size_t i = 0; !env.n && i < seen.n && i < INPUTS_SHOWN; i++)
        buf_addf(&names_text, "%s %.*s", i ? ", -e" : "", STR_ARG(seen.items[i].key));
    g->environments = arena_str(loader->arena, buf_str(&names_text));
    if (!env.n || found || fleet_section(root))
        return;
    struct str *names = ARENA_ARRAY(loader->arena, struct str, seen.n + 1);
    for (size_t i = 0; i < seen.n; i++)
        names[i] = seen.items[i].key;
    report_no_environment(g, names, seen.n);
}

static void give_json(struct giving *g, const struct source *source)
{
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    struct arena *arena = g->loader->arena;
    const struct node *root =
        yaml_parse(arena, source, &ignored); /* gives the source location of each input */
    struct span span = root ? node_span(root) : span_at(source, 0, source->text.n);
    const struct value *map;
    struct err err = ERR_INIT;
    if (json_parse(arena, source->text, &map, &err)) {
        diag_error(g->loader->diags, (struct span){.source = source}, "%s", err.message);
        return;
    }
    if (map->kind != VALUE_MAP) {
        diag_error(g->loader->diags, span, "an input file must be a map, not %s", value_with_article(map));
        return;
    }
    for (size_t i = 0; i < map->count; i++) {
        const struct node_entry *entry = root ? node_find(root, map->entries[i].key) : NULL;
        struct span at = entry ? node_key_span(entry) : span;
        const struct decl *decl = find_given(g, map->entries[i].key, at);
        if (decl)
            *slot_of(g, decl) = (struct given){map->entries[i].value, entry ? entry->value : NULL, at, false};
    }
}

static void give_yaml_map(struct giving *g, const struct node *root)
{
    for (size_t i = 0; i < root->count; i++) {
        const struct node_entry *entry = &root->entries[i];
        const struct decl *decl = find_given(g, entry->key, node_key_span(entry));
        if (decl)
            *slot_of(g, decl) = (struct given){
                node_value(g->loader->arena, entry->value), entry->value, node_span(entry->value), false};
    }
}

/* Reports an input file with Terraform's syntax, owner = "ada". */
static void refuse_assignments(struct giving *g, const struct node *root)
{
    struct diag *d = diag_error(g->loader->diags, node_span(root), "an input file must be a map, not text");
    diag_hint(g->loader->diags, d,
        "NAME: VALUE, one on each line, is YAML; Terraform's files of variables are not");
}

static void give_yaml(struct giving *g, const struct source *source)
{
    const struct node *root = yaml_parse(g->loader->arena, source, g->loader->diags);
    if (root && root->kind == NODE_STRING && str_find(root->string, STR("="), 0) >= 0)
        refuse_assignments(g, root);
    else if (root && expect_map(g->loader, root, "an input file"))
        give_yaml_map(g, root);
}

static void give_file(struct giving *g, struct str path)
{
    struct source *source = ARENA_NEW(g->loader->arena, struct source);
    source->path = arena_str(g->loader->arena, path);
    struct err err = ERR_INIT;
    if (file_read(g->loader->arena, source->path.p, YAML_MAX_SIZE, &source->text, &err))
        diag_error(g->loader->diags, (struct span){0}, "input file: %s", err.message);
    else {
        source_hide(g->loader->arena, (struct span){.source = source, .length = (uint32_t)source->text.n});
        (str_ends(path, STR(".json")) ? give_json : give_yaml)(g, source);
    }
}

/* Converts text that is not from a file: for a string input as it is, otherwise parsed as YAML. */
static void give_text(struct giving *g, const struct decl *decl, struct str text, struct str origin)
{
    struct arena *arena = g->loader->arena;
    struct source *source = ARENA_MAKE(arena, struct source, .path = origin, .text = arena_str(arena, text));
    struct given given = {.span = span_at(source, 0, text.n)};
    if (decl->input->type->kind == TYPE_STRING || !text.n) {
        given.value = value_string_ref(arena, source->text);
    } else {
        AUTO_DIAGS struct diags hidden = DIAGS_INIT; /* excerpts would show a sensitive value */
        struct diags *diags = decl->input->sensitive ? &hidden : g->loader->diags;
        given.node = yaml_parse(arena, source, diags);
        if (hidden.errors)
            diag_error(g->loader->diags, (struct span){.source = source}, "input \"%.*s\" is not YAML",
                STR_ARG(decl->name));
        given.value = given.node ? node_value(arena, given.node) : &value_unknown;
    }
    *slot_of(g, decl) = given;
}

static void give_variables(struct giving *g)
{
    for (size_t i = 0; i < g->root->inputs.n; i++) {
        const struct decl *decl = g->root->inputs.items[i].ptr;
        char *exact = arena_strz(
            g->loader->arena, arena_printf(g->loader->arena, "WEIR_INPUT_%.*s", STR_ARG(decl->name)));
        char *upper = mem_strdup(exact);
        for (char *c = upper; *c; c++)
            *c = (char)toupper((unsigned char)*c);
        const char *text = getenv(exact);
        struct str origin = str_z(exact);
        if (!text && (text = getenv(upper)))
            origin = arena_str(g->loader->arena, str_z(upper));
        if (text)
            give_text(g, decl, str_z(text), origin);
        free(upper);
    }
}

static void give_option(struct giving *g, struct str option)
{
    struct str text, name = str_cut(option, '=', &text);
    if (!text.p || !name.n) { /* it may be a value without its name */
        struct diag *d = diag_error(g->loader->diags, (struct span){0}, "-i needs NAME=VALUE");
        diag_hint(g->loader->diags, d, "for example: -i owner=alice");
        return;
    }
    struct source *source = ARENA_MAKE(g->loader->arena, struct source,
        .path = arena_printf(g->loader->arena, "-i %.*s", STR_ARG(name)), .text = STR_EMPTY);
    const struct decl *decl = find_given(g, name, (struct span){.source = source});
    if (!decl)
        return;
    give_text(g, decl, text, source->path);
    slot_of(g, decl)->option = true;
}

static void report_missing(struct giving *g, const struct decl *decl)
{
    struct diags *diags = g->loader->diags;
    struct diag *d = diag_error(diags, decl->span, "the input \"%.*s\" has no value", STR_ARG(decl->name));
    if (decl->input->doc.n)
        diag_label(diags, d, "%.*s", STR_ARG(decl->input->doc));
    char *upper = arena_strz(g->loader->arena, decl->name);
    for (char *c = upper; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    diag_hint(diags, d, "give it with -i %.*s=…, --input-file, WEIR_INPUT_%s or an environment (-e%.*s)",
        STR_ARG(decl->name), upper, STR_ARG(g->environments));
}

static void convert_all(struct giving *g)
{
    for (size_t i = 0; i < g->root->inputs.n; i++) {
        struct decl *decl = g->root->inputs.items[i].ptr;
        if (slot_of(g, decl)->value)
            convert_given(g, decl, slot_of(g, decl));
    }
}

/* ---- fleets ---- */

static void report_no_member(struct giving *g, const struct node_entry *section, const struct value *members)
{
    struct diags *diags = g->loader->diags;
    struct str env = g->loader->options->env;
    struct str *names = ARENA_ARRAY(g->loader->arena, struct str, members->count + 1);
    for (uint32_t i = 0; i < members->count; i++)
        names[i] = members->entries[i].key;
    if (!env.n) {
        struct diag *d = diag_error(diags, node_key_span(section), "this stack is a fleet: which member?");
        diag_hint(diags, d, "-e NAME picks one, `weir fleet` works on all");
        return;
    }
    struct diag *d =
        diag_error(diags, node_key_span(section), "the fleet has no member \"%.*s\"", STR_ARG(env));
    diag_did_you_mean(diags, d, env, names, members->count);
}

/* Reports a value for all members that the fleet's own value overrides. */
static void note_beaten(struct giving *g, const struct decl *decl)
{
    struct diags *diags = g->loader->diags;
    const struct given *given = slot_of(g, decl);
    struct str from = given->span.source ? given->span.source->path : STR_EMPTY;
    if (given->option) {
        struct diag *d = diag_error(diags, (struct span){0},
            "%.*s: the fleet configures \"%.*s\" for each member", STR_ARG(from), STR_ARG(decl->name));
        diag_hint(
            diags, d, "leave it out, or take \"%.*s\" out of the fleet's `inputs`", STR_ARG(decl->name));
    } else {
        diag_warning(diags, (struct span){0},
            "%.*s: its value of \"%.*s\" is not used: the fleet configures it for each member", STR_ARG(from),
            STR_ARG(decl->name));
    }
}

/* Values that the fleet configures override those of the command line, variables and files. */
static void give_member(
    struct giving *g, struct unit *root, const struct node *fleet, const struct value *value)
{
    struct loader *loader = g->loader;
    const struct node *inputs = node_get(fleet, "inputs");
    const struct value *key = value_string(loader->arena, loader->options->env);
    AUTO_BUILDER struct value_builder own = VALUE_BUILDER(loader->arena);
    for (size_t i = 0; inputs && i < inputs->count; i++) {
        const struct node_entry *entry = &inputs->entries[i];
        struct decl *decl = find_input(g, entry->key, node_key_span(entry));
        if (!decl)
            continue;
        check_hide(loader, decl->input, entry->value);
        const struct value *v = fleet_input(root, entry->value, key, value);
        value_builder_set(&own, entry->key, v ? v : &value_unknown);
        const struct value *other = slot_of(g, decl)->value ? decl->given : NULL;
        struct given given = {v ? v : &value_unknown, entry->value, node_span(entry->value), false};
        convert_given(g, decl, &given);
        if (other && value_is_known(decl->given) &&
            !value_equal(other, decl->given)) /* a saved plan contains the same value */
            note_beaten(g, decl);
        *slot_of(g, decl) = given;
    }
    loader->stack->member_inputs = value_builder_map(&own);
}

/* A member that the list no longer names gets its recorded inputs; its secrets may not be recorded. */
static void give_former_member(struct giving *g, const struct value *inputs)
{
    for (uint32_t i = 0; i < inputs->count; i++) {
        struct decl *decl = map_get(&g->root->inputs, inputs->entries[i].key);
        if (!decl || (decl->input->sensitive && slot_of(g, decl)->value))
            continue;
        *slot_of(g, decl) = (struct given){.value = inputs->entries[i].value};
        convert_given(g, decl, slot_of(g, decl));
    }
    g->loader->stack->member_inputs = inputs;
}

/* Without a member, the inputs that the fleet configures are unknown. */
static void leave_open(struct giving *g, const struct node *fleet)
{
    const struct node *inputs = node_get(fleet, "inputs");
    for (size_t i = 0; inputs && i < inputs->count; i++) {
        const struct node_entry *entry = &inputs->entries[i];
        struct decl *decl = find_input(g, entry->key, node_key_span(entry));
        if (!decl)
            continue;
        if (slot_of(g, decl)->value)
            note_beaten(g, decl);
        slot_of(g, decl)->value = decl->given = &value_unknown;
    }
}

static void give_fleet(struct giving *g, struct unit *root)
{
    struct loader *loader = g->loader;
    const struct stack_options *options = loader->options;
    const struct node_entry *section = fleet_section(root);
    if (!section)
        return;
    loader->stack->fleet = true;
    fleet_share(root, section->value);
    if (options->files && options->member) { /* an earlier version: the recorded inputs belong to it */
        loader->stack->members = &value_empty_map;
        give_former_member(g, options->member);
        return;
    }
    const struct value *members = options->members ? options->members : fleet_members(root, section->value);
    loader->stack->members = members;
    if (!members) { /* the error was reported; missing inputs are not reported too */
        leave_open(g, section->value);
        return;
    }
    const struct value *value = value_get(members, options->env);
    if (value)
        give_member(g, root, section->value, value);
    else if (options->env.n && options->member)
        give_former_member(g, options->member);
    else
        leave_open(g, section->value);
    if (!value && !options->member && (options->env.n || !(options->any_member || options->lenient_inputs)))
        report_no_member(g, section, members);
}

void inputs_give(struct unit *root)
{
    struct loader *loader = root->loader;
    const struct stack_options *options = loader->options;
    struct map *inputs = &root->module->inputs;
    struct giving g = {.loader = loader, .root = root->module};
    size_t count = 0;
    for (size_t i = 0; i < inputs->n; i++)
        count = ((struct decl *)inputs->items[i].ptr)->index + 1;
    g.given = ARENA_ARRAY(loader->arena, struct given, count);
    give_environment(&g, root);
    for (size_t i = 0; i < options->input_file_count; i++)
        give_file(&g, options->input_files[i]);
    give_variables(&g);
    note_unused_variables(loader->diags, inputs);
    for (size_t i = 0; i < options->input_count; i++)
        give_option(&g, options->inputs[i]);

    convert_all(&g);
    give_fleet(&g, root);

    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(loader->arena);
    for (size_t i = 0; i < inputs->n; i++) {
        struct decl *decl = inputs->items[i].ptr;
        const struct given *given = slot_of(&g, decl);
        if (value_is_null(given->value) && decl->input->required) {
            if (!options->lenient_inputs && !g.misled)
                report_missing(&g, decl);
            decl->given = &value_unknown;
        }
        value_builder_set(&all, decl->name, decl->given);
    }
    loader->stack->inputs = value_builder_map(&all);
}
