/*
 * Sources of credentials: environment variables, the container endpoint, the instance metadata service;
 * and what they share.
 */
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "provider/aws/credentials.h"
#include "provider/http/target.h"

#include <stdlib.h>

enum { PAUSE_MS = 200, PAUSE_MAX_MS = 5000 };

struct str creds_variable(const char *name)
{
    return str_z(getenv(name));
}

/* Any 2xx, within `attempts`; other answers and no answer are errors. */
static int creds_http(struct creds_context *ctx, const struct http_request *request, int attempts,
    struct str *body, struct err *err)
{
    struct http_request each = *request;
    int64_t pause_ms = PAUSE_MS;
    each.sensitive = true;
    for (each.attempt = 1;; each.attempt++) {
        struct http_response response;
        struct err failure = ERR_INIT;
        int result = http_send(ctx->options->http, &each, ctx->arena, &response, &failure);
        if (!result && response.status >= 200 && response.status < 300) {
            *body = response.body;
            return 0;
        }
        if (!result)
            err_set(&failure, ERR_AUTH, "%.*s answers HTTP %d", STR_ARG(request->url), response.status);
        failure.http_status = result ? 0 : response.status;
        bool again =
            result ? failure.class == ERR_NETWORK || failure.class == ERR_TIMEOUT : response.status >= 500;
        if (!again || each.attempt >= attempts)
            return err_raise(err, &failure);
        pause_ms = 2 * pause_ms < PAUSE_MAX_MS ? 2 * pause_ms : PAUSE_MAX_MS;
        clock_sleep_ms(pause_ms);
    }
}

int creds_from_json(struct creds_context *ctx, struct str json, const char *token_key,
    struct credentials *out, struct err *err)
{
    const struct value *document;
    struct err why = ERR_INIT;
    if (json_parse(ctx->arena, json, &document, &why))
        return err_set(err, ERR_AUTH, "the credentials are %s", why.message);
    struct str code = value_gets(document, "Code");
    if (code.n && !str_eqz(code, "Success"))
        return err_set(err, ERR_AUTH, "%.*s: %.*s", STR_ARG(code), STR_ARG(value_gets(document, "Message")));
    *out = (struct credentials){.access_key = value_gets(document, "AccessKeyId"),
        .secret_key = value_gets(document, "SecretAccessKey"),
        .session_token = value_gets(document, token_key),
        .source = STR_EMPTY};
    if (!out->access_key.n || !out->secret_key.n)
        return err_set(err, ERR_AUTH, "the credentials have no AccessKeyId or no SecretAccessKey");
    struct str expiration = value_gets(document, "Expiration");
    if (expiration.n && !time_parse_rfc3339(expiration, &out->expires_ms))
        return err_set(
            err, ERR_AUTH, "the credentials' Expiration \"%.*s\" is not a time", STR_ARG(expiration));
    return 0;
}

/* ---- AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN ---- */

