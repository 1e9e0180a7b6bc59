/* ECS tasks and EKS pods: an address in the environment hands out the credentials of the task's role. */
#include "base/file.h"
#include "provider/aws/creds.h"
#include "provider/http/target.h"

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
