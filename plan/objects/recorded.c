/* The dependency graph; the state's records under their new addresses, and their order; the identity keys in
 * the state's snapshot. */
#include "plan/objects/recorded.h"

#include "base/json.h"
#include "base/mem.h"
#include "plan/state/snapshot.h"

#include <assert.h>
#include <stdlib.h>

/* ---- the identity that weir's own type has for a CloudFormation type's resource ---- */

/* weir's attribute for a property of CloudFormation; NULL: none at the top level. */
static const struct attr *own_attr(const struct names_type *type, struct str property)
{
    const struct schema *schema = type->schema;
    const struct names_rule *rule = names_rule(type, property);
    return rule ? schema_attr(schema, rule->to)
                : names_attr(type, schema->attrs, schema->attr_count, true, property);
}

static void define_attr(struct buf *out, const struct schema *schema, struct str name)
{
    const struct attr *attr = schema_attr(schema, name);
    buf_addf(out, " %.*s", STR_ARG(name));
    if (!attr)
        return;
    buf_addf(out, ",%d,%d,%d,", (int)attr->compare, attr->computed, attr->settable);
    if (attr->default_value)
        json_write(out, attr->default_value, JSON_PLAIN);
}

static void define_one(struct buf *out, const struct schema *schema)
{
    buf_addf(out, "%.*s %d %d %d:", STR_ARG(schema->name), schema->ops->read != NULL,
        schema->ops->held_ids != NULL, schema->alike);
    define_attr(out, schema, schema->id);
    for (size_t i = 0; i < schema->unique_count; i++)
        define_attr(out, schema, schema->unique[i]);
    buf_add_char(out, '\n');
}

/* Describes how identity keys of a type are computed: the text changes when the computation does. */
static void identities_define(struct buf *out, struct names *names, const struct schema *schema)
{
    const struct names_type *type =
        str_find(schema->name, STR("::"), 0) >= 0 ? names_cloudformation(names, schema->name) : NULL;
    define_one(out, schema);
    for (size_t i = 0; type && i < schema->attr_count; i++) {
        const struct attr *attr = own_attr(type, schema->attrs[i].name);
        if (attr)
            buf_addf(out, "%.*s=%.*s ", STR_ARG(schema->attrs[i].name), STR_ARG(attr->name));
    }
    if (type)
        define_one(out, type->schema);
}

void identities_add_own(struct identities *identities, struct names *names, struct arena *arena,
    const struct schema *schema, const struct value *object)
{
    const struct names_type *type =
        str_find(schema->name, STR("::"), 0) >= 0 ? names_cloudformation(names, schema->name) : NULL;
    AUTO_BUILDER struct value_builder own = VALUE_BUILDER(arena);
    AUTO_BUF struct buf key = BUF_INIT, text = BUF_INIT;
    for (uint32_t i = 0; type && object && i < object->count; i++) {
        const struct attr *attr = own_attr(type, object->entries[i].key);
        if (attr)
            value_builder_set(&own, attr->name, object->entries[i].value);
    }
    if (!type || !object)
        return;
    const struct value *theirs = value_builder_map(&own);
    identities->secret |= identities_have_secret(type->schema, theirs);
    if (!identities_unique(type->schema, theirs, NULL, &key, &text))
        return;
    identities->keys[identities->n++] = arena_str(arena, buf_str(&key));
    if (!identities->text.n)
        identities->text = arena_str(arena, buf_str(&text));
}

/* ---- A graph in three arrays: edges are collected as pairs, then sorted by their first node in linear
 * time. */

void graph_init(struct graph *graph, uint32_t node_count)
{
    *graph = (struct graph){.node_count = node_count};
}

void graph_release(struct graph *graph)
{
    free(graph->pairs);
    free(graph->first);
    free(graph->targets);
    free(graph->waiting);
    *graph = (struct graph){0};
}

void graph_add_edge(struct graph *graph, uint32_t from, uint32_t to)
{
    assert(from < graph->node_count && to < graph->node_count && !graph->first);
    if (from == to)
        return;
    MEM_GROW(graph->pairs, graph->pair_cap, graph->pair_count + 2);
    graph->pairs[graph->pair_count++] = from;
    graph->pairs[graph->pair_count++] = to;
}

