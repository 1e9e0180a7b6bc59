/*
 * Every service but S3: the signature is checked here; then it is an operation's (service_call.h), or the
 * control plane's (control.h).
 */
#include "sandbox/calls/front.h"

#include "base/hash.h"
#include "sandbox/calls/query_compatible.h"
#include "sandbox/calls/services.h"
#include "sandbox/control/control.h"
#include "sandbox/iam/gate.h"

/* How this client speaks, as far as one can tell before knowing the service: an error must be readable to it.
 */
static enum wire_protocol protocol_of(const struct exchange *x)
{
    struct str type = wire_header_get(&x->request, STR("Content-Type"));
    if (wire_header_get(&x->request, STR("X-Amz-Target")).n)
        return str_find(type, STR("json-1.0"), 0) >= 0 ? WIRE_JSON10 : WIRE_JSON11;
    if (str_starts(type, STR("application/x-www-form-urlencoded")) ||
        str_find(x->request.query, STR("Action="), 0) >= 0)
        return str_eqz(x->auth.service, "ec2") ? WIRE_EC2 : WIRE_QUERY;
    return WIRE_REST_JSON;
}

static void send_answer(struct exchange *x, const struct wire_message *answer)
{
    x->reply = *answer;
    x->answered = true;
    query_compatible_answer(x, &x->reply);
}

static void front_refuse(struct exchange *x, int status, const char *code, const char *message)
{
    const struct wire_operation op = {.protocol = protocol_of(x)};
    struct wire_message answer;
    wire_encode_error(&x->arena, &op, status, str_z(code), str_z(message), str_z(x->request_id), &answer);
    send_answer(x, &answer);
}

/* S3's words for what is wrong with a signature, in the words of the other services. */
static void refuse_signature(struct exchange *x, const struct fault *fault)
{
    static const struct {
        const char *s3, *query, *json;
    } words[] = {
        {"InvalidAccessKeyId", "InvalidClientTokenId", "UnrecognizedClientException"},
        {"InvalidToken", "InvalidClientTokenId", "UnrecognizedClientException"},
        {"ExpiredToken", "ExpiredToken", "ExpiredTokenException"},
        {"SignatureDoesNotMatch", "SignatureDoesNotMatch", "InvalidSignatureException"},
        {"RequestTimeTooSkewed", "RequestExpired", "InvalidSignatureException"},
        {"AuthorizationHeaderMalformed", "IncompleteSignature", "IncompleteSignatureException"},
        {"AccessDenied", "MissingAuthenticationToken", "MissingAuthenticationTokenException"},
    };
    enum wire_protocol protocol = protocol_of(x);
    if (protocol == WIRE_EC2 && !str_eqz(str_z(fault->code), "RequestTimeTooSkewed") &&
        !str_eqz(str_z(fault->code), "ExpiredToken")) {
        front_refuse(x, 401, "AuthFailure", "AWS was not able to validate the provided access credentials");
        return;
    }
    bool query = protocol == WIRE_QUERY || protocol == WIRE_EC2;
    const char *code = fault->code, *message = fault->message;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (str_eqz(str_z(fault->code), words[i].s3))
            code = query ? words[i].query : words[i].json;
    if (str_eqz(str_z(fault->code), "RequestTimeTooSkewed"))
        message = "Signature expired or not yet current: the request's time is too far from the server's.";
    front_refuse(x, query || protocol == WIRE_REST_JSON ? 403 : 400, code, message);
}

/* The signature covers the body, which is not there yet; a public document has none. */
static void front_begin(struct exchange *x)
{
    struct services *services = x->auth.form == AUTH_NONE ? sandbox_services(x->sandbox) : NULL;
    struct str text;
    if (services && str_eqz(x->request.method, "GET") &&
        services_public(services, &x->arena, x->request.path, &text))
        reply_text(x, 200, "application/x-pem-file", text);
}

/* What no operation of a service's answers goes to the control plane, or is refused here. */
static bool may_reach_control(struct exchange *x, struct control *control)
{
    struct gate_request request = {.who = {.session = &x->auth.session},
        .service = x->auth.service,
        .region = x->auth.region,
        .input = &value_empty_map};
    struct err err = ERR_INIT;
    if (!control_reads(control, &x->arena, x->auth.service, &x->request, &request.operation, &request.input))
        request.operation = wire_request_name(&x->arena, protocol_of(x), &x->request);
    if (!request.operation.n || !gate_check(sandbox_gate(x->sandbox), &x->arena, &request, &err))
        return true;
    front_refuse(x, err.http_status, arena_strz(&x->arena, str_z(err.code)),
        arena_strz(&x->arena, str_z(err.message)));
    return false;
}

static void front_end(struct exchange *x)
{
    struct str hash = sha256_hex(&x->arena, x->request.body), said = x->auth.payload_hash;
    bool tampered = said.n == 64 && !str_ieq(said, hash);
    static const struct fault mismatch = {403, "SignatureDoesNotMatch",
        "The body does not match the x-amz-content-sha256 header that was signed."};
    const struct fault *fault = auth_verify(x, hash);
    if (fault || tampered) {
        refuse_signature(x, fault ? fault : &mismatch);
        return;
    }
    if (!query_compatible_request(x))
        return;
    struct wire_message answer;
    struct control *control = sandbox_control(x->sandbox);
    struct services *services = sandbox_services(x->sandbox);
    if (!control)
        front_refuse(x, 500, "InternalFailure", "The specs cannot be loaded.");
    else if (services && (!services_read(services, x, &answer) || services_handle(services, x, &answer)))
        send_answer(x, &answer);
    else if (!may_reach_control(x, control))
        return;
    else if (control_handle(control, &x->arena, x->auth.service, x->auth.region, &x->request,
                 str_z(x->request_id), &answer)) {
        if (services && !wire_is_error(&answer))
            services_followed(
                services, x->auth.service, wire_request_name(&x->arena, protocol_of(x), &x->request));
        send_answer(x, &answer);
    } else
        front_refuse(x, 501, "NotImplemented",
            arena_printf(&x->arena, "The sandbox has no service %.*s.", STR_ARG(x->auth.service)).p);
}

const struct responder services_responder = {
    SPEAKS_SERVICE, front_begin, NULL, front_end, front_refuse, NULL};
