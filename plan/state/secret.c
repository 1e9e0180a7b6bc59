/* Keys from the sources that the stack names, including KMS data keys; encryption with AES-256-GCM, hashes
 * with scrypt. */
#include "plan/state/secret.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/mask.h"
#include "base/mem.h"
#include "base/threads.h"
#include "provider/cloud.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- KMS data keys ---- */

/* The state's settings for the client. */
static const struct value *client_settings(struct arena *arena, const struct value *config)
{
    static const char *const known[] = {"region", "profile", "endpoint", "endpoints", "access_key",
        "secret_key", "session_token", "insecure", "assume_role", "max_attempts"};
    struct value_builder b = VALUE_BUILDER(arena);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (value_getz(config, known[i]))
            value_builder_set(&b, str_z(known[i]), value_getz(config, known[i]));
    return value_builder_map(&b);
}

static int call_kms(struct arena *arena, const struct value *config, struct str name,
    const struct value *input, const struct value **answer, struct err *err)
{
    struct cloud_client *client;
    if (plan_cloud.open(STR("state key"), client_settings(arena, config), NULL, &client, err))
        return -1;
    int status = plan_cloud.ask_key(client, name, input, arena, answer, err);
    plan_cloud.close(client);
    return status;
}

/* `blob`: the encrypted data key as base64. `config`: the stack's `state:` map, for region, profile and
 * endpoint; may be NULL. */
static int kms_key_open(
    const struct value *config, struct str blob, unsigned char key[KMS_KEY_SIZE], struct err *err)
{
    AUTO_WIPED_ARENA struct arena arena = ARENA_INIT;
    struct value_entry input = {STR("CiphertextBlob"), value_string(&arena, blob)};
    const struct value *answer;
    struct str plain;
    if (call_kms(&arena, config, STR("Decrypt"), value_map(&arena, &input, 1), &answer, err))
        return err_context(err, "opening the state key");
    if (!base64_decode(&arena, value_gets(answer, "Plaintext"), &plain) || plain.n != KMS_KEY_SIZE)
        return err_set(err, ERR_INVALID, "the state key is not a data key of %d bytes", KMS_KEY_SIZE);
    memcpy(key, plain.p, KMS_KEY_SIZE);
    return 0;
}

int kms_key_new(
    const struct value *config, struct str kms_key, struct arena *arena, struct str *blob, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct value_entry input[] = {{STR("KeyId"), value_string(&scratch, kms_key)},
        {STR("KeySpec"), value_stringz(&scratch, "AES_256")}};
    const struct value *answer;
    if (call_kms(&scratch, config, STR("GenerateDataKeyWithoutPlaintext"), value_map(&scratch, input, 2),
            &answer, err))
        return err_context(err, "making a state key under %.*s", STR_ARG(kms_key));
    *blob = arena_str(arena, value_gets(answer, "CiphertextBlob"));
    return blob->n ? 0 : err_set(err, ERR_PROTOCOL, "KMS answered without a data key");
}

enum {
    KEY_SIZE = 32,
    KEY_ID_SIZE = 4,
    NONCE_SIZE = 12,
    TAG_SIZE = 16,
    SALT_SIZE = 16,
    PASSPHRASE_MIN = 12,
    KEYS_MAX = 8,
    HASH_COST = 1 << 12, /* 4 MiB */
    KEY_COST = 1 << 14,  /* 16 MiB, once per run */
};

struct key {
    struct str passphrase; /* on the heap; p NULL: the key was given as bytes */
    bool ready;
    unsigned char bytes[KEY_SIZE];
    char id[2 * KEY_ID_SIZE + 1];
};

struct secrets {
    struct key keys[KEYS_MAX]; /* the first one encrypts */
    size_t n;
    char lineage[64];
    pthread_mutex_t mutex; /* guards deriving keys from passphrases */
};

static void stretch_passphrase(struct str text, struct str salt, uint64_t cost, unsigned char out[KEY_SIZE])
{
    if (EVP_PBE_scrypt(text.p, text.n, (const unsigned char *)salt.p, salt.n, cost, 8, 1, 64 * 1024 * 1024,
            out, KEY_SIZE) != 1)
        mem_exhausted(); /* it needs megabytes */
}

/* ---- keys ---- */

static void key_name(struct key *key)
{
    unsigned char text[8 + KEY_SIZE] = "weir key", digest[SHA256_SIZE];
    memcpy(text + 8, key->bytes, KEY_SIZE);
    hash_sha256(str_n((const char *)text, sizeof text), digest);
    OPENSSL_cleanse(text, sizeof text);
    for (size_t i = 0; i < KEY_ID_SIZE; i++)
        snprintf(key->id + 2 * i, 3, "%02x", digest[i]);
    key->ready = true;
}

