/* AWS Signature Version 4 in stages, each testable alone: see client.h. */
#include "provider/aws/client.h"

#include "base/clock.h"
#include "base/hash.h"
#include "provider/aws/client_state.h"

#include <ctype.h>
#include <stdlib.h>

#define ALGORITHM "AWS4-HMAC-SHA256"

struct pair {
    struct str name, value;
    size_t index; /* original position, which keeps repeated headers in order */
};

static int compare_names(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    int order = str_cmp(x->name, y->name);
    return order ? order : (x->index > y->index) - (x->index < y->index);
}

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    int order = str_cmp(x->name, y->name);
    return order ? order : str_cmp(x->value, y->value);
}

/* Copies the buffer into the arena. */
static struct str sigv4_keep(struct arena *arena, struct buf *buf)
{
    return arena_str(arena, buf_str(buf));
}

/* ---- canonical request ---- */

/* RFC 3986 5.2.4, and repeated slashes become one, for all services except S3. */
static void add_normalised_path(struct buf *out, struct arena *arena, struct str path)
{
    struct str *segments = ARENA_ARRAY(arena, struct str, path.n + 1);
    size_t n = 0;
    for (struct str rest = path; rest.p && rest.n;) {
        struct str segment = str_cut(rest, '/', &rest);
        if (str_eqz(segment, ".."))
            n -= n > 0;
        else if (segment.n && !str_eqz(segment, "."))
            segments[n++] = segment;
    }
    for (size_t i = 0; i < n; i++) {
        buf_add_char(out, '/');
        url_encode(out, segments[i], false); /* encoded a second time, as these services expect */
    }
    if (!n || path.p[path.n - 1] == '/')
        buf_add_char(out, '/');
}

/* The service decodes and re-encodes the query, so a "/" that was sent unescaped counts as %2F. */
static struct str canonical_escape(struct arena *arena, struct str text)
{
    struct str plain;
    if (!url_decode(arena, text, false, &plain))
        return text;
    AUTO_BUF struct buf escaped = BUF_INIT;
    url_encode(&escaped, plain, false);
    return sigv4_keep(arena, &escaped);
}

static void add_query(struct buf *out, struct arena *arena, struct str query)
{
    struct pair *pairs = ARENA_ARRAY(arena, struct pair, query.n + 1);
    size_t n = 0;
    for (struct str rest = query; rest.p && rest.n;) {
        struct str value, part = str_cut(rest, '&', &rest);
        struct str name = str_cut(part, '=', &value);
        if (part.n)
            pairs[n++] =
                (struct pair){.name = canonical_escape(arena, name), .value = canonical_escape(arena, value)};
    }
    qsort(pairs, n, sizeof *pairs, compare_pairs);
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_add_char(out, '&');
        buf_add_str(out, pairs[i].name);
        buf_add_char(out, '=');
        buf_add_str(out, pairs[i].value);
    }
}

static bool in_list(struct str list, struct str name)
{
    while (list.p && list.n)
        if (str_eq(str_cut(list, ';', &list), name))
            return true;
    return false;
}

/* True for hop-by-hop headers and headers that proxies change. */
static bool is_unsigned(struct str name)
{
    return str_is_any(name,
        "authorization connection expect keep-alive proxy-authenticate proxy-authorization te trailer "
        "transfer-encoding upgrade user-agent x-amzn-trace-id");
}

/* Adds a header value trimmed, with inner white space reduced to one space. */
static void add_header_value(struct buf *out, struct str value)
{
    for (struct str rest = str_trim(value); rest.n;) {
        size_t end = 0;
        while (end < rest.n && !isspace((unsigned char)rest.p[end]))
            end++;
        buf_add(out, rest.p, end);
        rest = str_trim(str_slice(rest, end, rest.n));
        if (rest.n)
            buf_add_char(out, ' ');
    }
}

static struct str add_headers(struct buf *out, struct arena *arena, const struct sigv4_params *params,
    const struct wire_message *request)
{
    struct pair *pairs = ARENA_ARRAY(arena, struct pair, request->header_count + 1);
    size_t n = 0;
    for (size_t i = 0; i < request->header_count; i++) {
        struct str name = arena_lower(arena, str_trim(request->headers[i].name));
        if (params->signed_headers.n ? in_list(params->signed_headers, name) : !is_unsigned(name))
            pairs[n++] = (struct pair){name, request->headers[i].value, i};
    }
    qsort(pairs, n, sizeof *pairs, compare_names);
    AUTO_BUF struct buf names = BUF_INIT;
    for (size_t i = 0; i < n; i++) {
        bool repeated = i && str_eq(pairs[i].name, pairs[i - 1].name);
        if (i)
            buf_addz(out, repeated ? "," : "\n");
        if (!repeated) {
            buf_addz(&names, i ? ";" : "");
            buf_add_str(&names, pairs[i].name);
            buf_add_str(out, pairs[i].name);
            buf_add_char(out, ':');
        }
        add_header_value(out, pairs[i].value);
    }
    return sigv4_keep(arena, &names);
}

