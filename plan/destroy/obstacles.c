/* What stands in the way of deletions: see obstacles.h. */
#include "plan/destroy/obstacles.h"

#include "plan/objects/address.h"
#include "plan/planner.h"

enum { REPORTED_AT_ONCE = 5 };

bool obstacle_is(const struct value *what)
{
    return value_getz(what, "stops") != NULL;
}

/* ---- what goes before ---- */

/* Earlier versions lie where they were made, though nothing in a record refers there any more. */
static int64_t versions_in(struct arena *arena, const struct change *change, const struct subject *container)
{
    const struct resource_ops *ops = change->schema->ops;
    const struct value *in = ops->lies_in ? ops->lies_in(arena, change->seen->record->attrs) : NULL;
    const struct value *ids = value_as_list(value_get(in, container->type));
    int64_t n = 0;
    for (uint32_t i = 0; i < ids->count; i++)
        n += str_eq(value_text(ids->items[i], STR_EMPTY), container->id);
    return n;
}

/* How many resources a recorded resource has in the container that its attribute `within` names, as far as it
 * can be told. */
static int64_t things_in(
    struct arena *arena, const struct change *change, struct str within, const struct subject *container)
{
    if (change->decision.action != ACTION_DELETE || !change->schema)
        return 0;
    const struct value *attrs = change->seen->record->attrs;
    int64_t versions = versions_in(arena, change, container), files = value_geti(attrs, "count", 0);
    if (versions || !str_eq(value_text(value_get(attrs, within), STR_EMPTY), container->id))
        return versions;
    return files ? files : 1;
}

/* The stack's own commands may empty it before it goes: nobody knows what they do. */
static bool is_command_of(const struct change *change, struct str address)
{
    const struct record *record = change->decision.action == ACTION_DELETE ? change->seen->record : NULL;
    const struct value *deps = record && str_eqz(record->subject.type, "weir.command") ? record->deps : NULL;
    for (uint32_t i = 0; deps && i < deps->count; i++)
        if (str_eq(value_text(deps->items[i], STR_EMPTY), address) ||
            str_eq(value_text(deps->items[i], STR_EMPTY), address_declared(address)))
            return true;
    return false;
}

/* What was counted; of a bucket its objects, unless there is more of it than the stack has put there. -1:
 * nobody knows. */
static int64_t counted_in(const struct value *counts)
{
    if (!counts || !counts->count)
        return -1;
    const struct value *first = counts->entries[0].value;
    int64_t n = value_geti(counts, "objects", first->kind == VALUE_INT ? first->integer : -1);
    return value_geti(counts, "versions", 0) > n ? -1 : n;
}

bool obstacle_goes_before(struct planner *p, const struct change *change, const struct value *what)
{
    struct str within = value_gets(what, "within");
    const struct value *counts = value_getz(what, "counts");
    int64_t own = 0, owners = 0, there = counted_in(counts);
    bool command = false;
    if (there < 0 || !within.n)
        return false;
    for (size_t i = 0; i < p->decided.count; i++) {
        int64_t n = things_in(p->arena, &p->decided.changes[i], within, &change->seen->record->subject);
        own += n;
        owners += n > 0; /* of each an upload may have been broken off, which goes with it */
        command |= is_command_of(&p->decided.changes[i], change->subject.address);
    }
    return command || (own >= there && owners >= value_geti(counts, "uploads", 0));
}

/* ---- told ---- */

static void set_text(struct value_builder *b, const char *name, struct str text)
{
    if (text.n)
        value_builder_set(b, str_z(name), value_string(b->arena, text));
}

const struct value *obstacle_owner(
    struct arena *arena, const struct ownership *owner, struct str address, bool agreed)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    set_text(&b, "says", owner->says);
    if (owner->whose == WHOSE_NOBODY_KNOWS)
        set_text(&b, agreed ? "flag" : "lifts", STR("delete_adopted"));
    if (agreed)
        return value_builder_map(&b);
    value_builder_set(&b, STR("stops"), &value_true);
    set_text(&b, "instead", arena_printf(arena, "`weir state rm '%.*s'` forgets it", STR_ARG(address)));
    return value_builder_map(&b);
}

