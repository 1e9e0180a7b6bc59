/* Credentials from AWS: IAM Identity Center, AssumeRole and AssumeRoleWithWebIdentity. These calls are signed
 * here, since the client itself needs credentials. */
#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "provider/aws/client.h"
#include "provider/aws/credentials.h"

#include <inttypes.h>
#include <stdlib.h>

/* ---- A token of an identity provider (OIDC in CI, service accounts in Kubernetes) is exchanged for a role's
 * credentials. */

enum { TOKEN_MAX = 64 * 1024 };

int creds_assume_with_token_file(struct creds_context *ctx, struct str file, struct creds_role *role,
    struct credentials *out, struct err *err)
{
    struct err why = ERR_INIT;
    struct str token;
    if (file_read_own(ctx->arena, arena_strz(ctx->arena, file), TOKEN_MAX, &token, &why))
        return err_set(err, ERR_AUTH, "web identity token: %s", why.message);
    role->web_token = str_trim(token);
    return creds_assume_role(ctx, NULL, role, out, err);
}

int creds_web_identity(struct creds_context *ctx, struct credentials *out, bool *found, struct err *err)
{
    struct str file = creds_variable("AWS_WEB_IDENTITY_TOKEN_FILE");
    *found = file.n > 0;
    if (!*found)
        return 0;
    struct creds_role role = {
        .arn = creds_variable("AWS_ROLE_ARN"), .session = creds_variable("AWS_ROLE_SESSION_NAME")};
    if (!role.arn.n)
        return err_set(err, ERR_AUTH, "AWS_WEB_IDENTITY_TOKEN_FILE is set, but AWS_ROLE_ARN is not");
    return creds_assume_with_token_file(ctx, file, &role, out, err);
}

enum { DEADLINE_MS = 30 * 1000, SKEW_TOLERATED_MS = 60 * 1000 };

static const struct aws_service sts = {
    .id = STR_INIT("sts"), .endpoint_prefix = STR_INIT("sts"), .signing_name = STR_INIT("sts")};

static void add_if_any(struct buf *out, struct str name, struct str value)
{
    if (value.n)
        url_add_parameter(out, name, value);
}

static struct str make_form(struct creds_context *ctx, const struct creds_role *role)
{
    AUTO_BUF struct buf form = BUF_INIT;
    struct str session = role->session;
    if (!session.n)
        session = arena_printf(ctx->arena, "weir-%lld", (long long)clock_wall_ms());
    buf_addf(&form, "Action=%s&Version=2011-06-15",
        role->web_token.n ? "AssumeRoleWithWebIdentity" : "AssumeRole");
    add_if_any(&form, STR("RoleArn"), role->arn);
    add_if_any(&form, STR("RoleSessionName"), session);
    add_if_any(&form, STR("ExternalId"), role->external_id);
    add_if_any(&form, STR("DurationSeconds"), role->duration_s);
    add_if_any(&form, STR("WebIdentityToken"), role->web_token);
    struct str kept = arena_str(ctx->arena, buf_str(&form));
    if (form.p)
        explicit_bzero(form.p, form.n);
    return kept;
}

/* One call, and the clock difference found by it. */
struct sts_call {
    struct creds_context *ctx;
    const struct credentials *base; /* NULL: the request is not signed */
    const struct wire_operation *op;
    const struct endpoint *endpoint;
    struct str form;
    int64_t skew_ms; /* the service's clock minus ours, if the difference is large */
    int attempt;
};

static void creds_sts_sign(const struct sts_call *c, struct wire_message *message)
{
    const struct credentials *base = c->base;
    struct sigv4_params params = {.access_key = base->access_key,
        .secret_key = base->secret_key,
        .session_token = base->session_token,
        .region = c->endpoint->signing_region,
        .service = STR("sts"),
        .wall_ms = clock_wall_ms() + c->skew_ms};
    sigv4_sign_headers(c->ctx->arena, &params, message);
}

static int creds_send(struct creds_context *ctx, const struct endpoint *endpoint,
    const struct wire_message *message, int attempt, struct wire_message *answer, struct err *err)
{
    struct http_request request = message_to_http(ctx->arena, endpoint, endpoint->host, message);
    request.deadline_ms = DEADLINE_MS;
    request.insecure_ok = value_getb(ctx->options->config, "insecure");
    struct str ca = creds_variable("AWS_CA_BUNDLE");
    if (!ca.n)
        ca = profiles_get(ctx->profiles, ctx->profile, "ca_bundle");
    request.ca_file = ca.n ? ca.p : NULL;
    request.sensitive = true;
    request.label = STR("credentials");
    request.attempt = attempt;
    struct http_response response;
    if (http_send(ctx->options->http, &request, ctx->arena, &response, err))
        return -1;
    *answer = message_from_http(ctx->arena, &response);
    return 0;
}

