/* Changes of addresses: moved, removed, imports. */
#include "base/mem.h"
#include "stacks/load/load.h"

#include <stdlib.h>

/* Reads an address relative to this module. Empty after an error. */
static struct str read_address(struct unit *unit, const struct node *map, const char *key, const char *what)
{
    struct loader *loader = unit->loader;
    const struct node *node = node_get(map, key);
    struct str text, address, instance;
    if (!node) {
        diag_error(loader->diags, node_span(map), "%s needs \"%s\"", what, key);
        return STR_EMPTY;
    }
    if (!expect_text(loader, node, "an address", &text))
        return STR_EMPTY;
    if (!address_split(loader->arena, text, &address, &instance)) {
        struct diag *d =
            diag_error(loader->diags, node_span(node), "\"%.*s\" is not an address", STR_ARG(text));
        diag_hint(loader->diags, d, "addresses are: lake, lake[\"key\"], module/lake");
        return STR_EMPTY;
    }
    struct str path = unit->module->path;
    return path.n ? arena_concat(loader->arena, (struct str[]){path, STR("/"), text}, 3) : text;
}

/* An item of the section `what`, which takes these two keys. NULL after an error. */
static const struct node *read_item(
    struct unit *unit, const struct node *item, const char *what, const char *first, const char *second)
{
    const struct str known[] = {str_z(first), str_z(second)};
    struct loader *loader = unit->loader;
    if (!expect_map(loader, item, arena_printf(loader->arena, "an item of %s", what).p))
        return NULL;
    check_keys(loader, item, what, known, 2);
    return item;
}

/* Makes room for the items of a section behind those that are there. */
#define ADD_ROOM(unit, items, used, section)                                                                 \
    ((items) = arena_copy((unit)->loader->arena, (items), sizeof *(items) * (used),                          \
         sizeof *(items) * ((used) + (section)->count)))

void load_moved(struct unit *unit, const struct node *section)
{
    struct stack *stack = unit->loader->stack;
    ADD_ROOM(unit, stack->moved, stack->moved_count, section);
    for (size_t i = 0; i < section->count; i++) {
        const struct node *item = read_item(unit, section->items[i], "\"moved\"", "from", "to");
        if (!item)
            continue;
        struct moved moved = {.from = read_address(unit, item, "from", "\"moved\""),
            .to = read_address(unit, item, "to", "\"moved\""),
            .span = node_span(item)};
        if (moved.from.n && moved.to.n)
            stack->moved[stack->moved_count++] = moved;
    }
}

void load_removed(struct unit *unit, const struct node *section)
{
    struct stack *stack = unit->loader->stack;
    ADD_ROOM(unit, stack->removed, stack->removed_count, section);
    for (size_t i = 0; i < section->count; i++) {
        const struct node *item = read_item(unit, section->items[i], "\"removed\"", "address", "destroy");
        if (!item)
            continue;
        struct removed removed = {.address = read_address(unit, item, "address", "\"removed\""),
            .destroy = true,
            .span = node_span(item)};
        if (node_get(item, "destroy"))
            expect_bool(unit->loader, node_get(item, "destroy"), "\"destroy\"", &removed.destroy);
        if (removed.address.n)
            stack->removed[stack->removed_count++] = removed;
    }
}

void load_imports(struct unit *unit, const struct node *section)
{
    struct loader *loader = unit->loader;
    struct stack *stack = loader->stack;
    ADD_ROOM(unit, stack->imports, stack->import_count, section);
    for (size_t i = 0; i < section->count; i++) {
        const struct node *item = read_item(unit, section->items[i], "\"imports\"", "address", "id");
        if (!item)
            continue;
        struct import import = {
            .address = read_address(unit, item, "address", "\"imports\""), .span = node_span(item)};
        const struct node *id = node_get(item, "id");
        if (!id || id->kind == NODE_NULL || id->kind == NODE_LIST || id->kind == NODE_MAP) {
            diag_error(loader->diags, node_span(id ? id : item), "\"imports\" needs \"id\", a text");
            continue;
        }
        import.id = expr_compile(loader->arena, id, loader->diags);
        if (import.address.n)
            stack->imports[stack->import_count++] = import;
    }
}

/* ---- checks of the addresses ---- */

/* The character after `above` in an address of it or in it: '[', '/' or '#', or '\0' if they are equal; -1
 * if it is another's. */
static int after(struct str address, struct str above)
{
    int next = address.n > above.n ? address.p[above.n] : '\0';
    return str_starts(address, above) && (!next || char_is_among((char)next, "[/#")) ? next : -1;
}

/* The address after one entry; unchanged if the entry is not about it. An entry without keys moves all
 * instances; `{from: job, to: 'job["daily"]'}` moves only what had no key. */
static struct str apply_move(struct arena *arena, struct str address, const struct moved *moved)
{
    int next = after(address, moved->from);
    if (next < 0 || (next == '[' && address_key_at(moved->to) >= 0))
        return address;
    struct str parts[] = {moved->to, str_slice(address, moved->from.n, address.n)};
    return arena_concat(arena, parts, 2);
}

