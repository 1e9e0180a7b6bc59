/* The password for docker login. There is no registry behind it: images are pushed nowhere. */
#include "base/clock.h"
#include "base/hash.h"
#include "sandbox/calls/services.h"
#include "sandbox/engine/view.h"

enum { HALF_A_DAY_MS = 12 * 3600 * 1000 };

static int get_token(struct service_call *call, struct err *err UNUSED)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    struct str account = services_account(call->services);
    view_text(&b, "authorizationToken", base64_encode(call->arena, STR("AWS:sandbox")));
    view_set(&b, "expiresAt", service_time(call, clock_wall_ms() + HALF_A_DAY_MS));
    view_text(&b, "proxyEndpoint",
        arena_printf(
            call->arena, "https://%.*s.dkr.ecr.%.*s.amazonaws.com", STR_ARG(account), STR_ARG(call->region)));
    const struct value *one = value_builder_map(&b);
    service_answer(call, "authorizationData", value_list(call->arena, &one, 1));
    return 0;
}

const struct service_operation ecr_operations[] = {
    {"ecr", "GetAuthorizationToken", get_token, NULL, NULL},
    {0},
};
