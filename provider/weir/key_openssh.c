/* Keys as OpenSSH writes them: lengths before everything, numbers with their sign, base64 around it. */
#include "provider/weir/key.h"

#include "base/buf.h"
#include "base/hash.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>

enum { CURVE_25519 = 32, POINT_MAX = 256, PRIVATE_BLOCK = 8, LINE = 70, NUMBER_MAX = 2048 };

static void add_u32(struct buf *out, uint32_t n)
{
    for (int shift = 24; shift >= 0; shift -= 8)
        buf_add_char(out, (char)(n >> shift & 255));
}

static void add_string(struct buf *out, struct str text)
{
    add_u32(out, (uint32_t)text.n);
    buf_add_str(out, text);
}

/* A number in as few bytes as hold it and its sign. */
static void add_number(struct buf *out, const BIGNUM *number)
{
    unsigned char bytes[NUMBER_MAX + 1] = {0};
    size_t n = (size_t)BN_bn2bin(number, bytes + 1);
    bool high = n && bytes[1] & 0x80;
    add_string(out, str_n((char *)bytes + !high, n + high));
    OPENSSL_cleanse(bytes, sizeof bytes);
}

static int add_numbers(struct buf *out, const EVP_PKEY *key, const char *const *names, struct err *err)
{
    for (; *names; names++) {
        BIGNUM *number = NULL;
        if (!EVP_PKEY_get_bn_param(key, *names, &number))
            return key_failed(err, "reading the key");
        add_number(out, number);
        BN_clear_free(number);
    }
    return 0;
}

/* One algorithm: what follows its name in the public key, and what in the private one. */
struct layout {
    const char *algorithm, *name;
    int (*add_public)(struct buf *out, const EVP_PKEY *key, struct err *err);
    int (*add_private)(struct buf *out, const EVP_PKEY *key, struct err *err);
};

static int rsa_public(struct buf *out, const EVP_PKEY *key, struct err *err)
{
    static const char *const names[] = {OSSL_PKEY_PARAM_RSA_E, OSSL_PKEY_PARAM_RSA_N, NULL};
    return add_numbers(out, key, names, err);
}

static int rsa_private(struct buf *out, const EVP_PKEY *key, struct err *err)
{
    static const char *const names[] = {OSSL_PKEY_PARAM_RSA_N, OSSL_PKEY_PARAM_RSA_E, OSSL_PKEY_PARAM_RSA_D,
        OSSL_PKEY_PARAM_RSA_COEFFICIENT1, OSSL_PKEY_PARAM_RSA_FACTOR1, OSSL_PKEY_PARAM_RSA_FACTOR2, NULL};
    return add_numbers(out, key, names, err);
}

static int ecdsa_public(struct buf *out, const EVP_PKEY *key, struct err *err)
{
    unsigned char point[POINT_MAX];
    size_t n;
    if (!EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point, sizeof point, &n))
        return key_failed(err, "reading the key");
    add_string(out, STR("nistp256"));
    add_string(out, str_n((char *)point, n));
    return 0;
}

static int ecdsa_private(struct buf *out, const EVP_PKEY *key, struct err *err)
{
    static const char *const names[] = {OSSL_PKEY_PARAM_PRIV_KEY, NULL};
    return ecdsa_public(out, key, err) || add_numbers(out, key, names, err) ? -1 : 0;
}

static int ed25519_public(struct buf *out, const EVP_PKEY *key, struct err *err)
{
    unsigned char open[CURVE_25519];
    size_t n = sizeof open;
    if (!EVP_PKEY_get_raw_public_key(key, open, &n))
        return key_failed(err, "reading the key");
    add_string(out, str_n((char *)open, n));
    return 0;
}

/* The private half is followed by the public one, in one string. */
static int ed25519_private(struct buf *out, const EVP_PKEY *key, struct err *err)
{
    unsigned char both[2 * CURVE_25519];
    size_t secret = CURVE_25519, open = CURVE_25519;
    if (!EVP_PKEY_get_raw_private_key(key, both, &secret) ||
        !EVP_PKEY_get_raw_public_key(key, both + CURVE_25519, &open))
        return key_failed(err, "reading the key");
    int status = ed25519_public(out, key, err);
    add_string(out, str_n((char *)both, sizeof both));
    OPENSSL_cleanse(both, sizeof both);
    return status;
}

