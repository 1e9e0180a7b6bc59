/* Sign, Verify, MACs and ECDH shared secrets: see kms.h. */
#include "sandbox/services/kms/kms.h"

#include "base/hash.h"
#include "sandbox/engine/view.h"

#include <openssl/crypto.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

enum { MAX_MAC = 64 };

/* ---- signatures ---- */

static bool signs_message(struct str algorithm)
{
    return str_starts(algorithm, STR("ED25519"));
}

/* Replaces the message by its digest, unless it is one already. Ed25519 signs the message itself. */
static int take_digest(struct service_call *call, struct str algorithm, struct str *message, struct err *err)
{
    if (signs_message(algorithm))
        return 0;
    const EVP_MD *md = kms_digest(algorithm);
    size_t n = (size_t)EVP_MD_get_size(md);
    if (str_eqz(value_gets(call->input, "MessageType"), "DIGEST"))
        return message->n == n ? 0
                               : service_refuse(err, 400, "ValidationException",
                                     "Digest is invalid length for algorithm %.*s.", STR_ARG(algorithm));
    unsigned char *digest = arena_alloc(call->arena, n);
    EVP_Digest(message->p, message->n, digest, NULL, md, NULL);
    *message = str_n((const char *)digest, n);
    return 0;
}

static EVP_PKEY_CTX *signing(EVP_PKEY *key, struct str algorithm, bool signs)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
    bool pss = str_starts(algorithm, STR("RSASSA_PSS")), rsa = str_starts(algorithm, STR("RSASSA"));
    if (ctx && (signs ? EVP_PKEY_sign_init(ctx) : EVP_PKEY_verify_init(ctx)) == 1 &&
        (!rsa || EVP_PKEY_CTX_set_rsa_padding(ctx, pss ? RSA_PKCS1_PSS_PADDING : RSA_PKCS1_PADDING) == 1) &&
        EVP_PKEY_CTX_set_signature_md(ctx, kms_digest(algorithm)) == 1 &&
        (!pss || EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) == 1))
        return ctx;
    EVP_PKEY_CTX_free(ctx);
    return NULL;
}

static bool sign_pure(EVP_PKEY *key, struct str message, unsigned char *signature, size_t *n)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool done = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestSign(ctx, signature, n, (const unsigned char *)message.p, message.n) == 1;
    EVP_MD_CTX_free(ctx);
    return done;
}

static bool verify_pure(EVP_PKEY *key, struct str message, struct str signature)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool done = ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) == 1 &&
                EVP_DigestVerify(ctx, (const unsigned char *)signature.p, signature.n,
                    (const unsigned char *)message.p, message.n) == 1;
    EVP_MD_CTX_free(ctx);
    return done;
}

static bool sign_digest(EVP_PKEY *key, struct str algorithm, struct str digest, unsigned char *out, size_t *n)
{
    EVP_PKEY_CTX *ctx = signing(key, algorithm, true);
    bool done = ctx && EVP_PKEY_sign(ctx, out, n, (const unsigned char *)digest.p, digest.n) == 1;
    EVP_PKEY_CTX_free(ctx);
    return done;
}

static bool verify_digest(EVP_PKEY *key, struct str algorithm, struct str digest, struct str signature)
{
    EVP_PKEY_CTX *ctx = signing(key, algorithm, false);
    bool done = ctx && EVP_PKEY_verify(ctx, (const unsigned char *)signature.p, signature.n,
                           (const unsigned char *)digest.p, digest.n) == 1;
    EVP_PKEY_CTX_free(ctx);
    return done;
}

static int begin_signature(struct service_call *call, struct control_record *key, struct str *algorithm,
    struct str *text, struct err *err)
{
    if (service_required(call, "SigningAlgorithm", algorithm, err) ||
        kms_begin(call, "SIGN_VERIFY", "SigningAlgorithm", "", key, algorithm, err) ||
        kms_bytes(call, "Message", text, err))
        return -1;
    return str_eqz(*algorithm, "ED25519_PH_SHA_512")
               ? service_refuse(err, 400, "UnsupportedOperationException", "The sandbox has no %.*s.",
                     STR_ARG(*algorithm))
               : take_digest(call, *algorithm, text, err);
}

static int sign_message(struct service_call *call, struct err *err)
{
    struct control_record key;
    struct str algorithm, text;
    if (begin_signature(call, &key, &algorithm, &text, err))
        return -1;
    EVP_PKEY *pair = kms_private_key(call, &key, err);
    if (!pair)
        return -1;
    size_t n = (size_t)EVP_PKEY_get_size(pair);
    unsigned char *signature = arena_alloc(call->arena, n);
    bool done = signs_message(algorithm) ? sign_pure(pair, text, signature, &n)
                                         : sign_digest(pair, algorithm, text, signature, &n);
    EVP_PKEY_free(pair);
    if (!done)
        return service_refuse(err, 500, "KMSInternalException", "OpenSSL does not sign.");
    service_answer_text(call, "KeyId", kms_arn(&key));
    service_answer_text(call, "Signature", base64_encode(call->arena, str_n((const char *)signature, n)));
    service_answer_text(call, "SigningAlgorithm", algorithm);
    return 0;
}

static int verify_message(struct service_call *call, struct err *err)
{
    struct control_record key;
    struct str algorithm, text, signature;
    if (begin_signature(call, &key, &algorithm, &text, err) || kms_bytes(call, "Signature", &signature, err))
        return -1;
    EVP_PKEY *pair = kms_private_key(call, &key, err);
    if (!pair)
        return -1;
    bool right = signs_message(algorithm) ? verify_pure(pair, text, signature)
                                          : verify_digest(pair, algorithm, text, signature);
    EVP_PKEY_free(pair);
    if (!right)
        return service_refuse(err, 400, "KMSInvalidSignatureException", "%s", "");
    service_answer_text(call, "KeyId", kms_arn(&key));
    service_answer(call, "SignatureValid", &value_true);
    service_answer_text(call, "SigningAlgorithm", algorithm);
    return 0;
}

