/*
 * Encryption with keys of KMS: how a bucket has new objects encrypted, and whether somebody may use the key
 * behind an object. Content is not encrypted here; but who may not use the key does not get it. For requests
 * by HTTP (s3srv_access.c) and for what runs inside the sandbox (sandbox/services/s3/objects.h) alike.
 */
#pragma once

#include "sandbox/context/context.h"
#include "sandbox/s3/store.h"

struct session;

/* Of AES256, aws:kms, aws:kms:dsse. */
struct encryption {
    struct str algorithm, key;
    bool bucket_key; /* what is encrypted is the bucket's */
};

/* What the bucket does with new objects. */
struct encryption encryption_of_bucket(struct arena *arena, struct s3_store *store, struct str bucket);

struct encryption_asker {
    struct sandbox *sandbox;
    struct arena *arena;
    const struct session *caller;
    struct str region;
};

/* May he have a new object encrypted so? Then what says so of it goes to `headers`. -1: KMS's own refusal. */
int encryption_begin(const struct encryption_asker *who, struct str bucket, struct str key,
    const struct encryption *how, struct value_builder *headers, struct err *err);
/* May he have an object decrypted? `headers`: its own. */
int encryption_undo(const struct encryption_asker *who, struct str bucket, struct str key,
    const struct value *headers, struct err *err);
