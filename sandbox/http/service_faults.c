/* Faults in the server: what they do to an exchange, and the path by which they are set. */
#include "base/hash.h"
#include "sandbox/http/exchange.h"
#include "sandbox/http/mhd_api.h"
#include "sandbox/http/server.h"

/* ---- what a request is called ---- */

static struct str operation_of(struct exchange *x)
{
    struct str name = STR_EMPTY;
    if (wire_header_get(&x->request, STR("X-Amz-Target")).n)
        name = wire_request_name(&x->arena, WIRE_JSON11, &x->request);
    else if (x->responder->speaks == SPEAKS_SERVICE)
        name = wire_request_name(&x->arena, WIRE_QUERY, &x->request);
    if (name.n)
        return name;
    bool query = x->request.query.n > 0;
    return arena_printf(&x->arena, "%.*s %.*s%s%.*s", STR_ARG(x->request.method), STR_ARG(x->request.path),
        query ? "?" : "", STR_ARG(x->request.query));
}

/* ---- refusing ---- */

/* "Too many requests" as each kind of service says it. */
static void throttle(struct exchange *x, const struct fault_strike *strike)
{
    int status = 400;
    const char *code = "Throttling";
    if (x->responder->speaks == SPEAKS_S3) {
        status = 503;
        code = "SlowDown";
    } else if (str_eqz(x->auth.service, "ec2")) {
        status = 503;
        code = "RequestLimitExceeded";
    } else if (wire_header_get(&x->request, STR("X-Amz-Target")).n) {
        code = "ThrottlingException";
    } else if (str_find(x->request.body, STR("Action="), 0) < 0) {
        status = 429;
        code = "TooManyRequestsException";
    }
    x->responder->refuse(x, strike->status ? strike->status : status, strike->code[0] ? strike->code : code,
        "Rate exceeded (a fault of the sandbox).");
}

bool faults_before(struct faults *faults, struct exchange *x, struct fault_strike *strike)
{
    struct str service = x->auth.service.n ? x->auth.service : STR("s3");
    *strike = faults_strike(faults, service, operation_of(x));
    if (strike->latency_ms)
        faults_wait(faults, strike);
    if (strike->kind == FAULT_THROTTLE)
        throttle(x, strike);
    else if (strike->kind == FAULT_ERROR)
        x->responder->refuse(x, strike->status ? strike->status : 500,
            strike->code[0]                     ? strike->code
            : x->responder->speaks == SPEAKS_S3 ? "InternalError"
                                                : "InternalFailure",
            "We encountered an internal error (a fault of the sandbox).");
    return strike->kind != FAULT_RESET;
}

/* The first half of a body whose length is given as longer. */
struct half {
    struct str body;
};

static ssize_t read_half(void *ctx, uint64_t position, char *out, size_t n)
{
    const struct half *half = ctx;
    size_t end = half->body.n / 2;
    if (position >= end)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    n = n < end - position ? n : end - (size_t)position;
    memcpy(out, half->body.p + position, n);
    return (ssize_t)n;
}

bool faults_after(struct exchange *x, const struct fault_strike *strike)
{
    if (strike->kind == FAULT_LOST) {
        faults_lost(sandbox_faults(x->sandbox));
        return false;
    }
    if (strike->kind != FAULT_TRUNCATE)
        return true;
    if (x->reader || x->reply_fd >= 0 || !x->reply.body.n)
        return false; /* a stream, or nothing to cut: the connection ends instead */
    struct half *half = ARENA_NEW(&x->arena, struct half);
    half->body = x->reply.body;
    x->reader = read_half;
    x->reader_ctx = half;
    x->reply_length = (int64_t)half->body.n;
    return true;
}

/* ---- /_weir/faults: signed as every request is, for whichever service ---- */

static void service_faults_begin(struct exchange *x UNUSED)
{
}

static void service_faults_refuse(struct exchange *x, int status, const char *code, const char *message)
{
    reply_text(x, status, "text/plain", arena_printf(&x->arena, "%s: %s\n", code, message));
}

static void service_faults_end(struct exchange *x)
{
    struct faults *faults = sandbox_faults(x->sandbox);
    struct err err = ERR_INIT;
    const struct fault *fault = auth_verify(x, sha256_hex(&x->arena, x->request.body));
    if (fault) {
        service_faults_refuse(x, fault->status, fault->code, fault->message);
        return;
    }
    if (str_eqz(x->request.method, "POST") || str_eqz(x->request.method, "PUT")) {
        if (faults_set(faults, x->request.body, &err)) {
            service_faults_refuse(x, 400, "InvalidFaults", err.message);
            return;
        }
    } else if (str_eqz(x->request.method, "DELETE")) {
        faults_clear(faults);
    } else if (!str_eqz(x->request.method, "GET")) {
        service_faults_refuse(x, 405, "MethodNotAllowed", "GET, POST or DELETE");
        return;
    }
    reply_text(x, 200, "application/json", faults_text(faults, &x->arena));
}

const struct responder faults_responder = {
    SPEAKS_PLAIN, service_faults_begin, NULL, service_faults_end, service_faults_refuse, NULL};
