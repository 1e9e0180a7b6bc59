/* Signatures of what topics deliver: see signature.h. */
#include "sandbox/services/sns/signature.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdio.h>

enum { RSA_BITS = 2048, YEARS_S = 10 * 365 * 86400, MAX_PEM = 65536 };

/* Of this process: it has one sandbox. */
static struct {
    pthread_mutex_t lock;
    EVP_PKEY *key;
    char *certificate, name[33];
} signer = {.lock = PTHREAD_MUTEX_INITIALIZER};

static X509 *certificate_new(EVP_PKEY *key)
{
    X509 *made = X509_new();
    X509_NAME *name = X509_get_subject_name(made);
    unsigned char serial[8];
    uint64_t number;
    hash_random(serial, sizeof serial);
    memcpy(&number, serial, sizeof number);
    bool right = X509_set_version(made, 2) &&
                 ASN1_INTEGER_set_uint64(X509_get_serialNumber(made), number >> 1) &&
                 X509_gmtime_adj(X509_getm_notBefore(made), -86400) &&
                 X509_gmtime_adj(X509_getm_notAfter(made), YEARS_S) && X509_set_pubkey(made, key) &&
                 X509_NAME_add_entry_by_txt(
                     name, "CN", MBSTRING_ASC, (const unsigned char *)"sns.amazonaws.com", -1, -1, 0) &&
                 X509_set_issuer_name(made, name) && X509_sign(made, key, EVP_sha256());
    if (right)
        return made;
    X509_free(made);
    return NULL;
}

/* Key and certificate, one after the other. */
static int signer_make(struct str path, struct arena *arena, struct err *err)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)RSA_BITS);
    X509 *certificate = key ? certificate_new(key) : NULL;
    BIO *out = BIO_new(BIO_s_mem());
    char *bytes;
    long n = 0;
    if (certificate && PEM_write_bio_PKCS8PrivateKey(out, key, NULL, NULL, 0, NULL, NULL) &&
        PEM_write_bio_X509(out, certificate))
        n = BIO_get_mem_data(out, &bytes);
    int status = n > 0 ? file_write_atomic(path.p, arena_str(arena, str_n(bytes, (size_t)n)), 0600, err)
                       : err_set(err, ERR_IO, "OpenSSL makes no key");
    BIO_free(out);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return status;
}

static int signer_read(struct str pem, struct err *err)
{
    unsigned char digest[SHA256_SIZE];
    BIO *in = BIO_new_mem_buf(pem.p, (int)pem.n);
    ptrdiff_t at = str_find(pem, STR("-----BEGIN CERTIFICATE"), 0);
    signer.key = PEM_read_bio_PrivateKey(in, NULL, NULL, NULL);
    BIO_free(in);
    if (!signer.key || at < 0)
        return err_set(err, ERR_IO, "the topics' key cannot be read");
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str certificate = str_slice(pem, (size_t)at, pem.n);
    hash_sha256(certificate, digest);
    signer.certificate = mem_strdup(arena_strz(&arena, certificate));
    snprintf(signer.name, sizeof signer.name, "%s", hex_encode(&arena, digest, 16).p);
    return 0;
}

static int signer_open_locked(struct services *services, struct arena *arena, struct err *err)
{
    struct str dir, pem;
    if (signer.certificate)
        return 0;
    if (services_dir(services, arena, "topics", &dir, err))
        return -1;
    struct str path = arena_printf(arena, "%.*s/signing.pem", STR_ARG(dir));
    if (!path_exists(path.p) && signer_make(path, arena, err))
        return -1;
    return file_read(arena, path.p, MAX_PEM, &pem, err) || signer_read(pem, err) ? -1 : 0;
}

static bool signer_open(struct services *services, struct arena *arena)
{
    struct err err = ERR_INIT;
    pthread_mutex_lock(&signer.lock);
    int status = signer_open_locked(services, arena, &err);
    pthread_mutex_unlock(&signer.lock);
    if (status)
        fprintf(stderr, "sandbox: messages of topics are not signed: %s\n", err.message);
    return !status;
}

struct str signature_of(struct services *services, struct arena *arena, struct str text, struct str version)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char signature[RSA_BITS / 8];
    size_t n = sizeof signature;
    const EVP_MD *digest = str_eqz(version, "2") ? EVP_sha256() : EVP_sha1();
    bool signs = signer_open(services, arena) && EVP_DigestSignInit(ctx, NULL, digest, NULL, signer.key) &&
                 EVP_DigestSign(ctx, signature, &n, (const unsigned char *)text.p, text.n) == 1;
    EVP_MD_CTX_free(ctx);
    return signs ? base64_encode(arena, str_n((const char *)signature, n)) : STR_EMPTY;
}

struct str signature_url(struct services *services, struct arena *arena)
{
    if (!signer_open(services, arena))
        return STR_EMPTY;
    return arena_printf(arena, "%.*s" SIGNATURE_PATH "%s.pem",
        STR_ARG(sandbox_endpoint(services_sandbox(services), arena)), signer.name);
}

bool signature_certificate(struct services *services, struct arena *arena, struct str path, struct str *text)
{
    if (!str_starts(path, STR(SIGNATURE_PATH)) || !signer_open(services, arena) ||
        !str_eq(path, arena_printf(arena, SIGNATURE_PATH "%s.pem", signer.name)))
        return false;
    *text = str_z(signer.certificate);
    return true;
}
