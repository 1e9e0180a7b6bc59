/*
 * Policies of functions and layer versions. Statements are records; a policy is built from them, and its
 * revision is derived from them.
 */
#include "sandbox/services/lambda/lambda.h"

#include "base/json.h"
#include "sandbox/engine/view.h"

enum { MAX_POLICY = 20480 }; /* bytes */

static const char no_policy[] = "No policy is associated with the given resource.";

struct policy {
    const char *type;      /* type of the statements' records */
    const char *of, *part; /* their attributes: name of the function or layer, and qualifier or version */
    struct str name, qualifier, arn;
    const char *get, *none;       /* operation that reads the policy, and its message if there is none */
    struct control_record record; /* has a note that counts removed statements */
};

static struct policy function_policy(const struct service_call *call, const struct control_record *record)
{
    struct str qualifier = value_gets(call->input, "Qualifier"), arn = value_gets(record->attrs, "arn");
    return (struct policy){.type = "aws.lambda.permission",
        .of = "function",
        .part = "qualifier",
        .name = record->id,
        .qualifier = qualifier,
        .arn = qualifier.n ? arena_printf(call->arena, "%.*s:%.*s", STR_ARG(arn), STR_ARG(qualifier)) : arn,
        .get = "GetPolicy",
        .none = "The resource you requested does not exist.",
        .record = *record};
}

/* The layer's name may be an ARN. */
static int layer_policy(struct service_call *call, struct policy *out, struct err *err)
{
    struct str name = str_last_part(value_gets(call->input, "LayerName"), ":");
    call->input = value_with(call->arena, call->input, STR("LayerName"), value_string(call->arena, name));
    *out = (struct policy){.type = "aws.lambda.layer_permission",
        .of = "layer",
        .part = "version",
        .name = name,
        .qualifier = value_scalar_text(call->arena, value_getz(call->input, "VersionNumber")),
        .get = "GetLayerPolicy",
        .none = no_policy};
    out->arn = arena_printf(call->arena, "arn:aws:lambda:%.*s:%.*s:layer:%.*s:%.*s", STR_ARG(call->region),
        STR_ARG(services_account(call->services)), STR_ARG(out->name), STR_ARG(out->qualifier));
    return service_find(call, STR("aws.lambda.layer_version"), out->arn, &out->record)
               ? 0
               : service_refuse(err, 404, "ResourceNotFoundException", "Layer version %.*s does not exist.",
                     STR_ARG(out->arn));
}

static const struct value *layer_statement(
    struct arena *arena, const struct control_record *record, struct str arn)
{
    struct value_builder b = VALUE_BUILDER(arena);
    struct str organization = value_gets(record->attrs, "organization"),
               principal = value_gets(record->attrs, "principal");
    view_set(&b, "Sid", value_getz(record->attrs, "statement_id"));
    view_text(&b, "Effect", STR("Allow"));
    view_set(&b, "Principal", gate_principal(arena, principal));
    view_set(&b, "Action", value_getz(record->attrs, "action"));
    view_text(&b, "Resource", arn);
    if (organization.n)
        view_set(&b, "Condition",
            value_with(arena, NULL, STR("StringEquals"),
                value_with(arena, NULL, STR("aws:PrincipalOrgID"), value_string(arena, organization))));
    return value_builder_map(&b);
}

