/* What a plan does to the cost: see budget.h. */
#include "cmd/cost/budget.h"

#include "cmd/cost/bill_show.h"

#include <stdlib.h>

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

static const struct estimate_item *dearest(const struct estimate *estimate)
{
    const struct estimate_item *most = NULL;
    for (size_t i = 0; i < estimate->n; i++)
        if (!most || estimate->items[i].hourly > most->hourly)
            most = &estimate->items[i];
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

/* What has no price counts as nothing: with it, nobody could say that the budget is kept. */
static int all_known(struct invocation *inv, const struct stack *stack, const struct estimate *after)
{
    enum { SHOWN = 3 };
    AUTO_BUF struct buf names = BUF_INIT;
    struct str first = STR_EMPTY;
    size_t n = 0;
    for (size_t i = 0; i < after->n; i++) {
        struct str why = estimate_unknown(&after->items[i], &inv->arena);
        if (!why.n || ++n > SHOWN)
            continue;
        buf_addf(&names, "%s%.*s (%.*s)", n > 1 ? ", " : "", STR_ARG(after->items[i].address), STR_ARG(why));
        first = first.n ? first : after->items[i].address;
    }
    if (!n)
        return EXIT_DONE;
    struct err err = ERR_INIT;
    err_set(&err, ERR_INVALID, "the budget of %.*s, %.*s, cannot be kept to: nobody knows what %.*s%s cost%s",
        STR_ARG(stack->name), STR_ARG(stack->budget), STR_ARG(buf_str(&names)), n > SHOWN ? ", …" : "",
        n == 1 ? "s" : "");
    err_hint(&err,
        "\"weir cost update\" fetches prices of today; or say it in the stack, `usage: {%.*s: "
        "{" ESTIMATE_OWN_PRICE ": 1.25}}`",
        STR_ARG(stack->fleet && !stack->env.n ? STR("ADDRESS") : first));
    return invocation_fail(inv, &err);
}

int cost_within(struct invocation *inv, const struct stack *stack, const struct estimate *now,
    const struct estimate *after)
{
    int status = all_known(inv, stack, after);
    if (status != EXIT_DONE || after->hourly <= stack->budget_hourly || after->hourly <= now->hourly)
        return status;
    const struct estimate_item *most = dearest(after);
    struct err err = ERR_INIT;
    double hours;
    struct str time = budget_time(stack, &hours);
    const char *article = str_eqz(time, "hour") ? "an" : "a";
    err_set(&err, ERR_INVALID, "this would cost %.2f USD %s %.*s (%.2f now), and the budget of %.*s is %.*s",
        after->hourly * hours, article, STR_ARG(time), now->hourly * hours, STR_ARG(stack->name),
        STR_ARG(stack->budget));
    err_hint(&err, "the dearest is %.*s at %.2f USD %s %.*s; \"weir cost\" lists them all",
        STR_ARG(most->address), most->hourly * hours, article, STR_ARG(time));
    return invocation_fail(inv, &err);
}

int cost_hold(struct invocation *inv, const struct plan *plan)
{
    const struct stack *stack = plan->workspace->stack;
    struct cost_change c;
    if (!stack->budget.n || plan->destroy || !plan_has_changes(plan))
        return EXIT_DONE;
    int status = cost_consider(inv, plan, &c);
    if (status != EXIT_DONE)
        return status;
    prices_free(c.prices);
    return cost_within(inv, stack, &c.now, &c.after);
}
