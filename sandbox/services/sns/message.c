/* Published messages and their signatures: see sns.h. */
#include "sandbox/services/sns/sns.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "sandbox/engine/deduplication.h"

#include <ctype.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>

/* ---- signatures ---- */

enum { RSA_BITS = 2048, YEARS_S = 10 * 365 * 86400, MAX_PEM = 65536 };

/* One per process, which has one sandbox. */
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

/* Writes a new key and its certificate into one file. */
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

enum { MAX_MESSAGE = 262144, MAX_NAME = 256, KNOWN_MINUTES = 5 };

/* ---- message attributes: name, type and value ---- */

/* Accepts a form's list of entries, or a map by name from a task. */
const struct value *message_entries(struct arena *arena, const struct value *given)
{
    const struct value *entries = wire_path(arena, given, STR("entry[]"));
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    if (entries || !given || given->kind != VALUE_MAP)
        return entries ? entries : &value_empty_list;
    for (uint32_t i = 0; i < given->count; i++) {
        value_builder_add(&list, VALUE_MAP(arena, {STR("Name"), value_string(arena, given->entries[i].key)},
                                     {STR("Value"), given->entries[i].value}));
    }
    return value_builder_list(&list);
}

static const struct value *value_of(struct arena *arena, const struct value *attribute)
{
    struct str type = value_gets(attribute, "DataType"), text = value_gets(attribute, "StringValue");
    bool plain = !str_starts(type, STR("Number")) && !str_eqz(type, "String.Array");
    return plain ? value_string(arena, text) : json_or_string(arena, text);
}

static struct attributes read_attributes(struct arena *arena, const struct value *message)
{
    const struct value *list = message_entries(arena, value_getz(message, "MessageAttributes"));
    AUTO_BUILDER struct value_builder values = VALUE_BUILDER(arena), shown = VALUE_BUILDER(arena),
                                      raw = VALUE_BUILDER(arena);
    size_t bytes = 0;
    for (uint32_t i = 0; list->kind == VALUE_LIST && i < list->count; i++) {
        struct str name = value_gets(list->items[i], "Name");
        const struct value *attribute = value_getz(list->items[i], "Value");
        bool binary = value_getz(attribute, "BinaryValue") != NULL;
        struct value_entry entry[] = {{STR("Type"), value_string(arena, value_gets(attribute, "DataType"))},
            {STR("Value"),
                value_string(arena, value_gets(attribute, binary ? "BinaryValue" : "StringValue"))}};
        bytes += name.n + value_text(entry[0].value, STR_EMPTY).n + value_text(entry[1].value, STR_EMPTY).n;
        value_builder_set(&values, name, value_of(arena, attribute));
        value_builder_set(&shown, name, value_map(arena, entry, 2));
        value_builder_set(&raw, name, attribute);
    }
    return (struct attributes){
        value_builder_map(&values), value_builder_map(&shown), value_builder_map(&raw), bytes};
}

/* ---- checks ---- */

static int check_attribute_name(struct str name, struct err *err)
{
    if (name.n >= MAX_NAME)
        return service_refuse(err, 400, "ParameterValueInvalid",
            "Length of message attribute name must be less than 256 bytes.");
    for (size_t i = 0; i < name.n; i++)
        if (!isalnum((unsigned char)name.p[i]) && !char_is_among(name.p[i], "-_."))
            return service_refuse(err, 400, "ParameterValueInvalid",
                "Invalid non-alphanumeric character '#x%X' was found in the message attribute name. Can only "
                "include alphanumeric characters, hyphens, underscores, or dots.",
                (unsigned)(unsigned char)name.p[i]);
    if (str_starts(name, STR(".")) || str_ends(name, STR(".")))
        return service_refuse(err, 400, "ParameterValueInvalid",
            "Invalid message attribute name %s with character '.' was found.",
            str_starts(name, STR(".")) ? "starting" : "ending");
    if (str_find(name, STR(".."), 0) >= 0)
        return service_refuse(err, 400, "ParameterValueInvalid",
            "Message attribute name can not have successive '.' character.");
    return 0;
}

static bool is_kind(struct str type, const char *kind)
{
    struct str rest, first = str_cut(type, '.', &rest);
    return str_eqz(first, kind) && (!rest.p || rest.n);
}

static int check_attribute(struct arena *arena, const struct value *entry, const char *at, struct err *err)
{
    struct str name = value_gets(entry, "Name");
    const struct value *attribute = value_getz(entry, "Value");
    struct str type = value_gets(attribute, "DataType");
    if (check_attribute_name(name, err))
        return -1;
    if (!type.n)
        return sns_refuse_null(
            arena_printf(arena, "%smessageAttributes.%.*s.member.dataType", at, STR_ARG(name)).p, err);
    bool binary = is_kind(type, "Binary");
    if (!binary && !is_kind(type, "String") && !is_kind(type, "Number"))
        return service_refuse(err, 400, "ParameterValueInvalid",
            "The message attribute '%.*s' has an invalid message attribute type, the set of supported type "
            "prefixes is Binary, Number, and String.",
            STR_ARG(name));
    struct str own = value_gets(attribute, binary ? "BinaryValue" : "StringValue"),
               other = value_gets(attribute, binary ? "StringValue" : "BinaryValue");
    if (!own.n && other.n)
        return service_refuse(err, 400, "ParameterValueInvalid",
            "The message attribute '%.*s' with type '%.*s' must use field '%s'.", STR_ARG(name),
            STR_ARG(type), binary ? "Binary" : "String");
    if (!own.n)
        return service_refuse(err, 400, "ParameterValueInvalid",
            "The message attribute '%.*s' must contain non-empty message attribute value for message "
            "attribute "
            "type '%.*s'.",
            STR_ARG(name), STR_ARG(type));
    return 0;
}

