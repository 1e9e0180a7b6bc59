/* Puts the declarations in an order in which each comes after all that it depends on. */
#include "stacks/load/load.h"

#include "base/mem.h"

#include <stdlib.h>

enum visit { UNSEEN, OPEN, DONE };

/* The declarations on the way down from a root, each with its next dependency to look at. */
struct step {
    struct decl *decl;
    size_t next;
};

struct ordering {
    struct loader *loader;
    uint8_t *visits;   /* enum visit, by index */
    uint8_t *reported; /* is part of a cycle that was reported */
    struct step *steps;
    size_t depth, cap, placed;
};

enum { CYCLE_SHOWN = 10 };

static void add_link(struct buf *path, struct buf *places, const struct decl *decl)
{
    buf_addf(path, "%.*s -> ", STR_ARG(decl->address));
    const struct source *source = decl->span.source;
    buf_addf(places, "%s%.*s at %.*s:%u:%u", places->n ? ", " : "", STR_ARG(decl->address),
        STR_ARG(source->path), decl->span.line, decl->span.column);
}

/* The cycle is what lies on the way from `from` to its end. Said from its first declaration on. */
static void report_cycle(struct ordering *o, const struct step *from, size_t n)
{
    struct diags *diags = o->loader->diags;
    size_t first = 0, fresh = 0;
    for (size_t i = 0; i < n; i++) {
        if (from[i].decl->index < from[first].decl->index)
            first = i;
        fresh += !o->reported[from[i].decl->index];
        o->reported[from[i].decl->index] = true;
    }
    if (!fresh)
        return;
    const struct decl *start = from[first].decl;
    if (n == 1) {
        diag_error(diags, start->span, "\"%.*s\" refers to itself", STR_ARG(start->address));
        return;
    }
    AUTO_BUF struct buf path = BUF_INIT, places = BUF_INIT;
    for (size_t i = 0; i < n && i < CYCLE_SHOWN; i++)
        add_link(&path, &places, from[(first + i) % n].decl);
    if (n > CYCLE_SHOWN)
        buf_addf(&path, "… (%zu in all) -> ", n);
    struct diag *d = diag_error(diags, start->span, "a cycle: %s%.*s", path.p, STR_ARG(start->address));
    diag_hint(diags, d, "%s", places.p);
}

static void go_down(struct ordering *o, struct decl *decl)
{
    MEM_GROW(o->steps, o->cap, o->depth + 1);
    o->steps[o->depth++] = (struct step){decl, 0};
    o->visits[decl->index] = OPEN;
}

static void meet_open(struct ordering *o, const struct decl *dep)
{
    size_t at = o->depth;
    while (o->steps[at - 1].decl != dep)
        at--;
    report_cycle(o, &o->steps[at - 1], o->depth - at + 1);
}

static void order_visit(struct ordering *o, struct decl *root)
{
    go_down(o, root);
    while (o->depth) {
        struct step *step = &o->steps[o->depth - 1];
        if (step->next == step->decl->dep_count) {
            o->visits[step->decl->index] = DONE;
            o->loader->stack->decls[o->placed++] = step->decl;
            o->depth--;
            continue;
        }
        struct decl *dep = step->decl->deps[step->next++];
        if (o->visits[dep->index] == UNSEEN)
            go_down(o, dep);
        else if (o->visits[dep->index] == OPEN)
            meet_open(o, dep);
    }
}

void order_decls(struct loader *loader)
{
    struct stack *stack = loader->stack;
    size_t n = loader->decl_count;
    struct ordering o = {.loader = loader, .visits = mem_zalloc(n), .reported = mem_zalloc(n)};
    stack->decls = ARENA_ARRAY(loader->arena, struct decl *, n);
    for (size_t i = 0; i < n; i++)
        if (o.visits[loader->decls[i]->index] == UNSEEN)
            order_visit(&o, loader->decls[i]);
    stack->decl_count = o.placed;
    for (size_t i = 0; i < n; i++)
        stack->decls[i]->index = (uint32_t)i;
    free(o.visits);
    free(o.reported);
    free(o.steps);
}
