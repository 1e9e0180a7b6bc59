/* The sections that need few words each: locals, providers, outputs, moved, removed, imports. */
#include "stacks/load.h"

#include "base/mem.h"

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
        if (entry->value->kind == NODE_NULL)
            continue;
        if (entry->value->kind != NODE_STRING || !has_expression(entry->value))
            expect_map(loader, entry->value, "the settings of a provider");
        decl->config = expr_compile(loader->arena, entry->value, loader->diags);
    }
}

static void load_output(struct unit *unit, const struct node_entry *entry)
{
    static const struct str known[] = {STR_INIT("value"), STR_INIT("description"), STR_INIT("sensitive")};
    struct loader *loader = unit->loader;
    struct decl *decl = declare(unit, DECL_OUTPUT, entry);
    const struct node *spec = entry->value, *value = spec, *node;
    decl->description = STR_EMPTY;
    if (spec->kind == NODE_MAP) {
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

/* ---- what happens to addresses ---- */

/* An address as written in this module; empty after an error. */
static struct str read_address(struct unit *unit, const struct node *map, const char *key, const char *what)
{
    struct loader *loader = unit->loader;
    const struct node *node = node_get(map, key);
    struct str text, address, instance;
    if (!node) {
        diag_error(loader->diags, node_span(map), "%s needs \"%s\"", what, key);
        return STR_EMPTY;
    }
    if (!expect_text(loader, node, "an address", &text))
        return STR_EMPTY;
    if (!address_split(loader->arena, text, &address, &instance)) {
        struct diag *d = diag_error(loader->diags, node_span(node), "\"%.*s\" is no address", STR_ARG(text));
        diag_hint(loader->diags, d, "addresses are: lake, lake[\"key\"], module/lake");
        return STR_EMPTY;
    }
    struct str path = unit->module->path;
    return path.n ? arena_concat(loader->arena, (struct str[]){path, STR("/"), text}, 3) : text;
}

#define GROW_ONE(arena, items, count) grow_one((arena), (items), (count), sizeof *(items))

/* These lists are short; they grow by doubling at the powers of two. */
static void *grow_one(struct arena *arena, void *items, size_t count, size_t size)
{
    if (count & (count - 1) || (count == 0 && items))
        return items;
    void *grown = arena_alloc(arena, size * (count ? count * 2 : 1));
    if (count)
        memcpy(grown, items, size * count);
    return grown;
}

void load_moved(struct unit *unit, const struct node *section)
{
    static const struct str known[] = {STR_INIT("from"), STR_INIT("to")};
    struct loader *loader = unit->loader;
    struct stack *stack = loader->stack;
    for (size_t i = 0; i < section->count; i++) {
        const struct node *item = section->items[i];
        if (!expect_map(loader, item, "an item of \"moved\""))
            continue;
        check_keys(loader, item, "\"moved\"", known, 2);
        struct moved moved = {.span = node_span(item)};
        moved.from = read_address(unit, item, "from", "\"moved\"");
        moved.to = read_address(unit, item, "to", "\"moved\"");
        if (!moved.from.n || !moved.to.n)
            continue;
        stack->moved = GROW_ONE(loader->arena, stack->moved, stack->moved_count);
        stack->moved[stack->moved_count++] = moved;
    }
}

void load_removed(struct unit *unit, const struct node *section)
{
    static const struct str known[] = {STR_INIT("address"), STR_INIT("destroy")};
    struct loader *loader = unit->loader;
    struct stack *stack = loader->stack;
    for (size_t i = 0; i < section->count; i++) {
        const struct node *item = section->items[i], *destroy;
        if (!expect_map(loader, item, "an item of \"removed\""))
            continue;
        check_keys(loader, item, "\"removed\"", known, 2);
        struct removed removed = {.destroy = true, .span = node_span(item)};
        removed.address = read_address(unit, item, "address", "\"removed\"");
        if ((destroy = node_get(item, "destroy")))
            expect_bool(loader, destroy, "\"destroy\"", &removed.destroy);
        if (!removed.address.n)
            continue;
        stack->removed = GROW_ONE(loader->arena, stack->removed, stack->removed_count);
        stack->removed[stack->removed_count++] = removed;
    }
}

void load_imports(struct unit *unit, const struct node *section)
{
    static const struct str known[] = {STR_INIT("address"), STR_INIT("id")};
    struct loader *loader = unit->loader;
    struct stack *stack = loader->stack;
    for (size_t i = 0; i < section->count; i++) {
        const struct node *item = section->items[i];
        if (!expect_map(loader, item, "an item of \"imports\""))
            continue;
        check_keys(loader, item, "\"imports\"", known, 2);
        struct import import = {.span = node_span(item)};
        import.address = read_address(unit, item, "address", "\"imports\"");
        const struct node *id = node_get(item, "id");
        if (!id || id->kind == NODE_NULL || id->kind == NODE_LIST || id->kind == NODE_MAP) {
            diag_error(loader->diags, node_span(id ? id : item), "\"imports\" needs \"id\", a text");
            continue;
        }
        import.id = expr_compile(loader->arena, id, loader->diags);
        if (!import.address.n)
            continue;
        stack->imports = GROW_ONE(loader->arena, stack->imports, stack->import_count);
        stack->imports[stack->import_count++] = import;
    }
}
