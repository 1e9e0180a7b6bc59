/*
 * Condition keys (lower case) of the caller, the time, the source, tags and the request; and iam:PassRole.
 */
#include "base/clock.h"
#include "base/json.h"
#include "sandbox/iam/internal.h"

/* ---- iam:PassRole ---- */

struct looking {
    struct gate *gate;
    struct arena *arena;
    struct str *roles;
    size_t n, cap;
    bool names; /* a bare name may be a role's */
};

static bool has_role(struct str name)
{
    for (size_t i = 0; i + 4 <= name.n; i++)
        if (str_ieq(str_slice(name, i, i + 4), STR("role")))
            return true;
    return false;
}

static void add_role(struct looking *l, struct str text)
{
    bool arn = str_starts(text, STR("arn:aws:iam:")) && str_find(text, STR(":role/"), 0) > 0;
    struct control_record role;
    struct str known = text;
    if (!arn && (!l->names || !text.n || str_find_char(text, ':', 0) >= 0))
        return;
    if (!arn && !control_find(l->gate->control, l->arena, STR("aws.iam.role"), STR_EMPTY,
                    str_last_part(text, "/"), &role))
        return;
    if (!arn)
        known = value_gets(role.attrs, "arn");
    for (size_t i = 0; i < l->n; i++)
        if (str_eq(l->roles[i], known))
            return;
    if (l->n < l->cap)
        l->roles[l->n++] = known;
}

/* Adds the role in an instance profile. */
static void add_profile(struct looking *l, const struct value *profile)
{
    struct control_record found;
    struct str arn = value_gets(profile, "Arn"), name = value_gets(profile, "Name");
    struct str id = name.n ? name : str_last_part(arn, "/");
    if (id.n &&
        control_find(l->gate->control, l->arena, STR("aws.iam.instance_profile"), STR_EMPTY, id, &found)) {
        const struct value *roles = value_getz(found.attrs, "roles");
        bool names = l->names;
        l->names = true;
        for (uint32_t i = 0; roles && roles->kind == VALUE_LIST && i < roles->count; i++)
            add_role(l, value_text(roles->items[i], STR_EMPTY));
        l->names = names;
    }
}

/* Collects the roles in members with "role" in their names, at any depth. */
static void find_passed_roles(struct looking *l, struct str name, const struct value *v)
{
    if (v->kind == VALUE_MAP && str_eqz(name, "IamInstanceProfile"))
        add_profile(l, v);
    if (v->kind == VALUE_STRING && has_role(name))
        add_role(l, v->string);
    for (uint32_t i = 0; v->kind == VALUE_LIST && i < v->count; i++)
        find_passed_roles(l, name, v->items[i]);
    for (uint32_t i = 0; v->kind == VALUE_MAP && i < v->count; i++)
        find_passed_roles(l, v->entries[i].key, v->entries[i].value);
}

/* True if the operation passes roles: by AWS's reference, or because it creates, changes or starts something,
 * since the reference is incomplete (Glue, Events, Redshift and others). STS assumes roles and IAM manages
 * them, so both are excluded. */
static bool passes_roles(const struct gate_request *request)
{
    static const char *const starts[] = {"Create", "Update", "Put", "Start", "Run", "Register", "Modify",
        "Submit", "Associate", "Restore", "Add"};
    if (str_eqz(request->service, "iam"))
        return str_eqz(request->operation, "AddRoleToInstanceProfile");
    bool found = needs_passing(request);
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        found |= str_starts(request->operation, str_z(starts[i]));
    return found && !str_eqz(request->service, "sts") && !str_eqz(request->service, "secretsmanager") &&
           !str_eqz(request->operation, "PutResourcePolicy") && !str_eqz(request->operation, "AddPermission");
}

/* Returns the service principal that gets the roles; the table lists those that are not
 * SERVICE.amazonaws.com. Without an operation: all of the service. */
