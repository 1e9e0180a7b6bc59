/*
 * Operations that the page asks for, carried out as a client's would be. What it shows needs few, and what
 * gives secrets away (GetSecretValue, GetParameter, credentials) is none of them.
 */
#include "sandbox/console/console.h"

#include "sandbox/calls/services.h"

/* What it calls, by service. */
static const struct {
    const char *service, *reading, *writing;
} asked[] = {
    {"athena", "GetQueryExecution GetQueryResults", "StartQueryExecution"},
    {"glue", "GetPartitions", "BatchStopJobRun StartJobRun"},
    {"logs", "DescribeLogStreams GetLogEvents", ""},
    {"s3", "GetObject HeadObject ListObjectsV2", ""},
    {"states", "DescribeExecution DescribeStateMachine GetExecutionHistory ListExecutions",
        "StartExecution StopExecution"},
};

static int may_ask(struct str service, struct str operation, bool write, struct err *err)
{
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        bool reads = str_is_any(operation, asked[i].reading);
        if (!str_eqz(service, asked[i].service) || (!reads && !str_is_any(operation, asked[i].writing)))
            continue;
        if (reads || write)
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
