/* Names in expressions: what each refers to, and the order of declarations that follows. */
#include "stacks/load.h"

#include "base/mem.h"
#include "provider/kind.h"

#include <stdlib.h>

/* ---- names ---- */

/* One declaration whose expressions are being resolved, in the names of `unit`. */
struct resolving {
    struct loader *loader;
    const struct unit *unit;
    const struct decl *decl;
    bool inputs_only, with_locals; /* early: no resources, data and modules; locals too? */
    struct decl **deps;            /* reused for all declarations */
    size_t dep_count, dep_cap;
    uint32_t *seen; /* by index: the last declaration that has it among its deps, + 1 */
};

static struct decl *resolve_lookup(void *ctx, struct str name, struct str next, bool *consumed)
{
    struct resolving *r = ctx;
    const struct module *module = r->unit->module;
    if (str_eqz(name, "inputs") || str_eqz(name, "locals")) {
        bool inputs = name.p[0] == 'i';
        if (!inputs && r->inputs_only && !r->with_locals)
            return NULL;
        *consumed = true;
        return map_get(inputs ? &module->inputs : &module->locals, next);
    }
    if (r->inputs_only)
        return NULL;
    struct decl *decl = map_get(&module->names, name);
    if (!decl || decl->kind != DECL_MODULE || !decl->target || !next.n)
        return decl;
    *consumed = true;
    return map_get(&decl->target->outputs, next);
}

static size_t list_map(const struct map *map, struct str *names)
{
    for (size_t i = 0; i < map->n; i++)
        names[i] = map->items[i].key;
    return map->n;
}

static size_t list_names(void *ctx, struct str prefix, struct arena *arena, const struct str **names)
{
    static const struct str first[] = {
        STR_INIT("inputs"), STR_INIT("locals"), STR_INIT("stack"), STR_INIT("path")};
    static const struct map none = MAP_INIT;
    enum { FIRST = sizeof first / sizeof *first };
    struct resolving *r = ctx;
    if (r->loader->diags->dropped) /* nobody will see them */
        return 0;
    const struct module *module = r->unit->module;
    const struct map *map = &module->names;
    if (str_eqz(prefix, "inputs")) {
        map = &module->inputs;
    } else if (str_eqz(prefix, "locals")) {
        map = r->inputs_only && !r->with_locals ? &none : &module->locals;
    } else if (prefix.n) {
        const struct decl *decl = map_get(&module->names, prefix);
        if (!decl || decl->kind != DECL_MODULE || !decl->target)
            return 0;
        map = &decl->target->outputs;
    }
    struct str *all = ARENA_ARRAY(arena, struct str, map->n + FIRST);
    *names = all;
    size_t n = r->inputs_only && !prefix.n ? 0 : list_map(map, all);
    for (size_t i = 0; !prefix.n && i < FIRST; i++)
        all[n++] = first[i];
    return n;
}

static void add_dep(struct resolving *r, struct decl *dep)
{
    uint32_t mark = r->decl->index + 1;
    if (r->seen[dep->index] == mark)
        return;
    r->seen[dep->index] = mark;
    MEM_GROW(r->deps, r->dep_cap, r->dep_count + 1);
    r->deps[r->dep_count++] = dep;
}

static void depends(void *ctx, struct decl *decl)
{
    struct resolving *r = ctx;
    if (!r->decl)
        return;
    add_dep(r, decl);
    decl->demands++;
}

/* Of one that could not be read everything may be there. */
static bool has_output(
    const struct shared_stack *shared, struct str name, const struct str **candidates, size_t *n)
{
    *candidates = shared->outputs;
    *n = shared->output_count;
    for (size_t i = 0; i < shared->output_count; i++)
        if (str_eq(shared->outputs[i], name))
            return true;
    return !shared->name.n;
}

static bool has_attr(void *ctx, struct decl *decl, struct str attr, const struct str **candidates, size_t *n)
{
    struct resolving *r = ctx;
    const struct schema *schema = decl->schema;
    const struct attr *found = schema ? schema_attr(schema, attr) : NULL;
    *n = 0;
    if (decl->kind == DECL_SHARED)
        return has_output(&r->loader->stack->shared, attr, candidates, n);
    if (r->decl && found && !found->costly)
        decl->demands--;
    if (!schema || found)
        return true;
    if (r->loader->diags->dropped)
        return false;
    struct str *names = ARENA_ARRAY(r->loader->arena, struct str, schema->attr_count + 1);
    for (size_t i = 0; i < schema->attr_count; i++)
        names[i] = schema->attrs[i].name;
    *candidates = names;
    *n = schema->attr_count;
    return false;
}

