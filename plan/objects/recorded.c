/* The state's records under their new addresses, and the order among them. */
#include "plan/objects/recorded.h"

#include "plan/objects/address.h"
#include "plan/objects/objects.h"

struct seen *recorded_find(const struct recorded *recorded, struct str address)
{
    return map_get(&recorded->by_address, address);
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
    struct str address = record->subject.address;
    for (size_t i = 0; i < p->stack->moved_count; i++)
        address = apply_move(p->arena, address, &p->stack->moved[i]);
    /* What is there already is not overwritten: then the old one stays where it was and is planned as such.
     */
    return !str_eq(address, record->subject.address) && state_get(p->workspace->state, address)
               ? record->subject.address
               : address;
}

static void learn_record(const struct planner *p, const struct record *record)
{
    const struct schema *schema =
        value_is_sensitive(record->attrs)
            ? catalog_find(p->workspace->catalog, record->subject.type, false, ERR_IGNORED)
            : NULL;
    if (schema)
        object_learn(schema, record->attrs);
}

bool recorded_claim(struct planner *p)
{
    size_t n;
    const struct record *const *records = state_records(p->workspace->state, &n);
    p->recorded.seen = ARENA_ARRAY(p->arena, struct seen, n ? n : 1);
    p->recorded.count = n;
    p->recorded.seq = state_seq(p->workspace->state);
    for (size_t i = 0; i < n; i++) {
        struct seen *seen = &p->recorded.seen[i];
        *seen = (struct seen){.record = records[i], .live = records[i]->attrs};
        learn_record(p, records[i]);
        seen->address = p->stack->moved_count ? new_address(p, records[i]) : records[i]->subject.address;
        struct str declared = address_declared(records[i]->subject.address);
        seen->sibling = map_set(&p->recorded.by_recorded, declared, seen);
        seen->neighbour = map_set(&p->recorded.by_declared, address_declared(seen->address), seen);
        struct seen *twin = map_set(&p->recorded.by_address, seen->address, seen);
        if (twin) {
            diag_error(p->diags, (struct span){0}, "moved: both \"%.*s\" and \"%.*s\" would become \"%.*s\"",
                STR_ARG(twin->record->subject.address), STR_ARG(records[i]->subject.address),
                STR_ARG(seen->address));
            return false;
        }
    }
    return true;
}

bool recorded_moves(const struct recorded *r)
{
    for (size_t i = 0; i < r->count; i++)
        if (!str_eq(r->seen[i].address, r->seen[i].record->subject.address))
            return true;
    return false;
}

/* Numbers the nodes that stand between all instances of a declaration and all their dependents. */
static void number_hubs(const struct recorded *r, struct map *hubs)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct value *deps = r->seen[i].record->deps;
        for (uint32_t k = 0; deps && k < deps->count; k++) {
            struct str name = deps->items[k]->string;
            const struct seen *dep = map_get(&r->by_recorded, name);
            if (dep && dep->sibling && !map_get(hubs, name))
                map_set(hubs, name, (void *)(r->count + hubs->n));
        }
    }
}

void recorded_graph(const struct recorded *r, struct graph *graph)
{
    AUTO_MAP struct map hubs = MAP_INIT;
    number_hubs(r, &hubs);
    graph_init(graph, (uint32_t)(r->count + hubs.n));
    for (size_t h = 0; h < hubs.n; h++)
        for (const struct seen *dep = map_get(&r->by_recorded, hubs.items[h].key); dep; dep = dep->sibling)
            graph_add_edge(graph, (uint32_t)(dep - r->seen), (uint32_t)(r->count + h));
    for (size_t i = 0; i < r->count; i++) {
        const struct value *deps = r->seen[i].record->deps;
        for (uint32_t k = 0; deps && k < deps->count; k++) {
            struct str name = deps->items[k]->string;
            size_t hub = (size_t)map_get(&hubs, name);
            if (hub) {
                graph_add_edge(graph, (uint32_t)hub, (uint32_t)i);
                continue;
            }
            struct str declared = address_declared(name);
            const struct seen *dep = map_get(&r->by_recorded, declared);
            for (; dep; dep = dep->sibling)
                if (declared.n == name.n || str_eq(dep->record->subject.address, name))
                    graph_add_edge(graph, (uint32_t)(dep - r->seen), (uint32_t)i);
        }
    }
    graph_freeze(graph);
    graph_open_circles(graph);
}
