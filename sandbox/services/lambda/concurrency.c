/*
 * Reserved concurrency of functions, and provisioned concurrency of versions and aliases. Provisioned
 * concurrency is in a note beside the function: {configs: [{qualifier, requested, changed_ms}]}.
 */
#include "sandbox/services/lambda/lambda.h"

#include "base/clock.h"
#include "sandbox/engine/view.h"

enum { CONCURRENT = 1000, LEFT = 100, READY_MS = 2000, MAX_CONFIGS = 50 };

/* Returns the configurations of versions and aliases that still exist. */
static const struct value *configs_of(const struct service_call *call, const struct control_record *record)
{
    const struct value *all = service_note_list(call, "provisioned", record, "configs");
    struct value_builder kept = VALUE_BUILDER(call->arena);
    for (uint32_t i = 0; i < all->count; i++) {
        struct control_record alias, version;
        struct str qualifier = value_gets(all->items[i], "qualifier"),
                   id = arena_printf(call->arena, "%.*s/%.*s", STR_ARG(record->id), STR_ARG(qualifier));
        bool aliased = service_find(call, STR("aws.lambda.alias"), id, &alias) &&
                       alias.created_ms <= service_int(all->items[i], "changed_ms", 0);
        if (aliased || lambda_version_find(call, record, qualifier, &version))
            value_builder_add(&kept, all->items[i]);
    }
    return value_builder_list(&kept);
}

/* Returns the sum of provisioned concurrency, except that of qualifier `but`. */
static int64_t provisioned(const struct value *configs, struct str but)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < configs->count; i++)
        if (!str_eq(value_gets(configs->items[i], "qualifier"), but))
            sum += service_int(configs->items[i], "requested", 0);
    return sum;
}

/* Returns the concurrency reserved by (or else provisioned for) all functions except `but`. */
static int64_t given_away(const struct service_call *call, struct str but)
{
    size_t n;
    int64_t sum = 0;
    const struct control_record *all = service_list(call, STR("aws.lambda.function"), &n);
    for (size_t i = 0; i < n; i++) {
        int64_t own = service_int(all[i].attrs, "reserved_concurrency", -1);
        if (!str_eq(all[i].id, but))
            sum += own >= 0 ? own : provisioned(configs_of(call, &all[i]), STR_EMPTY);
    }
    return sum;
}

static int refuse_too_many(struct service_call *call, const char *member, struct err *err)
{
    return lambda_refuse_untyped(call, err,
        arena_printf(call->arena,
            "Specified %s for function decreases account's UnreservedConcurrentExecution below its minimum "
            "value of [%d].",
            member, LEFT));
}

int lambda_put_concurrency(struct service_call *call, struct err *err)
{
    struct control_record record;
    struct str qualifier;
    int64_t wanted = service_int(call->input, "ReservedConcurrentExecutions", 0);
    if (lambda_find_record(call, &qualifier, &record, err))
        return -1;
    if (qualifier.n)
        return service_refuse(err, 400, "InvalidParameterValueException",
            "This operation is permitted on Lambda functions only. Aliases and versions do not support this "
            "operation. Please specify either a function name or an unqualified function ARN.");
    int64_t own = provisioned(configs_of(call, &record), STR_EMPTY);
    if (wanted < own)
        return lambda_refuse_untyped(call, err,
            arena_printf(call->arena,
                " ReservedConcurrentExecutions  %lld should not be lower than function's total provisioned "
                "concurrency [%lld].",
                (long long)wanted, (long long)own));
    call->declined = CONCURRENT - given_away(call, record.id) - wanted >= LEFT;
    return call->declined ? 0 : refuse_too_many(call, "ReservedConcurrentExecutions", err);
}

int lambda_account_settings(struct service_call *call, struct err *err UNUSED)
{
    struct value_builder limit = VALUE_BUILDER(call->arena), usage = VALUE_BUILDER(call->arena);
    size_t n;
    int64_t bytes = lambda_code_size(call, &n);
    view_int(&limit, "TotalCodeSize", INT64_C(80530636800));
    view_int(&limit, "CodeSizeUnzipped", LAMBDA_MAX_UNZIPPED);
    view_int(&limit, "CodeSizeZipped", LAMBDA_MAX_ZIPPED);
    view_int(&limit, "ConcurrentExecutions", CONCURRENT);
    view_int(&limit, "UnreservedConcurrentExecutions", CONCURRENT - given_away(call, STR_EMPTY));
    view_int(&usage, "TotalCodeSize", bytes);
    view_int(&usage, "FunctionCount", (int64_t)n);
    service_answer(call, "AccountLimit", value_builder_map(&limit));
    service_answer(call, "AccountUsage", value_builder_map(&usage));
    return 0;
}

/* ---- provisioned concurrency ---- */

static const struct value *view_config(
    const struct service_call *call, const struct value *config, bool fresh)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    int64_t changed_ms = service_int(config, "changed_ms", 0),
            requested = service_int(config, "requested", 0);
    bool ready = !fresh && clock_wall_ms() - changed_ms >=
                               (int64_t)(READY_MS / sandbox_speed(services_sandbox(call->services)));
    view_int(&b, "RequestedProvisionedConcurrentExecutions", requested);
    view_int(&b, "AllocatedProvisionedConcurrentExecutions", ready ? requested : 0);
    view_int(&b, "AvailableProvisionedConcurrentExecutions", ready ? requested : 0);
    view_text(&b, "Status", ready ? STR("READY") : STR("IN_PROGRESS"));
    view_text(&b, "LastModified", time_rfc3339(call->arena, changed_ms, true));
    return value_builder_map(&b);
}

