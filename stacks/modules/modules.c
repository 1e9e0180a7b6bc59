/* The section `modules`: module calls, each loaded as its own unit. */
#include "stacks/load/load.h"

#include "base/file.h"

static const struct str own_keys[] = {STR_INIT("source"), STR_INIT("for_each"), STR_INIT("when"),
    STR_INIT("depends_on"), STR_INIT("provider"), STR_INIT("providers")};
enum { OWN_KEYS = sizeof own_keys / sizeof *own_keys };

static bool is_own_key(struct str key)
{
    for (size_t i = 0; i < OWN_KEYS; i++)
        if (str_eq(own_keys[i], key))
            return true;
    return false;
}

/* ---- source ---- */

static void report_builtin(struct loader *loader, const struct node *node, struct str name)
{
    static const struct str prefix = STR_INIT("modules/"), suffix = STR_INIT("/weir.yaml");
    size_t count, n = 0;
    const struct embedded_file *files = embedded_under(prefix, &count);
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str *names = ARENA_ARRAY(&scratch, struct str, count + 1);
    AUTO_BUF struct buf list = BUF_INIT;
    for (size_t i = 0; i < count; i++) {
        struct str path = files[i].path;
        if (!str_ends(path, suffix))
            continue;
        names[n] = str_slice(path, prefix.n, path.n - suffix.n);
        if (str_find_char(names[n], '/', 0) >= 0) /* an example of a module */
            continue;
        buf_addf(&list, "%s%.*s", n ? ", " : "", STR_ARG(names[n]));
        n++;
    }
    struct diag *d =
        diag_error(loader->diags, node_span(node), "there is no built-in module \"%.*s\"", STR_ARG(name));
    diag_did_you_mean(loader->diags, d, name, names, n);
    if (n)
        diag_hint(loader->diags, d, "there are: %s", list.p);
}

static bool find_builtin(struct unit *unit, const struct node *node, struct str name)
{
    struct arena *arena = unit->loader->arena;
    unit->builtin = embedded_find(arena_printf(arena, "modules/%.*s/weir.yaml", STR_ARG(name)));
    if (!unit->builtin) {
        report_builtin(unit->loader, node, name);
        return false;
    }
    unit->module->dir = unit->module->source;
    unit->ident = unit->file = path_join(arena, unit->module->dir, STR("weir.yaml"));
    return true;
}

/* Reports a source that is neither a folder, built-in nor remote. Returns false. */
static bool report_source(struct unit *unit, const struct node *node, struct str source)
{
    struct loader *loader = unit->loader;
    if (unit->parent->builtin && module_source_is_remote(source)) {
        diag_error(loader->diags, node_span(node), "a built-in module uses only built-in modules");
        return false;
    }
    struct diag *d = diag_error(
        loader->diags, node_span(node), "a module's source is ./FOLDER, builtin/NAME, or a remote one");
    struct str dir = unit_path(unit->parent, source), other = module_source_suggest(loader->arena, source);
    if (embedded_find(arena_printf(loader->arena, "modules/%.*s/weir.yaml", STR_ARG(source))))
        diag_label(loader->diags, d, "did you mean \"builtin/%.*s\"?", STR_ARG(source));
    else if (path_is_dir(arena_strz(loader->arena, dir)))
        diag_label(loader->diags, d, "did you mean \"./%.*s\"?", STR_ARG(source));
    else if (other.n)
        diag_label(loader->diags, d, "did you mean \"%.*s\"?", STR_ARG(other));
    else
        diag_hint(loader->diags, d, "remote: git::https://…, https://… or s3://…");
    return false;
}

bool module_find_source(struct unit *unit, const struct node *node)
{
    struct loader *loader = unit->loader;
    struct str source;
    if (!expect_text(loader, node, "the source of a module", &source))
        return false;
    unit->module->source = source;
    if (str_starts(source, STR("builtin/")))
        return find_builtin(unit, node, str_slice(source, strlen("builtin/"), source.n));
    if (str_starts(source, STR("./")) || str_starts(source, STR("../")) || str_starts(source, STR("/")))
        return module_find_folder(unit, node, source);
    if (module_source_is_remote(source) && !unit->parent->builtin)
        return find_remote(unit, node, source);
    return report_source(unit, node, source);
}

