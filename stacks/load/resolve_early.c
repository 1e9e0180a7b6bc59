/* What has to be known while a stack is loaded, evaluated before anything else is: where its state lies, who
 * its members are. */
#include "stacks/load/resolve_internal.h"

#include "provider/kind.h"

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
