/* IAM: AWS's managed policies, service-linked roles, simulation, and roles that services assume. The control
 * plane does the rest. */
#include "base/embed.h"
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/shared/tables.h"

/* ---- roles that services assume ---- */

static struct str arn_of_role(const struct service_call *call, struct str role)
{
    return str_starts(role, STR("arn:")) ? role
                                         : arena_printf(call->arena, "arn:aws:iam::%.*s:role/%.*s",
                                               STR_ARG(services_account(call->services)), STR_ARG(role));
}

int role_may_be_passed(const struct service_call *call, struct str role, const char *service, struct err *err)
{
    const struct gate_action passing = {.who = {.session = call->caller},
        .service = str_z(call->operation->service),
        .action = STR("iam:PassRole"),
        .resource = arn_of_role(call, role),
        .region = call->region,
        .context =
            value_with(call->arena, NULL, STR("iam:passedtoservice"), value_stringz(call->arena, service))};
    if (!role.n || !session_is_limited(call->caller))
        return 0;
    return gate_check_action(sandbox_gate(services_sandbox(call->services)), call->arena, &passing, err);
}

bool role_is_trusting(struct services *services, struct arena *arena, struct str role, const char *service)
{
    return !role.n ||
           gate_trusts(sandbox_gate(services_sandbox(services)), arena, role, str_z(service), STR_EMPTY);
}

/* Returns the document of the AWS managed policy that the request names, or NULL: the control plane
 * answers. */
static const struct value *aws_policy(struct service_call *call, struct str *arn)
{
    *arn = value_gets(call->input, "PolicyArn");
    const struct value *document = gate_aws_policy(call->arena, *arn);
    call->declined = !document;
    return document;
}

static int get_policy(struct service_call *call, struct err *err UNUSED)
{
    struct str arn;
    if (!aws_policy(call, &arn))
        return 0;
    size_t name = str_after_last(arn, "/"), path = (size_t)str_find_char(arn, '/', 0);
    struct value_builder b = VALUE_BUILDER(call->arena);
    view_text(&b, "PolicyName", str_slice(arn, name, arn.n));
    view_text(&b, "Arn", arn);
    view_text(&b, "Path", str_slice(arn, path, name));
    view_text(&b, "DefaultVersionId", STR("v1"));
    view_text(&b, "PolicyId", arena_printf(call->arena, "ANPA%.17s", sha256_hex(call->arena, arn).p));
    view_text(&b, "IsAttachable", STR("true"));
    service_answer(call, "Policy", value_builder_map(&b));
    return 0;
}

/* The query protocol URL-encodes documents. */
static int get_policy_version(struct service_call *call, struct err *err UNUSED)
{
    struct str arn;
    const struct value *document = aws_policy(call, &arn);
    AUTO_BUF struct buf text = BUF_INIT;
    if (!document)
        return 0;
    url_encode(&text, json_as_text(call->arena, document)->string, false);
    struct value_builder b = VALUE_BUILDER(call->arena);
    view_text(&b, "Document", arena_str(call->arena, buf_str(&text)));
    view_text(&b, "VersionId", STR("v1"));
    view_text(&b, "IsDefaultVersion", STR("true"));
    service_answer(call, "PolicyVersion", value_builder_map(&b));
    return 0;
}

/* Without UserName, GetUser describes the caller, which must be a user. */
static int get_user(struct service_call *call, struct err *err)
{
    call->declined = value_gets(call->input, "UserName").n || !call->caller;
    if (call->declined)
        return 0;
    if (call->caller->role.n)
        return service_refuse(
            err, 400, "ValidationError", "Must specify userName when calling with non-User credentials");
    call->input =
        value_with(call->arena, call->input, STR("UserName"), value_string(call->arena, call->caller->user));
    return service_control_same(call, err);
}

/* ---- account summary and quotas ---- */

static void add_count(struct service_call *call, struct value_builder *b, const char *name, int64_t n)
{
    value_builder_add(b, VALUE_MAP(call->arena, {STR("key"), value_stringz(call->arena, name)},
                             {STR("value"), value_int(call->arena, n)}));
}

