/* Attributes that are texts in languages of their own: what a service would refuse of them, at its place. */
#include "base/json.h"
#include "plan/evaluate/evaluate.h"
#include "plan/planner.h"
#include "provider/notation/notation.h"

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

/* Nothing of a secret is told, not even where in it. */
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