static int send_once(const struct sts_call *c, struct wire_message *answer, struct err *err)
{
    struct creds_context *ctx = c->ctx;
    const struct endpoint *endpoint = c->endpoint;
    struct wire_message message = {.method = STR("POST"),
        .path = arena_concat(ctx->arena, (struct str[]){endpoint->base_path, STR("/")}, 2),
        .body = c->form};
    wire_header_add(ctx->arena, &message, STR("Host"), endpoint->host);
    wire_header_add(
        ctx->arena, &message, STR("Content-Type"), STR("application/x-www-form-urlencoded; charset=utf-8"));
    if (c->base)
        creds_sts_sign(c, &message);
    return creds_send(ctx, endpoint, &message, c->attempt, answer, err);
}

/* Returns the service's clock minus ours; 0 if they roughly agree. */
static int64_t clock_difference(const struct wire_message *answer)
{
    int64_t theirs;
    if (!time_parse_http(wire_header_get(answer, STR("Date")), &theirs))
        return 0;
    int64_t skew_ms = theirs - clock_wall_ms();
    return skew_ms > -SKEW_TOLERATED_MS && skew_ms < SKEW_TOLERATED_MS ? 0 : skew_ms;
}

/* Reads the credentials. The expiry by the service's clock is converted to this machine's. */
static int read_answer(
    const struct sts_call *c, const struct wire_message *answer, struct credentials *out, struct err *err)
{
    const struct value *document;
    if (wire_decode_response(c->ctx->arena, c->op, answer, &document, err))
        return -1;
    const struct value *found = wire_path(c->ctx->arena, document, STR("Credentials"));
    *out = (struct credentials){.access_key = value_gets(found, "AccessKeyId"),
        .secret_key = value_gets(found, "SecretAccessKey"),
        .session_token = value_gets(found, "SessionToken")};
    struct str expiration = value_gets(found, "Expiration");
    if (!out->access_key.n || !out->secret_key.n || !time_parse_rfc3339(expiration, &out->expires_ms))
        return err_set(err, ERR_PROTOCOL, "the answer holds no credentials");
    out->expires_ms -= clock_difference(answer);
    return 0;
}

/* True if the request was refused for its time and the skew is now known: the next signature will fit. */
static bool correct_skew(struct sts_call *c, const struct wire_message *answer, const struct err *failure)
{
    int64_t skew_ms = clock_difference(answer);
    if (c->skew_ms || !skew_ms || wire_fault(str_z(failure->code), answer->status) != WIRE_FAULT_SKEW)
        return false;
    c->skew_ms = skew_ms;
    return true;
}

