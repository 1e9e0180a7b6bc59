/*
 * Which record belongs to which address: moves, targets, and finding what a refresh saw.
 */
#include "plan/planner.h"

#include <string.h>

enum { KEYS_SHOWN = 200 }; /* bytes of the addresses in a hint */

struct seen *seen_find(const struct planner *p, struct str address)
{
    return map_get(&p->seen_by_address, address);
}

#define DEPOSED "#old" /* names have no #, and keys end with "] */

struct str address_deposed(struct arena *arena, struct str address)
{
    return arena_printf(arena, "%.*s" DEPOSED, STR_ARG(address));
}

struct str address_current(struct str address)
{
    return str_ends(address, STR(DEPOSED)) ? str_slice(address, 0, address.n - strlen(DEPOSED)) : address;
}

/* The address without its instance key: `a["k"]` -> `a`. */
struct str address_declared(struct str address)
{
    ptrdiff_t at = address_key_at(address);
    return at < 0 ? address_current(address) : str_slice(address, 0, (size_t)at);
}

bool address_matches(struct str address, const struct str *list, size_t n)
{
    struct str declared = address_declared(address);
    for (size_t i = 0; i < n; i++) {
        if (str_eq(address, list[i]) || str_eq(declared, list[i]))
            return true;
        if (address.n > list[i].n && str_starts(address, list[i]) &&
            (address.p[list[i].n] == '/' || address.p[list[i].n] == '['))
            return true; /* a module, or all of its instances */
    }
    return false;
}

/* Where one `moved:` entry takes the address; unchanged where it does not apply. */
static struct str apply_move(struct arena *arena, struct str address, const struct moved *moved)
{
    if (str_eq(address, moved->from))
        return moved->to;
    if (str_eq(address_declared(address), moved->from) ||
        (address.n > moved->from.n && str_starts(address, moved->from) && address.p[moved->from.n] == '/')) {
        struct str parts[] = {moved->to, str_slice(address, moved->from.n, address.n)};
        return arena_concat(arena, parts, 2);
    }
    return address;
}

static struct str new_address(struct planner *p, const struct record *record)
{
    struct str address = record->address;
    for (size_t i = 0; i < p->stack->moved_count; i++)
        address = apply_move(p->arena, address, &p->stack->moved[i]);
    /* What is there already is not overwritten: then the old one stays where it was and is planned as such.
     */
    return !str_eq(address, record->address) && state_get(p->workspace->state, address) ? record->address
                                                                                        : address;
}

static void learn_record(const struct planner *p, const struct record *record)
{
    struct err ignored = ERR_INIT;
    const struct schema *schema = value_is_sensitive(record->attrs)
                                      ? catalog_find(p->workspace->catalog, record->type, false, &ignored)
                                      : NULL;
    if (schema)
        object_learn(schema, record->attrs);
}

bool claim_records(struct planner *p)
{
    size_t n;
    const struct record *const *records = state_records(p->workspace->state, &n);
    p->seen = ARENA_ARRAY(p->arena, struct seen, n ? n : 1);
    p->seen_count = n;
    for (size_t i = 0; i < n; i++) {
        struct seen *seen = &p->seen[i];
        *seen = (struct seen){.record = records[i], .live = records[i]->attrs};
        learn_record(p, records[i]);
        seen->address = p->stack->moved_count ? new_address(p, records[i]) : records[i]->address;
        struct str declared = address_declared(records[i]->address);
        seen->sibling = map_set(&p->seen_by_declared, declared, seen);
        seen->neighbour = map_set(&p->seen_by_decl, address_declared(seen->address), seen);
        struct seen *twin = map_set(&p->seen_by_address, seen->address, seen);
        if (twin) {
            diag_error(p->diags, (struct span){0}, "moved: both \"%.*s\" and \"%.*s\" would become \"%.*s\"",
                STR_ARG(twin->record->address), STR_ARG(records[i]->address), STR_ARG(seen->address));
            return false;
        }
    }
    return true;
}

/* Numbers the nodes that stand between all instances of a declaration and all their dependents. */
static void number_hubs(const struct planner *p, struct map *hubs)
{
    for (size_t i = 0; i < p->seen_count; i++) {
        const struct value *deps = p->seen[i].record->deps;
        for (uint32_t k = 0; deps && k < deps->count; k++) {
            struct str name = deps->items[k]->string;
            const struct seen *dep = map_get(&p->seen_by_declared, name);
            if (dep && dep->sibling && !map_get(hubs, name))
                map_set(hubs, name, (void *)(p->seen_count + hubs->n));
        }
    }
}

