/* The context of a provider's operation, events, and errors while planning. */
#include "plan/evaluate/context.h"

#include "plan/evaluate/lease.h"

void observe(const struct observer *observer, const struct event *event)
{
    if (observer->event)
        observer->event(observer->ctx, event);
}

static struct owner owner_of(const struct planner *p, struct arena *arena)
{
    struct owner owner = {.stack = p->stack->name, .env = p->stack->env};
    if (!p->workspace->state)
        return owner;
    struct lease lease = state_lease(p->workspace->state);
    owner.lineage = state_lineage(p->workspace->state);
    owner.lease = lease.until_ms ? lease_text(arena, &lease) : STR_EMPTY;
    return owner;
}

struct op_ctx op_context(struct planner *p, struct arena *arena, struct provider *provider,
    const struct schema *schema, struct str address)
{
    return (struct op_ctx){
        .arena = arena,
        .provider = provider,
        .schema = schema,
        .address = address,
        .cancel = p->cancel,
        .work_dir = p->workspace->work_dir,
        .digests = p->workspace->digests,
        .owner = owner_of(p, arena),
        .states = {.config = p->stack->state,
            .dir = p->stack->dir,
            .override_dir = str_z(p->workspace->options->state_dir),
            .sandbox = str_z(p->workspace->options->sandbox_dir),
            .planned = p->workspace->options->planned},
    };
}

/* A built-in module has no folder: its file names are relative to the calling module. */
struct str local_dir(const struct decl *decl)
{
    const struct module *module = decl->module;
    while (module->parent && str_starts(module->source, STR("builtin/")))
        module = module->parent;
    return module->dir;
}

struct op_ctx instance_context(
    struct planner *p, struct arena *arena, struct provider *provider, const struct instance *instance)
{
    struct op_ctx ctx = op_context(p, arena, provider, instance->decl->schema, instance->address);
    ctx.dir = local_dir(instance->decl);
    return ctx;
}

bool plan_failed(struct planner *p, struct span span, const struct err *err)
{
    if (err->everywhere || (err->class != ERR_INVALID && err->class != ERR_ABSENT)) {
        if (p->failure.class == ERR_NONE)
            p->failure = *err;
        if (err->everywhere) /* not specific to this resource */
            snprintf(p->failure.message, sizeof p->failure.message, "%s", err_root(err));
        return false;
    }
    struct diag *d = diag_error(p->diags, span, "%s", err->message);
    if (err->hint[0])
        diag_hint(p->diags, d, "%s", err->hint);
    return false;
}

bool plan_provider_failed(struct planner *p, const struct decl *user, const struct err *err)
{
    if (user->provider)
        return plan_failed(p, user->provider->span, err);
    const struct decl *first = map_get(&p->provider_users, user->provider_name);
    if (!first)
        map_set(&p->provider_users, user->provider_name, (void *)user);
    return plan_failed(p, first ? first->span : user->span, err);
}
