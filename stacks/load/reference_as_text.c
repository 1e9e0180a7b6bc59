/*
 * Texts that look like references: `bucket: lake.name` where ${lake.name} is meant, and within an expression
 * 'arn:aws:s3:::${inputs.owner}', where single quotes leave it as it is. They are valid, so it is only a
 * warning; and only for what would be a reference if it were written as one.
 */
#include "stacks/expressions/expr_internal.h"
#include "stacks/load/load.h"

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

/* ---- '${inputs.owner}' ---- */

/* The text is in single quotes, in an expression: just so it stands there. */
static bool is_single_quoted(const struct expr *e)
{
    if (e->op != EXPR_CONST || e->constant.kind != VALUE_STRING || e->flags & EXPR_WHOLE_NODE || !e->node)
        return false;
    struct str raw = str_slice(e->node->string, e->offset, (size_t)e->offset + e->length);
    return raw.n >= 2 && raw.p[0] == '\'' && str_eq(str_slice(raw, 1, raw.n - 1), e->constant.string);
}

static void look_into_text(
    struct loader *loader, const struct module *module, const struct decl *of, const struct expr *e)
{
    struct str text = e->constant.string;
    ptrdiff_t open = -1, close;
    while ((open = str_find(text, STR("${"), (size_t)(open + 1))) >= 0) {
        if ((close = str_find_char(text, '}', (size_t)open)) < 0)
            return;
        struct str name = str_trim(str_slice(text, (size_t)open + 2, (size_t)close));
        bool escaped = open > 0 && text.p[open - 1] == '$';
        if (escaped || !is_reference(module, of, name))
            continue;
        struct diag *d = diag_warning(loader->diags, expr_span(e),
            "between single quotes ${%.*s} stays as it is written", STR_ARG(name));
        diag_label(loader->diags, d, "between double quotes it is replaced");
        return;
    }
}

static void look_into(
    struct loader *loader, const struct module *module, const struct decl *of, const struct expr *e)
{
    if (is_single_quoted(e))
        look_into_text(loader, module, of, e);
    for (uint32_t i = 0, n = expr_child_count(e); i < n; i++) {
        const struct expr *child = expr_child(e, i);
        if (child)
            look_into(loader, module, of, child);
    }
}

void warn_of_unwritten(
    struct loader *loader, const struct module *module, const struct decl *of, const struct expr *e)
{
    if (e)
        look_into(loader, module, of, e);
    if (!e || e->op != EXPR_CONST || e->constant.kind != VALUE_STRING)
        return;
    struct str text = e->constant.string, reference = bare(text);
    if (!is_reference(module, of, reference))
        return;
    struct diag *d = diag_warning(
        loader->diags, expr_span(e), "this is the text \"%.*s\", not a reference", STR_ARG(text));
    diag_label(loader->diags, d, "did you mean ${%.*s}?", STR_ARG(reference));
}
