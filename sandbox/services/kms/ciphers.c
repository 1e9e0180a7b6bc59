/* Encrypt, Decrypt, ReEncrypt and data keys: see kms.h. */
#include "sandbox/services/kms/kms.h"

#include "base/hash.h"
#include "base/json.h"
#include "sandbox/engine/view.h"

/*
 * A symmetric ciphertext is
 *
 *     1 byte 2, 1 byte length of the key's id, the id, 32 bytes material id, 12 bytes nonce,
 *     16 bytes tag, the plaintext encrypted with AES-256-GCM
 *
 * The head and the encryption context are authenticated. An RSA ciphertext is OAEP and does not name its key.
 */
enum { FORM = 2, MATERIAL_ID = 32, CHANCE = 12, TAG = 16, MAX_RANDOM = 1024 };

static const char symmetric[] = "SYMMETRIC_DEFAULT";

struct sealed {
    struct str key_id, head, material_id, chance, tag, text;
};

static int refuse_ciphertext(struct err *err)
{
    return service_refuse(err, 400, "InvalidCiphertextException", "%s", "");
}

static bool read_sealed(struct arena *arena, struct str blob, struct sealed *out)
{
    size_t id = blob.n > 2 && blob.p[0] == FORM ? (unsigned char)blob.p[1] : 0, at = 2 + id;
    static const char none[MATERIAL_ID];
    if (!id || blob.n < at + MATERIAL_ID + CHANCE + TAG)
        return false;
    struct str material = str_slice(blob, at, at + MATERIAL_ID);
    *out = (struct sealed){.key_id = str_slice(blob, 2, at),
        .head = str_slice(blob, 0, at + MATERIAL_ID),
        .material_id =
            memcmp(material.p, none, MATERIAL_ID) ? hex_encode(arena, material.p, MATERIAL_ID) : STR_EMPTY};
    at += MATERIAL_ID;
    out->chance = str_slice(blob, at, at + CHANCE);
    out->tag = str_slice(blob, at + CHANCE, at + CHANCE + TAG);
    out->text = str_slice(blob, at + CHANCE + TAG, blob.n);
    return true;
}

/* Encrypts or decrypts. False: the tag does not match text, key and context. */
static bool gcm(bool encrypts, struct str key, struct str chance, struct str beside, struct str in,
    unsigned char *out, unsigned char tag[TAG])
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int n = 0, rest = 0;
    bool done = ctx &&
                EVP_CipherInit_ex2(ctx, EVP_aes_256_gcm(), (const unsigned char *)key.p,
                    (const unsigned char *)chance.p, encrypts, NULL) == 1 &&
                EVP_CipherUpdate(ctx, NULL, &n, (const unsigned char *)beside.p, (int)beside.n) == 1 &&
                EVP_CipherUpdate(ctx, out, &n, (const unsigned char *)in.p, (int)in.n) == 1 &&
                (encrypts || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1) &&
                EVP_CipherFinal_ex(ctx, out + n, &rest) == 1 &&
                (!encrypts || EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, tag) == 1);
    EVP_CIPHER_CTX_free(ctx);
    return done;
}

/* Returns the authenticated data: the head and the context. */
static struct str authenticated_data(const struct service_call *call, struct str head, const char *context)
{
    AUTO_BUF struct buf text = BUF_INIT;
    const struct value *v = value_getz(call->input, context);
    buf_add_str(&text, head);
    json_write(&text, v ? v : &value_empty_map, JSON_PLAIN);
    return arena_str(call->arena, buf_str(&text));
}

