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

void load_providers(struct unit *unit, const struct node *section)
{
    struct loader *loader = unit->loader;
    for (size_t i = 0; i < section->count; i++) {
        const struct node_entry *entry = &section->entries[i];
        struct decl *decl = declare(unit, DECL_PROVIDER, entry);
        struct str rest;
        decl->provider_name = str_cut(decl->name, '.', &rest);
        struct str path = unit->module->path;
        decl->full_name = !path.n
                              ? decl->name
                              : arena_printf(loader->arena, "%.*s/%.*s", STR_ARG(path), STR_ARG(decl->name));
        if (entry->value->kind == NODE_NULL)
            continue;
        if (entry->value->kind != NODE_STRING || !has_expression(entry->value))
            expect_map(loader, entry->value, "the settings of a provider");
        decl->config = expr_compile(loader->arena, entry->value, loader->diags);
        const struct provider_kind *kind =
            kind_find(catalog_kinds(loader->options->catalog), decl->provider_name);
        if (kind && kind->settings && entry->value->kind == NODE_MAP)
            check_literal(loader, "provider", kind->settings, entry->value);
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
