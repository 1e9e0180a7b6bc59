/* What the role of an installed reap may do: what destroying the stacks takes that are there now. */
#include "cmd/reap/reap_install.h"

#include "provider/kind.h"

struct rights {
    struct arena *arena;
    struct value_builder actions, types;
};

/* Names that are a spec's, which goes with the stack that is closed. */
static void keep_names(struct arena *arena, struct value_builder *names, size_t from)
{
    for (size_t i = from; i < names->n; i++)
        names->entries[i].key = arena_str(arena, names->entries[i].key);
}

/* What services leave of it goes, too. */
static void add_schema(struct rights *r, struct catalog *catalog, const struct schema *schema)
{
    size_t n, actions = r->actions.n, types = r->types.n;
    const struct str *leaves = schema_leaves(r->arena, schema, &n);
    if (!schema->ops->permissions)
        return;
    schema->ops->permissions(
        schema, schema->is_data ? PERMISSION_PLAN : PERMISSION_DESTROY, r->arena, &r->actions);
    value_builder_set(&r->types, schema->name, &value_null);
    for (size_t i = 0; i < n; i++) {
        const struct schema *left = catalog_find(catalog, leaves[i], false, ERR_IGNORED);
        if (left && left->ops->permissions)
            left->ops->permissions(left, PERMISSION_DESTROY, r->arena, &r->actions);
    }
    keep_names(r->arena, &r->actions, actions);
    keep_names(r->arena, &r->types, types);
}

static void add_stack(struct rights *r, const struct workspace *workspace)
{
    const struct stack *stack = workspace->stack;
    for (size_t i = 0; i < stack->decl_count; i++)
        if (stack->decls[i]->schema)
            add_schema(r, workspace->catalog, stack->decls[i]->schema);
}

/* As its files were kept, and what it has without being in them any more. */
static void add_known(struct rights *r, struct known_state *known)
{
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    struct err err = ERR_INIT;
    struct workspace workspace;
    size_t n;
    known_state_options(known);
    struct workspace_options options = known->options;
    options.no_state = true;
    bool open = !workspace_open(&options, &ignored, &workspace, &err);
    const struct record *const *records = state_records(known->state, &n);
    if (open)
        add_stack(r, &workspace);
    for (size_t i = 0; open && i < n; i++) {
        const struct schema *schema = catalog_find(workspace.catalog, records[i]->subject.type, false, &err);
        if (schema)
            add_schema(r, workspace.catalog, schema);
    }
    workspace_close(&workspace);
}

/* The stack in the folder may not be made yet. */
static void add_folder(struct rights *r, struct known_states *all)
{
    AUTO_DIAGS struct diags ignored = DIAGS_INIT;
    struct workspace workspace;
    struct workspace_options options = all->inv->workspace_options;
    options.no_state = options.stack.any_member = options.stack.lenient_inputs = true;
    if (!stack_exists(r->arena, all->inv->settings->dir))
        return;
    if (!workspace_open(&options, &ignored, &workspace, ERR_IGNORED))
        add_stack(r, &workspace);
    workspace_close(&workspace);
}

static const struct value *statement(struct arena *arena, const struct value *actions, const char *resource)
{
    struct value_entry entries[] = {{STR("Effect"), value_stringz(arena, "Allow")}, {STR("Action"), actions},
        {STR("Resource"), value_stringz(arena, resource)}};
    return value_map(arena, entries, 3);
}

static const struct value *names_of(struct arena *arena, const struct value *map)
{
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < map->count; i++)
        if (!str_eqz(map->entries[i].key, "iam:PassRole")) /* nothing is given a role that goes */
            value_builder_add(&names, value_string(arena, map->entries[i].key));
    return value_builder_list(&names);
}

static void add_states(struct arena *arena, const struct value *config, struct value_builder *statements)
{
    static const char *const objects[] = {"s3:GetObject", "s3:PutObject", "s3:DeleteObject"};
    struct str bucket = value_gets(config, "bucket"), prefix = value_gets(config, "prefix");
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    for (size_t i = 0; i < sizeof objects / sizeof *objects; i++)
        value_builder_add(&list, value_stringz(arena, objects[i]));
    value_builder_add(
        statements, statement(arena, value_builder_list(&list),
                        arena_printf(arena, "arn:*:s3:::%.*s/%.*s*", STR_ARG(bucket), STR_ARG(prefix)).p));
    value_builder_add(statements, statement(arena, value_stringz(arena, "s3:ListBucket"),
                                      arena_printf(arena, "arn:*:s3:::%.*s", STR_ARG(bucket)).p));
    if (str_starts(value_gets(config, "key"), STR("kms:")))
        value_builder_add(statements, statement(arena, value_stringz(arena, "kms:Decrypt"), "*"));
}

const struct value *reap_rights(struct known_states *all, size_t *types)
{
    struct arena *arena = &all->inv->arena;
    struct rights r = {arena, VALUE_BUILDER(arena), VALUE_BUILDER(arena)};
    AUTO_BUILDER struct value_builder statements = VALUE_BUILDER(arena);
    for (size_t i = 0; i < all->n; i++)
        if (all->items[i].there &&
            !str_eqz(all->items[i].stack, REAP_STACK)) /* it does not take itself down */
            add_known(&r, &all->items[i]);
    add_folder(&r, all);
    value_builder_set(&r.actions, STR("tag:GetResources"), &value_null);
    value_builder_add(&statements, statement(arena, names_of(arena, value_builder_map(&r.actions)), "*"));
    add_states(arena, all->config, &statements);
    *types = value_builder_map(&r.types)->count;
    value_builder_release(&r.actions);
    value_builder_release(&r.types);
    return VALUE_MAP(arena, {STR("Version"), value_stringz(arena, "2012-10-17")},
        {STR("Statement"), value_builder_list(&statements)});
}
