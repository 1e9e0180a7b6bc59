/*
 * Operations that the page asks for, carried out as a client's would be. What it shows needs few, and what
 * gives secrets away (GetSecretValue, GetParameter, credentials) is none of them.
 */
#include "sandbox/console/console.h"

#include "sandbox/calls/services.h"

static const struct {
    const char *service, *operation;
    bool writes;
} asked[] = {
    {"athena", "GetQueryExecution", false},
    {"athena", "GetQueryResults", false},
    {"athena", "StartQueryExecution", true},
    {"glue", "BatchStopJobRun", true},
    {"glue", "GetPartitions", false},
    {"glue", "StartJobRun", true},
    {"logs", "DescribeLogStreams", false},
    {"logs", "GetLogEvents", false},
    {"s3", "GetObject", false},
    {"s3", "HeadObject", false},
    {"s3", "ListObjectsV2", false},
    {"states", "DescribeExecution", false},
    {"states", "DescribeStateMachine", false},
    {"states", "GetExecutionHistory", false},
    {"states", "ListExecutions", false},
    {"states", "StartExecution", true},
    {"states", "StopExecution", true},
};

static int may_ask(struct str service, struct str operation, bool write, struct err *err)
{
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        if (!str_eqz(service, asked[i].service) || !str_eqz(operation, asked[i].operation))
            continue;
        if (!asked[i].writes || write)
            return 0;
        return service_refuse(err, 403, "ReadOnly",
            "The console only looks: `weir sandbox --console-write` lets it start and change things.");
    }
    return service_refuse(err, 403, "NotOffered", "The console does not ask %.*s for %.*s.", STR_ARG(service),
        STR_ARG(operation));
}

int console_call(struct sandbox *sandbox, struct arena *arena, const struct value *request, bool write,
    const struct value **output, struct err *err)
{
    const struct service_request wanted = {.service = value_gets(request, "service"),
        .operation = value_gets(request, "operation"),
        .region = value_gets(request, "region"),
        .input = value_getz(request, "input")};
    if (wanted.input && wanted.input->kind != VALUE_MAP)
        return service_refuse(err, 400, "InvalidInput", "input is a map");
    if (may_ask(wanted.service, wanted.operation, write, err))
        return -1;
    struct services *services = sandbox_services(sandbox);
    if (!services)
        return service_refuse(err, 503, "Unavailable", "The services cannot be loaded.");
    return services_call(services, arena, &wanted, output, err);
}