static int check_message_attributes(
    struct arena *arena, const struct value *message, const char *at, struct err *err)
{
    const struct value *list = message_entries(arena, value_getz(message, "MessageAttributes"));
    for (uint32_t i = 0; list->kind == VALUE_LIST && i < list->count; i++)
        if (check_attribute(arena, list->items[i], at, err))
            return -1;
    return 0;
}

static int read_structure(
    struct arena *arena, const struct value *message, struct publication *out, struct err *err)
{
    if (!str_eqz(value_gets(message, "MessageStructure"), "json"))
        return 0;
    if (json_parse(arena, out->text, &out->by_protocol, ERR_IGNORED) || out->by_protocol->kind != VALUE_MAP)
        return sns_refuse(err, "Message Structure - JSON message body failed to parse");
    if (!value_gets(out->by_protocol, "default").n)
        return sns_refuse(err, "Message Structure - No default entry in JSON message body");
    return 0;
}

/* Reads group and deduplication id, which FIFO topics require. */
static int read_group(const struct control_record *topic, struct arena *arena, const struct value *message,
    struct publication *out, struct err *err)
{
    out->group = value_gets(message, "MessageGroupId");
    out->deduplication = value_gets(message, "MessageDeduplicationId");
    if (!str_ends(out->topic, STR(".fifo")))
        return !out->deduplication.n
                   ? 0
                   : sns_refuse(err,
                         "MessageDeduplicationId Reason: The request includes "
                         "MessageDeduplicationId parameter that is not valid for this topic type");
    if (!out->group.n)
        return sns_refuse(err, "The MessageGroupId parameter is required for FIFO topics");
    if (!out->deduplication.n && !service_flag(topic->attrs, "content_based_deduplication"))
        return sns_refuse(err, "The topic should either have ContentBasedDeduplication enabled or "
                               "MessageDeduplicationId provided explicitly");
    if (!out->deduplication.n)
        out->deduplication = sha256_hex(arena, out->text);
    return 0;
}

int message_read(const struct service_call *call, const struct control_record *topic,
    const struct value *message, const char *at, struct publication *out, struct err *err)
{
    const struct value *subject = value_getz(message, "Subject");
    *out = (struct publication){.topic = value_gets(topic->attrs, "arn"),
        .id = uuid_random(call->arena),
        .text = value_gets(message, "Message"),
        .subject = value_text(subject, STR_EMPTY),
        .signature_version = value_text(value_getz(topic->attrs, "signature_version"), STR("1")),
        .attributes = read_attributes(call->arena, message)};
    if (!out->text.n)
        return sns_refuse(err, "Empty message");
    if (!value_is_null(subject) && !out->subject.n)
        return sns_refuse(err, "Subject");
    if (out->text.n + out->attributes.bytes > MAX_MESSAGE)
        return sns_refuse(err, "Message too long");
    return check_message_attributes(call->arena, message, at, err) ||
                   read_structure(call->arena, message, out, err) ||
                   read_group(topic, call->arena, message, out, err)
               ? -1
               : 0;
}

/* ---- FIFO topics: deduplication ---- */

static struct {
    pthread_mutex_t lock;
    struct deduplication recent;
    uint64_t sequence;
} lately = {.lock = PTHREAD_MUTEX_INITIALIZER};

bool message_is_known(struct services *services, const struct control_record *topic, struct arena *arena,
    struct publication *what)
{
    bool grouped = str_eqz(value_gets(topic->attrs, "fifo_throughput_scope"), "MessageGroup");
    struct str key =
        arena_printf(arena, "%.*s %lld\n%.*s\n%.*s", STR_ARG(what->topic), (long long)topic->created_ms,
            STR_ARG(grouped ? what->group : STR_EMPTY), STR_ARG(what->deduplication));
    int64_t now = clock_wall_ms(), kept = KNOWN_MINUTES * sandbox_minute_ms(services_sandbox(services));
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&lately.lock);
    const struct deduplicated *known = deduplication_find(&lately.recent, key, now, kept);
    if (known) {
        what->id = arena_str(arena, known->id);
    } else { /* numbers increase, also across restarts */
        uint64_t least = (uint64_t)now * 1000;
        lately.sequence = lately.sequence < least ? least : lately.sequence + 1;
        deduplication_add(&lately.recent, key, what->id, lately.sequence, now, kept);
    }
    what->sequence =
        arena_printf(arena, "1%019llu", (unsigned long long)(known ? known->sequence : lately.sequence));
    return known != NULL;
}
