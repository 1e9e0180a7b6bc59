/* The sections that need few words each: locals, providers, outputs. */
#include "stacks/load.h"
#include "stacks/settings.h"

#include "base/mem.h"
#include "provider/kind.h"

void load_locals(struct unit *unit, const struct node *section)
{
    for (size_t i = 0; i < section->count; i++) {
        struct decl *decl = declare(unit, DECL_LOCAL, &section->entries[i]);
        decl->expr = expr_compile(unit->loader->arena, section->entries[i].value, unit->loader->diags);
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

/* In the state it is known by kind and name: there the kind is wanted although the file may not say it any
 * more. */
static struct str full_name(struct loader *loader, const struct unit *unit, const struct decl *decl)
{
    struct str rest, path = unit->module->path, name = decl->name;
    if (!str_eq(str_cut(name, '.', &rest), decl->provider_name))
        name = arena_printf(loader->arena, "%.*s.%.*s", STR_ARG(decl->provider_name), STR_ARG(name));
    return path.n ? arena_printf(loader->arena, "%.*s/%.*s", STR_ARG(path), STR_ARG(name)) : name;
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
        if (settings->kind != NODE_STRING || !has_expression(settings))
            expect_map(loader, settings, "the settings of a provider");
        decl->config = expr_compile(loader->arena, settings, loader->diags);
        const struct provider_kind *kind =
            kind_find(catalog_kinds(loader->options->catalog), decl->provider_name);
        if (kind && kind->settings && settings->kind == NODE_MAP)
            check_literal(loader, "provider", kind->settings, settings);
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
