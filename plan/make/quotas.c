/* Demands by type and place, each beside what is there and what is allowed. */
#include "plan/make/quotas.h"

#include "base/mem.h"
#include "plan/evaluate/context.h"
#include "plan/evaluate/locations.h"
#include "provider/aws/quota.h"

#include <inttypes.h>
#include <stdlib.h>

struct constraint {
    const struct aws_quota *quota;
    struct planner *p; /* of one that makes some */
    struct provider *provider;
    const struct schema *schema;
    struct str place;
    int64_t makes, frees;
};

struct constraints {
    struct arena arena;
    struct constraint *items;
    size_t n, cap;
};

static const struct aws_quota *quota_of(struct str type)
{
    for (const struct aws_quota *q = aws_quotas; q->type.n; q++)
        if (str_eq(q->type, type))
            return q;
    return NULL;
}

bool quota_counts(struct str type)
{
    return quota_of(type) != NULL;
}

static struct constraint *constraint_of(struct constraints *d, struct planner *p, struct provider *provider,
    const struct change *change, const struct aws_quota *quota)
{
    struct err ignored = ERR_INIT;
    const struct value *place = NULL;
    if (provider_place(provider, change->schema, true, &d->arena, &place, &ignored) || !place)
        return NULL;
    struct str where = provider_place_text(provider, place, &d->arena);
    for (size_t i = 0; i < d->n; i++)
        if (d->items[i].quota == quota && str_eq(d->items[i].place, where))
            return &d->items[i];
    MEM_GROW(d->items, d->cap, d->n + 1);
    d->items[d->n] = (struct constraint){
        .quota = quota, .p = p, .provider = provider, .schema = change->schema, .place = where};
    return &d->items[d->n++];
}

static void add_change(struct constraints *d, struct planner *p, const struct change *change)
{
    const struct aws_quota *quota = quota_of(change->subject.type);
    bool makes = change->decision.action == ACTION_CREATE, frees = change->decision.action == ACTION_DELETE;
    struct provider *provider = NULL;
    struct err ignored = ERR_INIT;
    if (!quota || !change->schema || (!makes && !frees))
        return;
    int failed = makes ? evaluate_provider(p, change->instance->decl, &provider, &ignored)
                       : place_provider(p, change->seen->record->subject.provider,
                             change->seen->record->place, &provider, &ignored);
    struct constraint *constraint =
        failed || !provider_aws(provider) ? NULL : constraint_of(d, p, provider, change, quota);
    if (constraint) {
        constraint->makes += makes;
        constraint->frees += frees;
    }
}

static void count_one(void *ctx, const struct value *live)
{
    (void)live;
    __atomic_add_fetch((int64_t *)ctx, 1, __ATOMIC_RELAXED); /* listings may have threads */
}

static int64_t count_there(struct constraints *d, const struct constraint *constraint)
{
    int64_t n = 0;
    struct err ignored = ERR_INIT;
    const struct value *covered = NULL;
    struct sought all = {.wanted = &value_empty_list};
    struct op_ctx op = op_context(
        constraint->p, &d->arena, constraint->provider, constraint->schema, constraint->schema->name);
    if (constraint->schema->ops->list && constraint->schema->bulk)
        constraint->schema->ops->list(&op, &all, count_one, &n, &covered, &ignored);
    return n;
}

/* True: it does not fit, which is added to what is said. */
static bool check_constraint(
    struct constraints *d, const struct constraint *constraint, struct buf *says, struct buf *codes)
{
    const struct aws_quota *q = constraint->quota;
    int64_t limit;
    bool reported;
    if (constraint->makes <= constraint->frees)
        return false;
    aws_quota_ask(provider_aws(constraint->provider), q, &d->arena, &limit, &reported);
    if (!limit)
        return false;
    int64_t there = count_there(d, constraint), needs = there + constraint->makes - constraint->frees;
    if (needs <= limit * q->zones)
        return false;
    buf_addf(says, "%s%s: %" PRId64 " more in %.*s, with %" PRId64 " there and %" PRId64 "%s allowed%s",
        says->n ? "; " : "", q->resources, constraint->makes, STR_ARG(constraint->place), there, limit,
        q->zones > 1 ? " in a zone" : "", reported ? "" : " as a rule");
    buf_addf(codes, "%s%s (%s)", codes->n ? ", " : "", q->code, q->service);
    return true;
}

int plans_check_quotas(struct plan *const *plans, size_t n, struct err *err)
{
    struct constraints d = {0};
    AUTO_BUF struct buf says = BUF_INIT, codes = BUF_INIT;
    bool over = false;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < plans[i]->change_count; k++)
            add_change(&d, plans[i]->planner, &plans[i]->changes[k]);
    for (size_t i = 0; i < d.n; i++)
        over |= check_constraint(&d, &d.items[i], &says, &codes);
    if (over) {
        err_set(err, ERR_FAILED, "the quotas do not allow %.*s", STR_ARG(buf_str(&says)));
        err_hint(err, "ask for more at Service Quotas: %.*s; --over-quota tries it all the same",
            STR_ARG(buf_str(&codes)));
    }
    free(d.items);
    arena_release(&d.arena);
    return over ? -1 : 0;
}
