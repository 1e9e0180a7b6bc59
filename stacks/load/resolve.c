/* Resolves names in expressions to declarations and collects the dependencies. */
#include "base/mem.h"
#include "provider/kind.h"
#include "stacks/load/load.h"

#include <stdlib.h>

/* ---- early evaluation of values that are needed during loading: the state's settings, the members of a
 * fleet ---- */

enum { EARLY_DEPTH_MAX = 200 }; /* depth of locals that refer to locals */

struct early_evaluation {
    struct unit *unit;
    const char *hint;
    const struct value **locals; /* by decl->index: the evaluated locals; NULL: locals are not visible */
    const struct value *each_key, *each_value; /* NULL: `each` is not bound */
    int depth;
};

static const struct value *evaluate_early(struct early_evaluation *early, const struct node *node);

/* Returns the node of a local value. The declaration's own expression is resolved later, with all names. */
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

/* Returns an input or local during loading. An input of a child module is unknown, since its caller is
 * evaluated later. */
static const struct value *early_value(void *ctx, const struct decl *decl)
{
    struct early_evaluation *early = ctx;
    if (decl->kind == DECL_INPUT)
        return decl->given && !decl->module->parent ? decl->given : &value_unknown;
    const struct value **found = &early->locals[decl->index];
    const struct node *node = local_node(early->unit, decl->name);
    if (*found || !node || early->depth >= EARLY_DEPTH_MAX)
        return *found ? *found : &value_unknown;
    *found = &value_unknown; /* a local that refers to itself is unknown here; the cycle is reported later */
    early->depth++;
    const struct value *v = evaluate_early(early, node);
    early->depth--;
    if (v)
        *found = v;
    return *found;
}

static void resolve_expr(struct resolving *r, struct expr *expr, bool each_allowed)
{
    if (!expr)
        return;
    struct resolver resolver = resolve_resolver(r);
    resolver.each_allowed = each_allowed;
    expr_resolve(expr, &resolver, r->loader->diags);
}

static const struct value *evaluate_early(struct early_evaluation *early, const struct node *node)
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
        .constants = unit_constants(early->unit),
        .dir = early->unit->module->dir,
        .diags = loader->diags,
        .open = loader->options->open};
    if (loader->diags->errors == errors)
        v = expr_eval(expr, &scope, loader->arena);
    for (size_t i = before; i < loader->diags->n && !early->depth; i++)
        diag_hint(loader->diags, &loader->diags->items[i], "%s", early->hint);
    return loader->diags->errors == errors ? v : NULL;
}

const struct value *resolve_early(
    struct unit *unit, const struct node *node, bool with_locals, const char *hint)
{
    struct early_evaluation early = {.unit = unit, .hint = hint};
    if (with_locals)
        early.locals = ARENA_ARRAY(unit->loader->arena, const struct value *, unit->loader->decl_count);
    return evaluate_early(&early, node);
}

const struct value *resolve_early_each(struct unit *unit, const struct node *node, const struct value *key,
    const struct value *value, const char *hint)
{
    struct early_evaluation early = {.unit = unit, .hint = hint, .each_key = key, .each_value = value};
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

/* ---- names ---- */

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
    if (decl && decl->check && decl->check != r->check)
        return NULL;
    if (!decl || decl->kind != DECL_MODULE || !decl->target || !next.n)
        return decl;
    *consumed = true;
    return map_get(&decl->target->outputs, next);
}

size_t resolve_list_map(const struct map *map, struct str *names)
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
    if (r->loader->diags->dropped) /* hints are not shown any more */
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
    size_t n = r->inputs_only && !prefix.n ? 0 : resolve_list_map(map, all), kept = 0;
    for (size_t i = 0; map == &module->names && i < n; i++) {
        const struct decl *decl = map->items[i].ptr;
        if (!decl->check || decl->check == r->check)
            all[kept++] = all[i];
    }
    n = map == &module->names ? kept : n;
    for (size_t i = 0; !prefix.n && i < FIRST; i++)
        all[n++] = first[i];
    return n;
}

void resolve_add_dep(struct resolving *r, struct decl *dep)
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
    resolve_add_dep(r, decl);
    decl->costly_references++;
}

/* Returns whether the shared stack has the output. A shared stack that could not be read counts as having any
 * output. */
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

size_t resolve_attr_names(struct loader *loader, const struct schema *schema, const struct str **names)
{
    struct str *all = ARENA_ARRAY(loader->arena, struct str, schema->attr_count + 1);
    for (size_t i = 0; i < schema->attr_count; i++)
        all[i] = schema->attrs[i].name;
    *names = all;
    return schema->attr_count;
}

static bool has_attr(void *ctx, struct decl *decl, struct str *attr, const struct str **candidates, size_t *n)
{
    struct resolving *r = ctx;
    const struct schema *schema = decl->schema;
    const struct attr *found = schema ? schema_attr(schema, *attr) : NULL;
    *n = 0;
    if (decl->kind == DECL_SHARED)
        return has_output(&r->loader->stack->shared, *attr, candidates, n);
    if (r->decl && found && !found->costly)
        decl->costly_references--;
    if (found)
        *attr = found->name;
    if (!schema || found)
        return true;
    if (r->loader->diags->dropped)
        return false;
    *n = resolve_attr_names(r->loader, schema, candidates);
    return false;
}

