/*
 * Things that two resources cannot share: of some types nothing is made twice under one id, but the first
 * that goes would take it away from the other.
 */
#include "plan/planner.h"

static void check_instance(struct planner *p, struct map *seen, const struct instance *instance)
{
    const struct schema *schema = instance->decl->schema;
    const struct value *id = value_get(instance->planned, schema->id);
    if (!instance->planned || value_is_null(id) || !value_is_known(id))
        return;
    const struct decl *decl = instance->decl;
    struct str provider = decl->provider ? decl->provider->name : decl->provider_name;
    struct str key = arena_printf(p->arena, "%.*s %.*s %.*s", STR_ARG(schema->name), STR_ARG(provider),
        STR_ARG(value_text(id, STR_EMPTY)));
    const struct instance *first = map_set(seen, key, (void *)instance);
    if (!first)
        return;
    struct diag *d = diag_error(p->diags, decl->span, "%.*s and %.*s would be the same %.*s: %.*s",
        STR_ARG(first->address), STR_ARG(instance->address), STR_ARG(schema->name),
        STR_ARG(value_text(id, STR_EMPTY)));
    diag_hint(p->diags, d, "one would take it away from the other; give one of them another name");
}

void check_unique(struct planner *p)
{
    AUTO_MAP struct map seen = MAP_INIT;
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        for (size_t k = 0; decl->kind == DECL_RESOURCE && decl->schema->sole && k < p->instances[i].n; k++)
            check_instance(p, &seen, &p->instances[i].items[k]);
    }
}