static void resolve_expr(struct resolving *r, struct expr *expr, bool each_allowed)
{
    if (!expr)
        return;
    struct resolver resolver = {resolve_lookup, list_names, depends, has_attr, each_allowed, r, NULL};
    expr_resolve(expr, &resolver, r->loader->diags);
}

void stack_resolve(struct stack *stack, struct expr *expr, const struct value *names, struct diags *diags)
{
    struct loader loader = {.stack = stack, .arena = &stack->arena, .diags = diags};
    struct unit unit = {.loader = &loader, .module = stack->root};
    struct resolving r = {.loader = &loader, .unit = &unit};
    struct resolver resolver = {resolve_lookup, list_names, depends, has_attr, false, &r, names};
    expr_resolve(expr, &resolver, diags);
}

/* ---- depends_on and provider ---- */

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
    diag_did_you_mean(loader->diags, d, name, all, list_map(names, all));
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

static void add_depends_on(struct resolving *r, const struct node *node)
{
    if (!node || node->kind == NODE_NULL || !expect_list(r->loader, node, "\"depends_on\""))
        return;
    struct decl **found = mem_realloc_array(NULL, node->count + 1, sizeof(struct decl *));
    size_t n = read_depends_on(r->loader, r->unit, node, found);
    for (size_t i = 0; i < n; i++)
        add_dep(r, found[i]);
    free(found);
}

/* What a module's call waits for, all resources in it wait for. */
static void find_waits(struct loader *loader, struct unit *unit)
{
    const struct decl *call = unit->module->call;
    const struct node *node = call ? info_of(loader, call)->depends_on : NULL;
    if (!node || node->kind == NODE_NULL || !expect_list(loader, node, "\"depends_on\""))
        return;
    unit->waits = ARENA_ARRAY(loader->arena, struct decl *, node->count + 1);
    unit->wait_count = read_depends_on(loader, unit->parent, node, unit->waits);
}

static void add_waits(struct resolving *r)
{
    for (const struct unit *unit = r->unit; unit; unit = unit->parent)
        for (size_t i = 0; i < unit->wait_count; i++)
            add_dep(r, unit->waits[i]);
}

/* Whether a module is left out is known before anything in it is looked at. A call is declared, and so
 * resolved, before what is in its module. */
static void add_conditions(struct resolving *r, const struct unit *unit)
{
    for (; unit; unit = unit->parent)
        for (size_t i = 0; i < unit->condition_count; i++)
            add_dep(r, unit->conditions[i]);
}

static struct str provider_of(struct str configuration)
{
    struct str alias;
    return str_cut(configuration, '.', &alias);
}

static struct str kind_of_provider(const struct unit *unit, struct str name);

/* What the caller of this module passes under that name: a name where the module is called; "" nothing. */
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
 * The configuration that a name means in this module: the one that its caller passes, or its own, or what the
 * name means where it is called.
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

/* Of which kind it is: as its declaration says, or as its name begins. */
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
        diag_did_you_mean(diags, d, name, names, list_map(map, names));
    }
    diag_hint(diags, d, "declare it under `providers:`, for example `%.*s: {region: …}`", STR_ARG(name));
}

/* The configuration that `provider: NAME` means; `provider` is the type's. */
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

static struct decl *choose_provider(struct resolving *r)
{
    struct str provider = r->decl->provider_name;
    const struct node *node = info_of(r->loader, r->decl)->provider;
    return node ? named_provider(r, node, provider) : find_provider(r->unit, provider);
}

static struct unit *unit_of(const struct loader *loader, const struct module *module)
{
    for (size_t i = 0; i < loader->unit_count; i++)
        if (loader->units[i]->module == module)
            return loader->units[i];
    return NULL;
}

/* `aws: aws.tokyo` under `providers:` of a module's call. */
static void check_passed(struct resolving *r, const struct node_entry *entry)
{
    struct diags *diags = r->loader->diags;
    struct str name;
    if (!expect_text(r->loader, entry->value, "the name of a provider configuration", &name))
        return;
    if (!str_eq(kind_of_provider(r->unit, name), provider_of(entry->key))) {
        struct diag *d = diag_error(diags, node_span(entry->value), "\"%.*s\" cannot stand for \"%.*s\"",
            STR_ARG(name), STR_ARG(entry->key));
        diag_hint(diags, d, "both have to be configurations of one provider, as in `aws: aws.tokyo`");
    } else if (!find_provider(r->unit, name) && str_find_char(name, '.', 0) >= 0) {
        report_provider(r, entry->value, name);
    }
}

/* `provider: aws.tokyo`, `providers: {aws: aws.tokyo}` on a module: is it declared where the module is
 * called? */
