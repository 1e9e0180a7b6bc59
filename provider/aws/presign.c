/* SigV4 in the query: see "Authenticating Requests: Using Query Parameters" in S3's API reference. */
#include "provider/aws/presign.h"

#include "base/clock.h"
#include "base/hash.h"
#include "provider/aws/client_state.h"
#include "provider/aws/sigv4.h"

static void presign_query(
    struct buf *out, struct arena *arena, const struct sigv4_params *params, const struct presign *what)
{
    char time[17];
    time_iso_basic(params->wall_ms, time);
    if (what->query.n)
        buf_add_str(out, what->query);
    url_add_parameter(out, STR("X-Amz-Algorithm"), STR("AWS4-HMAC-SHA256"));
    url_add_parameter(out, STR("X-Amz-Credential"),
        arena_printf(arena, "%.*s/%.8s/%.*s/%.*s/aws4_request", STR_ARG(params->access_key), time,
            STR_ARG(params->region), STR_ARG(params->service)));
    url_add_parameter(out, STR("X-Amz-Date"), str_z(time));
    url_add_parameter(out, STR("X-Amz-Expires"), arena_printf(arena, "%lld", (long long)what->seconds));
    if (params->session_token.n)
        url_add_parameter(out, STR("X-Amz-Security-Token"), params->session_token);
    url_add_parameter(out, STR("X-Amz-SignedHeaders"), STR("host"));
}

struct str presign_with(struct arena *arena, const struct sigv4_params *params, const struct presign *what)
{
    AUTO_BUF struct buf query = BUF_INIT;
    presign_query(&query, arena, params, what);
    struct wire_message request = {
        .method = STR("GET"), .path = what->path.n ? what->path : STR("/"), .query = buf_str(&query)};
    wire_header_add(arena, &request, STR("host"), what->host);
    struct str names, canonical = sigv4_canonical_request(arena, params, &request, &names);
    struct str to_sign = sigv4_string_to_sign(arena, params, canonical);
    return arena_printf(arena, "%s://%.*s%.*s?%.*s&X-Amz-Signature=%.*s", what->plain ? "http" : "https",
        STR_ARG(what->host), STR_ARG(request.path), STR_ARG(buf_str(&query)),
        STR_ARG(sigv4_signature(arena, params, to_sign)));
}

int aws_presign(struct aws_client *client, const struct presign *what, struct arena *arena, struct str *url,
    int64_t *ends_ms, struct err *err)
{
    struct credentials keys;
    if (credentials_get(client->credentials, arena, &keys, err))
        return -1;
    struct sigv4_params params = {.access_key = keys.access_key,
        .secret_key = keys.secret_key,
        .session_token = keys.session_token,
        .region = aws_region(client),
        .service = what->service,
        .wall_ms = clock_wall_ms() + atomic_load_explicit(&client->skew_ms, memory_order_relaxed),
        .signed_headers = STR("host")};
    *url = presign_with(arena, &params, what);
    *ends_ms = params.wall_ms + 1000 * what->seconds;
    return 0;
}
