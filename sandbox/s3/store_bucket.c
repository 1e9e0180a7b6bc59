/* Buckets and their settings; object keys as paths, and listing of keys in order. */
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "sandbox/s3/store.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- object keys as paths ---- */

enum { PIECE = 80 };

static void add_name(struct buf *path, struct str text)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c < 0x20 || c == 0x7f || c == '%' || (c == '.' && i == 0)) {
            char escape[] = {'%', hex[c >> 4], hex[c & 15]};
            buf_add(path, escape, 3);
        } else {
            buf_add_char(path, (char)c);
        }
    }
}

static struct str add_pieces(struct buf *path, struct str segment)
{
    while (segment.n >= PIECE) {
        add_name(path, str_slice(segment, 0, PIECE));
        buf_addz(path, "%+/");
        segment = str_slice(segment, PIECE, segment.n);
    }
    return segment;
}

void keypath_add(struct buf *path, struct str key)
{
    for (;;) {
        ptrdiff_t slash = str_find_char(key, '/', 0);
        struct str rest = add_pieces(path, slash < 0 ? key : str_slice(key, 0, (size_t)slash));
        add_name(path, rest);
        if (slash < 0) {
            if (!rest.n)
                buf_addz(path, "%_");
            return;
        }
        buf_addz(path, "%/");
        key = str_slice(key, (size_t)slash + 1, key.n);
    }
}

bool keypath_decode(const char *name, struct buf *part, enum keypath_kind *kind)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str text = str_z(name), decoded;
    *kind = KEYPATH_FILE;
    if (str_eqz(text, "%_")) {
        text = STR_EMPTY;
    } else if (str_ends(text, STR("%+"))) {
        *kind = KEYPATH_MORE;
        text.n -= 2;
    } else if (str_ends(text, STR("%"))) {
        *kind = KEYPATH_DIR;
        text.n -= 1;
    }
    if (str_starts(text, STR(".")) || !url_decode(&scratch, text, false, &decoded))
        return false;
    buf_add_str(part, decoded);
    if (*kind == KEYPATH_DIR)
        buf_add_char(part, '/');
    return true;
}

/* ---- listing of keys in order, directly from the directories: there is no index ---- */

struct entry {
    char *name;      /* file name */
    struct str part; /* its part of the key; owned */
    enum keypath_kind kind;
};

static int compare_entries(const void *a, const void *b)
{
    return str_cmp(((const struct entry *)a)->part, ((const struct entry *)b)->part);
}

static struct entry *read_entries(struct walk *walk, const char *path, size_t *n)
{
    struct entry *entries = NULL;
    size_t cap = 0;
    AUTO_DIR DIR *dir = opendir(path);
    *n = 0;
    walk->failed = walk->failed || (!dir && !store_is_absent(errno));
    for (struct dirent *found; dir && (found = readdir(dir));) {
        AUTO_BUF struct buf part = BUF_INIT;
        enum keypath_kind kind;
        if (!keypath_decode(found->d_name, &part, &kind))
            continue;
        MEM_GROW(entries, cap, *n + 1);
        entries[(*n)++] = (struct entry){
            mem_strdup(found->d_name), {mem_memdup0(part.p ? part.p : "", part.n), part.n}, kind};
    }
    if (*n)
        qsort(entries, *n, sizeof *entries, compare_entries);
    return entries;
}

/* True if keys with the prefix `start` may match. */
static bool may_hold(const struct walk *walk, struct str start)
{
    bool on_prefix = str_starts(start, walk->prefix) || str_starts(walk->prefix, start);
    bool before = str_cmp(start, walk->after) < 0 && !str_starts(walk->after, start);
    bool skipped = walk->skip.n && str_starts(start, walk->skip);
    return on_prefix && !before && !skipped;
}

static bool store_walk_is_wanted(const struct walk *walk, struct str key)
{
    return str_starts(key, walk->prefix) && (!walk->after.n || str_cmp(key, walk->after) > 0) &&
           !(walk->skip.n && str_starts(key, walk->skip));
}

/* Lists a directory; `path` and `key` are restored at the end. */
static bool walk_dir(struct walk *walk, struct buf *path, struct buf *key)
{
    size_t n, path_n = path->n, key_n = key->n;
    struct entry *entries = read_entries(walk, path->p, &n);
    bool go_on = !walk->failed;
    for (size_t i = 0; i < n; i++) {
        struct entry *entry = &entries[i];
        buf_add_str(key, entry->part);
        if (!go_on) {
            /* only frees the remaining entries */
        } else if (entry->kind == KEYPATH_FILE) {
            if (store_walk_is_wanted(walk, buf_str(key)))
                go_on = walk->found(walk->ctx, walk, buf_str(key)) && !walk->failed;
        } else if (may_hold(walk, buf_str(key))) {
            buf_addf(path, "/%s", entry->name);
            go_on = walk_dir(walk, path, key);
            path->n = path_n;
            path->p[path_n] = '\0';
        }
        key->n = key_n;
        free(entry->name);
        free((void *)(uintptr_t)entry->part.p);
    }
    free(entries);
    return go_on;
}

enum store_result store_walk(struct s3_store *store, struct str bucket, struct walk *walk)
{
    AUTO_BUF struct buf path = BUF_INIT;
    AUTO_BUF struct buf key = BUF_INIT;
    buf_addf(&path, "%s/%.*s/objects", store->root, STR_ARG(bucket));
    walk_dir(walk, &path, &key);
    return walk->failed ? STORE_FAILED : STORE_OK;
}

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
