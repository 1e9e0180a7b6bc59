/*
 * Is anything left of a stack that was destroyed? Each candidate is read: only what the service shows now is
 * a leftover. Something that bears another stack's marks is not, and a copy of the same stack has another
 * state, whose lineage is among the marks.
 */
#include "plan/destroy/verify.h"

#include "base/clock.h"
#include "base/pool.h"
#include "plan/evaluate/context.h"
#include "plan/refresh/unreachable.h"

#include <stdlib.h>

enum { LOOKS = 4, FIRST_PAUSE_MS = 1000 };

struct op_ctx verify_context(struct verifying *v, struct arena *arena, const struct candidate *c)
{
    return op_context(v->p, arena, c->provider, c->schema, c->subject.address);
}

void verify_failed(struct verifying *v, const struct err *err, struct str what)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&v->lock);
    if (v->failure.class == ERR_NONE) {
        v->failure = *err;
        err_context(&v->failure, "looking for %.*s", STR_ARG(what));
    }
}

/* Whose is what is there? Of what bears no marks nobody knows. What was deleted just now and is there may be
 * a copy's of this stack, which has a state of its own; what only has the name may be of a state that is
 * lost. */
static bool is_others(struct op_ctx *op, const struct value *live, bool deleted)
{
    const struct value *marks = &value_empty_map;
    if (!op->schema->ops->marks || op->schema->ops->marks(op, live, &marks, ERR_IGNORED))
        return false;
    struct str stack = value_gets(marks, "stack"), state = value_gets(marks, "state");
    if (deleted && state.n && op->owner.lineage.n && !str_eq(state, op->owner.lineage))
        return true;
    return stack.n && !str_eq(stack, op->owner.stack);
}

/* A folder without a file in it: its bucket would give one for any name. */
static bool is_hollow(const struct value *live)
{
    const struct value *count = value_getz(live, "count");
    return count && count->kind == VALUE_INT && !count->integer;
}

static void look_at_candidate(void *ctx, size_t i)
{
    struct verifying *v = ctx;
    struct candidate *c = &v->items[i];
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const struct value *live = NULL;
    struct err err = ERR_INIT;
    if (!c->schema) {
        c->there = true; /* left by a service and seen just now, or of a type that cannot be read */
        return;
    }
    struct op_ctx op = verify_context(v, &arena, c);
    c->there = false;
    c->unseen = c->deleted && c->cut_off;
    if (c->unseen)
        return;
    const struct value *id = value_string_ref(&arena, c->schema->id);
    if (c->schema->ops->read(&op, c->object, value_list(&arena, &id, 1), &live, &err)) {
        c->unseen = c->deleted && c->gone && unreachable_is(&err);
        if (err.class != ERR_ABSENT && !c->unseen)
            verify_failed(v, &err, c->subject.id);
        return;
    }
    c->there =
        live && !is_hollow(live) &&
        !((c->named || c->deleted) && is_others(&op, value_merge(&arena, c->object, live), c->deleted));
}

static bool any_deleted_is_there(const struct verifying *v)
{
    for (size_t i = 0; i < v->n; i++)
        if (v->items[i].there && v->items[i].deleted)
            return true;
    return false;
}

static void look_at_all(struct verifying *v)
{
    int64_t pause_ms = FIRST_PAUSE_MS;
    for (int round = 0; round < LOOKS; round++) {
        pool_run(VERIFY_THREADS, v->n, look_at_candidate, v);
        if (!any_deleted_is_there(v) || round + 1 == LOOKS || cancel_is_set(v->p->cancel))
            return;
        clock_sleep_ms(pause_ms);
        pause_ms *= 2;
    }
}

static int by_type_and_id(const void *a, const void *b)
{
    const struct leftover *x = a, *y = b;
    int order = str_cmp(x->subject.type, y->subject.type);
    return order ? order : str_cmp(x->subject.id, y->subject.id);
}

static void report_places(const struct verifying *v, struct verified *out)
{
    struct str *places = ARENA_ARRAY(v->p->arena, struct str, v->places.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < v->places.n; i++) {
        struct str provider = arena_printf(v->p->arena, "%p", v->places.items[i].ptr);
        if (!map_get(&v->unreachable, provider))
            places[n++] = v->places.items[i].key;
    }
    qsort(places, n, sizeof *places, str_order);
    out->places = places;
    out->place_count = n;
}

/* What is of no type of ours is taken at its word, nobody is asked for it. */
static void report_asked(const struct verifying *v, struct verified *out)
{
    for (size_t i = 0; i < v->n; i++)
        out->asked += v->items[i].schema && !v->items[i].unseen;
    out->marks = v->marks;
}

static void report_unseen(const struct verifying *v, struct verified *out)
{
    struct str *unseen = ARENA_ARRAY(v->p->arena, struct str, v->n + 1);
    size_t n = 0;
    for (size_t i = 0; i < v->n; i++)
        if (v->items[i].unseen)
            unseen[n++] = v->items[i].subject.address;
    qsort(unseen, n, sizeof *unseen, str_order);
    out->unseen = unseen;
    out->unseen_count = n;
}

static void report_leftovers(const struct verifying *v, bool let_go, const struct leftover **out, size_t *n)
{
    struct leftover *list = ARENA_ARRAY(v->p->arena, struct leftover, v->n + 1);
    *n = 0;
    for (size_t i = 0; i < v->n; i++) {
        const struct candidate *c = &v->items[i];
        if (c->there && c->let_go == let_go)
            list[(*n)++] = (struct leftover){.subject = c->subject, .why = c->why};
    }
    qsort(list, *n, sizeof *list, by_type_and_id);
    *out = list;
}

int plan_verify(struct plan *plan, const atomic_bool *cancel, struct verified *out, struct err *err)
{
    *out = (struct verified){0};
    struct verifying v = {.p = plan->planner, .lock = PTHREAD_MUTEX_INITIALIZER};
    planner_hand_over(v.p, cancel);
    verify_find(&v);
    look_at_all(&v);
    report_leftovers(&v, false, &out->left, &out->left_count);
    report_leftovers(&v, true, &out->let_go, &out->let_go_count);
    report_places(&v, out);
    report_unseen(&v, out);
    report_asked(&v, out);
    int status = 0;
    if (cancel_is_set(v.p->cancel))
        status = err_set(err, ERR_INTERRUPTED, "interrupted while looking for leftovers");
    else if (!out->left_count && v.failure.class != ERR_NONE) {
        *err = v.failure; /* with something left that is told; without, nobody may believe that nothing is */
        status = -1;
    }
    free(v.items);
    map_release(&v.known);
    map_release(&v.providers);
    map_release(&v.places);
    map_release(&v.gone);
    map_release(&v.unreachable);
    pthread_mutex_destroy(&v.lock);
    return status;
}