/* Returns the policy's statements (only that with id `only`, unless it is ""), and the policy's revision. */
static const struct value *statements_of(
    const struct service_call *call, const struct policy *policy, struct str only, struct str *revision)
{
    AUTO_BUF struct buf text = BUF_INIT;
    struct value_builder list = VALUE_BUILDER(call->arena);
    size_t n;
    const struct value *removed = service_note_read(call, "policies", &policy->record);
    buf_addf(&text, "%lld\n", (long long)service_int(removed, "removed", 0));
    bool function = str_eqz(STR("function"), policy->of);
    const struct control_record *all = control_list_having(
        services_control(call->services), call->arena, str_z(policy->type), call->region, policy->name, &n);
    for (size_t i = 0; i < n; i++) {
        if (!str_eq(value_gets(all[i].attrs, policy->of), policy->name) ||
            !str_eq(
                value_scalar_text(call->arena, value_getz(all[i].attrs, policy->part)), policy->qualifier))
            continue;
        buf_addf(&text, "%.*s %lld\n", STR_ARG(all[i].id), (long long)all[i].created_ms);
        if (!only.n || str_eq(value_gets(all[i].attrs, "statement_id"), only))
            value_builder_add(&list, function ? gate_function_statement(call->arena, &all[i], policy->arn)
                                              : layer_statement(call->arena, &all[i], policy->arn));
    }
    struct str hash = sha256_hex(call->arena, buf_str(&text));
    *revision = arena_printf(call->arena, "%.8s-%.4s-4%.3s-a%.3s-%.12s", hash.p, hash.p + 8, hash.p + 12,
        hash.p + 15, hash.p + 18);
    return value_builder_list(&list);
}

/* Returns the policy document as JSON text. */
static const struct value *document_of(struct arena *arena, const struct value *statements)
{
    return json_as_text(
        arena, VALUE_MAP(arena, {STR("Version"), value_stringz(arena, "2012-10-17")},
                   {STR("Id"), value_stringz(arena, "default")}, {STR("Statement"), statements}));
}

static int show_policy(struct service_call *call, const struct policy *policy, struct err *err)
{
    struct str revision;
    const struct value *statements = statements_of(call, policy, STR_EMPTY, &revision);
    if (!statements->count)
        return service_refuse(err, 404, "ResourceNotFoundException", "%s", policy->none);
    service_answer(call, "Policy", document_of(call->arena, statements));
    service_answer_text(call, "RevisionId", revision);
    return 0;
}

/* Checks the optional RevisionId of a change. */
static int check_policy_revision(struct service_call *call, const struct policy *policy, struct err *err)
{
    struct str revision,
        asked = value_gets(call->input, "RevisionId"),
        id = arena_printf(call->arena, "%.*s/%.*s", STR_ARG(policy->name), STR_ARG(policy->qualifier));
    struct control_record alias;
    if (!statements_of(call, policy, STR_EMPTY, &revision)->count &&
        service_find(call, STR("aws.lambda.alias"), id, &alias)) /* the first statement changes the alias */
        revision = value_gets(alias.attrs, "revision_id");
    call->input = value_with(call->arena, call->input, STR("RevisionId"), NULL);
    return !asked.n || str_eq(asked, revision)
               ? 0
               : service_refuse(err, 412, "PreconditionFailedException",
                     "The Revision Id provided does not match the latest Revision Id. Call the %s API to "
                     "retrieve the latest Revision Id",
                     policy->get);
}

/* Removes the statement just added if the policy exceeds its size limit. */
static int check_length(
    struct service_call *call, const struct policy *policy, const char *remove, struct err *err)
{
    static const char *const members[] = {
        "FunctionName", "Qualifier", "LayerName", "VersionNumber", "StatementId"};
    AUTO_BUILDER struct value_builder input = VALUE_BUILDER(call->arena);
    struct str unused;
    const struct value *statements = statements_of(call, policy, STR_EMPTY, &unused), *ignored;
    size_t n = document_of(call->arena, statements)->string.n;
    if (n <= MAX_POLICY)
        return 0;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        view_set(&input, members[i], value_getz(call->input, members[i]));
    if (service_control(call, remove, value_builder_map(&input), &ignored, err))
        return -1;
    return service_refuse(err, 400, "PolicyLengthExceededException",
        "The final policy size (%zu) is bigger than the limit (%d).", n, MAX_POLICY);
}

