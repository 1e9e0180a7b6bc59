/*
 * Things that two resources cannot share, refused when planned: the first that goes would take it away from
 * the other.
 */
#include "plan/identity_clash.h"

#include "plan/address.h"
#include "plan/decision.h"

/*
 * Of some types (schema->sole) nothing is made twice under one id, so no two in the stack may have the same,
 * nor one that another is recorded with or keeps besides, such as that of an earlier version. And of no type
 * may a resource be what is recorded under an address that is not in the stack any more: whoever renames one
 * means the same thing, and services that find it there already say so or do not, and in any order.
 */

static struct str identity_key(
    struct planner *p, const struct schema *schema, struct str provider, struct str id)
{
    return arena_printf(p->arena, "%.*s %.*s %.*s", STR_ARG(schema->name), STR_ARG(provider), STR_ARG(id));
}

/* ---- in the stack ---- */

static void check_sole(struct planner *p, struct map *wanted, const struct instance *instance)
{
    const struct decl *decl = instance->decl;
    const struct value *id = value_get(instance->planned, decl->schema->id);
    if (!instance->planned || value_is_null(id) || !value_is_known(id))
        return;
    struct str provider = decl->provider ? decl->provider->full_name : decl->provider_name;
    struct str text = value_text(id, STR_EMPTY);
    const struct instance *first =
        map_set(wanted, identity_key(p, decl->schema, provider, text), (void *)(uintptr_t)instance);
    if (!first)
        return;
    struct diag *d = diag_error(p->diags, decl->span, "%.*s and %.*s would be the same %.*s: %.*s",
        STR_ARG(first->address), STR_ARG(instance->address), STR_ARG(decl->schema->name), STR_ARG(text));
    diag_hint(p->diags, d, "one would take it away from the other; give one of them another name");
}

/* ---- in the state ---- */

/* Something recorded under one id. */
struct taken {
    const struct seen *seen;
    bool keeps; /* an id that goes with it, perhaps of an earlier version */
    struct taken *next;
};

/* An address as YAML has it in a list or map of one line. */
static struct str quoted_address(struct planner *p, struct str address)
{
    return str_find_char(address, '[', 0) < 0 ? address : arena_printf(p->arena, "'%.*s'", STR_ARG(address));
}

static void report_going(
    struct planner *p, const struct instance *instance, const struct seen *seen, struct str id)
{
    const struct decl *decl = instance->decl;
    struct diag *d = diag_error(p->diags, decl->span,
        "%.*s would be the same %.*s as %.*s, which is not in the stack any more: %.*s",
        STR_ARG(instance->address), STR_ARG(decl->schema->name), STR_ARG(seen->address), STR_ARG(id));
    bool declared = stack_find(p->stack, seen->address); /* and left out by `when` */
    if (instance->seen)
        diag_hint(p->diags, d, "`weir state rm` of the latter lets go of it");
    else if (declared)
        diag_hint(p->diags, d, "make them one resource, or apply once without either");
    else
        diag_hint(p->diags, d, "`moved: [{from: %.*s, to: %.*s}]` takes it along",
            STR_ARG(quoted_address(p, seen->address)), STR_ARG(quoted_address(p, instance->address)));
}

static void report_taken(
    struct planner *p, const struct instance *instance, const struct taken *taken, struct str id)
{
    const struct decl *decl = instance->decl;
    struct str other = taken->seen->address;
    struct diag *d = diag_error(p->diags, decl->span, "%.*s would be the same %.*s as %s%.*s%s: %.*s",
        STR_ARG(instance->address), STR_ARG(decl->schema->name), taken->keeps ? "a version that " : "",
        STR_ARG(other), taken->keeps ? " keeps" : " still is", STR_ARG(id));
    diag_hint(p->diags, d,
        taken->keeps ? "when %.*s goes it would take that away; give one of them another name"
                     : "it can be that once %.*s is another: apply that first, with --target",
        STR_ARG(other));
}

