/* What a stack reads beside its own files, found without reading any of it: other stacks, and local files. */
#include "plan/plan.h"

#include "base/file.h"
#include "plan/evaluate/context.h"

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
    struct state_places states = {.config = stack->state, .dir = stack->dir};
    size_t n = 0;
    const struct declared *declared = refers_to_any(stack) ? plan_declared(workspace, arena, NULL, &n) : NULL;
    struct stack_reference *list = ARENA_ARRAY(arena, struct stack_reference, n + 1);
    *count = 0;
    for (size_t i = 0; i < n; i++) {
        const struct decl *decl = declared[i].decl;
        if (!is_reference(decl) || !declared[i].object)
            continue;
        struct backend_options place = stack_data_place(arena, &states, local_dir(decl), declared[i].object);
        if (place.stack.n)
            list[(*count)++] = (struct stack_reference){place, decl->span};
    }
    return list;
}

/* ---- local files ---- */

struct local_paths {
    struct arena *arena;
    struct str dir; /* of the declaration */
    struct str *items;
    size_t n, cap;
};

/* The folder in which the names begin that a pattern means. */
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

/* What a type sends as it is names no file. */
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
