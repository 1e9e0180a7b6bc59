/* Evaluates statements for a request: conditions, and the order of several policies. */
#include "base/clock.h"
#include "provider/iam/policy.h"

#include <arpa/inet.h>
#include <math.h>

/* ---- Condition operators ---- */

/* True if a value of the request matches a value of the policy. */
typedef bool agree_fn(const struct iam_pattern *wanted, struct str given, const struct value *context);

struct iam_operator {
    const char *name;
    agree_fn *agree;
    bool negated; /* true if no value matches, also if the request lacks the key */
    bool wild;
};

/* ---- numbers and dates ---- */

/* Compares two numbers (-1, 0, 1); returns false if one of them is not a number. */
static bool order_numbers(const struct iam_pattern *wanted, struct str given, int *order)
{
    double a, b;
    if (!str_to_double(given, &a) || !str_to_double(wanted->text, &b) || isnan(a) || isnan(b))
        return false;
    *order = a < b ? -1 : a > b;
    return true;
}

/* Parses 2026-11-22T10:00:00Z, the same without seconds, 2026-11-22, or seconds since 1970. */
static bool read_date(struct str text, int64_t *ms)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    int64_t seconds;
    struct str minute = str_slice(text, 0, 16), zone = str_slice(text, 16, text.n);
    if (time_parse_rfc3339(text, ms))
        return true;
    if (str_to_int(text, &seconds) && seconds > -INT64_MAX / 1000 && seconds < INT64_MAX / 1000) {
        *ms = seconds * 1000;
        return true;
    }
    struct str whole = text.n == 10 ? arena_printf(&arena, "%.*sT00:00:00Z", STR_ARG(text))
                                    : arena_printf(&arena, "%.*s:00%.*s", STR_ARG(minute), STR_ARG(zone));
    return time_parse_rfc3339(whole, ms);
}

static bool order_dates(const struct iam_pattern *wanted, struct str given, int *order)
{
    int64_t a, b;
    if (!read_date(given, &a) || !read_date(wanted->text, &b))
        return false;
    *order = a < b ? -1 : a > b;
    return true;
}

#define ORDERED(name, compare, test)                                                                         \
    static bool name(const struct iam_pattern *wanted, struct str given, const struct value *context)        \
    {                                                                                                        \
        int r;                                                                                               \
        (void)context;                                                                                       \
        return compare(wanted, given, &r) && (test);                                                         \
    }

ORDERED(number_is, order_numbers, r == 0)
ORDERED(number_less, order_numbers, r < 0)
ORDERED(number_less_or_same, order_numbers, r <= 0)
ORDERED(number_more, order_numbers, r > 0)
ORDERED(number_more_or_same, order_numbers, r >= 0)
ORDERED(date_is, order_dates, r == 0)
ORDERED(date_less, order_dates, r < 0)
ORDERED(date_less_or_same, order_dates, r <= 0)
ORDERED(date_more, order_dates, r > 0)
ORDERED(date_more_or_same, order_dates, r >= 0)

/* ---- addresses ---- */

static bool read_address(struct str text, int family, unsigned char out[16])
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    return inet_pton(family, arena_strz(&arena, text), out) == 1;
}

static bool address_is(const struct iam_pattern *wanted, struct str given, const struct value *context UNUSED)
{
    unsigned char net[16], host[16];
    struct str bits_text, address = str_cut(wanted->text, '/', &bits_text);
    int family = str_find_char(address, ':', 0) >= 0 ? AF_INET6 : AF_INET;
    int64_t most = family == AF_INET6 ? 128 : 32, bits = most;
    if (!read_address(address, family, net) || !read_address(given, family, host) ||
        (bits_text.p && (!str_to_int(bits_text, &bits) || bits < 0 || bits > most)))
        return false;
    for (int64_t i = 0; i < bits; i++)
        if ((net[i / 8] ^ host[i / 8]) >> (7 - i % 8) & 1)
            return false;
    return true;
}

/* ---- the table of operators ---- */