void graph_freeze(struct graph *graph)
{
    size_t n = graph->node_count, edges = graph->pair_count / 2;
    graph->first = mem_zalloc((n + 1) * sizeof *graph->first);
    graph->waiting = mem_zalloc((n + 1) * sizeof *graph->waiting);
    graph->targets = mem_realloc_array(NULL, edges + 1, sizeof *graph->targets);
    for (size_t i = 0; i < edges; i++) {
        graph->first[graph->pairs[2 * i] + 1]++;
        graph->waiting[graph->pairs[2 * i + 1]]++;
    }
    for (size_t i = 0; i < n; i++)
        graph->first[i + 1] += graph->first[i];
    uint32_t *next = mem_realloc_array(NULL, n + 1, sizeof *next);
    for (size_t i = 0; i < n; i++)
        next[i] = graph->first[i];
    for (size_t i = 0; i < edges; i++)
        graph->targets[next[graph->pairs[2 * i]]++] = graph->pairs[2 * i + 1];
    free(next);
    free(graph->pairs);
    graph->pairs = NULL;
    graph->pair_cap = 0;
}

/* ---- cycles ---- */

enum { UNSEEN, ON_PATH, LEFT };

/* Depth first. An edge back to a node on the path closes a cycle and is marked as an edge from a node to
 * itself. */
static size_t mark_circles(
    struct graph *graph, uint32_t start, unsigned char *states, uint32_t *path, uint32_t *next)
{
    size_t closed = 0;
    uint32_t depth = 0;
    path[depth++] = start;
    states[start] = ON_PATH;
    next[start] = graph->first[start];
    while (depth) {
        uint32_t at = path[depth - 1];
        if (next[at] == graph->first[at + 1]) {
            states[at] = LEFT;
            depth--;
            continue;
        }
        uint32_t *target = &graph->targets[next[at]++];
        if (states[*target] == ON_PATH) {
            graph->waiting[*target]--;
            *target = at;
            closed++;
        } else if (states[*target] == UNSEEN) {
            states[*target] = ON_PATH;
            next[*target] = graph->first[*target];
            path[depth++] = *target;
        }
    }
    return closed;
}

static void remove_marked(struct graph *graph)
{
    uint32_t kept = 0, from = 0;
    for (uint32_t i = 0; i < graph->node_count; i++) {
        uint32_t end = graph->first[i + 1];
        for (; from < end; from++)
            if (graph->targets[from] != i)
                graph->targets[kept++] = graph->targets[from];
        graph->first[i + 1] = kept;
    }
}

size_t graph_open_circles(struct graph *graph)
{
    size_t n = graph->node_count, closed = 0;
    unsigned char *states = mem_zalloc(n + 1);
    uint32_t *path = mem_realloc_array(NULL, n + 1, sizeof *path);
    uint32_t *next = mem_realloc_array(NULL, n + 1, sizeof *next);
    for (uint32_t i = 0; i < n; i++)
        if (states[i] == UNSEEN)
            closed += mark_circles(graph, i, states, path, next);
    if (closed)
        remove_marked(graph);
    free(states);
    free(path);
    free(next);
    return closed;
}

/* ---- dependencies through locals, inputs, outputs and modules; each walk has its own stamp ---- */

struct dep_walk {
    struct planner *p;
    void (*visit)(void *ctx, const struct decl *dep);
    void *ctx;
};

static bool walk_dep(void *ctx, const struct decl *dep)
{
    struct dep_walk *walk = ctx;
    uint32_t *stamp = &walk->p->evaluated.stamps[dep->index];
    if (*stamp == walk->p->evaluated.stamp)
        return false;
    *stamp = walk->p->evaluated.stamp;
    if (dep->kind == DECL_RESOURCE || dep->kind == DECL_DATA)
        walk->visit(walk->ctx, dep);
    return dep->kind != DECL_RESOURCE; /* the dependencies of a data source count, too */
}

void each_resource_dep(
    struct planner *p, const struct decl *decl, void (*visit)(void *ctx, const struct decl *dep), void *ctx)
{
    struct dep_walk walk = {p, visit, ctx};
    p->evaluated.stamp++;
    decl_walk_deps(decl, walk_dep, &walk);
}

static void add_resource_dep(void *ctx, const struct decl *dep)
{
    struct value_builder *b = ctx;
    if (dep->kind == DECL_RESOURCE)
        value_builder_add(b, value_string_ref(b->arena, dep->address));
}

const struct value *evaluate_deps(struct planner *p, const struct decl *decl)
{
    struct value_builder b = VALUE_BUILDER(p->arena);
    each_resource_dep(p, decl, add_resource_dep, &b);
    return value_builder_list(&b);
}

static bool mark_needed(void *ctx, const struct decl *decl)
{
    bool *needed = ctx, before = needed[decl->index];
    needed[decl->index] = true;
    return !before;
}

