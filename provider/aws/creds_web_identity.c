/* A token from an identity provider (OIDC in CI, service accounts in Kubernetes), exchanged for a role. */
#include "base/file.h"
#include "provider/aws/creds.h"

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
