/* Multipart uploads, and the content of objects. */
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "sandbox/s3/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct str no_key = {NULL, 0};

/* Upload ids come from clients: only 32 hexadecimal digits are used in paths. */
static bool is_id(struct str id)
{
    return id.n == 32 && str_is_made_of(id, CHARS_HEX);
}

static struct str upload_path(
    struct arena *arena, const struct s3_store *store, struct str bucket, struct str id, struct str name)
{
    struct str dir = store_path(arena, store, bucket, "uploads", no_key);
    return arena_printf(
        arena, "%.*s/%.*s%s%.*s", STR_ARG(dir), STR_ARG(id), name.n ? "/" : "", STR_ARG(name));
}

static struct str part_path(
    struct arena *arena, const struct s3_store *store, struct str bucket, struct str id, int number)
{
    return upload_path(arena, store, bucket, id, arena_printf(arena, "%05d", number));
}

enum store_result store_upload_create(
    struct s3_store *store, struct str bucket, struct str id, const struct value *doc)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf text = BUF_INIT;
    pthread_rwlock_t *lock = store_bucket_lock(store, bucket);
    enum store_result result = STORE_NO_BUCKET;
    json_write(&text, doc, JSON_PLAIN);
    pthread_rwlock_rdlock(lock);
    if (store_bucket_exists(store, bucket)) {
        struct str path = upload_path(&scratch, store, bucket, id, STR("upload.json"));
        result = store_write_file(store, path.p, buf_str(&text)) ? STORE_FAILED : STORE_OK;
    }
    pthread_rwlock_unlock(lock);
    return result;
}

const struct value *store_upload_doc(
    struct arena *arena, struct s3_store *store, struct str bucket, struct str id)
{
    struct str text;
    const struct value *doc;
    if (!is_id(id) || !store_bucket_name_ok(bucket))
        return NULL;
    struct str path = upload_path(arena, store, bucket, id, STR("upload.json"));
    if (!path_exists(path.p) || file_read(arena, path.p, 1 << 20, &text, ERR_IGNORED) ||
        json_parse(arena, text, &doc, ERR_IGNORED))
        return NULL;
    return doc;
}

enum store_result store_part_put(struct arena *arena, struct s3_store *store, struct str bucket,
    struct str id, int number, struct pending *pending, const struct value *doc)
{
    enum store_result result = STORE_FAILED;
    doc = value_with(arena, doc, STR("number"), value_int(arena, number));
    doc = value_with(arena, doc, STR("modified"), value_int(arena, clock_wall_ms()));
    struct str path = part_path(arena, store, bucket, id, number);
    /* does not create the directory: an upload aborted concurrently must not reappear */
    if (!store_write_tail(store, pending, doc)) {
        if (!rename(pending->path, path.p)) {
            close(pending->fd);
            pending->fd = -1;
            result = store_sync_dir(store, path_dir(path)) ? STORE_FAILED : STORE_OK;
        } else if (errno == ENOENT) {
            result = STORE_NO_KEY;
        }
    }
    store_write_cancel(pending);
    return result;
}

