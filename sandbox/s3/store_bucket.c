/* Buckets and their settings. */
#include "base/file.h"
#include "base/json.h"
#include "sandbox/s3/keypath.h"
#include "sandbox/s3/store_internal.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static const struct str no_key = {NULL, 0};

bool store_bucket_name_ok(struct str name)
{
    if (name.n < 3 || name.n > 63 || str_find(name, STR(".."), 0) >= 0 ||
        !str_is_word(name, CHARS_LOWER CHARS_DIGITS, CHARS_LOWER CHARS_DIGITS ".-") ||
        char_is_among(name.p[name.n - 1], ".-"))
        return false;
    char text[64];
    struct in_addr address;
    memcpy(text, name.p, name.n);
    text[name.n] = '\0';
    return inet_pton(AF_INET, text, &address) != 1;
}

bool store_bucket_exists(struct s3_store *store, struct str bucket)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    return store_bucket_name_ok(bucket) &&
           path_exists(store_path(&scratch, store, bucket, "bucket.json", no_key).p);
}

enum store_result store_bucket_create(struct s3_store *store, struct str bucket, const struct value *doc)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf text = BUF_INIT;
    pthread_rwlock_t *lock = store_bucket_lock(store, bucket);
    enum store_result result = STORE_OK;
    json_write(&text, doc, JSON_PLAIN);
    pthread_rwlock_wrlock(lock);
    if (store_bucket_exists(store, bucket))
        result = STORE_EXISTS;
    else if (store_write_file(
                 store, store_path(&scratch, store, bucket, "bucket.json", no_key).p, buf_str(&text)))
        result = STORE_FAILED;
    pthread_rwlock_unlock(lock);
    return result;
}

const struct value *store_bucket_doc(struct arena *arena, struct s3_store *store, struct str bucket)
{
    struct str text;
    const struct value *doc;
    struct str path = store_path(arena, store, bucket, "bucket.json", no_key);
    if (!store_bucket_name_ok(bucket) || file_read(arena, path.p, 1 << 20, &text, ERR_IGNORED) ||
        json_parse(arena, text, &doc, ERR_IGNORED))
        return NULL;
    return doc;
}

static bool is_empty(const char *path)
{
    AUTO_DIR DIR *dir = opendir(path);
    bool empty = dir || store_is_absent(errno);
    for (struct dirent *entry; dir && empty && (entry = readdir(dir));)
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    return empty;
}

enum store_result store_bucket_delete(struct s3_store *store, struct str bucket)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    pthread_rwlock_t *lock = store_bucket_lock(store, bucket);
    struct pending trash = {.fd = -1};
    enum store_result result = STORE_OK;
    pthread_rwlock_wrlock(lock);
    if (!store_bucket_exists(store, bucket))
        result = STORE_NO_BUCKET;
    else if (!is_empty(store_path(&scratch, store, bucket, "objects", no_key).p))
        result = STORE_NOT_EMPTY;
    else if (store_write_begin(store, &trash) || unlink(trash.path) ||
             rename(store_path(&scratch, store, bucket, "", no_key).p, trash.path) ||
             store_sync_dir(store, str_z(store->root)))
        result = STORE_FAILED;
    pthread_rwlock_unlock(lock);
    if (trash.fd >= 0)
        close(trash.fd);
    if (result == STORE_OK)
        tree_remove(trash.path);
    return result;
}

const struct value *store_bucket_names(struct arena *arena, struct s3_store *store)
{
    const struct value *names = store_names(arena, store->root);
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    if (!names)
        return NULL;
    for (uint32_t i = 0; i < names->count; i++)
        if (store_bucket_exists(store, names->items[i]->string))
            value_builder_add(&list, names->items[i]);
    return value_builder_list(&list);
}

/* ---- settings ---- */

static struct str setting_path(
    struct arena *arena, const struct s3_store *store, struct str bucket, struct str name)
{
    return store_path(arena, store, bucket, "settings", name);
}

bool store_setting(
    struct arena *arena, struct s3_store *store, struct str bucket, struct str name, struct str *text)
{
    struct str path = setting_path(arena, store, bucket, name);
    return path_exists(path.p) && !file_read(arena, path.p, 64 << 20, text, ERR_IGNORED);
}

enum store_result store_setting_put(
    struct s3_store *store, struct str bucket, struct str name, struct str text)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    pthread_rwlock_t *lock = store_bucket_lock(store, bucket);
    enum store_result result = STORE_NO_BUCKET;
    pthread_rwlock_rdlock(lock);
    if (store_bucket_exists(store, bucket))
        result = store_write_file(store, setting_path(&scratch, store, bucket, name).p, text) ? STORE_FAILED
                                                                                              : STORE_OK;
    pthread_rwlock_unlock(lock);
    return result;
}

enum store_result store_setting_delete(struct s3_store *store, struct str bucket, struct str name)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str path = setting_path(&scratch, store, bucket, name);
    if (!unlink(path.p))
        return store_sync_dir(store, path_dir(path)) ? STORE_FAILED : STORE_OK;
    return errno == ENOENT ? STORE_NO_KEY : STORE_FAILED;
}

const struct value *store_setting_ids(
    struct arena *arena, struct s3_store *store, struct str bucket, struct str name)
{
    struct str dir = arena_printf(arena, "%.*s%%", STR_ARG(setting_path(arena, store, bucket, name)));
    const struct value *names = store_names(arena, dir.p);
    AUTO_BUILDER struct value_builder ids = VALUE_BUILDER(arena);
    if (!names)
        return NULL;
    for (uint32_t i = 0; i < names->count; i++) {
        AUTO_BUF struct buf id = BUF_INIT;
        enum keypath_kind kind;
        if (keypath_decode(names->items[i]->string.p, &id, &kind) && kind == KEYPATH_FILE)
            value_builder_add(&ids, value_string(arena, buf_str(&id)));
    }
    return value_builder_list(&ids);
}
