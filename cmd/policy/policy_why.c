/* weir policy --why: see policy.h. */
#include "cmd/policy/policy.h"

#include "base/file.h"
#include "provider/iam/policy.h"

enum { MOST = 64 };

struct explaining {
    struct invocation *inv;
    struct workspace *workspace;
    struct iam_request request;
    struct iam_attached attached[MOST];
    size_t n;
    struct buf out, unread; /* unread: policies that could not be read */
    enum iam_rule rule;
};

static struct arena *arena_of(const struct explaining *e)
{
    return &e->inv->arena;
}

/* ---- reading ---- */

static const struct schema *schema_of(const struct explaining *e, const char *type)
{
    return catalog_find(e->workspace->catalog, str_z(type), false, ERR_IGNORED);
}

static int op_of(struct explaining *e, const struct schema *schema, struct op_ctx *op, struct err *err)
{
    struct provider *provider;
    if (workspace_provider(e->workspace, STR("aws"), NULL, &provider, err))
        return -1;
    *op = (struct op_ctx){.arena = arena_of(e),
        .provider = provider,
        .schema = schema,
        .owner.stack = e->workspace->stack->name};
    return 0;
}

/* Reads the resource with this attribute value; *live NULL: it does not exist. */
static int read_by(struct explaining *e, const char *type, const char *attribute, struct str text,
    const struct value **live, struct err *err)
{
    struct op_ctx op;
    const struct schema *schema = schema_of(e, type);
    struct value_entry entry = {str_z(attribute), value_string(arena_of(e), text)};
    *live = NULL;
    if (!schema || op_of(e, schema, &op, err))
        return -1;
    return schema->ops->read(&op, value_map(arena_of(e), &entry, 1), NULL, live, err);
}

static int why_attach(
    struct explaining *e, enum iam_kind kind, const struct value *document, struct str name, struct err *err)
{
    const struct iam_policy *policy;
    if (value_is_null(document))
        return 0;
    if (e->n == MOST)
        return err_set(err, ERR_FAILED, "there are more than %d policies", MOST);
    if (iam_policy_read(arena_of(e), document, name, &policy, err))
        return err_context(err, "policy %.*s", STR_ARG(name));
    e->attached[e->n++] = (struct iam_attached){kind, policy};
    return 0;
}

static int attach_managed(struct explaining *e, enum iam_kind kind, struct str arn, struct err *err)
{
    const struct value *policy;
    struct err why = ERR_INIT;
    if (read_by(e, "aws.iam.policy", "arn", arn, &policy, &why) || !policy) {
        buf_addf(&e->unread, "  %.*s cannot be read: %s\n", STR_ARG(arn),
            why.message[0] ? why.message : "there is none");
        return 0;
    }
    return why_attach(e, kind, value_getz(policy, "policy"), arn, err);
}

static int attach_role(struct explaining *e, const struct value *role, struct err *err)
{
    const struct value *inlined = value_getz(role, "policies"),
                       *managed = value_getz(role, "managed_policies");
    for (uint32_t i = 0; inlined && inlined->kind == VALUE_MAP && i < inlined->count; i++)
        if (why_attach(e, IAM_IDENTITY, inlined->entries[i].value, inlined->entries[i].key, err))
            return -1;
    for (uint32_t i = 0; managed && managed->kind == VALUE_LIST && i < managed->count; i++)
        if (attach_managed(e, IAM_IDENTITY, value_text(managed->items[i], STR_EMPTY), err))
            return -1;
    struct str boundary = value_gets(role, "permissions_boundary");
    return boundary.n ? attach_managed(e, IAM_BOUNDARY, boundary, err) : 0;
}

/* Types with resource-based policies, by the form of their ARNs. */
static const struct {
    const char *arn, *type, *attribute;
    enum iam_rule rule;
} resources[] = {
    {"arn:aws:s3:::", "aws.s3.bucket", "policy", IAM_EITHER},
    {":sqs:", "aws.sqs.queue", "policy", IAM_EITHER},
    {":sns:", "aws.sns.topic", "policy", IAM_EITHER},
    {":secretsmanager:", "aws.secretsmanager.secret", "policy", IAM_EITHER},
    {":kms:", "aws.kms.key", "policy", IAM_RESOURCE_FIRST},
    {":ecr:", "aws.ecr.repository", "policy", IAM_EITHER},
};

