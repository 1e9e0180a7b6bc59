/* A replacement is made first where the stack or its type says so, and wherever what refers to it is. */
#include "plan/replace_order.h"

#include "plan/depends.h"

struct search {
    struct planner *p;
    bool found;
};

static void destroyed_first(void *ctx, const struct decl *dep)
{
    struct search *search = ctx;
    const struct instances *list = &search->p->instances[dep->index];
    for (size_t i = 0; i < list->n; i++)
        search->found |= list->items[i].action == ACTION_REPLACE && !list->items[i].create_before_destroy;
}

/* Types that are made first by themselves give way where what they refer to is destroyed first. */
static void withdraw_create_first(struct planner *p)
{
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        struct search search = {p, false};
        if (!decl->schema || !decl->schema->create_first || decl->lifecycle.create_before_destroy)
            continue;
        each_resource_dep(p, decl, destroyed_first, &search);
        for (size_t k = 0; search.found && k < p->instances[i].n; k++) {
            struct instance *instance = &p->instances[i].items[k];
            instance->create_before_destroy = false;
            if (instance->change)
                instance->change->create_before_destroy = false;
        }
    }
}

/* A replacement that something made before it is destroyed refers to. */
static void create_before_destroy(void *ctx, const struct decl *dep)
{
    struct planner *p = ctx;
    struct instances *list = &p->instances[dep->index];
    for (size_t i = 0; i < list->n; i++) {
        if (list->items[i].action != ACTION_REPLACE)
            continue;
        list->items[i].create_before_destroy = true;
        list->items[i].change->create_before_destroy = true;
    }
}

/* What a create-before-destroy replacement refers to must be made first as well, or the order would be a
 * circle. */
static void spread_create_before_destroy(struct planner *p)
{
    for (size_t i = p->stack->decl_count; i-- > 0;) {
        const struct decl *decl = p->stack->decls[i];
        bool first = false;
        for (size_t k = 0; k < p->instances[i].n; k++)
            first |= p->instances[i].items[k].create_before_destroy;
        if (first)
            each_resource_dep(p, decl, create_before_destroy, p);
    }
}

void replace_order(struct planner *p)
{
    withdraw_create_first(p);
    spread_create_before_destroy(p);
}
