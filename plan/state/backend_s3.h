/*
 * The state log in an S3-compatible store:
 *
 *     <prefix><stack>[.<env>]/<20-digit number>.json   a batch of records, named by its first
 *     <prefix><stack>[.<env>]/newest-snapshot.json     where a reader may begin; only a hint
 *     <prefix><stack>[.<env>]/lock/…                   s3_lock.h
 *
 * Snapshots are batches, too.
 *
 * Every batch is put with If-None-Match: *, so whoever lost the lock and writes on finds his number taken:
 * the sequence is the fence. Stores that ignore the condition are found out when the first lock is taken, and
 * refused.
 */
#pragma once

#include "plan/state/backend.h"

/* What the keys of a state's objects begin with; `config` is the stack's `state:` map. */
struct str backend_s3_prefix(
    struct arena *arena, const struct value *config, struct str stack, struct str env);
int backend_s3_new(const struct backend_options *options, struct backend **out, struct err *err);
