/*
 * IAM policy documents: shorthands that create them, and parsing. An unknown value (an ARN) stays unknown
 * inside the document, so that a plan can show the rest.
 */
#include "base/json.h"
#include "stacks/expressions/func.h"

/* Keys of statement() and statements() with IAM's names of the elements. */
static const struct {
    struct str name;
    const char *key;
    bool list;
} elements[] = {
    {STR_INIT("actions"), "Action", true},
    {STR_INIT("conditions"), "Condition", false},
    {STR_INIT("effect"), "Effect", false},
    {STR_INIT("not_actions"), "NotAction", true},
    {STR_INIT("not_principals"), "NotPrincipal", true},
    {STR_INIT("not_resources"), "NotResource", true},
    {STR_INIT("principals"), "Principal", true},
    {STR_INIT("resources"), "Resource", true},
    {STR_INIT("sid"), "Sid", false},
};

enum { ELEMENT_COUNT = sizeof elements / sizeof *elements };

/* ---- statements(): parses a policy document in any of its spellings ---- */

/* Collects the strings of an element in one list, also from {AWS: …, Service: […]}. */
static void gather_texts(struct value_builder *list, const struct value *v)
{
    if (value_is_null(v))
        return;
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        gather_texts(list, v->items[i]);
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++)
        gather_texts(list, v->entries[i].value);
    if (v->kind != VALUE_LIST && v->kind != VALUE_MAP)
        value_builder_add(list, v);
}

static const struct value *read_element(struct call *call, size_t i, const struct value *v)
{
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(call->arena);
    if (!elements[i].list)
        return !value_is_null(v)                       ? v
               : !strcmp(elements[i].key, "Condition") ? &value_empty_map
                                                       : &value_empty_string;
    if (value_is_unknown(v))
        return v;
    gather_texts(&list, v);
    return value_builder_list(&list);
}

static const struct value *read_statement(struct call *call, const struct value *statement)
{
    if (statement->kind != VALUE_MAP)
        return value_is_unknown(statement) ? statement
                                           : call_fail(call, 0, "a statement of a policy is a map, not %s",
                                                 value_with_article(statement));
    struct value_entry entries[ELEMENT_COUNT];
    for (size_t i = 0; i < ELEMENT_COUNT; i++)
        entries[i] = (struct value_entry){
            elements[i].name, read_element(call, i, value_getz(statement, elements[i].key))};
    return value_map(call->arena, entries, ELEMENT_COUNT);
}

const struct value *func_statements(struct call *call)
{
    const struct value *policy = call->args[0], *list;
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(call->arena);
    if (policy->kind == VALUE_STRING && json_parse(call->arena, policy->string, &policy, ERR_IGNORED))
        return call_fail(call, 0, "the text is not valid JSON");
    if (value_is_null(policy))
        return &value_empty_list;
    if (policy->kind != VALUE_MAP || !(list = value_getz(policy, "Statement")))
        return call_fail(call, 0, "a policy document is a map with Statement, or JSON text of one");
    if (value_is_unknown(list))
        return list;
    uint32_t n = list->kind == VALUE_LIST ? list->count : 1;
    for (uint32_t i = 0; i < n; i++) {
        const struct value *one = read_statement(call, list->kind == VALUE_LIST ? list->items[i] : list);
        if (!one)
            return NULL;
        value_builder_add(&all, one);
    }
    return value_builder_list(&all);
}

static const struct value *document(struct call *call, const struct value *statements)
{
    return VALUE_MAP(call->arena, {STR("Statement"), statements},
        {STR("Version"), value_stringz(call->arena, "2012-10-17")});
}

/* Returns the item of a one-item list, as IAM itself writes it. */
static const struct value *one_or_list(const struct value *v)
{
    return v->kind == VALUE_LIST && v->count == 1 && !(v->marks & VALUE_SENSITIVE) ? v->items[0] : v;
}

/* Checks for a string or a list of strings, unknown or not. Returns false after an error at argument i. */
static bool check_texts(struct call *call, size_t i, const struct value *v, const char *what)
{
    if (v->kind == VALUE_STRING || v->kind == VALUE_UNKNOWN)
        return true;
    bool ok = v->kind == VALUE_LIST && v->count;
    for (uint32_t k = 0; ok && k < v->count; k++)
        ok = v->items[k]->kind == VALUE_STRING || v->items[k]->kind == VALUE_UNKNOWN;
    if (!ok)
        call_fail(call, i, "%s are a text or a list of texts", what);
    return ok;
}

