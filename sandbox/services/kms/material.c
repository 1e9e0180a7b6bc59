/* Material of keys: see kms.h. What OpenSSL makes stays with the key's note, as PKCS#8 or as bare bytes. */
#include "sandbox/services/kms/kms.h"

#include "base/hash.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#define NOTE "keys"

enum { AES_SIZE = 32, MAX_SECRET = 64, MAX_GROUP = 32 };

pthread_mutex_t kms_lock = PTHREAD_MUTEX_INITIALIZER;

static const struct {
    const char *spec, *type, *group; /* OpenSSL's */
    size_t size;                     /* bits of RSA; bytes of secrets */
} specs[] = {
    {"SYMMETRIC_DEFAULT", NULL, NULL, AES_SIZE},
    {"HMAC_224", NULL, NULL, 28},
    {"HMAC_256", NULL, NULL, 32},
    {"HMAC_384", NULL, NULL, 48},
    {"HMAC_512", NULL, NULL, MAX_SECRET},
    {"RSA_2048", "RSA", NULL, 2048},
    {"RSA_3072", "RSA", NULL, 3072},
    {"RSA_4096", "RSA", NULL, 4096},
    {"ECC_NIST_P256", "EC", "prime256v1", 0},
    {"ECC_NIST_P384", "EC", "secp384r1", 0},
    {"ECC_NIST_P521", "EC", "secp521r1", 0},
    {"ECC_SECG_P256K1", "EC", "secp256k1", 0},
    {"ECC_NIST_EDWARDS25519", "ED25519", NULL, 0},
};

static int row_of(struct str spec)
{
    for (int i = 0; i < (int)(sizeof specs / sizeof *specs); i++)
        if (str_eqz(spec, specs[i].spec))
            return i;
    return -1;
}

size_t kms_secret_size(struct str spec)
{
    int row = row_of(spec);
    return row >= 0 && !specs[row].type ? specs[row].size : 0;
}

/* ---- keys of OpenSSL ---- */

static EVP_PKEY *generate(int row)
{
    const char *type = specs[row].type;
    return !strcmp(type, "RSA")  ? EVP_PKEY_Q_keygen(NULL, NULL, type, specs[row].size)
           : !strcmp(type, "EC") ? EVP_PKEY_Q_keygen(NULL, NULL, type, specs[row].group)
                                 : EVP_PKEY_Q_keygen(NULL, NULL, type);
}

static struct str private_der(struct arena *arena, EVP_PKEY *key)
{
    unsigned char *der = NULL;
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key);
    int n = info ? i2d_PKCS8_PRIV_KEY_INFO(info, &der) : 0;
    struct str out = n > 0 ? arena_str(arena, str_n((const char *)der, (size_t)n)) : STR_EMPTY;
    OPENSSL_free(der);
    PKCS8_PRIV_KEY_INFO_free(info);
    return out;
}

struct str kms_public_der(struct arena *arena, EVP_PKEY *key)
{
    unsigned char *der = NULL;
    int n = i2d_PUBKEY(key, &der);
    struct str out = n > 0 ? arena_str(arena, str_n((const char *)der, (size_t)n)) : STR_EMPTY;
    OPENSSL_free(der);
    return out;
}

int kms_generate(struct arena *arena, struct str spec, struct str *out, struct err *err)
{
    int row = row_of(spec);
    if (row >= 0 && !specs[row].type) {
        unsigned char bytes[MAX_SECRET];
        hash_random(bytes, specs[row].size);
        *out = arena_str(arena, str_n((const char *)bytes, specs[row].size));
        return 0;
    }
    EVP_PKEY *key = row >= 0 ? generate(row) : NULL;
    *out = key ? private_der(arena, key) : STR_EMPTY;
    EVP_PKEY_free(key);
    return out->n ? 0
                  : service_refuse(err, 400, "UnsupportedOperationException",
                        "The sandbox makes no keys of spec %.*s.", STR_ARG(spec));
}

EVP_PKEY *kms_read_private(struct str der)
{
    const unsigned char *at = (const unsigned char *)der.p;
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)der.n);
    EVP_PKEY *key = info ? EVP_PKCS82PKEY(info) : NULL;
    PKCS8_PRIV_KEY_INFO_free(info);
    return key;
}

