/* `weir.key`: makes keys with OpenSSL, and writes them as PEM and in OpenSSH's formats. */
#include "provider/weir/weir.h"

#include "base/hash.h"
#include "base/mask.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <time.h>

/* ---- Keys in OpenSSH's formats: length-prefixed strings, signed numbers, base64. */

/*
 * OpenSSH's formats (PROTOCOL.key of OpenSSH; RFC 4253 6.6, RFC 5656 3.1, RFC 8709 4). `blob` is the public
 * key that all of them contain; `private_key` has no passphrase.
 */
struct openssh_key {
    struct str blob, public_line, fingerprint, private_key;
};

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

/* Adds a number in the fewest bytes that hold it with its sign. */
static void add_number(struct buf *out, const BIGNUM *number)
{
    unsigned char bytes[NUMBER_MAX + 1] = {0};
    size_t n = (size_t)BN_bn2bin(number, bytes + 1);
    bool high = n && bytes[1] & 0x80;
    add_string(out, str_n((char *)bytes + !high, n + high));
    OPENSSL_cleanse(bytes, sizeof bytes);
}

/* Fails with OpenSSL's last error. */
static int key_failed(struct err *err, const char *what)
{
    const char *why = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return err_set(err, ERR_FAILED, "%s: %s", what, why ? why : "OpenSSL gives no reason");
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

/* The layout of one algorithm: the fields after its name in the public and in the private key. */
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

/* The private key is followed by the public one, in one string. */
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

/* Adds the part that a passphrase would encrypt: a check number twice, by which a wrong passphrase is
 * detected, the key, and padding 1, 2, 3 … to a whole block. */
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

/* Returns "SHA256:" and base64 without padding. */
static struct str fingerprint_of(struct arena *arena, struct str blob)
{
    unsigned char digest[SHA256_SIZE];
    hash_sha256(blob, digest);
    struct str packed = base64_encode(arena, str_n((char *)digest, sizeof digest));
    while (str_ends(packed, STR("=")))
        packed.n--;
    return arena_printf(arena, "SHA256:%.*s", STR_ARG(packed));
}

static int key_openssh(
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

/* ---- A self-signed certificate: X.509, version 3, valid from one minute ago ---- */

enum { DAYS = 365, LATE_CLOCKS = 60, SERIAL_BYTES = 16 };

static int add_extension(X509 *certificate, int nid, struct arena *arena, struct str text, struct err *err)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, arena_strz(arena, text));
    if (!extension)
        return key_failed(err, "certificate");
    int added = X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return added ? 0 : key_failed(err, "certificate");
}

/* In OpenSSL's notation a comma would start another entry. */
static int add_names(struct buf *out, const struct value *list, const char *kind, struct err *err)
{
    for (uint32_t i = 0; !value_is_null(list) && i < list->count; i++) {
        struct str name = value_text(list->items[i], STR_EMPTY);
        if (!name.n || str_find_char(name, ',', 0) >= 0 || str_find_char(name, '\n', 0) >= 0)
            return err_set(err, ERR_INVALID, "certificate: \"%.*s\" is not a name", STR_ARG(name));
        buf_addf(out, "%s%s:%.*s", out->n ? "," : "", kind, STR_ARG(name));
    }
    return 0;
}

static int add_extensions(X509 *certificate, const struct value *wanted, struct arena *arena, struct err *err)
{
    AUTO_BUF struct buf names = BUF_INIT;
    bool authority = value_getb(wanted, "authority");
    if (add_names(&names, value_getz(wanted, "dns_names"), "DNS", err) ||
        add_names(&names, value_getz(wanted, "ip_addresses"), "IP", err) ||
        add_extension(certificate, NID_basic_constraints, arena,
            authority ? STR("critical,CA:TRUE") : STR("critical,CA:FALSE"), err) ||
        add_extension(certificate, NID_subject_key_identifier, arena, STR("hash"), err) ||
        (authority && add_extension(certificate, NID_key_usage, arena,
                          STR("critical,digitalSignature,keyCertSign,cRLSign"), err)))
        return -1;
    return names.n ? add_extension(certificate, NID_subject_alt_name, arena, buf_str(&names), err) : 0;
}

static int add_subject(X509 *certificate, const struct value *wanted, struct err *err)
{
    static const struct {
        const char *attribute, *field;
    } parts[] = {{"organization", "O"}, {"common_name", "CN"}};
    X509_NAME *name = X509_get_subject_name(certificate);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        struct str text = value_gets(wanted, parts[i].attribute);
        if (text.n && !X509_NAME_add_entry_by_txt(name, parts[i].field, MBSTRING_UTF8,
                          (const unsigned char *)text.p, (int)text.n, -1, 0))
            return key_failed(err, parts[i].attribute);
    }
    return X509_set_issuer_name(certificate, name) ? 0 : key_failed(err, "certificate");
}

static int set_serial(X509 *certificate, struct err *err)
{
    unsigned char bytes[SERIAL_BYTES];
    hash_random(bytes, sizeof bytes);
    bytes[0] &= 0x7f; /* has to be positive */
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool set = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return set ? 0 : key_failed(err, "certificate");
}

static struct str time_text(struct arena *arena, const ASN1_TIME *at)
{
    struct tm when;
    char text[32];
    ASN1_TIME_to_tm(at, &when);
    return arena_str(arena, str_n(text, strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &when)));
}

