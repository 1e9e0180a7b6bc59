/* STS: temporary credentials and the caller's identity. The gate has checked that the caller may assume the
 * role. */
#include "base/clock.h"
#include "base/json.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/shared/tables.h"

enum { HOUR_S = 3600, SHORTEST_S = 900, LONGEST_USER_S = 129600, DEFAULT_USER_S = 43200, MAX_NAME = 64 };

/* Returns the unique id of the user or role, and for a role the session's name. */
static struct str session_id(const struct service_call *call, const struct session *session)
{
    struct control_record role;
    bool user = !session->role.n;
    struct str name = user ? session->user : session->role;
    bool known = service_find(call, user ? STR("aws.iam.user") : STR("aws.iam.role"), name, &role);
    struct str id = known ? value_gets(role.attrs, "unique_id") : name;
    if (user)
        return id;
    return arena_printf(call->arena, "%.*s:%.*s", STR_ARG(id), STR_ARG(session->name));
}

static const struct value *sts_credentials(const struct service_call *call, const struct session *session)
{
    struct str master = sandbox_first_key(services_sandbox(call->services)).secret_key;
    struct session_key key = session_new(call->arena, master, session);
    struct value_builder b = VALUE_BUILDER(call->arena);
    view_text(&b, "AccessKeyId", key.access_key);
    view_text(&b, "SecretAccessKey", key.secret_key);
    view_text(&b, "SessionToken", key.token);
    view_set(&b, "Expiration", service_time(call, session->expires_ms));
    return value_builder_map(&b);
}

static struct str caller_arn(const struct service_call *call)
{
    struct str account = services_account(call->services);
    struct control_record user;
    if (call->caller && call->caller->role.n)
        return session_arn(call->arena, account, call->caller);
    if (call->caller && service_find(call, STR("aws.iam.user"), call->caller->user, &user))
        return value_gets(user.attrs, "arn");
    return arena_printf(call->arena, "arn:aws:iam::%.*s:user/sandbox", STR_ARG(account));
}

static int get_caller_identity(struct service_call *call, struct err *err UNUSED)
{
    if (!call->caller) { /* the spec describes the account's own user */
        call->declined = true;
        return 0;
    }
    struct value_builder b = VALUE_BUILDER(call->arena);
    view_text(&b, "UserId", session_id(call, call->caller));
    view_text(&b, "Account", services_account(call->services));
    view_text(&b, "Arn", caller_arn(call));
    call->output = value_builder_map(&b);
    return 0;
}

static int sts_invalid(struct err *err, const char *what)
{
    return service_refuse(err, 400, "ValidationError", "%s", what);
}

static int check_session_name(struct str name, struct err *err)
{
    if (!str_is_made_of(name, CHARS_ALNUM "_+=,.@-"))
        return service_refuse(err, 400, "ValidationError",
            "1 validation error detected: Value '%.*s' at 'roleSessionName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [\\w+=,.@-]*",
            STR_ARG(name));
    return name.n < 2 || name.n > MAX_NAME ? sts_invalid(err, "RoleSessionName has 2 to 64 characters") : 0;
}

/* Reads DurationSeconds. -1: out of range. */
static int find_duration(
    const struct service_call *call, int64_t fallback, int64_t longest, int64_t *out, struct err *err)
{
    *out = service_int(call->input, "DurationSeconds", fallback);
    if (*out < SHORTEST_S)
        return sts_invalid(err, "DurationSeconds is 900 at least");
    return *out > longest ? sts_invalid(err,
                                "The requested DurationSeconds exceeds the longest that is allowed for this "
                                "role, or one hour where a role assumes another.")
                          : 0;
}

static int find_role(
    const struct service_call *call, struct str arn, struct control_record *role, struct err *err)
{
    if (!str_starts(arn, STR("arn:")) || !str_part(arn, ':', 1).n || !str_part(arn, ':', 2).n ||
        !str_part(arn, ':', 5).n)
        return service_refuse(err, 400, "ValidationError", "%.*s is invalid", STR_ARG(arn));
    if (service_find(call, STR("aws.iam.role"), arn, role))
        return 0;
    return service_refuse(err, 403, "AccessDenied",
        "User: %.*s is not authorized to perform: sts:AssumeRole on resource: %.*s",
        STR_ARG(caller_arn(call)), STR_ARG(arn));
}

static bool has_key(const struct value *tags, uint32_t count, struct str key)
{
    for (uint32_t i = 0; i < count; i++)
        if (str_ieq(value_gets(tags->items[i], "Key"), key))
            return true;
    return false;
}

