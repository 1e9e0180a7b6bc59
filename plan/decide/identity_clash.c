/*
 * Two resources with one identity, refused in the plan: deleting one would delete the other, and each apply
 * would overwrite the other's attributes.
 */
#include "base/mem.h"
#include "plan/decide/decision.h"
#include "plan/evaluate/context.h"
#include "plan/evaluate/evaluate.h"
#include "plan/objects/recorded.h"
#include "provider/kind.h"

/* ---- whether two resources are at one location ---- */

/* Returns the settings of a provider; false: not known yet. */
static bool find_settings(struct planner *p, struct str name, const struct value **settings)
{
    const struct decl *config = location_configuration(p, name);
    *settings = config ? p->evaluated.values[config->index] : &value_null;
    return *settings && value_is_known(*settings);
}

/* The recorded location, otherwise the provider's present one. */
static bool find_location(struct planner *p, const struct schema *schema, const struct resource_location *at,
    bool ask, const struct value **location)
{
    const struct value *settings;
    struct provider *provider;
    *location = at->location;
    return *location ||
           (find_settings(p, at->provider, &settings) &&
               !location_provider(p, at->provider, NULL, &provider, ERR_IGNORED) &&
               !provider_location(provider, schema, ask, p->arena, location, ERR_IGNORED) && *location);
}

/* Locations in AWS are sure with an account, stores and servers with an endpoint or engine. */
static bool is_sure(const struct value *location)
{
    return value_getz(location, "account") || value_getz(location, "endpoint") ||
           value_getz(location, "engine");
}

/* True if the locations differ. Servers on this machine differ by endpoint, whatever a recorded one's present
 * endpoint is. */
static bool differ(const struct provider_kind *kind, const struct schema *schema, const struct value *a,
    const struct value *b)
{
    return kind->location_difference(schema, a, b) ||
           !str_eq(value_gets(a, "endpoint"), value_gets(b, "endpoint"));
}

bool identities_share_location(
    struct planner *p, const struct schema *schema, struct resource_location a, struct resource_location b)
{
    if (str_eq(a.provider, b.provider))
        return true;
    const struct provider_kind *kind =
        kind_find(catalog_kinds(p->workspace->catalog), provider_kind(a.provider));
    const struct value *mine, *others;
    if (!kind || !str_eq(provider_kind(a.provider), provider_kind(b.provider)))
        return false;
    if (find_settings(p, a.provider, &mine) && find_settings(p, b.provider, &others) &&
        value_equal(mine, others))
        return true;
    for (int ask = 0; ask < 2; ask++) /* the account only if all else is the same */
        if (p->offline || !kind->location_difference || !find_location(p, schema, &a, ask, &mine) ||
            !find_location(p, schema, &b, ask, &others) || differ(kind, schema, mine, others))
            return false;
    return is_sure(mine) && is_sure(others);
}

/*
 * No two instances may have the same identity (plan/objects/objects.h), nor that of another record, nor that
 * of an earlier version that a record keeps. Nor may an instance have that of a record that is removed from
 * the configuration: a renamed resource keeps its identity, and services may silently accept its creation,
 * before or after the deletion.
 */

/* Instances or records by identity key. */
struct identity_map {
    struct map holders;
    struct names *names; /* maps CloudFormation's types to weir's own */
};

/* An instance or record with an identity. */
struct holder {
    const struct instance *instance; /* NULL: a record */
    const struct recorded_resource *recorded;
    bool keeps; /* the identity is one of several ids that it keeps, such as those of earlier versions */
    struct resource_location at;
    struct holder *next;
};

static void add_holder(struct planner *p, struct identity_map *all, struct str key, const struct holder *new)
{
    struct holder *holder = ARENA_NEW(p->arena, struct holder);
    *holder = *new;
    holder->next = map_set(&all->holders, key, holder);
}