/* Returns false, after an error, if modules contain each other without end. */
static bool check_depth(struct unit *unit, const struct node *node)
{
    struct loader *loader = unit->loader;
    size_t depth = 0;
    for (const struct unit *up = unit->parent; up; up = up->parent, depth++)
        if (str_eq(up->ident, unit->ident)) {
            struct diag *d = diag_error(loader->diags, node_span(node), "this module is inside itself");
            diag_hint(loader->diags, d, "%.*s is already being loaded as %.*s", STR_ARG(unit->file),
                up->parent ? (int)up->module->path.n : (int)strlen("the stack"),
                up->parent ? up->module->path.p : "the stack");
            return false;
        }
    if (depth > MODULE_DEPTH_MAX) {
        diag_error(
            loader->diags, node_span(node), "modules are nested deeper than %d levels", MODULE_DEPTH_MAX);
        return false;
    }
    if (loader->unit_count > MODULE_COUNT_MAX) {
        diag_error(loader->diags, node_span(node), "the stack has more than %d modules", MODULE_COUNT_MAX);
        return false;
    }
    return true;
}

/* ---- arguments ---- */

static void read_argument(struct unit *unit, const struct module *target, const struct node_entry *entry)
{
    struct loader *loader = unit->loader;
    struct decl *input = map_get(&target->inputs, entry->key);
    if (input) {
        if (entry->value->kind == NODE_NULL)
            return;
        input->argument = expr_compile(loader->arena, entry->value, loader->diags);
        check_literal(loader, "input", input->input, entry->value);
        return;
    }
    struct diag *d = diag_error(
        loader->diags, node_key_span(entry), "the module has no input \"%.*s\"", STR_ARG(entry->key));
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str *names = ARENA_ARRAY(&scratch, struct str, target->inputs.n + OWN_KEYS);
    for (size_t i = 0; i < target->inputs.n; i++)
        names[i] = target->inputs.items[i].key;
    memcpy(names + target->inputs.n, own_keys, sizeof own_keys);
    diag_did_you_mean(loader->diags, d, entry->key, names, target->inputs.n + OWN_KEYS);
}

static void check_missing(struct loader *loader, const struct decl *call, const struct module *target)
{
    for (size_t i = 0; i < target->inputs.n; i++) {
        const struct decl *input = target->inputs.items[i].ptr;
        if (!input->input->required || input->argument)
            continue;
        struct diag *d = diag_error(loader->diags, call->span, "the module \"%.*s\" needs \"%.*s\"",
            STR_ARG(call->name), STR_ARG(input->name));
        if (input->input->doc.n)
            diag_hint(loader->diags, d, "%.*s: %.*s", STR_ARG(input->name), STR_ARG(input->input->doc));
    }
}

/* Loads the module of a call. `each` has the key and value of its for_each; NULL without for_each. */
static void load_call(
    struct unit *unit, struct decl *decl, const struct node *body, const struct value_entry *each)
{
    struct loader *loader = unit->loader;
    const struct node *source = node_get(body, "source"), *when = node_get(body, "when");
    info_of(loader, decl)->depends_on = node_get(body, "depends_on");
    if (when)
        decl->when = compile_when(loader, when);
    struct unit *inner = unit_new(loader, unit);
    inner->module->call = decl;
    inner->module->path = decl->address;
    if (each) {
        inner->module->each_key = value_string_ref(loader->arena, each->key);
        inner->module->each_value = each->value;
    }
    inner->provider = node_get(body, "provider");
    inner->providers = node_get(body, "providers");
    if (!module_find_source(inner, source) || !unit_identify(inner, source) || !check_depth(inner, source))
        return;
    if (!unit_load(inner))
        return;
    decl->target = inner->module;
    for (size_t i = 0; i < body->count; i++)
        if (!is_own_key(body->entries[i].key))
            read_argument(unit, inner->module, &body->entries[i]);
    check_missing(loader, decl, inner->module);
}

