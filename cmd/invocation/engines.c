/* What the sandbox can run on this machine: see engines.h. */
#include "cmd/invocation/engines.h"

#include "sandbox/sandbox.h"

/* What a plan lacks of one engine. */
struct lack {
    const struct sandbox_engine *engine;
    size_t count[ENGINE_USES];
    struct str type[ENGINE_USES], address; /* one of each; `address` of what cannot be made */
};

struct lacks {
    struct arena *arena;
    const struct plan *plan;
    struct lack *items; /* one for each engine that is not here */
    size_t n;
    const struct declared *declared;
    size_t declared_count;
    struct lack **unserved; /* by decl->index: what would stand behind the records of it; NULL: it does */
};

/* ---- what is missing ---- */

static struct lack *lack_of(struct lacks *l, struct str name)
{
    for (size_t i = 0; i < l->n; i++)
        if (str_eqz(name, l->items[i].engine->name))
            return &l->items[i];
    return NULL;
}

static bool is_to_be_made(const struct lacks *l, struct str address)
{
    const struct change *change = plan_change_at(l->plan, address);
    enum action action = change ? change->decision.action : ACTION_NOOP;
    return action == ACTION_CREATE || action == ACTION_UPDATE || action == ACTION_REPLACE;
}

static void count_lack(struct lack *lack, const struct declared *one, enum engine_use use)
{
    if (!lack->count[use]++)
        lack->type[use] = one->decl->schema->name;
    if (use == ENGINE_MAKES && lack->count[use] == 1)
        lack->address = one->address;
}

static void look_at_own(struct lacks *l, const struct declared *one)
{
    const struct schema *schema = one->decl->schema;
    for (size_t i = 0; i < schema->engine_count; i++) {
        struct lack *lack = lack_of(l, schema->engines[i].name);
        if (!lack || !schema_engine_is_for(l->arena, schema, &schema->engines[i], one->object))
            continue;
        if (schema->engines[i].use == ENGINE_SERVES)
            l->unserved[one->decl->index] = lack;
        if (is_to_be_made(l, one->address))
            count_lack(lack, one, schema->engines[i].use);
    }
}

/* Its provider leads into what is a record only: a table in a database, a file on a host. */
static void look_behind(struct lacks *l, const struct declared *one)
{
    const struct stack *stack = l->plan->workspace->stack;
    if (!one->decl->provider || !is_to_be_made(l, one->address))
        return;
    bool *needed = ARENA_ARRAY(l->arena, bool, stack->decl_count);
    memset(needed, 0, stack->decl_count * sizeof *needed);
    depends_need(one->decl->provider, needed);
    for (size_t i = 0; i < stack->decl_count; i++)
        if (needed[i] && l->unserved[i]) {
            count_lack(l->unserved[i], one, ENGINE_MAKES);
            return;
        }
}

static bool is_resource(const struct declared *one)
{
    return one->decl->kind == DECL_RESOURCE && one->object;
}

/* Programs are looked for only where a type in the plan wants one. */
static struct lacks lacks_of(struct arena *arena, const struct plan *plan)
{
    struct lacks l = {.arena = arena, .plan = plan};
    bool wanted = false;
    size_t n = 0;
    l.declared = plan_planned(plan, arena, &l.declared_count);
    for (size_t i = 0; i < l.declared_count; i++)
        wanted |= l.declared[i].decl->schema && l.declared[i].decl->schema->engine_count;
    const struct sandbox_engine *engines = wanted ? sandbox_engines(arena, &n) : NULL;
    l.items = ARENA_ARRAY(arena, struct lack, n + 1);
    for (size_t i = 0; i < n; i++)
        if (!engines[i].is_here)
            l.items[l.n++] = (struct lack){.engine = &engines[i]};
    if (!l.n)
        return l;
    size_t decls = plan->workspace->stack->decl_count;
    l.unserved = ARENA_ARRAY(arena, struct lack *, decls);
    memset(l.unserved, 0, decls * sizeof *l.unserved);
    for (size_t i = 0; i < l.declared_count; i++)
        if (is_resource(&l.declared[i]))
            look_at_own(&l, &l.declared[i]);
    for (size_t i = 0; i < l.declared_count; i++)
        if (is_resource(&l.declared[i]))
            look_behind(&l, &l.declared[i]);
    return l;
}

/* ---- what is said ---- */

static struct str lack_text(struct arena *arena, const struct lack *lack, enum engine_use use)
{
    static const char *const becomes[] = {[ENGINE_MAKES] = "cannot be made",
        [ENGINE_RUNS] = "can be made and not run",
        [ENGINE_SERVES] = "is a record, and nothing answers where it is"};
    size_t n = lack->count[use];
    struct str many = n > 1 ? arena_printf(arena, " (%zu of them)", n) : STR_EMPTY;
    return arena_printf(arena, "in the sandbox %.*s%.*s %s: %s is not on this machine; what brings it: %.*s",
        STR_ARG(lack->type[use]), STR_ARG(many), becomes[use], lack->engine->title,
        STR_ARG(lack->engine->install));
}

void engines_warn(struct invocation *inv, const struct plan *plan, const struct observer *observer)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    if (!inv->settings->sandbox || plan->destroy || !observer->event)
        return;
    const struct lacks l = lacks_of(&arena, plan);
    for (int use = 0; use < ENGINE_USES; use++)
        for (size_t i = 0; i < l.n; i++)
            if (l.items[i].count[use]) {
                struct str text = lack_text(&arena, &l.items[i], (enum engine_use)use);
                observer->event(observer->ctx, &(struct event){.kind = EVENT_WARNING, .text = text.p});
            }
}

/* Another process that serves the stack's sandbox may have what this one has not. */
int engines_refuse(struct invocation *inv, const struct plan *plan, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    if (!inv->sandbox || plan->destroy)
        return 0;
    const struct lacks l = lacks_of(&arena, plan);
    for (size_t i = 0; i < l.n; i++) {
        const struct lack *lack = &l.items[i];
        if (!lack->count[ENGINE_MAKES])
            continue;
        err_set(err, ERR_FAILED, "nothing was applied: %.*s, such as %.*s, cannot be made without %s",
            STR_ARG(lack->type[ENGINE_MAKES]), STR_ARG(lack->address), lack->engine->title);
        return err_hint(err, "what brings it: %.*s", STR_ARG(lack->engine->install));
    }
    return 0;
}

void engines_tell(struct invocation *inv)
{
    AUTO_BUF struct buf here = BUF_INIT;
    size_t n;
    const struct sandbox_engine *engines = sandbox_engines(&inv->arena, &n);
    for (size_t i = 0; i < n; i++)
        if (engines[i].is_here)
            buf_addf(&here, "%s%s", here.n ? ", " : "", engines[i].title);
    if (here.n)
        invocation_note(inv, "It runs things with: %.*s.", STR_ARG(buf_str(&here)));
    for (size_t i = 0; i < n; i++)
        if (!engines[i].is_here)
            invocation_note(inv, "Not on this machine: %s, for %s. What brings it: %.*s", engines[i].title,
                engines[i].serves, STR_ARG(engines[i].install));
}
