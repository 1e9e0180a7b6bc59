/*
 * Reads S3 objects: one sequentially, without a file, and many by listing their buckets.
 */
#include "provider/aws/s3/s3.h"

#include "base/mem.h"

#include <inttypes.h>
#include <stdlib.h>

enum { PART = 8 << 20, AHEAD = 4 };

/* A part that is being downloaded or complete. */
struct slot {
    struct arena arena;
    struct aws_call call;
    struct aws_sending sending;
    struct repeats repeats;
    int64_t at;
    size_t length;
    bool back;
};

struct s3_reader {
    struct op_ctx ctx;
    struct s3_readable object;
    struct aws_flight *flight;
    struct slot slots[AHEAD]; /* the part at offset n is in slot n / PART % AHEAD */
    int64_t asked, given;     /* bytes requested and returned so far */
};

struct s3_reader *s3_reader_new(const struct op_ctx *ctx, const struct s3_readable *object)
{
    struct s3_reader *r = mem_zalloc(sizeof *r);
    r->ctx = *ctx;
    r->object = *object;
    r->flight = aws_flight_new(provider_aws(ctx->provider));
    return r;
}

void s3_reader_free(struct s3_reader *r)
{
    if (!r)
        return;
    while (aws_flight_count(r->flight))
        aws_flight_next(r->flight, -1);
    aws_flight_free(r->flight);
    for (int i = 0; i < AHEAD; i++)
        arena_release(&r->slots[i].arena);
    free(r);
}

/* ---- requesting ---- */

/* A truncated part counts as lost and is requested again. */
static int check_length(void *ctx, const struct wire_message *answer, struct err *err)
{
    const struct slot *slot = ctx;
    if (answer->body.n == slot->length)
        return 0;
    return err_set(
        err, ERR_NETWORK, "%zu bytes came of %zu that were asked for", answer->body.n, slot->length);
}

/* A small object is requested as a whole, since an empty object has no range. */
static const struct value *request_of(const struct s3_reader *r, struct slot *slot)
{
    struct arena *arena = &slot->arena;
    struct s3_download named = {.bucket = r->object.bucket, .key = r->object.key};
    struct str tag = arena_printf(arena, "\"%.*s\"", STR_ARG(r->object.etag));
    struct str range =
        arena_printf(arena, "bytes=%" PRId64 "-%" PRId64, slot->at, slot->at + (int64_t)slot->length - 1);
    struct value_entry entries[] = {{STR("if_match"), value_string_ref(arena, tag)},
        {STR("range"), r->object.size > PART ? value_string_ref(arena, range) : NULL}};
    return value_merge(arena, download_name(arena, &named), value_map(arena, entries, 2));
}

static int ask_for_part(struct s3_reader *r, struct err *err)
{
    struct slot *slot = &r->slots[r->asked / PART % AHEAD];
    int64_t left = r->object.size - r->asked;
    arena_release(&slot->arena);
    *slot = (struct slot){.at = r->asked, .length = left < PART ? (size_t)left : PART};
    slot->call = (struct aws_call){.body_fd = -1, .accept = check_length, .accept_ctx = slot};
    struct op_ctx ctx = r->ctx;
    ctx.arena = &slot->arena;
    if (aws_s3_prepare(&ctx, &s3_get_object, request_of(r, slot), &slot->call, err))
        return -1;
    slot->repeats = (struct repeats){.op = &r->ctx, .what = s3_get_object.name};
    slot->call.repeats = repeats_report;
    slot->call.repeats_ctx = &slot->repeats;
    slot->sending = (struct aws_sending){.call = &slot->call, .arena = &slot->arena, .owner = slot};
    aws_flight_add(r->flight, &slot->sending);
    r->asked += (int64_t)slot->length;
    return 0;
}

/* ---- returning ---- */

static int refuse_another(const struct s3_reader *r, struct err *err)
{
    err_set(err, ERR_STALE, "s3://%.*s/%.*s was changed since it was read", STR_ARG(r->object.bucket),
        STR_ARG(r->object.key));
    return err_hint(err, "run it again when nobody writes there");
}

static int check_part(const struct s3_reader *r, struct slot *slot, struct err *err)
{
    const struct wire_message *answer = &slot->sending.response;
    const struct err *why = &slot->sending.err;
    int64_t first = 0, last, size;
    if (slot->sending.result && (why->http_status == 412 || why->http_status == 404))
        return refuse_another(r, err);
    if (slot->sending.result) {
        *err = *why;
        return err_context(err, "reading s3://%.*s/%.*s", STR_ARG(r->object.bucket), STR_ARG(r->object.key));
    }
    repeats_done(&slot->repeats);
    struct str etag = aws_s3_unquoted(wire_header_get(answer, STR("ETag")));
    if (etag.n && !str_eq(etag, r->object.etag))
        return refuse_another(r, err);
    if (r->object.size > PART &&
        (!wire_content_range(wire_header_get(answer, STR("Content-Range")), &first, &last, &size) ||
            first != slot->at))
        return err_set(err, ERR_PROTOCOL,
            "the service sends another range of s3://%.*s/%.*s than was requested", STR_ARG(r->object.bucket),
            STR_ARG(r->object.key));
    return 0;
}

