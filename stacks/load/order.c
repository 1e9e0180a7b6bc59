/* Sorts the declarations so that each comes after all its dependencies. */
#include "base/mem.h"
#include "provider/kind.h"
#include "stacks/load/load.h"

#include <stdlib.h>

/* ---- dependencies that are not in expressions: `depends_on`, conditions of enclosing modules, provider,
 * connection ---- */

static struct decl *find_waited(struct loader *loader, const struct unit *unit, const struct node *node)
{
    const struct map *names = &unit->module->names;
    struct str name;
    if (!expect_text(loader, node, "an item of depends_on", &name))
        return NULL;
    struct decl *decl = map_get(names, name);
    if (decl)
        return decl;
    struct diag *d = diag_error(
        loader->diags, node_span(node), "there is no resource, data or module \"%.*s\" here", STR_ARG(name));
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str *all = ARENA_ARRAY(&scratch, struct str, names->n + 1);
    diag_did_you_mean(loader->diags, d, name, all, resolve_list_map(names, all));
    return NULL;
}

static size_t read_depends_on(
    struct loader *loader, const struct unit *unit, const struct node *node, struct decl **out)
{
    size_t n = 0;
    for (size_t i = 0; i < node->count; i++)
        if ((out[n] = find_waited(loader, unit, node->items[i])))
            n++;
    return n;
}

void resolve_depends_on(struct resolving *r, const struct node *node)
{
    if (!node || node->kind == NODE_NULL || !expect_list(r->loader, node, "\"depends_on\""))
        return;
    struct decl **found = mem_realloc_array(NULL, node->count + 1, sizeof(struct decl *));
    size_t n = read_depends_on(r->loader, r->unit, node, found);
    for (size_t i = 0; i < n; i++)
        resolve_add_dep(r, found[i]);
    free(found);
}

void resolve_find_waits(struct loader *loader, struct unit *unit)
{
    const struct decl *call = unit->module->call;
    const struct node *node = call ? info_of(loader, call)->depends_on : NULL;
    if (!node || node->kind == NODE_NULL || !expect_list(loader, node, "\"depends_on\""))
        return;
    unit->module->waits = ARENA_ARRAY(loader->arena, struct decl *, node->count + 1);
    unit->module->wait_count = read_depends_on(loader, unit->parent, node, unit->module->waits);
}

void resolve_add_waits(struct resolving *r)
{
    for (const struct unit *unit = r->unit; unit; unit = unit->parent)
        for (size_t i = 0; i < unit->module->wait_count; i++)
            resolve_add_dep(r, unit->module->waits[i]);
}

/* The `when` of a module is evaluated before its contents. A call is declared, and so resolved, before the
 * declarations of its module. */
void resolve_conditions(struct resolving *r, const struct unit *unit)
{
    for (; unit; unit = unit->parent)
        for (size_t i = 0; i < unit->condition_count; i++)
            resolve_add_dep(r, unit->conditions[i]);
}

static struct str provider_of(struct str configuration)
{
    struct str alias;
    return str_cut(configuration, '.', &alias);
}

static struct str kind_of_provider(const struct unit *unit, struct str name);

/* Returns the configuration that the module's caller passes under that name, as a name in the calling module;
 * "" if none is passed. */
static struct str passed_as(const struct unit *unit, struct str name)
{
    const struct node_entry *entry = unit->providers ? node_find(unit->providers, name) : NULL;
    const struct node *passed = entry ? entry->value : unit->provider;
    if (!passed || passed->kind != NODE_STRING)
        return STR_EMPTY;
    bool fits = unit->parent && str_eq(kind_of_provider(unit->parent, passed->string), name);
    return entry || fits ? passed->string : STR_EMPTY;
}

/*
 * Returns the configuration that a name refers to in this module: the one passed by the caller, the module's
 * own, or the caller's with that name.
 */
static struct decl *find_provider(const struct unit *unit, struct str name)
{
    for (; unit; unit = unit->parent) {
        struct str passed = passed_as(unit, name);
        struct decl *decl = passed.n ? NULL : map_get(&unit->module->providers, name);
        if (decl)
            return decl;
        if (passed.n)
            name = passed;
    }
    return NULL;
}