bool kms_is_of_spec(EVP_PKEY *key, struct str spec)
{
    int row = row_of(spec);
    char group[MAX_GROUP] = "";
    if (row < 0 || !specs[row].type || !EVP_PKEY_is_a(key, specs[row].type))
        return false;
    if (specs[row].group)
        return EVP_PKEY_get_group_name(key, group, sizeof group, NULL) == 1 &&
               !strcmp(group, specs[row].group);
    return !specs[row].size || EVP_PKEY_get_bits(key) == (int)specs[row].size;
}

const EVP_MD *kms_digest(struct str algorithm)
{
    static const struct {
        const char *end;
        const EVP_MD *(*digest)(void);
    } digests[] = {{"SHA_1", EVP_sha1}, {"SHA_224", EVP_sha224}, {"SHA_256", EVP_sha256},
        {"SHA_384", EVP_sha384}, {"SHA_512", EVP_sha512}};
    for (size_t i = 0; i < sizeof digests / sizeof *digests; i++)
        if (str_ends(algorithm, str_z(digests[i].end)))
            return digests[i].digest();
    return NULL;
}

bool kms_oaep(
    struct arena *arena, EVP_PKEY *key, bool encrypts, struct str algorithm, struct str in, struct str *out)
{
    const EVP_MD *digest = kms_digest(algorithm);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    size_t n = (size_t)EVP_PKEY_get_size(key);
    unsigned char *bytes = arena_alloc(arena, n);
    int (*run)(EVP_PKEY_CTX *, unsigned char *, size_t *, const unsigned char *, size_t) =
        encrypts ? EVP_PKEY_encrypt : EVP_PKEY_decrypt;
    bool done = ctx && (encrypts ? EVP_PKEY_encrypt_init(ctx) : EVP_PKEY_decrypt_init(ctx)) == 1 &&
                EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) == 1 &&
                EVP_PKEY_CTX_set_rsa_oaep_md(ctx, digest) == 1 &&
                EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, digest) == 1 &&
                run(ctx, bytes, &n, (const unsigned char *)in.p, in.n) == 1;
    EVP_PKEY_CTX_free(ctx);
    *out = str_n((const char *)bytes, n);
    return done;
}

/* ---- what a key keeps ---- */

const struct value *kms_note(const struct service_call *call, const struct control_record *key)
{
    return service_note_read(call, NOTE, key);
}

int kms_note_write(const struct service_call *call, const struct control_record *key,
    const struct value *note, struct err *err)
{
    return service_note_write(call, NOTE, key, note, err);
}

struct str kms_material_id(const struct control_record *key)
{
    return value_gets(key->attrs, "material_id");
}

/* The first material is made when it is wanted; what was imported is there, or was deleted. */
static int make_material(
    struct service_call *call, const struct control_record *key, struct str *out, struct err *err)
{
    const struct value *note = kms_note(call, key), *all = value_getz(note, "materials");
    if (!str_eqz(value_text(value_getz(key->attrs, "origin"), STR("AWS_KMS")), "AWS_KMS"))
        return service_refuse(
            err, 400, "KMSInvalidStateException", "%.*s is pending import.", STR_ARG(kms_arn(key)));
    if (kms_generate(call->arena, value_gets(key->attrs, "key_spec"), out, err))
        return -1;
    all = value_with(call->arena, all ? all : &value_empty_map, kms_material_id(key),
        value_string(call->arena, base64_encode(call->arena, *out)));
    return kms_note_write(call, key, value_with(call->arena, note, STR("materials"), all), err);
}

int kms_material(struct service_call *call, const struct control_record *key, struct str id, struct str *out,
    struct err *err)
{
    int status = 0;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&kms_lock);
    const struct value *materials = value_getz(kms_note(call, key), "materials");
    struct str text = value_text(value_get(materials, id), STR_EMPTY);
    if (text.n)
        status = base64_decode(call->arena, text, out) ? 0 : err_set(err, ERR_INVALID, "no base64");
    else if (str_eq(id, kms_material_id(key)))
        status = make_material(call, key, out, err);
    else
        status = err_set(err, ERR_INVALID, "no such material");
    return status;
}

EVP_PKEY *kms_private_key(struct service_call *call, const struct control_record *key, struct err *err)
{
    struct str der;
    EVP_PKEY *read = kms_material(call, key, STR_EMPTY, &der, err) ? NULL : kms_read_private(der);
    if (!read && (!err || !err->code[0]))
        service_refuse(err, 500, "KMSInternalException", "The key's material cannot be read.");
    return read;
}
