/* Unreachable services that the stack itself creates: see refresh.h. */
#include "plan/evaluate/evaluate.h"
#include "plan/refresh/refresh.h"

#include "base/mem.h"
#include "plan/evaluate/connections.h"
#include "plan/evaluate/context.h"
#include "plan/objects/objects.h"
#include "provider/kind.h"

#include <stdlib.h>

enum { SERVER_FAILS = 500 };

bool unreachable_is(const struct err *err)
{
    return err->class == ERR_NETWORK || err->class == ERR_TIMEOUT || err->http_status >= SERVER_FAILS;
}

/* ---- the makers of a service ---- */

static void need(void *ctx, const struct decl *decl)
{
    depends_need(decl, ctx);
}

/* True if the endpoint is on the same host as its client. */
static bool is_local(const struct value *endpoint)
{
    if (endpoint->kind == VALUE_LIST) {
        for (uint32_t i = 0; i < endpoint->count; i++)
            if (!is_local(endpoint->items[i]))
                return false;
        return true;
    }
    if (endpoint->kind != VALUE_STRING)
        return value_is_null(endpoint);
    ptrdiff_t scheme = str_find(endpoint->string, STR("://"), 0);
    struct str at =
        scheme < 0 ? endpoint->string : str_slice(endpoint->string, (size_t)scheme + 3, endpoint->string.n);
    return !at.n || at.p[0] == '/' || str_starts(at, STR("127.")) || str_starts(at, STR("localhost")) ||
           str_starts(at, STR("[::1]"));
}

/* By decl->index: dependencies of the settings that locate the service. */
static void find_behind(struct planner *p, const struct decl *config, bool *behind)
{
    const struct provider_kind *kind =
        kind_find(catalog_kinds(p->workspace->catalog), provider_kind(config->full_name));
    const struct type *type = kind && kind->settings ? kind->settings->type : NULL;
    const struct value *settings = connections_settings(p, config);
    bool there = config->via != NULL;
    for (size_t i = 0; type && i < type->field_count; i++) {
        if (!type->fields[i].identifies)
            continue;
        const struct value *endpoint = value_get(settings, type->fields[i].name);
        expr_each_decl(config->config, type->fields[i].name, need, behind);
        there = there && (!endpoint || is_local(endpoint));
    }
    if (there)
        expr_each_decl(config->via->config, STR("host"), need, behind);
}

bool unreachable_serves(const struct decl *decl)
{
    const struct schema *schema = decl->schema;
    if (decl->kind != DECL_RESOURCE || !schema->serves.n)
        return false;
    bool given = str_eq(schema->serves, schema->id);
    for (size_t i = 0; i < decl->attr_count && !given; i++)
        given = str_eq(decl->attrs[i].name, schema->serves);
    return given;
}

static void find_makers(struct planner *p, const struct decl *config, struct unreachable *unreachable)
{
    size_t n = p->stack->decl_count;
    AUTO_FREE bool *behind = mem_zalloc((n + 1) * sizeof *behind);
    find_behind(p, config, behind);
    unreachable->makers = ARENA_ARRAY(p->arena, const struct decl *, n + 1);
    for (size_t i = 0; i < n; i++)
        if (behind[i] && unreachable_serves(p->stack->decls[i]))
            unreachable->makers[unreachable->maker_count++] = p->stack->decls[i];
}

/* ---- unreachable services ---- */

struct unreachable *unreachable_find(const struct planner *p, struct str provider)
{
    for (struct unreachable *unreachable = p->unreachable; unreachable; unreachable = unreachable->next)
        if (str_eq(unreachable->provider, provider))
            return unreachable;
    return NULL;
}