int s3_reader_next(struct s3_reader *r, const char **bytes, size_t *n, struct err *err)
{
    *n = 0;
    if (r->given >= r->object.size)
        return 0;
    /* The returned part stays in its slot until the next call: so one fewer than all slots are being
     * downloaded. */
    while (r->asked < r->object.size && r->asked - r->given < (int64_t)(AHEAD - 1) * PART)
        if (ask_for_part(r, err))
            return -1;
    struct slot *slot = &r->slots[r->given / PART % AHEAD];
    while (!slot->back) {
        struct slot *arrived = aws_flight_next(r->flight, -1)->owner;
        arrived->back = true;
    }
    if (check_part(r, slot, err))
        return -1;
    *bytes = slot->sending.response.body.p;
    *n = slot->length;
    r->given += (int64_t)slot->length;
    return 0;
}

/* ---- Refreshing many objects by listing their buckets ---- */

/*
 * The recorded entity tag means the recorded content. What a listing does not contain (metadata, tags, the
 * content type) is read one object at a time, if it is configured. A bucket with far more objects than the
 * expected ones is not listed to its end.
 */

enum {
    LIST_FROM = 3,     /* below this, a bucket's objects are read one at a time */
    OBJECTS_A_PAGE = 4 /* requests that a page has to save to be worth its thousand keys */
};

struct wanted {
    struct str bucket, key;
    const struct value *prior;
};

struct listing {
    struct map by_key; /* -> struct wanted, of one bucket */
    resource_found *found;
    void *found_ctx;
};

static int s3_object_list_compare(const void *a, const void *b)
{
    const struct wanted *x = a, *y = b;
    int order = str_cmp(x->bucket, y->bucket);
    return order ? order : str_cmp(x->key, y->key);
}

/* Returns the recorded object with the attributes of the listing; the content is unknown if the entity tag
 * differs. */
static const struct value *live_of(
    struct arena *arena, const struct wanted *wanted, const struct s3_listed *object)
{
    struct str recorded = value_gets(wanted->prior, "etag");
    const struct value *sha256 = value_getz(wanted->prior, "sha256");
    bool same = recorded.n && str_eq(recorded, object->etag) && sha256;
    struct value_entry entries[] = {{STR("etag"), value_string_ref(arena, object->etag)},
        {STR("size"), value_int(arena, object->size)}, {STR("sha256"), same ? sha256 : &value_null},
        {STR("storage_class"),
            object->storage_class.n ? value_string_ref(arena, object->storage_class) : &value_null},
        {STR("source"), &value_null}, {STR("content"), &value_null}};
    return value_merge(arena, wanted->prior, value_map(arena, entries, sizeof entries / sizeof *entries));
}

static void s3_object_list_take(void *ctx, const struct s3_listed *object)
{
    struct listing *l = ctx;
    const struct wanted *wanted = map_get(&l->by_key, object->key);
    AUTO_ARENA struct arena arena = ARENA_INIT;
    if (wanted)
        l->found(l->found_ctx, live_of(&arena, wanted, object));
}

static struct str common_start(const struct wanted *list, size_t n)
{
    struct str a = list[0].key, b = list[n - 1].key; /* sorted: all others are between these two */
    size_t same = 0;
    while (same < a.n && same < b.n && a.p[same] == b.p[same])
        same++;
    return str_slice(a, 0, str_utf8_prefix(str_slice(a, 0, same)));
}

static int list_bucket(struct op_ctx *ctx, struct wanted *list, size_t n, resource_found *found,
    void *found_ctx, struct err *err)
{
    struct listing listing = {.found = found, .found_ctx = found_ctx};
    struct str *keys = ARENA_ARRAY(ctx->arena, struct str, n);
    struct s3_list request = {.bucket = list[0].bucket,
        .prefix = common_start(list, n),
        .expected = keys,
        .expected_count = n,
        .page_limit = n / OBJECTS_A_PAGE + 1};
    struct err failure = ERR_INIT;
    bool cut;
    for (size_t i = 0; i < n; i++) {
        keys[i] = list[i].key;
        map_set(&listing.by_key, list[i].key, &list[i]);
    }
    int status = s3_list_objects(ctx, &request, s3_object_list_take, &listing, &cut, &failure);
    map_release(&listing.by_key);
    /* The bucket does not exist or may not be listed: its objects are read one at a time. */
    if (!status || failure.class == ERR_ABSENT || failure.class == ERR_AUTH || failure.class == ERR_SERVICE)
        return 0;
    return err_raise(err, &failure);
}

int s3_object_list(struct op_ctx *ctx, const struct list_filter *filter, resource_found *found,
    void *found_ctx, const struct value **covered, struct err *err)
{
    static const char *const reported[] = {"bucket", "key", "sha256", "storage_class"};
    struct wanted *list = ARENA_ARRAY(ctx->arena, struct wanted, filter->count + 1);
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(ctx->arena);
    for (size_t i = 0; i < filter->count; i++)
        list[i] = (struct wanted){
            value_gets(filter->priors[i], "bucket"), value_gets(filter->priors[i], "key"), filter->priors[i]};
    qsort(list, filter->count, sizeof *list, s3_object_list_compare);
    for (size_t i = 0, n; i < filter->count; i += n) {
        for (n = 1; i + n < filter->count && str_eq(list[i].bucket, list[i + n].bucket);)
            n++;
        if (n >= LIST_FROM && list_bucket(ctx, &list[i], n, found, found_ctx, err))
            return -1;
    }
    for (size_t i = 0; i < sizeof reported / sizeof *reported; i++)
        value_builder_add(&names, value_stringz(ctx->arena, reported[i]));
    *covered = value_builder_list(&names);
    return 0;
}
