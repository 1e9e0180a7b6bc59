/*
 * CreateKeyPair: generates a key, imports its public half, and returns the private half, which is not stored.
 * Also calls of EC2 from inside the sandbox.
 */
#include "base/hash.h"
#include "sandbox/engine/view.h"
#include "sandbox/services/ec2/ec2.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

/* ---- calls of EC2's control plane ---- */

/* Appends the value's parameters, such as TagSpecification.1.Tag.1.Key. */
static void ask_members(struct arena *arena, struct buf *out, struct str name, const struct value *v)
{
    if (v && v->kind == VALUE_STRING)
        url_add_parameter(out, name, v->string);
    bool list = v && v->kind == VALUE_LIST;
    for (uint32_t i = 0; v && (list || v->kind == VALUE_MAP) && i < v->count; i++)
        ask_members(arena, out,
            list ? arena_printf(arena, "%.*s.%u", STR_ARG(name), i + 1)
                 : arena_printf(arena, "%.*s.%.*s", STR_ARG(name), STR_ARG(v->entries[i].key)),
            list ? v->items[i] : v->entries[i].value);
}

static struct str text_between(struct str text, struct str open, struct str close)
{
    ptrdiff_t from = str_find(text, open, 0), to = from < 0 ? -1 : str_find(text, close, (size_t)from);
    return to < 0 ? STR_EMPTY : str_slice(text, (size_t)from + open.n, (size_t)to);
}

struct str ec2_reported(struct arena *arena, struct str answer, const char *element)
{
    return text_between(answer, arena_printf(arena, "<%s>", element), arena_printf(arena, "</%s>", element));
}

int ec2_ask(struct service_call *call, const char *operation, const struct value *members, struct str *answer,
    struct err *err)
{
    AUTO_BUF struct buf body = BUF_INIT;
    struct wire_message reply = {0};
    buf_addf(&body, "Action=%s&Version=2016-11-15", operation);
    for (uint32_t i = 0; members && i < members->count; i++)
        ask_members(call->arena, &body, members->entries[i].key, members->entries[i].value);
    const struct wire_message request = {.method = STR("POST"), .path = STR("/"), .body = buf_str(&body)};
    control_handle(services_control(call->services), call->arena, STR("ec2"), call->region, &request,
        call->request_id, &reply);
    *answer = reply.body;
    if (reply.status < 300)
        return 0;
    struct str code = ec2_reported(call->arena, reply.body, "Code"),
               message = ec2_reported(call->arena, reply.body, "Message");
    return service_refuse(err, reply.status, arena_strz(call->arena, code), "%.*s", STR_ARG(message));
}

enum { RSA_BITS = 2048, ED25519_SIZE = 32 };

/* ---- OpenSSH's key format ---- */

static void add_number(struct buf *out, size_t n)
{
    const char bytes[] = {(char)(n >> 24), (char)(n >> 16), (char)(n >> 8), (char)n};
    buf_add(out, bytes, sizeof bytes);
}

static void add_string(struct buf *out, struct str text)
{
    add_number(out, text.n);
    buf_add_str(out, text);
}

/* Appends a signed number (mpint): a leading zero byte if the first bit is set. */
static void add_bignum(struct buf *out, const BIGNUM *n)
{
    unsigned char bytes[RSA_BITS / 8 + 1] = {0};
    int length = BN_bn2bin(n, bytes + 1);
    bool padded = bytes[1] & 0x80;
    add_string(out, str_n((const char *)bytes + !padded, (size_t)length + padded));
}

static bool public_rsa(EVP_PKEY *key, struct buf *out)
{
    BIGNUM *n = NULL, *e = NULL;
    bool found = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
                 EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 &&
                 BN_num_bytes(n) <= RSA_BITS / 8;
    if (found) {
        add_string(out, STR("ssh-rsa"));
        add_bignum(out, e);
        add_bignum(out, n);
    }
    BN_free(n);
    BN_free(e);
    return found;
}

static bool public_ed25519(EVP_PKEY *key, struct buf *out)
{
    unsigned char raw[ED25519_SIZE];
    size_t n = sizeof raw;
    if (EVP_PKEY_get_raw_public_key(key, raw, &n) != 1)
        return false;
    add_string(out, STR("ssh-ed25519"));
    add_string(out, str_n((const char *)raw, n));
    return true;
}

/* EC2 returns RSA keys as PKCS#1. */
static bool private_rsa(EVP_PKEY *key, struct buf *out)
{
    BIO *memory = BIO_new(BIO_s_mem());
    char *text = NULL;
    bool done = memory && PEM_write_bio_PrivateKey_traditional(memory, key, NULL, NULL, 0, NULL, NULL) == 1;
    long n = done ? BIO_get_mem_data(memory, &text) : 0;
    if (n > 0)
        buf_add(out, text, (size_t)n);
    BIO_free(memory);
    return done;
}