static struct str payload_hash(struct arena *arena, const struct sigv4_params *params, struct str body)
{
    static const struct str empty =
        STR_INIT("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    if (params->payload_hash.n)
        return params->payload_hash;
    return body.n ? sha256_hex(arena, body) : empty;
}

struct str sigv4_canonical_request(struct arena *arena, const struct sigv4_params *params,
    const struct wire_message *request, struct str *signed_headers)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct str path = request->path.n ? request->path : STR("/");
    buf_add_str(&out, request->method);
    buf_add_char(&out, '\n');
    if (params->s3)
        buf_add_str(&out, path);
    else
        add_normalised_path(&out, arena, path);
    buf_add_char(&out, '\n');
    add_query(&out, arena, request->query);
    buf_add_char(&out, '\n');
    *signed_headers = add_headers(&out, arena, params, request);
    buf_addf(&out, "\n\n%.*s\n%.*s", STR_ARG(*signed_headers),
        STR_ARG(payload_hash(arena, params, request->body)));
    return sigv4_keep(arena, &out);
}

/* ---- string to sign, signature ---- */

static struct str scope(struct arena *arena, const struct sigv4_params *params)
{
    char time[17];
    time_iso_basic(params->wall_ms, time);
    return arena_printf(
        arena, "%.8s/%.*s/%.*s/aws4_request", time, STR_ARG(params->region), STR_ARG(params->service));
}

struct str sigv4_string_to_sign(
    struct arena *arena, const struct sigv4_params *params, struct str canonical_request)
{
    char time[17];
    time_iso_basic(params->wall_ms, time);
    return arena_printf(arena, ALGORITHM "\n%s\n%.*s\n%.*s", time, STR_ARG(scope(arena, params)),
        STR_ARG(sha256_hex(arena, canonical_request)));
}

void sigv4_signing_key(const struct sigv4_params *params, unsigned char key[32])
{
    char time[17];
    time_iso_basic(params->wall_ms, time);
    AUTO_BUF struct buf secret = BUF_INIT;
    buf_addf(&secret, "AWS4%.*s", STR_ARG(params->secret_key));
    struct str steps[] = {str_n(time, 8), params->region, params->service, STR("aws4_request")};
    struct str with = buf_str(&secret);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        hash_hmac_sha256(with, steps[i], key);
        with = str_n((const char *)key, 32);
    }
    explicit_bzero(secret.p, secret.n);
}

struct str sigv4_signature(struct arena *arena, const struct sigv4_params *params, struct str string_to_sign)
{
    unsigned char derived[32], signature[32];
    if (!params->key)
        sigv4_signing_key(params, derived);
    const unsigned char *key = params->key ? params->key : derived;
    hash_hmac_sha256(str_n((const char *)key, 32), string_to_sign, signature);
    explicit_bzero(derived, sizeof derived);
    return hex_encode(arena, signature, sizeof signature);
}

/* ---- both forms ---- */

static void remove_header(struct wire_message *message, struct str name)
{
    size_t kept = 0;
    for (size_t i = 0; i < message->header_count; i++)
        if (!str_ieq(message->headers[i].name, name))
            message->headers[kept++] = message->headers[i];
    message->header_count = kept;
}

static void set_header(struct arena *arena, struct wire_message *message, struct str name, struct str value)
{
    remove_header(message, name);
    wire_header_add(arena, message, name, value);
}

static struct str sigv4_sign(struct arena *arena, const struct sigv4_params *params,
    const struct wire_message *request, struct str *signed_headers)
{
    struct str canonical = sigv4_canonical_request(arena, params, request, signed_headers);
    return sigv4_signature(arena, params, sigv4_string_to_sign(arena, params, canonical));
}

void sigv4_sign_headers(struct arena *arena, const struct sigv4_params *params, struct wire_message *request)
{
    char time[17];
    time_iso_basic(params->wall_ms, time);
    remove_header(request, STR("Authorization"));
    set_header(arena, request, STR("X-Amz-Date"), arena_str(arena, str_z(time)));
    if (params->session_token.n)
        set_header(arena, request, STR("X-Amz-Security-Token"), params->session_token);
    struct sigv4_params with_hash = *params;
    with_hash.payload_hash = payload_hash(arena, params, request->body);
    if (params->s3)
        set_header(arena, request, STR("x-amz-content-sha256"), with_hash.payload_hash);
    struct str signed_headers, signature = sigv4_sign(arena, &with_hash, request, &signed_headers);
    wire_header_add(arena, request, STR("Authorization"),
        arena_printf(arena, ALGORITHM " Credential=%.*s/%.*s, SignedHeaders=%.*s, Signature=%.*s",
            STR_ARG(params->access_key), STR_ARG(scope(arena, params)), STR_ARG(signed_headers),
            STR_ARG(signature)));
}

/* ---- SigV4 in the query: see "Authenticating Requests: Using Query Parameters" in S3's API reference. */

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
