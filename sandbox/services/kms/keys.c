/* Finds a request's key, checks its use, and stores its material: see kms.h. */
#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "sandbox/calls/services_state.h"
#include "sandbox/services/kms/kms.h"

#include <ctype.h>
#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

/* ---- Key material, stored in the key's note: PKCS#8 for key pairs, plain bytes for secrets ---- */

#define NOTE "keys"

enum { AES_SIZE = 32, MAX_SECRET = 64, MAX_GROUP = 32 };

pthread_mutex_t kms_lock = PTHREAD_MUTEX_INITIALIZER;

static const struct {
    const char *spec, *type, *group; /* OpenSSL's names */
    size_t size;                     /* bits for RSA, bytes for secrets */
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

/* ---- OpenSSL keys ---- */

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

/* ---- the note of a key ---- */

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

/* Creates the first material at first use. Imported material must exist already. */
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
        status = base64_decode(call->arena, text, out) ? 0 : err_set(err, ERR_INVALID, "it is not base64");
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

enum { MAX_TAGS = 50 };

static const int64_t DAY_MS = INT64_C(86400000);

/* ---- finding keys ---- */

/* True for 1234abcd-12ab-34cd-56ef-1234567890ab, or mrk- and 32 digits. */
static bool is_key_id(struct str id)
{
    bool several = str_starts(id, STR("mrk-"));
    size_t digits = 0;
    for (size_t i = several ? 4 : 0; i < id.n; i++) {
        bool dash = !several && (i == 8 || i == 13 || i == 18 || i == 23);
        if (dash ? id.p[i] != '-' : !isxdigit((unsigned char)id.p[i]))
            return false;
        digits += !dash;
    }
    return digits == 32;
}

static int no_alias(const struct service_call *call, struct str name, struct err *err)
{
    return service_refuse(err, 400, "NotFoundException", "Alias arn:aws:kms:%.*s:%.*s:%.*s is not found.",
        STR_ARG(call->region), STR_ARG(services_account(call->services)), STR_ARG(name));
}

/* Reduces an ARN of this region to the key's id or alias/NAME. */
static int without_arn(struct service_call *call, struct str *reference, struct err *err)
{
    struct str rest = *reference, part = STR_EMPTY;
    if (!str_starts(rest, STR("arn:")))
        return 0;
    for (int i = 0; i < 4; i++)
        part = str_cut(rest, ':', &rest);
    if (!str_eq(part, call->region))
        return service_refuse(err, 400, "NotFoundException", "Invalid arn %.*s", STR_ARG(part));
    (void)str_cut(rest, ':', &rest);
    *reference = str_starts(rest, STR("key/")) ? str_slice(rest, 4, rest.n) : rest;
    return 0;
}

int kms_find(struct service_call *call, struct str reference, struct control_record *out, struct err *err)
{
    struct control_record alias;
    struct str id = reference;
    if (without_arn(call, &id, err))
        return -1;
    if (str_starts(id, STR("alias/"))) {
        if (!service_find(call, STR("aws.kms.alias"), id, &alias))
            return no_alias(call, id, err);
        id = value_gets(alias.attrs, "key");
    }
    if (service_find(call, STR("aws.kms.key"), id, out))
        return 0;
    return !is_key_id(id)
               ? service_refuse(err, 400, "NotFoundException", "Invalid keyId '%.*s'", STR_ARG(reference))
               : service_refuse(err, 400, "NotFoundException",
                     "Key 'arn:aws:kms:%.*s:%.*s:key/%.*s' does not exist", STR_ARG(call->region),
                     STR_ARG(services_account(call->services)), STR_ARG(id));
}

struct str kms_arn(const struct control_record *key)
{
    return value_gets(key->attrs, "arn");
}

/* Checks tags here, since KMS's messages differ from the control plane's. */
static int check_tags(const struct value *tags, struct err *err)
{
    AUTO_MAP struct map seen = MAP_INIT;
    for (uint32_t i = 0; i < tags->count; i++) {
        struct str key = value_gets(tags->items[i], "TagKey");
        if (key.n >= 4 && str_ieq(str_slice(key, 0, 4), STR("aws:")))
            return service_refuse(err, 400, "TagException", "Tags beginning with aws: are reserved");
        if (map_set(&seen, key, &seen))
            return service_refuse(err, 400, "TagException", "Duplicate tag keys");
    }
    return tags->count > MAX_TAGS ? service_refuse(err, 400, "TagException", "Too many tags") : 0;
}

/* A key that is pending deletion can only be read, or its deletion cancelled. */
static int check_changeable(struct str operation, const struct control_record *key, struct err *err)
{
    static const char *const always[] = {"Describe", "List", "Get", "CancelKeyDeletion"};
    for (size_t i = 0; i < sizeof always / sizeof *always; i++)
        if (str_starts(operation, str_z(always[i])))
            return 0;
    return value_is_null(value_getz(key->attrs, "deletion_date")) ? 0 : kms_check_state(key, err);
}

int kms_read_key(struct services *services, struct exchange *x, struct err *err)
{
    struct service_call call = {.services = services, .arena = &x->arena, .region = x->auth.region};
    struct str name;
    const struct value *input;
    struct control_record key;
    if (!control_reads(services_control(services), &x->arena, x->auth.service, &x->request, &name, &input) ||
        service_operation_find(services, x->auth.service, name) ||
        json_parse(&x->arena, x->request.body, &input, ERR_IGNORED))
        return 0;
    if (str_eqz(name, "CreateAlias") && !str_starts(value_gets(input, "AliasName"), STR("alias/")))
        return service_refuse(err, 400, "ValidationException",
            "Alias must start with the prefix \"alias/\". Please see "
            "https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html");
    if (!value_gets(input, "KeyId").n)
        return 0;
    struct str reference = value_gets(input, "KeyId");
    if (!str_eqz(name, "DescribeKey") && str_find(reference, STR("alias/"), 0) >= 0)
        return service_refuse(err, 400, "NotFoundException", "Invalid keyId '%.*s'", STR_ARG(reference));
    if (kms_find(&call, reference, &key, err) || check_changeable(name, &key, err) ||
        check_tags(value_as_list(value_getz(input, "Tags")), err))
        return -1;
    input = value_with(&x->arena, input, STR("KeyId"), value_string(&x->arena, key.id));
    x->request.body = json_as_text(&x->arena, input)->string;
    return 0;
}

/* ---- checking use ---- */

int kms_check_state(const struct control_record *key, struct err *err)
{
    static const struct {
        const char *state, *code, *text;
    } states[] = {{"PendingDeletion", "KMSInvalidStateException", "pending deletion"},
        {"PendingImport", "KMSInvalidStateException", "pending import"},
        {"Disabled", "DisabledException", "disabled"}};
    struct str arn = kms_arn(key);
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (str_eqz(value_gets(key->attrs, "key_state"), states[i].state))
            return service_refuse(err, 400, states[i].code, "%.*s is %s.", STR_ARG(arn), states[i].text);
    return 0;
}

int kms_check_use(const struct control_record *key, const char *operation, const char *usage,
    struct str algorithm, struct err *err)
{
    static const char *const lists[] = {
        "encryption_algorithms", "signing_algorithms", "mac_algorithms", "key_agreement_algorithms"};
    struct str have = value_gets(key->attrs, "key_usage"), arn = kms_arn(key);
    if (!str_eqz(have, usage))
        return service_refuse(err, 400, "InvalidKeyUsageException",
            "%.*s key usage is %.*s which is not valid for %s.", STR_ARG(arn), STR_ARG(have), operation);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        if (value_list_has(value_getz(key->attrs, lists[i]), algorithm))
            return 0;
    return service_refuse(err, 400, "InvalidKeyUsageException",
        "Algorithm %.*s is incompatible with key spec %.*s.", STR_ARG(algorithm),
        STR_ARG(value_gets(key->attrs, "key_spec")));
}

int kms_dry_run(const struct service_call *call, struct err *err)
{
    return !service_flag(call->input, "DryRun")
               ? 0
               : service_refuse(err, 400, "DryRunOperationException",
                     "The request would have succeeded, but the DryRun option is set.");
}

int kms_begin(struct service_call *call, const char *usage, const char *member, const char *usual,
    struct control_record *key, struct str *algorithm, struct err *err)
{
    struct str id;
    *algorithm = member ? value_text(value_getz(call->input, member), str_z(usual)) : str_z(usual);
    return service_required(call, "KeyId", &id, err) || kms_find(call, id, key, err) ||
                   kms_check_state(key, err) ||
                   kms_check_use(key, call->operation->name, usage, *algorithm, err) || kms_dry_run(call, err)
               ? -1
               : 0;
}

int kms_bytes(const struct service_call *call, const char *member, struct str *out, struct err *err)
{
    struct str text;
    if (service_required(call, member, &text, err))
        return -1;
    return base64_decode(call->arena, text, out)
               ? 0
               : service_refuse(err, 400, "SerializationException", "%s is not base64", member);
}

/* ---- creating and describing keys ---- */

/* Maps older member names, and records the origin EXTERNAL, which the control plane does not take. */
static int create_key(struct service_call *call, struct err *err)
{
    static const char *const passed[] = {"Origin", "CustomerMasterKeySpec"};
    const struct value *input = call->input, *output;
    struct str spec = value_gets(input, "KeySpec"), origin = value_gets(input, "Origin");
    struct control_record key;
    spec = spec.n ? spec : value_gets(input, "CustomerMasterKeySpec");
    if (spec.n && !str_eqz(spec, "SYMMETRIC_DEFAULT") && !value_gets(input, "KeyUsage").n)
        return service_refuse(err, 400, "ValidationException",
            "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.");
    if (str_eqz(origin, "AWS_CLOUDHSM") || str_eqz(origin, "EXTERNAL_KEY_STORE"))
        return service_refuse(
            err, 400, "UnsupportedOperationException", "The sandbox has no custom key stores.");
    for (size_t i = 0; i < sizeof passed / sizeof *passed; i++)
        input = value_with(call->arena, input, str_z(passed[i]), NULL);
    if (spec.n)
        input = value_with(call->arena, input, STR("KeySpec"), value_string(call->arena, spec));
    if (check_tags(value_as_list(value_getz(input, "Tags")), err) ||
        service_control(call, "CreateKey", input, &output, err))
        return -1;
    struct str id = value_gets(value_getz(output, "KeyMetadata"), "KeyId");
    if (!str_eqz(origin, "EXTERNAL") || kms_find(call, id, &key, err)) {
        call->output = output;
        return 0;
    }
    struct control *control = services_control(call->services);
    if (!control_set(control, STR("aws.kms.key"), &key, "material_id", NULL) ||
        !control_set(control, STR("aws.kms.key"), &key, "origin", value_string(call->arena, origin)))
        return service_refuse(err, 500, "KMSInternalException", "The key's origin cannot be kept.");
    return service_control(call, "DescribeKey",
        value_with(call->arena, NULL, STR("KeyId"), value_string(call->arena, id)), &call->output, err);
}

static int find_asked(
    struct service_call *call, struct control_record *key, const struct value **input, struct err *err)
{
    struct str id;
    if (service_required(call, "KeyId", &id, err) || kms_find(call, id, key, err))
        return -1;
    *input = value_with(call->arena, NULL, STR("KeyId"), value_string(call->arena, key->id));
    return 0;
}

static int enable_rotation(struct service_call *call, struct err *err)
{
    struct control_record key;
    const struct value *input;
    int64_t days = service_int(call->input, "RotationPeriodInDays", 365);
    if (find_asked(call, &key, &input, err) || kms_check_state(&key, err) ||
        service_control(call, "EnableKeyRotation", input, &call->output, err))
        return -1;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&kms_lock);
    return kms_note_write(call, &key,
        value_with(call->arena, kms_note(call, &key), STR("period"), value_int(call->arena, days)), err);
}