static void check_call_provider(struct resolving *r, const struct unit *inner)
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

/* `aws`, `aws.tokyo`: is there such a provider? */
static void check_provider_name(struct resolving *r)
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

/* A connection of this module, or of one that it is called in. */
static struct decl *find_connection(const struct unit *unit, struct str name)
{
    struct decl *decl = NULL;
    for (; unit && !decl; unit = unit->parent)
        decl = map_get(&unit->module->connections, name);
    return decl;
}

static void resolve_via(struct resolving *r, struct decl *decl)
{
    struct diags *diags = r->loader->diags;
    const struct node *node = info_of(r->loader, r->decl)->via;
    struct str name;
    if (!node || !expect_text(r->loader, node, "\"via\"", &name))
        return;
    decl->via = find_connection(r->unit, name);
    if (decl->via) {
        add_dep(r, decl->via);
        return;
    }
    struct diag *d = diag_error(diags, node_span(node), "there is no connection \"%.*s\"", STR_ARG(name));
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    for (const struct unit *unit = r->unit; unit && !d->label.n; unit = unit->parent) {
        const struct map *map = &unit->module->connections;
        struct str *names = ARENA_ARRAY(&scratch, struct str, map->n + 1);
        diag_did_you_mean(diags, d, name, names, list_map(map, names));
    }
    diag_hint(
        diags, d, "declare it under `connections:`, for example `%.*s: {host: …, user: …}`", STR_ARG(name));
}

/* ---- declarations ---- */

static void resolve_resource(struct resolving *r, struct decl *decl)
{
    bool each = decl->for_each;
    resolve_expr(r, decl->for_each, false);
    resolve_expr(r, decl->when, false);
    for (size_t i = 0; i < decl->attr_count; i++) {
        resolve_expr(r, decl->attrs[i].expr, each);
        warn_of_unwritten(r->loader, r->unit->module, decl, decl->attrs[i].expr);
    }
    for (size_t i = 0; i < decl->lifecycle.trigger_count; i++)
        resolve_expr(r, decl->lifecycle.replace_triggered_by[i], each);
    add_depends_on(r, info_of(r->loader, decl)->depends_on);
    add_waits(r);
    if (decl->schema)
        decl->provider = choose_provider(r);
    if (decl->provider)
        add_dep(r, decl->provider);
}

static void resolve_module(struct resolving *r, struct decl *decl)
{
    for (size_t i = 0; i < decl->call_count; i++)
        add_dep(r, decl->calls[i]);
    resolve_expr(r, decl->when, decl->target && decl->target->each_key);
    if (!decl->target)
        return;
    struct unit *inner = unit_of(r->loader, decl->target);
    decl->when_dep_count = inner->condition_count = r->dep_count;
    inner->conditions = ARENA_ARRAY(r->loader->arena, struct decl *, r->dep_count);
    if (r->dep_count)
        memcpy(inner->conditions, r->deps, r->dep_count * sizeof *r->deps);
    check_call_provider(r, inner);
    for (size_t i = 0; i < decl->target->decl_count; i++)
        add_dep(r, decl->target->decls[i]);
}

static void resolve_decl(struct resolving *r, struct decl *decl)
{
    r->unit = info_of(r->loader, decl)->unit;
    r->decl = decl;
    r->dep_count = 0;
    switch (decl->kind) {
    case DECL_INPUT:
        r->unit = r->unit->parent; /* arguments are the caller's */
        resolve_expr(r, decl->argument, decl->module->each_key);
        if (r->unit)
            warn_of_unwritten(r->loader, r->unit->module, decl->module->call, decl->argument);
        break;
    case DECL_LOCAL:
    case DECL_OUTPUT:
        resolve_expr(r, decl->expr, false);
        warn_of_unwritten(r->loader, r->unit->module, decl, decl->expr);
        break;
    case DECL_PROVIDER:
        check_provider_name(r);
        resolve_expr(r, decl->config, false);
        resolve_via(r, decl);
        break;
    case DECL_CONNECTION:
        resolve_expr(r, decl->config, false);
        resolve_via(r, decl);
        break;
    case DECL_RESOURCE:
    case DECL_DATA: resolve_resource(r, decl); break;
    case DECL_MODULE: resolve_module(r, decl); break;
    case DECL_SHARED: break;
    }
    add_conditions(r, info_of(r->loader, decl)->unit);
    decl->dep_count = r->dep_count;
    decl->deps = ARENA_ARRAY(r->loader->arena, struct decl *, r->dep_count);
    if (r->dep_count)
        memcpy(decl->deps, r->deps, r->dep_count * sizeof *decl->deps);
}

