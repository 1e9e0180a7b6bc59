/* What could not be looked at, and why: see unread.h. */
#include "plan/refresh/unread.h"

#include "base/mem.h"
#include "plan/refresh/unreachable.h"

#include <stdlib.h>

static struct str why_of(struct planner *p, struct str provider)
{
    const struct unreachable *unreachable = unreachable_find(p, provider);
    if (unreachable && unreachable->why.n)
        return unreachable->why;
    return arena_printf(
        p->arena, "the settings of provider \"%.*s\" are known only after apply", STR_ARG(provider));
}

/* By p->recorded.seen: what no target means. */
static void find_left(const struct planner *p, bool *left)
{
    for (size_t i = 0; i < p->stack->decl_count; i++)
        for (size_t k = 0; k < p->evaluated.instances[i].n; k++) {
            const struct instance *instance = &p->evaluated.instances[i].items[k];
            if (instance->seen && !instance->desired)
                left[instance->seen - p->recorded.seen] = true;
        }
}

static int by_why(const void *a, const void *b)
{
    const struct unread *x = a, *y = b;
    int order = str_cmp(x->why, y->why);
    return order ? order : str_cmp(x->address, y->address);
}

void unread_find(struct planner *p)
{
    AUTO_FREE bool *left = mem_zalloc(p->recorded.count + 1);
    struct unread *list = ARENA_ARRAY(p->arena, struct unread, p->recorded.count + 1);
    size_t n = 0;
    find_left(p, left);
    for (size_t i = 0; i < p->recorded.count; i++) {
        const struct seen *seen = &p->recorded.seen[i];
        if (seen->unread && !left[i])
            list[n++] = (struct unread){seen->address, why_of(p, seen->record->subject.provider)};
    }
    if (n)
        qsort(list, n, sizeof *list, by_why);
    p->plan->unread = list;
    p->plan->unread_count = n;
}
