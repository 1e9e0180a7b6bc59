/* weir validate: all mistakes of the files, without calling anything. */
#include "cmd/output/events.h"
#include "cmd/repository/repository.h"

#include "base/json.h"
#include "base/map.h"

struct validate_settings {
    struct settings shared;
    const char *format;
};

/* --format: what it hears is written at the end. */
struct heard {
    struct sarif *sarif; /* NULL: as JUnit, or as text */
    struct junit *junit;
    const struct stack *stack;
};

static void hear(void *ctx, const struct diags *diags)
{
    struct heard *heard = ctx;
    if (heard->sarif)
        sarif_add_diags(heard->sarif, diags, heard->stack);
    else
        junit_add_diags(heard->junit, diags, heard->stack);
}

static int cmd_validate_count(const struct stack *stack, enum decl_kind kind)
{
    int n = 0;
    for (size_t i = 0; i < stack->decl_count; i++)
        n += stack->decls[i]->kind == kind;
    return n;
}

/* Said once for all of them: CloudFormation's types where there are better ones. */
static void cmd_validate_hint(struct buf *out, const struct stack *stack, struct catalog *catalog)
{
    AUTO_MAP struct map reported = MAP_INIT;
    for (size_t i = 0; i < stack->decl_count; i++) {
        const struct schema *schema = stack->decls[i]->kind == DECL_RESOURCE ? stack->decls[i]->schema : NULL;
        if (!schema || str_find(schema->name, STR("::"), 0) < 0 || map_set(&reported, schema->name, out))
            continue;
        const struct schema *own = catalog_own(catalog, schema->name);
        if (own)
            buf_addf(out, "hint: %.*s is weir's own type for %.*s: quicker to refresh, and finer\n",
                STR_ARG(own->name), STR_ARG(schema->name));
    }
}

static int cmd_validate_report(
    struct invocation *inv, const struct stack *stack, struct catalog *catalog, const struct plan *plan)
{
    AUTO_BUF struct buf out = BUF_INIT;
    if (inv->settings->json) {
        buf_addz(&out, "{\"event\":\"valid\"");
        json_write_member(&out, "stack", stack->name);
        buf_addf(&out, ",\"resources\":%zu,\"data\":%d,\"outputs\":%d}\n", plan->resource_count,
            cmd_validate_count(stack, DECL_DATA), cmd_validate_count(stack, DECL_OUTPUT));
    } else {
        style_add(&out, inv->out.color, STYLE_GREEN, "valid");
        buf_addf(&out, ": stack %.*s, %zu resource%s\n", STR_ARG(stack->name), plan->resource_count,
            plan->resource_count == 1 ? "" : "s");
        cmd_validate_hint(&out, stack, catalog);
    }
    return invocation_write(inv, buf_str(&out));
}

static int validate_stack(struct invocation *inv, struct heard *heard)
{
    AUTO_WORKSPACE struct workspace workspace = {0};
    struct plan *plan = NULL;
    int status = invocation_open(inv, &(struct workspace_options){.no_state = true}, &workspace);
    if (status != EXIT_DONE)
        return status;
    struct err err = ERR_INIT;
    heard->stack = workspace.stack;
    int rc = plan_make(&workspace, &(struct plan_options){.offline = true}, &inv->diags, &plan, &err);
    status = invocation_diags(inv);
    if (rc < 0)
        status = err.class != ERR_NONE ? invocation_fail(inv, &err)
                 : status == EXIT_DONE ? EXIT_FAILED
                                       : status;
    else if (status == EXIT_DONE && !heard->sarif && !heard->junit)
        status = cmd_validate_report(inv, workspace.stack, workspace.catalog, plan);
    plan_free(plan);
    return status;
}

static int cmd_validate_run(struct invocation *inv)
{
    enum { RESULTS_MAX = 5000 };
    const struct validate_settings *own = inv->own;
    struct heard *heard = ARENA_NEW(&inv->arena, struct heard);
    AUTO_BUF struct buf out = BUF_INIT;
    *heard = (struct heard){0};
    int usage = repository_check_args(inv);
    if (usage != EXIT_DONE)
        return usage;
    if (inv->settings->all && own->format)
        return invocation_usage(inv, "-C DIR picks the stack", "--format is for one stack, not for --all");
    if (inv->settings->all)
        return repository_validate(inv);
    if (!own->format || str_eqz(str_z(own->format), "text"))
        return validate_stack(inv, heard);
    if (inv->settings->json)
        return invocation_usage(inv, NULL, "--format and --json are two ways to print it");
    struct junit junit = JUNIT_INIT;
    if (str_eqz(str_z(own->format), "junit"))
        heard->junit = &junit;
    else
        heard->sarif = sarif_new();
    inv->diags.limit = RESULTS_MAX;
    inv->diags_heard = hear;
    inv->diags_ctx = heard;
    int status = validate_stack(inv, heard);
    inv->diags_heard = NULL;
    if (heard->sarif)
        sarif_write(heard->sarif, &out);
    else
        junit_write(&junit, STR("weir validate"), STR("the stack is valid"), &out);
    int written = invocation_write(inv, buf_str(&out));
    return status == EXIT_DONE ? written : status;
}

static const struct option options[] = {
    {0, "format", .value = "FORMAT", .kind = OPTION_TEXT,
        .offset = offsetof(struct validate_settings, format), .completes = COMPLETES_CHOICES,
        .choices = "text sarif junit"},
};
static const struct option_set own_set = OPTION_SET(NULL, options);

const struct command cmd_validate = {
    .name = "validate",
    .args = "[--all [DIR]]",
    .sets = {&own_set, &options_all, &options_json, &options_stack},
    .settings_size = sizeof(struct validate_settings),
    .max_args = 1,
    .completes = COMPLETES_DIR,
    .run = cmd_validate_run,
};
