/* What values ask of each other, across resources too: said at the attribute, before anything is called. */
#include "plan/evaluate/attributes.h"
#include "plan/evaluate/evaluate.h"
#include "plan/evaluate/instances.h"

#include <string.h>

/* What an attribute refers to, where that is plainly a resource of this type: how it is going to be. NULL:
 * nobody knows. */
static const struct value *referred(struct planner *p, const struct instance *instance,
    const struct schema_refer *refer, struct arena *arena, const struct decl **decl)
{
    AUTO_DIAGS struct diags unseen = DIAGS_INIT;
    const struct attr_expr *given = attributes_given(instance->decl, refer->attribute);
    struct scope scope = planner_scope(p, instance->decl, instance);
    const struct expr *origin = given ? evaluate_origin(p, given->expr, &scope) : NULL,
                      *owner = origin ? expr_owner(origin, decl) : NULL;
    if (!owner || !(*decl)->schema || !str_eq((*decl)->schema->name, refer->type))
        return NULL;
    scope.diags = &unseen;
    const struct value *v = expr_eval(owner, &scope, arena);
    if (!v || v->kind != VALUE_MAP)
        return NULL;
    for (size_t i = 0; i < (*decl)->schema->attr_count; i++) {
        const struct attr *attr = &(*decl)->schema->attrs[i];
        if (attr->default_value && value_is_null(value_get(v, attr->name)))
            v = value_with(arena, v, attr->name, attr->default_value);
    }
    return v;
}

/* The object with what it refers to, by the names that constraints know it by. */
static const struct value *with_referred(
    struct planner *p, const struct instance *instance, struct arena *arena, const struct value *object)
{
    const struct schema *schema = instance->decl->schema;
    const struct decl *decl;
    for (size_t i = 0; i < schema->refer_count; i++) {
        const struct value *v = referred(p, instance, &schema->refers[i], arena, &decl);
        object = v ? value_with(arena, object, schema->refers[i].name, v) : object;
    }
    return object;
}

static struct diag *constraints_say(struct planner *p, const struct instance *instance, struct span span,
    const struct constraint_break *broken, bool warns)
{
    struct str address = instance->address, words = broken->constraint->says;
    if (!warns)
        return diag_error(p->diags, span, "%.*s: %.*s", STR_ARG(address), STR_ARG(words));
    struct diag *d = diag_warning(p->diags, span, "%.*s: %.*s", STR_ARG(address), STR_ARG(words));
    diag_hint(p->diags, d, "what exists may stay so; a new one would be refused when it is planned");
    return d;
}

/* At the attribute that refers to it, and where that says otherwise. */
static void report_referred(struct planner *p, const struct instance *instance,
    const struct schema_refer *refer, const struct constraint_break *broken, bool warns)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct decl *decl = NULL;
    const struct attr_expr *given = attributes_given(instance->decl, refer->attribute);
    const struct value *v = referred(p, instance, refer, &scratch, &decl);
    struct str name = broken->path->count ? value_text(broken->path->items[0], STR_EMPTY) : STR_EMPTY;
    struct str text = value_scalar_text(&scratch, value_get(v, name));
    struct diag *d = constraints_say(p, instance, expr_span(given->expr), broken, warns);
    const struct attr_expr *there = attributes_given(decl, name);
    diag_related(p->diags, d, there ? expr_span(there->expr) : decl->span, "%.*s is %.*s here", STR_ARG(name),
        STR_ARG(text));
}

static void report_broken(
    struct planner *p, const struct instance *instance, const struct constraint_break *broken, bool warns)
{
    const struct decl *decl = instance->decl;
    for (size_t i = 0; i < decl->schema->refer_count; i++)
        if (str_eq(decl->schema->refers[i].name, broken->attribute)) {
            report_referred(p, instance, &decl->schema->refers[i], broken, warns);
            return;
        }
    const struct attr_expr *given = attributes_given(decl, broken->attribute);
    struct span span = !given                ? decl->span
                       : broken->path->count ? expr_span_at(given->expr, broken->path, broken->at_key)
                                             : given->key_span;
    constraints_say(p, instance, span, broken, warns);
}

/* The value, of which nobody knows what stands at the path. */
static const struct value *unknown_at(
    struct arena *arena, const struct value *v, const struct value *path, size_t step)
{
    if (step == path->count || value_is_null(v))
        return &value_unknown;
    const struct value *at = path->items[step];
    if (at->kind != VALUE_INT) {
        struct str key = value_text(at, STR_EMPTY);
        return v->kind == VALUE_MAP
                   ? value_with(arena, v, key, unknown_at(arena, value_get(v, key), path, step + 1))
                   : &value_unknown;
    }
    if (v->kind != VALUE_LIST || (uint64_t)at->integer >= v->count)
        return &value_unknown;
    const struct value **items = ARENA_ARRAY(arena, const struct value *, v->count);
    memcpy(items, v->items, v->count * sizeof *items);
    items[at->integer] = unknown_at(arena, items[at->integer], path, step + 1);
    return value_list(arena, items, v->count);
}

/* Offline nobody knows what exists: that may be as no new one can be. */
static bool only_warns(
    const struct planner *p, const struct instance *instance, const struct value_constraint *constraint)
{
    const struct decl *decl = instance->decl;
    bool may_exist = constraint->legacy || decl->adopt == ADOPT_EXISTING || import_of(p, instance->address);
    return p->offline && decl->kind == DECL_RESOURCE && may_exist;
}

/* What was found wrong is nothing that the next constraint is measured by. */
bool constraints_check(struct planner *p, const struct instance *instance, const struct value *object,
    const struct value *changed)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct constraint_break broken = {.changed = changed};
    const struct value *whole = with_referred(p, instance, &scratch, object);
    bool met = true;
    while (schema_constraint_broken(&scratch, instance->decl->schema, whole, ASKED_BY_WEIR, &broken)) {
        bool warns = only_warns(p, instance, broken.constraint);
        report_broken(p, instance, &broken, warns);
        const struct value *at = value_get(whole, broken.attribute);
        whole = value_with(&scratch, whole, broken.attribute, unknown_at(&scratch, at, broken.path, 0));
        met &= warns;
    }
    return trusts_check(p, instance, object, changed) && met;
}