/* Both calls only return keys, so they may be repeated. */
static int creds_sts_call(struct sts_call *c, struct credentials *out, struct err *err)
{
    for (c->attempt = 1;; c->attempt++) {
        struct wire_message answer;
        struct err failure = ERR_INIT;
        bool again;
        if (!send_once(c, &answer, &failure)) {
            if (!wire_is_error(&answer))
                return read_answer(c, &answer, out, err);
            wire_decode_error(c->op, &answer, &failure);
            if (correct_skew(c, &answer, &failure))
                continue;
            again = failure.retryable;
        } else {
            again = failure.class == ERR_NETWORK || failure.class == ERR_TIMEOUT;
        }
        if (!again || c->attempt >= CREDS_ATTEMPTS)
            return err_raise(err, &failure);
        clock_sleep_ms((int64_t)CREDS_PAUSE_MS << c->attempt);
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
    struct sts_call c = {.ctx = ctx,
        .base = role->web_token.n ? NULL : base,
        .op = &op,
        .endpoint = &endpoint,
        .form = make_form(ctx, role)};
    if (endpoint_resolve(ctx->arena, &settings, &sts, &endpoint, err) || creds_sts_call(&c, out, err)) {
        if (err && err->class != ERR_INVALID && err->class != ERR_NETWORK && err->class != ERR_TIMEOUT)
            err->class = ERR_AUTH;
        return err_context(err, "assuming the role %.*s", STR_ARG(role->arn));
    }
    out->source = arena_printf(ctx->arena, "role %.*s", STR_ARG(role->arn));
    return 0;
}

/* ---- IAM Identity Center: the token cached by `aws sso login`, renewed as the SDKs do, gives a role's
 * credentials (GetRoleCredentials of the portal, CreateToken of its OIDC service) ---- */

enum { CACHE_MAX = 64 * 1024, RENEW_MS = 15 * 60 * 1000 };

static const struct aws_service portal = {.id = STR_INIT("sso"),
                                    .endpoint_prefix = STR_INIT("portal.sso"),
                                    .signing_name = STR_INIT("awsssoportal")},
                                oidc = {.id = STR_INIT("sso-oidc"),
                                    .endpoint_prefix = STR_INIT("oidc"),
                                    .signing_name = STR_INIT("sso-oauth")};

struct sign_in {
    struct creds_context *ctx;
    struct str profile;
    struct str session; /* [sso-session NAME]; "": the settings are in the profile itself */
    struct str start_url, region, account, role;
    struct str path; /* of the cached token */
    const struct value *token;
};

static int sign_in_again(const struct sign_in *s, const char *why, struct err *err)
{
    err_set(err, ERR_AUTH, "the profile \"%.*s\" signs in with IAM Identity Center, and %s",
        STR_ARG(s->profile), why);
    return err_hint(err, "`aws sso login --profile %.*s` signs in", STR_ARG(s->profile));
}

/* ---- settings ---- */

static struct str sso_setting(const struct sign_in *s, const char *key)
{
    struct str own = profiles_get(s->ctx->profiles, s->profile, key);
    return own.n || !s->session.n ? own
                                  : profiles_section_get(s->ctx->profiles, "sso-session", s->session, key);
}

static int read_settings(struct sign_in *s, struct err *err)
{
    struct {
        const char *key;
        struct str *out;
    } all[] = {{"sso_start_url", &s->start_url}, {"sso_region", &s->region}, {"sso_account_id", &s->account},
        {"sso_role_name", &s->role}};
    struct arena *arena = s->ctx->arena;
    s->session = profiles_get(s->ctx->profiles, s->profile, "sso_session");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        *all[i].out = sso_setting(s, all[i].key);
        if (all[i].out->n)
            continue;
        err_set(err, ERR_AUTH, "the profile \"%.*s\" has no %s", STR_ARG(s->profile), all[i].key);
        return err_hint(err, "`aws configure sso` writes such a profile, and its [sso-session]");
    }
    unsigned char digest[SHA1_SIZE];
    hash_sha1(s->session.n ? s->session : s->start_url, digest);
    s->path = path_join(arena, str_z(getenv("HOME")),
        arena_printf(arena, ".aws/sso/cache/%.*s.json", STR_ARG(hex_encode(arena, digest, sizeof digest))));
    return 0;
}

/* ---- the token ---- */

/* Returns the remaining validity in milliseconds. Older AWS CLIs wrote UTC instead of Z. */
static int64_t time_left(struct arena *arena, const struct value *token, const char *key)
{
    struct str text = value_gets(token, key);
    int64_t ends_ms;
    if (str_ends(text, STR("UTC")))
        text = arena_printf(arena, "%.*sZ", STR_ARG(str_slice(text, 0, text.n - 3)));
    return time_parse_rfc3339(text, &ends_ms) ? ends_ms - clock_wall_ms() : 0;
}

static int read_token(struct sign_in *s, struct err *err)
{
    struct str text;
    bool there = !file_read_own(s->ctx->arena, s->path.p, CACHE_MAX, &text, NULL) &&
                 !json_parse(s->ctx->arena, text, &s->token, NULL) && value_gets(s->token, "accessToken").n;
    return there ? 0 : sign_in_again(s, "nobody is signed in", err);
}

/* Sends an unsigned call, which may be repeated. */
static int sso_call(const struct sign_in *s, const struct aws_service *service, struct wire_message *message,
    const struct value **answer, struct err *err)
{
    struct creds_context *ctx = s->ctx;
    struct endpoint endpoint;
    struct wire_operation op = {.protocol = WIRE_REST_JSON};
    struct endpoint_settings settings = {.region = s->region,
        .config = ctx->options->config,
        .profiles = ctx->profiles,
        .profile = ctx->profile};
    if (endpoint_resolve(ctx->arena, &settings, service, &endpoint, err))
        return -1;
    message->path = arena_concat(ctx->arena, (struct str[]){endpoint.base_path, message->path}, 2);
    wire_header_add(ctx->arena, message, STR("Host"), endpoint.host);
    for (int attempt = 1;; attempt++) {
        struct wire_message got;
        struct err why = ERR_INIT;
        bool again;
        if (creds_send(ctx, &endpoint, message, attempt, &got, &why)) {
            again = why.class == ERR_NETWORK || why.class == ERR_TIMEOUT;
        } else if (wire_is_error(&got)) {
            wire_decode_error(&op, &got, &why);
            again = why.retryable;
        } else {
            return json_parse(ctx->arena, got.body, answer, err);
        }
        if (!again || attempt >= CREDS_ATTEMPTS)
            return err_raise(err, &why);
        clock_sleep_ms((int64_t)CREDS_PAUSE_MS << attempt);
    }
}

