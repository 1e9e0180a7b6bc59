/* A connection by itself, or what a provider goes by: for commands that only want to go there. */
#include "plan/evaluate/connections.h"
#include "plan/evaluate/evaluate.h"
#include "plan/objects/recorded.h"

#include "base/mem.h"

/* As its address has it after `connections.` or `providers.`, or in a module. */
static const struct decl *find(const struct stack *stack, struct str name)
{
    for (size_t i = 0; i < stack->decl_count; i++) {
        const struct decl *decl = stack->decls[i];
        if (decl->kind == DECL_CONNECTION && str_eq(decl->full_name, name))
            return decl;
    }
    for (size_t i = 0; i < stack->decl_count; i++) {
        const struct decl *decl = stack->decls[i];
        bool named = str_eq(decl->name, name) && !decl->module->parent;
        if (decl->kind == DECL_PROVIDER && decl->via && (named || str_eq(decl->full_name, name)))
            return decl;
    }
    return NULL;
}

static int not_found(const struct stack *stack, struct str name, struct err *err)
{
    AUTO_BUF struct buf names = BUF_INIT;
    err_set(
        err, ERR_USAGE, "there is no connection \"%.*s\", nor a provider that goes by one", STR_ARG(name));
    for (size_t i = 0; i < stack->decl_count; i++) {
        const struct decl *decl = stack->decls[i];
        if (decl->kind == DECL_CONNECTION || (decl->kind == DECL_PROVIDER && decl->via))
            buf_addf(&names, "%s%.*s", names.n ? ", " : "",
                STR_ARG(decl->kind == DECL_CONNECTION ? decl->full_name : decl->name));
    }
    return names.n ? err_hint(err, "there are: %s", names.p)
                   : err_hint(err, "they are declared under `connections:`");
}

static int way_settle(struct planner *p, const struct decl *decl, struct way *out, struct err *err)
{
    const struct decl *connection = decl->kind == DECL_CONNECTION ? decl : decl->via;
    const struct value *settings = p->evaluated.values[decl->index],
                       *of_connection = p->evaluated.values[connection->index];
    bool known = settings && value_is_known(settings) && of_connection && value_is_known(of_connection);
    if (p->diags->errors)
        return -1;
    if (!known) {
        err_set(err, ERR_INVALID, "where \"%.*s\" leads is not known before the stack is applied",
            STR_ARG(decl->name));
        return -1;
    }
    if (connections_define(p, decl, err))
        return -1;
    *out = (struct way){.reach = connections_reach(p->workspace->connections),
        .connection = connection->full_name,
        .is_provider = decl->kind == DECL_PROVIDER,
        .kind = decl->kind == DECL_PROVIDER ? decl->provider_name : STR("ssh"),
        .settings = value_copy(&p->workspace->stack->arena, settings)};
    return 0;
}

int plan_way(
    struct workspace *workspace, struct str name, struct diags *diags, struct way *out, struct err *err)
{
    const struct decl *decl = find(workspace->stack, name);
    if (!decl)
        return not_found(workspace->stack, name, err);
    struct plan_options options = {.offline = true};
    struct planner *p = planner_new(workspace, &options, diags);
    AUTO_FREE bool *needed = mem_zalloc((p->stack->decl_count + 1) * sizeof *needed);
    depends_need(decl, needed);
    int rc = workspace->state && !recorded_claim(p) ? -1 : 0;
    if (!rc) {
        evaluate_as_recorded(p, needed);
        rc = way_settle(p, decl, out, err);
    }
    plan_free(p->plan);
    return rc;
}
