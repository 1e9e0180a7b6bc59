/* AssumeRole and AssumeRoleWithWebIdentity. Signed here and not by the client, which needs credentials
 * itself. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "provider/aws/creds.h"
#include "provider/aws/message.h"
#include "provider/aws/sigv4.h"

enum { ATTEMPTS = 3, PAUSE_MS = 200, DEADLINE_MS = 30 * 1000 };

static const struct aws_service sts = {
    .id = STR_INIT("sts"), .endpoint_prefix = STR_INIT("sts"), .signing_name = STR_INIT("sts")};

static void add_parameter(struct buf *form, const char *name, struct str value)
{
    if (!value.n)
        return;
    buf_addf(form, "&%s=", name);
    url_encode(form, value, false);
}

static struct str make_form(struct creds_context *ctx, const struct creds_role *role)
{
    AUTO_BUF struct buf form = BUF_INIT;
    struct str session = role->session;
    if (!session.n)
        session = arena_printf(ctx->arena, "weir-%lld", (long long)clock_wall_ms());
    buf_addf(&form, "Action=%s&Version=2011-06-15",
        role->web_token.n ? "AssumeRoleWithWebIdentity" : "AssumeRole");
    add_parameter(&form, "RoleArn", role->arn);
    add_parameter(&form, "RoleSessionName", session);
    add_parameter(&form, "ExternalId", role->external_id);
    add_parameter(&form, "DurationSeconds", role->duration_s);
    add_parameter(&form, "WebIdentityToken", role->web_token);
    struct str kept = arena_str(ctx->arena, buf_str(&form));
    if (form.p)
        explicit_bzero(form.p, form.n);
    return kept;
}

static void sign(struct creds_context *ctx, const struct credentials *base, struct str region,
    struct wire_message *message)
{
    struct sigv4_params params = {.access_key = base->access_key,
        .secret_key = base->secret_key,
        .session_token = base->session_token,
        .region = region,
        .service = STR("sts"),
        .wall_ms = clock_wall_ms()};
    sigv4_sign_headers(ctx->arena, &params, message);
}

static int send_once(struct creds_context *ctx, const struct credentials *base,
    const struct endpoint *endpoint, struct str form, int attempt, struct wire_message *answer,
    struct err *err)
{
    struct wire_message message = {.method = STR("POST"),
        .path = arena_concat(ctx->arena, (struct str[]){endpoint->base_path, STR("/")}, 2),
        .body = form};
    wire_header_add(ctx->arena, &message, STR("Host"), endpoint->host);
    wire_header_add(
        ctx->arena, &message, STR("Content-Type"), STR("application/x-www-form-urlencoded; charset=utf-8"));
    if (base)
        sign(ctx, base, endpoint->signing_region, &message);
    const struct value *insecure = value_getz(ctx->options->config, "insecure");
    struct http_request request = message_to_http(ctx->arena, endpoint, endpoint->host, &message);
    request.deadline_ms = DEADLINE_MS;
    request.insecure_ok = insecure && insecure->kind == VALUE_BOOL && insecure->boolean;
    request.ca_file = creds_variable("AWS_CA_BUNDLE").n ? creds_variable("AWS_CA_BUNDLE").p : NULL;
    request.sensitive = true;
    request.label = STR("sts, for credentials");
    request.attempt = attempt;
    struct http_response response;
    if (http_send(ctx->options->http, &request, ctx->arena, &response, err))
        return -1;
    *answer = message_from_http(ctx->arena, &response);
    return 0;
}

static int read_answer(struct creds_context *ctx, const struct wire_operation *op,
    const struct wire_message *answer, struct credentials *out, struct err *err)
{
    const struct value *document;
    if (wire_decode_response(ctx->arena, op, answer, &document, err))
        return -1;
    const struct value *found = wire_path(ctx->arena, document, STR("Credentials"));
    *out = (struct credentials){.access_key = value_text(value_getz(found, "AccessKeyId"), STR_EMPTY),
        .secret_key = value_text(value_getz(found, "SecretAccessKey"), STR_EMPTY),
        .session_token = value_text(value_getz(found, "SessionToken"), STR_EMPTY)};
    struct str expiration = value_text(value_getz(found, "Expiration"), STR_EMPTY);
    if (!out->access_key.n || !out->secret_key.n || !time_parse_rfc3339(expiration, &out->expires_ms))
        return err_set(err, ERR_PROTOCOL, "the answer holds no credentials");
    return 0;
}

/* Both calls only hand out keys: repeating them does no harm. */
static int call(struct creds_context *ctx, const struct credentials *base, const struct wire_operation *op,
    const struct endpoint *endpoint, struct str form, struct credentials *out, struct err *err)
{
    for (int attempt = 1;; attempt++) {
        struct wire_message answer;
        struct err failure = ERR_INIT;
        bool again;
        if (!send_once(ctx, base, endpoint, form, attempt, &answer, &failure)) {
            if (!wire_is_error(&answer))
                return read_answer(ctx, op, &answer, out, err);
            wire_decode_error(op, &answer, &failure);
            again = failure.retryable;
        } else {
            again = failure.class == ERR_NETWORK || failure.class == ERR_TIMEOUT;
        }
        if (!again || attempt >= ATTEMPTS) {
            if (err)
                *err = failure;
            return -1;
        }
        clock_sleep_ms((int64_t)PAUSE_MS << attempt);
    }
}

int creds_assume_role(struct creds_context *ctx, const struct credentials *base,
    const struct creds_role *role, struct credentials *out, struct err *err)
{
    struct endpoint_settings settings = {
        .region = ctx->options->region.n ? ctx->options->region : STR("us-east-1"),
        .config = ctx->options->config,
        .profiles = ctx->profiles,
        .profile = ctx->profile};
    struct endpoint endpoint;
    struct wire_operation op = {
        .name = role->web_token.n ? STR("AssumeRoleWithWebIdentity") : STR("AssumeRole"),
        .protocol = WIRE_QUERY};
    if (endpoint_resolve(ctx->arena, &settings, &sts, &endpoint, err) ||
        call(ctx, role->web_token.n ? NULL : base, &op, &endpoint, make_form(ctx, role), out, err)) {
        if (err && err->class != ERR_INVALID && err->class != ERR_NETWORK && err->class != ERR_TIMEOUT)
            err->class = ERR_AUTH;
        return err_context(err, "assuming the role %.*s", STR_ARG(role->arn));
    }
    out->source = arena_printf(ctx->arena, "role %.*s", STR_ARG(role->arn));
    return 0;
}
