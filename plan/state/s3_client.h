/*
 * The few object operations that a state in an S3-compatible store needs. The one that everything rests on is
 * the put that succeeds only where nothing is there yet (If-None-Match: *).
 */
#pragma once

#include "base/err.h"
#include "base/value.h"

struct http_engine;
struct s3_store;

/* config: the stack's `state:` map: bucket, and what provider/aws/client.h understands. http NULL: an engine
 * of its own. Calls nothing. */
int s3_store_new(
    const struct value *config, struct http_engine *http, struct s3_store **out, struct err *err);
void s3_store_free(struct s3_store *store);
struct str s3_store_bucket(const struct s3_store *store);

/*
 * *exists: something else was there already, and nothing was written. A put whose answer was lost is not
 * taken for somebody else's: what is there is compared.
 */
int s3_put_new(struct s3_store *store, struct str key, struct str body, bool *exists, struct err *err);
/* The raw conditional put: what the store answers to a second one decides whether it can be trusted. */
int s3_put_probe(struct s3_store *store, struct str key, struct str body, bool *exists, struct err *err);
int s3_put(struct s3_store *store, struct str key, struct str body, struct err *err);

struct s3_object {
    struct str body;
    int64_t age_ms;   /* since it was last written, by the store's own clock */
    int64_t clock_ms; /* the store's clock; 0: it does not tell */
};
/* *found false: it is not there. */
int s3_get(struct s3_store *store, struct arena *arena, struct str key, struct s3_object *out, bool *found,
    struct err *err);
/* So many of its bytes from there on, or those that there are; *size: of all of it. ERR_PROTOCOL: the store
 * knows no ranges. */
int s3_get_part(struct s3_store *store, struct arena *arena, struct str key, int64_t from, int64_t n,
    struct str *bytes, int64_t *size, struct err *err);
int s3_delete(struct s3_store *store, struct str key, struct err *err);
/* Keys with the prefix that come after `after`, in byte order. */
int s3_list(struct s3_store *store, struct arena *arena, struct str prefix, struct str after,
    struct str **keys, size_t *n, struct err *err);
/* The folders below the prefix, without it and without their slash; *clock_ms: the store's clock, 0 where it
 * does not tell. */
int s3_folders(struct s3_store *store, struct arena *arena, struct str prefix, struct str **names, size_t *n,
    int64_t *clock_ms, struct err *err);
/* "Enabled", "Suspended" or "" . */
int s3_versioning(struct s3_store *store, struct arena *arena, struct str *status, struct err *err);
