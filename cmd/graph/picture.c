/* What a picture of a stack shows: its boxes, its arrows, and what a plan does with them. */
#include "cmd/graph/picture.h"

#include "base/mem.h"
#include "base/terminal_cells.h"

#include <stdlib.h>

static bool is_drawn(const struct decl *decl)
{
    return decl->kind == DECL_RESOURCE || decl->kind == DECL_DATA;
}

/* Edges to what a declaration refers to, directly or through locals, inputs, outputs and modules. */
static void add_edges(struct picture *p, const struct decl *decl, uint32_t to, uint32_t *stamps)
{
    for (size_t i = 0; i < decl->dep_count; i++) {
        const struct decl *dep = decl->deps[i];
        if (stamps[dep->index] == to + 1)
            continue;
        stamps[dep->index] = to + 1;
        if (is_drawn(dep) && p->nodes[dep->index] == UINT32_MAX)
            continue;
        if (is_drawn(dep))
            layout_add_edge(&p->layout, p->nodes[dep->index], to);
        else
            add_edges(p, dep, to, stamps);
    }
}

struct str picture_box_name(const struct decl *decl)
{
    return decl->module->path.n ? decl->name : decl->address;
}

static double box_width(const struct decl *decl)
{
    size_t name = cells_width(picture_box_name(decl)), type = cells_width(decl->schema->name);
    return (double)(name > type ? name : type) * PICTURE_LETTER + PICTURE_PADDING;
}

static uint32_t group_of(const struct picture *p, const struct module *module)
{
    uint32_t i = 0;
    while (p->groups[i] != module)
        i++;
    return i;
}

void picture_init(struct picture *p, const struct stack *stack, const bool *absent)
{
    *p = (struct picture){.stack = stack};
    size_t count = stack->decl_count + 1;
    p->nodes = mem_realloc_array(NULL, count, sizeof *p->nodes);
    p->decls = mem_zalloc(count * sizeof *p->decls);
    p->actions = mem_zalloc(count * sizeof *p->actions);
    p->groups = mem_zalloc((stack->module_count + 1) * sizeof *p->groups);
    for (size_t i = 0; i < stack->module_count; i++)
        p->groups[i] = stack->modules[i];
    layout_init(&p->layout);
    for (size_t i = 0; i < stack->decl_count; i++) {
        const struct decl *decl = stack->decls[i];
        p->nodes[i] = UINT32_MAX;
        if (!is_drawn(decl) || absent[i])
            continue;
        p->nodes[i] = layout_add_node(&p->layout, box_width(decl), group_of(p, decl->module));
        p->decls[p->n++] = decl;
    }
    uint32_t *stamps = mem_zalloc(count * sizeof *stamps);
    for (size_t i = 0; i < p->n; i++)
        add_edges(p, p->decls[i], (uint32_t)i, stamps);
    free(stamps);
}

void picture_release(struct picture *p)
{
    layout_release(&p->layout);
    free(p->nodes);
    free(p->decls);
    free(p->groups);
    free(p->actions);
}

/* Of several instances the one with the most to do gives the colour. */
void picture_take_plan(struct picture *p, const struct plan *plan)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    for (size_t i = 0; i < plan->change_count; i++) {
        struct str declared, key;
        if (!address_split(&arena, plan->changes[i].subject.address, &declared, &key))
            continue;
        const struct decl *decl = stack_find(p->stack, declared);
        if (!decl || !is_drawn(decl) || p->nodes[decl->index] == UINT32_MAX)
            continue;
        enum action *action = &p->actions[p->nodes[decl->index]];
        if (plan->changes[i].decision.action > *action)
            *action = plan->changes[i].decision.action;
    }
}
