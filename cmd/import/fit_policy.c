/* Policies as people write them. */
#include "cmd/import/fit.h"

struct said *fit_policy_in_order(struct arena *arena, struct said *s)
{
    static const char *const order[] = {"Version", "Id", "Sid", "Effect", "Principal", "NotPrincipal",
        "Action", "NotAction", "Resource", "NotResource"};
    if (s->kind == SAID_LIST)
        for (size_t i = 0; i < s->n; i++)
            s->items[i] = fit_policy_in_order(arena, s->items[i]);
    if (s->kind != SAID_MAP)
        return s;
    struct said *out = said_new(arena, SAID_MAP, s->node);
    for (size_t i = 0; i < sizeof order / sizeof *order; i++)
        if (said_get(s, order[i]))
            said_set(arena, out, str_z(order[i]), said_get(s, order[i]));
    for (size_t i = 0; i < s->n; i++)
        said_set(arena, out, s->entries[i].key, fit_policy_in_order(arena, s->entries[i].value));
    return out;
}

struct said *fit_policy(struct arena *arena, struct said *s)
{
    const struct value *v;
    if (!said_known(arena, s, &v) || v->kind != VALUE_MAP || v->count != 2)
        return s;
    const struct value *all = value_getz(v, "Statement");
    const struct value *one = all && all->kind == VALUE_LIST && all->count == 1 ? all->items[0] : all;
    const struct value *action = value_getz(one, "Action"), *principal = value_getz(one, "Principal");
    if (action && action->kind == VALUE_LIST && action->count == 1)
        action = action->items[0];
    const struct value *who = value_getz(principal, "Service");
    who = who && who->kind == VALUE_LIST && who->count == 1 ? who->items[0] : who;
    struct str service = value_text(who, STR_EMPTY);
    bool plain = str_eqz(value_gets(v, "Version"), "2012-10-17") && one && one->kind == VALUE_MAP &&
                 one->count == 3 && str_eqz(value_gets(one, "Effect"), "Allow") &&
                 str_eqz(value_text(action, STR_EMPTY), "sts:AssumeRole") && principal &&
                 principal->kind == VALUE_MAP && principal->count == 1;
    return plain && service.n ? said_code(arena, s->node, "trust(\"%.*s\")", STR_ARG(service)) : s;
}