static struct resource_location whereabouts_of(const struct instance *instance)
{
    const struct decl *decl = instance->decl;
    const struct record *record = instance->recorded ? instance->recorded->record : NULL;
    struct str provider = decl->provider ? decl->provider->full_name : decl->provider_name;
    bool same = record && str_eq(record->subject.provider, provider);
    return (struct resource_location){provider, same ? record->location : NULL};
}

/* Returns the holder of a key at the instance's location, other than the instance itself. */
static const struct holder *find_other(
    struct planner *p, const struct identity_map *all, struct str key, const struct instance *instance)
{
    const struct holder *holder = map_get(&all->holders, key);
    while (holder &&
           ((holder->recorded && holder->recorded == instance->recorded) ||
               !identities_share_location(p, instance->decl->schema, whereabouts_of(instance), holder->at)))
        holder = holder->next;
    return holder;
}

/* ---- within the stack ---- */

static void report_twin(struct planner *p, const struct instance *first, const struct instance *instance,
    const struct identities *identity)
{
    const struct decl *decl = instance->decl;
    struct diag *d = diag_error(p->diags, decl->span, "%.*s and %.*s would be the same %.*s: %.*s",
        STR_ARG(first->address), STR_ARG(instance->address), STR_ARG(decl->schema->name),
        STR_ARG(identity->text));
    if (first->decl != decl)
        diag_related(p->diags, d, first->decl->span, "%.*s", STR_ARG(first->address));
    diag_hint(p->diags, d, "each would overwrite the other; give one of them another name");
}

static struct identities identities_wanted(
    struct planner *p, const struct identity_map *all, const struct instance *instance)
{
    const struct schema *schema = instance->decl->schema;
    if (!schema->ops->read) /* it exists in the state only */
        return (struct identities){0};
    const struct value *set = instance->desired    ? object_set(p->arena, schema, instance->desired)
                              : instance->recorded ? instance->recorded->record->set
                                                   : NULL;
    struct identities identities = identities_of(p->arena, schema, instance->planned, set);
    identities_add_own(&identities, all->names, p->arena, schema, instance->planned);
    return identities;
}

static void check_twin(struct planner *p, void *ctx, const struct instance *instance)
{
    struct identity_map *wanted = ctx;
    struct identities identity = identities_wanted(p, wanted, instance);
    for (size_t i = 0; i < identity.n; i++) {
        const struct holder *first = find_other(p, wanted, identity.keys[i], instance);
        if (first) {
            report_twin(p, first->instance, instance, &identity);
            return;
        }
    }
    struct holder holder = {.instance = instance, .at = whereabouts_of(instance)};
    for (size_t i = 0; i < identity.n; i++)
        add_holder(p, wanted, identity.keys[i], &holder);
}

/* ---- within the state ---- */

static void report_going(struct planner *p, const struct instance *instance,
    const struct recorded_resource *recorded, struct str text)
{
    const struct decl *decl = instance->decl;
    struct diag *d = diag_error(p->diags, decl->span,
        "%.*s would be the same %.*s as %.*s, which was removed from the configuration: %.*s",
        STR_ARG(instance->address), STR_ARG(decl->schema->name), STR_ARG(recorded->address), STR_ARG(text));
    const struct decl *declared = stack_find(p->stack, recorded->address);
    if (!str_eq(decl->schema->name, recorded->record->subject.type))
        diag_hint(p->diags, d,
            "`removed: [{address: %.*s, destroy: false}]` forgets that one, `imports:` imports it as "
            "%.*s",
            STR_ARG(address_quoted(p->arena, recorded->address)), STR_ARG(instance->address));
    else if (instance->recorded)
        diag_hint(p->diags, d, "`weir state rm` of the latter forgets it");
    else if (declared && declared != decl) /* and left out by `when` */
        diag_hint(p->diags, d, "make them one resource, or apply once without either");
    else
        diag_hint(p->diags, d, "`moved: [{from: %.*s, to: %.*s}]` takes it along",
            STR_ARG(address_quoted(p->arena, recorded->address)),
            STR_ARG(address_quoted(p->arena, instance->address)));
}