/* Checks the keys of session tags, whose case does not count. */
static int check_tags(const struct service_call *call, const struct value *tags, struct err *err)
{
    const struct value *transitive =
        value_as_list(service_items(call->arena, call->input, "TransitiveTagKeys"));
    for (uint32_t i = 0; i < tags->count; i++)
        if (has_key(tags, i, value_gets(tags->items[i], "Key")))
            return service_refuse(err, 400, "InvalidParameterValue",
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.");
    for (uint32_t i = 0; i < transitive->count; i++)
        if (!has_key(tags, tags->count, value_text(transitive->items[i], STR_EMPTY)))
            return service_refuse(err, 400, "InvalidParameterValue",
                "The specified transitive tag key must be included in the requested tags.");
    return 0;
}

/* Reads session policies, which only restrict, and session tags. */
static int read_limits(const struct service_call *call, struct session *session, struct err *err)
{
    const struct value *arns = wire_path(call->arena, call->input, STR("PolicyArns.member[].arn")),
                       *tags = value_as_list(service_items(call->arena, call->input, "Tags")), *document;
    struct err why = ERR_INIT;
    struct str policy = value_gets(call->input, "Policy");
    AUTO_BUF struct buf joined = BUF_INIT;
    if (policy.n && json_parse(call->arena, policy, &document, &why))
        return service_refuse(
            err, 400, "MalformedPolicyDocument", "The session policy is not JSON: %s", why.message);
    if (policy.n)
        session->policy = json_as_text(call->arena, document)->string;
    for (uint32_t i = 0; arns && arns->kind == VALUE_LIST && i < arns->count; i++)
        buf_addf(&joined, "%s%.*s", i ? "," : "", STR_ARG(value_text(arns->items[i], STR_EMPTY)));
    session->policy_arns = arena_str(call->arena, buf_str(&joined));
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(call->arena);
    if (check_tags(call, tags, err))
        return -1;
    for (uint32_t i = 0; i < tags->count; i++)
        value_builder_set(&b, value_gets(tags->items[i], "Key"), value_getz(tags->items[i], "Value"));
    const struct value *all = value_builder_map(&b);
    session->tags = all->count ? json_as_text(call->arena, all)->string : STR_EMPTY;
    return 0;
}

static int assume_role(struct service_call *call, struct err *err)
{
    struct control_record role;
    struct str arn = value_gets(call->input, "RoleArn"), name = value_gets(call->input, "RoleSessionName");
    int64_t seconds;
    if (check_session_name(name, err) || find_role(call, arn, &role, err))
        return -1;
    int64_t longest = call->caller && call->caller->role.n
                          ? HOUR_S
                          : service_int(role.attrs, "max_session_duration", HOUR_S);
    if (find_duration(call, HOUR_S, longest, &seconds, err))
        return -1;
    struct session session = {
        .role = value_gets(role.attrs, "name"), .name = name, .expires_ms = clock_wall_ms() + seconds * 1000};
    if (read_limits(call, &session, err))
        return -1;
    struct value_builder user = VALUE_BUILDER(call->arena);
    view_text(&user, "AssumedRoleId", session_id(call, &session));
    view_text(&user, "Arn", session_arn(call->arena, services_account(call->services), &session));
    service_answer(call, "Credentials", sts_credentials(call, &session));
    service_answer(call, "AssumedRoleUser", value_builder_map(&user));
    return 0;
}

static int get_session_token(struct service_call *call, struct err *err)
{
    int64_t seconds;
    if (call->caller && call->caller->role.n)
        return service_refuse(
            err, 403, "AccessDenied", "Cannot call GetSessionToken with session credentials");
    if (find_duration(call, DEFAULT_USER_S, LONGEST_USER_S, &seconds, err))
        return -1;
    const struct session session = {.user = call->caller ? call->caller->user : STR_EMPTY,
        .expires_ms = clock_wall_ms() + seconds * 1000};
    service_answer(call, "Credentials", sts_credentials(call, &session));
    return 0;
}

/* All access keys are this account's. */
static int key_info(struct service_call *call, struct err *err)
{
    struct str key = value_gets(call->input, "AccessKeyId");
    if (key.n < 16 || key.n > 128)
        return sts_invalid(err, "AccessKeyId is 16 to 128 letters and digits");
    call->output = value_with(
        call->arena, NULL, STR("Account"), value_string(call->arena, services_account(call->services)));
    return 0;
}

const struct service_operation sts_operations[] = {
    {"sts", "GetAccessKeyInfo", key_info},
    {"sts", "GetCallerIdentity", get_caller_identity},
    {"sts", "AssumeRole", assume_role},
    {"sts", "GetSessionToken", get_session_token},
    {0},
};