static bool is_action(struct str action)
{
    struct str name, service = str_cut(action, ':', &name);
    return str_eqz(action, "*") || (service.n && name.p && name.n);
}

static bool check_actions(struct call *call, size_t i, const struct value *v)
{
    if (!check_texts(call, i, v, "actions"))
        return false;
    const struct value *const *items = v->kind == VALUE_LIST ? v->items : &v;
    uint32_t n = v->kind == VALUE_LIST ? v->count : v->kind == VALUE_STRING;
    for (uint32_t k = 0; k < n; k++) {
        if (items[k]->kind != VALUE_STRING || is_action(items[k]->string))
            continue;
        struct diag *d = call_error(call, i, "\"%.*s\" is not an action", STR_ARG(items[k]->string));
        diag_hint(call->ev->scope->diags, d, "actions look like s3:GetObject");
        return false;
    }
    return true;
}

static bool check_conditions(struct call *call, size_t i, const struct value *v)
{
    bool ok = v->kind == VALUE_MAP || v->kind == VALUE_UNKNOWN || v->kind == VALUE_NULL;
    for (uint32_t k = 0; ok && v->kind == VALUE_MAP && k < v->count; k++)
        ok = v->entries[k].value->kind == VALUE_MAP || v->entries[k].value->kind == VALUE_UNKNOWN;
    if (ok)
        return true;
    struct diag *d = call_error(call, i, "conditions are a map of operators");
    bool text = v->kind == VALUE_STRING;
    diag_hint(call->ev->scope->diags, d,
        text ? "several principals, actions or resources are one list: [\"a\", \"b\"]"
             : "such as {StringEquals: {\"aws:SourceAccount\": \"123456789012\"}}");
    return false;
}

/* ---- principals ---- */

enum principal { PRINCIPAL_AWS, PRINCIPAL_SERVICE, PRINCIPAL_OIDC, PRINCIPAL_SAML, PRINCIPAL_COUNT };

static const struct {
    const char *key, *action;
} principals[PRINCIPAL_COUNT] = {
    [PRINCIPAL_AWS] = {"AWS", "sts:AssumeRole"},
    [PRINCIPAL_SERVICE] = {"Service", "sts:AssumeRole"},
    [PRINCIPAL_OIDC] = {"Federated", "sts:AssumeRoleWithWebIdentity"},
    [PRINCIPAL_SAML] = {"Federated", "sts:AssumeRoleWithSAML"},
};

static bool is_account(struct str s)
{
    return s.n == 12 && str_is_digits(s);
}

static enum principal principal_kind(struct str name)
{
    if (str_find(name, STR(":oidc-provider/"), 0) >= 0)
        return PRINCIPAL_OIDC;
    if (str_find(name, STR(":saml-provider/"), 0) >= 0)
        return PRINCIPAL_SAML;
    bool aws = str_find_char(name, ':', 0) >= 0 || is_account(name) || str_eqz(name, "*");
    return aws ? PRINCIPAL_AWS : PRINCIPAL_SERVICE;
}

/*
 * Groups the principals of argument i (a string, an account id, or a list of them) by kind. Absent kinds stay
 * NULL. An unknown principal counts as an ARN, since services are literals. Returns false after an error.
 */
static bool sort_principals(
    struct call *call, size_t i, const struct value *v, const struct value *sorted[PRINCIPAL_COUNT])
{
    const struct value *const *items = v->kind == VALUE_LIST ? v->items : &v;
    uint32_t n = v->kind == VALUE_LIST ? v->count : 1;
    struct value_builder kinds[PRINCIPAL_COUNT];
    bool ok = n > 0;
    for (size_t k = 0; k < PRINCIPAL_COUNT; k++)
        kinds[k] = (struct value_builder)VALUE_BUILDER(call->arena);
    for (uint32_t k = 0; ok && k < n; k++) {
        const struct value *item = items[k];
        struct str name = value_scalar_text(call->arena, item);
        ok = name.p || item->kind == VALUE_UNKNOWN;
        if (ok && name.p && item->kind != VALUE_STRING) /* an account id that YAML parsed as a number */
            item = eval_marked(call->ev, value_string_ref(call->arena, name), item->marks);
        if (ok)
            value_builder_add(&kinds[name.p ? principal_kind(name) : PRINCIPAL_AWS], item);
    }
    for (size_t k = 0; k < PRINCIPAL_COUNT; k++)
        sorted[k] = kinds[k].n ? one_or_list(value_builder_list(&kinds[k])) : NULL;
    if (!ok)
        call_fail(call, i, "a principal is a service, an ARN or an account id, or a list of them");
    return ok;
}