static struct str json_text(struct arena *arena, const struct value *v)
{
    AUTO_BUF struct buf text = BUF_INIT;
    json_write(&text, v, JSON_PLAIN);
    struct str kept = arena_str(arena, buf_str(&text));
    if (text.p)
        explicit_bzero(text.p, text.n);
    return kept;
}

/* Renews the token. If the service returns no new token, the old one stays in use. */
static void renew(struct sign_in *s)
{
    static const char *const needed[] = {"clientId", "clientSecret", "refreshToken"};
    struct arena *arena = s->ctx->arena;
    const struct value *body = VALUE_MAP(arena, {STR("grantType"), value_stringz(arena, "refresh_token")}),
                       *answer;
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        if (!value_gets(s->token, needed[i]).n)
            return;
        body = value_with(arena, body, str_z(needed[i]), value_getz(s->token, needed[i]));
    }
    struct wire_message message = {
        .method = STR("POST"), .path = STR("/token"), .body = json_text(arena, body)};
    wire_header_add(arena, &message, STR("Content-Type"), STR("application/json"));
    if (time_left(arena, s->token, "registrationExpiresAt") <= 0 ||
        sso_call(s, &oidc, &message, &answer, ERR_IGNORED) || !value_gets(answer, "accessToken").n)
        return;
    int64_t ends_ms = clock_wall_ms() + value_geti(answer, "expiresIn", 0) * 1000;
    const struct value *fresh =
        value_with(arena, s->token, STR("accessToken"), value_getz(answer, "accessToken"));
    fresh =
        value_with(arena, fresh, STR("expiresAt"), value_string(arena, time_rfc3339(arena, ends_ms, false)));
    if (value_gets(answer, "refreshToken").n)
        fresh = value_with(arena, fresh, STR("refreshToken"), value_getz(answer, "refreshToken"));
    s->token = fresh;
    file_write_atomic(s->path.p, json_text(arena, fresh), 0600, ERR_IGNORED);
}

static int find_token(struct sign_in *s, struct err *err)
{
    if (read_token(s, err))
        return -1;
    if (s->session.n && time_left(s->ctx->arena, s->token, "expiresAt") < RENEW_MS)
        renew(s);
    return time_left(s->ctx->arena, s->token, "expiresAt") > 0
               ? 0
               : sign_in_again(s, "the sign-in has expired", err);
}

/* ---- the role ---- */

int creds_sso(struct creds_context *ctx, struct str profile, struct credentials *out, struct err *err)
{
    struct sign_in s = {.ctx = ctx, .profile = profile};
    const struct value *answer = NULL;
    if (read_settings(&s, err) || find_token(&s, err))
        return -1;
    AUTO_BUF struct buf query = BUF_INIT;
    url_add_parameter(&query, STR("role_name"), s.role);
    url_add_parameter(&query, STR("account_id"), s.account);
    struct wire_message message = {
        .method = STR("GET"), .path = STR("/federation/credentials"), .query = buf_str(&query)};
    wire_header_add(ctx->arena, &message, STR("x-amz-sso_bearer_token"), value_gets(s.token, "accessToken"));
    if (sso_call(&s, &portal, &message, &answer, err)) {
        if (err->http_status == 401)
            return sign_in_again(&s, "the sign-in has ended", err);
        return err_context(err, "the role %.*s in the account %.*s, by IAM Identity Center", STR_ARG(s.role),
            STR_ARG(s.account));
    }
    answer = value_getz(answer, "roleCredentials");
    *out = (struct credentials){.access_key = value_gets(answer, "accessKeyId"),
        .secret_key = value_gets(answer, "secretAccessKey"),
        .session_token = value_gets(answer, "sessionToken"),
        .expires_ms = value_geti(answer, "expiration", 0),
        .source = arena_printf(ctx->arena, "IAM Identity Center, profile %.*s", STR_ARG(profile))};
    return out->access_key.n && out->secret_key.n
               ? 0
               : err_set(err, ERR_PROTOCOL, "the answer of IAM Identity Center holds no credentials");
}
