/*
 * Decodes error responses of all protocols: JSON's __type or a header, query's ErrorResponse, ec2's
 * Response/Errors, S3's bare Error, or only a status.
 */
#include "base/mask.h"
#include "provider/wire/internal.h"

#include <stdio.h>

enum { LOOKED_AT = 16 * 1024 /* limit for a body that is not the service's */ };

/* Error codes with the same meaning in every service. Most come with status 400, so the status is not
 * sufficient. */
static const struct {
    enum wire_fault fault;
    const char *codes;
} faults[] = {
    {WIRE_FAULT_THROTTLED,
        "Throttling ThrottlingException Throttled ThrottledException RequestThrottled "
        "RequestThrottledException TooManyRequests TooManyRequestsException RequestLimitExceeded "
        "EC2ThrottledException SlowDown ProvisionedThroughputExceededException BandwidthLimitExceeded "
        "KMSThrottling KMSThrottlingException KmsThrottled KmsThrottledException "
        "DependentServiceRequestThrottlingFault"},
    {WIRE_FAULT_TRANSIENT,
        "RequestTimeout RequestTimeoutException TransactionInProgressException IDPCommunicationError "
        "PriorRequestNotComplete InternalError InternalFailure InternalServerError "
        "InternalServerException InternalServiceError InternalServiceException ServiceUnavailable "
        "ServiceUnavailableException"},
    {WIRE_FAULT_SKEW, "RequestTimeTooSkewed RequestExpired RequestInTheFuture InvalidSignatureException "
                      "SignatureDoesNotMatch AuthFailure"},
    {WIRE_FAULT_EXPIRED,
        "ExpiredToken ExpiredTokenException TokenRefreshRequired UnrecognizedClientException"},
    {WIRE_FAULT_DENIED,
        "AccessDenied AccessDeniedException UnauthorizedOperation NotAuthorized Forbidden "
        "InvalidAccessKeyId InvalidClientTokenId InvalidToken MissingAuthenticationToken "
        "MissingAuthenticationTokenException IncompleteSignature IncompleteSignatureException "
        "OptInRequired NotSignedUp"},
};

enum wire_fault wire_fault(struct str code, int http_status)
{
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        if (str_is_any(code, faults[i].codes))
            return faults[i].fault;
    switch (http_status) {
    case 429: return WIRE_FAULT_THROTTLED;
    case 408:
    case 500:
    case 502:
    case 503:
    case 504: return WIRE_FAULT_TRANSIENT;
    default:
        return !code.n && (http_status == 401 || http_status == 403) ? WIRE_FAULT_DENIED : WIRE_FAULT_NONE;
    }
}

bool wire_is_error(const struct wire_message *response)
{
    if (response->status < 200 || response->status >= 300)
        return true;
    /* S3 sends blanks after the declaration, for minutes, while it completes an upload */
    struct str body = str_trim(response->body);
    if (str_starts(body, STR("<?xml"))) {
        ptrdiff_t end = str_find(body, STR("?>"), 0);
        body = end < 0 ? STR_EMPTY : str_trim(str_slice(body, (size_t)end + 2, body.n));
    }
    return str_starts(body, STR("<Error>")) || str_starts(body, STR("<Error "));
}

/* ---- body and headers ---- */

struct found {
    struct str code, message, request_id;
    const char *body_kind; /* "an HTML page": the body is not the service's */
};

static struct str error_text(const struct value *map, const char *const *names)
{
    for (; *names; names++) {
        struct str text = value_gets(map, *names);
        if (text.n)
            return text;
    }
    return STR_EMPTY;
}

/* "com.amazonaws.glue#EntityNotFoundException:http://…" -> EntityNotFoundException */
static struct str bare_code(struct str code)
{
    ptrdiff_t hash = str_find_char(code, '#', 0);
    if (hash >= 0)
        code = str_slice(code, (size_t)hash + 1, code.n);
    struct str rest;
    return str_trim(str_cut(code, ':', &rest));
}

