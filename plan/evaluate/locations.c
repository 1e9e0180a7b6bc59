/*
 * Where resources are: the configured provider of a record, and whether it still leads to the account, region
 * and endpoint where the resource was created. Calls to another region would not find it and create it again.
 */
#include "plan/evaluate/context.h"

#include "plan/evaluate/connections.h"
#include "provider/kind.h"

enum { NAMES_SHOWN = 200 /* bytes */ };

/* ---- the provider ---- */

const struct decl *location_configuration(const struct planner *p, struct str name)
{
    for (size_t i = 0; i < p->provider_count; i++)
        if (str_eq(p->providers[i]->full_name, name))
            return p->providers[i];
    return NULL;
}

/* NULL: not configured, in a module that is left out, or unknown yet. */
static const struct value *settings_of(struct planner *p, const struct decl *config)
{
    const struct value *v = config ? connections_settings(p, config) : NULL;
    return v && value_is_known(v) && !value_is_null(v) ? v : NULL;
}

/* Opens a location that the stack does not configure any more, with the credentials of the default
 * configuration. */
static int open_location(
    struct planner *p, struct str name, const struct value *location, struct provider **out, struct err *err)
{
    struct str kind = provider_kind(name);
    const struct provider_kind *known = kind_find(catalog_kinds(p->workspace->catalog), kind);
    if (!known || !known->location_settings)
        return err_set(err, ERR_INVALID,
            "the state has resources of the provider \"%.*s\", which the stack does not configure",
            STR_ARG(name));
    const struct value *base = settings_of(p, map_get(&p->stack->root->providers, kind));
    const struct value *settings = known->location_settings(location, base, p->arena);
    struct str key = arena_printf(
        p->arena, "@%.*s/%.*s", STR_ARG(known->location_text(location, p->arena)), STR_ARG(kind));
    return workspace_provider(p->workspace, key, settings, out, err);
}

int location_provider(
    struct planner *p, struct str name, const struct value *location, struct provider **out, struct err *err)
{
    const struct decl *config = location_configuration(p, name);
    const struct value *settings = settings_of(p, config);
    bool is_default = !config && str_eq(name, provider_kind(name));
    if (settings && (connections_check_secrets(config, settings, err) || connections_define(p, config, err)))
        return -1;
    if (settings || is_default)
        return workspace_provider(p->workspace, name, settings, out, err);
    if (location)
        return open_location(p, name, location, out, err);
    if (config)
        return err_set(err, ERR_INVALID, "provider \"%.*s\" is configured with values known only after apply",
            STR_ARG(name));
    err_set(err, ERR_INVALID,
        "the state has resources of the provider \"%.*s\", which the stack does not configure",
        STR_ARG(name));
    return err_hint(err, "configure it under `providers:` again, by its old name, until they are deleted; "
                         "`weir state rm` forgets one");
}

int evaluate_provider(struct planner *p, const struct decl *decl, struct provider **out, struct err *err)
{
    const struct decl *config = decl->provider;
    if (!config)
        return workspace_provider(p->workspace, decl->provider_name, NULL, out, err);
    const struct value *v = p->evaluated.values[config->index];
    if (v && !value_is_known(v))
        return err_set(err, ERR_INVALID, "provider \"%.*s\" is configured with values known only after apply",
            STR_ARG(config->full_name));
    if (connections_check_secrets(config, v, err) || connections_define(p, config, err))
        return -1;
    return workspace_provider(p->workspace, config->full_name, v, out, err);
}

bool location_depends(const struct planner *p, struct str name)
{
    const struct decl *config = location_configuration(p, name);
    return config && connections_depend(p, config);
}

bool location_known(struct planner *p, struct str name, const struct value *location)
{
    return location || settings_of(p, location_configuration(p, name));
}

bool provider_waits(const struct planner *p, const struct decl *decl)
{
    const struct value *v = decl->provider ? p->evaluated.values[decl->provider->index] : NULL;
    return v && !value_is_known(v);
}

/* ---- comparing locations ---- */

enum { COMPARED = 32 };

/* Records at another location for one reason. */
struct elsewhere {
    const char *what; /* "region" … NULL: none yet */
    const struct value *then, *now;
    struct str provider;
    size_t count;
    struct buf names;
    /* Comparisons without a difference, as a cache: nearly all records share a few. */
    struct compared {
        const struct aws_service *service;
        const char *provider;
        const struct value *location;
    } same[COMPARED];
    size_t same_count;
    /* The last comparison, which mostly equals the next one; compared by pointer into the state. */
    const char *type, *configured;
    const struct value *location;
};

/* *what NULL: no difference, or nothing to compare. The account is requested only if nothing else differs. */
static int compare_locations(struct planner *p, struct provider *provider, const struct schema *schema,
    const struct value *then, const struct value **now, const char **what, struct err *err)
{
    *what = NULL;
    if (!then || !schema)
        return 0;
    int looks = value_getz(then, "account") ? 2 : 1; /* the second one gets the account */
    for (int i = 0; i < looks && !*what; i++) {
        if (provider_location(provider, schema, i == 1, p->arena, now, err))
            return -1;
        *what = provider_location_difference(provider, schema, then, *now);
    }
    return 0;
}

static void note_elsewhere(struct elsewhere *e, struct str address)
{
    if (e->names.n > NAMES_SHOWN) {
        e->count++;
        return;
    }
    buf_addf(&e->names, "%s%.*s", e->count ? ", " : "", STR_ARG(address));
    if (e->names.n > NAMES_SHOWN)
        buf_addz(&e->names, ", …");
    e->count++;
}

