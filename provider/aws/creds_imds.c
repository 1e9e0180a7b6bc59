/*
 * The metadata of an EC2 instance, version 2: a token first, then the role's name, then its credentials.
 * Where there is no instance nothing answers, so one attempt with a short limit has to do.
 */
#include "provider/aws/creds.h"

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