static void read_json(struct arena *arena, struct str body, struct found *found)
{
    static const char *const codes[] = {"__type", "code", "Code", NULL};
    static const char *const messages[] = {"message", "Message", "errorMessage", "error_description", NULL};
    const struct value *doc;
    if (wire_json_read(arena, body, &doc, ERR_IGNORED))
        return;
    found->code = bare_code(error_text(doc, codes));
    found->message = error_text(doc, messages);
}

/* S3 reports what is wrong with a resource's ARN only in the argument; other arguments are just repeated. */
static struct str with_argument(struct arena *arena, const struct value *error, struct str message)
{
    struct str name = value_gets(error, "ArgumentName"), why = value_gets(error, "ArgumentValue");
    if (!str_starts(name, STR("arn:")) || !why.n)
        return message;
    return arena_printf(arena, "%.*s (%.*s: %.*s)", STR_ARG(message), STR_ARG(name), STR_ARG(why));
}

/* Reads Error, ErrorResponse/Error or Response/Errors/Error. */
static void read_xml(struct arena *arena, struct str body, struct found *found)
{
    static const char *const codes[] = {"Code", "code", NULL}, *const messages[] = {
                                                                   "Message", "message", NULL};
    static const char *const ids[] = {"RequestId", "RequestID", "requestId", NULL};
    struct str root;
    const struct value *doc;
    if (wire_xml_read(arena, body, &root, &doc, ERR_IGNORED))
        return;
    const struct value *errors = value_getz(doc, "Errors");
    const struct value *error = str_eqz(root, "Error") ? doc : value_getz(errors ? errors : doc, "Error");
    if (error && error->kind == VALUE_LIST)
        error = error->items[0];
    found->code = str_trim(error_text(error ? error : doc, codes));
    found->message =
        with_argument(arena, error ? error : doc, str_trim(error_text(error ? error : doc, messages)));
    found->request_id = error_text(doc, ids);
}

static bool is_html(const struct wire_message *response, struct str body)
{
    struct str start = str_slice(body, 0, body.n < 15 ? body.n : 15);
    return str_ieq(start, STR("<!doctype html>")) ||
           str_ieq(str_slice(start, 0, start.n < 5 ? start.n : 5), STR("<html")) ||
           (body.n && str_starts(wire_header_get(response, STR("Content-Type")), STR("text/html")));
}

static void read_headers(const struct wire_message *response, struct found *found)
{
    static const char *const ids[] = {"x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id"};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0] && !found->request_id.n; i++)
        found->request_id = wire_header_get(response, str_z(ids[i]));
    struct str type = wire_header_get(response, STR("x-amzn-errortype")), rest;
    if (type.n)
        found->code = bare_code(type);
    /* services that used query before: the old code, as in the SDKs */
    struct str query = wire_header_get(response, STR("x-amzn-query-error"));
    struct str old = str_cut(query, ';', &rest);
    if (old.n && rest.n)
        found->code = old;
    if (!found->message.n)
        found->message = wire_header_get(response, STR("x-amzn-error-message"));
}

static void read_error(struct arena *arena, const struct wire_message *response, struct found *found)
{
    struct str body = str_trim(response->body);
    if (is_html(response, body))
        found->body_kind = "an HTML page";
    else if (body.n && body.p[0] == '<')
        read_xml(arena, body, found);
    else if (body.n && body.p[0] == '{')
        read_json(arena, body, found);
    read_headers(response, found);
}

/* ---- filling the err ---- */

static const char *status_text(int status)
{
    switch (status) {
    case 301: return "moved permanently";
    case 304: return "not modified";
    case 307: return "moved for now";
    case 400: return "bad request";
    case 401: return "not authenticated";
    case 403: return "forbidden";
    case 404: return "not found";
    case 405: return "method not allowed";
    case 409: return "conflict";
    case 412: return "a precondition failed";
    case 413: return "too large";
    case 429: return "too many requests";
    case 500: return "internal error";
    case 501: return "not implemented";
    case 502: return "bad gateway";
    case 503: return "unavailable";
    case 504: return "gateway timeout";
    default: return NULL;
    }
}

