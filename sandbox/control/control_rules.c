/* What values have to be beside what a schema can say of each alone: names and entries that are the service's
 * own (`reserved`, `catalogues`, `fixed`), and what is so for one type alone. */
#include "sandbox/control/control_internal.h"

#include "base/embed.h"

/* ---- `reserved: {environment: [AWS_REGION], name: [default]}`: keys of a map, or names, that only the
 * service may give ---- */

static int check_unreserved(
    struct call *call, const struct value *rule, struct str name, const struct value *v)
{
    for (uint32_t i = 0; v && v->kind == VALUE_STRING && i < rule->count; i++)
        if (value_equal(rule->items[i], v))
            return refuse_invalid(call, name,
                arena_printf(call->arena, "cannot use the reserved name %.*s", STR_ARG(v->string)));
    for (uint32_t i = 0; v && v->kind == VALUE_MAP && i < rule->count; i++) {
        struct str key = value_text(rule->items[i], STR_EMPTY);
        if (value_get(v, key))
            return refuse_invalid(call, name,
                arena_printf(call->arena, "reserved keys that cannot be set are used in this request: %.*s",
                    STR_ARG(key)));
    }
    return 0;
}

int check_reserved(struct call *call, const struct value *attrs)
{
    const struct value *rules = value_getz(call->role->type->sandbox, "reserved");
    int status = 0;
    for (uint32_t i = 0; !status && rules && i < rules->count; i++)
        status = check_unreserved(
            call, rules->entries[i].value, rules->entries[i].key, value_get(attrs, rules->entries[i].key));
    return status;
}

int check_rules(struct call *call, const struct value *attrs)
{
    return check_reserved(call, attrs) || check_own(call, NULL, attrs) ? -1 : 0;
}

int check_own(struct call *call, const struct value *before, const struct value *attrs)
{
    const struct control_type *own = type_own(call->control, call->role->type);
    if (!own->check || (before && own->check(call->control, before, ERR_IGNORED)))
        return 0;
    return own->check(call->control, attrs, call->err);
}

/* ---- `fixed: {routes: {if: {gateway_id: local}, keys: [], code: InvalidParameterValue}}` ---- */

bool check_is_fixed(const struct spec_type *type, struct str attr, struct str key, const struct value *entry)
{
    const struct value *rule = value_get(value_getz(type->sandbox, "fixed"), attr);
    const struct value *conditions = value_getz(rule, "if"), *keys = value_getz(rule, "keys");
    return value_list_has(keys, key) || (conditions && fill_looks(entry, conditions));
}

int check_fixed(struct call *call, const struct value *have, const struct value *after)
{
    const struct spec_type *type = call->role->type;
    struct str name = call->role->attr->attr->name;
    const struct value *rule = value_get(value_getz(type->sandbox, "fixed"), name);
    for (uint32_t i = 0; rule && have && have->kind == VALUE_MAP && i < have->count; i++)
        if (check_is_fixed(type, name, have->entries[i].key, have->entries[i].value) &&
            !value_equal(value_get(after, have->entries[i].key), have->entries[i].value))
            return refuse(call, 400, value_gets(rule, "code"), "%.*s of %.*s is the service's own",
                STR_ARG(have->entries[i].key), STR_ARG(name));
    return 0;
}

/* ---- `catalogues: {managed_policies: {begin: "arn:aws:iam::aws:policy/", file: managed_policies.txt}}` ----
 */

static bool has_line(struct str text, struct str line)
{
    while (text.n)
        if (str_eq(str_cut(text, '\n', &text), line))
            return true;
    return false;
}

bool check_catalogued(struct call *call, struct str name, const struct value *given)
{
    const struct value *rule = value_get(value_getz(call->role->type->sandbox, "catalogues"), name);
    struct str text = value_text(given, STR_EMPTY), begin = value_gets(rule, "begin");
    if (!rule || !str_starts(text, begin))
        return true;
    const struct embedded_file *file =
        embedded_find(arena_printf(call->arena, "sandbox/names/%.*s", STR_ARG(value_gets(rule, "file"))));
    return !file || has_line(embedded_text(file), str_slice(text, begin.n, text.n));
}