static struct str bucket_arn(struct str arn)
{
    ptrdiff_t slash = str_find_char(arn, '/', 0);
    return slash > 0 && str_starts(arn, STR("arn:aws:s3:::")) ? str_slice(arn, 0, (size_t)slash) : arn;
}

/* Adds the resource's own policy; none if the resource does not exist or cannot be read. */
static void attach_resource(struct explaining *e)
{
    struct str arn = bucket_arn(e->request.resource);
    for (size_t i = 0; i < sizeof resources / sizeof *resources; i++) {
        const struct schema *schema = schema_of(e, resources[i].type);
        const struct value *object = NULL, *live = NULL;
        struct err err = ERR_INIT;
        struct op_ctx op;
        if (str_find(arn, str_z(resources[i].arn), 0) < 0 || !schema || !schema->ops->by_arn)
            continue;
        const struct value *name = value_stringz(arena_of(e), resources[i].attribute);
        const struct value *wanted = value_list(arena_of(e), &name, 1);
        if (op_of(e, schema, &op, &err) || schema->ops->by_arn(&op, arn, &object, &err) || !object ||
            schema->ops->read(&op, object, wanted, &live, &err) || !live ||
            why_attach(e, IAM_RESOURCE, value_getz(live, resources[i].attribute), arn, &err)) {
            if (err.message[0])
                buf_addf(&e->unread, "  the policy of %.*s cannot be read: %s\n", STR_ARG(arn), err.message);
            continue;
        }
        e->rule = resources[i].rule;
    }
}

/* ---- the request ---- */

static int read_context(struct explaining *e, const struct policy_why *why)
{
    AUTO_BUILDER struct value_builder b = VALUE_BUILDER(arena_of(e));
    value_builder_set(&b, STR("aws:principalarn"), value_string(arena_of(e), e->request.who.role_arn));
    value_builder_set(&b, STR("aws:principalaccount"), value_string(arena_of(e), e->request.who.account));
    value_builder_set(&b, STR("aws:principaltype"), value_stringz(arena_of(e), "AssumedRole"));
    value_builder_set(&b, STR("aws:securetransport"), value_stringz(arena_of(e), "true"));
    for (size_t i = 0; i < why->with->n; i++) {
        struct str v, key = str_cut(why->with->items[i], '=', &v);
        if (!v.p || str_find_char(key, ':', 0) < 1)
            return invocation_usage(e->inv, "such as --with aws:RequestedRegion=eu-west-1",
                "--with takes KEY=VALUE, not \"%.*s\"", STR_ARG(why->with->items[i]));
        value_builder_set(&b, arena_lower(arena_of(e), key), value_string(arena_of(e), v));
    }
    e->request.context = value_builder_map(&b);
    return EXIT_DONE;
}

/* The role's ARN is arn:aws:iam::ACCOUNT:role/PATH/NAME; its sessions are
 * arn:aws:sts::ACCOUNT:assumed-role/NAME/… */
static void read_principal(struct explaining *e, struct str role_arn)
{
    struct str account = str_part(role_arn, ':', 4);
    e->request.who = (struct iam_principal){.role_arn = role_arn,
        .account = account,
        .arn = arena_printf(arena_of(e), "arn:aws:sts::%.*s:assumed-role/%.*s/session", STR_ARG(account),
            STR_ARG(path_base(role_arn)))};
}

/* ---- output ---- */

static void print_patterns(struct explaining *e, const struct iam_patterns *patterns)
{
    enum { SHOWN = 4 };
    for (size_t i = 0; i < patterns->n && i < SHOWN; i++)
        buf_addf(&e->out, "%s%.*s", i ? ", " : "", STR_ARG(patterns->items[i].written));
    if (patterns->n > SHOWN)
        buf_addf(&e->out, " and %zu more", patterns->n - SHOWN);
}

static void print_failed(struct explaining *e, const struct iam_condition *failed)
{
    const struct value *given = value_get(e->request.context, failed->key);
    buf_addf(&e->out, "its condition fails: %.*s %.*s ", STR_ARG(failed->written), STR_ARG(failed->key));
    print_patterns(e, &failed->values);
    if (given)
        buf_addf(&e->out, " (here: %.*s)", STR_ARG(value_text(given, STR("several"))));
    else
        buf_addf(&e->out, " (not given: --with %.*s=…)", STR_ARG(failed->key));
}

