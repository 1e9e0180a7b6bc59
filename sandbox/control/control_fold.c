/*
 * How services write what they were given: `folds: {attribute: lower | cidr | protocol}`. A client that
 * compares letter by letter sees a difference that is none; docs/pitfalls.md has the table.
 */
#include "sandbox/control/control_internal.h"

#include <ctype.h>

static const struct value *fold_lowered(struct arena *arena, const struct value *v)
{
    char *text = arena_strz(arena, v->string);
    for (char *c = text; *c; c++)
        *c = (char)tolower((unsigned char)*c);
    return value_string(arena, str_n(text, v->string.n));
}

static const struct value *without_host(struct arena *arena, const struct value *v)
{
    struct str text;
    return schema_canonical_cidr(arena, v->string, &text) ? value_string(arena, text) : v;
}

/* EC2 has names for four protocols. */
static const struct value *named_protocol(struct arena *arena, const struct value *v)
{
    return fold_lowered(arena, value_string(arena, schema_canonical_protocol(v->string)));
}

/* arn:…:key/1234: 1234. */
static const struct value *without_path(struct arena *arena, const struct value *v)
{
    struct str text = v->string;
    for (ptrdiff_t at; (at = str_find_char(text, '/', 0)) >= 0;)
        text = str_slice(text, (size_t)at + 1, text.n);
    return value_string(arena, text);
}

const struct value *fold_attribute(
    const struct call *call, const struct spec_type *type, struct str name, const struct value *v)
{
    static const struct {
        const char *name;
        const struct value *(*fold)(struct arena *arena, const struct value *v);
    } ways[] = {{"lower", fold_lowered}, {"cidr", without_host}, {"protocol", named_protocol},
        {"base", without_path}};
    struct str way = value_text(value_get(value_getz(type->sandbox, "folds"), name), STR_EMPTY);
    for (size_t i = 0; way.n && v->kind == VALUE_STRING && i < sizeof ways / sizeof *ways; i++)
        if (str_eqz(way, ways[i].name))
            return ways[i].fold(call->arena, v);
    return v;
}
