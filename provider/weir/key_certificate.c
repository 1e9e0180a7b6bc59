/* A certificate that a key signs itself: X.509, version 3, good from a minute ago. */
#include "provider/weir/key.h"

#include "base/buf.h"
#include "base/hash.h"

#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <time.h>

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

/* A comma would begin another entry of OpenSSL's notation. */
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
    bytes[0] &= 0x7f; /* it has to be positive */
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
    /* Ed25519 hashes by itself */
    const EVP_MD *digest = EVP_PKEY_is_a(key, "ED25519") ? NULL : EVP_sha256();
    return X509_sign(certificate, key, digest) ? 0 : key_failed(err, "signing the certificate");
}

int key_certificate(EVP_PKEY *key, const struct value *wanted, struct arena *arena, struct str *pem,
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
