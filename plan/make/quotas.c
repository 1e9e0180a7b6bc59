/* What plans take of quotas, by type and location, each beside what is there and what is allowed. */
#include "plan/make/make.h"

#include "base/mem.h"
#include "plan/evaluate/context.h"
#include "provider/cloud.h"

#include <inttypes.h>
#include <stdlib.h>

struct quota_use {
    const struct quota *quota;
    struct planner *p; /* of one that makes some */
    struct provider *provider;
    const struct schema *schema;
    struct str location;
    int64_t makes, frees;
};

struct quota_uses {
    struct arena arena;
    struct quota_use *items;
    size_t n, cap;
};

static const struct quota *quota_of(struct str type)
{
    for (const struct quota *q = plan_cloud.quotas; q->type.n; q++)
        if (str_eq(q->type, type))
            return q;
    return NULL;
}

bool quota_counts(struct str type)
{
    return quota_of(type) != NULL;
}

static struct quota_use *quota_use_of(struct quota_uses *d, struct planner *p, struct provider *provider,
    const struct change *change, const struct quota *quota)
{
    const struct value *location = NULL;
    if (provider_location(provider, change->schema, true, &d->arena, &location, ERR_IGNORED) || !location)
        return NULL;
    struct str where = provider_location_text(provider, location, &d->arena);
    for (size_t i = 0; i < d->n; i++)
        if (d->items[i].quota == quota && str_eq(d->items[i].location, where))
            return &d->items[i];
    MEM_GROW(d->items, d->cap, d->n + 1);
    d->items[d->n] = (struct quota_use){
        .quota = quota, .p = p, .provider = provider, .schema = change->schema, .location = where};
    return &d->items[d->n++];
}

static void add_change(struct quota_uses *d, struct planner *p, const struct change *change)
{
    const struct quota *quota = quota_of(change->subject.type);
    bool makes = change->decision.action == ACTION_CREATE, frees = change->decision.action == ACTION_DELETE;
    struct provider *provider = NULL;
    if (!quota || !change->schema || (!makes && !frees))
        return;
    int failed = makes ? evaluate_provider(p, change->instance->decl, &provider, ERR_IGNORED)
                       : location_provider(p, change->seen->record->subject.provider,
                             change->seen->record->location, &provider, ERR_IGNORED);
    struct quota_use *use = failed ? NULL : quota_use_of(d, p, provider, change, quota);
    if (use) {
        use->makes += makes;
        use->frees += frees;
    }
}

static void count_one(void *ctx, const struct value *live UNUSED)
{
    __atomic_add_fetch((int64_t *)ctx, 1, __ATOMIC_RELAXED); /* listings may have threads */
}

static int64_t count_there(struct quota_uses *d, const struct quota_use *use)
{
    int64_t n = 0;
    const struct value *covered = NULL;
    struct sought all = {.wanted = &value_empty_list};
    struct op_ctx op = op_context(use->p, &d->arena, use->provider, use->schema, use->schema->name);
    if (use->schema->ops->list && use->schema->bulk)
        use->schema->ops->list(&op, &all, count_one, &n, &covered, ERR_IGNORED);
    return n;
}

/* True: it does not fit, which is added to what is reported. */
static bool check_quota(
    struct quota_uses *d, const struct quota_use *use, struct buf *says, struct buf *codes)
{
    const struct quota *q = use->quota;
    int64_t limit;
    bool reported;
    if (use->makes <= use->frees || !plan_cloud.ask_quota(use->provider, q, &d->arena, &limit, &reported) ||
        !limit)
        return false;
    int64_t there = count_there(d, use), needs = there + use->makes - use->frees;
    if (needs <= limit * q->zones)
        return false;
    buf_addf(says, "%s%s: %" PRId64 " more in %.*s, with %" PRId64 " there and %" PRId64 "%s allowed%s",
        says->n ? "; " : "", q->resources, use->makes, STR_ARG(use->location), there, limit,
        q->zones > 1 ? " in a zone" : "", reported ? "" : " as a rule");
    buf_addf(codes, "%s%s (%s)", codes->n ? ", " : "", q->code, q->service);
    return true;
}

int plans_check_quotas(struct plan *const *plans, size_t n, struct err *err)
{
    struct quota_uses d = {0};
    AUTO_BUF struct buf says = BUF_INIT, codes = BUF_INIT;
    bool over = false;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < plans[i]->change_count; k++)
            add_change(&d, plans[i]->planner, plans[i]->changes[k]);
    for (size_t i = 0; i < d.n; i++)
        over |= check_quota(&d, &d.items[i], &says, &codes);
    if (over) {
        err_set(err, ERR_FAILED, "the quotas do not allow %.*s", STR_ARG(buf_str(&says)));
        err_hint(err, "ask for more at Service Quotas: %.*s; --over-quota tries it all the same",
            STR_ARG(buf_str(&codes)));
    }
    free(d.items);
    arena_release(&d.arena);
    return over ? -1 : 0;
}
