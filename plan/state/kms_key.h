/*
 * State keys that AWS KMS guards (envelope encryption): the stack holds a data key encrypted by a KMS key,
 * and who may call kms:Decrypt on that may read the state. See "GenerateDataKey" and "Decrypt" in the AWS KMS
 * API reference.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/value.h"

enum { KMS_KEY_SIZE = 32 };

/* `blob`: the encrypted data key as base64. `config`: the stack's `state:` map, for region, profile and
 * endpoint; may be NULL. */
int kms_key_open(
    const struct value *config, struct str blob, unsigned char key[KMS_KEY_SIZE], struct err *err);
/* A new data key under that KMS key (id, ARN or alias/NAME): its encrypted form as base64. The key itself is
 * not kept. */
int kms_key_new(
    const struct value *config, struct str kms_key, struct arena *arena, struct str *blob, struct err *err);
