/* The sections that need few words each: locals, connections, providers, outputs. */
#include "stacks/load/load.h"

#include "base/mem.h"
#include "provider/kind.h"
#include "provider/ssh/connection_settings.h"

void load_locals(struct unit *unit, const struct node *section)
{
    for (size_t i = 0; i < section->count; i++) {
        struct decl *decl = declare(unit, DECL_LOCAL, &section->entries[i]);
        struct tally before = load_tally(unit->loader);
        decl->expr = expr_compile(unit->loader->arena, section->entries[i].value, unit->loader->diags);
        decl->mistaken.any = load_forgive(unit->loader, before);
    }
}

/* `retail: {type: postgres, …}`: the kind, where the name does not begin with it. The rest are the settings.
 */
static const struct node *cut_type(struct loader *loader, const struct node *body, struct decl *decl)
{
    const struct node *type = body->kind == NODE_MAP ? node_get(body, "type") : NULL;
    if (!type || !expect_text(loader, type, "the type of a provider", &decl->provider_name))
        return body;
    struct node *rest = ARENA_NEW(loader->arena, struct node);
    struct node_entry *entries = ARENA_ARRAY(loader->arena, struct node_entry, body->count);
    *rest = *body;
    rest->entries = entries;
    rest->count = 0;
    for (uint32_t i = 0; i < body->count; i++)
        if (!str_eqz(body->entries[i].key, "type"))
            entries[rest->count++] = body->entries[i];
    return rest;
}

static struct str name_below(struct loader *loader, const struct unit *unit, struct str name)
{
    struct str path = unit->module->path;
    return path.n ? arena_printf(loader->arena, "%.*s/%.*s", STR_ARG(path), STR_ARG(name)) : name;
}

/* In the state it is known by kind and name: there the kind is wanted although the file may not say it any
 * more. */
static struct str full_name(struct loader *loader, const struct unit *unit, const struct decl *decl)
{
    struct str rest, name = decl->name;
    if (!str_eq(str_cut(name, '.', &rest), decl->provider_name))
        name = arena_printf(loader->arena, "%.*s.%.*s", STR_ARG(decl->provider_name), STR_ARG(name));
    return name_below(loader, unit, name);
}

/* Settings: a map, or an expression that gives one. */
static void load_config(struct unit *unit, struct decl *decl, const char *what, const struct attr *settings,
    const struct node *node)
{
    struct loader *loader = unit->loader;
    if (node->kind != NODE_STRING || !has_expression(node))
        expect_map(loader, node, what);
    decl->config = expr_compile(loader->arena, node, loader->diags);
    if (node->kind != NODE_MAP)
        return;
    info_of(loader, decl)->via = node_get(node, "via");
    if (settings)
        check_literal(loader, decl->kind == DECL_PROVIDER ? "provider" : "connection", settings, node);
}

void load_connections(struct unit *unit, const struct node *section)
{
    struct loader *loader = unit->loader;
    for (size_t i = 0; i < section->count; i++) {
        const struct node_entry *entry = &section->entries[i];
        struct decl *decl = declare(unit, DECL_CONNECTION, entry);
        decl->full_name = name_below(loader, unit, decl->name);
        struct attr settings = connection_settings;
        settings.name = decl->name;
        load_config(unit, decl, "a connection", &settings, entry->value);
    }
}

void load_providers(struct unit *unit, const struct node *section)
{
    struct loader *loader = unit->loader;
    for (size_t i = 0; i < section->count; i++) {
        const struct node_entry *entry = &section->entries[i];
        struct decl *decl = declare(unit, DECL_PROVIDER, entry);
        struct str rest;
        decl->provider_name = str_cut(decl->name, '.', &rest);
        const struct node *settings = cut_type(loader, entry->value, decl);
        decl->full_name = full_name(loader, unit, decl);
        if (settings->kind == NODE_NULL)
            continue;
        const struct provider_kind *kind =
            kind_find(catalog_kinds(loader->options->catalog), decl->provider_name);
        load_config(unit, decl, "the settings of a provider", kind ? kind->settings : NULL, settings);
    }
}

static void load_output(struct unit *unit, const struct node_entry *entry)
{
    static const struct str known[] = {STR_INIT("value"), STR_INIT("description"), STR_INIT("sensitive")};
    struct loader *loader = unit->loader;
    struct decl *decl = declare(unit, DECL_OUTPUT, entry);
    const struct node *spec = entry->value, *value = spec, *node;
    decl->description = STR_EMPTY;
    if (spec->kind == NODE_NULL) {
        value = NULL;
    } else if (spec->kind == NODE_MAP) {
        check_keys(loader, spec, "an output", known, sizeof known / sizeof *known);
        value = node_get(spec, "value");
        if ((node = node_get(spec, "description")))
            expect_text(loader, node, "a description", &decl->description);
        if ((node = node_get(spec, "sensitive")))
            expect_bool(loader, node, "\"sensitive\"", &decl->sensitive);
    }
    if (!value) {
        struct diag *d =
            diag_error(loader->diags, decl->span, "the output \"%.*s\" has no value", STR_ARG(decl->name));
        diag_hint(loader->diags, d, "%.*s: {value: …}", STR_ARG(decl->name));
        value = spec;
    }
    decl->expr = expr_compile(loader->arena, value, loader->diags);
}

void load_outputs(struct unit *unit, const struct node *section)
{
    for (size_t i = 0; i < section->count; i++)
        load_output(unit, &section->entries[i]);
}
