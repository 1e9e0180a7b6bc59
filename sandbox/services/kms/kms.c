/* What KMS's keys do: Encrypt, Decrypt, GenerateDataKey, ReEncrypt. */
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/calls/services.h"
#include "sandbox/engine/view.h"

#include <string.h>

/*
 * A ciphertext is
 *
 *     1 byte 1, 1 byte length of the key's id, the id, 16 bytes of chance, 32 bytes of HMAC, the text
 *
 * of which the last is under a stream of HMAC-SHA256, with the encryption context in the HMAC. The key
 * follows from the id: it keeps nothing secret, and is here so that what was changed on its way, or comes
 * with another context, is refused.
 */

enum { NONCE = 16, MAX_PLAIN = 4096, MAX_RANDOM = 1024 };

/* The key that an alias, or an alias's ARN, stands for; what else it is stays as it is. */
static struct str without_alias(const struct service_call *call, struct str reference)
{
    struct control_record alias;
    struct str name = reference;
    ptrdiff_t at = str_find(reference, STR(":alias/"), 0);
    if (at >= 0)
        name = str_slice(reference, (size_t)at + 1, reference.n);
    bool known = str_starts(name, STR("alias/")) && service_find(call, STR("aws.kms.alias"), name, &alias);
    return known ? value_gets(alias.attrs, "key") : reference;
}

static int find_key(
    struct service_call *call, struct str reference, struct control_record *out, struct err *err)
{
    struct control *control = services_control(call->services);
    reference = without_alias(call, reference);
    if (!control_find(control, call->arena, STR("aws.kms.key"), call->region, reference, out))
        return service_refuse(err, 400, "NotFoundException", "Key '%.*s' does not exist", STR_ARG(reference));
    struct str arn = value_gets(out->attrs, "arn");
    if (!value_is_null(value_getz(out->attrs, "deletion_date")))
        return service_refuse(
            err, 400, "KMSInvalidStateException", "%.*s is pending deletion.", STR_ARG(arn));
    if (value_equal(value_getz(out->attrs, "enabled"), &value_false))
        return service_refuse(err, 400, "DisabledException", "%.*s is disabled.", STR_ARG(arn));
    if (!str_eqz(
            value_text(value_getz(out->attrs, "key_spec"), STR("SYMMETRIC_DEFAULT")), "SYMMETRIC_DEFAULT"))
        return service_refuse(
            err, 400, "InvalidKeyUsageException", "the sandbox encrypts with symmetric keys only");
    return 0;
}

static void crypt_stream(struct str key, struct str nonce, struct str in, char *out)
{
    for (size_t i = 0; i < in.n; i += SHA256_SIZE) {
        unsigned char block[SHA256_SIZE], counter[NONCE + 8] = {0};
        memcpy(counter, nonce.p, NONCE);
        for (size_t k = 0; k < 8; k++)
            counter[NONCE + k] = (unsigned char)((uint64_t)(i / SHA256_SIZE) >> (8 * k));
        hash_hmac_sha256(key, str_n((const char *)counter, sizeof counter), block);
        for (size_t k = 0; k < SHA256_SIZE && i + k < in.n; k++)
            out[i + k] = (char)(in.p[i + k] ^ (char)block[k]);
    }
}

/* Over the nonce, the text and the context, which is a map and has no order. */
static void seal(const struct service_call *call, struct str key, struct str nonce, struct str plain,
    const struct value *context, unsigned char out[SHA256_SIZE])
{
    AUTO_BUF struct buf text = BUF_INIT;
    (void)call;
    buf_add_str(&text, nonce);
    buf_add_str(&text, plain);
    json_write(&text, context ? context : &value_empty_map, JSON_PLAIN);
    hash_hmac_sha256(key, buf_str(&text), out);
}

static struct str encrypted(struct service_call *call, const struct control_record *key, struct str plain,
    const struct value *context)
{
    AUTO_BUF struct buf out = BUF_INIT;
    unsigned char nonce[NONCE], mac[SHA256_SIZE];
    char *text = arena_alloc(call->arena, plain.n + 1);
    hash_random(nonce, sizeof nonce);
    struct str chance = str_n((const char *)nonce, sizeof nonce);
    crypt_stream(key->id, chance, plain, text);
    seal(call, key->id, chance, plain, context, mac);
    buf_add_char(&out, 1);
    buf_add_char(&out, (char)key->id.n);
    buf_add_str(&out, key->id);
    buf_add_str(&out, chance);
    buf_add_str(&out, str_n((const char *)mac, sizeof mac));
    buf_add_str(&out, str_n(text, plain.n));
    return base64_encode(call->arena, buf_str(&out));
}

static int no_ciphertext(struct err *err)
{
    return service_refuse(
        err, 400, "InvalidCiphertextException", "The ciphertext is none, or belongs to another context");
}

static int decrypted(struct service_call *call, const char *context_member, struct control_record *key,
    struct str *plain, struct err *err)
{
    struct str blob, id, text;
    unsigned char mac[SHA256_SIZE];
    if (service_required(call, "CiphertextBlob", &text, err))
        return -1;
    if (!base64_decode(call->arena, text, &blob) || blob.n < 2 || blob.p[0] != 1 ||
        blob.n < 2 + (size_t)(unsigned char)blob.p[1] + NONCE + SHA256_SIZE)
        return no_ciphertext(err);
    size_t at = 2 + (size_t)(unsigned char)blob.p[1];
    id = str_slice(blob, 2, at);
    struct str nonce = str_slice(blob, at, at + NONCE),
               said = str_slice(blob, at + NONCE, at + NONCE + SHA256_SIZE);
    text = str_slice(blob, at + NONCE + SHA256_SIZE, blob.n);
    if (find_key(call, arena_str(call->arena, id), key, err))
        return -1;
    char *out = arena_alloc(call->arena, text.n + 1);
    crypt_stream(key->id, nonce, text, out);
    *plain = str_n(out, text.n);
    seal(call, key->id, nonce, *plain, value_getz(call->input, context_member), mac);
    return memcmp(mac, said.p, sizeof mac) ? no_ciphertext(err) : 0;
}