static struct unreachable *note_unreachable(struct planner *p, struct str provider, const struct err *err)
{
    struct unreachable *known = unreachable_find(p, provider);
    const struct decl *config = known ? NULL : location_configuration(p, provider);
    if (known || !config || !connections_depend(p, config))
        return known;
    struct unreachable *unreachable = ARENA_NEW(p->arena, struct unreachable);
    *unreachable = (struct unreachable){.next = p->unreachable, .provider = provider, .err = *err};
    find_makers(p, config, unreachable);
    if (!unreachable->maker_count)
        return NULL;
    p->unreachable = unreachable;
    return unreachable;
}

struct unreachable *unreachable_note(struct planner *p, struct str provider, const struct err *err)
{
    return unreachable_is(err) ? note_unreachable(p, provider, err) : NULL;
}

static bool is_recorded(const struct planner *p, const struct decl *decl)
{
    const struct recorded_resource *recorded = map_get(p->recorded.by_declared, decl->address);
    while (recorded && !state_get(p->workspace->state, recorded->record->subject.address))
        recorded = recorded->next_by_new;
    return recorded != NULL;
}

/* True if a dependency of the record that located its service is already deleted. */
static bool is_orphan(struct planner *p, const struct record *record, const struct decl *config)
{
    AUTO_FREE bool *behind = mem_zalloc((p->stack->decl_count + 1) * sizeof *behind);
    depends_need(config, behind);
    for (uint32_t i = 0; record->deps && i < record->deps->count; i++) {
        const struct decl *decl = stack_find(p->stack, address_declared(record->deps->items[i]->string));
        if (decl && behind[decl->index] && !is_recorded(p, decl))
            return true;
    }
    return false;
}

struct unreachable *unreachable_note_of(struct planner *p, const struct record *record, const struct err *err)
{
    struct str provider = record->subject.provider;
    const struct decl *config = location_configuration(p, provider);
    if (unreachable_is(err))
        return note_unreachable(p, provider, err);
    if (!config || location_known(p, provider, record->location) || !is_orphan(p, record, config))
        return NULL;
    struct unreachable *unreachable = note_unreachable(p, provider, err);
    if (unreachable)
        unreachable->orphaned = unreachable_is_over(p, unreachable);
    return unreachable;
}

bool unreachable_stays_open(struct planner *p, struct str provider, const struct err *err)
{
    struct unreachable aside = {0};
    const struct decl *config = location_configuration(p, provider);
    if (!config || !connections_depend(p, config) ||
        (!unreachable_is(err) && location_known(p, provider, NULL)))
        return false;
    find_makers(p, config, &aside);
    return aside.maker_count > 0;
}

/* ---- consequences ---- */

/* The recorded instances of a maker, as a chain. */
static const struct recorded_resource *unreachable_made(
    const struct planner *p, const struct unreachable *unreachable, size_t i)
{
    return map_get(p->recorded.by_declared, unreachable->makers[i]->address);
}

struct str unreachable_maker(const struct planner *p, const struct unreachable *unreachable)
{
    for (size_t i = unreachable->maker_count; i-- > 0;) /* the last one is the nearest */
        if (unreachable_made(p, unreachable, i))
            return unreachable_made(p, unreachable, i)->address;
    return unreachable->makers[unreachable->maker_count - 1]->address;
}

bool unreachable_is_deleted(const struct planner *p, const struct unreachable *unreachable)
{
    size_t going = 0;
    for (size_t i = 0; i < unreachable->maker_count; i++)
        for (const struct recorded_resource *recorded = unreachable_made(p, unreachable, i); recorded;
             recorded = recorded->next_by_new, going++)
            if (recorded->claimed)
                return false;
    return going || unreachable->orphaned; /* without records the deletion is unknown */
}

bool unreachable_is_over(const struct planner *p, const struct unreachable *unreachable)
{
    for (size_t i = 0; i < unreachable->maker_count; i++)
        if (is_recorded(p, unreachable->makers[i]))
            return false;
    return true;
}

