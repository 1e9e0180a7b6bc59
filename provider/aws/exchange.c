/* One call from begin to end: see client_state.h. */
#include "provider/aws/client_state.h"

#include "base/clock.h"
#include "base/hash.h"
#include "provider/aws/client.h"
#include "provider/http/target.h"

#include <errno.h>
#include <unistd.h>

enum {
    TRANSIENT_FOR_MS = 2 * 60 * 1000,
    EMULATED_FOR_MS = 15 * 1000,
    SKEW_TOLERATED_MS = 60 * 1000,
    HASH_CHUNK = 64 * 1024,
    SILENT_FOR_MS = 60 * 1000,
    ANSWER_FOR_MS = 2 * 60 * 1000,
    OBJECT_FOR_MS = 60 * 60 * 1000,
    SLOWEST = 64,               /* bytes per second, over the allowed silence */
    SLOWEST_REQUEST = 4 * 1024, /* bytes per second of a whole request, which may contain a function's code */
};

/* ---- sending once ---- */

static int hash_file_range(struct aws_exchange *x, struct err *err)
{
    const struct aws_call *call = x->call;
    struct sha256 *sha = sha256_new();
    unsigned char digest[SHA256_SIZE];
    char bytes[HASH_CHUNK];
    int result = 0;
    for (int64_t done = 0; done < call->body_length && !result;) {
        int64_t left = call->body_length - done;
        size_t want = left < HASH_CHUNK ? (size_t)left : HASH_CHUNK;
        ssize_t n = pread(call->body_fd, bytes, want, call->body_offset + done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            result = err_errno(err, ERR_IO, "cannot read the file to send");
        else if (n == 0)
            result = err_set(err, ERR_IO, "the file became shorter while it was read");
        else
            sha256_update(sha, bytes, (size_t)n);
        done += n;
    }
    sha256_final(sha, digest);
    if (!result)
        x->payload_hash = hex_encode(x->arena, digest, sizeof digest);
    return result;
}

/* True if the data cannot be changed in transit: TLS or loopback. */
static bool is_tamper_proof(const struct aws_exchange *x)
{
    struct http_target target;
    struct str url = arena_printf(x->arena, "http://%.*s/", STR_ARG(x->endpoint.host));
    return x->endpoint.tls || (!http_target_parse(url, &target, ERR_IGNORED) && target.loopback);
}

/* Hashes the payload once for all attempts. */
static int prepare_payload(struct aws_exchange *x, struct err *err)
{
    x->payload_hash = x->call->payload_hash;
    if (!x->payload_hash.n && x->call->checked && is_tamper_proof(x))
        x->payload_hash = STR("UNSIGNED-PAYLOAD");
    if (x->payload_hash.n)
        return 0;
    if (x->call->body_length > 0)
        return hash_file_range(x, err);
    x->payload_hash = sha256_hex(x->arena, x->call->request.body);
    return 0;
}

static void exchange_sign(struct aws_exchange *x, struct wire_message *message)
{
    const struct aws_service *service = x->call->service;
    unsigned char key[32];
    if (!x->skew_corrected) /* skew measured by other calls; a skew measured by this call fits its own service
                             */
        x->skew_ms = atomic_load(&x->client->skew_ms);
    struct sigv4_params params = {.access_key = x->credentials.access_key,
        .secret_key = x->credentials.secret_key,
        .session_token = x->credentials.session_token,
        .region = x->endpoint.signing_region,
        .service = service->signing_name,
        .wall_ms = clock_wall_ms() + x->skew_ms,
        .payload_hash = x->payload_hash,
        .key = key,
        .s3 = service->s3};
    client_signing_key(x->client, &params, key);
    sigv4_sign_headers(x->arena, &params, message);
    explicit_bzero(key, sizeof key);
}

static int count_sink(void *ctx, const void *bytes, size_t n)
{
    struct aws_exchange *x = ctx;
    x->sent_to_sink += n;
    return x->call->sink(x->call->sink_ctx, bytes, n);
}

/*
 * Sets the time limits. Every transfer needs a minimum rate. A call without file data ends within minutes,
 * while transfers of files have no total limit. S3 objects that are read without a sink have an hour.
 */
static void limit_time(const struct aws_call *call, struct http_request *request)
{
    int64_t silence_ms = call->answers_in_ms ? call->answers_in_ms : SILENT_FOR_MS;
    request->timeout_ms = (int)silence_ms;
    request->min_rate = SLOWEST;
    if (call->body_length <= 0 && !call->sink)
        request->deadline_ms = silence_ms + (call->service->s3 ? OBJECT_FOR_MS : ANSWER_FOR_MS) +
                               (int64_t)request->body.n * 1000 / SLOWEST_REQUEST;
}

static struct http_request make_request(struct aws_exchange *x)
{
    const struct aws_call *call = x->call;
    const struct aws_settings *settings = &x->client->settings;
    struct endpoint_target target = endpoint_address(
        x->arena, &x->endpoint, &settings->endpoints, call->service, call->host_prefix, call->request.path);
    struct wire_message message = call->request;
    message.path = target.path;
    message.headers = NULL;
    message.header_count = message.header_cap = 0;
    wire_header_add(x->arena, &message, STR("Host"), target.host);
    for (size_t i = 0; i < call->request.header_count; i++)
        wire_header_add(x->arena, &message, call->request.headers[i].name, call->request.headers[i].value);
    exchange_sign(x, &message);
    struct http_request request = message_to_http(x->arena, &x->endpoint, target.host, &message);
    request.body_fd = call->body_fd;
    request.body_offset = call->body_offset;
    request.body_length = call->body_length;
    request.eager = call->eager;
    request.moved = call->moved;
    request.cancel = call->cancel;
    request.insecure_ok = settings->insecure;
    request.ca_file = settings->ca_file.n ? settings->ca_file.p : NULL;
    request.discard_body = str_eqz(message.method, "HEAD");
    request.sensitive = call->sensitive;
    request.repeatable = call->idempotent && (request.discard_body || verb_reads(call->op->name));
    request.fresh_connection = !call->idempotent;
    request.label = arena_printf(x->arena, "%.*s.%.*s", STR_ARG(call->service->id), STR_ARG(call->op->name));
    request.attempt = x->attempt;
    limit_time(call, &request);
    if (call->sink) {
        request.sink = count_sink;
        request.sink_ctx = x;
    }
    return request;
}

/* S3 may return 200 with an error in the body: CompleteMultipartUpload, CopyObject, DeleteObjects. The body
 * of a GET is the user's data and not checked. */
static bool is_error(const struct aws_exchange *x)
{
    if (x->answer.status >= 200 && x->answer.status < 300 &&
        (!x->call->service->s3 || str_eqz(x->call->request.method, "GET")))
        return false;
    return wire_is_error(&x->answer);
}

/* Connects through the tunnel of the provider's settings, if there is one. */
static int connect_via_tunnel(struct aws_exchange *x)
{
    struct http_target target;
    if (!x->client->route)
        return 0;
    if (http_target_parse(x->request.url, &target, &x->failure))
        return -1;
    return x->client->route(
        x->client->route_ctx, target.host, (int)target.port, &x->request.local_port, &x->failure);
}

int exchange_request(struct aws_exchange *x)
{
    x->answer = (struct wire_message){0};
    x->lost = x->lost || x->failure.lost;
    x->failure = (struct err)ERR_INIT;
    x->incomplete = false;
    x->attempt++;
    arena_wipe(&x->secrets);
    if (credentials_get(x->client->credentials, &x->secrets, &x->credentials, &x->failure))
        return -1;
    x->request = make_request(x);
    if (connect_via_tunnel(x))
        return -1;
    x->http = (struct http_exchange){.request = &x->request, .arena = x->arena, .owner = x};
    atomic_fetch_add_explicit(&x->client->requests, 1, memory_order_relaxed);
    return 0;
}

/* True if the service may have executed a failed call. A refused or unsupported call was not executed. */
static bool may_be_done(const struct aws_exchange *x)
{
    return x->answer.status >= 500 && x->answer.status != 501 && x->failure.class != ERR_THROTTLED;
}

static void accept_answer(struct aws_exchange *x)
{
    if (!x->call->accept || !x->call->accept(x->call->accept_ctx, &x->answer, &x->failure))
        return;
    x->incomplete = x->failure.lost = true;
    if (!x->failure.hint[0])
        err_hint(&x->failure,
            "a proxy on the way to the service cuts or changes responses, or the endpoint is not AWS");
}

static void note_date(const struct aws_exchange *x)
{
    int64_t theirs;
    if (!time_parse_http(wire_header_get(&x->answer, STR("Date")), &theirs))
        return;
    atomic_store_explicit(&x->client->date_ahead_ms, theirs - clock_wall_ms(), memory_order_relaxed);
    atomic_store(&x->client->dated, true);
}

/* Evaluates the response into x->answer and x->failure. */
static void read_answer(struct aws_exchange *x)
{
    if (x->http.result) {
        x->failure = x->http.err;
        return;
    }
    x->answer = message_from_http(x->arena, &x->http.response);
    note_date(x);
    if (!is_error(x)) {
        accept_answer(x);
        return;
    }
    wire_decode_error(x->call->op, &x->answer, &x->failure);
    x->failure.lost = may_be_done(x);
}

/* ---- retries ---- */

/* Returns true if the service's clock differs from the one that signed this request: the next signature will
 * fit. Each concurrent call that was signed with the wrong clock checks this itself. */
static bool correct_skew(struct aws_exchange *x)
{
    int64_t theirs;
    if (x->skew_corrected || !time_parse_http(wire_header_get(&x->answer, STR("Date")), &theirs))
        return false;
    int64_t skew = theirs - clock_wall_ms(), change = skew - x->skew_ms;
    if (change > -SKEW_TOLERATED_MS && change < SKEW_TOLERATED_MS)
        return false;
    atomic_store(&x->client->skew_ms, skew);
    x->skew_ms = skew;
    x->skew_corrected = true;
    return true;
}

/* The response to HEAD has no body with the error code. */
static bool may_be_skew(const struct aws_exchange *x, enum wire_fault fault)
{
    int status = x->answer.status;
    return fault == WIRE_FAULT_SKEW || (x->request.discard_body && (status == 403 || status == 400));
}

/* Returns true if there are other credentials than the refused ones. */
static bool renew_credentials(struct aws_exchange *x)
{
    if (x->credentials_renewed)
        return false;
    x->credentials_renewed = true;
    credentials_invalidate(x->client->credentials, &x->credentials);
    AUTO_WIPED_ARENA struct arena scratch = ARENA_INIT;
    struct credentials fresh;
    if (credentials_get(x->client->credentials, &scratch, &fresh, ERR_IGNORED))
        return false;
    return !str_eq(fresh.access_key, x->credentials.access_key) ||
           !str_eq(fresh.session_token, x->credentials.session_token);
}

static int use_region(struct aws_exchange *x, struct str region, struct err *err)
{
    struct endpoint_settings there = x->client->settings.endpoints;
    there.region = region;
    return endpoint_resolve(x->arena, &there, x->call->service, &x->endpoint, err);
}

/* Reads the region from the header, or <Region> in the body of AuthorizationHeaderMalformed. */
static struct str region_reported(const struct aws_exchange *x)
{
    struct str region = wire_header_get(&x->answer, STR("x-amz-bucket-region"));
    if (region.n || !str_eqz(str_z(x->failure.code), "AuthorizationHeaderMalformed"))
        return region;
    ptrdiff_t open = str_find(x->answer.body, STR("<Region>"), 0);
    ptrdiff_t close = open < 0 ? -1 : str_find(x->answer.body, STR("</Region>"), (size_t)open);
    return close < 0 ? STR_EMPTY : str_slice(x->answer.body, (size_t)open + 8, (size_t)close);
}

/* Returns true if the bucket is in another region that the response names. */
static bool follow_bucket(struct aws_exchange *x)
{
    int status = x->answer.status;
    if (!x->call->service->s3 || !x->bucket.n || x->redirected ||
        (status != 301 && status != 307 && status != 400))
        return false;
    struct str region = region_reported(x);
    if (!region.n || str_eq(region, x->endpoint.signing_region) || use_region(x, region, ERR_IGNORED))
        return false;
    client_remember_bucket(x->client, x->bucket, region);
    x->redirected = true;
    return true;
}

static int attempts_allowed(const struct aws_exchange *x, enum retry_kind kind)
{
    if (x->client->settings.max_attempts)
        return x->client->settings.max_attempts;
    return kind == RETRY_THROTTLED ? RETRY_ATTEMPTS_THROTTLED : RETRY_ATTEMPTS;
}

static void count_repetition(const struct aws_exchange *x, enum retry_kind kind)
{
    retry_counted(kind);
    if (x->call->repeats)
        x->call->repeats(x->call->repeats_ctx, &x->failure, x->failures + x->throttled + 1);
}

static bool retry_failure(struct aws_exchange *x)
{
    /* The request was never sent, or may be sent twice. */
    bool harmless = x->answer.status ? x->call->idempotent : x->failure.retryable || x->call->idempotent;
    bool passing = x->answer.status ? x->failure.retryable || x->incomplete
                                    : x->failure.class == ERR_NETWORK || x->failure.class == ERR_TIMEOUT;
    if (!harmless || !passing || x->failures + 1 >= attempts_allowed(x, RETRY_FAILURE))
        return false;
    int cost = x->failure.class == ERR_TIMEOUT ? RETRY_COST_TIMEOUT : RETRY_COST;
    if (!retry_budget_take(&x->service->budget, cost))
        return false;
    x->last_cost = cost;
    x->failures++;
    count_repetition(x, RETRY_FAILURE);
    return true;
}

static bool retry_throttled(struct aws_exchange *x)
{
    throttle_refused(&x->service->throttle, clock_mono_ms());
    if (x->throttled + 1 >= attempts_allowed(x, RETRY_THROTTLED))
        return false;
    x->throttled++;
    count_repetition(x, RETRY_THROTTLED);
    return true;
}

/* In emulators nothing becomes visible late, so errors are reported soon. */
static int64_t unsettled_for_ms(const struct aws_exchange *x)
{
    bool emulated = str_eqz(x->client->settings.account_id, "000000000000");
    int64_t usual_ms = emulated ? EMULATED_FOR_MS : TRANSIENT_FOR_MS;
    return x->call->transient_for_ms ? x->call->transient_for_ms : usual_ms;
}

static bool retry_unsettled(struct aws_exchange *x)
{
    if (!x->call->transient || !x->call->transient(x->call->transient_ctx, &x->failure))
        return false;
    int64_t now_ms = clock_mono_ms();
    if (!x->unsettled++)
        x->unsettled_since_ms = now_ms;
    return now_ms - x->unsettled_since_ms < unsettled_for_ms(x);
}

/* Returns whether to send again, and the delay. */
static bool exchange_decide(struct aws_exchange *x, int64_t *delay_ms)
{
    *delay_ms = 0;
    if (x->failure.class == ERR_INTERRUPTED || x->sent_to_sink)
        return false;
    enum wire_fault fault = WIRE_FAULT_NONE;
    int64_t after_ms = 0;
    if (x->answer.status) {
        fault = wire_fault(str_z(x->failure.code), x->answer.status);
        after_ms = wire_retry_after_ms(&x->answer, clock_wall_ms());
        if (follow_bucket(x))
            return true;
    }
    if ((may_be_skew(x, fault) && correct_skew(x)) || (fault == WIRE_FAULT_EXPIRED && renew_credentials(x)))
        return true;
    if (retry_unsettled(x))
        *delay_ms = retry_delay_ms(RETRY_UNSETTLED, x->unsettled, retry_chance(), after_ms);
    else if (fault == WIRE_FAULT_THROTTLED && retry_throttled(x))
        *delay_ms = retry_delay_ms(RETRY_THROTTLED, x->throttled, retry_chance(), after_ms);
    else if (fault != WIRE_FAULT_THROTTLED && retry_failure(x))
        *delay_ms = retry_delay_ms(RETRY_FAILURE, x->failures, retry_chance(), after_ms);
    else
        return false;
    return true;
}

/* ---- the call ---- */

int exchange_begin(struct aws_exchange *x)
{
    struct err *err = &x->failure;
    x->call = x->sending->call;
    x->arena = x->sending->arena;
    x->service = client_service(x->client, x->call->service, err);
    if (!x->service)
        return -1;
    x->endpoint = x->service->endpoint;
    if (prepare_payload(x, err))
        return -1;
    if (!x->call->service->s3)
        return 0;
    x->bucket = endpoint_bucket(x->call->request.path);
    struct str region = client_bucket_region(x->client, x->bucket);
    return region.n ? use_region(x, region, err) : 0;
}

bool exchange_settle(struct aws_exchange *x, bool sent, int64_t *delay_ms)
{
    if (sent)
        read_answer(x);
    if (x->answer.status && x->failure.class != ERR_THROTTLED)
        throttle_accepted(&x->service->throttle);
    if (x->failure.class)
        return !exchange_decide(x, delay_ms);
    retry_budget_give(&x->service->budget, x->last_cost ? x->last_cost : 1);
    return true;
}

/* Returns what to do about refused credentials, to be appended to the hint. */
static const char *remedy(const struct aws_exchange *x, const struct err *err)
{
    static const char *const strangers[] = {
        "InvalidClientTokenId", "UnrecognizedClient", "InvalidAccessKeyId"};
    if (strstr(err->code, "Expired"))
        return "; they have expired: get new ones and run the same command again";
    for (size_t i = 0; x->endpoint.custom && i < sizeof strangers / sizeof *strangers; i++)
        if (strstr(err->code, strangers[i]))
            return "; of a sandbox `weir sandbox env` prints the right ones, in its folder";
    return "";
}

static void exchange_explain(const struct aws_exchange *x, struct err *err)
{
    *err = x->failure;
    err->unsure = x->lost;
    err->lost =
        err->lost || (x->lost && !x->answer.status); /* a response may tell whether the call was executed */
    if (err->class == ERR_AUTH && x->answer.status && !err->hint[0])
        err_hint(err, "the credentials in use come from the %.*s%s", STR_ARG(x->credentials.source),
            remedy(x, err));
    if (err->class == ERR_THROTTLED && !err->hint[0])
        err_hint(err, "run again later, or with fewer requests at a time (--parallelism)");
}

void exchange_end(struct aws_exchange *x)
{
    x->sending->result = x->failure.class ? -1 : 0;
    x->sending->response = x->answer;
    if (x->failure.class)
        exchange_explain(x, &x->sending->err);
    arena_wipe(&x->secrets);
}
