/*
 * How services write what they were given: `normalise: {attribute: lower | cidr | protocol | base | key}`. A
 * client that compares letter by letter sees a difference that is none; docs/pitfalls.md has the table.
 */
#include "sandbox/control/control_internal.h"

static const struct value *normalise_lowered(const struct call *call, const struct value *v)
{
    return value_string(call->arena, arena_lower(call->arena, v->string));
}

static const struct value *without_host(const struct call *call, const struct value *v)
{
    struct str text;
    return schema_canonical_cidr(call->arena, v->string, &text) ? value_string(call->arena, text) : v;
}

/* EC2 has names for four protocols. */
static const struct value *named_protocol(const struct call *call, const struct value *v)
{
    return normalise_lowered(call, value_string(call->arena, schema_canonical_protocol(v->string)));
}

/* arn:…:key/1234: 1234. */
static const struct value *without_path(const struct call *call, const struct value *v)
{
    struct str text = v->string;
    for (ptrdiff_t at; (at = str_find_char(text, '/', 0)) >= 0;)
        text = str_slice(text, (size_t)at + 1, text.n);
    return value_string(call->arena, text);
}

/* A key's id, alias or alias's ARN: the ARN of the key. */
static const struct value *arn_of_key(const struct call *call, const struct value *v)
{
    struct str name = v->string;
    ptrdiff_t at = str_find(name, STR(":alias/"), 0);
    if (at >= 0)
        name = str_slice(name, (size_t)at + 1, name.n);
    const struct resource *alias =
        str_starts(name, STR("alias/"))
            ? record_resource(call->control, STR("aws.kms.alias"), call->region, name)
            : NULL;
    if (alias)
        name = value_gets(alias->attrs, "key");
    const struct resource *key = record_resource(call->control, STR("aws.kms.key"), call->region, name);
    return key ? value_string(call->arena, value_gets(key->attrs, "arn")) : v;
}

const struct value *normalise_attribute(
    const struct call *call, const struct spec_type *type, struct str name, const struct value *v)
{
    static const struct {
        const char *name;
        const struct value *(*normalise)(const struct call *call, const struct value *v);
    } ways[] = {{"lower", normalise_lowered}, {"cidr", without_host}, {"protocol", named_protocol},
        {"base", without_path}, {"key", arn_of_key}};
    struct str way = value_text(value_get(value_getz(type->sandbox, "normalise"), name), STR_EMPTY);
    for (size_t i = 0; way.n && v->kind == VALUE_STRING && i < sizeof ways / sizeof *ways; i++)
        if (str_eqz(way, ways[i].name))
            return ways[i].normalise(call, v);
    return v;
}
