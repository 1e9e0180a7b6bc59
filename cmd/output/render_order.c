/*
 * The order in which a plan's resources are shown: module by module, and what others depend on before them.
 */
#include "cmd/output/render.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "stacks/stack.h"

#include <stdlib.h>

static bool is_shown(const struct change *c)
{
    return c->decision.action != ACTION_NOOP || c->moved_from.n;
}

static struct section section_of(const struct plan *plan, const struct change *change)
{
    ptrdiff_t key = address_key_at(change->subject.address);
    struct str declared =
        key < 0 ? change->subject.address : str_slice(change->subject.address, 0, (size_t)key);
    size_t slash = str_after_last(declared, "/");
    const struct stack *stack = plan->workspace ? plan->workspace->stack : NULL;
    const struct decl *decl = change->decl ? change->decl : stack ? stack_find(stack, declared) : NULL;
    return (struct section){.change = change,
        .decl = decl,
        .declared = declared,
        .module = str_slice(declared, 0, slash ? slash - 1 : 0),
        .rank = decl ? decl->index : UINT32_MAX};
}

static int in_order(const void *a, const void *b)
{
    const struct section *x = a, *y = b;
    if (x->group != y->group)
        return x->group < y->group ? -1 : 1;
    int order = x->module.n || y->module.n ? str_cmp(x->module, y->module) : 0;
    if (order)
        return order;
    if (x->rank != y->rank)
        return x->rank < y->rank ? -1 : 1;
    return str_cmp(x->change->subject.address, y->change->subject.address);
}

/* Each section's group, from the first section of its module, which a map remembers. */
static void find_groups(struct section *list, size_t n)
{
    AUTO_MAP struct map modules = MAP_INIT;
    struct section *first = NULL;
    for (size_t pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < n; i++) {
            if (!first || !str_eq(first->module, list[i].module))
                first = map_get(&modules, list[i].module);
            if (!first)
                map_set(&modules, list[i].module, first = &list[i]);
            if (pass)
                list[i].group = first->group;
            else if (first == &list[i] || list[i].rank > first->group)
                first->group = list[i].rank;
        }
}

size_t sections_list(const struct plan *plan, struct arena *arena, struct section **out)
{
    struct section *list = ARENA_ARRAY(arena, struct section, plan->change_count + 1);
    size_t n = 0;
    for (size_t i = 0; i < plan->change_count; i++)
        if (is_shown(plan->changes[i]))
            list[n++] = section_of(plan, plan->changes[i]);
    find_groups(list, n);
    qsort(list, n, sizeof *list, in_order);
    *out = list;
    return n;
}

bool sections_in_modules(const struct section *sections, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (!str_eq(sections[i].module, sections[0].module))
            return true;
    return false;
}

static const struct value *tags_made(const struct change *change)
{
    for (size_t i = 0; change->decision.action == ACTION_CREATE && i < change->attr_count; i++) {
        const struct attr_change *a = &change->attrs[i];
        if (a->attr && a->attr->type->kind == TYPE_TAGS && a->after && a->after->kind == VALUE_MAP)
            return a->after;
    }
    return NULL;
}

static const struct value *common_entries(struct arena *arena, const struct value *a, const struct value *b)
{
    struct value_builder common = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < a->count; i++) {
        const struct value *other = value_get(b, a->entries[i].key);
        if (other && !value_is_sensitive(other) && value_equal(a->entries[i].value, other))
            value_builder_set(&common, a->entries[i].key, other);
    }
    return value_builder_map(&common);
}

const struct value *sections_tags(const struct section *sections, size_t n, struct arena *arena)
{
    enum { WORTH_IT = 3 };
    const struct value *common = NULL;
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        const struct value *tags = tags_made(sections[i].change);
        if (!tags)
            continue;
        common = found++ ? common_entries(arena, common, tags) : tags;
    }
    return found >= WORTH_IT && common->count && !value_is_sensitive(common) ? common : NULL;
}

/* ---- by type ---- */

struct type_count {
    struct str type;
    size_t n, counts[ACTION_COUNT];
};

static int by_count(const void *a, const void *b)
{
    const struct type_count *x = a, *y = b;
    return x->n != y->n ? (x->n > y->n ? -1 : 1) : str_cmp(x->type, y->type);
}

static size_t count_types(const struct section *sections, size_t n, struct type_count **out)
{
    struct type_count *list = NULL;
    size_t count = 0, cap = 0;
    for (size_t i = 0; i < n; i++) {
        const struct change *c = sections[i].change;
        size_t k = 0;
        while (k < count && !str_eq(list[k].type, c->subject.type))
            k++;
        if (k == count) {
            MEM_GROW(list, cap, count + 1);
            list[count++] = (struct type_count){.type = c->subject.type};
        }
        list[k].n++;
        list[k].counts[c->decision.action]++;
    }
    if (count)
        qsort(list, count, sizeof *list, by_count);
    *out = list;
    return count;
}

void sections_types(const struct section *sections, size_t n, struct buf *out)
{
    struct type_count *list;
    size_t count = count_types(sections, n, &list);
    int width = 0;
    for (size_t i = 0; i < count; i++) {
        int w = (int)cells_width(list[i].type);
        width = w > width ? w : width;
    }
    for (size_t i = 0; i < count; i++) {
        const char *separator = "  ";
        buf_addf(out, "  %-*.*s", width, STR_ARG(list[i].type));
        for (int action = 0; action < ACTION_COUNT; action++) {
            if (!list[i].counts[action])
                continue;
            buf_addf(out, "%s%zu to %s", separator, list[i].counts[action], action_verb((enum action)action));
            separator = ", ";
        }
        buf_add_char(out, '\n');
    }
    free(list);
}