static int account_summary(struct service_call *call, struct err *err UNUSED)
{
    static const struct {
        const char *name, *type;
        int64_t quota;
    } rows[] = {{"Users", "aws.iam.user", 5000}, {"Groups", "aws.iam.group", 300},
        {"Roles", "aws.iam.role", 1000}, {"Policies", "aws.iam.policy", 1500},
        {"InstanceProfiles", "aws.iam.instance_profile", 1000}};
    static const struct {
        const char *name;
        int64_t n;
    } fixed[] = {{"AccountAccessKeysPresent", 0}, {"AccountMFAEnabled", 0}, {"AccountPasswordPresent", 1},
        {"AccountSigningCertificatesPresent", 0}, {"MFADevices", 0}, {"MFADevicesInUse", 0}, {"Providers", 0},
        {"ServerCertificates", 0}, {"ServerCertificatesQuota", 20}, {"AccessKeysPerUserQuota", 2},
        {"AssumeRolePolicySizeQuota", 2048}, {"AttachedPoliciesPerGroupQuota", 10},
        {"AttachedPoliciesPerRoleQuota", 10}, {"AttachedPoliciesPerUserQuota", 10},
        {"GlobalEndpointTokenVersion", 1}, {"GroupPolicySizeQuota", 5120}, {"GroupsPerUserQuota", 10},
        {"PolicySizeQuota", 6144}, {"PolicyVersionsInUseQuota", 10000}, {"RolePolicySizeQuota", 10240},
        {"SigningCertificatesPerUserQuota", 2}, {"UserPolicySizeQuota", 2048}, {"VersionsPerPolicyQuota", 5}};
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(call->arena);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t n;
        service_list(call, str_z(rows[i].type), &n);
        add_count(call, &b, rows[i].name, (int64_t)n);
        add_count(call, &b, arena_printf(call->arena, "%sQuota", rows[i].name).p, rows[i].quota);
        if (i == 3)
            add_count(call, &b, "PolicyVersionsInUse", (int64_t)n);
    }
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        add_count(call, &b, fixed[i].name, fixed[i].n);
    call->output = value_with(call->arena, NULL, STR("SummaryMap"),
        value_with(call->arena, NULL, STR("entry"), value_builder_list(&b)));
    return 0;
}

/* ---- policy simulation ---- */

static const struct value *members_of(const struct service_call *call, const char *list)
{
    return value_as_list(service_items(call->arena, call->input, list));
}

/* Finds the principal arn:aws:iam::1:role/path/NAME or :user/NAME. */
static int find_principal(struct service_call *call, struct str arn, struct session *out, struct err *err)
{
    struct control_record record;
    static const char *const types[] = {"aws.iam.role", "aws.iam.user"};
    for (size_t i = 0; i < 2; i++) {
        if (!service_find(call, str_z(types[i]), arn, &record))
            continue;
        struct str name = value_gets(record.attrs, "name");
        *out = i == 0 ? (struct session){.role = name, .name = STR("simulation")}
                      : (struct session){.user = name};
        return 0;
    }
    return service_refuse(err, 404, "NoSuchEntity",
        "Invalid Entity Arn: %.*s does not clearly define entity type and name.", STR_ARG(arn));
}

static const struct value *simulated_context(struct service_call *call)
{
    const struct value *entries = members_of(call, "ContextEntries"), *context = &value_empty_map;
    for (uint32_t i = 0; i < entries->count; i++) {
        const struct value *values = service_items(call->arena, entries->items[i], "ContextKeyValues");
        char *key = arena_strz(call->arena, value_gets(entries->items[i], "ContextKeyName"));
        for (char *c = key; *c; c++)
            *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 'a' - 'A' : *c);
        if (values)
            context =
                value_with(call->arena, context, str_z(key), values->count == 1 ? values->items[0] : values);
    }
    return context;
}

