/*
 * Where the code of a function is to be fetched from: an address of S3, signed beforehand, as with the
 * service. S3 finds what is there by the hash at its end (s3srv_object.c).
 */
#include "sandbox/services/lambda/lambda.h"

#include "base/clock.h"
#include "provider/aws/sigv4.h"
#include "sandbox/context/context.h"

enum { VALID_S = 600 }; /* ten minutes, as with the service */

static struct str location_of(const struct service_call *call, const struct value *attrs, bool layer)
{
    const struct value *code = value_getz(attrs, layer ? "content" : "code");
    struct str key = value_gets(code, "s3_key");
    unsigned char digest[SHA256_SIZE];
    if (!call->host.n || !lambda_code_sha256(value_gets(code, "s3_bucket"), key, digest))
        return STR_EMPTY;
    struct sandbox_key own = sandbox_first_key(services_sandbox(call->services));
    const struct sigv4_params params = {.access_key = own.access_key,
        .secret_key = own.secret_key,
        .session_token = STR_EMPTY,
        .region = call->region,
        .service = STR("s3"),
        .wall_ms = clock_wall_ms(),
        .payload_hash = STR("UNSIGNED-PAYLOAD"),
        .signed_headers = STR("host"),
        .s3 = true};
    const struct presign what = {.service = STR("s3"),
        .host = call->host,
        .path = arena_printf(call->arena, "/awslambda-%.*s-%s/snapshots/%.*s/%.*s-%.*s",
            STR_ARG(call->region), layer ? "layers" : "tasks", STR_ARG(services_account(call->services)),
            STR_ARG(value_gets(attrs, "name")), STR_ARG(key)),
        .query = STR_EMPTY,
        .plain = true,
        .seconds = VALID_S};
    return presign_with(call->arena, &params, &what);
}

const struct value *lambda_with_location(
    const struct service_call *call, const struct value *shown, const struct value *attrs, const char *member)
{
    bool layer = str_eqz(STR("Content"), member);
    struct str location = location_of(call, attrs, layer);
    const struct value *code = value_getz(shown, member);
    if (!code && !layer)
        code = value_with(call->arena, NULL, STR("RepositoryType"), value_stringz(call->arena, "S3"));
    if (location.n)
        code = value_with(call->arena, code, STR("Location"), value_string(call->arena, location));
    return value_with(call->arena, shown, str_z(member), code);
}