static enum err_class class_of(enum wire_fault fault, int status, const struct found *found)
{
    switch (fault) {
    case WIRE_FAULT_THROTTLED: return ERR_THROTTLED;
    case WIRE_FAULT_SKEW:
    case WIRE_FAULT_EXPIRED:
    case WIRE_FAULT_DENIED: return ERR_AUTH;
    case WIRE_FAULT_TRANSIENT:
    case WIRE_FAULT_NONE: break;
    }
    /* an HTML page with 404 does not mean that the resource is absent: the endpoint does not know the
     * operation */
    if (status == 404 && !found->body_kind && !str_starts(found->code, STR("UnknownOperation")))
        return ERR_ABSENT;
    return ERR_SERVICE;
}

/* Reduces the text to one line without control characters, for a terminal. */
static void error_clean(char *text)
{
    char *to = text;
    for (const char *from = text; *from; from++) {
        unsigned char c = (unsigned char)*from;
        if (c > ' ' && c != 0x7f)
            *to++ = *from;
        else if (to > text && to[-1] != ' ')
            *to++ = ' ';
    }
    while (to > text && to[-1] == ' ')
        to--;
    *to = '\0';
}

static void error_copy(char *out, size_t size, struct str text)
{
    AUTO_BUF struct buf shown = BUF_INIT;
    mask_text(&shown, text);
    text = str_n(shown.p ? shown.p : "", shown.n);
    snprintf(out, size, "%.*s", (int)(text.n < size ? text.n : size - 1), text.p);
    error_clean(out);
}

/* The response to HEAD has no body with an error code. */
static void hint_silence(struct err *err, const struct wire_operation *op, int status)
{
    if (!str_eqz(op->method, "HEAD"))
        return;
    if (status == 400)
        err_hint(
            err, "usually the credentials have expired, the region is wrong, or the name is not allowed");
    else if (status == 301 || status == 307)
        err_hint(err, "it is in another region, and may belong to another account");
}

static void fill_message(
    struct err *err, const struct wire_operation *op, int status, struct str body, const struct found *found)
{
    struct str code = found->code, message = found->message;
    const char *words = status_text(status);
    if (code.n && message.n) {
        err_set(err, err->class, "%.*s: %.*s", STR_ARG(code), STR_ARG(message));
    } else if (code.n) {
        err_set(err, err->class, "%.*s (HTTP %d)", STR_ARG(code), status);
    } else {
        AUTO_BUF struct buf shown = BUF_INIT; /* before truncation: half a secret would not be recognised */
        mask_text(&shown, str_slice(body, 0, body.n < LOOKED_AT ? body.n : LOOKED_AT));
        struct str first = str_slice(buf_str(&shown), 0, shown.n < 200 ? shown.n : 200);
        const char *sign = message.n || (first.n && !found->body_kind) ? ": " : "";
        err_set(err, err->class, "HTTP %d%s%s%s%s%.*s", status, words ? " " : "", words ? words : "",
            found->body_kind ? ", with " : "", found->body_kind ? found->body_kind : sign,
            STR_ARG(message.n          ? message
                    : found->body_kind ? STR_EMPTY
                                       : first));
        if (found->body_kind)
            err_hint(err, "does this endpoint know %.*s?", STR_ARG(op->name));
        else if (!first.n)
            hint_silence(err, op, status);
    }
    error_clean(err->message);
}

void wire_decode_error(const struct wire_operation *op, const struct wire_message *response, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct found found = {.code = STR_EMPTY, .message = STR_EMPTY, .request_id = STR_EMPTY};
    read_error(&scratch, response, &found);
    enum wire_fault fault = wire_fault(found.code, response->status);
    *err = (struct err){.class = class_of(fault, response->status, &found)};
    fill_message(err, op, response->status, str_trim(response->body), &found);
    err->http_status = response->status;
    err->retryable = fault == WIRE_FAULT_THROTTLED || fault == WIRE_FAULT_TRANSIENT;
    error_copy(err->code, sizeof err->code, found.code);
    error_copy(err->request_id, sizeof err->request_id, found.request_id);
}