static struct str passed_to(struct arena *arena, const struct gate_request *request)
{
    static const struct {
        const char *service, *operation, *to;
    } others[] = {
        {"ecs", NULL, "ecs-tasks.amazonaws.com"},
        {"batch", "RegisterJobDefinition", "ecs-tasks.amazonaws.com"},
        {"airflow", NULL, "airflow-env.amazonaws.com"},
        {"iam", NULL, "ec2.amazonaws.com"},
        {"monitoring", NULL, "cloudwatch.amazonaws.com"},
        {"ec2", "CreateFlowLogs", "vpc-flow-logs.amazonaws.com"},
        {"rds", "CreateDBInstance", "monitoring.rds.amazonaws.com"},
        {"rds", "ModifyDBInstance", "monitoring.rds.amazonaws.com"},
        {"rds", "RestoreDBInstanceFromDBSnapshot", "monitoring.rds.amazonaws.com"},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (str_eqz(request->service, others[i].service) &&
            (!others[i].operation || str_eqz(request->operation, others[i].operation)))
            return str_z(others[i].to);
    return arena_printf(arena, "%.*s.amazonaws.com", STR_ARG(request->service));
}

const struct str *passed_roles(
    struct gate *gate, struct arena *arena, const struct gate_request *request, size_t *n, struct str *to)
{
    enum { MOST = 64 };
    struct looking l = {.gate = gate,
        .arena = arena,
        .roles = ARENA_ARRAY(arena, struct str, MOST),
        .cap = MOST,
        .names = str_eqz(request->service, "glue") || str_eqz(request->service, "iam")};
    if (passes_roles(request))
        find_passed_roles(&l, STR_EMPTY, request->input);
    *to = passed_to(arena, request);
    *n = l.n;
    return l.roles;
}

static void set_text(struct value_builder *b, struct arena *arena, const char *key, struct str text)
{
    if (text.n)
        value_builder_set(b, str_z(key), value_string(arena, text));
}

static struct str small_key(struct arena *arena, const char *before, struct str key)
{
    return arena_lower(arena, arena_printf(arena, "%s%.*s", before, STR_ARG(key)));
}

static void set_tags(
    struct value_builder *b, struct arena *arena, const char *before, const struct value *tags)
{
    for (uint32_t i = 0; tags && tags->kind == VALUE_MAP && i < tags->count; i++)
        value_builder_set(b, small_key(arena, before, tags->entries[i].key),
            value_string(arena, value_text(tags->entries[i].value, STR_EMPTY)));
}

static void set_identity(struct value_builder *b, struct arena *arena, const struct session *session,
    const struct identity *identity)
{
    const struct value *tags;
    bool role = session->role.n > 0;
    set_text(b, arena, "aws:principalarn", identity->arn);
    set_text(b, arena, "aws:principaltype", role ? STR("AssumedRole") : STR("User"));
    set_text(b, arena, "aws:username", session->user);
    set_text(b, arena, "aws:userid",
        role ? arena_printf(arena, "%.*s:%.*s", STR_ARG(identity->unique_id), STR_ARG(session->name))
             : identity->unique_id);
    set_text(b, arena, "aws:multifactorauthpresent", role ? STR("false") : STR_EMPTY);
    set_tags(b, arena, "aws:principaltag/", identity->tags);
    if (session->tags.n && !json_parse(arena, session->tags, &tags, ERR_IGNORED))
        set_tags(b, arena, "aws:principaltag/", tags);
}

/* Returns the global condition keys. aws:SecureTransport is true, since calls over loopback stand for TLS
 * calls. */
const struct value *context_of(struct gate *gate, struct arena *arena, const struct gate_caller *who,
    const struct identity *identity, struct str region)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    int64_t now = clock_wall_ms();
    struct str account = sandbox_account(gate->sandbox);
    if (identity)
        set_identity(&b, arena, who->session, identity);
    set_text(&b, arena, "aws:principalaccount", identity ? account : STR_EMPTY);
    set_text(&b, arena, "aws:principalisawsservice", who->service.n ? STR("true") : STR("false"));
    set_text(&b, arena, "aws:principalservicename", who->service);
    set_text(&b, arena, "aws:sourcearn", who->source_arn);
    set_text(&b, arena, "aws:sourceaccount", who->service.n ? account : STR_EMPTY);
    set_text(&b, arena, "aws:sourceowner",
        str_eqz(who->service, "cloudwatch.amazonaws.com") ? account : STR_EMPTY);
    set_text(&b, arena, "aws:requestedregion", region);
    set_text(&b, arena, "aws:securetransport", STR("true"));
    set_text(&b, arena, "aws:sourceip", who->service.n ? STR_EMPTY : STR("127.0.0.1"));
    set_text(&b, arena, "aws:viaawsservice", STR("false"));
    set_text(&b, arena, "aws:currenttime", time_rfc3339(arena, now, false));
    value_builder_set(
        &b, STR("aws:epochtime"), value_string(arena, arena_printf(arena, "%lld", (long long)(now / 1000))));
    return value_builder_map(&b);
}