void depends_need(const struct decl *decl, bool *needed)
{
    if (mark_needed(needed, decl))
        decl_walk_deps(decl, mark_needed, needed);
}

struct recorded_resource *recorded_find(const struct recorded *recorded, struct str address)
{
    return map_get(&recorded->by_address, address);
}

static void learn_record(const struct planner *p, const struct record *record)
{
    const struct schema *schema =
        value_is_sensitive(record->attrs)
            ? catalog_find(p->workspace->catalog, record->subject.type, false, ERR_IGNORED)
            : NULL;
    if (schema)
        object_mask_secrets(schema, record->attrs);
}

bool recorded_claim(struct planner *p)
{
    size_t n;
    const struct record *const *records = state_records(p->workspace->state, &n);
    p->recorded.items = ARENA_ARRAY(p->arena, struct recorded_resource, n ? n : 1);
    p->recorded.count = n;
    p->recorded.seq = state_seq(p->workspace->state);
    bool moves = p->stack->moved_count;
    p->recorded.by_declared = moves ? &p->recorded.after_moves : &p->recorded.by_recorded;
    struct str *then = ARENA_ARRAY(p->arena, struct str, n + 1), *now = then;
    for (size_t i = 0; i < n; i++)
        then[i] = records[i]->subject.address;
    if (moves)
        stack_move_records(p->stack, p->arena, then, n, now = ARENA_ARRAY(p->arena, struct str, n + 1));
    map_reserve(&p->recorded.by_recorded, n);
    map_reserve(&p->recorded.by_address, n);
    for (size_t i = 0; i < n; i++) {
        struct recorded_resource *recorded = &p->recorded.items[i];
        *recorded = (struct recorded_resource){.record = records[i], .live = records[i]->attrs};
        learn_record(p, records[i]);
        recorded->address = now[i];
        struct str declared = address_declared(records[i]->subject.address);
        recorded->next_by_recorded = recorded->next_by_new =
            map_set(&p->recorded.by_recorded, declared, recorded);
        if (moves)
            recorded->next_by_new =
                map_set(&p->recorded.after_moves, address_declared(recorded->address), recorded);
        struct recorded_resource *twin = map_set(&p->recorded.by_address, recorded->address, recorded);
        if (twin) {
            diag_error(p->diags, (struct span){0}, "moved: both \"%.*s\" and \"%.*s\" would become \"%.*s\"",
                STR_ARG(twin->record->subject.address), STR_ARG(records[i]->subject.address),
                STR_ARG(recorded->address));
            return false;
        }
    }
    return true;
}

void recorded_check_moves(struct planner *p)
{
    AUTO_MAP struct map kept = MAP_INIT; /* recorded addresses that no move frees */
    const struct recorded *r = &p->recorded;
    for (size_t i = 0; i < r->count; i++)
        if (!r->items[i].claimed)
            map_set(&kept, r->items[i].record->subject.address, &r->items[i]);
    for (size_t i = 0; i < r->count; i++) {
        const struct recorded_resource *one = &r->items[i];
        struct str then = one->record->subject.address;
        if (one->claimed && !str_eq(one->address, then) && map_get(&kept, one->address))
            diag_error(p->diags, (struct span){0},
                "moved: \"%.*s\" would become \"%.*s\", which is recorded and has no new address that is "
                "configured",
                STR_ARG(then), STR_ARG(one->address));
    }
}

bool recorded_moves(const struct recorded *r)
{
    for (size_t i = 0; i < r->count; i++)
        if (!str_eq(r->items[i].address, r->items[i].record->subject.address))
            return true;
    return false;
}

static void add_name(struct value_builder *deps, struct map *names, struct str name)
{
    if (!map_set(names, name, names))
        value_builder_add(deps, value_string_ref(deps->arena, name));
}

/* A record's dependencies, and those that its declaration has by now, under the recorded addresses:
 * `depends_on` may be newer than the record, which only changes with its attributes. */
static const struct value *all_deps(struct planner *p, const struct decl *decl, const struct value *recorded)
{
    const struct value *before = value_as_list(recorded), *now = evaluate_deps(p, decl);
    if (value_equal(before, now))
        return recorded;
    AUTO_MAP struct map names = MAP_INIT;
    struct value_builder all = VALUE_BUILDER(p->arena);
    for (uint32_t i = 0; i < before->count; i++)
        add_name(&all, &names, before->items[i]->string);
    for (uint32_t i = 0; i < now->count; i++)
        for (const struct recorded_resource *dep = map_get(p->recorded.by_declared, now->items[i]->string);
             dep; dep = dep->next_by_new)
            add_name(&all, &names, address_declared(dep->record->subject.address));
    return value_builder_list(&all);
}