/* Finds the function, and checks that Qualifier is a version or alias. */
static int find_provided(
    const struct service_call *call, const char *latest, struct control_record *record, struct err *err)
{
    struct str qualifier = value_gets(call->input, "Qualifier");
    if (str_eqz(qualifier, "$LATEST"))
        return service_refuse(err, 400, "InvalidParameterValueException", "%s", latest);
    return lambda_find_target(call, qualifier, record, err);
}

/* A version and an alias of it cannot both have provisioned concurrency. */
static int check_apart(const struct service_call *call, const struct control_record *record,
    const struct value *configs, struct str qualifier, struct err *err)
{
    size_t n;
    const struct control_record *all = service_list(call, STR("aws.lambda.alias"), &n);
    for (size_t i = 0; i < n; i++) {
        struct str name = value_gets(all[i].attrs, "name"),
                   version = value_gets(all[i].attrs, "function_version");
        if (!str_eq(value_gets(all[i].attrs, "function"), record->id))
            continue;
        if (str_eq(name, qualifier) && value_list_find(configs, "qualifier", version))
            return service_refuse(err, 409, "ResourceConflictException",
                "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned "
                "version");
        if (str_eq(version, qualifier) && value_list_find(configs, "qualifier", name))
            return service_refuse(err, 409, "ResourceConflictException",
                "Version is pointed by a Provisioned Concurrency alias");
    }
    return 0;
}

/* Stores the configurations with that of the qualifier replaced by `more` (NULL: removed). */
static int keep_configs(const struct service_call *call, const struct control_record *record,
    const struct value *configs, struct str qualifier, const struct value *more, struct err *err)
{
    configs = value_list_except(call->arena, configs, value_list_find(configs, "qualifier", qualifier));
    if (more)
        configs = value_list_with(call->arena, configs, more);
    return service_note_list_write(call, "provisioned", record, "configs", configs, err);
}

/* Checks that enough concurrency is left, of the function's reserved or the account's unreserved
 * concurrency. */
static int check_wanted(struct service_call *call, const struct control_record *record, int64_t others,
    int64_t wanted, struct err *err)
{
    int64_t reserved = service_int(record->attrs, "reserved_concurrency", -1);
    if (reserved >= 0)
        return others + wanted <= reserved
                   ? 0
                   : service_refuse(err, 400, "InvalidParameterValueException",
                         "Requested Provisioned Concurrency should not be greater than the "
                         "reservedConcurrentExecution for function");
    int64_t left = CONCURRENT - given_away(call, record->id) - others;
    if (wanted > left)
        return lambda_refuse_untyped(call, err,
            arena_printf(call->arena,
                "Specified ConcurrentExecutions for function is greater than account's unreserved "
                "concurrency [%lld].",
                (long long)left));
    return left - wanted >= LEFT ? 0 : refuse_too_many(call, "ConcurrentExecutions", err);
}

int lambda_put_provisioned(struct service_call *call, struct err *err)
{
    struct control_record record;
    struct str qualifier = value_gets(call->input, "Qualifier");
    int64_t wanted = service_int(call->input, "ProvisionedConcurrentExecutions", 0);
    if (find_provided(call,
            "Provisioned Concurrency Configs cannot be applied to unpublished function versions.", &record,
            err))
        return -1;
    const struct value *configs = configs_of(call, &record),
                       *config =
                           VALUE_MAP(call->arena, {STR("qualifier"), value_string(call->arena, qualifier)},
                               {STR("requested"), value_int(call->arena, wanted)},
                               {STR("changed_ms"), value_int(call->arena, clock_wall_ms())});
    if (check_apart(call, &record, configs, qualifier, err) ||
        check_wanted(call, &record, provisioned(configs, qualifier), wanted, err) ||
        keep_configs(call, &record, configs, qualifier, config, err))
        return -1;
    call->output = view_config(call, config, true);
    return 0;
}

static const char no_version[] = "The function resource provided must be an alias or a published version.";

int lambda_get_provisioned(struct service_call *call, struct err *err)
{
    struct control_record record;
    if (find_provided(call, no_version, &record, err))
        return -1;
    const struct value *config =
        value_list_find(configs_of(call, &record), "qualifier", value_gets(call->input, "Qualifier"));
    if (!config)
        return service_refuse(err, 404, "ProvisionedConcurrencyConfigNotFoundException",
            "No Provisioned Concurrency Config found for this function");
    call->output = view_config(call, config, false);
    return 0;
}

int lambda_delete_provisioned(struct service_call *call, struct err *err)
{
    struct control_record record;
    if (find_provided(call, no_version, &record, err))
        return -1;
    return keep_configs(
        call, &record, configs_of(call, &record), value_gets(call->input, "Qualifier"), NULL, err);
}

int lambda_list_provisioned(struct service_call *call, struct err *err)
{
    struct control_record record;
    struct str qualifier;
    struct value_builder list = VALUE_BUILDER(call->arena);
    if (lambda_find_record(call, &qualifier, &record, err))
        return -1;
    const struct value *configs = configs_of(call, &record);
    for (uint32_t i = 0; i < configs->count; i++) {
        struct str arn = arena_printf(call->arena, "%.*s:%.*s", STR_ARG(value_gets(record.attrs, "arn")),
            STR_ARG(value_gets(configs->items[i], "qualifier")));
        value_builder_add(&list, value_with(call->arena, view_config(call, configs->items[i], false),
                                     STR("FunctionArn"), value_string(call->arena, arn)));
    }
    return service_answer_page(
        call, "ProvisionedConcurrencyConfigs", value_builder_list(&list), MAX_CONFIGS, err);
}
