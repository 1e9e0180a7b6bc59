/*
 * Texts that look like references: `bucket: lake.name` where ${lake.name} is meant. They are valid, so it is
 * only a warning; and only for what would be a reference if it were written as one.
 */
#include "stacks/expr_internal.h"
#include "stacks/load.h"

/* Without what other tools put around a reference: $lake.name, {lake.name}, {{ lake.name }}. */
static struct str bare(struct str text)
{
    if (str_starts(text, STR("$")))
        text = str_slice(text, 1, text.n);
    while (str_starts(text, STR("{")) && str_ends(text, STR("}")))
        text = str_trim(str_slice(text, 1, text.n - 1));
    return text;
}

/* Takes `name`, `name[…]` and the dot behind it from the front of *rest; "" where there is none. */
static struct str take_name(struct str *rest)
{
    struct str first = str_cut(*rest, '.', rest), index;
    struct str name = str_cut(first, '[', &index);
    return !index.p || str_ends(index, STR("]")) ? name : STR_EMPTY;
}

static bool has_member(const struct decl *decl, struct str name)
{
    if (decl->kind == DECL_MODULE)
        return decl->target && map_get(&decl->target->outputs, name);
    return decl->schema && schema_attr(decl->schema, name);
}

/* `main.handler` in the resource `main` cannot be meant as a reference to itself. */
static bool is_reference(const struct module *module, const struct decl *of, struct str text)
{
    struct str rest = text, name = take_name(&rest), member = rest.p ? take_name(&rest) : STR_EMPTY;
    if (!stack_is_name(name) || !stack_is_name(member))
        return false;
    if (str_eqz(name, "inputs") || str_eqz(name, "locals"))
        return map_get(name.p[0] == 'i' ? &module->inputs : &module->locals, member);
    const struct decl *decl = map_get(&module->names, name);
    return decl && decl != of && has_member(decl, member);
}

void warn_of_unwritten(
    struct loader *loader, const struct module *module, const struct decl *of, const struct expr *e)
{
    if (!e || e->op != EXPR_CONST || e->constant.kind != VALUE_STRING)
        return;
    struct str text = e->constant.string, reference = bare(text);
    if (!is_reference(module, of, reference))
        return;
    struct diag *d = diag_warning(
        loader->diags, expr_span(e), "this is the text \"%.*s\", not a reference", STR_ARG(text));
    diag_label(loader->diags, d, "did you mean ${%.*s}?", STR_ARG(reference));
}