/* Returns the provider of a configuration, from its declaration or from the first part of its name. */
static struct str kind_of_provider(const struct unit *unit, struct str name)
{
    const struct decl *decl = find_provider(unit, name);
    return decl ? decl->provider_name : provider_of(name);
}

static void report_provider(struct resolving *r, const struct node *node, struct str name)
{
    struct diags *diags = r->loader->diags;
    struct diag *d =
        diag_error(diags, node_span(node), "there is no provider configuration \"%.*s\"", STR_ARG(name));
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    for (const struct unit *unit = r->unit; unit && !d->label.n; unit = unit->parent) {
        const struct map *map = &unit->module->providers;
        struct str *names = ARENA_ARRAY(&scratch, struct str, map->n + 1);
        diag_did_you_mean(diags, d, name, names, resolve_list_map(map, names));
    }
    diag_hint(diags, d, "declare it under `providers:`, for example `%.*s: {region: …}`", STR_ARG(name));
}

/* Returns the configuration that `provider: NAME` refers to; `provider` is the type's provider. */
static struct decl *named_provider(struct resolving *r, const struct node *node, struct str provider)
{
    struct str name;
    if (!expect_text(r->loader, node, "\"provider\"", &name))
        return NULL;
    struct decl *decl = find_provider(r->unit, name);
    if (!decl && str_find_char(name, '.', 0) < 0 &&
        !kind_find(catalog_kinds(r->loader->options->catalog), name)) {
        report_provider(r, node, name);
        return NULL;
    }
    if (!str_eq(kind_of_provider(r->unit, name), provider)) {
        diag_error(r->loader->diags, node_span(node), "%.*s is of the provider \"%.*s\"",
            STR_ARG(r->decl->schema->name), STR_ARG(provider));
        return NULL;
    }
    if (!decl && !str_eq(name, provider))
        report_provider(r, node, name);
    return decl;
}

struct decl *resolve_provider(struct resolving *r)
{
    struct str provider = r->decl->provider_name;
    const struct node *node = info_of(r->loader, r->decl)->provider;
    return node ? named_provider(r, node, provider) : find_provider(r->unit, provider);
}

struct unit *resolve_unit(const struct loader *loader, const struct module *module)
{
    for (size_t i = 0; i < loader->unit_count; i++)
        if (loader->units[i]->module == module)
            return loader->units[i];
    return NULL;
}

/* Checks an entry of `providers:` in a module call, such as `aws: aws.tokyo`. */
static void check_passed(struct resolving *r, const struct node_entry *entry)
{
    struct diags *diags = r->loader->diags;
    struct str name;
    if (!expect_text(r->loader, entry->value, "the name of a provider configuration", &name))
        return;
    if (!str_eq(kind_of_provider(r->unit, name), provider_of(entry->key))) {
        struct diag *d = diag_error(diags, node_span(entry->value),
            "\"%.*s\" cannot take the place of \"%.*s\"", STR_ARG(name), STR_ARG(entry->key));
        diag_hint(diags, d, "both have to be configurations of one provider, as in `aws: aws.tokyo`");
    } else if (!find_provider(r->unit, name) && str_find_char(name, '.', 0) >= 0) {
        report_provider(r, entry->value, name);
    }
}

void resolve_call_provider(struct resolving *r, const struct unit *inner)
{
    struct str name;
    if (inner->provider && inner->providers) {
        struct diag *d = diag_error(
            r->loader->diags, node_span(inner->providers), "a module takes either `provider` or `providers`");
        diag_hint(r->loader->diags, d, "`provider: aws.tokyo` is short for `providers: {aws: aws.tokyo}`");
    }
    if (inner->provider && expect_text(r->loader, inner->provider, "\"provider\"", &name) &&
        !find_provider(r->unit, name))
        report_provider(r, inner->provider, name);
    if (!inner->providers || inner->providers->kind == NODE_NULL)
        return;
    if (inner->providers->kind != NODE_MAP) {
        struct diag *d = diag_error(
            r->loader->diags, node_span(inner->providers), "what is passed to a module must be a map");
        diag_hint(
            r->loader->diags, d, "`providers: {aws: aws.tokyo}`: its name inside, and the one out here");
        return;
    }
    for (size_t i = 0; i < inner->providers->count; i++)
        check_passed(r, &inner->providers->entries[i]);
}

