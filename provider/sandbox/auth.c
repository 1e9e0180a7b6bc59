/*
 * Who sent this? Signature version 4 as the services verify it: the same stages as the client's
 * (provider/aws/sigv4.h), then compared.
 */
#include "base/clock.h"
#include "base/hash.h"
#include "provider/aws/sigv4.h"
#include "provider/sandbox/exchange.h"

#include <openssl/crypto.h>
#include <time.h>

enum { SKEW_MS = 15 * 60 * 1000, MAX_EXPIRES_S = 7 * 24 * 3600 };

/* ---- reading ---- */

static bool parse_date(struct str text, int64_t *wall_ms)
{
    char copy[20];
    struct tm utc = {0};
    if (text.n != 16)
        return time_parse_http(text, wall_ms);
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    const char *end = strptime(copy, "%Y%m%dT%H%M%SZ", &utc);
    if (!end || *end)
        return false;
    *wall_ms = (int64_t)timegm(&utc) * 1000;
    return true;
}

/* AKID/20261121/eu-west-1/s3/aws4_request; the key itself may hold slashes */
static bool parse_credential(struct auth *auth, struct str credential)
{
    size_t end = credential.n, cuts[4];
    for (int i = 3; i >= 0; i--) {
        while (end && credential.p[end - 1] != '/')
            end--;
        if (!end)
            return false;
        cuts[i] = end--;
    }
    auth->access_key = str_slice(credential, 0, cuts[0] - 1);
    auth->scope = str_slice(credential, cuts[0], credential.n);
    auth->region = str_slice(credential, cuts[1], cuts[2] - 1);
    auth->service = str_slice(credential, cuts[2], cuts[3] - 1);
    struct str last = str_slice(credential, cuts[3], credential.n);
    return str_eqz(last, "aws4_request") && cuts[1] - cuts[0] == 9 && auth->access_key.n && auth->service.n;
}

static struct str parameter(struct arena *arena, struct str query, const char *name)
{
    while (query.n) {
        struct str value, text, pair = str_cut(query, '&', &query);
        if (str_ieq(str_cut(pair, '=', &value), str_z(name)) && url_decode(arena, value, false, &text))
            return text;
    }
    return STR_EMPTY;
}

static bool parse_header(struct exchange *x, struct str rest)
{
    struct auth *auth = &x->auth;
    while (rest.n) {
        struct str value, part = str_trim(str_cut(rest, ',', &rest)), name = str_cut(part, '=', &value);
        if (str_eqz(name, "Credential") && !parse_credential(auth, value))
            return false;
        if (str_eqz(name, "SignedHeaders"))
            auth->signed_headers = value;
        if (str_eqz(name, "Signature"))
            auth->signature = value;
    }
    struct str date = wire_header_get(&x->request, STR("x-amz-date"));
    auth->date = date.n ? date : wire_header_get(&x->request, STR("Date"));
    auth->payload_hash = wire_header_get(&x->request, STR("x-amz-content-sha256"));
    auth->token = wire_header_get(&x->request, STR("x-amz-security-token"));
    return auth->scope.n && auth->signed_headers.n && auth->signature.n &&
           parse_date(auth->date, &auth->wall_ms);
}

static bool parse_query(struct exchange *x)
{
    struct auth *auth = &x->auth;
    struct str query = x->request.query;
    auth->signed_headers = parameter(&x->arena, query, "X-Amz-SignedHeaders");
    auth->signature = parameter(&x->arena, query, "X-Amz-Signature");
    auth->date = parameter(&x->arena, query, "X-Amz-Date");
    struct str hash = wire_header_get(&x->request, STR("x-amz-content-sha256"));
    auth->payload_hash = hash.n ? hash : STR("UNSIGNED-PAYLOAD");
    auth->token = parameter(&x->arena, query, "X-Amz-Security-Token");
    return parse_credential(auth, parameter(&x->arena, query, "X-Amz-Credential")) && auth->signature.n &&
           auth->signed_headers.n && parse_date(auth->date, &auth->wall_ms) &&
           str_to_int(parameter(&x->arena, query, "X-Amz-Expires"), &auth->expires_s) &&
           auth->expires_s >= 0 && auth->expires_s <= MAX_EXPIRES_S;
}

void auth_parse(struct exchange *x)
{
    static const struct str algorithm = STR_INIT("AWS4-HMAC-SHA256");
    struct str header = wire_header_get(&x->request, STR("Authorization"));
    struct auth *auth = &x->auth;
    if (str_starts(header, algorithm)) {
        auth->form = AUTH_HEADER;
        auth->malformed = !parse_header(x, str_slice(header, algorithm.n, header.n));
    } else if (header.n) {
        auth->form = AUTH_OLD;
    } else if (parameter(&x->arena, x->request.query, "X-Amz-Algorithm").n) {
        auth->form = AUTH_QUERY;
        auth->malformed = !parse_query(x);
    } else if (parameter(&x->arena, x->request.query, "AWSAccessKeyId").n) {
        auth->form = AUTH_OLD;
    }
}

/* ---- checking ---- */

/* Every service decodes the path and encodes it by its own rule; clients differ in what they leave bare. */
static struct str canonical_path(struct arena *arena, struct str path)
{
    struct str plain;
    AUTO_BUF struct buf out = BUF_INIT;
    if (!url_decode(arena, path, false, &plain))
        return path;
    url_encode(&out, plain, true);
    return arena_str(arena, buf_str(&out));
}