enum deps_of { OF_BOTH, OF_RECORDS, OF_STACK };

/* Fills the dependencies by record; instances of one declaration mostly share them. A record without a
 * declaration has the recorded ones. */
static void find_deps(struct planner *p, enum deps_of of, const struct value **deps)
{
    const struct recorded *r = &p->recorded;
    const struct decl *last = NULL;
    for (size_t i = 0; i < r->count; i++) {
        const struct decl *decl = stack_find(p->stack, address_declared(r->items[i].address));
        const struct value *recorded = r->items[i].record->deps;
        if (decl && decl == last && recorded == r->items[i - 1].record->deps)
            deps[i] = deps[i - 1];
        else if (decl && decl->kind == DECL_RESOURCE && of != OF_RECORDS)
            deps[i] = all_deps(p, decl, of == OF_STACK ? &value_empty_list : recorded);
        else
            deps[i] = recorded;
        last = decl;
    }
}

/* Numbers the nodes between all instances of a declaration and their dependents. */
static void number_hubs(const struct recorded *r, const struct value *const *all, struct map *hubs)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct value *deps = all[i];
        for (uint32_t k = 0; deps && k < deps->count; k++) {
            struct str name = deps->items[k]->string;
            const struct recorded_resource *dep = map_get(&r->by_recorded, name);
            if (dep && dep->next_by_recorded && !map_get(hubs, name))
                map_set(hubs, name, (void *)(r->count + hubs->n));
        }
    }
}

/* Returns how many edges would have closed a cycle. */
static size_t build_graph(const struct recorded *r, const struct value *const *all, struct graph *graph)
{
    AUTO_MAP struct map hubs = MAP_INIT;
    number_hubs(r, all, &hubs);
    graph_init(graph, (uint32_t)(r->count + hubs.n));
    for (size_t h = 0; h < hubs.n; h++)
        for (const struct recorded_resource *dep = map_get(&r->by_recorded, hubs.items[h].key); dep;
             dep = dep->next_by_recorded)
            graph_add_edge(graph, (uint32_t)(dep - r->items), (uint32_t)(r->count + h));
    for (size_t i = 0; i < r->count; i++) {
        const struct value *deps = all[i];
        for (uint32_t k = 0; deps && k < deps->count; k++) {
            struct str name = deps->items[k]->string;
            size_t hub = (size_t)map_get(&hubs, name);
            if (hub) {
                graph_add_edge(graph, (uint32_t)hub, (uint32_t)i);
                continue;
            }
            struct str declared = address_declared(name);
            const struct recorded_resource *dep = map_get(&r->by_recorded, declared);
            for (; dep; dep = dep->next_by_recorded)
                if (declared.n == name.n || str_eq(dep->record->subject.address, name))
                    graph_add_edge(graph, (uint32_t)(dep - r->items), (uint32_t)i);
        }
    }
    graph_freeze(graph);
    return graph_open_circles(graph);
}

void recorded_graph(struct planner *p, struct graph *graph)
{
    const struct recorded *r = &p->recorded;
    AUTO_FREE const struct value **deps = mem_zalloc((r->count + 1) * sizeof *deps);
    /* What was applied counts more than what is configured, unless the records contradict each other. */
    for (enum deps_of of = OF_BOTH;; of++) {
        find_deps(p, of, deps);
        if (!build_graph(r, deps, graph) || of == OF_STACK)
            return;
        graph_release(graph);
    }
}

/* ---- identity keys of records ---- */

static const struct schema *schema_of(const struct naming *naming, struct str type)
{
    return catalog_find(naming->p->workspace->catalog, type, false, NULL);
}

static size_t add_key(struct str *keys, size_t n, struct str key)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(keys[i], key))
            return n;
    keys[n] = key;
    return n + (key.n > 0);
}

