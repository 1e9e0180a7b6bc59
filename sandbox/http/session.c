/* Temporary credentials: see exchange.h. */
#include "sandbox/http/exchange.h"

#include "base/hash.h"

enum { KEY_BYTES = 10, SECRET_LENGTH = 40, NONCE_BYTES = 12, FIELDS = 9 };

static const struct str version = STR_INIT("weir-session-2");

/* RFC 4648's base32, which access keys are written in. */
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
