/* Verification of Signature Version 4, in the same steps as the client's signing (provider/aws/client.h), and
 * of version 2 in links to S3, which boto3 makes in the older regions; temporary credentials. */
#include "base/clock.h"
#include "base/hash.h"
#include "provider/aws/client.h"
#include "sandbox/http/exchange.h"
#include "sandbox/http/server.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <time.h>

/* ---- temporary credentials ---- */

enum { KEY_BYTES = 10, SECRET_LENGTH = 40, NONCE_BYTES = 12, FIELDS = 9 };

static const struct str version = STR_INIT("weir-session-2");

/* Encodes base32 (RFC 4648), the alphabet of access key ids. */
static struct str base32(struct arena *arena, const unsigned char *bytes, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    char *out = arena_alloc(arena, n * 8 / 5 + 1);
    size_t length = 0;
    for (size_t bit = 0; bit + 5 <= n * 8; bit += 5) {
        unsigned pair = (unsigned)bytes[bit / 8] << 8 | (bit / 8 + 1 < n ? bytes[bit / 8 + 1] : 0);
        out[length++] = digits[pair >> (11 - bit % 8) & 31];
    }
    out[length] = '\0';
    return str_n(out, length);
}

static void derive(struct arena *arena, struct str master, const char *what, struct str token,
    unsigned char out[SHA256_SIZE])
{
    hash_hmac_sha256(master, arena_printf(arena, "session %s\n%.*s", what, STR_ARG(token)), out);
}

static struct session_key key_of(struct arena *arena, struct str master, struct str token)
{
    unsigned char digest[SHA256_SIZE];
    struct session_key key = {.token = token};
    derive(arena, master, "access key", token, digest);
    key.access_key = arena_printf(arena, "ASIA%s", base32(arena, digest, KEY_BYTES).p);
    derive(arena, master, "secret", token, digest);
    struct str secret = base64_encode(arena, str_n((const char *)digest, sizeof digest));
    key.secret_key = arena_str(arena, str_slice(secret, 0, SECRET_LENGTH));
    return key;
}

static struct session_key session_make(
    struct arena *arena, struct str master, const struct session *session, struct str nonce)
{
    struct str token = arena_printf(arena, "%s\n%.*s\n%.*s\n%lld\n%.*s\n%.*s\n%.*s\n%.*s\n%.*s", version.p,
        STR_ARG(session->role), STR_ARG(session->name), (long long)session->expires_ms, STR_ARG(nonce),
        STR_ARG(session->user), STR_ARG(session->policy), STR_ARG(session->policy_arns),
        STR_ARG(session->tags));
    return key_of(arena, master, base64_encode(arena, token));
}

struct session_key session_new(struct arena *arena, struct str master, const struct session *session)
{
    unsigned char nonce[NONCE_BYTES];
    hash_random(nonce, sizeof nonce);
    return session_make(arena, master, session, hex_encode(arena, nonce, sizeof nonce));
}

struct session_key session_again(struct arena *arena, struct str master, const struct session *session)
{
    return session_make(arena, master, session, STR("again"));
}

bool session_read(
    struct arena *arena, struct str master, struct str token, struct session *out, struct session_key *key)
{
    struct str text, fields[FIELDS];
    if (!base64_decode(arena, token, &text))
        return false;
    for (size_t i = 0; i < FIELDS; i++)
        fields[i] = text.p ? str_cut(text, '\n', &text) : STR_EMPTY;
    *out = (struct session){.role = fields[1],
        .name = fields[2],
        .user = fields[5],
        .policy = fields[6],
        .policy_arns = fields[7],
        .tags = fields[8]};
    if (!str_eq(fields[0], version) || !str_to_int(fields[3], &out->expires_ms))
        return false;
    *key = key_of(arena, master, token);
    return true;
}

struct str session_arn(struct arena *arena, struct str account, const struct session *session)
{
    return arena_printf(arena, "arn:aws:sts::%.*s:assumed-role/%.*s/%.*s", STR_ARG(account),
        STR_ARG(session->role), STR_ARG(session->name));
}