static int seal(struct service_call *call, const struct control_record *key, const char *context,
    struct str plain, struct str *out, struct err *err)
{
    AUTO_BUF struct buf blob = BUF_INIT;
    unsigned char chance[CHANCE], tag[TAG], *text = arena_alloc(call->arena, plain.n + 1);
    char zeros[MATERIAL_ID] = {0};
    struct str id = kms_material_id(key), raw = str_n(zeros, MATERIAL_ID), secret;
    if (kms_material(call, key, id, &secret, err))
        return -1;
    if (id.n && (!hex_decode(call->arena, id, &raw) || raw.n != MATERIAL_ID))
        return service_refuse(err, 500, "KMSInternalException", "The id of the key material is unknown.");
    hash_random(chance, sizeof chance);
    buf_add_char(&blob, FORM);
    buf_add_char(&blob, (char)key->id.n);
    buf_add_str(&blob, key->id);
    buf_add_str(&blob, raw);
    struct str beside = authenticated_data(call, buf_str(&blob), context);
    if (!gcm(true, secret, str_n((const char *)chance, CHANCE), beside, plain, text, tag))
        return service_refuse(err, 500, "KMSInternalException", "OpenSSL does not encrypt.");
    buf_add(&blob, chance, CHANCE);
    buf_add(&blob, tag, TAG);
    buf_add(&blob, text, plain.n);
    *out = base64_encode(call->arena, buf_str(&blob));
    return 0;
}

static int unseal(struct service_call *call, const struct control_record *key, const struct sealed *sealed,
    const char *context, struct str *plain, struct err *err)
{
    struct str secret;
    struct err why = ERR_INIT;
    unsigned char tag[TAG], *text = arena_alloc(call->arena, sealed->text.n + 1);
    if (kms_material(call, key, sealed->material_id, &secret, &why))
        return why.code[0] ? (*err = why, -1) : refuse_ciphertext(err);
    memcpy(tag, sealed->tag.p, TAG);
    *plain = str_n((const char *)text, sealed->text.n);
    struct str beside = authenticated_data(call, sealed->head, context);
    return gcm(false, secret, sealed->chance, beside, sealed->text, text, tag) ? 0 : refuse_ciphertext(err);
}

/* ---- encrypting and decrypting ---- */

static int encrypt_rsa(struct service_call *call, const struct control_record *key, struct str algorithm,
    struct str plain, struct str *out, struct err *err)
{
    struct str text;
    EVP_PKEY *pair = kms_private_key(call, key, err);
    if (!pair)
        return -1;
    int most = EVP_PKEY_get_size(pair) - 2 * EVP_MD_get_size(kms_digest(algorithm)) - 2;
    bool done = (int)plain.n <= most && kms_oaep(call->arena, pair, true, algorithm, plain, &text);
    EVP_PKEY_free(pair);
    if (!done)
        return service_refuse(err, 400, "ValidationException",
            "Algorithm %.*s and key spec %.*s cannot encrypt data larger than %d bytes.", STR_ARG(algorithm),
            STR_ARG(value_gets(key->attrs, "key_spec")), most);
    *out = base64_encode(call->arena, text);
    return 0;
}

static int encrypted(struct service_call *call, const struct control_record *key, struct str algorithm,
    const char *context, struct str plain, struct str *out, struct err *err)
{
    return str_eqz(algorithm, symmetric) ? seal(call, key, context, plain, out, err)
                                         : encrypt_rsa(call, key, algorithm, plain, out, err);
}

static int decrypt_rsa(struct service_call *call, const struct control_record *key, struct str algorithm,
    struct str blob, struct str *plain, struct err *err)
{
    EVP_PKEY *pair = kms_private_key(call, key, err);
    if (!pair)
        return -1;
    bool done = kms_oaep(call->arena, pair, false, algorithm, blob, plain);
    EVP_PKEY_free(pair);
    return done ? 0 : refuse_ciphertext(err);
}

/* Names of the members that describe a ciphertext: those of Decrypt, or the source members of ReEncrypt. */
struct source {
    const char *key, *algorithm, *context, *operation;
};

/* Finds the key that the ciphertext names, which must be the requested one. */
static int find_sealing(struct service_call *call, struct str asked, const struct sealed *sealed,
    struct control_record *key, struct err *err)
{
    struct control_record other;
    if (asked.n && kms_find(call, asked, &other, err))
        return -1;
    if (asked.n && !str_eq(other.id, sealed->key_id))
        return service_refuse(err, 400, "IncorrectKeyException",
            "The key ID in the request does not identify a CMK that can perform this operation.");
    return kms_find(call, arena_str(call->arena, sealed->key_id), key, ERR_IGNORED) ? refuse_ciphertext(err)
                                                                                    : 0;
}

