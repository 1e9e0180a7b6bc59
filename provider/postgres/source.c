/* Where the rows of a load come from: see source.h. */
#include "provider/postgres/source.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/system.h"
#include "provider/aws/s3/s3.h"
#include "provider/aws/s3/s3_keys.h"
#include "provider/aws/s3/s3_reader.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { BLOCK = 256 * 1024 };
#define SCHEME "s3://"

/* ---- objects of a bucket ---- */

bool source_is_bucket(const struct value *source)
{
    return source && source->kind == VALUE_STRING && str_starts(source->string, STR(SCHEME));
}

/* s3://lake/films/2026/: the bucket, and what keys begin with, or the one key. */
static struct str bucket_of(struct str source, struct str *key)
{
    struct str bucket = str_cut(str_slice(source, strlen(SCHEME), source.n), '/', key);
    if (!key->p)
        *key = STR_EMPTY;
    return bucket;
}

static bool is_prefix(struct str key)
{
    return !key.n || str_ends(key, STR("/"));
}

struct looking {
    pthread_mutex_t lock;
    struct op_ctx *ctx;
    struct str bucket, key, ending;
    struct local_file *items;
    size_t n, cap;
};

static void note_object(struct looking *l, const struct s3_listed *object)
{
    struct arena *arena = l->ctx->arena;
    struct str key = arena_str(arena, object->key);
    MEM_GROW(l->items, l->cap, l->n + 1);
    l->items[l->n++] =
        (struct local_file){.name = is_prefix(l->key) ? str_slice(key, l->key.n, key.n) : path_base(key),
            .path = arena_printf(arena, SCHEME "%.*s/%.*s", STR_ARG(l->bucket), STR_ARG(key)),
            .digest = arena_printf(arena, "etag:%.*s", STR_ARG(object->etag)),
            .bucket = l->bucket,
            .key = key,
            .size = object->size};
}

static void take_object(void *ctx, const struct s3_listed *object)
{
    struct looking *l = ctx;
    bool meant = is_prefix(l->key) ? path_base(object->key).n &&
                                         files_is_meant(path_base(object->key), l->ending, STR_EMPTY)
                                   : str_eq(object->key, l->key);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&l->lock);
    if (meant)
        note_object(l, object);
}

static int find_objects(
    struct op_ctx *ctx, struct str source, struct str ending, struct local_files *files, struct err *err)
{
    struct looking l = {.lock = PTHREAD_MUTEX_INITIALIZER, .ctx = ctx, .ending = ending};
    bool cut;
    l.bucket = bucket_of(source, &l.key);
    struct s3_list list = {.bucket = l.bucket, .prefix = l.key};
    *files = (struct local_files){0};
    int status =
        server_open_aws(ctx, err) || s3_list_objects(ctx, &list, take_object, &l, &cut, err) ? -1 : 0;
    if (status)
        err_context(err, "looking at %.*s", STR_ARG(source));
    else if (!is_prefix(l.key) && !l.n)
        status =
            err_set(err, ERR_INVALID, "there is no object %.*s; a prefix ends with a slash", STR_ARG(source));
    else
        *files = files_sorted(ctx->arena, l.items, l.n);
    free(l.items);
    pthread_mutex_destroy(&l.lock);
    return status;
}

int source_find(struct op_ctx *ctx, const struct value *object, struct local_files *files, struct err *err)
{
    struct str ending = text_of(ctx, object, "ending"), source = text_of(ctx, object, "source");
    if (source_is_bucket(value_getz(object, "source")))
        return find_objects(ctx, source, ending, files, err);
    return files_find(ctx, source, ending, STR_EMPTY, files, err);
}

/* ---- reading ---- */

struct source {
    struct op_ctx *ctx;
    const struct local_file *file;
    struct s3_reader *reader; /* an object; otherwise: */
    int fd;
    char *block;
    struct sha256 *sha256;
};

int source_open(struct op_ctx *ctx, const struct local_file *file, struct source **out, struct err *err)
{
    struct source *s = ARENA_NEW(ctx->arena, struct source);
    *s = (struct source){.ctx = ctx, .file = file, .fd = -1};
    if (file->bucket.n) {
        struct s3_readable object = {
            file->bucket, file->key, str_slice(file->digest, strlen("etag:"), file->digest.n), file->size};
        s->reader = s3_reader_new(ctx, &object);
    } else {
        s->fd = file_open(file->path.p, O_RDONLY, err);
        if (s->fd < 0)
            return -1;
        system_read_through(s->fd);
        s->block = mem_alloc(BLOCK);
        s->sha256 = sha256_new();
    }
    *out = s;
    return 0;
}

void source_close(struct source **source)
{
    struct source *s = *source;
    unsigned char unused[SHA256_SIZE];
    if (!s)
        return;
    s3_reader_free(s->reader);
    if (s->fd >= 0)
        close(s->fd);
    if (s->sha256)
        sha256_final(s->sha256, unused);
    free(s->block);
    *source = NULL;
}

static int compare_digest(struct source *s, struct err *err)
{
    unsigned char sum[SHA256_SIZE];
    sha256_final(s->sha256, sum);
    s->sha256 = NULL;
    if (str_eq(hex_encode(s->ctx->arena, sum, sizeof sum), s->file->digest))
        return 0;
    return err_set(err, ERR_STALE, "%.*s has changed since this was planned; nothing of it is loaded",
        STR_ARG(s->file->path));
}

int source_next(struct source *s, const char **bytes, size_t *n, struct err *err)
{
    if (s->reader)
        return s3_reader_next(s->reader, bytes, n, err);
    ssize_t got = read(s->fd, s->block, BLOCK);
    if (got < 0)
        return err_errno(err, ERR_IO, "cannot read %.*s", STR_ARG(s->file->path));
    *bytes = s->block;
    *n = (size_t)got;
    if (!got)
        return compare_digest(s, err);
    sha256_update(s->sha256, s->block, *n);
    return 0;
}

/* ---- what it takes ---- */

void source_permissions(
    const struct schema *schema, enum permission_phase phase, struct arena *arena, struct value_builder *out)
{
    static const struct str actions[] = {STR_INIT("s3:ListBucket"), STR_INIT("s3:GetObject")};
    bool loads = str_eqz(schema->name, "postgres.load");
    for (size_t i = 0; loads && i < (phase == PERMISSION_APPLY ? 2 : 1); i++)
        value_builder_set(out, actions[i], value_string_ref(arena, actions[i]));
}

const struct value *source_scope(
    const struct schema *schema UNUSED, const struct value *object, struct str action, struct arena *arena)
{
    const struct value *source = value_getz(object, "source");
    struct str key = STR_EMPTY, bucket = STR_EMPTY;
    if (value_is_known(source) && !source_is_bucket(source))
        return &value_empty_list;
    if (value_is_known(source))
        bucket = bucket_of(source->string, &key);
    return aws_s3_content_scope(
        arena, action, bucket, is_prefix(key) ? arena_printf(arena, "%.*s*", STR_ARG(key)) : key);
}