static const struct iam_operator operators[] = {
    {"StringEquals", pattern_is, false, false},
    {"StringNotEquals", pattern_is, true, false},
    {"StringEqualsIgnoreCase", pattern_is_like_case, false, false},
    {"StringNotEqualsIgnoreCase", pattern_is_like_case, true, false},
    {"StringLike", pattern_is, false, true},
    {"StringNotLike", pattern_is, true, true},
    {"NumericEquals", number_is, false, false},
    {"NumericNotEquals", number_is, true, false},
    {"NumericLessThan", number_less, false, false},
    {"NumericLessThanEquals", number_less_or_same, false, false},
    {"NumericGreaterThan", number_more, false, false},
    {"NumericGreaterThanEquals", number_more_or_same, false, false},
    {"DateEquals", date_is, false, false},
    {"DateNotEquals", date_is, true, false},
    {"DateLessThan", date_less, false, false},
    {"DateLessThanEquals", date_less_or_same, false, false},
    {"DateGreaterThan", date_more, false, false},
    {"DateGreaterThanEquals", date_more_or_same, false, false},
    {"Bool", pattern_is_like_case, false, false},
    {"BinaryEquals", pattern_is, false, false},
    {"IpAddress", address_is, false, false},
    {"NotIpAddress", address_is, true, false},
    {"ArnEquals", pattern_is_arn, false, true},
    {"ArnNotEquals", pattern_is_arn, true, true},
    {"ArnLike", pattern_is_arn, false, true},
    {"ArnNotLike", pattern_is_arn, true, true},
    {"Null", NULL, false, false},
};

const struct iam_operator *operator_find(struct str name)
{
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        if (str_ieq(name, str_z(operators[i].name)))
            return &operators[i];
    return NULL;
}

bool operator_is_wild(const struct iam_operator *op)
{
    return op->wild;
}

bool operator_is_of_dates(const struct iam_operator *op)
{
    return str_starts(str_z(op->name), STR("Date"));
}

static bool any_agrees(const struct iam_condition *condition, struct str given, const struct value *context)
{
    for (size_t i = 0; i < condition->values.n; i++)
        if (condition->operator->agree(&condition->values.items[i], given, context))
            return true;
    return false;
}

/* Tests one value of the request; a negated operator needs that it matches none. */
static bool value_holds(
    const struct iam_condition *condition, const struct value *given, const struct value *context)
{
    return any_agrees(condition, value_text(given, STR_EMPTY), context) != condition->operator->negated;
}

/* The condition value "true" means that the key is missing. */
static bool null_holds(const struct iam_condition *condition, bool missing)
{
    for (size_t i = 0; i < condition->values.n; i++)
        if (str_ieq(condition->values.items[i].text, missing ? STR("true") : STR("false")))
            return true;
    return false;
}

static bool condition_holds(const struct iam_condition *condition, const struct value *context)
{
    const struct value *given = value_get(context, condition->key);
    bool list = given && given->kind == VALUE_LIST, missing = value_is_null(given) || (list && !given->count);
    if (!condition->operator->agree)
        return null_holds(condition, missing);
    if (missing)
        return condition->if_exists || condition->over == IAM_FOR_ALL ||
               (condition->over == IAM_PLAIN && condition->operator->negated);
    uint32_t n = list ? given->count : 1, held = 0;
    for (uint32_t i = 0; i < n; i++)
        held += value_holds(condition, list ? given->items[i] : given, context);
    bool every =
        condition->over == IAM_FOR_ALL || (condition->over == IAM_PLAIN && condition->operator->negated);
    return every ? held == n : held > 0;
}

/* ---- one statement ---- */

static bool any_pattern(
    const struct iam_patterns *patterns, struct str text, const struct value *context, bool any_case)
{
    for (size_t i = 0; i < patterns->n; i++) {
        const struct iam_pattern *one = &patterns->items[i];
        if (any_case ? pattern_is_like_case(one, text, context) : pattern_is(one, text, context))
            return true;
    }
    return false;
}

static bool is_about(const struct iam_request *request, const struct iam_statement *statement)
{
    if (!statement->resources.n)
        return true;
    if (!request->open || statement->deny)
        return any_pattern(&statement->resources, request->resource, request->context, false) !=
               statement->not_resource;
    for (size_t i = 0; i < statement->resources.n && !statement->not_resource; i++)
        if (pattern_meets(&statement->resources.items[i], request->resource, request->context))
            return true;
    return statement->not_resource;
}

