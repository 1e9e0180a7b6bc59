/* Roles that services take on for what they run: see roles.h. */
#include "sandbox/services/iam/roles.h"

static struct str arn_of_role(const struct service_call *call, struct str role)
{
    return str_starts(role, STR("arn:")) ? role
                                         : arena_printf(call->arena, "arn:aws:iam::%.*s:role/%.*s",
                                               STR_ARG(services_account(call->services)), STR_ARG(role));
}

int role_may_be_passed(const struct service_call *call, struct str role, const char *service, struct err *err)
{
    const struct value_entry to = {STR("iam:passedtoservice"), value_stringz(call->arena, service)};
    const struct gate_action passing = {.who = {.session = call->caller},
        .service = str_z(call->operation->service),
        .action = STR("iam:PassRole"),
        .resource = arn_of_role(call, role),
        .region = call->region,
        .context = value_map(call->arena, &to, 1)};
    if (!role.n || !session_is_limited(call->caller))
        return 0;
    return gate_check_action(sandbox_gate(services_sandbox(call->services)), call->arena, &passing, err);
}

bool role_is_trusting(struct services *services, struct arena *arena, struct str role, const char *service)
{
    return !role.n ||
           gate_trusts(sandbox_gate(services_sandbox(services)), arena, role, str_z(service), STR_EMPTY);
}
