/*
 * KMS's keys at work, with OpenSSL's cryptography.
 *
 *   keys.c        which key a request means, and whether it may do that; what descriptions say more
 *   keys.c    its material: made at the first use, imported, rotated
 *   ciphers.c     Encrypt, Decrypt, ReEncrypt, data keys
 *   signatures.c  Sign, Verify, MACs, shared secrets
 *   imports.c     imported material, rotation on demand
 *
 * A handler begins with kms_begin(), and asks for the material after that.
 */
#pragma once

#include "sandbox/calls/services.h"

#include <openssl/evp.h>

struct exchange;

/* ---- keys ---- */

/* By id, ARN, alias or an alias's ARN. */
int kms_find(struct service_call *call, struct str reference, struct control_record *out, struct err *err);
/* Is it there to be used? */
int kms_check_state(const struct control_record *key, struct err *err);
/* May it do this operation, with this algorithm of its kind? "": none is asked. */
int kms_check_use(const struct control_record *key, const char *operation, const char *usage,
    struct str algorithm, struct err *err);
/*
 * The key of the member KeyId, able and allowed to do this. *algorithm is what `member` says, or `usual`.
 * With DryRun this is all that happens, and a refusal says so.
 */
int kms_begin(struct service_call *call, const char *usage, const char *member, const char *usual,
    struct control_record *key, struct str *algorithm, struct err *err);
/* -1 where only this was asked: would it be allowed? */
int kms_dry_run(const struct service_call *call, struct err *err);
struct str kms_arn(const struct control_record *key);
/* Bytes that a member has in base64; -1 where there are none. */
int kms_bytes(const struct service_call *call, const char *member, struct str *out, struct err *err);
/* KeyId of a request to the control plane, which knows ids only. */
int kms_read_key(struct services *services, struct exchange *x, struct err *err);

/* ---- material ---- */

/* Held by who changes what material there is. */
extern pthread_mutex_t kms_lock;
/* A key's material: {materials: {id: base64}, pending, rotations, import}. */
const struct value *kms_note(const struct service_call *call, const struct control_record *key);
int kms_note_write(const struct service_call *call, const struct control_record *key,
    const struct value *note, struct err *err);
/* Under which id its material of now is; "" of what is not symmetric. */
struct str kms_material_id(const struct control_record *key);
/* The bytes of a symmetric or MAC key, a private key as PKCS#8. -1 with no code: there is none of that id. */
int kms_material(struct service_call *call, const struct control_record *key, struct str id, struct str *out,
    struct err *err);
/* A new one as DER; -1: OpenSSL makes none of this spec. */
int kms_generate(struct arena *arena, struct str spec, struct str *out, struct err *err);
/* The private key, to be freed; NULL: err is set. */
EVP_PKEY *kms_private_key(struct service_call *call, const struct control_record *key, struct err *err);
EVP_PKEY *kms_read_private(struct str der);
struct str kms_public_der(struct arena *arena, EVP_PKEY *key);
/* Is it one of this spec? */
bool kms_is_of_spec(EVP_PKEY *key, struct str spec);
/* How long a MAC key of this spec is, or a symmetric one; 0: it has two halves. */
size_t kms_secret_size(struct str spec);
/* What is in `text` of a digest's name: RSASSA_PSS_SHA_384 -> SHA384. */
const EVP_MD *kms_digest(struct str algorithm);
/* RSA's OAEP, one way or the other; false: it does not fit. */
bool kms_oaep(
    struct arena *arena, EVP_PKEY *key, bool encrypts, struct str algorithm, struct str in, struct str *out);