static void report_taken(
    struct planner *p, const struct instance *instance, const struct holder *holder, struct str text)
{
    const struct decl *decl = instance->decl;
    struct str other = holder->recorded->address;
    struct diag *d = diag_error(p->diags, decl->span, "%.*s would be the same %.*s as %s%.*s%s: %.*s",
        STR_ARG(instance->address), STR_ARG(decl->schema->name), holder->keeps ? "a version that " : "",
        STR_ARG(other), holder->keeps ? " keeps" : " still is", STR_ARG(text));
    diag_hint(p->diags, d,
        holder->keeps ? "deleting %.*s would delete it, too; give one of them another name"
                      : "it can be that once %.*s is another: apply that first, with --target",
        STR_ARG(other));
}

static void take_identities(
    struct planner *p, struct identity_map *all, const struct recorded_resource *recorded)
{
    const struct record *record = recorded->record;
    const struct schema *schema = catalog_find(p->workspace->catalog, record->subject.type, false, NULL);
    if (!schema || removed_is_forgotten(p, recorded) ||
        !str_eq(address_current(recorded->address), recorded->address))
        return;
    struct holder holder = {.recorded = recorded, .at = {record->subject.provider, record->location}};
    const struct value *held = schema->ops->held_ids ? schema->ops->held_ids(p->arena, record->attrs) : NULL;
    holder.keeps = held && held->count;
    for (uint32_t i = 0; held && i < held->count; i++)
        add_holder(
            p, all, identities_by_id(p->arena, schema, value_text(held->items[i], STR_EMPTY)), &holder);
    struct identities identity = identities_of(p->arena, schema, record->attrs, record->set);
    identities_add_own(&identity, all->names, p->arena, schema, record->attrs);
    for (size_t i = 0; i < identity.n && !holder.keeps; i++)
        add_holder(p, all, identity.keys[i], &holder);
}

static void check_others(struct planner *p, void *ctx, const struct instance *instance)
{
    struct identity_map *taken = ctx;
    struct identities identity = identities_wanted(p, taken, instance);
    const struct holder *holder = NULL;
    for (size_t i = 0; i < identity.n && !holder; i++)
        holder = find_other(p, taken, identity.keys[i], instance);
    if (holder && p->needed)
        p->needs_whole = true; /* the whole state is needed for the message */
    else if (holder && holder->recorded->claimed)
        report_taken(p, instance, holder, identity.text);
    else if (holder)
        report_going(p, instance, holder->recorded, identity.text);
}

/* ---- all instances ---- */

static void each_instance(struct planner *p, void *ctx,
    void (*check)(struct planner *p, void *ctx, const struct instance *instance))
{
    for (size_t i = 0; i < p->stack->decl_count; i++)
        for (size_t k = 0; p->stack->decls[i]->kind == DECL_RESOURCE && k < p->evaluated.instances[i].n; k++)
            check(p, ctx, &p->evaluated.instances[i].items[k]);
}

static void check_all(struct planner *p, struct identity_map *wanted, struct identity_map *taken)
{
    size_t errors = p->diags->errors;
    each_instance(p, wanted, check_twin);
    if (p->diags->errors > errors)
        return;
    for (size_t i = 0; i < p->recorded.count; i++)
        take_identities(p, taken, &p->recorded.items[i]);
    if (taken->holders.n)
        each_instance(p, taken, check_others);
}

/* ---- identities that a part of the state does not have ---- */

enum { UNKNOWN_MAX = 100 }; /* unknown names; each is looked up during the apply */

/* Instances whose identity differs from the recorded one. */
struct newcomers {
    struct naming naming;
    struct map complete; /* by schema: whether the snapshot has its identity keys */
    struct map *keys;
    size_t unknown;
};

static bool names_are_complete(struct newcomers *all, const struct schema *schema)
{
    static char yes, no;
    const char *known = map_get(&all->complete, schema->name);
    if (!known) {
        known = named_is_current(&all->naming, schema) ? &yes : &no;
        map_set(&all->complete, schema->name, (void *)(uintptr_t)known);
    }
    return known == &yes;
}