static int check_anew(struct planner *p, struct elsewhere *e, struct str address, struct str type,
    struct str name, const struct value *then, struct err *err)
{
    const struct schema *schema = catalog_find(p->workspace->catalog, type, false, ERR_IGNORED);
    struct provider *provider;
    const struct value *now;
    const char *what;
    if (!then || !schema)
        return 0;
    struct compared same = {schema->service, name.p, then};
    for (size_t i = 0; i < e->same_count; i++)
        if (e->same[i].service == same.service && e->same[i].provider == same.provider &&
            e->same[i].location == same.location)
            return 0;
    if (location_provider(p, name, then, &provider, err) ||
        compare_locations(p, provider, schema, then, &now, &what, err))
        return -1;
    if (!what) {
        if (e->same_count < COMPARED)
            e->same[e->same_count++] = same;
        return 0;
    }
    if (e->what && (strcmp(what, e->what) != 0 || !str_eq(name, e->provider)))
        return 0;
    e->what = what;
    e->then = then;
    e->now = now;
    e->provider = name;
    note_elsewhere(e, address);
    return 0;
}

static int check_one(struct planner *p, struct elsewhere *e, struct str address, struct str type,
    struct str name, const struct value *then, struct err *err)
{
    if (!then || (type.p == e->type && name.p == e->configured && then == e->location))
        return 0;
    size_t count = e->count;
    if (check_anew(p, e, address, type, name, then, err))
        return -1;
    bool same = !e->what && e->count == count;
    e->type = same ? type.p : NULL;
    e->configured = name.p;
    e->location = then;
    return 0;
}

static int hint_elsewhere(const struct elsewhere *e, struct err *err)
{
    struct str then = value_gets(e->then, e->what), now = value_gets(e->now, e->what);
    if (!strcmp(e->what, "region"))
        return err_hint(err,
            "set region %.*s again (AWS_REGION, or `region` in the provider's settings); for resources in "
            "%.*s "
            "beside them take an environment (-e) or a second configuration",
            STR_ARG(then), STR_ARG(now));
    if (!strcmp(e->what, "endpoint") && then.n && now.n)
        return err_hint(err, "if the same store has another address now: weir state endpoint %.*s %.*s",
            STR_ARG(then), STR_ARG(now));
    if (!strcmp(e->what, "endpoint") && then.n)
        return err_hint(err,
            "set AWS_ENDPOINT_URL, or `endpoint` in the provider's settings, to that again; --sandbox and an "
            "environment (-e) have states of their own");
    return err_hint(err, "use the credentials and settings that they were made with; "
                         "`weir state list` shows what there is");
}

static int refuse_elsewhere(const struct elsewhere *e, struct err *err)
{
    struct str then = value_gets(e->then, e->what), now = value_gets(e->now, e->what);
    bool endpoint = !strcmp(e->what, "endpoint");
    struct str aws = STR("AWS itself");
    then = endpoint && !then.n ? aws : then;
    now = endpoint && !now.n ? aws : now;
    err_set(err, ERR_INVALID, "%.*s %s made %s%s %.*s, but \"%.*s\" leads to %.*s now",
        STR_ARG(buf_str(&e->names)), e->count == 1 ? "was" : "were", endpoint ? "at" : "in ",
        endpoint ? "" : e->what, STR_ARG(then), STR_ARG(e->provider), STR_ARG(now));
    return hint_elsewhere(e, err);
}

int locations_check(struct planner *p, struct err *err)
{
    struct elsewhere e = {0};
    size_t n;
    int status = 0;
    const struct record *const *records = state_records(p->workspace->state, &n);
    for (size_t i = 0; i < n && !status; i++)
        status = check_one(p, &e, records[i]->subject.address, records[i]->subject.type,
            records[i]->subject.provider, records[i]->location, err);
    const struct intent *const *intents = state_open_intents(p->workspace->state, &n);
    for (size_t i = 0; i < n && !status; i++)
        if (!state_get(p->workspace->state, intents[i]->subject.address))
            status = check_one(p, &e, intents[i]->subject.address, intents[i]->subject.type,
                intents[i]->subject.provider, intents[i]->location, err);
    if (!status && e.what)
        status = refuse_elsewhere(&e, err);
    buf_release(&e.names);
    return status;
}

int location_check_record(
    struct planner *p, const struct record *record, struct provider *provider, struct err *err)
{
    const struct schema *schema =
        catalog_find(p->workspace->catalog, record->subject.type, false, ERR_IGNORED);
    struct elsewhere e = {.then = record->location, .provider = record->subject.provider};
    if (compare_locations(p, provider, schema, record->location, &e.now, &e.what, err))
        return -1;
    if (!e.what)
        return 0;
    note_elsewhere(&e, record->subject.address);
    refuse_elsewhere(&e, err);
    buf_release(&e.names);
    return -1;
}

static bool differs_there(
    struct planner *p, const struct instance *instance, const struct record *record, struct str *why)
{
    const struct value *now;
    const char *what;
    struct provider *provider;
    if (evaluate_provider(p, instance->decl, &provider, ERR_IGNORED) ||
        compare_locations(p, provider, instance->decl->schema, record->location, &now, &what, ERR_IGNORED) ||
        !what)
        return false;
    *why = arena_printf(p->arena, "moves from %s %.*s to %.*s", what,
        STR_ARG(value_gets(record->location, what)), STR_ARG(value_gets(now, what)));
    return true;
}

bool location_differs(struct planner *p, const struct instance *instance, struct str *why)
{
    const struct record *record = instance->recorded ? instance->recorded->record : NULL;
    const struct decl *config = instance->decl->provider;
    return record && record->location && !p->offline &&
           !str_eq(record->subject.provider, config ? config->full_name : instance->decl->provider_name) &&
           differs_there(p, instance, record, why);
}