static int key_set(struct key *key, struct str text, struct str from, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str bytes;
    text = str_trim(text);
    mask_add(text, MASK_LIKELY);
    bool raw = (text.n == 2 * KEY_SIZE && hex_decode(&scratch, text, &bytes)) ||
               (base64_decode(&scratch, text, &bytes) && bytes.n == KEY_SIZE);
    if (raw) {
        memcpy(key->bytes, bytes.p, KEY_SIZE);
        OPENSSL_cleanse((void *)(uintptr_t)bytes.p, bytes.n);
        key_name(key);
        return 0;
    }
    if (text.n < PASSPHRASE_MIN) {
        err_set(err, ERR_INVALID, "the state key from %.*s is too short", STR_ARG(from));
        return err_hint(err,
            "give 32 random bytes as hex or base64 (openssl rand -hex 32) or a passphrase of at least %d "
            "characters",
            PASSPHRASE_MIN);
    }
    key->passphrase = str_n(mem_memdup0(text.p, text.n), text.n);
    return 0;
}

static int key_load(struct secrets *s, const struct value *config, struct str spec, bool wanted,
    struct str dir, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    if (s->n == KEYS_MAX)
        return err_set(err, ERR_INVALID, "there are more than %d state keys", KEYS_MAX);
    struct str text;
    if (str_eqz(spec, "env") || str_starts(spec, STR("env:"))) {
        const char *name = spec.n > 4 ? arena_strz(&scratch, str_slice(spec, 4, spec.n)) : "WEIR_STATE_KEY";
        text = str_z(getenv(name));
        if (!text.n) {
            if (!wanted)
                return 0;
            err_set(err, ERR_INVALID, "the stack's state key comes from %s, which is not set", name);
            return err_hint(err, "export %s with the key of this state", name);
        }
        return key_set(&s->keys[s->n++], text, str_z(name), err);
    }
    if (str_starts(spec, STR("file:"))) {
        struct str path = path_join(&scratch, dir, str_slice(spec, 5, spec.n));
        if (file_read_own(&scratch, path.p, 64 * 1024, &text, err))
            return err_context(err, "reading the state key");
        int result = key_set(&s->keys[s->n++], text, path, err);
        OPENSSL_cleanse((void *)(uintptr_t)text.p, text.n);
        return result;
    }
    if (str_starts(spec, STR("kms:"))) {
        struct key *key = &s->keys[s->n++];
        if (kms_key_open(config, str_slice(spec, 4, spec.n), key->bytes, err))
            return -1;
        key_name(key);
        return 0;
    }
    err_set(err, ERR_INVALID, "\"%.*s\" is not a state key", STR_ARG(spec));
    return err_hint(err, "key is env, env:NAME, file:PATH or kms:DATA-KEY (\"weir state key\" makes one)");
}

static int load_previous(struct secrets *s, const struct value *config, struct str dir, struct err *err)
{
    const struct value *list = value_getz(config, "previous_keys");
    if (!s->n && getenv("WEIR_STATE_KEY_PREVIOUS"))
        return err_set(
            err, ERR_INVALID, "WEIR_STATE_KEY_PREVIOUS is set without a state key that replaces it");
    if (s->n && key_load(s, config, STR("env:WEIR_STATE_KEY_PREVIOUS"), false, dir, err))
        return -1;
    for (uint32_t i = 0; list && list->kind == VALUE_LIST && i < list->count; i++)
        if (key_load(s, config, value_text(list->items[i], STR_EMPTY), true, dir, err))
            return -1;
    return 0;
}

int secrets_new(const struct value *config, struct str dir, struct secrets **out, struct err *err)
{
    struct secrets *s = mem_zalloc(sizeof *s);
    pthread_mutex_init(&s->mutex, NULL);
    const struct value *key = value_getz(config, "key");
    if (key_load(s, config, value_text(key, STR("env")), !value_is_null(key), dir, err) ||
        load_previous(s, config, dir, err)) {
        secrets_free(s);
        return -1;
    }
    *out = s;
    return 0;
}

void secrets_free(struct secrets *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++) {
        OPENSSL_cleanse((void *)(uintptr_t)s->keys[i].passphrase.p, s->keys[i].passphrase.n);
        free((void *)(uintptr_t)s->keys[i].passphrase.p);
    }
    pthread_mutex_destroy(&s->mutex);
    OPENSSL_cleanse(s, sizeof *s);
    free(s);
}

