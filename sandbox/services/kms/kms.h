/*
 * KMS's cryptography, by OpenSSL.
 *
 *   keys.c         finds a request's key and checks its use; key material; additions to descriptions
 *   ciphers.c      Encrypt, Decrypt, ReEncrypt, data keys
 *   signatures.c   Sign, Verify, MACs, shared secrets
 *   imports.c      imported material, rotation on demand
 *
 * A handler calls kms_begin() first, then reads the material.
 */
#pragma once

#include "sandbox/calls/services.h"

#include <openssl/evp.h>

struct exchange;

/* ---- keys ---- */

/* Finds a key by id, ARN, alias or alias ARN. -1 with NotFoundException. */
int kms_find(struct service_call *call, struct str reference, struct control_record *out, struct err *err);
/* Checks that the key is enabled. -1 with the error of its state. */
int kms_check_state(const struct control_record *key, struct err *err);
/* Checks that the key has this usage and supports the algorithm ("": none). */
int kms_check_use(const struct control_record *key, const char *operation, const char *usage,
    struct str algorithm, struct err *err);
/*
 * Finds the key of KeyId and checks its state and use. *algorithm is the request's `member`, or `usual`. With
 * DryRun, returns -1 with DryRunOperationException after all checks.
 */
int kms_begin(struct service_call *call, const char *usage, const char *member, const char *usual,
    struct control_record *key, struct str *algorithm, struct err *err);
/* -1 with DryRunOperationException if the request has DryRun. */
int kms_dry_run(const struct service_call *call, struct err *err);
struct str kms_arn(const struct control_record *key);
/* Decodes a base64 member. -1: it is missing or not base64. */
int kms_bytes(const struct service_call *call, const char *member, struct str *out, struct err *err);
/* For services_before_call(): replaces KeyId by the key's id, the only form that the control plane knows. */
int kms_read_key(struct services *services, struct exchange *x, struct err *err);

/* ---- material ---- */

/* Held while a key's note is changed. */
extern pthread_mutex_t kms_lock;
/* Returns the key's note: {materials: {id: base64}, pending, rotations, import, known, period}. */
const struct value *kms_note(const struct service_call *call, const struct control_record *key);
int kms_note_write(const struct service_call *call, const struct control_record *key,
    const struct value *note, struct err *err);
/* Returns the id of the current material; "" for keys that are not symmetric. */
struct str kms_material_id(const struct control_record *key);
/* Reads material, created at first use: bytes of a symmetric or MAC key, PKCS#8 of a private key. -1 with an
 * empty code: no material of that id. */
int kms_material(struct service_call *call, const struct control_record *key, struct str id, struct str *out,
    struct err *err);
/* Generates material of this spec; a key pair as DER. -1: not supported. */
int kms_generate(struct arena *arena, struct str spec, struct str *out, struct err *err);
/* Returns the private key, which the caller frees, or NULL with err. */
EVP_PKEY *kms_private_key(struct service_call *call, const struct control_record *key, struct err *err);
EVP_PKEY *kms_read_private(struct str der);
struct str kms_public_der(struct arena *arena, EVP_PKEY *key);
/* True if the key is of this spec. */
bool kms_is_of_spec(EVP_PKEY *key, struct str spec);
/* Returns the size in bytes of a symmetric or MAC key; 0: a key pair. */
size_t kms_secret_size(struct str spec);
/* Returns the digest that an algorithm name ends with: RSASSA_PSS_SHA_384 -> SHA384. NULL: none. */
const EVP_MD *kms_digest(struct str algorithm);
/* Encrypts or decrypts with RSA OAEP. False: it failed. */
bool kms_oaep(
    struct arena *arena, EVP_PKEY *key, bool encrypts, struct str algorithm, struct str in, struct str *out);