int creds_environment(struct creds_context *ctx, struct credentials *out, bool *found, struct err *err)
{
    struct str access = creds_variable("AWS_ACCESS_KEY_ID"), secret = creds_variable("AWS_SECRET_ACCESS_KEY");
    *found = access.n || secret.n;
    if (!*found)
        return 0;
    if (!access.n || !secret.n)
        return err_set(err, ERR_AUTH, "%s is set, but %s is not",
            access.n ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
            access.n ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
    *out = (struct credentials){.access_key = arena_str(ctx->arena, access),
        .secret_key = arena_str(ctx->arena, secret),
        .session_token = arena_str(ctx->arena, creds_variable("AWS_SESSION_TOKEN")),
        .source = STR("environment")};
    struct str expiration = creds_variable("AWS_CREDENTIAL_EXPIRATION");
    if (expiration.n && !time_parse_rfc3339(expiration, &out->expires_ms))
        return err_set(
            err, ERR_AUTH, "AWS_CREDENTIAL_EXPIRATION \"%.*s\" is not a time", STR_ARG(expiration));
    return 0;
}

/* ---- ECS tasks and EKS pods: an address in the environment hands out the credentials of the task's role. */

enum { ATTEMPTS = 3, TIMEOUT_MS = 2000, TOKEN_MAX = 64 * 1024 };

static int find_url(struct creds_context *ctx, struct str *url, struct err *err)
{
    struct str relative = creds_variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    *url = creds_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (relative.n)
        *url = arena_printf(ctx->arena, "http://169.254.170.2%.*s", STR_ARG(relative));
    if (!url->n)
        return 0;
    /* The token shall not leave the machine in the clear. */
    struct http_target target;
    if (http_target_parse(*url, &target, err))
        return err_context(err, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (!target.tls && !target.loopback && !target.link_local)
        return err_set(err, ERR_AUTH,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or an address of this machine or its host, "
            "not "
            "%.*s",
            STR_ARG(target.authority));
    return 0;
}

static int find_token(struct creds_context *ctx, struct str *token, struct err *err)
{
    struct str file = creds_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    *token = creds_variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    if (!file.n)
        return 0;
    struct err why = ERR_INIT;
    if (file_read_own(ctx->arena, file.p, TOKEN_MAX, token, &why))
        return err_set(err, ERR_AUTH, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: %s", why.message);
    *token = str_trim(*token);
    return 0;
}

int creds_container(struct creds_context *ctx, struct credentials *out, bool *found, struct err *err)
{
    *found = false;
    struct str url, token, body;
    if (find_url(ctx, &url, err))
        return -1;
    if (!url.n)
        return 0;
    *found = true;
    if (find_token(ctx, &token, err))
        return -1;
    struct http_header header = {STR("Authorization"), token};
    struct http_request request = {.method = STR("GET"),
        .url = url,
        .headers = &header,
        .header_count = token.n > 0,
        .connect_timeout_ms = TIMEOUT_MS,
        .deadline_ms = TIMEOUT_MS,
        .insecure_ok = true};
    if (creds_http(ctx, &request, ATTEMPTS, &body, err) || creds_from_json(ctx, body, "Token", out, err))
        return err_context(err, "credentials of the container");
    out->source = STR("container");
    return 0;
}

/* ---- The metadata of an EC2 instance, version 2: a token first, then the role's name, then its
 * credentials. Where there is no instance nothing answers, so one attempt with a short limit has to do. */

enum { DEFAULT_TIMEOUT_S = 1, ROLE_MAX = 256 };

struct imds {
    struct creds_context *ctx;
    struct str base;
    struct http_header header;
    int timeout_ms, attempts;
};

static int creds_imds_number(const char *variable, int fallback)
{
    int64_t value;
    return str_to_int(creds_variable(variable), &value) && value > 0 && value <= 60 ? (int)value : fallback;
}

static struct str base_url(void)
{
    struct str given = creds_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    while (given.n && given.p[given.n - 1] == '/')
        given.n--;
    if (given.n)
        return given;
    return str_ieq(creds_variable("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"), STR("IPv6"))
               ? STR("http://[fd00:ec2::254]")
               : STR("http://169.254.169.254");
}

static int creds_imds_ask(struct imds *imds, const char *method, const char *path, struct str more,
    struct str *body, struct err *err)
{
    struct http_request request = {.method = str_z(method),
        .url = arena_printf(imds->ctx->arena, "%.*s%s%.*s", STR_ARG(imds->base), path, STR_ARG(more)),
        .headers = &imds->header,
        .header_count = 1,
        .connect_timeout_ms = imds->timeout_ms,
        .deadline_ms = imds->timeout_ms,
        .insecure_ok = true};
    return creds_http(imds->ctx, &request, imds->attempts, body, err);
}

static int read_role(struct imds *imds, struct credentials *out, struct err *err)
{
    struct str role, rest, body;
    if (creds_imds_ask(imds, "GET", "/latest/meta-data/iam/security-credentials/", STR_EMPTY, &role, err)) {
        if (err && err->http_status == 404) {
            err_set(err, ERR_AUTH, "this instance has no role");
            err_hint(err, "attach an instance profile to it, or set credentials");
        }
        return -1;
    }
    role = str_trim(str_cut(role, '\n', &rest));
    if (!role.n || role.n > ROLE_MAX)
        return err_set(err, ERR_AUTH, "the instance's metadata names no role");
    if (creds_imds_ask(imds, "GET", "/latest/meta-data/iam/security-credentials/", role, &body, err) ||
        creds_from_json(imds->ctx, body, "Token", out, err))
        return -1;
    out->source = arena_printf(imds->ctx->arena, "instance role %.*s", STR_ARG(role));
    return 0;
}

int creds_imds(struct creds_context *ctx, struct credentials *out, bool *found, struct err *err)
{
    *found = false;
    if (str_ieq(creds_variable("AWS_EC2_METADATA_DISABLED"), STR("true")))
        return 0;
    struct imds imds = {.ctx = ctx,
        .base = base_url(),
        .header = {STR("X-aws-ec2-metadata-token-ttl-seconds"), STR("21600")},
        .timeout_ms = 1000 * creds_imds_number("AWS_METADATA_SERVICE_TIMEOUT", DEFAULT_TIMEOUT_S),
        .attempts = creds_imds_number("AWS_METADATA_SERVICE_NUM_ATTEMPTS", 1)};
    struct str token;
    if (creds_imds_ask(&imds, "PUT", "/latest/api/token", STR_EMPTY, &token, ERR_IGNORED))
        return 0; /* no instance here */
    *found = true;
    imds.header = (struct http_header){STR("X-aws-ec2-metadata-token"), str_trim(token)};
    return read_role(&imds, out, err) ? err_context(err, "credentials of the instance") : 0;
}
