/*
 * Secrets in the state. With a key, a sensitive value is encrypted with AES-256-GCM and can be restored;
 * without one, and always for write-only attributes, only a salted hash is kept, which tells whether a given
 * value is the same.
 *
 *     {"$sealed": "<key id>:<base64 of nonce, ciphertext and tag>"}      {"$hash": "scrypt:<salt>:<hash>"}
 *
 * The hash is scrypt at a low cost (some milliseconds), since a fast hash would reveal weak passwords.
 */
#pragma once

#include "base/err.h"
#include "base/value.h"

struct secrets;

/*
 * config: the stack's `state:` map. Its `key` is "env" (the default: WEIR_STATE_KEY), "env:NAME", "file:PATH"
 * or "kms:BASE64" (a data key encrypted by AWS KMS). `previous_keys`, a list of the same (or
 * WEIR_STATE_KEY_PREVIOUS), are only for reading, so that the key can be changed. A key is 32 bytes as hex or
 * base64, or any other text of at least 12 characters, from which scrypt derives it. Relative paths start at
 * dir.
 */
int secrets_new(const struct value *config, struct str dir, struct secrets **out, struct err *err);
void secrets_free(struct secrets *secrets);
/* Sets the salt for keys derived from passphrases. */
void secrets_set_lineage(struct secrets *secrets, struct str lineage);
bool secrets_have_key(const struct secrets *secrets);
/* Encrypts; from any thread. Returns the text for "$sealed", or for an encrypted record. */
struct str secrets_encrypt(struct secrets *secrets, struct arena *arena, struct str plain);
/* ERR_INVALID if no key fits; ERR_DAMAGED if one does and the text was changed. */
int secrets_decrypt(
    struct secrets *secrets, struct arena *arena, struct str encrypted, struct str *plain, struct err *err);

/* "<key id>:<HMAC-SHA-256>", which proves that the author has the key; "" without a key. Any of the given
 * keys is accepted. */
struct str secrets_mac(struct secrets *secrets, struct arena *arena, struct str text);
bool secrets_mac_is_ours(struct secrets *secrets, struct str text, struct str mac);

/* Returns the text for "$hash". */
struct str secret_hash(struct arena *arena, struct str plain);
bool secret_hash_matches(struct str hash, struct str plain);
bool secret_is_hash(struct str text);

/*
 * State keys protected by AWS KMS (envelope encryption): the stack has a data key encrypted by a KMS key;
 * kms:Decrypt on that allows reading the state. See "GenerateDataKey" and "Decrypt" in the AWS KMS API
 * reference.
 */

enum { KMS_KEY_SIZE = 32 };

/* Creates a data key under that KMS key (id, ARN or alias/NAME): returns its encrypted form as base64. The
 * key itself is not kept. */
int kms_key_new(
    const struct value *config, struct str kms_key, struct arena *arena, struct str *blob, struct err *err);
