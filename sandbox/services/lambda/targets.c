/* Checks that functions, versions, aliases and destinations in requests exist. */
#include "sandbox/services/lambda/lambda.h"

#include "base/json.h"
#include "sandbox/notation/languages.h"

int lambda_find_target(
    const struct service_call *call, struct str qualifier, struct control_record *record, struct err *err)
{
    struct control_record found;
    struct str name, unused = STR_EMPTY;
    int64_t number;
    if (service_required(call, "FunctionName", &name, err))
        return -1;
    name = lambda_split_name(name, &unused);
    bool there = service_find(call, STR("aws.lambda.function"), name, record);
    if (str_to_int(qualifier, &number) || str_find_char(qualifier, '$', 0) >= 0)
        return there && lambda_version_find(call, record, qualifier, &found)
                   ? 0
                   : lambda_no_such(call, name, qualifier, err);
    struct str id = arena_printf(call->arena, "%.*s/%.*s", STR_ARG(name), STR_ARG(qualifier));
    return there && service_find(call, STR("aws.lambda.alias"), id, &found)
               ? 0
               : service_refuse(err, 404, "ResourceNotFoundException",
                     "Cannot find alias arn: arn:aws:lambda:%.*s:%.*s:function:%.*s:%.*s",
                     STR_ARG(call->region), STR_ARG(services_account(call->services)), STR_ARG(name),
                     STR_ARG(qualifier));
}

int lambda_refuse_untyped(struct service_call *call, struct err *err, struct str text)
{
    call->refusal = value_with(call->arena, NULL, STR("message"), value_string(call->arena, text));
    return service_refuse(err, 400, "InvalidParameterValueException", "%.*s", STR_ARG(text));
}

static bool is_pattern(struct arena *arena, struct str text)
{
    const struct value *pattern;
    return !json_parse(arena, text, &pattern, ERR_IGNORED) && pattern->kind == VALUE_MAP &&
           !event_fault_message(arena, pattern, text).n;
}

static int check_patterns(const struct service_call *call, struct err *err)
{
    const struct value *filters =
        value_as_list(value_getz(value_getz(call->input, "FilterCriteria"), "Filters"));
    for (uint32_t i = 0; i < filters->count; i++)
        if (value_getz(filters->items[i], "Pattern") &&
            !is_pattern(call->arena, value_gets(filters->items[i], "Pattern")))
            return service_refuse(
                err, 400, "InvalidParameterValueException", "Invalid filter pattern definition.");
    return 0;
}

/* Forwards the request with the function as NAME or NAME:QUALIFIER. */
static int forward_source(struct service_call *call, struct err *err)
{
    struct control_record record;
    struct str qualifier = STR_EMPTY,
               name = lambda_split_name(value_gets(call->input, "FunctionName"), &qualifier);
    bool plain = !qualifier.n || str_eqz(qualifier, "$LATEST");
    if (plain ? !service_find(call, STR("aws.lambda.function"), name, &record)
              : lambda_find_target(call, qualifier, &record, ERR_IGNORED))
        return service_refuse(err, 400, "InvalidParameterValueException", "Function does not exist");
    if (qualifier.n)
        name = arena_printf(call->arena, "%.*s:%.*s", STR_ARG(name), STR_ARG(qualifier));
    call->forward =
        value_with(call->arena, call->input, STR("FunctionName"), value_string(call->arena, name));
    return 0;
}

int lambda_update_source(struct service_call *call, struct err *err)
{
    call->declined = !value_getz(call->input, "FunctionName");
    return check_patterns(call, err) || (!call->declined && forward_source(call, err)) ? -1 : 0;
}

int lambda_create_source(struct service_call *call, struct err *err)
{
    struct control_record queue;
    const struct value *destinations = value_getz(call->input, "DestinationConfig");
    struct str source = value_gets(call->input, "EventSourceArn");
    if (!value_getz(call->input, "EventSourceArn"))
        return service_refuse(err, 400, "InvalidParameterValueException", "Unrecognized event source.");
    if (value_gets(value_getz(destinations, "OnSuccess"), "Destination").n)
        return service_refuse(err, 400, "InvalidParameterValueException",
            "Unsupported DestinationConfig parameter for given event source mapping type.");
    if (forward_source(call, err) || check_patterns(call, err))
        return -1;
    return !arn_is_of(source, "sqs") || service_find(call, STR("aws.sqs.queue"), source, &queue)
               ? 0
               : service_refuse(err, 400, "InvalidParameterValueException",
                     "Error occurred while ReceiveMessage. SQS Error Code: "
                     "AWS.SimpleQueueService.NonExistentQueue. SQS Error Message: The specified queue does "
                     "not exist.");
}

/* Checks that the URL's function or alias exists. */
int lambda_url(struct service_call *call, struct err *err)
{
    struct control_record record;
    struct str qualifier = value_gets(call->input, "Qualifier"), unused;
    call->declined = !(qualifier.n ? lambda_find_target(call, qualifier, &record, ERR_IGNORED)
                                   : lambda_find_record(call, &unused, &record, ERR_IGNORED));
    return call->declined ? 0
                          : service_refuse(err, 404, "ResourceNotFoundException", "Function does not exist");
}

/* ---- aliases ---- */