const struct value *session_as_value(struct arena *arena, const struct session *session)
{
    return VALUE_MAP(arena, {STR("role"), value_string(arena, session->role)},
        {STR("name"), value_string(arena, session->name)}, {STR("user"), value_string(arena, session->user)},
        {STR("policy"), value_string(arena, session->policy)},
        {STR("policy_arns"), value_string(arena, session->policy_arns)},
        {STR("tags"), value_string(arena, session->tags)});
}

struct session session_of_value(const struct value *v)
{
    return (struct session){.role = value_gets(v, "role"),
        .name = value_gets(v, "name"),
        .user = value_gets(v, "user"),
        .policy = value_gets(v, "policy"),
        .policy_arns = value_gets(v, "policy_arns"),
        .tags = value_gets(v, "tags")};
}

#define ALGORITHM "AWS4-HMAC-SHA256"

enum { SKEW_MS = 15 * 60 * 1000, MAX_EXPIRES_S = 7 * 24 * 3600 };

/* ---- parsing ---- */

/* Parses exactly 20261121T120000Z; strptime() alone would accept more. */
static bool parse_iso_basic(struct str text, int64_t *wall_ms)
{
    char copy[17], again[17];
    struct tm utc = {0};
    if (text.n != 16)
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    const char *end = strptime(copy, "%Y%m%dT%H%M%SZ", &utc);
    if (!end || *end)
        return false;
    *wall_ms = (int64_t)timegm(&utc) * 1000;
    time_iso_basic(*wall_ms, again);
    return memcmp(copy, again, sizeof copy) == 0;
}

/* X-Amz-Date has one format; the Date header may also be an HTTP date. */
static bool parse_date(struct exchange *x, struct str amz_date, struct str date)
{
    struct auth *auth = &x->auth;
    char text[17];
    bool known = amz_date.n ? parse_iso_basic(amz_date, &auth->wall_ms)
                            : parse_iso_basic(date, &auth->wall_ms) || time_parse_http(date, &auth->wall_ms);
    if (!known)
        return false;
    time_iso_basic(auth->wall_ms, text);
    auth->date = arena_str(&x->arena, str_z(text));
    return true;
}

/* Parses AKID/20261121/eu-west-1/s3/aws4_request; the key id may contain slashes. */
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

/* Returns a query parameter, whose name is case-sensitive. A duplicate counts as missing, since it would be
 * ambiguous. */
static struct str parameter(struct arena *arena, struct str query, const char *name)
{
    struct str found = STR_EMPTY;
    while (query.n) {
        struct str value, plain, pair = str_cut(query, '&', &query);
        if (!url_decode(arena, str_cut(pair, '=', &value), false, &plain) || !str_eqz(plain, name))
            continue;
        if (found.n || !url_decode(arena, value, false, &found))
            return STR_EMPTY;
    }
    return found;
}

/* Signed header names are lower case, sorted and unique. */
static bool are_header_names(struct str list)
{
    struct str before = STR_EMPTY;
    while (list.n) {
        struct str name = str_cut(list, ';', &list);
        for (size_t i = 0; i < name.n; i++)
            if (name.p[i] >= 'A' && name.p[i] <= 'Z')
                return false;
        if (!name.n || str_cmp(before, name) >= 0)
            return false;
        before = name;
        if (list.p && !list.n) /* a trailing semicolon */
            return false;
    }
    return before.n > 0;
}

/* Parses Credential=…, SignedHeaders=…, Signature=…; each exactly once. */
static bool parse_header(struct exchange *x, struct str rest)
{
    struct auth *auth = &x->auth;
    struct str credential = STR_EMPTY;
    while (rest.n) {
        struct str value, part = str_trim(str_cut(rest, ',', &rest)), name = str_cut(part, '=', &value);
        struct str *field = str_eqz(name, "Credential")      ? &credential
                            : str_eqz(name, "SignedHeaders") ? &auth->signed_headers
                            : str_eqz(name, "Signature")     ? &auth->signature
                                                             : NULL;
        if (!field || field->n || !value.n)
            return false;
        *field = value;
    }
    auth->payload_hash = wire_header_get(&x->request, STR("x-amz-content-sha256"));
    auth->token = wire_header_get(&x->request, STR("x-amz-security-token"));
    return parse_credential(auth, credential) && auth->signature.n &&
           are_header_names(auth->signed_headers) &&
           parse_date(
               x, wire_header_get(&x->request, STR("x-amz-date")), wire_header_get(&x->request, STR("Date")));
}