/* ---- for_each: a call for each key, which must be known before modules are loaded ---- */

static const struct value *report_each(struct unit *unit, const struct node *node, const char *problem)
{
    diag_error(unit->loader->diags, node_span(node), "for_each of a module %s", problem);
    return NULL;
}

static const char NO_TEXTS[] = "must be a list of texts or a map";
static const char SENSITIVE[] = "is sensitive: its keys would show in addresses";
static const char TOO_EARLY[] = "depends on what is not known before modules are loaded";

static const struct value *keys_of(struct unit *unit, const struct node *node, const struct value *list)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(unit->loader->arena);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct value *item = list->items[i];
        if (value_is_unknown(item))
            return report_each(unit, node, TOO_EARLY);
        if (item->marks & VALUE_SENSITIVE)
            return report_each(unit, node, SENSITIVE);
        if (item->kind != VALUE_STRING)
            return report_each(unit, node, NO_TEXTS);
        value_builder_set(&b, item->string, item);
    }
    const struct value *map = value_builder_map(&b);
    return map->count == list->count ? map : report_each(unit, node, "has the same key twice");
}

/* Returns the map of for_each, {key: value}, or NULL after an error. */
static const struct value *read_each(struct unit *unit, const struct node *node)
{
    struct loader *loader = unit->loader;
    if (!unit->parent)
        give_inputs(unit);
    const struct value *v = resolve_early(unit, node, true,
        unit->parent
            ? "within a module it is made of literals, locals and functions only: modules are loaded first"
            : "it is made of literals, functions, inputs, locals, stack and path: modules are loaded first");
    if (!v)
        return NULL;
    if (value_is_unknown(v))
        return loader->options->lenient_inputs && !unit->parent ? &value_empty_map
                                                                : report_each(unit, node, TOO_EARLY);
    if (v->marks & VALUE_SENSITIVE)
        return report_each(unit, node, SENSITIVE);
    if (v->kind == VALUE_LIST)
        return keys_of(unit, node, v);
    return v->kind == VALUE_MAP ? v : report_each(unit, node, NO_TEXTS);
}

static void load_each(struct unit *unit, struct decl *decl, const struct node *body, const struct node *node)
{
    const struct value *each = read_each(unit, node);
    decl->keyed = true;
    if (!each)
        return;
    decl->calls = ARENA_ARRAY(unit->loader->arena, struct decl *, each->count);
    for (uint32_t i = 0; i < each->count; i++) {
        const struct value *key = value_string_ref(unit->loader->arena, each->entries[i].key);
        struct decl *call = declare_call(unit, decl, key);
        decl->calls[decl->call_count++] = call;
        load_call(unit, call, body, &each->entries[i]);
    }
}

static void load_module(struct unit *unit, const struct node_entry *entry)
{
    struct loader *loader = unit->loader;
    const struct node *body = entry->value, *each;
    struct decl *decl = declare(unit, DECL_MODULE, entry);
    if (!expect_map(loader, body, "a module"))
        return;
    if (!node_get(body, "source")) {
        struct diag *d =
            diag_error(loader->diags, decl->span, "the module \"%.*s\" has no source", STR_ARG(decl->name));
        diag_hint(loader->diags, d,
            "add `source: ./FOLDER` or `source: builtin/NAME`; or a remote one, git::https://…");
    } else if ((each = node_get(body, "for_each"))) {
        load_each(unit, decl, body, each);
    } else {
        load_call(unit, decl, body, NULL);
    }
}

void load_modules(struct unit *unit, const struct node *section)
{
    for (size_t i = 0; i < section->count; i++)
        load_module(unit, &section->entries[i]);
}
