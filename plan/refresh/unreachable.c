/* Services that do not answer, and that the stack itself makes: see unreachable.h. */
#include "plan/refresh/unreachable.h"
#include "plan/evaluate/instances.h"

#include "base/mem.h"
#include "plan/evaluate/connections.h"
#include "plan/evaluate/context.h"
#include "plan/evaluate/locations.h"
#include "plan/objects/address.h"
#include "plan/objects/depends.h"
#include "provider/kind.h"
#include "stacks/expr.h"

enum { SERVER_FAILS = 500 };

bool silent_is(const struct err *err)
{
    return err->class == ERR_NETWORK || err->class == ERR_TIMEOUT || err->http_status >= SERVER_FAILS;
}

/* ---- who makes a service ---- */

static void need(void *ctx, const struct decl *decl)
{
    depends_need(decl, ctx);
}

/* Is it the machine itself, for whoever is there? */
static bool is_local(const struct value *place)
{
    if (place->kind == VALUE_LIST) {
        for (uint32_t i = 0; i < place->count; i++)
            if (!is_local(place->items[i]))
                return false;
        return true;
    }
    if (place->kind != VALUE_STRING)
        return value_is_null(place);
    ptrdiff_t scheme = str_find(place->string, STR("://"), 0);
    struct str at =
        scheme < 0 ? place->string : str_slice(place->string, (size_t)scheme + 3, place->string.n);
    return !at.n || at.p[0] == '/' || str_starts(at, STR("127.")) || str_starts(at, STR("localhost")) ||
           str_starts(at, STR("[::1]"));
}

/* By decl->index: what the settings hang on that say where the service is. */
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
        const struct value *place = value_get(settings, type->fields[i].name);
        expr_each_decl(config->config, type->fields[i].name, need, behind);
        there = there && (!place || is_local(place));
    }
    if (there)
        expr_each_decl(config->via->config, STR("host"), need, behind);
}

bool silent_serves(const struct decl *decl)
{
    const struct schema *schema = decl->schema;
    if (decl->kind != DECL_RESOURCE || !schema->serves.n)
        return false;
    bool given = str_eq(schema->serves, schema->id);
    for (size_t i = 0; i < decl->attr_count && !given; i++)
        given = str_eq(decl->attrs[i].name, schema->serves);
    return given;
}

static void find_makers(struct planner *p, const struct decl *config, struct silent *silent)
{
    size_t n = p->stack->decl_count;
    AUTO_FREE bool *behind = mem_zalloc((n + 1) * sizeof *behind);
    find_behind(p, config, behind);
    silent->makers = ARENA_ARRAY(p->arena, const struct decl *, n + 1);
    for (size_t i = 0; i < n; i++)
        if (behind[i] && silent_serves(p->stack->decls[i]))
            silent->makers[silent->maker_count++] = p->stack->decls[i];
}

/* ---- what was silent ---- */

struct silent *silent_find(const struct planner *p, struct str provider)
{
    for (struct silent *silent = p->silent; silent; silent = silent->next)
        if (str_eq(silent->provider, provider))
            return silent;
    return NULL;
}

static struct silent *note_silent(struct planner *p, struct str provider, const struct err *err)
{
    struct silent *known = silent_find(p, provider);
    const struct decl *config = known ? NULL : place_configuration(p, provider);
    if (known || !config || !connections_hang(p, config))
        return known;
    struct silent *silent = ARENA_NEW(p->arena, struct silent);
    *silent = (struct silent){.next = p->silent, .provider = provider, .err = *err};
    find_makers(p, config, silent);
    if (!silent->maker_count)
        return NULL;
    p->silent = silent;
    return silent;
}

struct silent *silent_note(struct planner *p, struct str provider, const struct err *err)
{
    return silent_is(err) ? note_silent(p, provider, err) : NULL;
}

static bool is_recorded(const struct planner *p, const struct decl *decl)
{
    const struct seen *seen = map_get(&p->recorded.by_declared, decl->address);
    while (seen && !state_get(p->workspace->state, seen->record->subject.address))
        seen = seen->neighbour;
    return seen != NULL;
}

/* Did something go already that it hung on, and by which its service was known? */
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