static int simulate(struct service_call *call, struct err *err)
{
    static const char *const words[] = {
        [GATE_ALLOWED] = "allowed", [GATE_NOT_ALLOWED] = "implicitDeny", [GATE_DENIED] = "explicitDeny"};
    static const struct value star = {.kind = VALUE_STRING, .string = {.p = "*", .n = 1}};
    struct str arn = value_gets(call->input, "PolicySourceArn");
    struct session session;
    const struct value *actions = members_of(call, "ActionNames"),
                       *resources = members_of(call, "ResourceArns"), *anything = &star;
    AUTO_BUILDER struct value_builder results = VALUE_BUILDER(call->arena);
    if (find_principal(call, arn, &session, err))
        return -1;
    if (!actions->count)
        return service_refuse(err, 400, "ValidationError", "ActionNames has at least one name");
    resources = resources->count ? resources : value_list(call->arena, &anything, 1);
    const struct value *context = simulated_context(call);
    for (uint32_t i = 0; i < actions->count; i++)
        for (uint32_t k = 0; k < resources->count; k++) {
            struct value_builder one = VALUE_BUILDER(call->arena);
            const struct gate_action action = {.who = {.session = &session},
                .action = value_text(actions->items[i], STR_EMPTY),
                .resource = value_text(resources->items[k], STR_EMPTY),
                .region = call->region,
                .context = context};
            enum gate_verdict verdict =
                gate_simulate(sandbox_gate(services_sandbox(call->services)), call->arena, &action);
            view_set(&one, "EvalActionName", actions->items[i]);
            view_set(&one, "EvalResourceName", resources->items[k]);
            view_text(&one, "EvalDecision", str_z(words[verdict]));
            view_set(&one, "MatchedStatements", &value_empty_list);
            view_set(&one, "MissingContextValues", &value_empty_list);
            value_builder_add(&results, value_builder_map(&one));
        }
    service_answer_text(call, "IsTruncated", STR("false"));
    service_answer(call, "EvaluationResults", value_builder_list(&results));
    return 0;
}

/* ---- service-linked roles ---- */

/* A line of linked_roles.txt: SERVICE NAME POLICY, and "suffix" if custom suffixes are allowed. */
struct linked {
    struct str name, policy;
    bool suffixed;
};

/* Returns the service's role. For a service not in the list the name is AWSServiceRoleFor and the service's
 * first word. */
static struct linked linked_role(struct arena *arena, struct str service)
{
    struct str rest, first = str_cut(service, '.', &rest),
                     line = embedded_line("sandbox/names/linked_roles.txt", service);
    if (line.n) {
        struct str name = str_cut(line, ' ', &line), policy = str_cut(line, ' ', &line);
        return (struct linked){arena_printf(arena, "AWSServiceRoleFor%.*s", STR_ARG(name)),
            str_eqz(policy, "-") ? STR_EMPTY : policy, line.n > 0};
    }
    char *word = arena_strz(arena, first);
    word[0] = (char)(word[0] >= 'a' && word[0] <= 'z' ? word[0] - 'a' + 'A' : word[0]);
    return (struct linked){arena_printf(arena, "AWSServiceRoleFor%s", word), STR_EMPTY, true};
}

/* Calls AttachRolePolicy or DetachRolePolicy without changing call->output. */
static int change_linked_policy(
    struct service_call *call, const char *operation, struct str role, struct str arn, struct err *err)
{
    const struct value *ignored;
    struct value_builder b = VALUE_BUILDER(call->arena);
    view_text(&b, "RoleName", role);
    view_text(&b, "PolicyArn", arn);
    return service_control(call, operation, value_builder_map(&b), &ignored, err);
}

