/* AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN. */
#include "base/clock.h"
#include "provider/aws/creds.h"

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
