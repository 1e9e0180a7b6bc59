/* Pipes as clients see them: one whose role may not read its source has failed, and why is said. */
#include "sandbox/services/pipes/pipes.h"

#include "sandbox/services/shared/tables.h"

enum { MAX_SHOWN = 100 };

/* What reading takes. */
static const struct {
    const char *service, *called, *actions;
} readings[] = {
    {"sqs", "SQS", "sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes"},
    {"kinesis", "Kinesis", "kinesis:GetRecords kinesis:GetShardIterator kinesis:DescribeStream"},
    {"dynamodb", "DynamoDB", "dynamodb:GetRecords dynamodb:GetShardIterator dynamodb:DescribeStream"},
};

struct str pipe_refused(struct services *services, struct arena *arena, const struct control_record *pipe)
{
    struct str source = value_gets(pipe->attrs, "source"), service = str_part(source, ':', 2);
    struct gate *gate = sandbox_gate(services_sandbox(services));
    const struct session session = services_role_session(value_gets(pipe->attrs, "role"), pipe->id);
    struct gate_action asked = {
        .who = {.session = &session}, .service = service, .resource = source, .region = pipe->region};
    for (size_t i = 0; i < sizeof readings / sizeof *readings; i++)
        for (struct str rest = str_z(readings[i].actions); str_eqz(service, readings[i].service) && rest.p;) {
            asked.action = str_cut(rest, ' ', &rest);
            if (gate_check_action(gate, arena, &asked, ERR_IGNORED))
                return arena_printf(arena,
                    "Input parameter is invalid from the request due to : The provided customer role does "
                    "not have permissions to call %.*s on %s",
                    STR_ARG(str_last_part(asked.action, ":")), readings[i].called);
        }
    return STR_EMPTY;
}

/* A pipe of an answer, as it is. */
static const struct value *pipe_shown(const struct service_call *call, const struct value *shown)
{
    struct control_record pipe;
    if (!str_eqz(value_gets(shown, "CurrentState"), "RUNNING") ||
        !service_find(call, STR("aws.pipes.pipe"), value_gets(shown, "Name"), &pipe))
        return shown;
    struct str why = pipe_refused(call->services, call->arena, &pipe);
    const char *failed = pipe.changed_ms > pipe.created_ms ? "UPDATE_FAILED" : "CREATE_FAILED";
    return !why.n ? shown
                  : value_merge(call->arena, shown,
                        VALUE_MAP(call->arena, {STR("CurrentState"), value_stringz(call->arena, failed)},
                            {STR("StateReason"), value_string(call->arena, why)}));
}

static int do_describe_pipe(struct service_call *call, struct err *err)
{
    if (service_control_same(call, err))
        return -1;
    call->output = pipe_shown(call, call->output);
    return 0;
}

/* Of a state, pages are of those that are shown in it. */
static int do_list_pipes(struct service_call *call, struct err *err)
{
    AUTO_BUILDER struct value_builder all = VALUE_BUILDER(call->arena);
    struct str state = value_gets(call->input, "CurrentState");
    const struct str own[] = {STR("CurrentState"), STR("Limit"), STR("NextToken")};
    const struct value *wanted = value_without(call->arena, call->input, own, 3), *found;
    if (service_control(call, "ListPipes", wanted, &found, err))
        return -1;
    const struct value *pipes = value_as_list(value_getz(found, "Pipes"));
    for (uint32_t i = 0; i < pipes->count; i++) {
        const struct value *shown = pipe_shown(call, pipes->items[i]);
        if (!state.n || str_eq(value_gets(shown, "CurrentState"), state))
            value_builder_add(&all, shown);
    }
    return service_answer_page(call, "Pipes", value_builder_list(&all), MAX_SHOWN, err);
}

#define ASKED(member)                                                                                        \
    {                                                                                                        \
        member, WIRE_QUERY_STRING, member                                                                    \
    }
static const struct service_binding listed_pipes[] = {ASKED("NamePrefix"), ASKED("DesiredState"),
    ASKED("CurrentState"), ASKED("SourcePrefix"), ASKED("TargetPrefix"), ASKED("NextToken"), ASKED("Limit"),
    {0}};

const struct service_operation pipes_operations[] = {
    {"pipes", "DescribePipe", do_describe_pipe, "GET /v1/pipes/{Name}", NULL},
    {"pipes", "ListPipes", do_list_pipes, "GET /v1/pipes", listed_pipes},
    {0},
};
