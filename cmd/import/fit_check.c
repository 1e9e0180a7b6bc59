/* What a type demands of its attributes, as far as it can be seen before anything is worked out. */
#include "cmd/import/fit.h"

static bool fails(struct fit *fit, const struct node *where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static bool fails(struct fit *fit, const struct node *where, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fit->why = arena_vprintf(fit->draft->arena, format, args);
    fit->where = where;
    va_end(args);
    return false;
}

/* A value that is known through and through has to be one that the type takes. */
static bool check_value(struct fit *fit, const struct attr *attr, const struct said *s)
{
    const struct value *v, *converted;
    struct schema_issue issue = {0};
    if (!said_known(fit->draft->arena, s, &v) || value_is_null(v) ||
        schema_convert(fit->draft->arena, attr, v, &converted, &issue) == 0)
        return true;
    return fails(fit, s->node, "%.*s: %.*s", STR_ARG(attr->name), STR_ARG(issue.message));
}

static bool lacks_fields(const struct type *type, const struct said *s, struct str *which)
{
    if (type->kind == TYPE_OBJECT && s->kind == SAID_MAP) {
        for (size_t i = 0; i < type->field_count; i++) {
            const struct said *field = said_get(s, type->fields[i].name.p);
            *which = type->fields[i].name;
            if (!field && type->fields[i].required && !type->fields[i].default_value)
                return true;
            if (field && lacks_fields(type->fields[i].type, field, which))
                return true;
        }
    }
    for (size_t i = 0; s->kind == SAID_LIST && type->elem && i < s->n; i++)
        if (lacks_fields(type->elem, s->items[i], which))
            return true;
    return false;
}

struct givens {
    const struct said *attrs;
};

static enum given_how is_given(const void *ctx, struct str name)
{
    const struct givens *givens = ctx;
    for (size_t i = 0; i < givens->attrs->n; i++)
        if (str_eq(givens->attrs->entries[i].key, name))
            return givens->attrs->entries[i].value->kind == SAID_NOTHING   ? GIVEN_NOT
                   : givens->attrs->entries[i].value->kind == SAID_LITERAL ? GIVEN_SURELY
                                                                           : GIVEN_MAYBE;
    return GIVEN_NOT;
}

bool fit_check(struct fit *fit)
{
    const struct schema *schema = fit->type->schema;
    struct str which = STR_EMPTY;
    for (size_t i = 0; i < schema->attr_count; i++) {
        const struct attr *attr = &schema->attrs[i];
        const struct said *s = said_get(fit->attrs, attr->name.p);
        if (!s || s->kind == SAID_NOTHING) {
            if (attr->required && !attr->default_value)
                return fails(fit, fit->attrs->node, "`%.*s` is wanted", STR_ARG(attr->name));
            continue;
        }
        if (!check_value(fit, attr, s))
            return false;
        if (lacks_fields(attr->type, s, &which))
            return fails(fit, s->node, "`%.*s` in `%.*s` is wanted", STR_ARG(which), STR_ARG(attr->name));
        if (attr->conflicts.n && said_get(fit->attrs, attr->conflicts.p))
            return fails(fit, s->node, "`%.*s` and `%.*s` exclude each other", STR_ARG(attr->name),
                STR_ARG(attr->conflicts));
    }
    struct givens givens = {fit->attrs};
    for (size_t i = 0; i < schema->rule_count; i++) {
        struct str broken = attr_rule_broken(fit->draft->arena, &schema->rules[i], is_given, &givens);
        if (broken.n)
            return fails(fit, fit->attrs->node, "%.*s", STR_ARG(broken));
    }
    return true;
}

/* ---- secrets ---- */

struct said *fit_hide(
    struct draft *d, struct said *s, struct str resource, struct str key, const struct attr *attr)
{
    struct str text = said_literal_text(d->arena, s);
    if (s->sensitive && s->kind == SAID_MAP) { /* each of them by itself: the keys are no secret */
        for (size_t i = 0; i < s->n; i++) {
            struct str below = arena_printf(d->arena, "%.*s_%.*s", STR_ARG(key), STR_ARG(s->entries[i].key));
            s->entries[i].value->sensitive = true;
            s->entries[i].value = fit_hide(d, s->entries[i].value, resource, below, NULL);
        }
        return s;
    }
    bool literal = text.p && s->value->kind == VALUE_STRING && text.n;
    if ((s->sensitive && (text.p || s->kind == SAID_LIST)) ||
        (literal && ((attr && attr->sensitive) || draft_is_secret(key, text))))
        return draft_hide(d, s,
            arena_printf(d->arena, "%.*s_%.*s", STR_ARG(resource), STR_ARG(draft_snake(d->arena, key))));
    for (size_t i = 0; i < s->n; i++) {
        struct str below = s->kind == SAID_MAP ? s->entries[i].key : key;
        struct said **child = s->kind == SAID_MAP ? &s->entries[i].value : &s->items[i];
        if (s->kind != SAID_TEXT)
            *child = fit_hide(d, *child, resource, below, NULL);
    }
    return s;
}