static int decrypted(struct service_call *call, const struct source *from, struct control_record *key,
    struct str *plain, struct str *material, struct err *err)
{
    struct str blob, asked = value_gets(call->input, from->key),
                     algorithm = value_text(value_getz(call->input, from->algorithm), str_z(symmetric));
    struct sealed sealed = {0};
    bool own = str_eqz(algorithm, symmetric);
    if (kms_bytes(call, "CiphertextBlob", &blob, err))
        return -1;
    if (own && !read_sealed(call->arena, blob, &sealed))
        return refuse_ciphertext(err);
    if (!own && !asked.n)
        return service_refuse(
            err, 400, "ValidationException", "%s must be set if an asymmetric algorithm is used.", from->key);
    if ((own ? find_sealing(call, asked, &sealed, key, err) : kms_find(call, asked, key, err)) ||
        kms_check_state(key, err) || kms_check_use(key, from->operation, "ENCRYPT_DECRYPT", algorithm, err))
        return -1;
    *material = sealed.material_id;
    return own ? unseal(call, key, &sealed, from->context, plain, err)
               : decrypt_rsa(call, key, algorithm, blob, plain, err);
}

/* ---- operations ---- */

static int cipher_encrypt(struct service_call *call, struct err *err)
{
    struct control_record key;
    struct str algorithm, plain, blob;
    struct value_builder b = VALUE_BUILDER(call->arena);
    if (kms_begin(call, "ENCRYPT_DECRYPT", "EncryptionAlgorithm", symmetric, &key, &algorithm, err) ||
        kms_bytes(call, "Plaintext", &plain, err) ||
        encrypted(call, &key, algorithm, "EncryptionContext", plain, &blob, err))
        return -1;
    view_text(&b, "KeyId", kms_arn(&key));
    view_text(&b, "CiphertextBlob", blob);
    view_text(&b, "EncryptionAlgorithm", algorithm);
    call->output = value_builder_map(&b);
    return 0;
}

static int decrypt(struct service_call *call, struct err *err)
{
    static const struct source from = {"KeyId", "EncryptionAlgorithm", "EncryptionContext", "Decrypt"};
    struct control_record key;
    struct str plain, material;
    if (decrypted(call, &from, &key, &plain, &material, err) || kms_dry_run(call, err))
        return -1;
    service_answer_text(call, "KeyId", kms_arn(&key));
    service_answer(call, "Plaintext", value_string(call->arena, base64_encode(call->arena, plain)));
    service_answer_text(
        call, "EncryptionAlgorithm", value_text(value_getz(call->input, from.algorithm), str_z(symmetric)));
    service_answer_text(call, "KeyMaterialId", material);
    return 0;
}

static int re_encrypt(struct service_call *call, struct err *err)
{
    static const struct source from = {
        "SourceKeyId", "SourceEncryptionAlgorithm", "SourceEncryptionContext", "ReEncryptFrom"};
    struct control_record old, new;
    struct str plain, material, blob,
        id = value_gets(call->input, "DestinationKeyId"),
        algorithm = value_text(value_getz(call->input, "DestinationEncryptionAlgorithm"), str_z(symmetric));
    struct value_builder b = VALUE_BUILDER(call->arena);
    if (decrypted(call, &from, &old, &plain, &material, err) || kms_find(call, id, &new, err) ||
        kms_check_state(&new, err) || kms_check_use(&new, "ReEncryptTo", "ENCRYPT_DECRYPT", algorithm, err) ||
        kms_dry_run(call, err) ||
        encrypted(call, &new, algorithm, "DestinationEncryptionContext", plain, &blob, err))
        return -1;
    view_text(&b, "KeyId", kms_arn(&new));
    view_text(&b, "SourceKeyId", kms_arn(&old));
    view_text(&b, "CiphertextBlob", blob);
    view_text(&b, "SourceEncryptionAlgorithm",
        value_text(value_getz(call->input, from.algorithm), str_z(symmetric)));
    view_text(&b, "DestinationEncryptionAlgorithm", algorithm);
    call->output = value_builder_map(&b);
    return 0;
}

