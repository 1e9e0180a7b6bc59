/* Whether what a request is about is there. API Gateway looks from the API down, and names the part that is
 * missing. */
#include "sandbox/services/apigateway/apigateway.h"

#include "base/hash.h"
#include "sandbox/http/exchange.h"

static int no_such(const char *what, struct err *err)
{
    return service_refuse(err, 404, "NotFoundException", "Invalid %s specified", what);
}

int gateway_check_api(const struct service_call *call, struct str api, struct err *err)
{
    struct control_record record;
    if (service_find(call, STR("aws.apigateway.rest_api"), api, &record) && str_eq(record.id, api))
        return 0;
    return service_refuse(err, 404, "NotFoundException", "Invalid API identifier specified %.*s:%.*s",
        STR_ARG(services_account(call->services)), STR_ARG(api));
}

/* Its integration, or one of its responses. */
static int check_part(const struct gateway_place *place, const struct value *method, struct err *err)
{
    bool put = str_eqz(place->http, "PUT");
    const char *responses = place->integration ? "integration_responses" : "responses";
    if (place->integration && (place->status.n || !put) && !value_getz(method, "integration"))
        return no_such("Integration identifier", err);
    if (place->status.n && !put && !value_get(value_getz(method, responses), place->status))
        return no_such("Response status code", err);
    return 0;
}

int gateway_check_place(const struct service_call *call, const struct gateway_place *place, struct err *err)
{
    struct control_record found;
    struct str id = arena_printf(call->arena, "%.*s/%.*s", STR_ARG(place->api), STR_ARG(place->resource));
    if (!service_find(call, STR("aws.apigateway.resource"), id, &found))
        return no_such("Resource identifier", err);
    bool part = place->integration || place->status.n;
    if (!place->method.n || (str_eqz(place->http, "PUT") && !part))
        return 0;
    id = arena_printf(call->arena, "%.*s/%.*s", STR_ARG(id), STR_ARG(place->method));
    if (!service_find(call, STR("aws.apigateway.method"), id, &found))
        return no_such(place->integration && str_eqz(place->http, "DELETE") ? "Integration identifier"
                                                                            : "Method identifier",
            err);
    return part ? check_part(place, found.attrs, err) : 0;
}

enum { MAX_SEGMENTS = 10 };

static size_t split_path(struct arena *arena, struct str path, struct str segments[MAX_SEGMENTS])
{
    size_t n = 0;
    for (path = str_slice(path, 1, path.n); path.n && n < MAX_SEGMENTS; n++) {
        struct str segment = str_cut(path, '/', &path);
        if (!url_decode(arena, segment, false, &segments[n]))
            segments[n] = segment;
    }
    return n;
}

/* What does not exist in an API has words of its own, but for what is asked of the API itself. */
static int check_within_api(const struct service_call *call, const struct wire_message *request,
    const struct str *segments, size_t n, struct err *err)
{
    bool made = str_eqz(request->method, "POST"), deleted = str_eqz(request->method, "DELETE");
    bool documentation = n > 3 && str_eqz(segments[2], "documentation");
    if (n == 2 && str_eqz(request->method, "PUT")) /* a document is looked at before */
        return 0;
    bool all = documentation ? n == 4 || deleted : n <= 3 || str_eqz(segments[2], "gatewayresponses");
    if (!all || !gateway_check_api(call, segments[1], err))
        return 0;
    if (made && n == 3 && str_eqz(segments[2], "requestvalidators"))
        return bad_request(err, "Invalid REST API identifier specified");
    if (made && n == 3 && str_eqz(segments[2], "authorizers"))
        return service_refuse(err, 409, "ConflictException",
            "Unable to complete operation due to concurrent modification. Please try again later.");
    return -1;
}

int gateway_read(struct services *services, struct exchange *x, struct err *err)
{
    struct service_call call = {.services = services, .arena = &x->arena, .region = x->auth.region};
    struct str operation, segments[MAX_SEGMENTS];
    const struct value *input;
    const struct control *control = services_control(services);
    if (!control_reads(control, &x->arena, x->auth.service, &x->request, &operation, &input))
        return 0;
    if (control_constraints(control, &x->arena, x->auth.service, operation, input, err))
        return -1;
    size_t n = split_path(&x->arena, x->request.path, segments);
    if (n < 2 || !str_eqz(segments[0], "restapis"))
        return 0;
    if (n < 4 || !str_eqz(segments[2], "resources"))
        return check_within_api(&call, &x->request, segments, n, err);
    struct gateway_place place = {.http = x->request.method,
        .api = segments[1],
        .resource = segments[3],
        .method = n > 5 ? segments[5] : STR_EMPTY,
        .status = n > 7 ? segments[n - 1] : STR_EMPTY,
        .integration = n > 6 && str_eqz(segments[6], "integration")};
    return gateway_check_place(&call, &place, err);
}