/* An address, and where the entries lead from there. */
struct move_node {
    struct str address;
    struct move_node *end;    /* the last address of its chain of entries; itself: no entry is about it */
    struct move_node *behind; /* an address that one entry leads from; NULL: none that was looked at */
    uint32_t steps;           /* entries up to `end` */
    bool circular;            /* its entries lead back to an address before */
    bool merged;              /* several addresses lead here */
    bool recorded;
    bool taken_by_move;      /* of an end: a record that moves has a place in the chain */
    struct move_node *taken; /* of an end: the place farthest from it that a record has; NULL: none yet */
};

struct moves {
    const struct stack *stack;
    struct arena *arena;
    struct map by_from; /* address -> struct moved, the first one */
    struct map nodes;   /* address -> struct move_node */
    uint32_t *walks;    /* by entry: the last walk that used it; each counts once in a walk */
    uint32_t walk;
};

static void moves_init(struct moves *m, const struct stack *stack, struct arena *arena)
{
    *m = (struct moves){.stack = stack, .arena = arena};
    m->walks = mem_zalloc((stack->moved_count + 1) * sizeof *m->walks);
    map_reserve(&m->by_from, stack->moved_count);
    for (size_t i = 0; i < stack->moved_count; i++)
        map_add(&m->by_from, stack->moved[i].from, &stack->moved[i]);
}

static void moves_release(struct moves *m)
{
    map_release(&m->by_from);
    map_release(&m->nodes);
    free(m->walks);
}

/* Returns where the first entry about the address leads; the address itself if there is none, or none that
 * this walk has not used. */
static struct str moved_once(struct moves *m, struct str address)
{
    const struct moved *first = NULL;
    struct str now = address;
    for (size_t n = 1; n <= address.n; n++) {
        if (n < address.n && !char_is_among(address.p[n], "[/#"))
            continue;
        const struct moved *entry = map_get(&m->by_from, str_slice(address, 0, n));
        if (!entry || (first && first < entry) || m->walks[entry - m->stack->moved] == m->walk)
            continue;
        struct str then = apply_move(m->arena, address, entry);
        if (str_eq(then, address))
            continue;
        first = entry;
        now = then;
    }
    if (first)
        m->walks[first - m->stack->moved] = m->walk;
    return now;
}

/* Entries in a circle move nothing. */
static void end_circle(struct move_node *const *path, size_t n)
{
    for (size_t i = 0; i < n; i++)
        *path[i] = (struct move_node){.address = path[i]->address, .end = path[i], .circular = true};
}

static struct move_node *move_node(struct moves *m, struct str address)
{
    struct move_node **path = NULL, *node;
    size_t n = 0, cap = 0;
    m->walk++;
    while (!(node = map_get(&m->nodes, address))) {
        node = ARENA_NEW(m->arena, struct move_node);
        node->address = address;
        map_set(&m->nodes, address, node);
        MEM_GROW(path, cap, n + 1);
        path[n++] = node;
        address = moved_once(m, address);
        if (str_eq(address, node->address))
            node->end = node;
    }
    if (!node->end)
        end_circle(path, n);
    for (size_t i = n; i-- > 0; node = path[i]) {
        if (path[i]->end)
            continue;
        path[i]->end = node->end;
        path[i]->steps = node->steps + 1;
        node->merged |= node->behind != NULL;
        node->behind = path[i];
    }
    node = n ? path[0] : node;
    free(path);
    return node;
}

/* Of records in one chain the first ones go farthest: with a to b and b to c, b becomes c and a becomes b. A
 * record does not move to where another one stays. */
static struct str place_record(struct moves *m, struct move_node *node)
{
    struct str name = STR_EMPTY, key;
    struct move_node *end = node->end;
    bool free_end = !end->taken && !end->recorded;
    struct move_node *place = !end->taken ? end : end->taken;
    if (node == end)
        return node->address;
    if (!free_end)
        place = place->merged ? NULL : place->behind;
    bool named = place && address_split(m->arena, place->address, &name, &key);
    if (place && (free_end || place == node || (named && stack_find(m->stack, name)))) {
        end->taken = place;
        end->taken_by_move |= place != node;
        return place->address;
    }
    return end->taken_by_move ? end->address : node->address;
}

struct move_order {
    struct move_node *node;
    size_t record;
};

static int by_steps_and_record(const void *a, const void *b)
{
    const struct move_order *x = a, *y = b;
    if (x->node->steps != y->node->steps)
        return x->node->steps < y->node->steps ? -1 : 1;
    return (x->record > y->record) - (x->record < y->record);
}

