/*
 * Things that two resources cannot share: of some types nothing is made twice under one id, but the first
 * that goes would take it away from the other. That is so among those of the stack, and between them and what
 * is recorded: of a resource that goes, and of what another keeps besides, such as earlier versions.
 */
#include "plan/planner.h"

static struct str key_of(struct planner *p, const struct schema *schema, struct str provider, struct str id)
{
    return arena_printf(p->arena, "%.*s %.*s %.*s", STR_ARG(schema->name), STR_ARG(provider), STR_ARG(id));
}

/* ---- in the stack ---- */

static void check_instance(struct planner *p, struct map *wanted, const struct instance *instance)
{
    const struct decl *decl = instance->decl;
    const struct value *id = value_get(instance->planned, decl->schema->id);
    if (!instance->planned || value_is_null(id) || !value_is_known(id))
        return;
    struct str provider = decl->provider ? decl->provider->name : decl->provider_name;
    struct str text = value_text(id, STR_EMPTY);
    const struct instance *first =
        map_set(wanted, key_of(p, decl->schema, provider, text), (void *)(uintptr_t)instance);
    if (!first)
        return;
    struct diag *d = diag_error(p->diags, decl->span, "%.*s and %.*s would be the same %.*s: %.*s",
        STR_ARG(first->address), STR_ARG(instance->address), STR_ARG(decl->schema->name), STR_ARG(text));
    diag_hint(p->diags, d, "one would take it away from the other; give one of them another name");
}

/* ---- in the state ---- */

/* An address as YAML has it in a list or map of one line. */
static struct str quoted(struct planner *p, struct str address)
{
    return str_find_char(address, '[', 0) < 0 ? address : arena_printf(p->arena, "'%.*s'", STR_ARG(address));
}

static void report(
    struct planner *p, const struct instance *instance, const struct seen *seen, struct str id, bool keeps)
{
    const struct decl *decl = instance->decl;
    struct diag *d;
    if (!seen->claimed) {
        d = diag_error(p->diags, decl->span,
            "%.*s would be the same %.*s as %.*s, which is not in the stack any more: %.*s",
            STR_ARG(instance->address), STR_ARG(decl->schema->name), STR_ARG(seen->address), STR_ARG(id));
        diag_hint(p->diags, d, "`moved: [{from: %.*s, to: %.*s}]` takes it along",
            STR_ARG(quoted(p, seen->address)), STR_ARG(quoted(p, instance->address)));
        return;
    }
    d = diag_error(p->diags, decl->span, "%.*s would be the same %.*s as %s%.*s%s: %.*s",
        STR_ARG(instance->address), STR_ARG(decl->schema->name), keeps ? "a version that " : "",
        STR_ARG(seen->address), keeps ? " keeps" : " still is", STR_ARG(id));
    diag_hint(p->diags, d,
        keeps ? "when %.*s goes it would take that away; give one of them another name"
              : "it can be that once %.*s is another: apply that first, with --target",
        STR_ARG(seen->address));
}

static void check_record(struct planner *p, const struct map *wanted, const struct seen *seen)
{
    const struct record *record = seen->record;
    const struct schema *schema = catalog_find(p->workspace->catalog, record->type, false, NULL);
    const struct removed *removed = removed_of(p, seen->address);
    bool stays = !seen->claimed && removed && !removed->destroy;
    if (!schema || !schema->sole || stays || !str_eq(address_current(seen->address), seen->address))
        return;
    const struct value *own = value_get(record->attrs, schema->id);
    const struct value *held = schema->ops->holds ? schema->ops->holds(p->arena, record->attrs) : NULL;
    bool keeps = held && held->count;
    for (uint32_t i = 0; i < (keeps ? held->count : 1); i++) {
        struct str id = value_text(keeps ? held->items[i] : own, STR_EMPTY);
        const struct instance *instance = map_get(wanted, key_of(p, schema, record->provider, id));
        if (id.n && instance && instance->seen != seen)
            report(p, instance, seen, id, keeps);
    }
}

void check_unique(struct planner *p)
{
    AUTO_MAP struct map wanted = MAP_INIT;
    size_t errors = p->diags->errors;
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        for (size_t k = 0; decl->kind == DECL_RESOURCE && decl->schema->sole && k < p->instances[i].n; k++)
            check_instance(p, &wanted, &p->instances[i].items[k]);
    }
    for (size_t i = 0; wanted.n && p->diags->errors == errors && i < p->seen_count; i++)
        check_record(p, &wanted, &p->seen[i]);
}
