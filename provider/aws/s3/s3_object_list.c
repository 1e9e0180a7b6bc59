/* Many objects refreshed by listing the buckets they are in. */
#include "provider/aws/s3/s3_object_list.h"

#include "base/map.h"
#include "provider/aws/s3/s3_keys.h"

#include <stdlib.h>

/*
 * An entity tag that is the recorded one means the recorded content; what a listing does not tell (metadata,
 * tags, the content's type) is read one by one, where the file says something of it. A bucket that holds far
 * more than what is looked for is not listed to its end.
 */

enum {
    LIST_FROM = 3,     /* fewer objects of a bucket are as well asked for one by one */
    OBJECTS_A_PAGE = 4 /* so many requests a page must save, or it is not worth its thousand keys */
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

/* The recorded object with what the listing says of it; its content is not known where the tag is another. */
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
    struct str a = list[0].key, b = list[n - 1].key; /* sorted: all others lie between */
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
    /* A bucket that is gone, or may not be listed: its objects are asked for one by one. */
    if (!status || failure.class == ERR_ABSENT || failure.class == ERR_AUTH || failure.class == ERR_SERVICE)
        return 0;
    return err_raise(err, &failure);
}

int s3_object_list(struct op_ctx *ctx, const struct sought *sought, resource_found *found, void *found_ctx,
    const struct value **covered, struct err *err)
{
    static const char *const reported[] = {"bucket", "key", "sha256", "storage_class"};
    struct wanted *list = ARENA_ARRAY(ctx->arena, struct wanted, sought->count + 1);
    AUTO_BUILDER struct value_builder names = VALUE_BUILDER(ctx->arena);
    for (size_t i = 0; i < sought->count; i++)
        list[i] = (struct wanted){
            value_gets(sought->priors[i], "bucket"), value_gets(sought->priors[i], "key"), sought->priors[i]};
    qsort(list, sought->count, sizeof *list, s3_object_list_compare);
    for (size_t i = 0, n; i < sought->count; i += n) {
        for (n = 1; i + n < sought->count && str_eq(list[i].bucket, list[i + n].bucket);)
            n++;
        if (n >= LIST_FROM && list_bucket(ctx, &list[i], n, found, found_ctx, err))
            return -1;
    }
    for (size_t i = 0; i < sizeof reported / sizeof *reported; i++)
        value_builder_add(&names, value_stringz(ctx->arena, reported[i]));
    *covered = value_builder_list(&names);
    return 0;
}