static int add_statement(struct service_call *call, const struct policy *policy, bool shows, struct err *err)
{
    struct str revision, id = value_gets(call->input, "StatementId");
    const struct value *made;
    if (check_policy_revision(call, policy, err) ||
        service_control(call, call->operation->name, call->input, &made, err) ||
        check_length(call, policy, shows ? "RemoveLayerVersionPermission" : "RemovePermission", err))
        return -1;
    const struct value *statement = statements_of(call, policy, id, &revision);
    service_answer(call, "Statement", json_as_text(call->arena, statement->items[0]));
    service_answer(call, "RevisionId", shows ? value_string(call->arena, revision) : NULL);
    return 0;
}

static int remove_statement(struct service_call *call, const struct policy *policy, struct err *err)
{
    struct str revision, id = value_gets(call->input, "StatementId");
    bool any = statements_of(call, policy, STR_EMPTY, &revision)->count > 0;
    if (!statements_of(call, policy, id, &revision)->count)
        return any ? service_refuse(err, 404, "ResourceNotFoundException",
                         "Statement %.*s is not found in resource policy.", STR_ARG(id))
                   : service_refuse(err, 404, "ResourceNotFoundException", "%s", no_policy);
    int64_t removed = service_int(service_note_read(call, "policies", &policy->record), "removed", 0);
    return check_policy_revision(call, policy, err) ||
                   service_control(call, call->operation->name, call->input, &call->output, err) ||
                   service_note_write(call, "policies", &policy->record,
                       value_with(call->arena, NULL, STR("removed"), value_int(call->arena, removed + 1)),
                       err)
               ? -1
               : 0;
}

/* ---- functions ---- */

int lambda_get_policy(struct service_call *call, struct err *err)
{
    struct control_record record;
    struct str qualifier;
    if (lambda_find_record(call, &qualifier, &record, ERR_IGNORED))
        return service_refuse(
            err, 404, "ResourceNotFoundException", "The resource you requested does not exist.");
    const struct policy policy = function_policy(call, &record);
    return show_policy(call, &policy, err);
}

int lambda_add_permission(struct service_call *call, struct err *err)
{
    struct control_record record;
    struct str qualifier = value_gets(call->input, "Qualifier"), unused;
    if (str_eqz(qualifier, "$LATEST"))
        return service_refuse(err, 400, "InvalidParameterValueException",
            "We currently do not support adding policies for $LATEST.");
    if (qualifier.n ? lambda_find_target(call, qualifier, &record, err)
                    : lambda_find_record(call, &unused, &record, err))
        return -1;
    const struct policy policy = function_policy(call, &record);
    return add_statement(call, &policy, false, err);
}

int lambda_remove_permission(struct service_call *call, struct err *err)
{
    struct control_record record;
    struct str qualifier = value_gets(call->input, "Qualifier"), unused;
    if (lambda_find_record(call, &unused, &record, ERR_IGNORED))
        return service_refuse(err, 404, "ResourceNotFoundException",
            "No policy found for: arn:aws:lambda:%.*s:%.*s:function:%.*s", STR_ARG(call->region),
            STR_ARG(services_account(call->services)), STR_ARG(value_gets(call->input, "FunctionName")));
    if (qualifier.n && lambda_find_target(call, qualifier, &record, err))
        return -1;
    const struct policy policy = function_policy(call, &record);
    return remove_statement(call, &policy, err);
}

/* ---- layers ---- */

int lambda_get_layer_policy(struct service_call *call, struct err *err)
{
    struct policy policy;
    return layer_policy(call, &policy, err) || show_policy(call, &policy, err) ? -1 : 0;
}

int lambda_add_layer_permission(struct service_call *call, struct err *err)
{
    struct policy policy;
    return layer_policy(call, &policy, err) || add_statement(call, &policy, true, err) ? -1 : 0;
}

int lambda_remove_layer_permission(struct service_call *call, struct err *err)
{
    struct policy policy;
    return layer_policy(call, &policy, err) || remove_statement(call, &policy, err) ? -1 : 0;
}