static int public_key(struct service_call *call, struct err *err)
{
    struct control_record key;
    struct str id = value_gets(call->input, "KeyId");
    struct value_builder b = VALUE_BUILDER(call->arena);
    if (kms_find(call, id, &key, err) || kms_check_state(&key, err))
        return -1;
    if (kms_secret_size(value_gets(key.attrs, "key_spec")))
        return service_refuse(err, 400, "UnsupportedOperationException", "%s", "");
    EVP_PKEY *pair = kms_private_key(call, &key, err);
    if (!pair)
        return -1;
    view_text(&b, "KeyId", kms_arn(&key));
    view_text(&b, "PublicKey", base64_encode(call->arena, kms_public_der(call->arena, pair)));
    EVP_PKEY_free(pair);
    view_members(&b, key.attrs,
        "KeySpec=key_spec CustomerMasterKeySpec=key_spec KeyUsage=key_usage "
        "EncryptionAlgorithms=encryption_algorithms SigningAlgorithms=signing_algorithms "
        "KeyAgreementAlgorithms=key_agreement_algorithms");
    call->output = value_builder_map(&b);
    return 0;
}

/* ---- MACs ---- */

static int mac_of(struct service_call *call, struct control_record *key, struct str *algorithm,
    unsigned char out[MAX_MAC], size_t *n, struct err *err)
{
    struct str message, secret;
    if (service_required(call, "MacAlgorithm", algorithm, err) ||
        kms_begin(call, "GENERATE_VERIFY_MAC", "MacAlgorithm", "", key, algorithm, err) ||
        kms_bytes(call, "Message", &message, err) || kms_material(call, key, STR_EMPTY, &secret, err))
        return -1;
    return EVP_Q_mac(NULL, "HMAC", NULL, EVP_MD_get0_name(kms_digest(*algorithm)), NULL, secret.p, secret.n,
               (const unsigned char *)message.p, message.n, out, MAX_MAC, n)
               ? 0
               : service_refuse(err, 500, "KMSInternalException", "OpenSSL makes no MAC.");
}

static int generate_mac(struct service_call *call, struct err *err)
{
    struct control_record key;
    struct str algorithm;
    unsigned char mac[MAX_MAC];
    size_t n;
    if (mac_of(call, &key, &algorithm, mac, &n, err))
        return -1;
    service_answer_text(call, "KeyId", kms_arn(&key));
    service_answer_text(call, "Mac", base64_encode(call->arena, str_n((const char *)mac, n)));
    service_answer_text(call, "MacAlgorithm", algorithm);
    return 0;
}

static int verify_mac(struct service_call *call, struct err *err)
{
    struct control_record key;
    struct str algorithm, given;
    unsigned char mac[MAX_MAC];
    size_t n;
    if (kms_bytes(call, "Mac", &given, err) || mac_of(call, &key, &algorithm, mac, &n, err))
        return -1;
    if (given.n != n || CRYPTO_memcmp(given.p, mac, n) != 0)
        return service_refuse(err, 400, "KMSInvalidMacException", "%s", "");
    service_answer_text(call, "KeyId", kms_arn(&key));
    service_answer(call, "MacValid", &value_true);
    service_answer_text(call, "MacAlgorithm", algorithm);
    return 0;
}

/* ---- ECDH ---- */

static bool agree_on(struct arena *arena, EVP_PKEY *own, EVP_PKEY *other, struct str *secret)
{
    size_t n = 0;
    unsigned char *bytes = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(own, NULL);
    bool done = ctx && EVP_PKEY_derive_init(ctx) == 1 && EVP_PKEY_derive_set_peer(ctx, other) == 1 &&
                EVP_PKEY_derive(ctx, NULL, &n) == 1 && (bytes = arena_alloc(arena, n)) &&
                EVP_PKEY_derive(ctx, bytes, &n) == 1;
    EVP_PKEY_CTX_free(ctx);
    *secret = str_n((const char *)bytes, done ? n : 0);
    return done;
}

static int shared_secret(struct service_call *call, struct err *err)
{
    struct control_record key;
    struct str algorithm, der, secret;
    if (kms_begin(call, "KEY_AGREEMENT", "KeyAgreementAlgorithm", "", &key, &algorithm, err) ||
        kms_bytes(call, "PublicKey", &der, err))
        return -1;
    const unsigned char *at = (const unsigned char *)der.p;
    EVP_PKEY *own = kms_private_key(call, &key, err),
             *other = own ? d2i_PUBKEY(NULL, &at, (long)der.n) : NULL;
    bool found = own != NULL, done = other && agree_on(call->arena, own, other, &secret);
    EVP_PKEY_free(other);
    EVP_PKEY_free(own);
    if (!done)
        return found ? service_refuse(err, 400, "ValidationException", "%s", "") : -1;
    service_answer_text(call, "KeyId", kms_arn(&key));
    service_answer_text(call, "SharedSecret", base64_encode(call->arena, secret));
    service_answer_text(call, "KeyAgreementAlgorithm", algorithm);
    service_answer(call, "KeyOrigin", value_getz(key.attrs, "origin"));
    return 0;
}

const struct service_operation signature_operations[] = {
    {"kms", "Sign", sign_message},
    {"kms", "Verify", verify_message},
    {"kms", "GetPublicKey", public_key},
    {"kms", "GenerateMac", generate_mac},
    {"kms", "VerifyMac", verify_mac},
    {"kms", "DeriveSharedSecret", shared_secret},
    {0},
};