void resolve_all(struct loader *loader)
{
    for (size_t i = 0; i < loader->unit_count; i++)
        find_waits(loader, loader->units[i]);
    struct resolving r = {.loader = loader};
    r.seen = mem_zalloc(loader->decl_count * sizeof *r.seen);
    for (size_t i = 0; i < loader->decl_count; i++)
        resolve_decl(&r, loader->decls[i]);
    r.decl = NULL;
    r.unit = loader->units[0];
    for (size_t i = 0; i < loader->stack->import_count; i++)
        resolve_expr(&r, loader->stack->imports[i].id, false);
    free(r.seen);
    free(r.deps);
}

/* ---- state ---- */

enum { EARLY_DEPTH_MAX = 200 }; /* locals that refer to locals */

struct early {
    struct unit *unit;
    const char *hint;
    const struct value **locals; /* by decl->index: what was found; NULL: locals are not known */
    const struct value *each_key, *each_value; /* NULL: there is no `each` */
    int depth;
};

static const struct value *evaluate_early(struct early *early, const struct node *node);

/* The node of a local value; its declaration's own expression is resolved later, with all names. */
static const struct node *local_node(const struct unit *unit, struct str name)
{
    for (size_t i = 0; i < unit->part_count; i++) {
        const struct node *locals = node_get(unit->parts[i].root, "locals");
        const struct node_entry *entry = locals && locals->kind == NODE_MAP ? node_find(locals, name) : NULL;
        if (entry)
            return entry->value;
    }
    return NULL;
}

/* What an input of a module within the stack is, its caller says later. */
static const struct value *early_value(void *ctx, const struct decl *decl)
{
    struct early *early = ctx;
    if (decl->kind == DECL_INPUT)
        return decl->given && !decl->module->parent ? decl->given : &value_unknown;
    const struct value **found = &early->locals[decl->index];
    const struct node *node = local_node(early->unit, decl->name);
    if (*found || !node || early->depth >= EARLY_DEPTH_MAX)
        return *found ? *found : &value_unknown;
    *found = &value_unknown; /* to itself, in a circle, which is reported when all is resolved */
    early->depth++;
    const struct value *v = evaluate_early(early, node);
    early->depth--;
    if (v)
        *found = v;
    return *found;
}

static const struct value *evaluate_early(struct early *early, const struct node *node)
{
    struct loader *loader = early->unit->loader;
    struct resolving r = {
        .loader = loader, .unit = early->unit, .inputs_only = true, .with_locals = early->locals};
    size_t errors = loader->diags->errors, before = loader->diags->n;
    const struct value *v = NULL;
    struct expr *expr = expr_compile(loader->arena, node, loader->diags);
    resolve_expr(&r, expr, early->each_key);
    struct scope scope = {.value_of = early_value,
        .ctx = early,
        .each_key = early->each_key,
        .each_value = early->each_value,
        .constants = loader->stack->constants,
        .dir = early->unit->module->dir,
        .diags = loader->diags};
    if (loader->diags->errors == errors)
        v = expr_eval(expr, &scope, loader->arena);
    for (size_t i = before; i < loader->diags->n && !early->depth; i++)
        diag_hint(loader->diags, &loader->diags->items[i], "%s", early->hint);
    return loader->diags->errors == errors ? v : NULL;
}

const struct value *resolve_early(
    struct unit *unit, const struct node *node, bool with_locals, const char *hint)
{
    struct early early = {.unit = unit, .hint = hint};
    if (with_locals)
        early.locals = ARENA_ARRAY(unit->loader->arena, const struct value *, unit->loader->decl_count);
    return evaluate_early(&early, node);
}

const struct value *resolve_early_each(struct unit *unit, const struct node *node, const struct value *key,
    const struct value *value, const char *hint)
{
    struct early early = {.unit = unit, .hint = hint, .each_key = key, .each_value = value};
    return evaluate_early(&early, node);
}

const struct value *resolve_settings(struct unit *root, struct str provider)
{
    for (size_t i = 0; i < root->part_count; i++) {
        const struct node *providers = node_get(root->parts[i].root, "providers");
        const struct node_entry *entry =
            providers && providers->kind == NODE_MAP ? node_find(providers, provider) : NULL;
        if (entry && entry->value->kind == NODE_MAP)
            return resolve_early(root, entry->value, true,
                "modules are fetched with these settings, before anything but inputs and locals is known");
    }
    return NULL;
}

void resolve_state(struct unit *root, const struct node_entry *entry)
{
    struct stack *stack = root->loader->stack;
    stack->state_span = node_key_span(entry);
    stack->state =
        resolve_early(root, entry->value, false, "the state section knows inputs, stack and path only");
}
