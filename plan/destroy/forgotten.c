/* The log from its beginning: which resource each address was, and what was forgotten and not taken in
 * again. */
#include "plan/destroy/forgotten.h"

#include "plan/state/history.h"

struct letting {
    struct arena *arena;
    struct map held;    /* address -> key of what it is, as a struct str */
    struct map dropped; /* address -> key of what it was when that was forgotten */
    struct map *out;
};

struct str forgotten_key(struct arena *arena, struct str type, struct str id)
{
    return arena_printf(arena, "%.*s %.*s", STR_ARG(type), STR_ARG(id));
}

static void hold_thing(struct letting *l, const struct history_change *change)
{
    struct str *key = arena_alloc(l->arena, sizeof *key);
    *key = forgotten_key(l->arena, change->type, change->id);
    map_set(&l->held, change->address, key);
    /* taken in again, it is nobody else's, by whichever of its names it was asked for */
    struct str *before = str_eqz(change->action, "adopt") ? map_get(&l->dropped, change->address) : NULL;
    map_set(l->out, *key, NULL);
    if (before)
        map_set(l->out, *before, NULL);
}

static void follow_change(struct letting *l, const struct history_change *change, bool by_hand)
{
    struct str *key = map_get(&l->held, change->address);
    if (change->failed)
        return;
    if (change->id.n && !str_eqz(change->action, "delete")) {
        hold_thing(l, change);
        return;
    }
    map_set(&l->held, change->address, NULL);
    if (key && change->to.n)
        map_set(&l->held, change->to, key);
    else if (key && str_eqz(change->action, "drop") && !by_hand) {
        map_set(l->out, *key, key);
        map_set(&l->dropped, change->address, key);
    }
}

void forgotten_find(struct workspace *workspace, struct arena *arena, struct map *out)
{
    struct backend *backend;
    const struct history_run *runs;
    size_t n = 0;
    struct letting l = {.arena = arena, .out = out};
    if (workspace_backend(workspace, &backend, ERR_IGNORED))
        return;
    if (history_read(backend, arena, &runs, &n, ERR_IGNORED))
        n = 0;
    backend_free(backend);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < runs[i].change_count; k++)
            follow_change(&l, &runs[i].changes[k], str_starts(runs[i].command, STR("state ")));
    map_release(&l.held);
    map_release(&l.dropped);
}
