/* What stands in the way of deletions: see obstacles.h. */
#include "plan/obstacles.h"

#include "base/buf.h"

enum { TOLD_AT_ONCE = 5 };

bool obstacle_is(const struct value *what)
{
    return value_getz(what, "stops") != NULL;
}

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

struct str option_text(struct arena *arena, struct str flag)
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
    add_part(&out, "", option_text(arena, value_gets(what, "lifts")), "");
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
    if (all->n++ >= TOLD_AT_ONCE)
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
    if (all.n > TOLD_AT_ONCE)
        buf_addf(&all.names, " and %zu more, which the plan tells", all.n - TOLD_AT_ONCE);
    if (all.n) {
        err_set(err, ERR_INVALID, "what the plan deletes cannot go: %.*s; nothing was changed",
            (int)all.names.n, all.names.p);
        err_hint(err, "what goes: %.*s", (int)all.ways.n, all.ways.p);
    }
    buf_release(&all.names);
    buf_release(&all.ways);
    arena_release(&all.arena);
    return all.n ? -1 : 0;
}