struct silent *silent_note_of(struct planner *p, const struct record *record, const struct err *err)
{
    struct str provider = record->subject.provider;
    const struct decl *config = place_configuration(p, provider);
    if (silent_is(err))
        return note_silent(p, provider, err);
    if (!config || places_known(p, provider, record->place) || !is_orphan(p, record, config))
        return NULL;
    struct silent *silent = note_silent(p, provider, err);
    if (silent)
        silent->orphaned = silent_is_over(p, silent);
    return silent;
}

bool silent_leaves(struct planner *p, struct str provider, const struct err *err)
{
    struct silent aside = {0};
    const struct decl *config = place_configuration(p, provider);
    if (!config || !connections_hang(p, config) || (!silent_is(err) && places_known(p, provider, NULL)))
        return false;
    find_makers(p, config, &aside);
    return aside.maker_count > 0;
}

/* ---- what becomes of it ---- */

/* The recorded instances of what makes it, as they are chained. */
static const struct seen *silent_made(const struct planner *p, const struct silent *silent, size_t i)
{
    return map_get(&p->recorded.by_declared, silent->makers[i]->address);
}

struct str silent_maker(const struct planner *p, const struct silent *silent)
{
    for (size_t i = silent->maker_count; i-- > 0;) /* the last one is the nearest */
        if (silent_made(p, silent, i))
            return silent_made(p, silent, i)->address;
    return silent->makers[silent->maker_count - 1]->address;
}

bool silent_goes(const struct planner *p, const struct silent *silent)
{
    size_t going = 0;
    for (size_t i = 0; i < silent->maker_count; i++)
        for (const struct seen *seen = silent_made(p, silent, i); seen; seen = seen->neighbour, going++)
            if (seen->claimed)
                return false;
    return going || silent->orphaned; /* of what nobody knows nobody knows that it goes */
}

bool silent_is_over(const struct planner *p, const struct silent *silent)
{
    for (size_t i = 0; i < silent->maker_count; i++)
        if (is_recorded(p, silent->makers[i]))
            return false;
    return true;
}

/* What the plan does with it, so that its service may be there afterwards; NULL: nothing. */
static const struct instance *silent_changed(const struct planner *p, const struct silent *silent)
{
    for (size_t i = 0; i < silent->maker_count; i++) {
        const struct instances *list = &p->evaluated.instances[silent->makers[i]->index];
        for (size_t k = 0; k < list->n; k++)
            if (instance_action(&list->items[k]) != ACTION_NOOP)
                return &list->items[k];
    }
    return NULL;
}

/* Of a service that lies in another silent one, such as a unit on a machine, that one has to be changed. */
static const struct instance *silent_comes(const struct planner *p, const struct silent *silent, int depth)
{
    const struct instance *instance = silent_changed(p, silent);
    for (size_t i = 0; i < silent->maker_count && !instance && depth; i++) {
        const struct decl *config = silent->makers[i]->provider;
        const struct silent *below = config ? silent_find(p, config->full_name) : NULL;
        if (below && below != silent)
            instance = silent_comes(p, below, depth - 1);
    }
    return instance;
}

/* What to do where nothing else in the plan would mend it. Returns -1. */
static int hint_maker(const struct planner *p, const struct silent *silent, struct err *err)
{
    struct str maker = silent_maker(p, silent);
    return err_hint(err,
        "the service of provider \"%.*s\" is made by %.*s of this stack, in which nothing is to be changed: "
        "see "
        "why it does not answer there, or make it anew with `weir apply --replace '%.*s'`",
        STR_ARG(silent->provider), STR_ARG(maker), STR_ARG(maker));
}

int silent_check(struct planner *p, struct err *err)
{
    enum { DEEP = 8 };
    for (struct silent *silent = p->silent; silent; silent = silent->next) {
        const struct instance *instance = silent_comes(p, silent, DEEP);
        if (!instance) {
            *err = silent->err;
            return hint_maker(p, silent, err);
        }
        silent->why = arena_printf(p->arena,
            "the service does not answer, and %.*s, which makes it, is to be changed; plan again afterwards",
            STR_ARG(instance->address));
    }
    return 0;
}