static bool parse_query(struct exchange *x)
{
    struct auth *auth = &x->auth;
    struct str query = x->request.query;
    auth->signed_headers = parameter(&x->arena, query, "X-Amz-SignedHeaders");
    auth->signature = parameter(&x->arena, query, "X-Amz-Signature");
    struct str hash = wire_header_get(&x->request, STR("x-amz-content-sha256"));
    auth->payload_hash = hash.n ? hash : STR("UNSIGNED-PAYLOAD");
    auth->token = parameter(&x->arena, query, "X-Amz-Security-Token");
    return str_eqz(parameter(&x->arena, query, "X-Amz-Algorithm"), ALGORITHM) &&
           parse_credential(auth, parameter(&x->arena, query, "X-Amz-Credential")) && auth->signature.n &&
           are_header_names(auth->signed_headers) &&
           parse_date(x, parameter(&x->arena, query, "X-Amz-Date"), STR_EMPTY) &&
           str_to_int(parameter(&x->arena, query, "X-Amz-Expires"), &auth->expires_s) &&
           auth->expires_s >= 1 && auth->expires_s <= MAX_EXPIRES_S;
}

/* Parses AWSAccessKeyId=…&Signature=…&Expires=… */
static bool parse_query_2(struct exchange *x)
{
    struct auth *auth = &x->auth;
    struct str query = x->request.query, hash = wire_header_get(&x->request, STR("x-amz-content-sha256"));
    auth->access_key = parameter(&x->arena, query, "AWSAccessKeyId");
    auth->signature = parameter(&x->arena, query, "Signature");
    auth->token = parameter(&x->arena, query, "x-amz-security-token");
    auth->payload_hash = hash.n ? hash : STR("UNSIGNED-PAYLOAD");
    auth->service = STR("s3");
    auth->region = STR("us-east-1");
    return auth->access_key.n && auth->signature.n &&
           str_to_int(parameter(&x->arena, query, "Expires"), &auth->expires_s);
}

static bool has_parameter(struct str query, const char *name)
{
    while (query.n) {
        struct str value;
        if (str_ieq(str_cut(str_cut(query, '&', &query), '=', &value), str_z(name)))
            return true;
    }
    return false;
}

static size_t count_headers(const struct exchange *x, struct str name)
{
    size_t n = 0;
    for (size_t i = 0; i < x->request.header_count; i++)
        n += str_ieq(x->request.headers[i].name, name);
    return n;
}

void auth_parse(struct exchange *x)
{
    struct str rest, header = wire_header_get(&x->request, STR("Authorization"));
    struct auth *auth = &x->auth;
    bool link = has_parameter(x->request.query, "X-Amz-Algorithm");
    auth->both_forms = (header.n && link) || count_headers(x, STR("Authorization")) > 1;
    if (str_eqz(str_cut(header, ' ', &rest), ALGORITHM)) {
        auth->form = AUTH_HEADER;
        auth->malformed = !parse_header(x, rest.p ? rest : STR_EMPTY);
    } else if (header.n) {
        auth->form = AUTH_OLD;
    } else if (link) {
        auth->form = AUTH_QUERY;
        auth->malformed = !parse_query(x);
    } else if (has_parameter(x->request.query, "AWSAccessKeyId")) {
        auth->form = AUTH_QUERY_2;
        auth->malformed = !parse_query_2(x);
    }
}

/* ---- verification ---- */

/* Decodes the path and encodes it by AWS's rules, since clients differ in which characters they escape. */
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

static bool is_amz(struct str name)
{
    return name.n > 6 && str_ieq(str_slice(name, 0, 6), STR("x-amz-"));
}