static void begin_answer(struct value_builder *b, const struct control_record *key)
{
    view_set(b, "KeyId", value_getz(key->attrs, "arn"));
}

static int encrypt(struct service_call *call, struct err *err)
{
    struct control_record key;
    struct str id, text, plain;
    struct value_builder b = VALUE_BUILDER(call->arena);
    if (service_required(call, "KeyId", &id, err) || service_required(call, "Plaintext", &text, err) ||
        find_key(call, id, &key, err))
        return -1;
    if (!base64_decode(call->arena, text, &plain) || !plain.n || plain.n > MAX_PLAIN)
        return service_refuse(err, 400, "ValidationException", "Plaintext has 1 to %d bytes", MAX_PLAIN);
    begin_answer(&b, &key);
    view_text(
        &b, "CiphertextBlob", encrypted(call, &key, plain, value_getz(call->input, "EncryptionContext")));
    view_text(&b, "EncryptionAlgorithm", STR("SYMMETRIC_DEFAULT"));
    call->output = value_builder_map(&b);
    return 0;
}

static int decrypt(struct service_call *call, struct err *err)
{
    struct control_record key, asked;
    struct str plain, id = value_gets(call->input, "KeyId");
    struct value_builder b = VALUE_BUILDER(call->arena);
    if (decrypted(call, "EncryptionContext", &key, &plain, err) || (id.n && find_key(call, id, &asked, err)))
        return -1;
    if (id.n && !str_eq(asked.id, key.id))
        return service_refuse(err, 400, "IncorrectKeyException",
            "The key ID in the request does not identify a CMK that can perform this operation.");
    begin_answer(&b, &key);
    view_text(&b, "Plaintext", base64_encode(call->arena, plain));
    view_text(&b, "EncryptionAlgorithm", STR("SYMMETRIC_DEFAULT"));
    call->output = value_builder_map(&b);
    return 0;
}

static int re_encrypt(struct service_call *call, struct err *err)
{
    struct control_record from, to;
    struct str plain, id;
    struct value_builder b = VALUE_BUILDER(call->arena);
    if (service_required(call, "DestinationKeyId", &id, err) ||
        decrypted(call, "SourceEncryptionContext", &from, &plain, err) || find_key(call, id, &to, err))
        return -1;
    begin_answer(&b, &to);
    view_set(&b, "SourceKeyId", value_getz(from.attrs, "arn"));
    view_text(&b, "CiphertextBlob",
        encrypted(call, &to, plain, value_getz(call->input, "DestinationEncryptionContext")));
    call->output = value_builder_map(&b);
    return 0;
}

/* AES_256, AES_128, or so many bytes. */
static int data_key_with(struct service_call *call, bool shown, struct err *err)
{
    struct control_record key;
    unsigned char bytes[MAX_RANDOM];
    struct str id, spec = value_gets(call->input, "KeySpec");
    struct value_builder b = VALUE_BUILDER(call->arena);
    int64_t n = str_eqz(spec, "AES_256")   ? 32
                : str_eqz(spec, "AES_128") ? 16
                                           : service_int(call->input, "NumberOfBytes", 0);
    if (service_required(call, "KeyId", &id, err) || find_key(call, id, &key, err))
        return -1;
    if (n < 1 || n > MAX_RANDOM)
        return service_refuse(
            err, 400, "ValidationException", "KeySpec or NumberOfBytes (1 to %d) is needed", MAX_RANDOM);
    hash_random(bytes, (size_t)n);
    struct str plain = str_n((const char *)bytes, (size_t)n);
    begin_answer(&b, &key);
    view_text(
        &b, "CiphertextBlob", encrypted(call, &key, plain, value_getz(call->input, "EncryptionContext")));
    if (shown)
        view_text(&b, "Plaintext", base64_encode(call->arena, plain));
    call->output = value_builder_map(&b);
    return 0;
}

static int data_key(struct service_call *call, struct err *err)
{
    return data_key_with(call, true, err);
}

static int hidden_data_key(struct service_call *call, struct err *err)
{
    return data_key_with(call, false, err);
}

/* The one call about a key itself that takes an alias. */
static int describe_key(struct service_call *call, struct err *err)
{
    struct str reference;
    if (service_required(call, "KeyId", &reference, err))
        return -1;
    (void)value_getz(call->input, "GrantTokens"); /* there are no grants */
    call->forward = value_with(
        call->arena, call->input, STR("KeyId"), value_string(call->arena, without_alias(call, reference)));
    return 0;
}

const struct service_operation kms_operations[] = {
    {"kms", "DescribeKey", describe_key, NULL, NULL},
    {"kms", "Encrypt", encrypt, NULL, NULL},
    {"kms", "Decrypt", decrypt, NULL, NULL},
    {"kms", "ReEncrypt", re_encrypt, NULL, NULL},
    {"kms", "GenerateDataKey", data_key, NULL, NULL},
    {"kms", "GenerateDataKeyWithoutPlaintext", hidden_data_key, NULL, NULL},
    {0},
};
