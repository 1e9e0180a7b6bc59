/*
 * What values require of each other, across resources too, and texts in languages of their own: reported
 * at the attribute, before anything is called.
 */
#include "base/json.h"
#include "plan/evaluate/attributes.h"
#include "plan/evaluate/evaluate.h"
#include "plan/planner.h"
#include "provider/notation/notation.h"

#include <string.h>

/* ---- Attributes that are texts in languages of their own: what a service would refuse of them, at its
 * place. */

/* Each issue is looked for in the file anew; a text with more of them is wrong as a whole. */
enum { MAX_DEPTH = 30, REPORTED_MAX = 25 };

struct speaking {
    struct planner *p;
    struct str address;
    const struct attr_expr *given;
    const struct scope *scope;
    struct arena *arena;
    const struct value *steps[MAX_DEPTH]; /* from the attribute to what is looked at */
    size_t depth;
    struct str language;
    const struct value *document;
    size_t reported; /* of the document */
    bool ok;
};

/* ---- saying it ---- */

static const struct value *value_along(const struct value *v, const struct value *path)
{
    for (uint32_t i = 0; v && i < path->count; i++) {
        const struct value *step = path->items[i];
        bool item = step->kind == VALUE_INT && v->kind == VALUE_LIST && step->integer < v->count;
        v = item ? v->items[step->integer] : value_get(v, value_text(step, STR_EMPTY));
    }
    return v;
}

/* The key stands for what is under it, and for a member that should not be there. */
static bool is_about_key(const struct speaking *s, const struct notation_issue *issue)
{
    const struct value *v = value_along(s->document, issue->path);
    const struct value *last = issue->path->count ? issue->path->items[issue->path->count - 1] : NULL;
    bool holds = v && (v->kind == VALUE_MAP || v->kind == VALUE_LIST);
    return holds || (last && issue->word.n && str_eq(value_text(last, STR_EMPTY), issue->word));
}

static void tell_issue(void *ctx, const struct notation_issue *issue)
{
    struct speaking *s = ctx;
    struct diags *diags = s->p->diags;
    s->ok = s->ok && issue->doubt;
    if (s->reported++ >= REPORTED_MAX)
        return;
    AUTO_BUILDER struct value_builder path = VALUE_BUILDER(s->arena);
    for (size_t i = 0; i < s->depth; i++)
        value_builder_add(&path, s->steps[i]);
    for (uint32_t i = 0; i < issue->path->count; i++)
        value_builder_add(&path, issue->path->items[i]);
    struct span span =
        expr_span_within(s->given->expr, s->scope, value_builder_list(&path), is_about_key(s, issue));
    struct diag *d = issue->doubt ? diag_warning(diags, span, "%.*s: \"%.*s\": %.*s", STR_ARG(s->address),
                                        STR_ARG(s->given->name), STR_ARG(issue->message))
                                  : diag_error(diags, span, "%.*s: \"%.*s\": %.*s", STR_ARG(s->address),
                                        STR_ARG(s->given->name), STR_ARG(issue->message));
    if (issue->word.n)
        diag_did_you_mean(diags, d, issue->word, issue->names, issue->name_count);
    if (issue->hint.n && !d->label.n)
        diag_hint(diags, d, "%.*s", STR_ARG(issue->hint));
}

/* Nothing of a secret is shown, not even where in it. */
static void tell_nothing(void *ctx, const struct notation_issue *issue)
{
    struct speaking *s = ctx;
    if (s->ok && !issue->doubt)
        diag_error(s->p->diags, expr_span(s->given->expr), "%.*s: \"%.*s\" is not a valid %s",
            STR_ARG(s->address), STR_ARG(s->given->name), notation_subject(s->language));
    s->ok = s->ok && issue->doubt;
}

/* ---- looking ---- */

static void check_text(struct speaking *s, const struct value *v)
{
    struct err err = ERR_INIT;
    bool secret = value_is_sensitive(v);
    s->document = v;
    s->reported = 0;
    if (notation_is_json(s->language) && v->kind == VALUE_STRING &&
        json_parse(s->arena, v->string, &s->document, &err)) {
        const struct notation_issue issue = {
            .message = str_z(err.message), .path = &value_empty_list, .word = STR_EMPTY};
        (secret ? tell_nothing : tell_issue)(s, &issue);
        return;
    }
    notation_check(s->arena, s->language, s->document, secret ? tell_nothing : tell_issue, s);
    if (s->reported > REPORTED_MAX)
        diag_warning(s->p->diags, expr_span(s->given->expr),
            "%.*s: \"%.*s\": %zu more of this %s are not shown", STR_ARG(s->address), STR_ARG(s->given->name),
            s->reported - REPORTED_MAX, notation_subject(s->language));
}

static void check_value(
    struct speaking *s, const struct attr *attr, const struct type *type, const struct value *v);

static void check_inner(struct speaking *s, const struct attr *attr, const struct type *type,
    const struct value *step, const struct value *v)
{
    if (s->depth == MAX_DEPTH)
        return;
    s->steps[s->depth++] = step;
    check_value(s, attr, type, v);
    s->depth--;
}

static void check_value(
    struct speaking *s, const struct attr *attr, const struct type *type, const struct value *v)
{
    if (value_is_null(v) || v->kind == VALUE_UNKNOWN)
        return;
    if (!type->elem && attr->language.n) {
        s->language = attr->language;
        check_text(s, v);
    }
    for (uint32_t i = 0; type->elem && v->kind == VALUE_LIST && i < v->count; i++)
        check_inner(s, attr, type->elem, value_int(s->arena, i), v->items[i]);
    for (uint32_t i = 0; type->elem && v->kind == VALUE_MAP && i < v->count; i++)
        check_inner(s, attr, type->elem, value_string(s->arena, v->entries[i].key), v->entries[i].value);
    for (size_t i = 0; i < type->field_count; i++)
        if (type->fields[i].speaks)
            check_inner(s, &type->fields[i], type->fields[i].type,
                value_string(s->arena, type->fields[i].name), value_get(v, type->fields[i].name));
}

bool notations_check(struct planner *p, struct str address, const struct attr_expr *given,
    const struct scope *scope, const struct value *v)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct speaking s = {
        .p = p, .address = address, .given = given, .scope = scope, .arena = &arena, .ok = true};
    if (v->kind == VALUE_UNKNOWN && given->attr->language.n && notation_is_json(given->attr->language))
        v = expr_eval_document(given->expr, scope, &arena);
    if (v)
        check_value(&s, given->attr, given->attr->type, v);
    return s.ok;
}

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
                                             : node_key_span(given->entry);
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
    bool may_exist = constraint->legacy || decl_lifecycle(decl)->adopt == ADOPT_EXISTING ||
                     import_of(p, instance->address);
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