/* How a policy names a principal. */
enum named { NOT_NAMED, AS_ACCOUNT, AS_ROLE, HIMSELF };

/* True for arn:aws:iam::1:root and 1, which name the account. */
static bool is_account(struct str name, struct str account)
{
    if (str_eq(name, account))
        return true;
    struct str rest = name, partition, service, region, owner;
    if (!str_eqz(str_cut(rest, ':', &rest), "arn"))
        return false;
    partition = str_cut(rest, ':', &rest);
    service = str_cut(rest, ':', &rest);
    region = str_cut(rest, ':', &rest);
    owner = str_cut(rest, ':', &rest);
    return partition.n && str_eqz(service, "iam") && !region.n && str_eq(owner, account) && rest.p &&
           str_eqz(rest, "root");
}

/* CloudWatch Logs and Step Functions may also be named with a region: logs.us-east-1.amazonaws.com. */
static bool is_service(struct str name, struct str service)
{
    struct str rest, region, first = str_cut(name, '.', &rest);
    if (str_eq(name, service))
        return true;
    region = str_cut(rest, '.', &rest);
    return str_is_any(first, "logs states") && region.n && str_starts(service, first) && rest.p &&
           str_eq(rest, str_slice(service, first.n + 1, service.n));
}

static enum named how_named(const struct iam_named *named, const struct iam_principal *who)
{
    switch (named->kind) {
    case IAM_ANYBODY: return HIMSELF;
    case IAM_SERVICE: return who->service.n && is_service(named->name, who->service) ? HIMSELF : NOT_NAMED;
    case IAM_FEDERATED: return who->federated.n && str_eq(named->name, who->federated) ? HIMSELF : NOT_NAMED;
    case IAM_CANONICAL: return NOT_NAMED;
    case IAM_AWS: break;
    }
    if (who->service.n || who->federated.n)
        return NOT_NAMED;
    if (who->arn.n && str_eq(named->name, who->arn))
        return HIMSELF;
    if (who->role_arn.n && str_eq(named->name, who->role_arn))
        return AS_ROLE;
    return who->account.n && is_account(named->name, who->account) ? AS_ACCOUNT : NOT_NAMED;
}

static enum named statement_names(const struct iam_statement *statement, const struct iam_principal *who)
{
    enum named best = NOT_NAMED;
    for (size_t i = 0; i < statement->principal_count; i++) {
        enum named how = how_named(&statement->principals[i], who);
        best = how > best ? how : best;
    }
    if (!statement->not_principal)
        return best;
    return best > AS_ACCOUNT ? NOT_NAMED
                             : HIMSELF; /* NotPrincipal excludes only the principal itself, not its account */
}

enum iam_fit iam_statement_fits(const struct iam_request *request, const struct iam_statement *statement,
    enum iam_kind kind, const struct iam_condition **failed)
{
    if (any_pattern(&statement->actions, request->action, NULL, true) == statement->not_action)
        return IAM_OTHER_ACTION;
    if (!is_about(request, statement))
        return IAM_OTHER_RESOURCE;
    if (kind == IAM_RESOURCE && statement_names(statement, &request->who) == NOT_NAMED)
        return IAM_OTHER_PRINCIPAL;
    for (size_t i = 0; i < statement->condition_count; i++)
        if (!condition_holds(&statement->conditions[i], request->context)) {
            if (failed)
                *failed = &statement->conditions[i];
            return IAM_CONDITION_FAILS;
        }
    return IAM_FITS;
}

/* ---- all policies ---- */

struct found {
    const struct iam_policy *policy;
    const struct iam_statement *statement;
};

struct weighing {
    const struct iam_request *request;
    struct found allow[4]; /* by kind of policy */
    bool present[4];
    enum named named; /* how the resource's policy that allows names the principal */
};