void stack_move_records(
    const struct stack *stack, struct arena *arena, const struct str *recorded, size_t n, struct str *now)
{
    struct moves m;
    moves_init(&m, stack, arena);
    struct move_order *order = mem_realloc_array(NULL, n + 1, sizeof *order);
    for (size_t i = 0; i < n; i++) {
        order[i] = (struct move_order){move_node(&m, recorded[i]), i};
        order[i].node->recorded = true;
    }
    qsort(order, n, sizeof *order, by_steps_and_record);
    for (size_t i = 0; i < n; i++)
        now[order[i].record] = place_record(&m, order[i].node);
    free(order);
    moves_release(&m);
}

void moves_add(struct stack *stack, const struct moved *moved, size_t n)
{
    if (!n)
        return;
    stack->moved = arena_copy(&stack->arena, stack->moved, sizeof *moved * stack->moved_count,
        sizeof *moved * (stack->moved_count + n));
    memcpy(stack->moved + stack->moved_count, moved, sizeof *moved * n);
    stack->moved_count += n;
}

static struct decl *find_address(struct loader *loader, struct str address, struct str *key)
{
    struct str name;
    address_split(loader->arena, address, &name, key);
    struct decl *decl = stack_find(loader->stack, name);
    bool named =
        decl && (decl->kind == DECL_RESOURCE || decl->kind == DECL_DATA || decl->kind == DECL_MODULE);
    return named ? decl : NULL;
}

static void report_absent(struct loader *loader, struct span span, struct str address)
{
    struct diag *d =
        diag_error(loader->diags, span, "there is no resource \"%.*s\" in the stack", STR_ARG(address));
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str *names = ARENA_ARRAY(&scratch, struct str, loader->decl_count + 1);
    size_t n = 0;
    for (size_t i = 0; i < loader->decl_count; i++)
        if (loader->decls[i]->kind == DECL_RESOURCE)
            names[n++] = loader->decls[i]->address;
    diag_did_you_mean(loader->diags, d, address, names, n);
}

static void check_key(struct loader *loader, struct span span, const struct decl *decl, struct str key)
{
    if (key.p && decl->kind != DECL_MODULE && !decl->for_each)
        diag_error(loader->diags, span, "\"%.*s\" has no for_each, so it has no [\"%.*s\"]",
            STR_ARG(decl->address), STR_ARG(key));
}

static void report_still_there(struct loader *loader, struct span span, const struct decl *decl)
{
    struct diag *d =
        diag_error(loader->diags, span, "\"%.*s\" is still in the stack", STR_ARG(decl->address));
    diag_related(loader->diags, d, decl->span, "here");
}

static void report_circle(struct loader *loader, const struct moved *moved)
{
    struct diag *d =
        diag_error(loader->diags, moved->span, "\"%.*s\" is moved in a circle", STR_ARG(moved->from));
    diag_hint(loader->diags, d, "`weir state mv` exchanges two resources, by way of a third address");
}

static void check_moved(struct loader *loader)
{
    AUTO_MAP struct map sources = MAP_INIT;
    struct moves moves;
    moves_init(&moves, loader->stack, loader->arena);
    for (size_t i = 0; i < loader->stack->moved_count; i++) {
        struct moved *moved = &loader->stack->moved[i];
        struct str from_key, to_key;
        const struct decl *from = find_address(loader, moved->from, &from_key);
        const struct move_node *target = move_node(&moves, moved->to);
        const struct decl *to = find_address(loader, target->end->address, &to_key);
        if (target->circular)
            report_circle(loader, moved);
        else if (!to)
            report_absent(loader, moved->span, moved->to);
        else
            check_key(loader, moved->span, to, to_key);
        if (from && from != to && !from_key.p)
            report_still_there(loader, moved->span, from);
        if (str_eq(moved->from, moved->to))
            diag_error(loader->diags, moved->span, "this moves nothing");
        const struct moved *first = map_set(&sources, moved->from, moved);
        if (!first)
            continue;
        struct diag *d =
            diag_error(loader->diags, moved->span, "\"%.*s\" is moved twice", STR_ARG(moved->from));
        diag_related(loader->diags, d, first->span, "first here");
    }
    moves_release(&moves);
}

void check_addresses(struct loader *loader)
{
    struct stack *stack = loader->stack;
    struct str key;
    check_moved(loader);
    for (size_t i = 0; i < stack->removed_count; i++) {
        const struct decl *decl = find_address(loader, stack->removed[i].address, &key);
        if (decl && !key.p)
            report_still_there(loader, stack->removed[i].span, decl);
    }
    for (size_t i = 0; i < stack->import_count; i++) {
        const struct import *import = &stack->imports[i];
        const struct decl *decl = find_address(loader, import->address, &key);
        if (!decl || decl->kind != DECL_RESOURCE) {
            report_absent(loader, import->span, import->address);
            continue;
        }
        check_key(loader, import->span, decl, key);
        if (decl->for_each && !key.p)
            diag_error(loader->diags, import->span, "\"%.*s\" has a for_each: say which one, [\"key\"]",
                STR_ARG(decl->address));
    }
}
