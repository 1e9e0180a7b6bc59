#include "base/file.h"
#include "stacks/load.h"

static bool has_expressions(const struct node *node)
{
    if (node->kind == NODE_STRING)
        return str_find(node->string, STR("${"), 0) >= 0;
    for (uint32_t i = 0; i < node->count && (node->kind == NODE_LIST || node->kind == NODE_MAP); i++)
        if (has_expressions(node->kind == NODE_MAP ? node->entries[i].value : node->items[i]))
            return true;
    return false;
}

static bool find_file(struct arena *arena, struct str given, struct str *dir, struct str *file)
{
    *dir = path_is_dir(given.p) ? given : arena_str(arena, path_dir(given));
    *file = given;
    return path_is_dir(given.p) ? find_stack_file(arena, given, file) : path_exists(given.p);
}

bool stack_identify(
    const struct stack_options *options, struct arena *arena, struct stack_identity *out, struct diags *diags)
{
    struct str file, given = arena_str(arena, str_z(options->dir ? options->dir : "."));
    *out = (struct stack_identity){.env = options->env};
    if (!find_file(arena, given, &out->dir, &file))
        return true; /* stack_load() says it better */
    const struct node *root = yaml_load(arena, arena_strz(arena, file), file, diags);
    const struct node *name = root ? node_get(root, "stack") : NULL,
                      *state = root ? node_get(root, "state") : NULL;
    if (diags->errors)
        return false;
    if (!name || name->kind != NODE_STRING || (state && has_expressions(state)))
        return true;
    /* environments may also be declared in included files: only a full load knows them all */
    if (out->env.n &&
        !(node_get(root, "environments") && node_find(node_get(root, "environments"), out->env)))
        return true;
    out->name = name->string;
    if (state && state->kind != NODE_NULL)
        out->state = node_value(arena, state);
    out->constant = true;
    return true;
}
