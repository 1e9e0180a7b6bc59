/* Whether a module takes part, asked of its `when` once. */
#include "plan/evaluate/module_entry.h"

#include "plan/evaluate/evaluate.h"
#include "plan/objects/depends.h"

void report_when(struct planner *p, const struct decl *decl, const struct value *v)
{
    struct diag *d = diag_error(p->diags, expr_span(decl->when), "when of %.*s must be true or false, not %s",
        STR_ARG(decl->address),
        value_is_unknown(v) ? "a value known only after apply" : value_kind_name(v->kind));
    if (value_is_unknown(v))
        diag_hint(p->diags, d, "decide by an input or a local, or apply what it depends on first (--target)");
}

void note_data(void *ctx, const struct decl *dep)
{
    bool *data = ctx;
    *data = *data || dep->kind == DECL_DATA;
}

static bool asks_data(struct planner *p, const struct decl *call)
{
    bool data = false;
    for (size_t i = 0; i < call->when_dep_count; i++) {
        note_data(&data, call->deps[i]);
        each_resource_dep(p, call->deps[i], note_data, &data);
    }
    return data;
}

static enum entry ask_when(struct planner *p, const struct decl *call)
{
    struct scope scope = planner_scope(p, call, NULL);
    scope.each_key = call->target->each_key;
    scope.each_value = call->target->each_value;
    const struct value *v = expr_eval(call->when, &scope, p->arena);
    if (!v)
        return ENTRY_FAILED;
    if (v->kind == VALUE_BOOL)
        return v->boolean ? ENTRY_IN : ENTRY_OUT;
    if (value_is_unknown(v) && p->offline && asks_data(p, call))
        return ENTRY_OPEN;
    report_when(p, call, v);
    return ENTRY_FAILED;
}

enum entry module_entry(struct planner *p, const struct module *module)
{
    if (!module->call)
        return ENTRY_IN;
    enum entry around = module_entry(p, module->parent);
    if (around != ENTRY_IN || !module->call->when)
        return around;
    uint8_t *entry = &p->evaluated.entered[module->call->index];
    if (*entry == ENTRY_UNASKED)
        *entry = (uint8_t)ask_when(p, module->call);
    return (enum entry) * entry;
}