static struct str without_signature(struct arena *arena, struct str query)
{
    AUTO_BUF struct buf out = BUF_INIT;
    while (query.n) {
        struct str rest, pair = str_cut(query, '&', &query);
        if (str_eqz(str_cut(pair, '=', &rest), "X-Amz-Signature"))
            continue;
        buf_addf(&out, "%s%.*s", out.n ? "&" : "", STR_ARG(pair));
    }
    return arena_str(arena, buf_str(&out));
}

static bool in_list(struct str list, struct str name)
{
    while (list.n)
        if (str_ieq(str_cut(list, ';', &list), name))
            return true;
    return false;
}

/* Otherwise whoever sees a signed request could add headers of his own. */
static bool all_signed(const struct exchange *x)
{
    if (!in_list(x->auth.signed_headers, STR("host")))
        return false;
    for (size_t i = 0; i < x->request.header_count; i++) {
        struct str name = x->request.headers[i].name;
        bool amz = name.n > 6 && str_ieq(str_slice(name, 0, 6), STR("x-amz-"));
        if (amz && !in_list(x->auth.signed_headers, name) && !str_ieq(name, STR("x-amz-content-sha256")))
            return false;
    }
    return true;
}

static const struct fault *check_time(const struct auth *auth)
{
    static const struct fault
        skewed = {403, "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large."},
        expired = {403, "AccessDenied", "Request has expired"},
        early = {403, "AccessDenied", "Request is not valid yet"};
    int64_t now = clock_wall_ms();
    if (auth->form == AUTH_QUERY) {
        if (now > auth->wall_ms + auth->expires_s * 1000)
            return &expired;
        return auth->wall_ms > now + SKEW_MS ? &early : NULL;
    }
    return auth->wall_ms > now + SKEW_MS || auth->wall_ms < now - SKEW_MS ? &skewed : NULL;
}

static const struct fault *check_form(const struct exchange *x)
{
    static const struct fault
        anonymous = {403, "AccessDenied", "Access Denied"},
        old = {400, "InvalidRequest",
            "The authorization mechanism you have provided is not supported. Please use "
            "AWS4-HMAC-SHA256."},
        header = {400, "AuthorizationHeaderMalformed", "The authorization header is malformed."},
        query = {400, "AuthorizationQueryParametersError", "The X-Amz parameters are incomplete or wrong."};
    switch (x->auth.form) {
    case AUTH_NONE: return &anonymous;
    case AUTH_OLD: return &old;
    case AUTH_HEADER: return x->auth.malformed ? &header : NULL;
    case AUTH_QUERY: return x->auth.malformed ? &query : NULL;
    }
    return &anonymous;
}

/* Of one of the sandbox's own keys, with which a token means nothing, or of temporary credentials. */
static const struct fault *find_secret(struct exchange *x, struct str *secret)
{
    static const struct fault unknown = {403, "InvalidAccessKeyId",
                                  "The AWS Access Key Id you provided does not exist in our records."},
                              invalid = {400, "InvalidToken",
                                  "The security token included in the request is invalid."},
                              expired = {400, "ExpiredToken",
                                  "The security token included in the request is expired."};
    struct auth *auth = &x->auth;
    struct session_key key;
    struct str master = sandbox_first_key(x->sandbox).secret_key;
    *secret = sandbox_secret(x->sandbox, auth->access_key);
    if (secret->n)
        return NULL;
    if (!auth->token.n)
        return &unknown;
    if (!session_read(&x->arena, master, auth->token, &auth->session, &key) ||
        !str_eq(key.access_key, auth->access_key))
        return &invalid;
    *secret = key.secret_key;
    bool over = auth->session.expires_ms && auth->session.expires_ms < clock_wall_ms();
    return over ? &expired : NULL;
}

const struct fault *auth_verify(struct exchange *x, struct str payload_hash)
{
    static const struct fault
        unsigned_headers = {403, "AccessDenied",
            "There were headers present in the request which were not signed"},
        mismatch = {403, "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. "
            "Check your key and signing method."};
    struct auth *auth = &x->auth;
    const struct fault *fault = check_form(x);
    if (fault)
        return fault;
    struct str secret;
    if ((fault = find_secret(x, &secret)) || (fault = check_time(auth)))
        return fault;
    if (!all_signed(x))
        return &unsigned_headers;
    bool s3 = str_eqz(auth->service, "s3");
    struct sigv4_params params = {.access_key = auth->access_key,
        .secret_key = secret,
        .region = auth->region,
        .service = auth->service,
        .wall_ms = auth->wall_ms,
        .payload_hash = payload_hash.n ? payload_hash : auth->payload_hash,
        .signed_headers = auth->signed_headers,
        .key = auth->key,
        .s3 = s3};
    sigv4_signing_key(&params, auth->key);
    struct wire_message signed_message = x->request;
    signed_message.body = STR_EMPTY;
    if (s3)
        signed_message.path = canonical_path(&x->arena, x->request.path);
    if (auth->form == AUTH_QUERY)
        signed_message.query = without_signature(&x->arena, x->request.query);
    struct str names, canonical = sigv4_canonical_request(&x->arena, &params, &signed_message, &names);
    struct str signature =
        sigv4_signature(&x->arena, &params, sigv4_string_to_sign(&x->arena, &params, canonical));
    bool same =
        signature.n == auth->signature.n && !CRYPTO_memcmp(signature.p, auth->signature.p, signature.n);
    return same ? NULL : &mismatch;
}