static const struct layout layouts[] = {{"RSA", "ssh-rsa", rsa_public, rsa_private},
    {"EC", "ecdsa-sha2-nistp256", ecdsa_public, ecdsa_private},
    {"ED25519", "ssh-ed25519", ed25519_public, ed25519_private}};

static const struct layout *layout_of(const EVP_PKEY *key)
{
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        if (EVP_PKEY_is_a(key, layouts[i].algorithm))
            return &layouts[i];
    return NULL;
}

/* What a passphrase would encrypt: a number twice, by which a wrong one shows, the key, and 1, 2, 3 … up to
 * a whole block. */
static int add_private(
    struct buf *out, const struct layout *layout, const EVP_PKEY *key, struct str comment, struct err *err)
{
    uint32_t check;
    hash_random(&check, sizeof check);
    add_u32(out, check);
    add_u32(out, check);
    add_string(out, str_z(layout->name));
    if (layout->add_private(out, key, err))
        return -1;
    add_string(out, comment);
    for (char pad = 1; out->n % PRIVATE_BLOCK; pad++)
        buf_add_char(out, pad);
    return 0;
}

static struct str armor(struct arena *arena, struct str bytes)
{
    AUTO_BUF struct buf text = BUF_INIT;
    struct str packed = base64_encode(arena, bytes);
    buf_addz(&text, "-----BEGIN OPENSSH PRIVATE KEY-----\n");
    for (size_t at = 0; at < packed.n; at += LINE) {
        buf_add_str(&text, str_slice(packed, at, at + LINE));
        buf_add_char(&text, '\n');
    }
    buf_addz(&text, "-----END OPENSSH PRIVATE KEY-----\n");
    return arena_str(arena, buf_str(&text));
}

static int openssh_private(const struct layout *layout, const EVP_PKEY *key, struct str comment,
    struct arena *arena, struct openssh_key *out, struct err *err)
{
    AUTO_BUF struct buf file = BUF_INIT, secret = BUF_INIT;
    if (add_private(&secret, layout, key, comment, err))
        return -1;
    buf_add(&file, "openssh-key-v1", sizeof "openssh-key-v1");
    add_string(&file, STR("none"));
    add_string(&file, STR("none"));
    add_string(&file, STR_EMPTY);
    add_u32(&file, 1);
    add_string(&file, out->blob);
    add_string(&file, buf_str(&secret));
    out->private_key = armor(arena, buf_str(&file));
    return 0;
}

/* "SHA256:" and base64 without what fills it up. */
static struct str fingerprint_of(struct arena *arena, struct str blob)
{
    unsigned char digest[SHA256_SIZE];
    hash_sha256(blob, digest);
    struct str packed = base64_encode(arena, str_n((char *)digest, sizeof digest));
    while (str_ends(packed, STR("=")))
        packed.n--;
    return arena_printf(arena, "SHA256:%.*s", STR_ARG(packed));
}

int key_openssh(
    const EVP_PKEY *key, struct str comment, struct arena *arena, struct openssh_key *out, struct err *err)
{
    AUTO_BUF struct buf blob = BUF_INIT;
    const struct layout *layout = layout_of(key);
    if (!layout)
        return err_set(err, ERR_INVALID, "OpenSSH knows no such key");
    add_string(&blob, str_z(layout->name));
    if (layout->add_public(&blob, key, err))
        return -1;
    out->blob = arena_str(arena, buf_str(&blob));
    out->public_line = arena_printf(arena, "%s %.*s%s%.*s", layout->name,
        STR_ARG(base64_encode(arena, out->blob)), comment.n ? " " : "", STR_ARG(comment));
    out->fingerprint = fingerprint_of(arena, out->blob);
    return openssh_private(layout, key, comment, arena, out, err);
}
