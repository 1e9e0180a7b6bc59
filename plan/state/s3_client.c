/* Object operations, with the same signing and retrying client as resources. */
#include "plan/state/backend_s3_internal.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "provider/cloud.h"
#include "provider/http/http.h"
#include "provider/wire/wire.h"

#include <inttypes.h>
#include <stdlib.h>

enum {
    PUT_TRIES = 5,
    CONFLICT_WAIT_MS = 100,
    RANGE = 8 * 1024 * 1024, /* a snapshot may be too large for one response */
    RANGE_THREADS = 4,
};
#define OBJECT_MAX (INT64_C(16) * 1024 * 1024 * 1024)

struct s3_store {
    struct arena arena;
    struct cloud_client *client;
    struct str bucket;
};

/* A truncated or foreign response must not count as an empty listing. */
static const struct wire_operation listing = {
    .name = STR_INIT("ListObjectsV2"), .protocol = WIRE_REST_XML, .root = STR_INIT("ListBucketResult")};
/* The root element of some stores' responses differs from AWS's. */
static const struct wire_operation get_versioning = {
    .name = STR_INIT("GetBucketVersioning"), .protocol = WIRE_REST_XML};

/* The settings of the `state:` map for the AWS client, which refuses unknown ones. */
static const struct value *client_settings(struct arena *arena, const struct value *config)
{
    static const char *const own[] = {
        "backend", "bucket", "prefix", "lease_seconds", "key", "previous_keys", "encrypt"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        config = value_with(arena, config, str_z(own[i]), NULL);
    return config;
}

int s3_store_new(const struct value *config, struct http_engine *http, struct s3_store **out, struct err *err)
{
    struct str bucket = value_gets(config, "bucket");
    if (!bucket.n) {
        err_set(err, ERR_INVALID, "the state backend s3 needs a bucket");
        return err_hint(err, "state: {backend: s3, bucket: NAME, prefix: PREFIX/}");
    }
    struct s3_store *store = mem_zalloc(sizeof *store);
    store->bucket = arena_str(&store->arena, bucket);
    const struct value *settings = client_settings(&store->arena, config);
    if (plan_cloud.open(STR("state"), settings, http, &store->client, err)) {
        s3_store_free(store);
        return err_context(err, "the state backend s3");
    }
    *out = store;
    return 0;
}

void s3_store_free(struct s3_store *store)
{
    if (!store)
        return;
    plan_cloud.close(store->client);
    arena_release(&store->arena);
    free(store);
}

struct str s3_store_bucket(const struct s3_store *store)
{
    return store->bucket;
}

/* ---- requests ---- */

struct request {
    const char *method;
    struct str key; /* empty: the bucket */
    struct str query, body;
    bool only_new;
    int64_t from, to; /* of a GET; to 0: all */
};

static int send_request(struct s3_store *store, struct arena *arena, const struct request *r,
    struct wire_message *answer, struct err *err)
{
    AUTO_BUF struct buf path = BUF_INIT;
    buf_add_char(&path, '/');
    buf_add_str(&path, store->bucket);
    if (r->key.n) {
        buf_add_char(&path, '/');
        url_encode(&path, r->key, true);
    }
    struct wire_message request = {.method = str_z(r->method),
        .path = arena_str(arena, buf_str(&path)),
        .query = r->query,
        .body = r->body};
    if (r->only_new)
        wire_header_add(arena, &request, STR("If-None-Match"), STR("*"));
    if (r->to)
        wire_header_add(
            arena, &request, STR("Range"), arena_printf(arena, "bytes=%" PRId64 "-%" PRId64, r->from, r->to));
    if (r->body.n)
        wire_header_add(arena, &request, STR("Content-Type"), STR("application/json"));
    *answer = (struct wire_message){0};
    if (plan_cloud.send(store->client, &request, arena, answer, err) == 0)
        return 0;
    if (strcmp(err->code, "NoSuchBucket") == 0)
        err_hint(err, "the bucket of the state has to be there before; make %.*s, with versioning",
            STR_ARG(store->bucket));
    return -1;
}

static bool is_absent(const struct err *err)
{
    return err->http_status == 404 && strcmp(err->code, "NoSuchBucket") != 0;
}

/* Repeats a put for some time that another one conflicts with: S3 answers 409 to conditional ones, other
 * stores also to others while a folder is made or deleted. */
static int put_object(
    struct s3_store *store, struct str key, struct str body, bool only_new, int *status, struct err *err)
{
    struct request r = {.method = "PUT", .key = key, .body = body, .only_new = only_new};
    for (int i = 1;; i++) {
        AUTO_ARENA struct arena scratch = ARENA_INIT;
        struct wire_message answer;
        struct err why = ERR_INIT;
        if (!send_request(store, &scratch, &r, &answer, &why))
            return 0;
        *status = why.http_status;
        if (*status != 409 || i == PUT_TRIES)
            return err_raise(err, &why);
        clock_sleep_ms(CONFLICT_WAIT_MS * i);
    }
}

int s3_put(struct s3_store *store, struct str key, struct str body, struct err *err)
{
    int status;
    return put_object(store, key, body, false, &status, err);
}

int s3_put_probe(struct s3_store *store, struct str key, struct str body, bool *exists, struct err *err)
{
    struct err why = ERR_INIT;
    int status, result = put_object(store, key, body, true, &status, &why);
    *exists = result && status == 412;
    return result && !*exists ? err_raise(err, &why) : 0;
}

int s3_put_new(struct s3_store *store, struct str key, struct str body, bool *exists, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct s3_object there;
    bool found;
    if (s3_put_probe(store, key, body, exists, err))
        return -1;
    if (!*exists)
        return 0;
    if (s3_get(store, &scratch, key, &there, &found, err))
        return -1;
    *exists = !found || !str_eq(there.body, body);
    return 0;
}

/* ---- reading ---- */

int s3_get_part(struct s3_store *store, struct arena *arena, struct str key, int64_t from, int64_t n,
    struct str *bytes, int64_t *size, struct err *err)
{
    struct wire_message answer;
    struct request r = {.method = "GET", .key = key, .from = from, .to = from + n - 1};
    int64_t first, last;
    if (send_request(store, arena, &r, &answer, err))
        return -1;
    *bytes = answer.body;
    if (!wire_content_range(wire_header_get(&answer, STR("Content-Range")), &first, &last, size) ||
        first != from || last != (*size < from + n ? *size : from + n) - 1 ||
        (int64_t)bytes->n != last - first + 1)
        return err_set(err, ERR_PROTOCOL, "the store sends another range than was requested");
    return 0;
}

/* The part of an object after its first range. */
struct rest {
    struct s3_store *store;
    struct str key;
    char *bytes; /* of the whole object */
    int64_t size;
};

static int get_range(void *ctx, size_t i, struct err *err)
{
    struct rest *rest = ctx;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    int64_t from = (int64_t)(i + 1) * RANGE, size;
    struct str bytes;
    if (s3_get_part(rest->store, &scratch, rest->key, from, RANGE, &bytes, &size, err))
        return -1;
    if (size != rest->size)
        return err_set(err, ERR_PROTOCOL, "the store sends another object than was requested");
    memcpy(rest->bytes + from, bytes.p, bytes.n);
    return 0;
}

/* `first`: the response to the first range. A store that does not support ranges has sent everything. */
static int get_rest(struct s3_store *store, struct arena *arena, struct str key,
    const struct wire_message *first, struct str *body, struct err *err)
{
    int64_t from, to, size;
    *body = first->body;
    if (first->status != 206 ||
        !wire_content_range(wire_header_get(first, STR("Content-Range")), &from, &to, &size) ||
        size == (int64_t)first->body.n)
        return 0;
    if (from || first->body.n != RANGE || size > OBJECT_MAX)
        return err_set(err, ERR_PROTOCOL, "the store sends %zu of %" PRId64 " bytes", first->body.n, size);
    size_t n = (size_t)((size - 1) / RANGE);
    struct rest rest = {.store = store, .key = key, .bytes = arena_alloc(arena, (size_t)size), .size = size};
    memcpy(rest.bytes, first->body.p, RANGE);
    if (pool_try(RANGE_THREADS, n, get_range, &rest, err))
        return -1;
    *body = str_n(rest.bytes, (size_t)size);
    return 0;
}

int s3_get(struct s3_store *store, struct arena *arena, struct str key, struct s3_object *out, bool *found,
    struct err *err)
{
    struct wire_message answer;
    struct err why = ERR_INIT;
    int64_t now, written;
    *out = (struct s3_object){0};
    *found = false;
    struct request r = {.method = "GET", .key = key, .to = RANGE - 1};
    int failed = send_request(store, arena, &r, &answer, &why);
    if (failed && why.http_status == 416) { /* an empty object has no range */
        r.to = 0;
        why = (struct err)ERR_INIT;
        failed = send_request(store, arena, &r, &answer, &why);
    }
    if (failed) {
        if (is_absent(&why))
            return 0;
        return err_raise(err, &why);
    }
    if (get_rest(store, arena, key, &answer, &out->body, err))
        return -1;
    *found = true;
    if (time_parse_http(wire_header_get(&answer, STR("Date")), &now)) {
        out->clock_ms = now;
        if (time_parse_http(wire_header_get(&answer, STR("Last-Modified")), &written))
            out->age_ms = now - written;
    }
    return 0;
}

int s3_delete(struct s3_store *store, struct str key, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct wire_message answer;
    struct err why = ERR_INIT;
    if (send_request(store, &scratch, &(struct request){.method = "DELETE", .key = key}, &answer, &why) &&
        !is_absent(&why))
        return err_raise(err, &why);
    return 0;
}

/* ---- listing ---- */

static void add_if_any(struct buf *out, struct str name, struct str value)
{
    if (value.n)
        url_add_parameter(out, name, value);
}

struct list_request {
    struct str prefix, after, token;
    const char *delimiter; /* NULL: none */
    int64_t clock_ms;      /* of the response */
};

static int list_page(struct s3_store *store, struct arena *arena, struct list_request *list,
    const struct value **document, struct err *err)
{
    AUTO_BUF struct buf query = BUF_INIT;
    struct wire_message answer;
    buf_addz(&query, "list-type=2");
    add_if_any(&query, STR("continuation-token"), list->token);
    add_if_any(&query, STR("delimiter"), str_z(list->delimiter));
    add_if_any(&query, STR("prefix"), list->prefix);
    add_if_any(&query, STR("start-after"), list->after);
    struct request r = {.method = "GET", .query = arena_str(arena, buf_str(&query))};
    if (send_request(store, arena, &r, &answer, err) ||
        wire_decode_response(arena, &listing, &answer, document, err))
        return -1;
    time_parse_http(wire_header_get(&answer, STR("Date")), &list->clock_ms);
    list->token = value_gets(*document, "NextContinuationToken");
    return 0;
}

/* Returns the strings at `path` of every page. */
static int list_pages(struct s3_store *store, struct arena *arena, struct list_request *list, struct str path,
    struct str **out, size_t *n, struct err *err)
{
    AUTO_PAGES struct pages pages = PAGES_INIT;
    struct str *found = NULL;
    size_t count = 0, cap = 0;
    do {
        const struct value *document;
        if ((list->token.n && pages_next(&pages, listing.name, list->token, err)) ||
            list_page(store, arena, list, &document, err)) {
            free(found);
            return -1;
        }
        const struct value *page = wire_path(arena, document, path);
        for (uint32_t i = 0; page && page->kind == VALUE_LIST && i < page->count; i++) {
            MEM_GROW(found, cap, count + 1);
            found[count++] = value_text(page->items[i], STR_EMPTY);
        }
    } while (list->token.n);
    *out = arena_alloc(arena, (count + 1) * sizeof **out);
    if (count)
        memcpy(*out, found, count * sizeof **out);
    *n = count;
    free(found);
    return 0;
}

int s3_list(struct s3_store *store, struct arena *arena, struct str prefix, struct str after,
    struct str **keys, size_t *n, struct err *err)
{
    struct list_request list = {.prefix = prefix, .after = after};
    return list_pages(store, arena, &list, STR("Contents[].Key"), keys, n, err);
}

int s3_folders(struct s3_store *store, struct arena *arena, struct str prefix, struct str **names, size_t *n,
    int64_t *clock_ms, struct err *err)
{
    struct list_request list = {.prefix = prefix, .delimiter = "/"};
    if (list_pages(store, arena, &list, STR("CommonPrefixes[].Prefix"), names, n, err))
        return -1;
    for (size_t i = 0; i < *n; i++) {
        struct str name = (*names)[i];
        bool whole = name.n > prefix.n && str_starts(name, prefix) && str_ends(name, STR("/"));
        (*names)[i] = whole ? str_slice(name, prefix.n, name.n - 1) : STR_EMPTY;
    }
    *clock_ms = list.clock_ms;
    return 0;
}

int s3_versioning(struct s3_store *store, struct arena *arena, struct str *status, struct err *err)
{
    struct wire_message answer;
    const struct value *document;
    if (send_request(
            store, arena, &(struct request){.method = "GET", .query = STR("versioning")}, &answer, err) ||
        wire_decode_response(arena, &get_versioning, &answer, &document, err))
        return -1;
    *status = value_gets(document, "Status");
    return 0;
}
