/*
 * replace_triggered_by: whether the named values differ from those of the last apply; and the files and other
 * stacks that a stack reads.
 */
#include "plan/evaluate/evaluate.h"

#include "base/file.h"
#include "plan/evaluate/context.h"

/* ---- other stacks and local files that a stack reads, found without reading them ---- */

static bool is_reference(const struct decl *decl)
{
    return decl->kind == DECL_DATA && decl->schema == &weir_stack_schema;
}

static bool refers_to_any(const struct stack *stack)
{
    for (size_t i = 0; i < stack->decl_count; i++)
        if (is_reference(stack->decls[i]))
            return true;
    return false;
}

const struct stack_reference *plan_references(struct workspace *workspace, struct arena *arena, size_t *count)
{
    const struct stack *stack = workspace->stack;
    struct state_stores states = {.config = stack->state, .dir = stack->dir};
    size_t n = 0;
    const struct declared *declared = refers_to_any(stack) ? plan_declared(workspace, arena, NULL, &n) : NULL;
    struct stack_reference *list = ARENA_ARRAY(arena, struct stack_reference, n + 1);
    *count = 0;
    for (size_t i = 0; i < n; i++) {
        const struct decl *decl = declared[i].decl;
        if (!is_reference(decl) || !declared[i].object)
            continue;
        struct backend_options store = stack_data_store(arena, &states, local_dir(decl), declared[i].object);
        if (store.stack.n)
            list[(*count)++] = (struct stack_reference){store, decl->span};
    }
    return list;
}

/* ---- local files ---- */

struct local_paths {
    struct arena *arena;
    struct str dir; /* folder of the declaration */
    struct str *items;
    size_t n, cap;
};

/* Returns the folder part of a path before its first wildcard. */
static struct str before_pattern(struct str path)
{
    for (size_t i = 0; i < path.n; i++)
        if (char_is_among(path.p[i], "*?[{"))
            return path_dir(str_slice(path, 0, i));
    return path;
}

static void add_path(struct local_paths *paths, struct str text)
{
    struct str path = before_pattern(text);
    while (path.n > 1 && path.p[path.n - 1] == '/')
        path.n--;
    if (!path.n || path.n >= PATH_MAX || memchr(path.p, '\0', path.n) || memchr(path.p, '\n', path.n))
        return;
    ARENA_GROW(paths->arena, paths->items, paths->n, paths->cap);
    paths->items[paths->n++] = path_join(paths->arena, paths->dir, path);
}

static void add_paths(struct local_paths *paths, const struct value *v)
{
    if (v->kind == VALUE_STRING)
        add_path(paths, v->string);
    for (uint32_t i = 0; (v->kind == VALUE_LIST || v->kind == VALUE_MAP) && i < v->count; i++)
        add_paths(paths, v->kind == VALUE_LIST ? v->items[i] : v->entries[i].value);
}

/* Attributes that are sent as they are do not name files. */
static bool may_read(const struct attr *attr, struct str type)
{
    return attr && (attr->local || !str_starts(type, STR("aws.")));
}

const struct str *plan_local_paths(struct workspace *workspace, struct arena *arena, size_t *count)
{
    size_t n;
    const struct declared *declared = plan_declared(workspace, arena, NULL, &n);
    struct local_paths paths = {.arena = arena};
    for (size_t i = 0; i < n; i++) {
        const struct decl *decl = declared[i].decl;
        const struct value *object = value_as_map(declared[i].object);
        paths.dir = local_dir(decl);
        for (uint32_t k = 0; k < object->count; k++)
            if (may_read(schema_attr(decl->schema, object->entries[k].key), decl->schema->name))
                add_paths(&paths, object->entries[k].value);
    }
    *count = paths.n;
    return paths.items;
}

/* ---- whether the value of an expression has changed ---- */

/* The stack as of the last apply; hidden declarations are unknown. */
struct past {
    struct planner *p;
    const bool *hidden;         /* by decl->index; NULL: none */
    const struct value **known; /* by decl->index: cached values */
};

static const struct value *value_before(void *ctx, const struct decl *decl);

static const struct value *evaluate_before(struct past *past, struct scope scope, const struct expr *expr)
{
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    scope.value_of = value_before;
    scope.ctx = past;
    scope.diags = &ignored;
    const struct value *v = expr_eval(expr, &scope, past->p->arena);
    return v ? v : &value_null;
}