static int find_version(
    struct service_call *call, struct str version, struct control_record *record, struct err *err)
{
    struct str unused;
    if (str_eqz(version, "$LATEST"))
        return lambda_find_record(call, &unused, record, err);
    return lambda_find_target(call, version, record, err);
}

/* Checks the second version of an alias's routing configuration. */
static int check_routing(
    struct service_call *call, struct str version, const struct value *weights, struct err *err)
{
    struct control_record record;
    if (!weights || weights->kind != VALUE_MAP || !weights->count)
        return 0;
    struct str second = weights->entries[0].key;
    if (weights->count > 1)
        return service_refuse(err, 400, "InvalidParameterValueException",
            "Number of items in AdditionalVersionWeights cannot be greater than 1");
    if (str_eqz(version, "$LATEST"))
        return lambda_refuse_untyped(
            call, err, STR("$LATEST is not supported for an alias pointing to more than 1 version"));
    if (str_eq(second, version))
        return service_refuse(err, 400, "InvalidParameterValueException",
            "Invalid function version %.*s. Function version %.*s is already included in routing "
            "configuration.",
            STR_ARG(version), STR_ARG(version));
    return find_version(call, second, &record, err);
}

int lambda_alias(struct service_call *call, struct err *err)
{
    struct control_record record, alias;
    const struct value *given = value_getz(call->input, "FunctionVersion"),
                       *weights =
                           value_getz(value_getz(call->input, "RoutingConfig"), "AdditionalVersionWeights");
    struct str id = arena_printf(call->arena, "%.*s/%.*s", STR_ARG(value_gets(call->input, "FunctionName")),
                   STR_ARG(value_gets(call->input, "Name"))),
               revision = value_gets(call->input, "RevisionId");
    bool there = service_find(call, STR("aws.lambda.alias"), id, &alias);
    bool update = !strcmp(call->operation->name, "UpdateAlias");
    struct str version =
        given || !there ? value_text(given, STR_EMPTY) : value_gets(alias.attrs, "function_version");
    if (there == update && version.n &&
        (find_version(call, version, &record, err) || check_routing(call, version, weights, err)))
        return -1;
    if (there && revision.n && !str_eq(revision, value_gets(alias.attrs, "revision_id")))
        return lambda_refuse_revision(err);
    call->forward = value_with(call->arena, call->input, STR("RevisionId"), NULL);
    return 0;
}

/* ---- asynchronous invocation settings ---- */

/* Checks a destination, if given: a supported service, not the function itself, and an existing function. */
static int check_destination(
    struct service_call *call, const struct control_record *function, struct str arn, struct err *err)
{
    const struct value *config = value_getz(call->input, "DestinationConfig");
    struct str success = value_gets(value_getz(config, "OnSuccess"), "Destination"),
               failure = value_gets(value_getz(config, "OnFailure"), "Destination"),
               kind = str_part(arn, ':', 2);
    struct control_record found;
    if (!arn.n)
        return 0;
    if (!str_is_any(kind, "sqs sns lambda events s3"))
        return service_refuse(err, 400, "InvalidParameterValueException",
            "The provided destination config DestinationConfig(onSuccess=%s%.*s%s, onFailure=%s%.*s%s) is "
            "invalid.",
            success.n ? "OnSuccess(destination=" : "null", STR_ARG(success), success.n ? ")" : "",
            failure.n ? "OnFailure(destination=" : "null", STR_ARG(failure), failure.n ? ")" : "");
    if (str_eq(arn, value_gets(function->attrs, "arn")))
        return service_refuse(err, 400, "InvalidParameterValueException",
            "You can't specify the function as a destination for itself.");
    return !str_eqz(kind, "lambda") ||
                   service_find(call, STR("aws.lambda.function"), str_part(arn, ':', 6), &found)
               ? 0
               : service_refuse(err, 400, "InvalidParameterValueException",
                     "The destination ARN %.*s is invalid.", STR_ARG(arn));
}

static const char no_function[] = "The function doesn't exist.";

int lambda_list_invoke(struct service_call *call, struct err *err)
{
    struct control_record record;
    struct str unused;
    call->declined = !lambda_find_record(call, &unused, &record, ERR_IGNORED);
    return call->declined ? 0 : service_refuse(err, 404, "ResourceNotFoundException", "%s", no_function);
}

int lambda_put_invoke(struct service_call *call, struct err *err)
{
    struct control_record record;
    struct str qualifier = value_gets(call->input, "Qualifier"), unused;
    const struct value *config = value_getz(call->input, "DestinationConfig");
    bool plain = !qualifier.n || str_eqz(qualifier, "$LATEST");
    if (!config && !value_getz(call->input, "MaximumRetryAttempts") &&
        !value_getz(call->input, "MaximumEventAgeInSeconds"))
        return service_refuse(err, 400, "InvalidParameterValueException",
            "You must specify at least one of error handling or destination setting.");
    if (plain ? lambda_find_record(call, &unused, &record, ERR_IGNORED)
              : lambda_find_target(call, qualifier, &record, ERR_IGNORED))
        return service_refuse(err, 404, "ResourceNotFoundException", "%s", no_function);
    call->declined =
        !check_destination(call, &record, value_gets(value_getz(config, "OnSuccess"), "Destination"), err) &&
        !check_destination(call, &record, value_gets(value_getz(config, "OnFailure"), "Destination"), err);
    return call->declined ? 0 : -1;
}