static int rotation_status(struct service_call *call, struct err *err)
{
    struct control_record key;
    const struct value *input;
    if (find_asked(call, &key, &input, err) ||
        service_control(call, "GetKeyRotationStatus", input, &call->output, err))
        return -1;
    service_answer_text(call, "KeyId", kms_arn(&key));
    if (!value_equal(value_getz(key.attrs, "rotation"), &value_true))
        return 0;
    int64_t days = service_int(kms_note(call, &key), "period", 365);
    int64_t period = days * DAY_MS, passed = (clock_wall_ms() - key.created_ms) / period;
    service_answer(call, "RotationPeriodInDays", value_int(call->arena, days));
    service_answer(call, "NextRotationDate", service_time(call, key.created_ms + (passed + 1) * period));
    return 0;
}

/* Each key has one policy. */
static int list_policies(struct service_call *call, struct err *err)
{
    struct control_record key;
    const struct value *input, *name = value_stringz(call->arena, "default");
    if (find_asked(call, &key, &input, err))
        return -1;
    service_answer(call, "PolicyNames", value_list(call->arena, &name, 1));
    service_answer(call, "Truncated", &value_false);
    return 0;
}

const struct service_operation kms_operations[] = {
    {"kms", "CreateKey", create_key},
    {"kms", "EnableKeyRotation", enable_rotation},
    {"kms", "GetKeyRotationStatus", rotation_status},
    {"kms", "ListKeyPolicies", list_policies},
    {0},
};
