/* Digests of text, and names made from them. */
#include "stacks/expressions/func.h"

#include "base/hash.h"

static const struct value *hex_value(struct call *call, const unsigned char *bytes, size_t n)
{
    return value_string_ref(call->arena, hex_encode(call->arena, bytes, n));
}

const struct value *func_md5(struct call *call)
{
    unsigned char digest[MD5_SIZE];
    hash_md5(arg_text(call, 0), digest);
    return hex_value(call, digest, sizeof digest);
}

const struct value *func_sha1(struct call *call)
{
    unsigned char digest[SHA1_SIZE];
    hash_sha1(arg_text(call, 0), digest);
    return hex_value(call, digest, sizeof digest);
}

const struct value *func_sha256(struct call *call)
{
    unsigned char digest[SHA256_SIZE];
    hash_sha256(arg_text(call, 0), digest);
    return hex_value(call, digest, sizeof digest);
}

const struct value *func_base64sha256(struct call *call)
{
    unsigned char digest[SHA256_SIZE];
    hash_sha256(arg_text(call, 0), digest);
    return value_string_ref(
        call->arena, base64_encode(call->arena, str_n((const char *)digest, sizeof digest)));
}

/* The 16 bytes of a namespace: one of RFC 9562's four by name, or a UUID. */
static bool uuid_namespace(struct arena *arena, struct str name, struct str *out)
{
    static const struct {
        const char *name, *rest;
    } known[] = {{"dns", "0"}, {"url", "1"}, {"oid", "2"}, {"x500", "4"}};
    char digits[33];
    size_t n = 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (str_eqz(name, known[i].name))
            name = arena_printf(arena, "6ba7b81%s-9dad-11d1-80b4-00c04fd430c8", known[i].rest);
    if (name.n != 36)
        return false;
    for (size_t i = 0; i < name.n; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash != (name.p[i] == '-'))
            return false;
        if (!dash)
            digits[n++] = name.p[i];
    }
    return hex_decode(arena, str_n(digits, n), out);
}

const struct value *func_uuidv5(struct call *call)
{
    struct str space;
    if (!uuid_namespace(call->arena, arg_text(call, 0), &space))
        return call_fail(call, 0, "%s is not a UUID, nor dns, url, oid or x500", call_quote(call, 0).p);
    struct str parts[] = {space, arg_text(call, 1)};
    unsigned char id[SHA1_SIZE];
    hash_sha1(arena_concat(call->arena, parts, 2), id);
    id[6] = (unsigned char)((id[6] & 0x0f) | 0x50);
    id[8] = (unsigned char)((id[8] & 0x3f) | 0x80);
    const char *hex = hex_encode(call->arena, id, 16).p;
    return value_string_ref(call->arena,
        arena_printf(call->arena, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20));
}
