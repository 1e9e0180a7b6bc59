/* Credentials of a profile: keys, roles, and programs that print them (credential_process). */
#include "base/spawn.h"
#include "provider/aws/credentials.h"

/* ---- credential_process: a command that prints credentials as JSON. */

/* What is started; "" where it is not just a name. Arguments may be secrets. */
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

/* The credentials with which the role is assumed. */
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
