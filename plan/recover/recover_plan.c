/*
 * Recovery as the first step of a plan: with the planner's providers, reported through its observer.
 */
#include "plan/recover/recover.h"

#include "plan/evaluate/context.h"
#include "plan/refresh/refresh.h"

static int planner_provider(void *ctx, const struct intent *intent, struct provider **out, struct err *err)
{
    return location_provider(ctx, intent->subject.provider, intent->location, out, err);
}

static bool planner_leaves(void *ctx, const struct intent *intent, const struct err *why)
{
    return unreachable_leaves(ctx, intent->subject.provider, why);
}

static void planner_recovered(void *ctx, struct str address, const char *text)
{
    struct planner *p = ctx;
    observe(&p->observer, &(struct event){.kind = EVENT_RECOVERED, .address = address, .text = text});
}

int recover_for_plan(struct planner *p, struct err *err)
{
    struct err why = ERR_INIT;
    struct recover_options options = {
        .state = p->workspace->state,
        .catalog = p->workspace->catalog,
        .stack = p->stack->name,
        .patient = p->options->destroy, /* nothing of it will be looked at again */
        .work_dir = p->workspace->work_dir,
        .cancel = p->cancel,
        .env = p->stack->env,
        .provider = planner_provider,
        .leaves = planner_leaves,
        .recovered = planner_recovered,
        .ctx = p,
    };
    if (!recover_state(&options, 0, &why))
        return 0;
    if (why.class == ERR_LOCKED) { /* a run is going on; what it has under way is its own */
        observe(&p->observer, &(struct event){.kind = EVENT_WARNING, .text = why.message});
        return 0;
    }
    return err_raise(err, &why);
}
