/* Talking to metadata services, and the JSON documents in which credentials come. */
#include "base/clock.h"
#include "base/json.h"
#include "provider/aws/creds.h"

#include <stdlib.h>

enum { PAUSE_MS = 200 };

struct str creds_variable(const char *name)
{
    return str_z(getenv(name));
}

int creds_http(struct creds_context *ctx, const struct http_request *request, int attempts, struct str *body,
    struct err *err)
{
    struct http_request each = *request;
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
        bool again = result ? failure.class == ERR_NETWORK : response.status >= 500;
        if (!again || each.attempt >= attempts)
            return err_raise(err, &failure);
        clock_sleep_ms((int64_t)PAUSE_MS << each.attempt);
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