/* With a principal "*" and a role's ARN in a condition, the statement means the role. */
static enum named decide_meant(const struct iam_statement *statement, const struct iam_principal *who)
{
    enum named how = statement_names(statement, who);
    for (size_t i = 0; how == HIMSELF && who->role_arn.n && i < statement->condition_count; i++)
        if (str_eqz(statement->conditions[i].key, "aws:principalarn"))
            return AS_ROLE;
    return how;
}

/* Evaluates one policy; returns true if a statement denies the request. */
static bool decide_weigh(struct weighing *w, const struct iam_attached *attached, struct found *denied)
{
    w->present[attached->kind] = true;
    for (size_t i = 0; i < attached->policy->n; i++) {
        const struct iam_statement *statement = &attached->policy->statements[i];
        if (iam_statement_fits(w->request, statement, attached->kind, NULL) != IAM_FITS)
            continue;
        const struct found found = {attached->policy, statement};
        if (statement->deny) {
            *denied = found;
            return true;
        }
        enum named how = attached->kind == IAM_RESOURCE ? decide_meant(statement, &w->request->who) : HIMSELF;
        bool better = attached->kind != IAM_RESOURCE || how > w->named;
        if (!w->allow[attached->kind].policy || better)
            w->allow[attached->kind] = found;
        if (attached->kind == IAM_RESOURCE && better)
            w->named = how;
    }
    return false;
}

static struct iam_decision allowed_by(const struct weighing *w, enum iam_kind kind)
{
    return (struct iam_decision){.allowed = true,
        .kind = kind,
        .policy = w->allow[kind].policy,
        .statement = w->allow[kind].statement};
}

static bool lacks(const struct weighing *w, enum iam_kind kind)
{
    return w->present[kind] && !w->allow[kind].policy;
}

struct iam_decision iam_decide(
    const struct iam_request *request, const struct iam_attached *policies, size_t n, enum iam_rule rule)
{
    struct weighing w = {.request = request};
    struct found denied;
    for (size_t i = 0; i < n; i++)
        if (decide_weigh(&w, &policies[i], &denied))
            return (struct iam_decision){.explicit = true,
                .kind = policies[i].kind,
                .policy = denied.policy,
                .statement = denied.statement};
    if (w.named == HIMSELF)
        return allowed_by(&w, IAM_RESOURCE);
    bool identity = w.allow[IAM_IDENTITY].policy != NULL;
    if (rule == IAM_RESOURCE_FIRST && w.named == NOT_NAMED)
        return (struct iam_decision){.kind = IAM_RESOURCE};
    if (w.named != AS_ROLE && !identity)
        return (struct iam_decision){.kind = request->who.service.n ? IAM_RESOURCE : IAM_IDENTITY};
    if (lacks(&w, IAM_BOUNDARY))
        return (struct iam_decision){.kind = IAM_BOUNDARY};
    if (lacks(&w, IAM_SESSION))
        return (struct iam_decision){.kind = IAM_SESSION};
    return allowed_by(&w, w.named == AS_ROLE ? IAM_RESOURCE : IAM_IDENTITY);
}

/* ---- messages ---- */

const char *iam_kind_name(enum iam_kind kind, bool article)
{
    static const char *const names[][2] = {{"identity-based policy", "an identity-based policy"},
        {"permissions boundary", "a permissions boundary"}, {"session policy", "a session policy"},
        {"resource-based policy", "a resource-based policy"}};
    return names[kind][article];
}

struct str iam_denial(
    struct arena *arena, const struct iam_request *request, const struct iam_decision *decision, bool quoted)
{
    const char *quote = quoted ? "\"" : "";
    struct str who = request->who.arn.n ? request->who.arn : request->who.service;
    struct str why = decision->explicit ? arena_printf(arena, "with an explicit deny in %s",
                                              iam_kind_name(decision->kind, true))
                                        : arena_printf(arena, "because no %s allows the %.*s action",
                                              iam_kind_name(decision->kind, false), STR_ARG(request->action));
    return arena_printf(arena, "User: %.*s is not authorized to perform: %.*s on resource: %s%.*s%s %s",
        STR_ARG(who), STR_ARG(request->action), quote, STR_ARG(request->resource), quote, why.p);
}
