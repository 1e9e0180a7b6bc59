/* What IAM would not take as a policy: said before it is asked. */
#include "provider/iam/internal.h"

#include "base/json.h"

/* ---- what is not known yet ---- */

static const struct value *known_of(struct arena *arena, struct str element, const struct value *v);

static const struct value *known_list(struct arena *arena, struct str element, const struct value *v)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    bool statements = str_eqz(element, "Statement");
    for (uint32_t i = 0; i < v->count; i++)
        if (!statements || v->items[i]->kind != VALUE_UNKNOWN)
            value_builder_add(&b, known_of(arena, element, v->items[i]));
    return value_builder_list(&b);
}

static const struct value *known_map(struct arena *arena, const struct value *v)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (uint32_t i = 0; i < v->count; i++)
        value_builder_set(&b, v->entries[i].key, known_of(arena, v->entries[i].key, v->entries[i].value));
    return value_builder_map(&b);
}

/* The document with something that fits in place of what is only known when other resources are made. */
static const struct value *known_of(struct arena *arena, struct str element, const struct value *v)
{
    if (v->kind == VALUE_LIST)
        return known_list(arena, element, v);
    if (v->kind == VALUE_MAP)
        return known_map(arena, v);
    if (v->kind != VALUE_UNKNOWN)
        return v;
    if (str_eqz(element, "Condition"))
        return &value_empty_map;
    if (str_eqz(element, "Statement"))
        return value_list(arena, NULL, 0);
    return value_stringz(arena, str_eqz(element, "Effect") ? "Allow" : "*");
}

/* ---- documents ---- */

static int check_document(const struct value *document, struct err *err)
{
    for (uint32_t i = 0; i < document->count; i++) {
        struct str key = document->entries[i].key;
        if (!str_is_any(key, "Version Id Statement"))
            return err_set(
                err, ERR_INVALID, "a policy has Version, Id and Statement, and no \"%.*s\"", STR_ARG(key));
    }
    struct str version = value_gets(document, "Version");
    if (version.n && !str_eqz(version, "2012-10-17") && !str_eqz(version, "2008-10-17") &&
        !str_eqz(version, "*"))
        return err_set(err, ERR_INVALID, "the language of policies has the version 2012-10-17, not \"%.*s\"",
            STR_ARG(version));
    return 0;
}

/* ---- statements ---- */

static bool is_action(struct str action)
{
    struct str name, service = str_cut(action, ':', &name);
    return str_eqz(action, "*") ||
           (str_is_made_of(service, CHARS_ALNUM "-") && str_is_made_of(name, CHARS_ALNUM "*?"));
}

/* `begins`: of another form that the place knows, as a queue's URL; "*" any; "" none. */
static bool is_resource(struct str resource, struct str begins)
{
    return str_eqz(resource, "*") || str_starts(resource, STR("arn:")) || str_eqz(begins, "*") ||
           (begins.n && str_starts(resource, begins)) || str_find(resource, STR("${"), 0) >= 0;
}

static int check_patterns(const struct iam_statement *s, struct str begins, struct err *err)
{
    for (size_t i = 0; i < s->actions.n; i++)
        if (!is_action(s->actions.items[i].written))
            return err_set(err, ERR_INVALID, "an action is SERVICE:NAME, not \"%.*s\"",
                STR_ARG(s->actions.items[i].written));
    for (size_t i = 0; i < s->resources.n; i++)
        if (!is_resource(s->resources.items[i].written, begins))
            return err_set(err, ERR_INVALID, "a resource is an ARN or \"*\", not \"%.*s\"",
                STR_ARG(s->resources.items[i].written));
    return 0;
}

/* Of roles: who takes one on does so by operations of sts. */
static int check_trust(const struct iam_statement *s, struct err *err)
{
    for (size_t i = 0; !s->not_action && i < s->actions.n; i++) {
        struct str action = s->actions.items[i].written;
        if (!str_eqz(action, "*") && !str_starts(s->actions.items[i].text, STR("sts:")))
            return err_set(err, ERR_INVALID,
                "who may take a role on is said by actions of sts, such as sts:AssumeRole, not by \"%.*s\"",
                STR_ARG(action));
    }
    return 0;
}

/* "lambda" for lambda.amazonaws.com. */
static int check_principals(const struct iam_statement *s, struct err *err)
{
    for (size_t i = 0; i < s->principal_count; i++) {
        struct str name = s->principals[i].name;
        if (s->principals[i].kind == IAM_SERVICE && !str_eqz(name, "*") && str_find(name, STR("."), 0) < 0)
            return err_set(err, ERR_INVALID, "a service is called %.*s.amazonaws.com, not \"%.*s\"",
                STR_ARG(name), STR_ARG(name));
    }
    return 0;
}

static int check_statement(const struct iam_statement *s, struct str where, struct err *err)
{
    struct str begins, place = str_cut(where, ' ', &begins);
    bool identity = str_eqz(place, "identity"), trust = str_eqz(place, "trust"),
         others = trust || str_eqz(place, "resource");
    if (identity && s->principal_count)
        return err_set(
            err, ERR_INVALID, "Principal does not belong here: the policy is about who it is attached to");
    if (others && !s->principal_count)
        return err_set(err, ERR_INVALID, "Principal is missing: nobody is let in");
    if (identity && !s->resources.n)
        return err_set(err, ERR_INVALID, "Resource is missing: an ARN, or \"*\"");
    if (trust && s->resources.n)
        return err_set(err, ERR_INVALID, "Resource does not belong here: the policy is about its own role");
    if (check_patterns(s, begins, err) || check_principals(s, err))
        return -1;
    return trust ? check_trust(s, err) : 0;
}

int iam_policy_check(
    struct arena *arena, const struct value *document, struct str place, size_t *statement, struct err *err)
{
    const struct iam_policy *policy;
    *statement = 0;
    if (document->kind == VALUE_STRING && json_parse(arena, document->string, &document, err))
        return -1;
    if (document->kind != VALUE_MAP)
        return 0;
    const struct value *known = known_map(arena, document);
    if (check_document(known, err) || policy_read(arena, known, STR_EMPTY, &policy, statement, err))
        return -1;
    for (size_t i = 0; i < policy->n; i++) {
        *statement = i + 1;
        if (check_statement(&policy->statements[i], place, err))
            return -1;
    }
    return 0;
}