static struct identities identities_now(
    struct planner *p, struct newcomers *all, const struct instance *instance)
{
    const struct schema *schema = instance->decl->schema;
    const struct record *record = instance->recorded ? instance->recorded->record : NULL;
    struct identities now = {0};
    if (record && str_eq(record->subject.type, schema->name)) {
        now = identities_of(p->arena, schema, record->attrs, record->set);
        identities_add_own(&now, &all->naming.names, p->arena, schema, record->attrs);
    }
    return now;
}

/* For replacements the whole state is read, because of dependents. New versions of resources that keep
 * versions are compared when all versions of the stack are read (workspace.c). */
static void note_new(struct planner *p, void *ctx, const struct instance *instance)
{
    struct newcomers *all = ctx;
    const struct schema *schema = instance->decl->schema;
    bool version = schema->ops->held_ids && instance->recorded && p->options->targets_only;
    if (p->needs_whole || !instance->desired || !schema->ops->read || version)
        return;
    struct identity_map names = {MAP_INIT, &all->naming.names};
    struct identities wanted = identities_wanted(p, &names, instance), now = identities_now(p, all, instance);
    const struct value *id = value_get(instance->planned, schema->id);
    bool other = !now.n || wanted.n != now.n;
    for (size_t i = 0; i < wanted.n; i++) {
        bool known = false;
        for (size_t k = 0; k < now.n; k++)
            known |= str_eq(wanted.keys[i], now.keys[k]);
        other |= !known;
        if (!known)
            map_set(all->keys, wanted.keys[i], (void *)(uintptr_t)instance);
    }
    all->unknown += other && (wanted.n < now.n || value_is_null(id) || !value_is_known(id));
    bool unnamed = wanted.secret || all->unknown > UNKNOWN_MAX; /* a snapshot has no keys with secrets */
    p->needs_whole |= other && (unnamed || instance_action(instance) == ACTION_REPLACE);
    if (other && !p->needs_whole && !names_are_complete(all, schema)) {
        p->needs_whole = true;
        state_want_snapshot(p->workspace->state);
    }
}

/* If another record has the key, the whole state is read for a precise message. */
static void check_new_name(struct planner *p, void *ctx, const struct instance *instance)
{
    struct named *named = ctx;
    struct identity_map names = {MAP_INIT, &named->naming.names};
    struct identities wanted = identities_wanted(p, &names, instance);
    for (size_t i = 0; i < wanted.n && !p->needs_whole; i++)
        p->needs_whole = map_get(&p->identity_keys, wanted.keys[i]) &&
                         named_other(named, instance->address, instance->decl->schema,
                             whereabouts_of(instance), wanted.keys[i]);
}

static void look_for_new(struct planner *p)
{
    struct named named;
    AUTO_FREE struct str *keys = mem_realloc_array(NULL, p->identity_keys.n, sizeof *keys);
    for (size_t i = 0; i < p->identity_keys.n; i++)
        keys[i] = p->identity_keys.items[i].key;
    p->needs_whole = named_open(p, keys, p->identity_keys.n, &named, ERR_IGNORED) != 0;
    if (!p->needs_whole)
        each_instance(p, &named, check_new_name);
    named_close(&named);
}

static void check_new(struct planner *p)
{
    struct newcomers all = {.keys = &p->identity_keys};
    named_begin(&all.naming, p);
    each_instance(p, &all, note_new);
    if (!p->needs_whole && p->identity_keys.n)
        look_for_new(p);
    map_release(&all.complete);
    named_end(&all.naming);
}

void identity_check(struct planner *p)
{
    struct names names;
    names_open(&names, p->arena, p->workspace->catalog);
    struct identity_map wanted = {MAP_INIT, &names}, taken = {MAP_INIT, &names};
    if (p->needed && !p->diags->errors)
        check_new(p);
    if (!p->needs_whole)
        check_all(p, &wanted, &taken);
    map_release(&wanted.holders);
    map_release(&taken.holders);
    names_release(&names);
}
