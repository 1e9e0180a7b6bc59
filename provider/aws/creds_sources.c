/* Sources of AWS credentials: variables, files, programs, containers and instances; and the sources that a
 * profile refers to. */
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/spawn.h"
#include "provider/aws/credentials.h"
#include "provider/http/target.h"

#include <stdlib.h>

enum { PAUSE_MS = 200, PAUSE_MAX_MS = 5000 };

struct str creds_variable(const char *name)
{
    return str_z(getenv(name));
}

/* Sends until a 2xx response, at most `attempts` times. Any other status, and no response, is an error. */
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

/* Parses {"AccessKeyId": …, "SecretAccessKey": …, token_key: …, "Expiration": …} */
static int creds_from_json(struct creds_context *ctx, struct str json, const char *token_key,
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

/* ---- ECS tasks and EKS pods: a URL in the environment returns the credentials of the task's role. */

enum { ATTEMPTS = 3, TIMEOUT_MS = 2000, TOKEN_MAX = 64 * 1024 };

static int find_url(struct creds_context *ctx, struct str *url, struct err *err)
{
    struct str relative = creds_variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    *url = creds_variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (relative.n)
        *url = arena_printf(ctx->arena, "http://169.254.170.2%.*s", STR_ARG(relative));
    if (!url->n)
        return 0;
    /* The token must not leave the machine unencrypted. */
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

/* ---- EC2 instance metadata, version 2: a token first, then the role's name, then its credentials. Outside
 * EC2 nothing responds, so there is one attempt with a short time limit. */

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

static int imds_request(struct imds *imds, const char *method, const char *path, struct str more,
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
    if (imds_request(imds, "GET", "/latest/meta-data/iam/security-credentials/", STR_EMPTY, &role, err)) {
        if (err && err->http_status == 404) {
            err_set(err, ERR_AUTH, "this instance has no role");
            err_hint(err, "attach an instance profile to it, or set credentials");
        }
        return -1;
    }
    role = str_trim(str_cut(role, '\n', &rest));
    if (!role.n || role.n > ROLE_MAX)
        return err_set(err, ERR_AUTH, "the instance's metadata names no role");
    if (imds_request(imds, "GET", "/latest/meta-data/iam/security-credentials/", role, &body, err) ||
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
    if (imds_request(&imds, "PUT", "/latest/api/token", STR_EMPTY, &token, ERR_IGNORED))
        return 0; /* not on an EC2 instance */
    *found = true;
    imds.header = (struct http_header){STR("X-aws-ec2-metadata-token"), str_trim(token)};
    return read_role(&imds, out, err) ? err_context(err, "credentials of the instance") : 0;
}

/* ---- credential_process: a command that prints credentials as JSON. */

/* Returns the program's name for messages; "" if it is not a plain name. Arguments may contain secrets. */
static struct str program_of(struct str command)
{
    struct str rest, word = str_cut(str_trim(command), ' ', &rest);
    return str_is_made_of(word, CHARS_ALNUM "/._-~") ? word : STR_EMPTY;
}

static int creds_process(
    struct creds_context *ctx, struct str command, struct credentials *out, struct err *err)
{
    struct str output;
    if (spawn_credential_command(ctx->arena, "the credential process", command, &output, err) ||
        creds_from_json(ctx, output, "SessionToken", out, err)) {
        err_context(err, "credential_process of the profile \"%.*s\"", STR_ARG(ctx->profile));
        struct str program = program_of(command);
        if (!program.n)
            return err_hint(
                err, "run it by hand to see what it prints: its command is in the AWS configuration");
        return err_hint(err,
            "run it by hand to see what it prints: its command (`%.*s`) is in the AWS configuration",
            STR_ARG(program));
    }
    out->source = arena_printf(ctx->arena, "credential_process of the profile %.*s", STR_ARG(ctx->profile));
    return 0;
}

enum { CHAIN_MAX = 8 };

static int find_in(struct creds_context *ctx, struct str name, int depth, struct credentials *out,
    bool *found, struct err *err);

static struct str creds_profile_get(const struct creds_context *ctx, struct str profile, const char *key)
{
    return profiles_get(ctx->profiles, profile, key);
}

static int static_keys(
    struct creds_context *ctx, struct str name, struct credentials *out, bool *found, struct err *err)
{
    struct str access = creds_profile_get(ctx, name, "aws_access_key_id"),
               secret = creds_profile_get(ctx, name, "aws_secret_access_key");
    *found = access.n || secret.n;
    if (!*found)
        return 0;
    if (!access.n || !secret.n)
        return err_set(err, ERR_AUTH, "the profile \"%.*s\" has %s, but no %s", STR_ARG(name),
            access.n ? "aws_access_key_id" : "aws_secret_access_key",
            access.n ? "aws_secret_access_key" : "aws_access_key_id");
    *out = (struct credentials){.access_key = access,
        .secret_key = secret,
        .session_token = creds_profile_get(ctx, name, "aws_session_token"),
        .source = arena_printf(ctx->arena, "profile %.*s", STR_ARG(name))};
    return 0;
}

/* Fetches the credentials that assume the role. */
static int find_base(
    struct creds_context *ctx, struct str name, int depth, struct credentials *base, struct err *err)
{
    struct str source = creds_profile_get(ctx, name, "source_profile"),
               place = creds_profile_get(ctx, name, "credential_source");
    if (place.n && !source.n)
        return creds_named_source(ctx, place, base, err);
    if (!source.n) {
        err_set(err, ERR_AUTH, "the profile \"%.*s\" has a role_arn, but nothing to assume it with",
            STR_ARG(name));
        return err_hint(err, "add source_profile, credential_source or web_identity_token_file to it");
    }
    if (depth >= CHAIN_MAX)
        return err_set(
            err, ERR_AUTH, "the profile \"%.*s\" leads back to itself by source_profile", STR_ARG(name));
    if (!profiles_has(ctx->profiles, source))
        return err_set(err, ERR_AUTH, "the profile \"%.*s\", source_profile of \"%.*s\", does not exist",
            STR_ARG(source), STR_ARG(name));
    bool found = false;
    int result = str_eq(source, name) ? static_keys(ctx, source, base, &found, err)
                                      : find_in(ctx, source, depth + 1, base, &found, err);
    if (result)
        return -1;
    return found ? 0 : err_set(err, ERR_AUTH, "the profile \"%.*s\" has no credentials", STR_ARG(source));
}

static int assume(
    struct creds_context *ctx, struct str name, int depth, struct credentials *out, struct err *err)
{
    if (creds_profile_get(ctx, name, "mfa_serial").n) {
        err_set(err, ERR_AUTH, "the profile \"%.*s\" asks for a one-time code (mfa_serial)", STR_ARG(name));
        return err_hint(err,
            "export the credentials first: eval \"$(aws configure export-credentials --profile "
            "%.*s --format env)\"",
            STR_ARG(name));
    }
    struct creds_role role = {.arn = creds_profile_get(ctx, name, "role_arn"),
        .session = creds_profile_get(ctx, name, "role_session_name"),
        .external_id = creds_profile_get(ctx, name, "external_id"),
        .duration_s = creds_profile_get(ctx, name, "duration_seconds")};
    struct str token_file = creds_profile_get(ctx, name, "web_identity_token_file");
    if (token_file.n)
        return creds_assume_with_token_file(ctx, token_file, &role, out, err);
    struct credentials base;
    return find_base(ctx, name, depth, &base, err) || creds_assume_role(ctx, &base, &role, out, err) ? -1 : 0;
}

static int browser_is_not_ours(struct str name, struct err *err)
{
    err_set(err, ERR_AUTH,
        "the profile \"%.*s\" signs in through a browser (login_session), which weir leaves to the AWS CLI",
        STR_ARG(name));
    return err_hint(err,
        "after `aws login`: eval \"$(aws configure export-credentials --profile %.*s --format env)\", or "
        "credential_process = aws configure export-credentials --profile %.*s in a profile of its own",
        STR_ARG(name), STR_ARG(name));
}

static int find_in(struct creds_context *ctx, struct str name, int depth, struct credentials *out,
    bool *found, struct err *err)
{
    *found = true;
    if (creds_profile_get(ctx, name, "role_arn").n)
        return assume(ctx, name, depth, out, err);
    if (static_keys(ctx, name, out, found, err))
        return -1;
    if (*found)
        return 0;
    struct str command = creds_profile_get(ctx, name, "credential_process");
    *found = true;
    if (command.n)
        return creds_process(ctx, command, out, err);
    if (creds_profile_get(ctx, name, "sso_session").n || creds_profile_get(ctx, name, "sso_start_url").n)
        return creds_sso(ctx, name, out, err);
    if (creds_profile_get(ctx, name, "login_session").n)
        return browser_is_not_ours(name, err);
    *found = false;
    return 0;
}

int creds_profile(struct creds_context *ctx, struct credentials *out, bool *found, struct err *err)
{
    *found = false;
    if (profiles_has(ctx->profiles, ctx->profile))
        return find_in(ctx, ctx->profile, 1, out, found, err);
    if (!ctx->profile_is_chosen)
        return 0;
    err_set(err, ERR_AUTH, "there is no profile \"%.*s\" in ~/.aws/config or ~/.aws/credentials",
        STR_ARG(ctx->profile));
    struct str nearest = profiles_nearest(ctx->arena, ctx->profiles, ctx->profile);
    if (nearest.n)
        return err_hint(err, "did you mean \"%.*s\"?", STR_ARG(nearest));
    return err_hint(
        err, "AWS_PROFILE names it, or the provider's `profile`; `aws configure --profile` makes one");
}