void resolve_provider_name(struct resolving *r)
{
    struct str name = r->decl->provider_name;
    const struct provider_kinds *kinds = catalog_kinds(r->loader->options->catalog);
    if (kind_find(kinds, name))
        return;
    const struct map *types = &r->loader->resource_types;
    for (size_t i = 0; i < types->n; i++)
        if (str_eq(provider_of(types->items[i].key), name))
            return;
    struct diag *d =
        diag_error(r->loader->diags, r->decl->span, "there is no provider \"%.*s\"", STR_ARG(name));
    const struct str *names;
    size_t n = kind_names(kinds, r->loader->arena, &names);
    diag_did_you_mean(r->loader->diags, d, name, names, n);
}

/* ---- via ---- */

/* Returns the connection with that name in this module or an enclosing one. */
static struct decl *find_connection(const struct unit *unit, struct str name)
{
    struct decl *decl = NULL;
    for (; unit && !decl; unit = unit->parent)
        decl = map_get(&unit->module->connections, name);
    return decl;
}

void resolve_via(struct resolving *r, struct decl *decl)
{
    struct diags *diags = r->loader->diags;
    const struct node *node = info_of(r->loader, r->decl)->via;
    struct str name;
    if (!node || !expect_text(r->loader, node, "\"via\"", &name))
        return;
    decl->via = find_connection(r->unit, name);
    if (decl->via) {
        resolve_add_dep(r, decl->via);
        return;
    }
    struct diag *d = diag_error(diags, node_span(node), "there is no connection \"%.*s\"", STR_ARG(name));
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    for (const struct unit *unit = r->unit; unit && !d->label.n; unit = unit->parent) {
        const struct map *map = &unit->module->connections;
        struct str *names = ARENA_ARRAY(&scratch, struct str, map->n + 1);
        diag_did_you_mean(diags, d, name, names, resolve_list_map(map, names));
    }
    diag_hint(
        diags, d, "declare it under `connections:`, for example `%.*s: {host: …, user: …}`", STR_ARG(name));
}

enum visit { UNSEEN, OPEN, DONE };

/* The declarations on the path from a root, each with the index of its next dependency to visit. */
struct step {
    struct decl *decl;
    size_t next;
};

struct ordering {
    struct loader *loader;
    uint8_t *visits;   /* enum visit, by index */
    uint8_t *reported; /* part of a cycle that was reported */
    struct step *steps;
    size_t depth, cap, placed;
};

enum { CYCLE_SHOWN = 10 };

static void add_link(struct buf *path, struct buf *places, const struct decl *decl)
{
    buf_addf(path, "%.*s -> ", STR_ARG(decl->address));
    struct span span = span_complete(decl->span);
    buf_addf(places, "%s%.*s at %.*s:%u:%u", places->n ? ", " : "", STR_ARG(decl->address),
        STR_ARG(span.source->path), span.line, span.column);
}

/* Reports the cycle of the steps from `from` to the end, beginning at its first declaration. */
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

/* ---- walks over dependencies ---- */

void decl_walk_deps(const struct decl *decl, bool (*visit)(void *ctx, const struct decl *dep), void *ctx)
{
    const struct decl **todo = NULL; /* the last one is next */
    size_t n = 0, cap = 0;
    for (size_t i = 0; i < decl->dep_count; i++) {
        const struct decl *dep = decl->deps[i];
        for (;;) {
            if (visit(ctx, dep)) {
                MEM_GROW(todo, cap, n + dep->dep_count);
                for (size_t k = dep->dep_count; k > 0; k--)
                    todo[n++] = dep->deps[k - 1];
            }
            if (!n)
                break;
            dep = todo[--n];
        }
    }
    free(todo);
}