enum store_result store_part_read(struct arena *arena, struct s3_store *store, struct str bucket,
    struct str id, int number, const struct value **doc, int *fd)
{
    struct str path = part_path(arena, store, bucket, id, number);
    AUTO_FD int opened = open(path.p, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (opened < 0)
        return errno == ENOENT ? STORE_NO_KEY : STORE_FAILED;
    if (doc && !(*doc = store_read_tail(arena, opened)))
        return STORE_FAILED;
    if (fd) {
        *fd = opened;
        opened = -1;
    }
    return STORE_OK;
}

const struct value *store_part_numbers(
    struct arena *arena, struct s3_store *store, struct str bucket, struct str id)
{
    const struct value *names = store_names(arena, upload_path(arena, store, bucket, id, STR_EMPTY).p);
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    if (!names)
        return NULL;
    for (uint32_t i = 0; i < names->count; i++) {
        int64_t number;
        if (str_to_int(names->items[i]->string, &number))
            value_builder_add(&list, value_int(arena, number));
    }
    return value_builder_list(&list);
}

const struct value *store_upload_ids(struct arena *arena, struct s3_store *store, struct str bucket)
{
    return store_names(arena, store_path(arena, store, bucket, "uploads", no_key).p);
}

static bool upload_keeps(const struct value *keep, int64_t number)
{
    for (uint32_t i = 0; i < keep->count; i++)
        if (keep->items[i]->integer == number)
            return true;
    return false;
}

void store_upload_finish(struct s3_store *store, struct str bucket, struct str id, const struct value *keep)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct value *numbers = store_part_numbers(&scratch, store, bucket, id);
    unlink(upload_path(&scratch, store, bucket, id, STR("upload.json")).p);
    if (!numbers || numbers->count == keep->count)
        return; /* unused parts are not listed */
    for (uint32_t i = 0; i < numbers->count; i++)
        if (!upload_keeps(keep, numbers->items[i]->integer))
            unlink(part_path(&scratch, store, bucket, id, (int)numbers->items[i]->integer).p);
}

void store_upload_remove(struct s3_store *store, struct str bucket, struct str id)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    if (is_id(id))
        tree_remove(upload_path(&scratch, store, bucket, id, STR_EMPTY).p);
}

/* ---- content ---- */

struct piece {
    int number;
    int64_t start, size;
};

struct content {
    struct s3_store *store;
    struct arena arena;
    struct str bucket, upload;
    struct piece *pieces;
    size_t n, open;
    int fd; /* of pieces[open] */
    int64_t size;
};

struct content *content_open(struct s3_store *store, struct str bucket, const struct object *object, int fd)
{
    struct content *c = mem_zalloc(sizeof *c);
    const struct value *parts = value_getz(object->doc, "parts");
    c->store = store;
    c->bucket = arena_str(&c->arena, bucket);
    c->upload = arena_str(&c->arena, value_gets(object->doc, "upload"));
    c->size = object->size;
    c->fd = fd;
    c->n = parts ? parts->count : 1;
    c->pieces = ARENA_ARRAY(&c->arena, struct piece, c->n);
    if (!parts) {
        c->pieces[0] = (struct piece){0, 0, object->size};
        return c;
    }
    int64_t start = 0;
    for (size_t i = 0; i < c->n; i++) {
        const struct value *part = parts->items[i];
        c->pieces[i] = (struct piece){
            (int)value_getz(part, "number")->integer, start, value_getz(part, "size")->integer};
        start += c->pieces[i].size;
    }
    fd_close_ptr(&c->fd); /* has only metadata */
    c->fd = -1;
    return c;
}

/* Binary search: an object may have 10,000 parts, and each block is looked up. */
static size_t find_piece(const struct content *c, int64_t position)
{
    size_t low = 0, high = c->n - 1;
    while (low < high) {
        size_t middle = (low + high + 1) / 2;
        if (c->pieces[middle].start <= position)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

ssize_t content_read(struct content *c, uint64_t position, void *out, size_t n)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    if (!c->n || (int64_t)position >= c->size)
        return 0;
    size_t index = find_piece(c, (int64_t)position);
    struct piece *piece = &c->pieces[index];
    if (c->upload.n && (c->fd < 0 || c->open != index)) {
        fd_close_ptr(&c->fd);
        c->fd = -1;
        c->open = index;
        if (store_part_read(&scratch, c->store, c->bucket, c->upload, piece->number, NULL, &c->fd) !=
            STORE_OK)
            return -1;
    }
    int64_t offset = (int64_t)position - piece->start, left = piece->size - offset;
    return pread(c->fd, out, (int64_t)n < left ? n : (size_t)left, offset);
}

void content_close(struct content *c)
{
    if (!c)
        return;
    fd_close_ptr(&c->fd);
    arena_release(&c->arena);
    free(c);
}