const struct value *obstacle_taken(struct arena *arena, const struct value *what)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    value_builder_set(&b, STR("stops"), &value_true);
    set_text(&b, "says",
        arena_printf(arena, "there is %.*s %.*s already, as which it would stay",
            STR_ARG(value_gets(what, "type")), STR_ARG(value_gets(what, "id"))));
    set_text(&b, "set", arena_printf(arena, "%.*s: ANOTHER-NAME", STR_ARG(value_gets(what, "needs"))));
    return value_builder_map(&b);
}

static void add_part(struct buf *out, const char *before, struct str text, const char *after)
{
    if (text.n)
        buf_addf(out, "%s%s%.*s%s", out->n ? ", or " : "", before, STR_ARG(text), after);
}

struct str obstacle_option(struct arena *arena, struct str flag)
{
    char *text = arena_strz(arena, flag);
    for (char *c = text; *c; c++)
        *c = (char)(*c == '_' ? '-' : *c);
    return flag.n ? arena_printf(arena, "--%s", text) : STR_EMPTY;
}

struct str obstacle_way(
    struct arena *arena, const struct plan *plan, const struct change *change, const struct value *what)
{
    AUTO_BUF struct buf out = BUF_INIT;
    /* What is in the file counts where the file still has it; what the service has, as it is. */
    bool in_file = plan->destroy || change->decision.action == ACTION_REPLACE;
    bool before = value_getb(what, "live") || !in_file;
    struct str instead = value_gets(what, "instead");
    add_part(&out, "", obstacle_option(arena, value_gets(what, "lifts")), "");
    add_part(&out, before ? "apply `" : "`", value_gets(what, "set"), before ? "` before" : "` in the stack");
    if (out.n && instead.n && value_getz(what, "set"))
        buf_addf(&out, "; %.*s", STR_ARG(instead));
    else
        add_part(&out, "", instead, "");
    return arena_str(arena, buf_str(&out));
}

/* Those that are told of in an error: what they are, and what a user does about them. */
struct obstacles {
    const struct plan *plan;
    struct arena arena;
    struct buf names, ways;
    size_t n;
};

static void add_way(struct obstacles *all, const struct change *change, const struct value *what)
{
    struct str way = obstacle_way(&all->arena, all->plan, change, what);
    if (str_find(buf_str(&all->ways), way, 0) < 0)
        buf_addf(&all->ways, "%s%.*s", all->ways.n ? "; " : "", STR_ARG(way));
}

static void add_obstacle(struct obstacles *all, const struct change *change, const struct value *what)
{
    if (all->n++ >= REPORTED_AT_ONCE)
        return;
    buf_addf(&all->names, "%s%.*s (%.*s)", all->n > 1 ? ", " : "", STR_ARG(change->subject.address),
        STR_ARG(value_gets(what, "says")));
    add_way(all, change, what);
}

int plan_check_deletions(const struct plan *plan, struct err *err)
{
    struct obstacles all = {.plan = plan};
    for (size_t i = 0; i < plan->change_count; i++) {
        const struct change *c = &plan->changes[i];
        for (uint32_t k = 0; c->erases && k < c->erases->count; k++)
            if (obstacle_is(c->erases->items[k]))
                add_obstacle(&all, c, c->erases->items[k]);
    }
    if (all.n > REPORTED_AT_ONCE)
        buf_addf(&all.names, " and %zu more, which the plan lists", all.n - REPORTED_AT_ONCE);
    if (all.n) {
        err_set(err, ERR_INVALID, "deletions that are blocked: %.*s; nothing was changed", (int)all.names.n,
            all.names.p);
        err_hint(err, "to allow it: %.*s", (int)all.ways.n, all.ways.p);
    }
    buf_release(&all.names);
    buf_release(&all.ways);
    arena_release(&all.arena);
    return all.n ? -1 : 0;
}
