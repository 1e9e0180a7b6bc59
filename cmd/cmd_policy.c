#include "cmd/command.h"

#include "base/json.h"

static const struct {
    const char *name;
    enum permission_phase phase;
} phases[] = {{"plan", PERMISSION_PLAN}, {"apply", PERMISSION_APPLY}, {"destroy", PERMISSION_DESTROY},
    {"run", PERMISSION_RUN}};
enum { PHASES = sizeof phases / sizeof *phases };

/* An attribute by which a service is given a role: whoever gives it must be allowed to pass it on. */
static bool passes_role(const struct decl *decl)
{
    for (size_t i = 0; i < decl->attr_count; i++) {
        struct str name = decl->attrs[i].name;
        if (str_eqz(name, "role") || str_ends(name, STR("_role")))
            return true;
    }
    return false;
}

static const struct value *actions_of(
    const struct stack *stack, enum permission_phase phase, bool *pass_role, struct arena *arena)
{
    struct value_builder actions = VALUE_BUILDER(arena), list = VALUE_BUILDER(arena);
    *pass_role = false;
    for (size_t i = 0; i < stack->decl_count; i++) {
        const struct decl *decl = stack->decls[i];
        if ((decl->kind != DECL_RESOURCE && decl->kind != DECL_DATA) || !decl->schema->ops->permissions)
            continue;
        if (phase == PERMISSION_RUN && !decl->schema->job)
            continue;
        decl->schema->ops->permissions(
            decl->schema, decl->kind == DECL_DATA ? PERMISSION_PLAN : phase, arena, &actions);
        *pass_role |= phase == PERMISSION_APPLY && decl->kind == DECL_RESOURCE && passes_role(decl);
    }
    const struct value *unique = value_builder_map(&actions); /* sorted, each once */
    for (uint32_t i = 0; i < unique->count; i++)
        value_builder_add(&list, unique->entries[i].value);
    return value_builder_list(&list);
}

static const struct value *statement(struct arena *arena, const struct value *actions, const char *resource)
{
    struct value_entry entries[] = {{STR("Effect"), value_stringz(arena, "Allow")}, {STR("Action"), actions},
        {STR("Resource"), value_stringz(arena, resource)}};
    return value_map(arena, entries, 3);
}

static const struct value *document(
    const struct stack *stack, enum permission_phase phase, struct arena *arena)
{
    struct value_builder statements = VALUE_BUILDER(arena);
    bool pass_role;
    const struct value *actions = actions_of(stack, phase, &pass_role, arena);
    if (actions->count)
        value_builder_add(&statements, statement(arena, actions, "*"));
    if (pass_role)
        value_builder_add(
            &statements, statement(arena, value_stringz(arena, "iam:PassRole"), "arn:*:iam::*:role/*"));
    struct value_entry entries[] = {{STR("Version"), value_stringz(arena, "2012-10-17")},
        {STR("Statement"), value_builder_list(&statements)}};
    return value_map(arena, entries, 2);
}

static int print(struct invocation *inv, const struct stack *stack)
{
    struct value_builder all = VALUE_BUILDER(&inv->arena);
    const struct value *shown = NULL;
    for (size_t i = 0; i < PHASES; i++) {
        const struct value *policy = document(stack, phases[i].phase, &inv->arena);
        if (phases[i].phase != PERMISSION_RUN ||
            value_getz(policy, "Statement")->count) /* no job: nothing to run */
            value_builder_set(&all, str_z(phases[i].name), policy);
        if (inv->args.n && str_eqz(inv->args.items[0], phases[i].name))
            shown = policy;
    }
    const struct value *every = value_builder_map(&all);
    if (inv->args.n && !shown)
        return invocation_usage(
            inv, NULL, "it is plan, apply, destroy or run, not \"%.*s\"", STR_ARG(inv->args.items[0]));
    AUTO_BUF struct buf out = BUF_INIT;
    json_write(&out, shown ? shown : every, JSON_PRETTY);
    buf_add_char(&out, '\n');
    return invocation_write(inv, buf_str(&out));
}

static int run(struct invocation *inv)
{
    struct workspace workspace;
    int status = invocation_open(inv, &(struct workspace_options){.no_state = true}, &workspace);
    if (status != EXIT_DONE)
        return status;
    status = print(inv, workspace.stack);
    workspace_close(&workspace);
    return status;
}

static const struct option_set *const sets[] = {&options_stack, NULL};
static const struct command_example examples[] = {
    {"weir policy", "a policy document for each of the commands"},
    {"weir policy plan > plan-policy.json", "one, to be attached to a role of the CI"},
    {NULL, NULL},
};

const struct command cmd_policy = {
    .name = "policy",
    .args = "[plan|apply|destroy|run]",
    .summary = "print the IAM permissions that this stack needs",
    .details = "Derived from the calls that the specs of the stack's types make; nothing is called. Where "
               "the state is in S3 or a key in KMS, "
               "the permissions for those come on top.",
    .sets = sets,
    .max_args = 1,
    .examples = examples,
    .run = run,
};