void secrets_set_lineage(struct secrets *s, struct str lineage)
{
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&s->mutex);
    for (size_t i = 0; i < s->n && !str_eqz(lineage, s->lineage); i++)
        s->keys[i].ready &= !s->keys[i].passphrase.p;
    snprintf(s->lineage, sizeof s->lineage, "%.*s", STR_ARG(lineage));
}

bool secrets_have_key(const struct secrets *s)
{
    return s && s->n > 0;
}

static const struct key *key_at(struct secrets *s, size_t i)
{
    struct key *key = &s->keys[i];
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&s->mutex);
    if (!key->ready) {
        stretch_passphrase(key->passphrase, str_z(s->lineage), KEY_COST, key->bytes);
        key_name(key);
    }
    return key;
}

/* ---- encryption ---- */

struct str secrets_encrypt(struct secrets *s, struct arena *arena, struct str plain)
{
    assert(secrets_have_key(s) && plain.n < INT32_MAX / 2);
    const struct key *key = key_at(s, 0);
    size_t size = NONCE_SIZE + plain.n + TAG_SIZE;
    unsigned char *box = arena_alloc(arena, size), *text = box + NONCE_SIZE;
    int n = 0, rest = 0;
    hash_random(box, NONCE_SIZE);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool ok = ctx && EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->bytes, box) &&
              EVP_EncryptUpdate(ctx, text, &n, (const unsigned char *)plain.p, (int)plain.n) &&
              EVP_EncryptFinal_ex(ctx, text + n, &rest) &&
              EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_SIZE, text + plain.n);
    EVP_CIPHER_CTX_free(ctx);
    if (!ok)
        mem_exhausted(); /* the only possible reason */
    struct str encoded = base64_encode(arena, str_n((const char *)box, size));
    return arena_printf(arena, "%s:%.*s", key->id, STR_ARG(encoded));
}

static bool unseal_box(const struct key *key, struct str box, unsigned char *plain)
{
    const unsigned char *bytes = (const unsigned char *)box.p;
    size_t size = box.n - NONCE_SIZE - TAG_SIZE;
    int n = 0, rest = 0;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool ok = ctx && EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key->bytes, bytes) &&
              EVP_DecryptUpdate(ctx, plain, &n, bytes + NONCE_SIZE, (int)size) &&
              EVP_CIPHER_CTX_ctrl(
                  ctx, EVP_CTRL_GCM_SET_TAG, TAG_SIZE, (void *)(uintptr_t)(bytes + NONCE_SIZE + size)) &&
              EVP_DecryptFinal_ex(ctx, plain + n, &rest) > 0;
    EVP_CIPHER_CTX_free(ctx);
    return ok;
}

int secrets_decrypt(
    struct secrets *s, struct arena *arena, struct str encrypted, struct str *plain, struct err *err)
{
    struct str encoded, box, id = str_cut(encrypted, ':', &encoded);
    if (!encoded.p || !base64_decode(arena, encoded, &box) || box.n < NONCE_SIZE + TAG_SIZE ||
        box.n > INT32_MAX)
        return err_set(err, ERR_DAMAGED, "it holds an encrypted value that cannot be read");
    for (size_t i = 0; s && i < s->n; i++) {
        const struct key *key = key_at(s, i);
        if (!str_eqz(id, key->id))
            continue;
        size_t size = box.n - NONCE_SIZE - TAG_SIZE;
        unsigned char *text = arena_alloc(arena, size + 1);
        if (!unseal_box(key, box, text))
            return err_set(err, ERR_DAMAGED, "it holds an encrypted value that was changed");
        text[size] = '\0';
        *plain = str_n((const char *)text, size);
        return 0;
    }
    if (!secrets_have_key(s)) {
        err_set(err, ERR_INVALID, "the state holds encrypted values, and there is no key to decrypt them");
        return err_hint(
            err, "set WEIR_STATE_KEY, or `state: {key: …}` in the stack, to the key %.*s", STR_ARG(id));
    }
    err_set(err, ERR_INVALID,
        "the state holds values encrypted with the key %.*s, which is not among those given", STR_ARG(id));
    return err_hint(err, "after a change of keys the old one is still needed once: WEIR_STATE_KEY_PREVIOUS");
}

/* ---- authentication ---- */

