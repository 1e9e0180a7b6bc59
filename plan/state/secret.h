/*
 * Secrets in the state. With a key, a sensitive value is sealed with AES-256-GCM and comes back as it was;
 * without one, and for write-only attributes always, only a salted hash of it is kept, which says whether a
 * value in hand is the same but not what it was.
 *
 *     {"$sealed": "<key id>:<base64 of nonce, ciphertext and tag>"}      {"$hash": "scrypt:<salt>:<hash>"}
 *
 * The hash is scrypt at a small cost (some milliseconds): people choose passwords that a fast hash would give
 * away.
 */
#pragma once

#include "base/err.h"
#include "base/value.h"

struct secrets;

/*
 * config: the stack's `state:` map; its `key` is "env" (the default: WEIR_STATE_KEY), "env:NAME" or
 * "file:PATH" or
 * "kms:BASE64" (a data key encrypted by AWS KMS, secret.h); `previous_keys`, a list of the same (or
 * WEIR_STATE_KEY_PREVIOUS), are tried for reading only, so that a new key can take over. A key is 32 bytes as
 * hex or base64, or any other text of at least 12 characters, which is stretched with scrypt. Relative paths
 * start at dir.
 */
int secrets_new(const struct value *config, struct str dir, struct secrets **out, struct err *err);
void secrets_free(struct secrets *secrets);
/* Salts the stretching of passphrases from now on. */
void secrets_set_lineage(struct secrets *secrets, struct str lineage);
bool secrets_have_key(const struct secrets *secrets);
/* Safe from every thread. The text for "$sealed", or, with bytes of a whole record, for a sealed record. */
struct str secrets_seal(struct secrets *secrets, struct arena *arena, struct str plain);
/* ERR_INVALID where no key fits; ERR_DAMAGED where one does and the text was changed. */
int secrets_open(
    struct secrets *secrets, struct arena *arena, struct str sealed, struct str *plain, struct err *err);

/* "<key id>:<HMAC-SHA-256>", by which it is known that the text comes from somebody who has the key; ""
 * without a key. Any of the keys given may have made it. */
struct str secrets_mac(struct secrets *secrets, struct arena *arena, struct str text);
bool secrets_mac_is_ours(struct secrets *secrets, struct str text, struct str mac);

/* The text for "$hash". */
struct str secret_hash(struct arena *arena, struct str plain);
bool secret_hash_matches(struct str hash, struct str plain);
bool secret_is_hash(struct str text);

/*
 * State keys that AWS KMS guards (envelope encryption): the stack holds a data key encrypted by a KMS key,
 * and who may call kms:Decrypt on that may read the state. See "GenerateDataKey" and "Decrypt" in the AWS KMS
 * API reference.
 */

enum { KMS_KEY_SIZE = 32 };

/* A new data key under that KMS key (id, ARN or alias/NAME): its encrypted form as base64. The key itself is
 * not kept. */
int kms_key_new(
    const struct value *config, struct str kms_key, struct arena *arena, struct str *blob, struct err *err);
