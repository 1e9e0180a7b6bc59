/* `weir.key`: keys are made by OpenSSL, and written as PEM and as OpenSSH's files. */
#include "provider/weir/key.h"

#include "base/mask.h"
#include "provider/weir/made.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

enum { RSA_BITS = 3072 };

int key_failed(struct err *err, const char *what)
{
    const char *why = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return err_set(err, ERR_FAILED, "%s: %s", what, why ? why : "OpenSSL says no reason");
}

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
    BIO *text = BIO_new(BIO_s_secmem()); /* wiped when it goes */
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

/* Everything there is to know of the key, added to what it was made by. */
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
    .predict = made_predict,
    .read = made_read,
    .create = key_create,
    .update = key_update,
    .delete = made_delete,
    .find = made_find,
};
