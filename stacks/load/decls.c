/* Creates the declarations of sections, and reports errors that all sections have in common. */
#include "stacks/load/load.h"

#include "base/mem.h"

bool stack_is_name(struct str name)
{
    return name.n <= NAME_MAX_BYTES && str_is_word(name, CHARS_LETTERS "_", CHARS_ALNUM "_-");
}

/* These words begin expressions, so they cannot be names. */
bool stack_is_reserved(struct str name)
{
    return str_is_any(
        name, "inputs locals each stack path env data modules resources true false null for in if");
}

static bool in_namespace(enum decl_kind kind)
{
    return kind == DECL_RESOURCE || kind == DECL_DATA || kind == DECL_MODULE || kind == DECL_SHARED;
}

/* Suggests a name with _ for blanks, dots, slashes and colons. */
static void suggest_name(struct diags *diags, struct diag *d, struct str name)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    char *fixed = arena_strz(&scratch, name);
    for (size_t i = 0; i < name.n; i++)
        if (strchr(" ./:", fixed[i]))
            fixed[i] = '_';
    if (stack_is_name(str_n(fixed, name.n)))
        diag_label(diags, d, "did you mean \"%s\"?", fixed);
}

static void check_name(struct unit *unit, enum decl_kind kind, const struct node_entry *entry)
{
    struct diags *diags = unit->loader->diags;
    struct str name = entry->key, alias = {NULL, 0};
    if (kind == DECL_PROVIDER)
        name = str_cut(name, '.', &alias);
    if (!stack_is_name(name) || (alias.p && !stack_is_name(alias))) {
        struct diag *d =
            diag_error(diags, node_key_span(entry), "\"%.*s\" is not a name", STR_ARG(entry->key));
        diag_hint(diags, d,
            "names are letters, digits, _ and -, begin with a letter and have at most %d characters",
            NAME_MAX_BYTES);
        suggest_name(diags, d, name);
    } else if (in_namespace(kind) && stack_is_reserved(name)) {
        struct diag *d = diag_error(
            diags, node_key_span(entry), "\"%.*s\" has a meaning of its own in expressions", STR_ARG(name));
        diag_label(diags, d, "choose another name");
    }
}

static struct map *namespace_of(struct module *module, enum decl_kind kind)
{
    switch (kind) {
    case DECL_INPUT: return &module->inputs;
    case DECL_LOCAL: return &module->locals;
    case DECL_PROVIDER: return &module->providers;
    case DECL_CONNECTION: return &module->connections;
    case DECL_OUTPUT: return &module->outputs;
    case DECL_RESOURCE:
    case DECL_DATA:
    case DECL_MODULE:
    case DECL_SHARED: break;
    }
    return &module->names;
}

static const char *address_prefix(enum decl_kind kind)
{
    switch (kind) {
    case DECL_INPUT: return "inputs.";
    case DECL_LOCAL: return "locals.";
    case DECL_PROVIDER: return "providers.";
    case DECL_CONNECTION: return "connections.";
    case DECL_OUTPUT: return "outputs.";
    case DECL_RESOURCE:
    case DECL_DATA:
    case DECL_MODULE:
    case DECL_SHARED: break;
    }
    return "";
}

static struct str make_address(struct arena *arena, struct str path, enum decl_kind kind, struct str name)
{
    struct str prefix = str_z(address_prefix(kind));
    if (!path.n && !prefix.n)
        return name;
    return arena_concat(arena, (struct str[]){path, path.n ? STR("/") : STR_EMPTY, prefix, name}, 4);
}

static void report_taken(struct unit *unit, const struct decl *decl, const struct decl *first)
{
    struct diags *diags = unit->loader->diags;
    struct diag *d = diag_error(diags, decl->span, "the name \"%.*s\" is taken", STR_ARG(decl->name));
    diag_label(diags, d, "again here");
    diag_related(diags, d, first->span, "first here");
    if (in_namespace(decl->kind) && decl->kind != first->kind)
        diag_hint(diags, d, "resources, data and modules share one set of names");
}