/* Builds a statement from the elements that are not NULL. */
static const struct value *func_policy_statement(struct call *call, const char *effect,
    const char *action_key, const struct value *actions, const char *resource_key,
    const struct value *resources, const struct value *principal, const struct value *conditions)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    value_builder_set(&b, STR("Effect"), value_stringz(call->arena, effect));
    if (actions)
        value_builder_set(&b, str_z(action_key), one_or_list(actions));
    if (resources)
        value_builder_set(&b, str_z(resource_key), one_or_list(resources));
    if (principal)
        value_builder_set(&b, STR("Principal"), principal);
    if (!value_is_null(conditions))
        value_builder_set(&b, STR("Condition"), conditions);
    return value_builder_map(&b);
}

/* ---- trust, allow, deny ---- */

/* Builds one statement for the principals that assume the role by the same action. */
static const struct value *trust_statement(struct call *call, const struct value *sorted[PRINCIPAL_COUNT],
    enum principal first, enum principal last, const struct value *conditions)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    for (enum principal k = first; k <= last; k++)
        if (sorted[k])
            value_builder_set(&b, str_z(principals[k].key), sorted[k]);
    return func_policy_statement(call, "Allow", "Action",
        value_stringz(call->arena, principals[first].action), NULL, NULL, value_builder_map(&b), conditions);
}

const struct value *func_trust(struct call *call)
{
    const struct value *sorted[PRINCIPAL_COUNT];
    const struct value *conditions = call->n > 1 ? call->args[1] : NULL;
    if (!sort_principals(call, 0, call->args[0], sorted))
        return NULL;
    if (conditions && !check_conditions(call, 1, conditions))
        return NULL;
    struct value_builder statements = VALUE_BUILDER(call->arena);
    if (sorted[PRINCIPAL_AWS] || sorted[PRINCIPAL_SERVICE])
        value_builder_add(
            &statements, trust_statement(call, sorted, PRINCIPAL_AWS, PRINCIPAL_SERVICE, conditions));
    for (enum principal k = PRINCIPAL_OIDC; k < PRINCIPAL_COUNT; k++)
        if (sorted[k])
            value_builder_add(&statements, trust_statement(call, sorted, k, k, conditions));
    const struct value *result = document(call, value_builder_list(&statements));
    return eval_marked(call->ev, result, call->args[0]->marks & VALUE_SENSITIVE);
}

static const struct value *permission(struct call *call, const char *effect)
{
    const struct value *conditions = call->n > 2 ? call->args[2] : NULL;
    if (!check_actions(call, 0, call->args[0]) || !check_texts(call, 1, call->args[1], "resources") ||
        (conditions && !check_conditions(call, 2, conditions)))
        return NULL;
    const struct value *one = func_policy_statement(
        call, effect, "Action", call->args[0], "Resource", call->args[1], NULL, conditions);
    return document(call, value_list(call->arena, &one, 1));
}

const struct value *func_allow(struct call *call)
{
    return permission(call, "Allow");
}

const struct value *func_deny(struct call *call)
{
    return permission(call, "Deny");
}

/* ---- statement, policy ---- */

static const struct value *fail_element(struct call *call, struct str name)
{
    struct str names[ELEMENT_COUNT];
    for (size_t i = 0; i < ELEMENT_COUNT; i++)
        names[i] = elements[i].name;
    struct diag *d = call_error(call, 0, "a statement has no \"%.*s\"", STR_ARG(name));
    diag_did_you_mean(call->ev->scope->diags, d, name, names, ELEMENT_COUNT);
    if (!d->label.n)
        diag_hint(call->ev->scope->diags, d,
            "it has sid, effect, actions, not_actions, resources, not_resources, principals, not_principals, "
            "conditions");
    return NULL;
}

