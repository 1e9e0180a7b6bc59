/* What other runs have changed since a plan was saved: see since.h. */
#include "plan/objects/since.h"

#include "plan/objects/address.h"
#include "plan/objects/concern.h"
#include "plan/objects/recorded.h"

const struct value *since_records(struct state *state, struct arena *arena)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    size_t n;
    const struct record *const *records = state_records(state, &n);
    for (size_t i = 0; i < n; i++)
        value_builder_set(&b, records[i]->subject.address, value_int(arena, (int64_t)records[i]->seq));
    return value_builder_map(&b);
}

/* ---- comparing ---- */

/* The address is the record's own. 0: there is none. */
static uint64_t number_now(const struct planner *p, struct str address)
{
    const struct record *record = state_get(p->workspace->state, address);
    return record ? record->seq : 0;
}

static uint64_t number_then(const struct planner *p, struct str address)
{
    const struct value *number = value_get(p->options->since->records, address);
    return number && number->kind == VALUE_INT ? (uint64_t)number->integer : 0;
}

static int refuse_met(struct str address, const char *how, uint64_t now, uint64_t then, struct err *err)
{
    err_set(err, ERR_STALE, "%.*s, %s, was %s since the plan was made", STR_ARG(address), how,
        !now    ? "removed from the state"
        : !then ? "added to the state"
                : "changed");
    return err_hint(err, "`weir history` says by whom; run `weir plan` again");
}

static int check_address(struct planner *p, const struct concern *about, struct str address, struct err *err)
{
    uint64_t now = number_now(p, address), then = number_then(p, address);
    if (now == then)
        return 0;
    const struct decl *decl = stack_find(p->stack, address_declared(address));
    const char *how = concern_meets(about, p, address);
    if (decl)
        p->targets.reached[decl->index] = true;
    return how ? refuse_met(address, how, now, then, err) : 0;
}

static int check_all(struct planner *p, const struct concern *about, struct err *err)
{
    const struct value *then = p->options->since->records;
    for (size_t i = 0; i < p->recorded.count; i++)
        if (check_address(p, about, p->recorded.seen[i].record->subject.address, err))
            return -1;
    for (uint32_t i = 0; i < then->count; i++)
        if (!number_now(p, then->entries[i].key) && check_address(p, about, then->entries[i].key, err))
            return -1;
    return 0;
}

/* To all that refers to what others changed, but not beyond other resources: these stay as they are. */
static void since_spread(struct planner *p)
{
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        for (size_t k = 0; k < decl->dep_count && decl->kind != DECL_RESOURCE; k++)
            p->targets.reached[i] |= p->targets.reached[decl->deps[k]->index];
    }
}

int since_check(struct planner *p, struct err *err)
{
    struct concern about;
    concern_of_saved(&about, p);
    p->targets.reached = ARENA_ARRAY(p->arena, bool, p->stack->decl_count + 1);
    int status = check_all(p, &about, err);
    since_spread(p);
    concern_release(&about);
    return status;
}

/* ---- of a plan that was made just now ---- */

static int check_recorded(const struct planner *p, const struct concern *about, struct err *err)
{
    for (size_t i = 0; i < p->recorded.count; i++) {
        const struct record *then = p->recorded.seen[i].record;
        const struct record *now = state_get(p->workspace->state, then->subject.address);
        bool same = now && now->seq == then->seq;
        const char *how = same  ? NULL
                          : now ? concern_meets_record(about, p, now)
                                : concern_meets(about, p, then->subject.address);
        if (how)
            return refuse_met(then->subject.address, how, now ? now->seq : 0, then->seq, err);
    }
    return 0;
}

static int check_added(const struct planner *p, const struct concern *about, struct err *err)
{
    size_t n;
    const struct record *const *records = state_records(p->workspace->state, &n);
    AUTO_MAP struct map then = MAP_INIT;
    for (size_t i = 0; i < p->recorded.count; i++)
        map_set(&then, p->recorded.seen[i].record->subject.address, &then);
    for (size_t i = 0; i < n; i++) {
        struct str address = records[i]->subject.address;
        const char *how = map_get(&then, address) ? NULL : concern_meets_record(about, p, records[i]);
        if (how)
            return refuse_met(address, how, records[i]->seq, 0, err);
    }
    return 0;
}

int since_check_made(struct planner *p, struct err *err)
{
    struct concern about;
    if (p->recorded.seq == state_seq(p->workspace->state))
        return 0;
    concern_of_plan(&about, p);
    int status = check_recorded(p, &about, err) || check_added(p, &about, err) ? -1 : 0;
    concern_release(&about);
    return status;
}

/* ---- what is left ---- */

bool since_leaves(const struct planner *p, struct str address)
{
    if (!p->options->since || value_get(p->options->since->changes, address))
        return false;
    const struct seen *seen = recorded_find(&p->recorded, address);
    struct str recorded = seen ? seen->record->subject.address : address;
    const struct decl *decl = stack_find(p->stack, address_declared(address));
    bool refers = false;
    for (size_t i = 0; decl && i < decl->dep_count; i++)
        refers |= p->targets.reached[decl->deps[i]->index];
    return refers || number_now(p, recorded) != number_then(p, recorded);
}

bool since_reaches(const struct planner *p, const struct decl *decl)
{
    return p->options->since && p->targets.reached[decl->index];
}