static void take_identity(struct planner *p, struct map *all, const struct schema *schema,
    const struct seen *seen, struct str id, bool keeps)
{
    struct taken *taken = ARENA_NEW(p->arena, struct taken);
    *taken = (struct taken){.seen = seen, .keeps = keeps};
    if (id.n)
        taken->next = map_set(all, identity_key(p, schema, seen->record->subject.provider, id), taken);
}

static void take_identities(struct planner *p, struct map *all, const struct seen *seen)
{
    const struct record *record = seen->record;
    const struct schema *schema = catalog_find(p->workspace->catalog, record->subject.type, false, NULL);
    const struct removed *removed = removed_of(p, seen->address);
    bool kept = seen->claimed ? schema && !schema->sole : removed && !removed->destroy;
    if (!schema || kept || !str_eq(address_current(seen->address), seen->address))
        return;
    const struct value *held =
        schema->sole && schema->ops->holds ? schema->ops->holds(p->arena, record->attrs) : NULL;
    for (uint32_t i = 0; held && i < held->count; i++)
        take_identity(p, all, schema, seen, value_text(held->items[i], STR_EMPTY), true);
    if (!held || !held->count)
        take_identity(p, all, schema, seen, record->subject.id, false);
    struct str arn = value_gets(record->attrs, "arn");
    if (!schema->sole && !str_eq(arn, record->subject.id))
        take_identity(p, all, schema, seen, arn, false);
}

/* What no change leaves as it is. */
static bool tells_apart(const struct attr *attr)
{
    return (attr->replace && !attr->write_only && !attr->sensitive) || str_eqz(attr->name, "arn");
}

/* With the same id: an id may be unique only within something else, such as a function or a database. */
static bool is_same_thing(const struct instance *instance, const struct seen *seen)
{
    const struct schema *schema = instance->decl->schema;
    for (size_t i = 0; !schema->sole && i < schema->attr_count; i++) {
        struct str name = schema->attrs[i].name;
        const struct value *now = value_get(instance->planned, name),
                           *then = value_get(seen->record->attrs, name);
        if (tells_apart(&schema->attrs[i]) && now && then && !value_equal(now, then))
            return false;
    }
    return true;
}

static void check_others(struct planner *p, struct map *all, const struct instance *instance)
{
    const struct decl *decl = instance->decl;
    const struct value *id = value_get(instance->planned, decl->schema->id);
    if (!value_is_known(id)) /* the service gives it, as a queue's URL; its ARN may follow from the name */
        id = value_getz(instance->planned, "arn");
    struct str provider = decl->provider ? decl->provider->full_name : decl->provider_name;
    struct str text = value_is_known(id) ? value_text(id, STR_EMPTY) : STR_EMPTY;
    const struct taken *taken = text.n ? map_get(all, identity_key(p, decl->schema, provider, text)) : NULL;
    while (taken && (taken->seen == instance->seen || !is_same_thing(instance, taken->seen)))
        taken = taken->next;
    if (taken && taken->seen->claimed)
        report_taken(p, instance, taken, text);
    else if (taken)
        report_going(p, instance, taken->seen, text);
}

/* ---- all of them ---- */

static void each_instance(struct planner *p, struct map *map, bool sole,
    void (*check)(struct planner *p, struct map *map, const struct instance *instance))
{
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        for (size_t k = 0;
             decl->kind == DECL_RESOURCE && (decl->schema->sole || !sole) && k < p->evaluated.instances[i].n;
             k++)
            check(p, map, &p->evaluated.instances[i].items[k]);
    }
}

void identity_check(struct planner *p)
{
    AUTO_MAP struct map wanted = MAP_INIT, taken = MAP_INIT;
    size_t errors = p->diags->errors;
    each_instance(p, &wanted, true, check_sole);
    if (p->diags->errors > errors)
        return;
    for (size_t i = 0; i < p->recorded.count; i++)
        if (!p->recorded.seen[i].claimed || wanted.n)
            take_identities(p, &taken, &p->recorded.seen[i]);
    if (taken.n)
        each_instance(p, &taken, false, check_others);
}