/* All keys by which identity_clash.c and plan/apply/work_create.c look up a record. */
static size_t keys_of(struct naming *naming, struct arena *arena, const struct record *record, bool secrets,
    const struct str **keys)
{
    const struct schema *schema = schema_of(naming, record->subject.type);
    if (!schema || !schema->ops->read) {
        *keys = NULL;
        return 0;
    }
    struct identities identity = identities_of(arena, schema, record->attrs, record->set);
    identities_add_own(&identity, &naming->names, arena, schema, record->attrs);
    const struct value *held =
        value_as_list(schema->ops->held_ids ? schema->ops->held_ids(arena, record->attrs) : NULL);
    struct str *all = ARENA_ARRAY(arena, struct str, identity.n + held->count + 1);
    size_t n = 0;
    for (size_t i = 0; i < identity.n && (secrets || !identity.secret); i++)
        n = add_key(all, n, identity.keys[i]);
    n = add_key(all, n, identities_found(arena, schema, record->subject.id));
    for (uint32_t i = 0; i < held->count; i++)
        n = add_key(all, n, identities_by_id(arena, schema, value_text(held->items[i], STR_EMPTY)));
    *keys = all;
    return n;
}

/* Without secret ones: a digest in the snapshot would allow guessing a secret. */
static size_t kept_keys(void *ctx, struct arena *arena, const struct record *record, const struct str **keys)
{
    return keys_of(ctx, arena, record, false, keys);
}

static struct str definition_of(void *ctx, struct arena *arena, struct str type)
{
    struct naming *naming = ctx;
    const struct schema *schema = schema_of(naming, type);
    AUTO_BUF struct buf text = BUF_INIT;
    if (schema)
        identities_define(&text, &naming->names, schema);
    return str_slice(sha256_hex(arena, buf_str(&text)), 0, 16);
}

struct state_namer named_begin(struct naming *naming, struct planner *p)
{
    naming->p = p;
    names_open(&naming->names, p->arena, p->workspace->catalog);
    return (struct state_namer){kept_keys, definition_of, naming};
}

void named_end(struct naming *naming)
{
    names_release(&naming->names);
}

static bool is_cloudformations(struct str type)
{
    return str_find(type, STR("::"), 0) >= 0;
}

/* A CloudFormation type's resource may be the same as one of weir's own types. */
bool named_is_current(struct naming *naming, const struct schema *schema)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct value *types = state_types(naming->p->workspace->state);
    for (uint32_t i = 0; types && i < types->count; i++) {
        struct str type = types->entries[i].key;
        bool concerns =
            str_eq(type, schema->name) || is_cloudformations(type) || is_cloudformations(schema->name);
        if (concerns &&
            !str_eq(value_text(types->entries[i].value, STR_EMPTY), definition_of(naming, &scratch, type)))
            return false;
    }
    return types != NULL;
}

/* ---- records by key ---- */

struct holder_named {
    const struct record *record;
    struct holder_named *next;
};

static void add_record(struct named *named, const struct record *record)
{
    const struct str *keys;
    size_t n = keys_of(&named->naming, &named->arena, record, true, &keys);
    for (size_t i = 0; i < n; i++) {
        struct holder_named *holder = ARENA_NEW(&named->arena, struct holder_named);
        *holder = (struct holder_named){record, map_set(&named->by_key, keys[i], holder)};
    }
}

int named_open(struct planner *p, const struct str *keys, size_t n, struct named *out, struct err *err)
{
    const struct state_part part = {.named = keys, .named_count = n};
    *out = (struct named){0};
    if (workspace_read_part(p->workspace, &part, &out->state, err))
        return -1;
    named_begin(&out->naming, p);
    out->naming.names.arena = &out->arena;
    size_t count;
    const struct record *const *records = state_records(out->state, &count);
    for (size_t i = 0; i < count; i++)
        add_record(out, records[i]);
    return 0;
}

/* True if the plan has read the record, and so knows more of the resource than the state. */
static bool was_read(const struct planner *p, struct str address)
{
    const struct recorded_resource *recorded = map_get(&p->recorded.by_recorded, address_declared(address));
    while (recorded && !str_eq(recorded->record->subject.address, address))
        recorded = recorded->next_by_recorded;
    return recorded != NULL;
}

const struct record *named_other(const struct named *named, struct str address, const struct schema *schema,
    struct resource_location at, struct str key)
{
    struct planner *p = named->naming.p;
    const struct holder_named *holder = map_get(&named->by_key, key);
    for (; holder; holder = holder->next) {
        const struct record *record = holder->record;
        struct resource_location its = {record->subject.provider, record->location};
        struct str other = record->subject.address;
        if (!was_read(p, other) && !str_eq(address_current(other), address) &&
            identities_share_location(p, schema, at, its))
            break;
    }
    return holder ? holder->record : NULL;
}

void named_close(struct named *named)
{
    if (named->state)
        named_end(&named->naming);
    state_close(named->state);
    map_release(&named->by_key);
    arena_release(&named->arena);
}