void claim_graph(const struct planner *p, struct graph *graph)
{
    AUTO_MAP struct map hubs = MAP_INIT;
    number_hubs(p, &hubs);
    graph_init(graph, (uint32_t)(p->seen_count + hubs.n));
    for (size_t h = 0; h < hubs.n; h++)
        for (const struct seen *dep = map_get(&p->seen_by_declared, hubs.items[h].key); dep;
             dep = dep->sibling)
            graph_add_edge(graph, (uint32_t)(dep - p->seen), (uint32_t)(p->seen_count + h));
    for (size_t i = 0; i < p->seen_count; i++) {
        const struct value *deps = p->seen[i].record->deps;
        for (uint32_t k = 0; deps && k < deps->count; k++) {
            struct str name = deps->items[k]->string;
            size_t hub = (size_t)map_get(&hubs, name);
            if (hub) {
                graph_add_edge(graph, (uint32_t)hub, (uint32_t)i);
                continue;
            }
            struct str declared = address_declared(name);
            const struct seen *dep = map_get(&p->seen_by_declared, declared);
            for (; dep; dep = dep->sibling)
                if (declared.n == name.n || str_eq(dep->record->address, name))
                    graph_add_edge(graph, (uint32_t)(dep - p->seen), (uint32_t)i);
        }
    }
    graph_freeze(graph);
    graph_open_circles(graph);
}

static void target_with_deps(struct planner *p, const struct decl *decl, bool whole)
{
    p->whole[decl->index] |= whole;
    if (p->targeted[decl->index])
        return;
    p->targeted[decl->index] = true;
    if (p->options.alone)
        return;
    for (size_t i = 0; i < decl->dep_count; i++)
        target_with_deps(p, decl->deps[i], true);
}

static bool target_is_known(struct planner *p, struct str target)
{
    const struct decl *decl = stack_find(p->stack, address_declared(target));
    if (seen_find(p, target) || (decl && !decl->keyed)) /* a module's instances are looked for below */
        return true;
    for (size_t i = 0; i < p->seen_count; i++)
        if (address_matches(p->seen[i].address, &target, 1))
            return true;
    for (size_t i = 0; i < p->stack->decl_count; i++)
        if (address_matches(p->stack->decls[i]->address, &target, 1))
            return true;
    return false;
}

static bool all_known(struct planner *p, const char *option, const struct str *targets, size_t n)
{
    bool ok = true;
    for (size_t i = 0; i < n; i++) {
        if (target_is_known(p, targets[i]))
            continue;
        struct diag *d = diag_error(p->diags, (struct span){0},
            "%s %.*s: neither the stack nor the state has it", option, STR_ARG(targets[i]));
        diag_hint(p->diags, d, "`weir state list` shows the addresses");
        ok = false;
    }
    return ok;
}

bool claim_targets(struct planner *p)
{
    const struct plan_options *options = &p->options;
    bool ok = all_known(p, "--replace", options->replaces, options->replace_count);
    if (!options->target_count) {
        memset(p->targeted, true, p->stack->decl_count * sizeof *p->targeted);
        memset(p->whole, true, p->stack->decl_count * sizeof *p->whole);
        return ok;
    }
    ok &= all_known(p, "--target", options->targets, options->target_count);
    for (size_t t = 0; t < options->target_count; t++) {
        struct str target = options->targets[t], declared = address_declared(target);
        for (size_t i = 0; i < p->stack->decl_count; i++) {
            const struct decl *decl = p->stack->decls[i];
            bool one = decl->keyed && !str_eq(target, declared); /* of a module's instances */
            bool whole = address_matches(decl->address, &target, 1);
            if ((str_eq(decl->address, declared) && !one) || whole)
                target_with_deps(p, decl, whole);
        }
    }
    return ok;
}

bool claim_is_target(const struct planner *p, const struct decl *decl, struct str address)
{
    return p->whole[decl->index] || address_matches(address, p->options.targets, p->options.target_count);
}

bool claim_has_targets(struct planner *p, const struct decl *decl)
{
    const struct instances *list = &p->instances[decl->index];
    for (size_t t = 0; t < p->options.target_count; t++) {
        struct str target = p->options.targets[t];
        bool there = list->unread || str_eq(target, decl->address) ||
                     !str_eq(address_declared(target), decl->address) || seen_find(p, target);
        AUTO_BUF struct buf names = BUF_INIT;
        for (size_t i = 0; i < list->n && !there; i++) {
            there = str_eq(list->items[i].address, target);
            if (names.n < KEYS_SHOWN)
                buf_addf(&names, "%s%.*s", i ? ", " : "", STR_ARG(list->items[i].address));
        }
        if (there)
            continue;
        struct diag *d = diag_error(p->diags, decl->span, "there is no %.*s", STR_ARG(target));
        diag_hint(p->diags, d, "there %s %s", list->n == 1 ? "is" : "are", list->n ? names.p : "none");
        return false;
    }
    return true;
}
