/*
 * What members of a request have to be, before anybody carries it out: the specs' `requests` say it, and all
 * that is wrong is said at once, as AWS's services do: "2 validation errors detected: Value '0' at 'limit'
 * failed to satisfy …; …".
 */
#include "sandbox/control/control_internal.h"

#include "base/hash.h"
#include "provider/schema.h"

#include <ctype.h>
#include <stdio.h>

struct request_faults {
    struct arena *arena;
    struct buf text;
    int n;
};

/* How long it is, or the number itself. */
static double size_of_value(const struct request_faults *f, const struct value *rule, const struct value *v)
{
    struct str bytes;
    if (value_equal(value_getz(rule, "blob"), &value_true) &&
        base64_decode(f->arena, value_text(v, STR_EMPTY), &bytes))
        return (double)bytes.n;
    return v->kind == VALUE_INT      ? (double)v->integer
           : v->kind == VALUE_FLOAT  ? v->number
           : v->kind == VALUE_STRING ? (double)str_code_points(v->string)
                                     : (double)v->count;
}

/* What it has to be and is not; "": it is right. */
static struct str broken_rule(const struct request_faults *f, const struct value *rule, const struct value *v)
{
    const struct value *choices = value_getz(rule, "enum"), *range = value_getz(rule, "range");
    struct str pattern = value_gets(rule, "pattern");
    bool number = v->kind == VALUE_INT || v->kind == VALUE_FLOAT;
    const char *what = number ? "value" : "length";
    double size = size_of_value(f, rule, v);
    if (choices && !value_list_has(choices, value_text(v, STR_EMPTY))) {
        AUTO_BUF struct buf text = BUF_INIT;
        for (uint32_t i = 0; i < choices->count; i++)
            buf_addf(&text, "%s%.*s", i ? ", " : "", STR_ARG(value_text(choices->items[i], STR_EMPTY)));
        return arena_printf(f->arena, "satisfy enum value set: [%.*s]", STR_ARG(buf_str(&text)));
    }
    if (range && range->items[0]->kind == VALUE_INT && size < (double)range->items[0]->integer)
        return arena_printf(
            f->arena, "have %s greater than or equal to %lld", what, (long long)range->items[0]->integer);
    if (range && range->items[1]->kind == VALUE_INT && size > (double)range->items[1]->integer)
        return arena_printf(
            f->arena, "have %s less than or equal to %lld", what, (long long)range->items[1]->integer);
    if (pattern.n &&
        !attr_matches_pattern(f->arena, &(struct attr){.pattern = pattern}, value_text(v, STR_EMPTY)))
        return arena_printf(f->arena, "satisfy regular expression pattern: %.*s", STR_ARG(pattern));
    return STR_EMPTY;
}

static void check_rule(
    struct request_faults *f, const struct value *rule, struct str path, const struct value *v)
{
    bool blob = value_equal(value_getz(rule, "blob"), &value_true) || (v && v->kind > VALUE_STRING);
    struct str broken = !value_is_null(v)                                        ? broken_rule(f, rule, v)
                        : value_equal(value_getz(rule, "required"), &value_true) ? STR("not be null")
                                                                                 : STR_EMPTY;
    if (!broken.n)
        return;
    struct str said = value_is_null(v) ? STR(" null")
                      : blob           ? STR_EMPTY
                             : arena_printf(f->arena, " '%.*s'", STR_ARG(value_scalar_text(f->arena, v)));
    buf_addf(&f->text, "%sValue%.*s at '%.*s' failed to satisfy constraint: Member must %.*s",
        f->n++ ? "; " : "", STR_ARG(said), STR_ARG(path), STR_ARG(broken));
}

/* Tags[].Key: of each item, as tags.1.member.key. */
static void check_member(struct request_faults *f, const struct value *rule, struct str path, struct str rest,
    const struct value *within)
{
    struct str name = str_cut(rest, '.', &rest);
    bool items = str_ends(name, STR("[]"));
    name = items ? str_slice(name, 0, name.n - 2) : name;
    const struct value *v = value_get(within, name);
    path = arena_printf(f->arena, "%.*s%s%c%.*s", STR_ARG(path), path.n ? "." : "",
        tolower((unsigned char)name.p[0]), STR_ARG(str_slice(name, 1, name.n)));
    if (!items && !rest.n)
        check_rule(f, rule, path, v);
    else if (!items && v && v->kind == VALUE_MAP)
        check_member(f, rule, path, rest, v);
    for (uint32_t i = 0; items && v && v->kind == VALUE_LIST && i < v->count; i++) {
        struct str one = arena_printf(f->arena, "%.*s.%u.member", STR_ARG(path), i + 1);
        if (rest.n)
            check_member(f, rule, one, rest, v->items[i]);
        else
            check_rule(f, rule, one, v->items[i]);
    }
}

int control_constraints(const struct control *control, struct arena *arena, struct str service,
    struct str operation, const struct value *input, struct err *err)
{
    struct request_faults faults = {.arena = arena};
    const struct value *rules = NULL;
    for (size_t i = 0; !rules && i < control->service_count; i++)
        if (str_eq(control->services[i].spec->aws.signing_name, service))
            rules = value_get(control->services[i].requests, operation);
    for (uint32_t i = 0; rules && i < rules->count; i++)
        check_member(&faults, rules->entries[i].value, STR_EMPTY, rules->entries[i].key, input);
    if (faults.n) {
        err_set(err, ERR_SERVICE, "%d validation error%s detected: %.*s", faults.n, faults.n > 1 ? "s" : "",
            STR_ARG(buf_str(&faults.text)));
        err->http_status = 400;
        snprintf(err->code, sizeof err->code, "ValidationException");
    }
    buf_release(&faults.text);
    return faults.n ? -1 : 0;
}