/* Returns {AWS: …, Service: …} unchanged, or groups names by kind. */
static const struct value *principal_element(struct call *call, const struct value *v)
{
    const struct value *sorted[PRINCIPAL_COUNT];
    if (v->kind == VALUE_MAP || (v->kind == VALUE_STRING && str_eqz(v->string, "*")))
        return v;
    if (!sort_principals(call, 0, v, sorted))
        return NULL;
    struct value_builder b = VALUE_BUILDER(call->arena);
    for (size_t k = 0; k < PRINCIPAL_COUNT; k++)
        if (sorted[k])
            value_builder_set(&b, str_z(principals[k].key), sorted[k]);
    return value_builder_map(&b);
}

static const struct value *element_value(struct call *call, const char *key, const struct value *v)
{
    bool ok = true;
    if (!strcmp(key, "Action") || !strcmp(key, "NotAction"))
        ok = check_actions(call, 0, v);
    else if (!strcmp(key, "Resource") || !strcmp(key, "NotResource"))
        ok = check_texts(call, 0, v, "resources");
    else if (!strcmp(key, "Condition"))
        ok = check_conditions(call, 0, v);
    else if (!strcmp(key, "Principal") || !strcmp(key, "NotPrincipal"))
        return principal_element(call, v);
    else if (v->kind != VALUE_STRING && v->kind != VALUE_UNKNOWN)
        return call_fail(call, 0, "%s is text, got %s", key, value_with_article(v));
    else if (!strcmp(key, "Effect") && v->kind == VALUE_STRING && !str_eqz(v->string, "Allow") &&
             !str_eqz(v->string, "Deny"))
        return call_fail(call, 0, "the effect is Allow or Deny");
    return ok ? one_or_list(v) : NULL;
}

const struct value *func_statement(struct call *call)
{
    const struct value *map = call->args[0];
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(call->arena);
    value_builder_set(&b, STR("Effect"), value_stringz(call->arena, "Allow"));
    for (uint32_t i = 0; i < map->count; i++) {
        const char *key = NULL;
        for (size_t k = 0; k < ELEMENT_COUNT; k++)
            if (str_eq(map->entries[i].key, elements[k].name))
                key = elements[k].key;
        if (!key)
            return fail_element(call, map->entries[i].key);
        if (map->entries[i].value->kind == VALUE_NULL)
            continue;
        const struct value *v = element_value(call, key, map->entries[i].value);
        if (!v)
            return NULL;
        value_builder_set(&b, str_z(key), v);
    }
    return value_builder_map(&b);
}

/* Collects statements from statements, whole documents, or nested lists of them. Returns false after an
 * error. */
static bool func_policy_gather(
    struct call *call, size_t i, const struct value *v, struct value_builder *statements)
{
    if (v->kind == VALUE_NULL)
        return true;
    if (v->kind == VALUE_UNKNOWN) {
        value_builder_add(statements, v);
        return true;
    }
    for (uint32_t k = 0; v->kind == VALUE_LIST && k < v->count; k++)
        if (!func_policy_gather(
                call, i, eval_marked(call->ev, v->items[k], v->marks & VALUE_SENSITIVE), statements))
            return false;
    if (v->kind == VALUE_LIST)
        return true;
    const struct value *inner = value_getz(v, "Statement");
    if (inner)
        return func_policy_gather(
            call, i, eval_marked(call->ev, inner, v->marks & VALUE_SENSITIVE), statements);
    if (!value_getz(v, "Effect")) {
        call_fail(call, i, "policy() puts together statement(…), allow(…), deny(…) and policies");
        return false;
    }
    value_builder_add(statements, v);
    return true;
}

const struct value *func_policy(struct call *call)
{
    AUTO_BUILDER struct value_builder statements = VALUE_BUILDER(call->arena);
    for (size_t i = 0; i < call->n; i++) {
        if (call->args[i]->kind == VALUE_UNKNOWN) /* the number of its statements is unknown */
            return eval_marked(call->ev, &value_unknown, call->args[i]->marks);
        if (!func_policy_gather(call, i, call->args[i], &statements))
            return NULL;
    }
    return document(call, value_builder_list(&statements));
}
