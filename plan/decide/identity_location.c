/* Whether two resources are at one location: see identities.h. */
#include "plan/objects/identities.h"

#include "plan/evaluate/locations.h"
#include "provider/kind.h"

/* The settings of a provider; false: they are not known yet. */
static bool find_settings(struct planner *p, struct str name, const struct value **settings)
{
    const struct decl *config = place_configuration(p, name);
    *settings = config ? p->evaluated.values[config->index] : &value_null;
    return *settings && value_is_known(*settings);
}

/* As recorded, else as its provider says now. */
static bool find_place(struct planner *p, const struct schema *schema, const struct whereabouts *at, bool ask,
    const struct value **place)
{
    const struct value *settings;
    struct provider *provider;
    *place = at->place;
    return *place || (find_settings(p, at->provider, &settings) &&
                         !place_provider(p, at->provider, NULL, &provider, ERR_IGNORED) &&
                         !provider_place(provider, schema, ask, p->arena, place, ERR_IGNORED) && *place);
}

/* A place in AWS is known for sure by its account, one of a store by where that is. */
static bool is_sure(const struct value *place)
{
    return value_getz(place, "account") || value_getz(place, "endpoint") || value_getz(place, "engine");
}

/* Of two servers on this machine each has its own resources; where one that was recorded is by now is no
 * matter here. */
static bool differ(const struct provider_kind *kind, const struct schema *schema, const struct value *a,
    const struct value *b)
{
    return kind->place_difference(schema, a, b) ||
           !str_eq(value_gets(a, "endpoint"), value_gets(b, "endpoint"));
}

bool identities_share_location(
    struct planner *p, const struct schema *schema, struct whereabouts a, struct whereabouts b)
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
    for (int ask = 0; ask < 2; ask++) /* not before all else is the same */
        if (p->offline || !kind->place_difference || !find_place(p, schema, &a, ask, &mine) ||
            !find_place(p, schema, &b, ask, &others) || differ(kind, schema, mine, others))
            return false;
    return is_sure(mine) && is_sure(others);
}