static int certificate_fill(
    X509 *certificate, EVP_PKEY *key, const struct value *wanted, struct arena *arena, struct err *err)
{
    long days = (long)value_geti(wanted, "days", DAYS);
    if (!X509_set_version(certificate, X509_VERSION_3) ||
        !X509_gmtime_adj(X509_getm_notBefore(certificate), -LATE_CLOCKS) ||
        !X509_time_adj_ex(X509_getm_notAfter(certificate), (int)days, 0, NULL) ||
        !X509_set_pubkey(certificate, key))
        return key_failed(err, "certificate");
    if (set_serial(certificate, err) || add_subject(certificate, wanted, err) ||
        add_extensions(certificate, wanted, arena, err))
        return -1;
    /* Ed25519 has its own hash */
    const EVP_MD *digest = EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256();
    return X509_sign(certificate, key, digest) ? 0 : key_failed(err, "signing the certificate");
}

/* Makes a self-signed X.509 certificate from the attribute `certificate`. */
static int key_certificate(EVP_PKEY *key, const struct value *wanted, struct arena *arena, struct str *pem,
    struct str *expires, struct err *err)
{
    X509 *certificate = X509_new();
    BIO *text = BIO_new(BIO_s_mem());
    char *bytes;
    int status = -1;
    if (!certificate || !text)
        status = key_failed(err, "certificate");
    else if (!certificate_fill(certificate, key, wanted, arena, err))
        status = PEM_write_bio_X509(text, certificate) ? 0 : key_failed(err, "writing the certificate");
    if (!status) {
        long n = BIO_get_mem_data(text, &bytes);
        *pem = arena_str(arena, str_n(bytes, (size_t)n));
        *expires = time_text(arena, X509_get0_notAfter(certificate));
    }
    BIO_free(text);
    X509_free(certificate);
    return status;
}

enum { RSA_BITS = 3072 };

static EVP_PKEY *key_new(const struct value *desired)
{
    struct str algorithm = value_text(value_getz(desired, "algorithm"), STR("ed25519"));
    if (str_eqz(algorithm, "rsa"))
        return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)value_geti(desired, "bits", RSA_BITS));
    if (str_eqz(algorithm, "ecdsa"))
        return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
}

typedef int pem_writer(BIO *out, const EVP_PKEY *key);

static int write_private(BIO *out, const EVP_PKEY *key)
{
    return PEM_write_bio_PKCS8PrivateKey(out, key, NULL, NULL, 0, NULL, NULL);
}

static int write_public(BIO *out, const EVP_PKEY *key)
{
    return PEM_write_bio_PUBKEY(out, key);
}

static int key_pem(
    const EVP_PKEY *key, pem_writer *writer, struct arena *arena, struct str *out, struct err *err)
{
    BIO *text = BIO_new(BIO_s_secmem()); /* wiped when freed */
    char *bytes;
    if (!text || !writer(text, key)) {
        BIO_free(text);
        return key_failed(err, "writing the key");
    }
    long n = BIO_get_mem_data(text, &bytes);
    *out = arena_str(arena, str_n(bytes, (size_t)n));
    BIO_free(text);
    return 0;
}

static const struct value *key_secret(struct arena *arena, struct str text)
{
    mask_add(text, MASK_GIVEN);
    return value_mark(arena, value_string_ref(arena, text), VALUE_SENSITIVE);
}

/* Adds all computed attributes of the key to the desired ones. */
static int key_describe(EVP_PKEY *key, const struct value *desired, struct arena *arena,
    const struct value **live, struct err *err)
{
    struct str secret, open, certificate = STR_EMPTY, expires = STR_EMPTY;
    struct openssh_key ssh;
    const struct value *wanted = value_getz(desired, "certificate");
    if (key_pem(key, write_private, arena, &secret, err) || key_pem(key, write_public, arena, &open, err) ||
        key_openssh(key, value_gets(desired, "comment"), arena, &ssh, err) ||
        (!value_is_null(wanted) && key_certificate(key, wanted, arena, &certificate, &expires, err)))
        return -1;
    const struct value_entry entries[] = {
        {STR("public_key"), value_string_ref(arena, open)},
        {STR("public_key_openssh"), value_string_ref(arena, ssh.public_line)},
        {STR("fingerprint"), value_string_ref(arena, ssh.fingerprint)},
        {STR("private_key"), key_secret(arena, secret)},
        {STR("private_key_openssh"), key_secret(arena, ssh.private_key)},
        {STR("certificate_pem"), certificate.n ? value_string_ref(arena, certificate) : &value_null},
        {STR("expires"), expires.n ? value_string_ref(arena, expires) : &value_null},
    };
    *live = value_merge(arena, desired, value_map(arena, entries, sizeof entries / sizeof *entries));
    return 0;
}

static int key_make(struct op_ctx *ctx, const struct value *desired, const struct value *id,
    const struct value **live, struct err *err)
{
    EVP_PKEY *key = key_new(desired);
    if (!key)
        return key_failed(err, "making the key");
    int status = key_describe(key, desired, ctx->arena, live, err);
    EVP_PKEY_free(key);
    if (!status)
        *live = value_with(ctx->arena, *live, STR("id"), id);
    return status;
}

static int key_create(struct op_ctx *ctx, const struct attempt *attempt UNUSED, const struct value *desired,
    const struct value **live, struct err *err)
{
    return key_make(ctx, desired, value_string(ctx->arena, ctx->owner.token), live, err);
}

static int key_update(struct op_ctx *ctx, const struct value *prior, const struct value *desired,
    const struct value *changed UNUSED, const struct value **live, struct err *err)
{
    return key_make(ctx, desired, value_getz(prior, "id"), live, err);
}

const struct resource_ops weir_key_ops = {
    .state_only = true,
    .predict = made_predict,
    .read = made_read,
    .create = key_create,
    .update = key_update,
    .delete = made_delete,
    .find = made_find,
};