static int create_linked_role(struct service_call *call, struct err *err)
{
    struct str service = value_gets(call->input, "AWSServiceName"), name,
               suffix = value_gets(call->input, "CustomSuffix");
    struct control_record role;
    struct value_builder b = VALUE_BUILDER(call->arena);
    if (!str_ends(service, STR(".amazonaws.com")))
        return service_refuse(
            err, 400, "InvalidInput", "%.*s is not the name of a service", STR_ARG(service));
    struct linked linked = linked_role(call->arena, service);
    name = linked.name;
    if (suffix.n && !linked.suffixed)
        return service_refuse(
            err, 400, "InvalidInput", "Custom suffix is not allowed for %.*s", STR_ARG(service));
    if (suffix.n)
        name = arena_printf(call->arena, "%.*s_%.*s", STR_ARG(name), STR_ARG(suffix));
    if (service_find(call, STR("aws.iam.role"), name, &role))
        return service_refuse(err, 400, "InvalidInput",
            "Service role name %.*s has been taken in this account, please try a different suffix.",
            STR_ARG(name));
    view_text(&b, "RoleName", name);
    view_text(&b, "Path", arena_printf(call->arena, "/aws-service-role/%.*s/", STR_ARG(service)));
    view_set(&b, "Description", value_getz(call->input, "Description"));
    view_text(&b, "AssumeRolePolicyDocument",
        arena_printf(call->arena,
            "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":{\"Service\":"
            "\"%.*s\"},\"Action\":\"sts:AssumeRole\"}]}",
            STR_ARG(service)));
    if (service_control(call, "CreateRole", value_builder_map(&b), &call->output, err))
        return -1;
    return !linked.policy.n ? 0
                            : change_linked_policy(call, "AttachRolePolicy", name,
                                  arena_printf(call->arena, "arn:aws:iam::aws:policy/aws-service-role/%.*s",
                                      STR_ARG(linked.policy)),
                                  err);
}

/* Deletes the role at once; the deletion task exists only as an id. */
static int delete_linked_role(struct service_call *call, struct err *err)
{
    struct str name = value_gets(call->input, "RoleName"), path;
    struct control_record role;
    if (!service_find(call, STR("aws.iam.role"), name, &role))
        return service_refuse(
            err, 404, "NoSuchEntity", "The role with name %.*s cannot be found.", STR_ARG(name));
    path = value_gets(role.attrs, "path");
    if (!str_starts(path, STR("/aws-service-role/")))
        return service_refuse(err, 400, "InvalidInput", "%.*s is not a service-linked role", STR_ARG(name));
    struct str task = arena_printf(
        call->arena, "task%.*s%.*s/%.*s", STR_ARG(path), STR_ARG(name), STR_ARG(uuid_random(call->arena)));
    const struct value *policies = value_getz(role.attrs, "managed_policies");
    for (uint32_t i = 0; policies && i < policies->count; i++)
        if (change_linked_policy(
                call, "DetachRolePolicy", name, value_text(policies->items[i], STR_EMPTY), err))
            return -1;
    if (service_control(call, "DeleteRole",
            value_with(call->arena, NULL, STR("RoleName"), value_string(call->arena, name)), &call->output,
            err))
        return -1;
    call->output = value_with(call->arena, NULL, STR("DeletionTaskId"), value_string(call->arena, task));
    return 0;
}

static int linked_role_status(struct service_call *call, struct err *err)
{
    struct str task = value_gets(call->input, "DeletionTaskId");
    if (!str_starts(task, STR("task/aws-service-role/")))
        return service_refuse(
            err, 404, "NoSuchEntity", "The deletion task %.*s cannot be found.", STR_ARG(task));
    call->output = value_with(call->arena, NULL, STR("Status"), value_stringz(call->arena, "SUCCEEDED"));
    return 0;
}

/* ---- service-specific credentials of users ---- */

/* Checks user and service before the control plane answers, since AWS reports these errors first. */
static int service_credential(struct service_call *call, struct err *err)
{
    struct control_record user;
    struct str name = value_gets(call->input, "UserName"), service = value_gets(call->input, "ServiceName");
    if (name.n && !service_find(call, STR("aws.iam.user"), name, &user))
        return service_refuse(
            err, 404, "NoSuchEntity", "The user with name %.*s cannot be found.", STR_ARG(name));
    if (service.n && !str_is_any(service, "codecommit.amazonaws.com cassandra.amazonaws.com"))
        return service_refuse(err, 404, "NoSuchEntity",
            "No such service %.*s is supported for Service Specific Credentials", STR_ARG(service));
    call->declined = true;
    return 0;
}

/* Replaces the password, which the response shows. */
static int reset_credential(struct service_call *call, struct err *err)
{
    static const struct str type = STR_INIT("aws.iam.service_specific_credential");
    struct control_record record;
    struct str password = str_slice(sha256_hex(call->arena, uuid_random(call->arena)), 0, 40);
    if (service_credential(call, err))
        return -1;
    if (service_find(call, type, value_gets(call->input, "ServiceSpecificCredentialId"), &record) &&
        str_eq(value_gets(record.attrs, "user"), value_gets(call->input, "UserName")))
        control_note(
            services_control(call->services), type, &record, "password", value_string(call->arena, password));
    return 0;
}

const struct service_operation iam_operations[] = {
    {"iam", "CreateServiceSpecificCredential", service_credential},
    {"iam", "ListServiceSpecificCredentials", service_credential},
    {"iam", "UpdateServiceSpecificCredential", service_credential},
    {"iam", "ResetServiceSpecificCredential", reset_credential},
    {"iam", "DeleteServiceSpecificCredential", service_credential},
    {"iam", "CreateServiceLinkedRole", create_linked_role},
    {"iam", "DeleteServiceLinkedRole", delete_linked_role},
    {"iam", "GetServiceLinkedRoleDeletionStatus", linked_role_status},
    {"iam", "GetAccountSummary", account_summary},
    {"iam", "SimulatePrincipalPolicy", simulate},
    {"iam", "GetPolicy", get_policy},
    {"iam", "GetUser", get_user},
    {"iam", "GetPolicyVersion", get_policy_version},
    {0},
};
