/* What other runs have changed since a plan was saved: see since.h. */
#include "plan/objects/since.h"

#include "base/mem.h"
#include "plan/objects/address.h"
#include "plan/objects/recorded.h"

#include <stdlib.h>

const struct value *since_records(struct state *state, struct arena *arena)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    size_t n;
    const struct record *const *records = state_records(state, &n);
    for (size_t i = 0; i < n; i++)
        value_builder_set(&b, records[i]->subject.address, value_int(arena, (int64_t)records[i]->seq));
    return value_builder_map(&b);
}

/* ---- what the plan is about ---- */

struct concern {
    bool all;           /* a whole stack's destruction is about whatever there is */
    struct map changed; /* by address */
    struct map doomed;  /* deleted or replaced: by address, and by that of their declarations */
    bool *referred;     /* by decl->index */
};

static void refer_to(const struct decl *decl, bool *referred)
{
    for (size_t i = 0; i < decl->dep_count; i++) {
        const struct decl *dep = decl->deps[i];
        if (referred[dep->index])
            continue;
        referred[dep->index] = true;
        if (dep->kind != DECL_RESOURCE)
            refer_to(dep, referred);
    }
}

static void add_concern(
    struct concern *about, const struct planner *p, struct str address, const struct value *change)
{
    struct str action = value_gets(change, "action");
    const struct decl *decl = stack_find(p->stack, address_declared(address));
    map_set(&about->changed, address, about);
    map_set(&about->changed, value_gets(change, "moved_from"), about);
    if (decl)
        refer_to(decl, about->referred);
    for (size_t i = 0; i < p->provider_count; i++)
        if (str_eq(p->providers[i]->full_name, value_gets(change, "provider")))
            refer_to(p->providers[i], about->referred);
    if (!str_eqz(action, action_name(ACTION_DELETE)) && !str_eqz(action, action_name(ACTION_REPLACE)))
        return;
    map_set(&about->doomed, address, about);
    map_set(&about->doomed, address_declared(address), about);
}

/* How what the plan does goes together with that address; NULL: not at all. */
static const char *met_by(const struct planner *p, const struct concern *about, struct str address)
{
    const struct decl *decl = stack_find(p->stack, address_declared(address));
    const struct record *record = state_get(p->workspace->state, address);
    if (about->all || map_get(&about->changed, address))
        return "which this plan changes";
    if (decl && about->referred[decl->index])
        return "which this plan refers to";
    for (uint32_t i = 0; record && i < record->deps->count; i++)
        if (map_get(&about->doomed, value_text(record->deps->items[i], STR_EMPTY)))
            return "which refers to what this plan deletes";
    return NULL;
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

static int check_address(struct planner *p, const struct concern *about, struct str address, struct err *err)
{
    uint64_t now = number_now(p, address), then = number_then(p, address);
    if (now == then)
        return 0;
    const struct decl *decl = stack_find(p->stack, address_declared(address));
    const char *how = met_by(p, about, address);
    if (decl)
        p->targets.reached[decl->index] = true;
    if (!how)
        return 0;
    err_set(err, ERR_STALE, "%.*s, %s, was %s since the plan was made", STR_ARG(address), how,
        !now    ? "removed from the state"
        : !then ? "added to the state"
                : "changed");
    return err_hint(err, "`weir history` says by whom; run `weir plan` again");
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
    const struct plan_options *options = p->options;
    struct concern about = {.all = options->destroy && !options->target_count,
        .referred = mem_zalloc((p->stack->decl_count + 1) * sizeof *about.referred)};
    const struct value *changes = options->since->changes;
    for (uint32_t i = 0; i < changes->count; i++)
        add_concern(&about, p, changes->entries[i].key, changes->entries[i].value);
    p->targets.reached = ARENA_ARRAY(p->arena, bool, p->stack->decl_count + 1);
    int status = check_all(p, &about, err);
    since_spread(p);
    map_release(&about.changed);
    map_release(&about.doomed);
    free(about.referred);
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