void declare_reserve(struct unit *unit, size_t n)
{
    struct loader *loader = unit->loader;
    MEM_GROW(loader->decls, loader->decl_cap, loader->decl_count + n);
    MEM_GROW(loader->infos, loader->info_cap, loader->decl_count + n);
    MEM_GROW(unit->module->decls, unit->decl_cap, unit->module->decl_count + n);
}

static void add_decl(struct unit *unit, struct decl *decl)
{
    struct loader *loader = unit->loader;
    struct module *module = unit->module;
    decl->module = module;
    declare_reserve(unit, 1);
    decl->index = (uint32_t)loader->decl_count;
    loader->infos[loader->decl_count] = (struct decl_info){.unit = unit};
    loader->decls[loader->decl_count++] = decl;
    module->decls[module->decl_count++] = decl;
}

struct decl *declare_call(struct unit *unit, struct decl *keyed, const struct value *key)
{
    struct decl *decl = ARENA_NEW(unit->loader->arena, struct decl);
    decl->kind = DECL_MODULE;
    decl->name = keyed->name;
    decl->span = keyed->span;
    decl->address = address_instance(unit->loader->arena, keyed->address, key);
    add_decl(unit, decl);
    return decl;
}

struct decl *declare(struct unit *unit, enum decl_kind kind, const struct node_entry *entry)
{
    struct loader *loader = unit->loader;
    struct module *module = unit->module;
    check_name(unit, kind, entry);
    struct str name = arena_str(loader->arena, entry->key); /* beside the declaration: lookups read both */
    struct decl *decl = ARENA_NEW(loader->arena, struct decl);
    decl->kind = kind;
    decl->name = name;
    decl->span = node_key_span(entry);
    decl->address = make_address(loader->arena, module->path, kind, name);
    add_decl(unit, decl);

    const struct decl *first = map_add(namespace_of(module, kind), decl->name, decl);
    if (first)
        report_taken(unit, decl, first);
    return decl;
}

struct decl_info *info_of(struct loader *loader, const struct decl *decl)
{
    return &loader->infos[decl->index];
}

/* ---- the expected kinds of nodes ---- */

static bool expect(struct loader *loader, const struct node *node, enum node_kind kind, const char *what)
{
    if (node->kind == kind)
        return true;
    struct node wanted = {.kind = (uint8_t)kind};
    struct diag *d = diag_error(loader->diags, node_span(node), "%s must be %s, not %s", what,
        node_kind_name(&wanted), node_kind_name(node));
    if (kind == NODE_LIST && node->kind == NODE_STRING)
        diag_label(loader->diags, d, "write [ ] around it");
    if (kind == NODE_MAP && node->kind == NODE_LIST && node->count && node->items[0]->kind == NODE_MAP)
        diag_hint(loader->diags, d, "a list has a - before each; here each has a name and a colon");
    return false;
}

bool expect_map(struct loader *loader, const struct node *node, const char *what)
{
    return expect(loader, node, NODE_MAP, what);
}

bool expect_list(struct loader *loader, const struct node *node, const char *what)
{
    return expect(loader, node, NODE_LIST, what);
}

void label_boolean(struct loader *loader, struct diag *d, const struct node *node)
{
    bool text = node->kind == NODE_STRING;
    const char *meant =
        text || node->kind == NODE_INT ? schema_boolean_meant(text ? node->string : node_raw(node)) : NULL;
    if (meant)
        diag_label(loader->diags, d, "write %s", meant);
}

bool expect_bool(struct loader *loader, const struct node *node, const char *what, bool *out)
{
    if (node->kind == NODE_STRING && has_expression(node)) {
        diag_error(
            loader->diags, node_span(node), "%s must be true or false, an expression does not do", what);
        return false;
    }
    if (node->kind == NODE_BOOL) {
        *out = node->boolean;
        return true;
    }
    struct diag *d = diag_error(
        loader->diags, node_span(node), "%s must be true or false, not %s", what, node_kind_name(node));
    label_boolean(loader, d, node);
    return false;
}

