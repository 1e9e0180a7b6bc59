/*
 * A provider without a plan: for commands that call services about what the state knows (running jobs), and
 * need nothing else of the stack.
 */
#include "plan/plan.h"

#include "base/mem.h"
#include "plan/evaluate/evaluate.h"
#include "plan/evaluate/locations.h"
#include "plan/objects/recorded.h"

/* An input without a value does no harm, unless the configuration hangs on it. */
static int missing_input(struct planner *p, struct str name, const bool *needed, struct err *err)
{
    for (size_t i = 0; i < p->stack->decl_count; i++) {
        const struct decl *decl = p->stack->decls[i];
        if (!needed[i] || decl->kind != DECL_INPUT || decl->module->parent || !value_is_unknown(decl->given))
            continue;
        err_set(err, ERR_INVALID, "the provider \"%.*s\" needs the input \"%.*s\", which has no value",
            STR_ARG(name), STR_ARG(decl->name));
        return err_hint(
            err, "give it with -i %.*s=…, --input-file or an environment (-e)", STR_ARG(decl->name));
    }
    return 0;
}

static int open_provider(
    struct planner *p, const struct record *record, struct provider **out, struct err *err)
{
    const struct decl *config = place_configuration(p, record->subject.provider);
    AUTO_FREE bool *needed = mem_zalloc((p->stack->decl_count + 1) * sizeof *needed);
    if (config) {
        depends_need(config, needed);
        if (missing_input(p, record->subject.provider, needed, err))
            return -1;
        evaluate_as_recorded(p, needed);
    }
    if (p->diags->errors || place_provider(p, record->subject.provider, record->place, out, err))
        return -1;
    return place_check_record(p, record, *out, err);
}

int plan_provider(struct workspace *workspace, const struct record *record, struct diags *diags,
    struct provider **out, struct err *err)
{
    struct plan_options options = {.offline = true};
    struct planner *p = planner_new(workspace, &options, diags);
    int rc = workspace->state && !recorded_claim(p) ? -1 : open_provider(p, record, out, err);
    plan_free(p->plan);
    return rc;
}

int plan_check_places(struct workspace *workspace, struct diags *diags, struct err *err)
{
    struct plan_options options = {.offline = true};
    struct planner *p = planner_new(workspace, &options, diags);
    AUTO_FREE bool *needed = mem_zalloc((p->stack->decl_count + 1) * sizeof *needed);
    for (size_t i = 0; i < p->provider_count; i++)
        depends_need(p->providers[i], needed);
    int rc = recorded_claim(p) ? 0 : -1;
    if (!rc)
        evaluate_as_recorded(p, needed);
    if (!rc)
        rc = p->diags->errors ? -1 : places_check(p, err);
    plan_free(p->plan);
    return rc;
}