/* A planned change of a maker, after which the service may be reachable; NULL: none. */
static const struct instance *unreachable_changed(
    const struct planner *p, const struct unreachable *unreachable)
{
    for (size_t i = 0; i < unreachable->maker_count; i++) {
        const struct instances *list = &p->evaluated.instances[unreachable->makers[i]->index];
        for (size_t k = 0; k < list->n; k++)
            if (instance_action(&list->items[k]) != ACTION_NOOP)
                return &list->items[k];
    }
    return NULL;
}

/* For a service within another unreachable one, such as a unit on a host: a change of the outer one's maker
 * counts, too. */
static const struct instance *unreachable_comes(
    const struct planner *p, const struct unreachable *unreachable, int depth)
{
    const struct instance *instance = unreachable_changed(p, unreachable);
    for (size_t i = 0; i < unreachable->maker_count && !instance && depth; i++) {
        const struct decl *config = unreachable->makers[i]->provider;
        const struct unreachable *below = config ? unreachable_find(p, config->full_name) : NULL;
        if (below && below != unreachable)
            instance = unreachable_comes(p, below, depth - 1);
    }
    return instance;
}

/* Adds a hint if nothing in the plan repairs the service. Returns -1. */
static int hint_maker(const struct planner *p, const struct unreachable *unreachable, struct err *err)
{
    struct str maker = unreachable_maker(p, unreachable);
    return err_hint(err,
        "the service of provider \"%.*s\" is a part of %.*s of this stack, which has no change planned: find "
        "out why it does not answer, or replace it with `weir apply --replace '%.*s'`",
        STR_ARG(unreachable->provider), STR_ARG(maker), STR_ARG(maker));
}

int unreachable_check(struct planner *p, struct err *err)
{
    enum { DEEP = 8 };
    for (struct unreachable *unreachable = p->unreachable; unreachable; unreachable = unreachable->next) {
        const struct instance *instance = unreachable_comes(p, unreachable, DEEP);
        if (!instance) {
            *err = unreachable->err;
            return hint_maker(p, unreachable, err);
        }
        unreachable->why = arena_printf(p->arena,
            "the service does not answer, and %.*s, which it is a part of, has a change planned; plan again "
            "afterwards",
            STR_ARG(instance->address));
    }
    return 0;
}

/* ---- unread resources, with reasons ---- */

static struct str why_of(struct planner *p, struct str provider)
{
    const struct unreachable *unreachable = unreachable_find(p, provider);
    if (unreachable && unreachable->why.n)
        return unreachable->why;
    return arena_printf(
        p->arena, "the settings of provider \"%.*s\" are known only after apply", STR_ARG(provider));
}

/* By p->recorded.items: resources that are not targeted. */
static void find_left(const struct planner *p, bool *left)
{
    for (size_t i = 0; i < p->stack->decl_count; i++)
        for (size_t k = 0; k < p->evaluated.instances[i].n; k++) {
            const struct instance *instance = &p->evaluated.instances[i].items[k];
            if (instance->recorded && !instance->desired)
                left[instance->recorded - p->recorded.items] = true;
        }
}

static int by_why(const void *a, const void *b)
{
    const struct unread *x = a, *y = b;
    int order = str_cmp(x->why, y->why);
    return order ? order : str_cmp(x->address, y->address);
}

void unreachable_list_unread(struct planner *p)
{
    AUTO_FREE bool *left = mem_zalloc(p->recorded.count + 1);
    struct unread *list = ARENA_ARRAY(p->arena, struct unread, p->recorded.count + 1);
    size_t n = 0;
    find_left(p, left);
    for (size_t i = 0; i < p->recorded.count; i++) {
        const struct recorded_resource *recorded = &p->recorded.items[i];
        if (recorded->unread && !left[i])
            list[n++] = (struct unread){recorded->address, why_of(p, recorded->record->subject.provider)};
    }
    if (n)
        qsort(list, n, sizeof *list, by_why);
    p->plan->unread = list;
    p->plan->unread_count = n;
}