/* All x-amz-* headers and Host must be signed, otherwise a captured request could be changed. */
static bool all_signed(const struct exchange *x)
{
    struct str names = x->auth.signed_headers;
    if (!in_list(names, STR("host")))
        return false;
    while (names.n)
        if (!count_headers(x, str_cut(names, ';', &names)))
            return false;
    for (size_t i = 0; i < x->request.header_count; i++) {
        struct str name = x->request.headers[i].name;
        if (is_amz(name) && !in_list(x->auth.signed_headers, name) &&
            !str_ieq(name, STR("x-amz-content-sha256")))
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
    if (auth->form == AUTH_QUERY_2)
        return now / 1000 > auth->expires_s ? &expired : NULL;
    if (auth->form == AUTH_QUERY) {
        if (now > auth->wall_ms + auth->expires_s * 1000)
            return &expired;
        return auth->wall_ms > now + SKEW_MS ? &early : NULL;
    }
    return auth->wall_ms > now + SKEW_MS || auth->wall_ms < now - SKEW_MS ? &skewed : NULL;
}

/* The signing key is valid for one day, which must be that of the request. */
static const struct fault *check_day(struct exchange *x)
{
    const struct auth *auth = &x->auth;
    struct str day = str_slice(auth->scope, 0, 8);
    if (str_eq(day, str_slice(auth->date, 0, 8)))
        return NULL;
    struct fault *fault = ARENA_NEW(&x->arena, struct fault);
    fault->status = 400;
    fault->code =
        auth->form == AUTH_QUERY ? "AuthorizationQueryParametersError" : "AuthorizationHeaderMalformed";
    fault->message = arena_printf(&x->arena,
        "Invalid credential date \"%.*s\". This date is not the same as X-Amz-Date: \"%.*s\".", STR_ARG(day),
        STR_ARG(auth->date))
                         .p;
    return fault;
}

const struct fault auth_old_mechanism = {400, "InvalidRequest",
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."};

static const struct fault anonymous = {403, "AccessDenied", "Access Denied"};

static const struct fault *check_form(const struct exchange *x)
{
    static const struct fault
        header = {400, "AuthorizationHeaderMalformed", "The authorization header is malformed."},
        query = {400, "AuthorizationQueryParametersError", "The X-Amz parameters are incomplete or wrong."},
        query_2 = {403, "AccessDenied",
            "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters"},
        both = {400, "InvalidArgument",
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query "
            "string parameter or the Authorization header should be specified"};
    if (x->auth.both_forms)
        return &both;
    switch (x->auth.form) {
    case AUTH_NONE: return &anonymous;
    case AUTH_OLD: return &auth_old_mechanism;
    case AUTH_HEADER: return x->auth.malformed ? &header : NULL;
    case AUTH_QUERY: return x->auth.malformed ? &query : NULL;
    case AUTH_QUERY_2: return x->auth.malformed ? &query_2 : NULL;
    }
    return &anonymous;
}

/* Finds the secret key: of the sandbox's own keys (a token is ignored), of an IAM user, or of temporary
 * credentials. */
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
        return sandbox_user_key(x->sandbox, &x->arena, auth->access_key, secret, &auth->session.user)
                   ? NULL
                   : &unknown;
    if (!session_read(&x->arena, master, auth->token, &auth->session, &key) ||
        !str_eq(key.access_key, auth->access_key))
        return &invalid;
    *secret = key.secret_key;
    bool over = auth->session.expires_ms && auth->session.expires_ms < clock_wall_ms();
    return over ? &expired : NULL;
}

/* ---- links to S3 ---- */

struct str auth_bucket_of_host(const struct exchange *x)
{
    struct str name = guard_label(sandbox_guard(x->sandbox), wire_header_get(&x->request, STR("Host")));
    if (str_eqz(name, "s3") || str_starts(name, STR("s3.")))
        return STR_EMPTY;
    ptrdiff_t s3 = str_find(name, STR(".s3."), 0);
    if (s3 > 0)
        return str_slice(name, 0, (size_t)s3);
    return str_ends(name, STR(".s3")) ? str_slice(name, 0, name.n - 3) : name;
}

/* SDKs move headers x-amz-* into the query. S3 ignores checksums there, since the content is not yet known.
 */
static void take_headers_of_query(struct exchange *x)
{
    struct str query = x->request.query;
    while (query.n) {
        struct str value, name, pair = str_cut(query, '&', &query);
        if (!url_decode(&x->arena, str_cut(pair, '=', &value), false, &name) || !is_amz(name) ||
            !url_decode(&x->arena, value.p ? value : STR_EMPTY, false, &value))
            continue;
        name = arena_lower(&x->arena, name);
        bool skipped = str_starts(name, STR("x-amz-checksum-")) ||
                       str_is_any(name, "x-amz-algorithm x-amz-credential x-amz-date x-amz-expires "
                                        "x-amz-signedheaders x-amz-signature x-amz-content-sha256 "
                                        "x-amz-sdk-checksum-algorithm");
        if (!skipped && !count_headers(x, name))
            wire_header_add(&x->arena, &x->request, name, value);
    }
}

/* Adds "name:value\n" for each header x-amz-*, sorted; values of one name are joined by commas. */
static void add_amz_headers(struct exchange *x, struct buf *out)
{
    size_t n = 0;
    struct wire_header *amz = ARENA_ARRAY(&x->arena, struct wire_header, x->request.header_count + 1);
    for (size_t i = 0; i < x->request.header_count; i++)
        if (is_amz(x->request.headers[i].name))
            amz[n++] = (struct wire_header){
                arena_lower(&x->arena, x->request.headers[i].name), x->request.headers[i].value};
    qsort(amz, n, sizeof *amz, str_order); /* by the name, their first member */
    for (size_t i = 0; i < n; i++)
        if (i && str_eq(amz[i].name, amz[i - 1].name))
            buf_addf(out, ",%.*s", STR_ARG(amz[i].value));
        else
            buf_addf(out, "%s%.*s:%.*s", i ? "\n" : "", STR_ARG(amz[i].name), STR_ARG(amz[i].value));
    if (n)
        buf_addz(out, "\n");
}

/* Adds the parameters that select an operation or change its answer, sorted and decoded. */
static void add_subresources(struct exchange *x, struct buf *out)
{
    static const char *const signed_names[] = {"accelerate", "acl", "analytics", "cors", "defaultObjectAcl",
        "delete", "inventory", "lifecycle", "location", "logging", "metrics", "notification", "object-lock",
        "partNumber", "policy", "replication", "requestPayment", "response-cache-control",
        "response-content-disposition", "response-content-encoding", "response-content-language",
        "response-content-type", "response-expires", "restore", "select", "select-type", "storageClass",
        "tagging", "torrent", "uploadId", "uploads", "versionId", "versioning", "versions", "website"};
    char before = '?';
    for (size_t i = 0; i < sizeof signed_names / sizeof *signed_names; i++) {
        struct str query = x->request.query;
        while (query.n) {
            struct str value, pair = str_cut(query, '&', &query);
            if (!str_eqz(str_cut(pair, '=', &value), signed_names[i]))
                continue;
            buf_addf(out, "%c%s", before, signed_names[i]);
            if (value.p && url_decode(&x->arena, value, false, &value))
                buf_addf(out, "=%.*s", STR_ARG(value));
            before = '&';
        }
    }
}

/* Returns the signature of version 2 of a link: see RESTAuthentication.html in S3's documentation. */
static struct str signature_2(struct exchange *x, struct str secret)
{
    AUTO_BUF struct buf out = BUF_INIT;
    unsigned char digest[SHA1_SIZE];
    struct str bucket = auth_bucket_of_host(x), path = canonical_path(&x->arena, x->request.path);
    bool plain = !bucket.n && path.n > 1 && str_find_char(path, '/', 1) < 0; /* signed as "/bucket/" */
    buf_addf(&out, "%.*s\n%.*s\n%.*s\n%lld\n", STR_ARG(x->request.method),
        STR_ARG(wire_header_get(&x->request, STR("Content-MD5"))),
        STR_ARG(wire_header_get(&x->request, STR("Content-Type"))), (long long)x->auth.expires_s);
    add_amz_headers(x, &out);
    buf_addf(&out, "%s%.*s%.*s%s", bucket.n ? "/" : "", STR_ARG(bucket), STR_ARG(path), plain ? "/" : "");
    add_subresources(x, &out);
    hash_hmac_sha1(secret, buf_str(&out), digest);
    return base64_encode(&x->arena, str_n((const char *)digest, sizeof digest));
}

static const struct fault mismatch = {403, "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided. "
    "Check your key and signing method."};

static const struct fault *compare_signature(const struct auth *auth, struct str wanted)
{
    bool same = wanted.n == auth->signature.n && !CRYPTO_memcmp(wanted.p, auth->signature.p, wanted.n);
    return same ? NULL : &mismatch;
}

static const struct fault *verify_query_2(struct exchange *x)
{
    struct str secret;
    const struct fault *fault = find_secret(x, &secret);
    if (fault || (fault = check_time(&x->auth)))
        return fault;
    take_headers_of_query(x);
    return compare_signature(&x->auth, signature_2(x, secret));
}

const struct fault *auth_verify(struct exchange *x, struct str payload_hash)
{
    static const struct fault unsigned_headers = {
        403, "AccessDenied", "There were headers present in the request which were not signed"};
    struct auth *auth = &x->auth;
    const struct fault *fault = check_form(x);
    if (fault)
        return fault;
    if (auth->form == AUTH_QUERY_2)
        return verify_query_2(x);
    struct str secret;
    if ((fault = check_day(x)) || (fault = find_secret(x, &secret)) || (fault = check_time(auth)))
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
    fault = compare_signature(auth, signature);
    if (!fault && s3 && auth->form == AUTH_QUERY)
        take_headers_of_query(x);
    return fault;
}

/* ---- forms ---- */

/* Returns an error that names the first missing field, or NULL. */
static const struct fault *check_form_fields(
    struct exchange *x, const struct wire_message *form, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (wire_header_get(form, str_z(names[i])).n)
            continue;
        struct fault *fault = ARENA_NEW(&x->arena, struct fault);
        *fault = (struct fault){400, "InvalidArgument",
            arena_printf(&x->arena,
                "Bucket POST must contain a field named '%s'.  If it is specified, please check the order of "
                "the fields.",
                names[i])
                .p};
        return fault;
    }
    return NULL;
}