/* ---- data keys ---- */

static bool is_shown(const struct service_call *call)
{
    return !str_ends(str_z(call->operation->name), STR("WithoutPlaintext"));
}

/* GenerateDataKey: AES_256, AES_128, or NumberOfBytes random bytes. */
static int data_key(struct service_call *call, struct err *err)
{
    struct control_record key;
    unsigned char bytes[MAX_RANDOM];
    struct str algorithm, blob, spec = value_gets(call->input, "KeySpec");
    struct value_builder b = VALUE_BUILDER(call->arena);
    bool counted = !value_is_null(value_getz(call->input, "NumberOfBytes"));
    if ((spec.n > 0) == counted)
        return service_refuse(err, 400, "ValidationException",
            "Please specify either number of bytes or key spec%s.", counted ? ", but not both" : "");
    int64_t n = !spec.n ? service_int_within(call->input, "NumberOfBytes", 1, 1, MAX_RANDOM)
                : str_eqz(spec, "AES_256") ? 32
                                           : 16;
    hash_random(bytes, (size_t)n);
    struct str plain = str_n((const char *)bytes, (size_t)n);
    if (kms_begin(call, "ENCRYPT_DECRYPT", NULL, symmetric, &key, &algorithm, err) ||
        seal(call, &key, "EncryptionContext", plain, &blob, err))
        return -1;
    view_text(&b, "KeyId", kms_arn(&key));
    view_text(&b, "CiphertextBlob", blob);
    if (is_shown(call))
        view_text(&b, "Plaintext", base64_encode(call->arena, plain));
    call->output = value_builder_map(&b);
    return 0;
}

static int data_pair(struct service_call *call, struct err *err)
{
    struct control_record key;
    struct str algorithm, der, blob, spec = value_gets(call->input, "KeyPairSpec");
    struct value_builder b = VALUE_BUILDER(call->arena);
    if (kms_begin(call, "ENCRYPT_DECRYPT", NULL, symmetric, &key, &algorithm, err) ||
        kms_generate(call->arena, spec, &der, err) || seal(call, &key, "EncryptionContext", der, &blob, err))
        return -1;
    EVP_PKEY *pair = kms_read_private(der);
    view_text(&b, "KeyId", kms_arn(&key));
    view_text(&b, "KeyPairSpec", spec);
    view_text(&b, "PublicKey", base64_encode(call->arena, kms_public_der(call->arena, pair)));
    view_text(&b, "PrivateKeyCiphertextBlob", blob);
    if (is_shown(call))
        view_text(&b, "PrivateKeyPlaintext", base64_encode(call->arena, der));
    EVP_PKEY_free(pair);
    call->output = value_builder_map(&b);
    return 0;
}

static int random_bytes(struct service_call *call, struct err *err)
{
    unsigned char bytes[MAX_RANDOM];
    size_t n = (size_t)service_int_within(call->input, "NumberOfBytes", 0, 0, MAX_RANDOM);
    if (!n)
        return service_refuse(err, 400, "ValidationException", "NumberOfBytes is required.");
    hash_random(bytes, n);
    service_answer(call, "Plaintext",
        value_string(call->arena, base64_encode(call->arena, str_n((const char *)bytes, n))));
    return 0;
}

const struct service_operation cipher_operations[] = {
    {"kms", "Encrypt", cipher_encrypt},
    {"kms", "Decrypt", decrypt},
    {"kms", "ReEncrypt", re_encrypt},
    {"kms", "GenerateDataKey", data_key},
    {"kms", "GenerateDataKeyWithoutPlaintext", data_key},
    {"kms", "GenerateDataKeyPair", data_pair},
    {"kms", "GenerateDataKeyPairWithoutPlaintext", data_pair},
    {"kms", "GenerateRandom", random_bytes},
    {0},
};