static const struct value *recorded_object(const struct instance *instance)
{
    return instance->recorded ? instance->recorded->record->attrs : &value_null;
}

static const struct value *resource_before(const struct past *past, const struct decl *decl)
{
    struct planner *p = past->p;
    const struct instances *list = &p->evaluated.instances[decl->index];
    if (past->hidden && past->hidden[decl->index])
        return &value_unknown;
    if (!list->keyed)
        return list->n ? recorded_object(&list->items[0]) : &value_null;
    struct value_builder b = VALUE_BUILDER(p->arena);
    for (size_t i = 0; i < list->n; i++)
        if (list->items[i].recorded)
            value_builder_set(&b, list->items[i].key->string, recorded_object(&list->items[i]));
    return value_builder_map(&b);
}

static const struct value *find_before(struct past *past, const struct decl *decl)
{
    struct planner *p = past->p;
    switch (decl->kind) {
    case DECL_RESOURCE: return resource_before(past, decl);
    case DECL_MODULE: return evaluate_module(p->arena, decl, value_before, past);
    case DECL_LOCAL:
    case DECL_OUTPUT: return evaluate_before(past, planner_scope(p, decl, NULL), decl->expr);
    case DECL_INPUT:
        if (decl->argument)
            return evaluate_before(past, argument_scope(p, decl), decl->argument);
        break;
    case DECL_DATA:
    case DECL_PROVIDER:
    case DECL_CONNECTION:
    case DECL_SHARED: break;
    }
    return planner_value(p, decl); /* these are not recorded */
}

/* Dependencies are planned already, so their values can be cached. */
static const struct value *value_before(void *ctx, const struct decl *decl)
{
    struct past *past = ctx;
    const struct value **known = &past->known[decl->index];
    if (!*known)
        *known = find_before(past, decl);
    return *known;
}

static const struct value **known_values(struct planner *p, const struct value ***known)
{
    if (!*known)
        *known = ARENA_ARRAY(p->arena, const struct value *, p->stack->decl_count + 1);
    return *known;
}

/* An unchanged resource counts as recorded: a refresh may return more attributes than its last apply. */
static const struct value *object_now(const struct instance *instance)
{
    return !instance->change && instance->recorded ? recorded_object(instance) : instance->planned;
}

/* Value in the plan: everything that is referred to is decided already. */
static const struct value *value_decided(void *ctx, const struct decl *decl)
{
    struct planner *p = ctx;
    const struct instances *list = decl->kind == DECL_RESOURCE ? &p->evaluated.instances[decl->index] : NULL;
    if (!list || !list->n || list->unread)
        return planner_value(p, decl);
    if (!list->keyed)
        return object_now(&list->items[0]);
    const struct value **known = &known_values(p, &p->evaluated.decided)[decl->index];
    struct value_builder b = VALUE_BUILDER(p->arena);
    for (size_t i = 0; i < list->n && !*known; i++)
        value_builder_set(&b, list->items[i].key->string, object_now(&list->items[i]));
    return *known = *known ? *known : value_builder_map(&b);
}

bool expression_changes(struct planner *p, const struct instance *instance, const struct expr *expr,
    const bool *hidden, struct diags *diags)
{
    struct past past = {
        p, hidden, known_values(p, hidden ? &p->evaluated.before_hidden : &p->evaluated.before)};
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    struct scope now = planner_scope(p, instance->decl, instance), before = now;
    before.value_of = value_before;
    before.ctx = &past;
    now.diags = diags ? diags : &ignored;
    if (diags)
        now.value_of = value_decided;
    before.diags = &ignored;
    const struct value *v = expr_eval(expr, &now, p->arena);
    if (!v)
        return false;
    if (!value_is_known(v))
        return true;
    const struct value *old = expr_eval(expr, &before, p->arena);
    if (!old || value_is_null(old))
        return false;
    return !value_is_known(old) || !state_hash_matches(old, v);
}

bool triggered(struct planner *p, const struct instance *instance)
{
    const struct lifecycle *lifecycle = decl_lifecycle(instance->decl);
    for (size_t i = 0; i < lifecycle->trigger_count; i++)
        if (expression_changes(p, instance, lifecycle->replace_triggered_by[i], NULL, p->diags))
            return true;
    return false;
}
