/* What a plan does to the cost: see budget.h. */
#include "cmd/cost/budget.h"

#include "cmd/cost/bill_show.h"

int cost_consider(struct invocation *inv, const struct plan *plan, struct cost_change *out)
{
    struct err err = ERR_INIT;
    struct workspace *workspace = plan->workspace;
    *out = (struct cost_change){0};
    if (cost_open(workspace, &inv->arena, &out->prices, &err))
        return invocation_fail(inv, &err);
    estimate_recorded(workspace, out->prices, &inv->arena, &out->now);
    if (!plan->destroy)
        estimate_planned(plan, out->prices, &inv->arena, &out->after);
    return EXIT_DONE;
}

int cost_tell(struct invocation *inv, const struct plan *plan, bool json, bool color, struct buf *out)
{
    struct cost_change c;
    int status = cost_consider(inv, plan, &c);
    if (status != EXIT_DONE)
        return status;
    if (json)
        estimate_change_event(&c.now, &c.after, c.prices, out);
    else
        estimate_show_change(&c.now, &c.after, c.prices, color, out);
    prices_free(c.prices);
    return EXIT_DONE;
}

/* ---- for rules ---- */

static const struct value *dearest(const struct estimate *estimate, struct arena *arena)
{
    const struct estimate_item *most = NULL;
    for (size_t i = 0; i < estimate->n; i++)
        if (!most || estimate->items[i].hourly > most->hourly)
            most = &estimate->items[i];
    return VALUE_MAP(arena, {STR("address"), value_string(arena, most ? most->address : STR_EMPTY)},
        {STR("hour"), value_float(arena, most ? most->hourly : 0)});
}

/* "db (no price of db.x9.large)", for the first ones. */
static const struct value *unpriced(const struct estimate *estimate, struct arena *arena)
{
    enum { SHOWN = 3 };
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    for (size_t i = 0; i < estimate->n && list.n <= SHOWN; i++) {
        const struct estimate_item *item = &estimate->items[i];
        struct str why = estimate_unknown(item, arena);
        if (why.n && list.n == SHOWN)
            value_builder_add(&list, value_string(arena, STR("…")));
        else if (why.n)
            value_builder_add(&list, value_string_ref(arena, arena_printf(arena, "%.*s (%.*s)",
                                                                 STR_ARG(item->address), STR_ARG(why))));
    }
    return value_builder_list(&list);
}

const struct value *cost_value(const struct estimate *now, const struct estimate *after, struct arena *arena)
{
    enum { DAY = 24 };
    const struct value *unknown = unpriced(after, arena);
    bool known = !unknown->count;
    return VALUE_MAP(arena, {STR("hour"), known ? value_float(arena, after->hourly) : &value_unknown},
        {STR("day"), known ? value_float(arena, after->hourly * DAY) : &value_unknown},
        {STR("month"), known ? value_float(arena, after->hourly * HOURS_A_MONTH) : &value_unknown},
        {STR("hour_now"), value_float(arena, now->hourly)},
        {STR("month_now"), value_float(arena, now->hourly * HOURS_A_MONTH)},
        {STR("known_hour"), value_float(arena, after->hourly)},
        {STR("known_month"), value_float(arena, after->hourly * HOURS_A_MONTH)},
        {STR("dearest"), dearest(after, arena)}, {STR("unpriced"), unknown});
}

const struct value *cost_of_plan(void *ctx UNUSED, const struct plan *plan, struct arena *arena)
{
    struct estimate now, after = {0};
    struct prices *prices;
    struct err ignored = ERR_INIT; /* then nobody can tell */
    if (cost_open(plan->workspace, arena, &prices, &ignored))
        return &value_unknown;
    estimate_recorded(plan->workspace, prices, arena, &now);
    if (!plan->destroy)
        estimate_planned(plan, prices, arena, &after);
    const struct value *cost = cost_value(&now, &after, arena);
    prices_free(prices);
    return cost;
}