static bool private_ed25519(EVP_PKEY *key, struct str public, struct buf *out)
{
    AUTO_BUF struct buf secret = BUF_INIT, whole = BUF_INIT;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    unsigned char raw[2 * ED25519_SIZE], check[4];
    size_t half = ED25519_SIZE, rest = ED25519_SIZE;
    if (EVP_PKEY_get_raw_private_key(key, raw, &half) != 1 ||
        EVP_PKEY_get_raw_public_key(key, raw + ED25519_SIZE, &rest) != 1)
        return false;
    hash_random(check, sizeof check);
    buf_add(&secret, check, sizeof check);
    buf_add(&secret, check, sizeof check);
    buf_add_str(&secret, public);
    add_string(&secret, str_n((const char *)raw, sizeof raw));
    add_string(&secret, STR_EMPTY);
    for (char pad = 1; secret.n % 8; pad++)
        buf_add_char(&secret, pad);
    buf_add(&whole, "openssh-key-v1", sizeof "openssh-key-v1");
    add_string(&whole, STR("none"));
    add_string(&whole, STR("none"));
    add_string(&whole, STR_EMPTY);
    add_number(&whole, 1);
    add_string(&whole, public);
    add_string(&whole, buf_str(&secret));
    struct str text = base64_encode(&arena, buf_str(&whole));
    buf_add_str(out, STR("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
    for (size_t i = 0; i < text.n; i += 70)
        buf_addf(out, "%.*s\n", STR_ARG(str_slice(text, i, i + 70 < text.n ? i + 70 : text.n)));
    buf_add_str(out, STR("-----END OPENSSH PRIVATE KEY-----\n"));
    return true;
}

/* Generates a key. *line: its line for authorized_keys; *material: the private half. */
static bool make_key(struct arena *arena, bool rsa, struct str *line, struct str *material)
{
    AUTO_BUF struct buf public = BUF_INIT, private = BUF_INIT;
    EVP_PKEY *key = rsa ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)RSA_BITS)
                        : EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    bool made =
        key && (rsa ? public_rsa(key, &public) && private_rsa(key, &private)
                    : public_ed25519(key, &public) && private_ed25519(key, buf_str(&public), &private));
    EVP_PKEY_free(key);
    *line = arena_printf(
        arena, "%s %.*s", rsa ? "ssh-rsa" : "ssh-ed25519", STR_ARG(base64_encode(arena, buf_str(&public))));
    *material = arena_str(arena, buf_str(&private));
    return made;
}

/* ---- CreateKeyPair ---- */

static int import_key(struct service_call *call, struct str name, struct str line, struct err *err)
{
    struct value_builder b = VALUE_BUILDER(call->arena);
    struct str answer;
    view_text(&b, "KeyName", name);
    view_text(&b, "PublicKeyMaterial", base64_encode(call->arena, line));
    view_members(&b, call->input, "TagSpecification DryRun");
    return ec2_ask(call, "ImportKeyPair", value_builder_map(&b), &answer, err);
}

static int create_key_pair(struct service_call *call, struct err *err)
{
    struct str name = value_gets(call->input, "KeyName"), line, material,
               type = value_gets(call->input, "KeyType"), format = value_gets(call->input, "KeyFormat");
    struct control_record record;
    struct value_builder b = VALUE_BUILDER(call->arena);
    if (type.n && !str_eqz(type, "rsa") && !str_eqz(type, "ed25519"))
        return service_refuse(err, 400, "InvalidParameterValue",
            "Value (%.*s) for parameter KeyType is invalid.", STR_ARG(type));
    if (format.n && !str_eqz(format, "pem"))
        return service_refuse(
            err, 400, "InvalidParameterValue", "the sandbox gives keys in the format pem only");
    if (!make_key(call->arena, !str_eqz(type, "ed25519"), &line, &material))
        return service_refuse(err, 500, "InternalError", "no key could be made");
    if (import_key(call, name, line, err))
        return -1;
    view_text(&b, "keyName", name);
    if (service_find(call, STR("aws.ec2.key_pair"), name, &record)) {
        view_members(&b, record.attrs, "keyPairId=key_pair_id keyFingerprint=fingerprint");
    }
    view_text(&b, "keyMaterial", material);
    call->output = value_builder_map(&b);
    return 0;
}

const struct service_operation ec2_key_operations[] = {
    {"ec2", "CreateKeyPair", create_key_pair},
    {0},
};