/* ---- keys from the request ---- */

/* Returns the request's tags as a map; services have them as key-value lists or as maps. */
static const struct value *request_tags(struct arena *arena, const struct value *input)
{
    static const char *const members[] = {
        "Tags", "tags", "TagList", "TagSpecification[].Tag[]", "Tags.member[]", "Tag[]"};
    static const struct shape pairs = {.kind = SHAPE_PAIRS};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const struct value *v = wire_path(arena, input, str_z(members[i]));
        if (!v || (v->kind != VALUE_MAP && v->kind != VALUE_LIST) || !v->count)
            continue;
        const struct value *tags = v->kind == VALUE_LIST ? wire_coerce(arena, &pairs, v) : v;
        if (tags && tags->kind == VALUE_MAP)
            return tags;
    }
    return NULL;
}

/* Condition keys of services, with the member that provides the value. */
static const struct {
    const char *service, *member, *key;
} shown[] = {
    {"sts", "ExternalId", "sts:externalid"},
    {"sts", "RoleSessionName", "sts:rolesessionname"},
    {"sts", "SourceIdentity", "sts:sourceidentity"},
    {"secretsmanager", "SecretId", "secretsmanager:secretid"},
    {"secretsmanager", "Name", "secretsmanager:name"},
    {"secretsmanager", "VersionStage", "secretsmanager:versionstage"},
    {"kms", "GranteePrincipal", "kms:granteeprincipal"},
    {"lambda", "FunctionName", "lambda:functionarn"},
    {"sns", "Protocol", "sns:protocol"},
    {"sns", "Endpoint", "sns:endpoint"},
    {"iam", "PermissionsBoundary", "iam:permissionsboundary"},
    {"iam", "PolicyArn", "iam:policyarn"},
    {"monitoring", "Namespace", "cloudwatch:namespace"},
    {"ecs", "cluster", "ecs:cluster"},
    {"ec2", "InstanceType", "ec2:instancetype"},
    {"rds", "DBInstanceClass", "rds:databaseclass"},
    {"rds", "Engine", "rds:databaseengine"},
    {"events", "Entries[].Source", "events:source"},
    {"events", "Entries[].DetailType", "events:detail-type"},
    {"cloudcontrolapi", "TypeName", "cloudformation:typename"},
};

const struct value *context_of_request(
    struct arena *arena, const struct gate_request *request, const struct value *context)
{
    const struct value *tags = request_tags(arena, request->input);
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        const struct value *v = str_eqz(request->service, shown[i].service)
                                    ? wire_path(arena, request->input, str_z(shown[i].member))
                                    : NULL;
        if (!value_is_null(v) && v->kind != VALUE_MAP)
            value_builder_set(&b, str_z(shown[i].key), v);
    }
    const struct value *encryption =
        str_eqz(request->service, "kms") ? value_getz(request->input, "EncryptionContext") : NULL;
    set_tags(&b, arena, "kms:encryptioncontext:", encryption);
    if (tags) {
        set_tags(&b, arena, "aws:requesttag/", tags);
        value_builder_set(&b, STR("aws:tagkeys"), value_keys(arena, tags));
    }
    return value_merge(arena, context, value_builder_map(&b));
}

/* ---- keys from the resource ---- */

const struct value *context_of_resource(
    struct gate *gate, struct arena *arena, struct str resource, const struct value *context)
{
    struct control_record record;
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena);
    struct str rest = resource, service;
    if (!str_starts(resource, STR("arn:")) ||
        !control_find(gate->control, arena, STR_EMPTY, STR_EMPTY, resource, &record))
        return context;
    str_cut(rest, ':', &rest);
    str_cut(rest, ':', &rest);
    service = str_cut(rest, ':', &rest);
    const struct value *tags = value_getz(record.attrs, "tags");
    set_tags(&b, arena, "aws:resourcetag/", tags);
    set_tags(&b, arena, arena_printf(arena, "%.*s:resourcetag/", STR_ARG(service)).p, tags);
    return value_merge(arena, context, value_builder_map(&b));
}
