/* What a plan does to the cost: see budget.h. */
#include "cmd/budget.h"

#include "cmd/bill_show.h"

#include <stdlib.h>

int cost_consider(struct invocation *inv, const struct plan *plan, struct cost_change *out)
{
    struct err err = ERR_INIT;
    struct workspace *workspace = plan->workspace;
    *out = (struct cost_change){0};
    if (cost_open(workspace, &inv->arena, &out->prices, &err))
        return invocation_fail(inv, &err);
    bill_recorded(workspace, out->prices, &inv->arena, &out->now);
    if (!plan->destroy)
        bill_planned(plan, out->prices, &inv->arena, &out->after);
    return EXIT_DONE;
}

int cost_tell(struct invocation *inv, const struct plan *plan, bool json, bool color, struct buf *out)
{
    struct cost_change c;
    int status = cost_consider(inv, plan, &c);
    if (status != EXIT_DONE)
        return status;
    if (json)
        bill_change_event(&c.now, &c.after, c.prices, out);
    else
        bill_show_change(&c.now, &c.after, c.prices, color, out);
    prices_free(c.prices);
    return EXIT_DONE;
}

static const struct bill_item *dearest(const struct bill *bill)
{
    const struct bill_item *most = NULL;
    for (size_t i = 0; i < bill->n; i++)
        if (!most || bill->items[i].hourly > most->hourly)
            most = &bill->items[i];
    return most;
}

/* The budget's own time: "month", and how many hours it has. */
static struct str budget_time(const struct stack *stack, double *hours)
{
    struct str time, amount = str_cut(stack->budget, '/', &time);
    double usd = strtod(amount.p, NULL);
    *hours = usd > 0 ? usd / stack->budget_hourly : 24;
    return usd > 0 ? str_trim(time) : STR("day");
}

/* The first reason why not all of it is known. */
static struct str why_unknown(const struct bill_item *item)
{
    for (size_t i = 0; i < item->charge_count; i++)
        if (item->charges[i].kind == CHARGE_UNKNOWN)
            return item->charges[i].why;
    return STR_EMPTY;
}

/* What is new and has no price counts as nothing, and would pass any budget without a word. */
static void tell_uncounted(struct invocation *inv, const struct bill *now, const struct bill *after)
{
    enum { SHOWN = 3 };
    AUTO_MAP struct map before = MAP_INIT;
    AUTO_BUF struct buf names = BUF_INIT;
    size_t n = 0;
    bill_index(now, &before);
    for (size_t i = 0; i < after->n; i++) {
        const struct bill_item *item = &after->items[i], *was = map_get(&before, item->address);
        struct str why = why_unknown(item);
        if (!why.n || (was && str_eq(why_unknown(was), why)) || ++n > SHOWN)
            continue;
        buf_addf(&names, "%s%.*s (%.*s)", n > 1 ? ", " : "", STR_ARG(item->address), STR_ARG(why));
    }
    if (!n)
        return;
    diag_warning(&inv->diags, (struct span){0},
        "the budget does not count %.*s%s: \"weir cost\" tells what is known, and \"weir cost update\" "
        "fetches "
        "prices of today",
        STR_ARG(buf_str(&names)), n > SHOWN ? ", …" : "");
    invocation_diags(inv);
}

int cost_within(
    struct invocation *inv, const struct stack *stack, const struct bill *now, const struct bill *after)
{
    tell_uncounted(inv, now, after);
    if (after->hourly <= stack->budget_hourly || after->hourly <= now->hourly)
        return EXIT_DONE;
    const struct bill_item *most = dearest(after);
    struct err err = ERR_INIT;
    double hours;
    struct str time = budget_time(stack, &hours);
    const char *article = str_eqz(time, "hour") ? "an" : "a";
    err_set(&err, ERR_INVALID, "this would cost %.2f USD %s %.*s (%.2f now), and the budget of %.*s is %.*s",
        after->hourly * hours, article, STR_ARG(time), now->hourly * hours, STR_ARG(stack->name),
        STR_ARG(stack->budget));
    err_hint(&err, "the dearest is %.*s at %.2f USD %s %.*s; \"weir cost\" tells them all",
        STR_ARG(most->address), most->hourly * hours, article, STR_ARG(time));
    return invocation_fail(inv, &err);
}

int cost_hold(struct invocation *inv, const struct plan *plan)
{
    const struct stack *stack = plan->workspace->stack;
    struct cost_change c;
    if (!stack->budget.n || plan->destroy)
        return EXIT_DONE;
    int status = cost_consider(inv, plan, &c);
    if (status != EXIT_DONE)
        return status;
    prices_free(c.prices);
    return cost_within(inv, stack, &c.now, &c.after);
}