static bool hint_word(void *ctx, struct diag *d, struct decl *decl, struct str word)
{
    struct resolving *r = ctx;
    return decl->schema && hint_attr_of_others(r->loader, d, decl->schema, word);
}

struct resolver resolve_resolver(struct resolving *r)
{
    return (struct resolver){.lookup = resolve_lookup,
        .names = list_names,
        .depends = depends,
        .has_attr = has_attr,
        .hint_word = r->loader->options ? hint_word : NULL,
        .ctx = r};
}

void stack_resolve(struct stack *stack, struct expr *expr, const struct value *names, struct diags *diags)
{
    struct loader loader = {.stack = stack, .arena = &stack->arena, .diags = diags};
    struct unit unit = {.loader = &loader, .module = stack->root};
    struct resolving r = {.loader = &loader, .unit = &unit};
    struct resolver resolver = resolve_resolver(&r);
    resolver.extra_names = names;
    expr_resolve(expr, &resolver, diags);
}

/* ---- declarations ---- */

/* Removes wrong attributes, which are not evaluated. An unknown key may stand for any attribute. */
static void drop_wrong(struct resolving *r, struct decl *decl)
{
    struct mistaken *mistaken = &decl->mistaken;
    struct str *names = NULL;
    uint32_t kept = 0;
    for (size_t i = 0; i < decl->attr_count; i++) {
        const struct attr_expr *given = &decl->attrs[i];
        mistaken->all |= given->reported && !given->attr;
        if (!given->reported) {
            decl->attrs[kept++] = *given;
            continue;
        }
        if (!names)
            names = ARENA_ARRAY(r->loader->arena, struct str, decl->attr_count);
        names[mistaken->count++] = given->name;
    }
    mistaken->names = names;
    mistaken->any |= mistaken->all || mistaken->count;
    decl->attr_count = kept;
}

static void resolve_resource(struct resolving *r, struct decl *decl)
{
    bool each = decl->for_each;
    resolve_expr(r, decl->for_each, false);
    resolve_expr(r, decl->when, false);
    for (size_t i = 0; i < decl->attr_count; i++) {
        struct tally before = load_tally(r->loader);
        resolve_expr(r, decl->attrs[i].expr, each);
        warn_of_plain_text(r->loader, r->unit->module, decl, decl->attrs[i].expr);
        decl->attrs[i].reported |= load_ignore_errors(r->loader, before);
    }
    drop_wrong(r, decl);
    const struct lifecycle *lifecycle = decl_lifecycle(decl);
    for (size_t i = 0; i < lifecycle->trigger_count; i++)
        resolve_expr(r, lifecycle->replace_triggered_by[i], each);
    resolve_conditions_of(r, decl);
    resolve_depends_on(r, info_of(r->loader, decl)->depends_on);
    resolve_add_waits(r);
    if (decl->schema)
        decl->provider = resolve_provider(r);
    if (decl->provider)
        resolve_add_dep(r, decl->provider);
}

static void resolve_module(struct resolving *r, struct decl *decl)
{
    for (size_t i = 0; i < decl->call_count; i++)
        resolve_add_dep(r, decl->calls[i]);
    resolve_expr(r, decl->when, decl->target && decl->target->each_key);
    if (!decl->target)
        return;
    struct unit *inner = resolve_unit(r->loader, decl->target);
    inner->condition_count = r->dep_count;
    decl->when_dep_count = (uint32_t)r->dep_count;
    inner->conditions = ARENA_ARRAY(r->loader->arena, struct decl *, r->dep_count);
    if (r->dep_count)
        memcpy(inner->conditions, r->deps, r->dep_count * sizeof *r->deps);
    resolve_call_provider(r, inner);
    for (size_t i = 0; i < decl->target->decl_count; i++)
        resolve_add_dep(r, decl->target->decls[i]);
}

static void resolve_decl(struct resolving *r, struct decl *decl)
{
    struct tally before = load_tally(r->loader);
    r->unit = info_of(r->loader, decl)->unit;
    r->decl = decl;
    r->check = decl->check;
    r->dep_count = 0;
    switch (decl->kind) {
    case DECL_INPUT:
        r->unit = r->unit->parent; /* arguments are resolved in the caller */
        resolve_expr(r, decl->argument, decl->module->each_key);
        decl->mistaken.any |= load_ignore_errors(r->loader, before);
        if (r->unit)
            warn_of_plain_text(r->loader, r->unit->module, decl->module->call, decl->argument);
        break;
    case DECL_LOCAL:
    case DECL_OUTPUT:
        resolve_expr(r, decl->expr, false);
        decl->mistaken.any |= load_ignore_errors(r->loader, before);
        warn_of_plain_text(r->loader, r->unit->module, decl, decl->expr);
        break;
    case DECL_PROVIDER:
        resolve_provider_name(r);
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
    resolve_conditions(r, info_of(r->loader, decl)->unit);
    decl->dep_count = (uint32_t)r->dep_count;
    decl->deps = ARENA_ARRAY(r->loader->arena, struct decl *, r->dep_count);
    if (r->dep_count)
        memcpy(decl->deps, r->deps, r->dep_count * sizeof *decl->deps);
}

void resolve_all(struct loader *loader)
{
    for (size_t i = 0; i < loader->unit_count; i++)
        resolve_find_waits(loader, loader->units[i]);
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