/* Replaces each $${ by ${. Returns false if a ${ begins an expression. */
static bool plain_text(struct arena *arena, struct str text, struct str *out)
{
    AUTO_BUF struct buf plain = BUF_INIT;
    size_t from = 0;
    for (ptrdiff_t at; (at = str_find(text, STR("${"), from)) >= 0; from = (size_t)at) {
        if ((size_t)at == from || text.p[at - 1] != '$')
            return false;
        buf_add_str(&plain, str_slice(text, from, (size_t)at - 1));
        buf_add_str(&plain, str_slice(text, (size_t)at, (size_t)at + 2));
        at += 2;
    }
    buf_add_str(&plain, str_slice(text, from, text.n));
    *out = arena_str(arena, buf_str(&plain));
    return true;
}

bool expect_text(struct loader *loader, const struct node *node, const char *what, struct str *out)
{
    if (!expect(loader, node, NODE_STRING, what))
        return false;
    *out = node->string;
    if (!has_expression(node) || plain_text(loader->arena, node->string, out))
        return true;
    diag_error(loader->diags, node_span(node), "%s must be plain text, an expression does not do", what);
    return false;
}

static bool decls_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool hint_split_text(struct loader *loader, struct diag *d, const struct node_entry *entry)
{
    struct str text = entry->value->source->text;
    size_t before = entry->key_offset, after = before + entry->key_length;
    if (entry->value->kind != NODE_NULL || after > text.n)
        return false;
    while (before && decls_is_blank(text.p[before - 1]))
        before--;
    while (after < text.n && decls_is_blank(text.p[after]))
        after++;
    if (!before || text.p[before - 1] != ',' || after == text.n ||
        (text.p[after] != ',' && text.p[after] != '}'))
        return false;
    diag_hint(loader->diags, d, "a text with a comma is quoted inside { }: {key: \"one, two\"}");
    return true;
}

void check_keys(
    struct loader *loader, const struct node *map, const char *what, const struct str *known, size_t n)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct node_entry *entry = &map->entries[i];
        size_t k = 0;
        while (k < n && !str_eq(known[k], entry->key))
            k++;
        if (k < n)
            continue;
        struct diag *d = diag_error(
            loader->diags, node_key_span(entry), "unknown key \"%.*s\" in %s", STR_ARG(entry->key), what);
        if (hint_split_text(loader, d, entry))
            continue;
        diag_suggest(loader->diags, d, entry->key, known, n);
    }
}

bool has_expression(const struct node *node)
{
    switch ((enum node_kind)node->kind) {
    case NODE_STRING: return str_find(node->string, STR("${"), 0) >= 0;
    case NODE_LIST:
        for (size_t i = 0; i < node->count; i++)
            if (has_expression(node->items[i]))
                return true;
        return false;
    case NODE_MAP:
        for (size_t i = 0; i < node->count; i++)
            if (has_expression(node->entries[i].value))
                return true;
        return false;
    default: return false;
    }
}

const struct value *constant_value(struct loader *loader, const struct node *node, const char *what)
{
    if (!has_expression(node))
        return node_value(loader->arena, node);
    size_t errors = loader->diags->errors;
    struct expr *expr = expr_compile(loader->arena, node, loader->diags);
    if (loader->diags->errors > errors)
        return NULL;
    if (!expr_is_const(expr)) {
        struct diag *d =
            diag_error(loader->diags, node_span(node), "%s cannot be worked out by an expression", what);
        diag_hint(loader->diags, d, "expressions go under `locals:`; a literal ${ is written $${");
        return NULL;
    }
    struct scope scope = {.dir = STR_EMPTY, .diags = loader->diags};
    return expr_eval(expr, &scope, loader->arena);
}