static void print_statement(struct explaining *e, enum iam_kind kind, const struct iam_statement *statement)
{
    const struct iam_condition *failed = NULL;
    enum iam_fit fit = iam_statement_fits(&e->request, statement, kind, &failed);
    buf_addf(&e->out, "    %s statement %zu%s%.*s%s: ", fit == IAM_FITS ? "*" : " ", statement->number,
        statement->sid.n ? " (" : "", STR_ARG(statement->sid), statement->sid.n ? ")" : "");
    switch (fit) {
    case IAM_FITS: buf_addz(&e->out, statement->deny ? "denies it" : "allows it"); break;
    case IAM_OTHER_ACTION:
        buf_addz(
            &e->out, statement->not_action ? "is not about these actions: " : "is about other actions: ");
        print_patterns(e, &statement->actions);
        break;
    case IAM_OTHER_RESOURCE:
        buf_addz(&e->out,
            statement->not_resource ? "is not about these resources: " : "is about other resources: ");
        print_patterns(e, &statement->resources);
        break;
    case IAM_OTHER_PRINCIPAL: buf_addz(&e->out, "is for somebody else"); break;
    case IAM_CONDITION_FAILS: print_failed(e, failed); break;
    }
    buf_add_char(&e->out, '\n');
}

static void print_policies(struct explaining *e)
{
    for (size_t i = 0; i < e->n; i++) {
        const struct iam_attached *one = &e->attached[i];
        buf_addf(&e->out, "  %s %.*s\n", iam_kind_name(one->kind, false), STR_ARG(one->policy->name));
        for (size_t k = 0; k < one->policy->n; k++)
            print_statement(e, one->kind, &one->policy->statements[k]);
    }
    if (!e->n)
        buf_addz(&e->out, "  it has no policies\n");
    buf_add_str(&e->out, buf_str(&e->unread));
}

static void print_verdict(struct explaining *e, const struct iam_decision *decision)
{
    struct str role = path_base(e->request.who.role_arn);
    buf_addf(&e->out, "%.*s %s %.*s on %.*s", STR_ARG(role), decision->allowed ? "may" : "may not",
        STR_ARG(e->request.action), STR_ARG(e->request.resource));
    if (decision->statement)
        buf_addf(&e->out, ": statement %zu of %s %.*s %s it\n", decision->statement->number,
            iam_kind_name(decision->kind, false), STR_ARG(decision->policy->name),
            decision->statement->deny ? "denies" : "allows");
    else
        buf_addf(&e->out, ": no %s allows it\n", iam_kind_name(decision->kind, false));
}

static void print_missing(struct explaining *e, const struct iam_decision *decision)
{
    if (decision->allowed || decision->explicit || decision->kind == IAM_RESOURCE)
        return;
    buf_addf(&e->out,
        "\nWhat is missing from its %s: {\"Effect\": \"Allow\", \"Action\": \"%.*s\", \"Resource\": "
        "\"%.*s\"}\n",
        decision->kind == IAM_BOUNDARY ? "permissions boundary" : "policies", STR_ARG(e->request.action),
        STR_ARG(e->request.resource));
}

static int explain(struct explaining *e, const struct policy_why *why)
{
    struct err err = ERR_INIT;
    const struct value *role;
    struct str name = path_base(why->role);
    if (read_by(e, "aws.iam.role", "name", name, &role, &err))
        return invocation_fail(e->inv, &err);
    if (!role) {
        err_set(&err, ERR_ABSENT, "there is no role \"%.*s\"", STR_ARG(name));
        return invocation_fail(e->inv, &err);
    }
    e->request.action = why->action;
    e->request.resource = why->resource;
    read_principal(e, value_gets(role, "arn"));
    int status = read_context(e, why);
    if (status != EXIT_DONE)
        return status;
    if (attach_role(e, role, &err))
        return invocation_fail(e->inv, &err);
    attach_resource(e);
    struct iam_decision decision = iam_decide(&e->request, e->attached, e->n, e->rule);
    print_verdict(e, &decision);
    print_policies(e);
    print_missing(e, &decision);
    AUTO_BUF struct buf safe = BUF_INIT; /* names and patterns come from the account */
    text_add_safe(&safe, buf_str(&e->out), true);
    status = invocation_write(e->inv, buf_str(&safe));
    return status == EXIT_DONE && !decision.allowed ? EXIT_CHANGES : status;
}

int policy_why(struct invocation *inv, struct workspace *workspace, const struct policy_why *why)
{
    struct explaining e = {.inv = inv, .workspace = workspace};
    int status = explain(&e, why);
    buf_release(&e.out);
    buf_release(&e.unread);
    return status;
}