const struct fault *auth_verify_form(struct exchange *x, const struct wire_message *form)
{
    static const char *const v4[] = {"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Signature"},
                             *const v2[] = {"AWSAccessKeyId", "Signature"};
    static const struct fault credential = {
        400, "InvalidArgument", "The X-Amz fields of the form are incomplete or wrong."};
    struct auth *auth = &x->auth;
    struct str secret, policy = wire_header_get(form, STR("policy")), wanted,
                       key = wire_header_get(form, STR("AWSAccessKeyId"));
    unsigned char digest[SHA256_SIZE];
    auth->signature = wire_header_get(form, STR("X-Amz-Signature"));
    bool old = key.n || wire_header_get(form, STR("Signature")).n;
    bool new = auth->signature.n || wire_header_get(form, STR("X-Amz-Algorithm")).n;
    if (!policy.n || (!old && !new))
        return &anonymous;
    const struct fault *fault = new ? check_form_fields(x, form, v4, 4) : check_form_fields(x, form, v2, 2);
    if (fault)
        return fault;
    auth->access_key = key;
    auth->form = new ? AUTH_NONE : AUTH_QUERY_2;
    auth->token = wire_header_get(form, STR("x-amz-security-token"));
    if (new && (!str_eqz(wire_header_get(form, STR("X-Amz-Algorithm")), ALGORITHM) ||
                   !parse_credential(auth, wire_header_get(form, STR("X-Amz-Credential"))) ||
                   !parse_date(x, wire_header_get(form, STR("X-Amz-Date")), STR_EMPTY)))
        return &credential;
    if ((fault = find_secret(x, &secret)))
        return fault;
    if (new) {
        struct sigv4_params params = {.access_key = auth->access_key,
            .secret_key = secret,
            .region = auth->region,
            .service = auth->service,
            .wall_ms = auth->wall_ms,
            .key = auth->key};
        sigv4_signing_key(&params, auth->key);
        hash_hmac_sha256(str_n((const char *)auth->key, sizeof auth->key), policy, digest);
        wanted = hex_encode(&x->arena, digest, SHA256_SIZE);
    } else {
        auth->signature = wire_header_get(form, STR("Signature"));
        hash_hmac_sha1(secret, policy, digest);
        wanted = base64_encode(&x->arena, str_n((const char *)digest, SHA1_SIZE));
    }
    return compare_signature(auth, wanted);
}