/* With a derived key, which reveals nothing about the encryption key. */
static struct str mac_by(const struct key *key, struct arena *arena, struct str text)
{
    unsigned char own[SHA256_SIZE], mac[SHA256_SIZE];
    hash_hmac_sha256(str_n((const char *)key->bytes, KEY_SIZE), STR("weir saved plan"), own);
    hash_hmac_sha256(str_n((const char *)own, sizeof own), text, mac);
    OPENSSL_cleanse(own, sizeof own);
    return arena_printf(arena, "%s:%.*s", key->id, STR_ARG(hex_encode(arena, mac, sizeof mac)));
}

struct str secrets_mac(struct secrets *s, struct arena *arena, struct str text)
{
    return secrets_have_key(s) ? mac_by(key_at(s, 0), arena, text) : STR_EMPTY;
}

bool secrets_mac_is_ours(struct secrets *s, struct str text, struct str mac)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    for (size_t i = 0; s && i < s->n; i++) {
        struct str own = mac_by(key_at(s, i), &scratch, text);
        if (own.n == mac.n && CRYPTO_memcmp(own.p, mac.p, own.n) == 0)
            return true;
    }
    return false;
}

/* ---- hashes ---- */

/*
 * Hashes that this thread computed last. A worker hashes a secret for the intent and again for the result:
 * the second time is a cache hit. Per thread, so that equal secrets of different resources have different
 * hashes.
 */
struct hashed {
    bool used;
    unsigned char salt[SALT_SIZE], digest[SHA256_SIZE], hash[KEY_SIZE];
};
enum { HASHED_KEPT = 4 };
static _Thread_local struct hashed last_hashed[HASHED_KEPT];
static _Thread_local unsigned next_hashed;

/* The last text compared with a hash, by salt: a plan compares the same pair several times. */
enum { COMPARED_KEPT = 1024 };
static struct hashed compared[COMPARED_KEPT];
static pthread_mutex_t compared_lock = PTHREAD_MUTEX_INITIALIZER;

static void hashed_digest(const unsigned char *salt, struct str plain, unsigned char out[SHA256_SIZE])
{
    struct sha256 *sum = sha256_new();
    sha256_update(sum, salt, SALT_SIZE);
    sha256_update(sum, plain.p, plain.n);
    sha256_final(sum, out);
}

static const struct hashed *hash_once(struct str plain)
{
    unsigned char digest[SHA256_SIZE];
    for (size_t i = 0; i < HASHED_KEPT; i++) {
        if (!last_hashed[i].used)
            continue;
        hashed_digest(last_hashed[i].salt, plain, digest);
        if (CRYPTO_memcmp(digest, last_hashed[i].digest, sizeof digest) == 0)
            return &last_hashed[i];
    }
    struct hashed *now = &last_hashed[next_hashed++ % HASHED_KEPT];
    hash_random(now->salt, sizeof now->salt);
    hashed_digest(now->salt, plain, now->digest);
    stretch_passphrase(plain, str_n((const char *)now->salt, sizeof now->salt), HASH_COST, now->hash);
    now->used = true;
    return now;
}

struct str secret_hash(struct arena *arena, struct str plain)
{
    const struct hashed *it = hash_once(plain);
    return arena_printf(arena, "scrypt:%.*s:%.*s", STR_ARG(hex_encode(arena, it->salt, sizeof it->salt)),
        STR_ARG(hex_encode(arena, it->hash, sizeof it->hash)));
}

static bool hash_split(struct arena *arena, struct str text, struct str *salt, struct str *hash)
{
    struct str rest, hex, kind = str_cut(text, ':', &rest);
    if (!str_eqz(kind, "scrypt") || !rest.p)
        return false;
    hex = str_cut(rest, ':', &rest);
    return rest.p && hex_decode(arena, hex, salt) && hex_decode(arena, rest, hash) && salt->n == SALT_SIZE &&
           hash->n == KEY_SIZE;
}

bool secret_is_hash(struct str text)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str salt, hash;
    return hash_split(&scratch, text, &salt, &hash);
}

bool secret_hash_matches(struct str text, struct str plain)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str salt, hash;
    if (!hash_split(&scratch, text, &salt, &hash))
        return false;
    struct hashed given = {.used = true}, *slot = &compared[str_hash(salt) % COMPARED_KEPT];
    memcpy(given.salt, salt.p, SALT_SIZE);
    hashed_digest(given.salt, plain, given.digest);
    {
        AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&compared_lock);
        if (memcmp(slot, &given, offsetof(struct hashed, hash)) == 0)
            return CRYPTO_memcmp(slot->hash, hash.p, KEY_SIZE) == 0;
    }
    stretch_passphrase(plain, salt, HASH_COST, given.hash);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&compared_lock);
    *slot = given;
    return CRYPTO_memcmp(given.hash, hash.p, KEY_SIZE) == 0;
}
