/* Objects: reading, replacing, deleting, versions, tags. */
#include "base/clock.h"
#include "base/file.h"
#include "base/json.h"
#include "sandbox/s3/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static const struct str no_key = {NULL, 0};

/* ---- reading ---- */

enum { DAMAGED = EBADMSG, SORT_SIZE = 32 };

bool store_cannot_read(enum store_result result)
{
    return result == STORE_FAILED && errno != DAMAGED;
}

static void store_object_fill(struct object *out, const struct value *doc)
{
    *out = (struct object){.doc = doc,
        .etag = value_gets(doc, "etag"),
        .version = value_gets(doc, "version"),
        .sort = value_gets(doc, "sort"),
        .size = value_geti(doc, "size", 0),
        .modified_ms = value_geti(doc, "modified", 0),
        .deleted = value_getz(doc, "deleted") != NULL,
        .fd = -1};
}

static enum store_result read_path(struct arena *arena, const char *path, bool keep_fd, struct object *out)
{
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return store_is_absent(errno) ? STORE_NO_KEY : errno == ENAMETOOLONG ? STORE_TOO_LONG : STORE_FAILED;
    const struct value *doc = store_read_tail(arena, fd);
    if (!doc) {
        errno = DAMAGED;
        return STORE_FAILED;
    }
    store_object_fill(out, doc);
    if (keep_fd) {
        out->fd = fd;
        fd = -1;
    }
    return STORE_OK;
}

/* Returns the path of a version: "SORT", or "SORT-null" for the null version. */
static struct str version_path(struct arena *arena, struct str dir, const struct object *object)
{
    return arena_printf(arena, "%.*s/%.*s%s", STR_ARG(dir), STR_ARG(object->sort),
        str_eqz(object->version, "null") ? "-null" : "");
}

/* Finds the file of an older version; its name is the version id. */
static enum store_result find_version(
    struct arena *arena, struct str dir, struct str version, struct str *path)
{
    bool null = str_eqz(version, "null");
    if (!null && !(version.n == SORT_SIZE && str_is_made_of(version, CHARS_HEX)))
        return STORE_NO_VERSION;
    const struct value *names = null ? store_names(arena, dir.p) : &value_empty_list;
    for (uint32_t i = 0; names && i < names->count; i++)
        if (str_ends(names->items[i]->string, STR("-null")))
            version = names->items[i]->string;
    *path = arena_printf(arena, "%.*s/%.*s", STR_ARG(dir), STR_ARG(version));
    return !names ? STORE_FAILED : path_exists(path->p) ? STORE_OK : STORE_NO_VERSION;
}

enum store_result store_object_read(struct arena *arena, struct s3_store *store, struct str bucket,
    struct str key, struct str version, bool keep_fd, struct object *out)
{
    struct str path = store_path(arena, store, bucket, "objects", key);
    if (!store_bucket_exists(store, bucket))
        return STORE_NO_BUCKET;
    if (!path.n)
        return STORE_TOO_LONG;
    enum store_result result = read_path(arena, path.p, keep_fd, out);
    if (!version.n || (result == STORE_OK && str_eq(out->version, version)))
        return result;
    if (result == STORE_OK)
        fd_close_ptr(&out->fd);
    result = find_version(arena, store_path(arena, store, bucket, "versions", key), version, &path);
    return result == STORE_OK ? read_path(arena, path.p, keep_fd, out) : result;
}

enum store_result store_versions(struct arena *arena, struct s3_store *store, struct str bucket,
    struct str key, struct str current_sort, version_fn *fn, void *ctx)
{
    struct str dir = store_path(arena, store, bucket, "versions", key);
    const struct value *names = store_names(arena, dir.p);
    for (uint32_t i = 0; names && i < names->count; i++) {
        struct object object;
        struct str name = names->items[i]->string;
        if (str_starts(name, current_sort)) /* a link of the current version, left by a killed process */
            continue;
        struct str path = arena_printf(arena, "%.*s/%.*s", STR_ARG(dir), STR_ARG(name));
        enum store_result result = read_path(arena, path.p, false, &object);
        if (store_cannot_read(result))
            return STORE_FAILED;
        if (result == STORE_OK && !fn(ctx, &object))
            return STORE_OK;
    }
    return names ? STORE_OK : STORE_FAILED;
}

/* ---- changing ---- */

/* Removes the parts and tags of an object whose file was removed or replaced. */
static void discard(struct s3_store *store, struct str bucket, struct str key, const struct object *object)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str upload = value_gets(object->doc, "upload");
    if (upload.n)
        store_upload_remove(store, bucket, upload);
    struct str dir = store_path(&scratch, store, bucket, "tags", key);
    struct str path = arena_printf(&scratch, "%.*s/%.*s", STR_ARG(dir), STR_ARG(object->sort));
    if (!unlink(path.p))
        store_prune(path.p, store_path(&scratch, store, bucket, "tags", no_key).p);
}

static int remove_file(struct s3_store *store, struct str bucket, const char *area, const char *path)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    if (unlink(path))
        return -1;
    int rc = store_sync_dir(store, path_dir(str_z(path)));
    store_prune(path, store_path(&scratch, store, bucket, area, no_key).p);
    return rc;
}

/* Links the current object's file as an older version before it is replaced. */
static int keep_version(
    struct s3_store *store, struct str bucket, struct str key, const struct object *current)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str from = store_path(&scratch, store, bucket, "objects", key);
    struct str dir = store_path(&scratch, store, bucket, "versions", key);
    struct str to = version_path(&scratch, dir, current);
    int rc = -1;
    for (int tries = 0; rc && tries < 100; tries++) {
        if (store_make_dirs(store, dir.p))
            return -1;
        rc = link(from.p, to.p);
        if (rc && errno == EEXIST)
            rc = 0;
        if (rc && errno != ENOENT)
            return -1;
    }
    return rc ? -1 : store_sync_dir(store, dir);
}

/* Removes the older null version: only one version may have the id "null". */
static int drop_old_null(struct s3_store *store, struct str bucket, struct str key)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct object old;
    struct str dir = store_path(&scratch, store, bucket, "versions", key);
    struct str path;
    enum store_result found = find_version(&scratch, dir, STR("null"), &path);
    if (found == STORE_OK)
        found = read_path(&scratch, path.p, false, &old);
    if (found != STORE_OK)
        return store_cannot_read(found) ? -1 : 0;
    int rc = remove_file(store, bucket, "versions", path.p);
    discard(store, bucket, key, &old);
    return rc;
}

static const struct value *complete_doc(
    struct arena *arena, struct s3_store *store, const struct store_change *change, const struct value *doc)
{
    char sort[33];
    int64_t now = clock_wall_ms();
    store_new_sort(store, now, sort);
    const struct value *order = value_stringz(arena, sort);
    doc = value_with(arena, doc, STR("key"), value_string(arena, change->key));
    doc = value_with(arena, doc, STR("modified"), value_int(arena, now));
    doc = value_with(arena, doc, STR("sort"), order);
    return value_with(arena, doc, STR("version"),
        change->versioning == VERSIONING_ENABLED ? order : value_string_ref(arena, STR("null")));
}

/* Called with bucket and key locked. */
static enum store_result store_object_replace(
    struct arena *arena, struct s3_store *store, const struct store_change *change, struct pending *pending)
{
    struct object current;
    struct str path = store_path(arena, store, change->bucket, "objects", change->key);
    enum store_result found = read_path(arena, path.p, false, &current);
    bool there = found == STORE_OK;
    if (found == STORE_FAILED || found == STORE_TOO_LONG)
        return found;
    if (change->check && !change->check(change->check_ctx, there && !current.deleted ? &current : NULL))
        return STORE_REFUSED;
    bool versioned = change->versioning != VERSIONING_OFF;
    bool keep = there && (change->versioning == VERSIONING_ENABLED ||
                             (versioned && !str_eqz(current.version, "null")));
    if (keep && keep_version(store, change->bucket, change->key, &current))
        return STORE_FAILED;
    if (change->versioning == VERSIONING_SUSPENDED && drop_old_null(store, change->bucket, change->key))
        return STORE_FAILED;
    if (store_rename(store, pending, path.p))
        return errno == ENAMETOOLONG ? STORE_TOO_LONG : STORE_FAILED;
    if (there && !keep)
        discard(store, change->bucket, change->key, &current);
    return STORE_OK;
}

enum store_result store_object_put(struct arena *arena, struct s3_store *store,
    const struct store_change *change, struct pending *pending, const struct value *doc, struct object *out)
{
    enum store_result result = STORE_FAILED;
    doc = complete_doc(arena, store, change, doc);
    if (!store_path(arena, store, change->bucket, "versions", change->key).n)
        result = STORE_TOO_LONG;
    else if (!store_write_tail(store, pending, doc)) {
        pthread_rwlock_t *bucket_lock = store_bucket_lock(store, change->bucket);
        pthread_mutex_t *key_lock = store_key_lock(store, change->bucket, change->key);
        pthread_rwlock_rdlock(bucket_lock);
        pthread_mutex_lock(key_lock);
        result = store_bucket_exists(store, change->bucket)
                     ? store_object_replace(arena, store, change, pending)
                     : STORE_NO_BUCKET;
        pthread_mutex_unlock(key_lock);
        pthread_rwlock_unlock(bucket_lock);
    }
    store_write_cancel(pending);
    if (result == STORE_OK)
        store_object_fill(out, doc);
    return result;
}

/* ---- deleting ---- */

/* Finds the newest older version, the one with the smallest name. A link of the current version is
 * skipped. */
static enum store_result newest_version(
    struct arena *arena, struct str path, struct str current, struct object *out, bool *found)
{
    char after[NAME_MAX + 1] = "", best[NAME_MAX + 1] = "";
    enum store_result result = STORE_FAILED;
    do {
        AUTO_DIR DIR *dir = opendir(path.p);
        if (!dir && !store_is_absent(errno))
            return STORE_FAILED;
        *best = '\0';
        for (struct dirent *entry; dir && (entry = readdir(dir));)
            if (entry->d_name[0] != '.' && strcmp(entry->d_name, after) > 0 &&
                (!*best || strcmp(entry->d_name, best) < 0) && !str_starts(str_z(entry->d_name), current))
                snprintf(best, sizeof best, "%s", entry->d_name);
        if (*best)
            result = read_path(arena, arena_printf(arena, "%.*s/%s", STR_ARG(path), best).p, false, out);
        memcpy(after, best, sizeof after);
    } while (*best && result != STORE_OK && !store_cannot_read(result)); /* damaged files are skipped */
    *found = result == STORE_OK;
    return *best && !*found ? STORE_FAILED : STORE_OK;
}

/* Removes the current version; the newest older version becomes the current one. */
static enum store_result remove_current(struct arena *arena, struct s3_store *store,
    const struct store_change *change, struct str path, const struct object *current)
{
    struct object newest;
    bool found;
    struct str dir = store_path(arena, store, change->bucket, "versions", change->key);
    struct str twin = version_path(arena, dir, current);
    unlink(twin.p); /* a link left by a killed process: see store_versions() */
    if (newest_version(arena, dir, current->sort, &newest, &found) != STORE_OK)
        return STORE_FAILED;
    int rc;
    if (found) {
        struct str from = version_path(arena, dir, &newest);
        rc = rename(from.p, path.p);
        if (!rc) {
            rc = store_sync_dir(store, path_dir(path));
            store_sync_dir(store, dir);
        }
        store_prune(from.p, store_path(arena, store, change->bucket, "versions", no_key).p);
    } else {
        rc = remove_file(store, change->bucket, "objects", path.p);
    }
    if (rc)
        return STORE_FAILED;
    discard(store, change->bucket, change->key, current);
    return STORE_OK;
}

static enum store_result remove_version(struct arena *arena, struct s3_store *store,
    const struct store_change *change, struct str version, struct object *out)
{
    struct str path = store_path(arena, store, change->bucket, "objects", change->key);
    struct object current;
    enum store_result found = read_path(arena, path.p, false, &current);
    bool there = found == STORE_OK;
    if (found == STORE_FAILED)
        return found;
    if (change->check && !change->check(change->check_ctx, there && !current.deleted ? &current : NULL))
        return STORE_REFUSED;
    if (there && (!version.n || str_eq(version, current.version))) {
        *out = current;
        return remove_current(arena, store, change, path, &current);
    }
    if (!version.n)
        return STORE_NO_KEY;
    found = find_version(
        arena, store_path(arena, store, change->bucket, "versions", change->key), version, &path);
    if (found == STORE_OK)
        found = read_path(arena, path.p, false, out);
    if (found != STORE_OK)
        return store_cannot_read(found) ? found : STORE_NO_VERSION;
    if (remove_file(store, change->bucket, "versions", path.p))
        return STORE_FAILED;
    discard(store, change->bucket, change->key, out);
    return STORE_OK;
}

static enum store_result put_marker(
    struct arena *arena, struct s3_store *store, const struct store_change *change, struct object *out)
{
    struct value_entry entry = {STR("deleted"), &value_true};
    struct pending pending = {.fd = -1};
    if (store_write_begin(store, &pending))
        return STORE_FAILED;
    return store_object_put(arena, store, change, &pending, value_map(arena, &entry, 1), out);
}

enum store_result store_object_delete(struct arena *arena, struct s3_store *store,
    const struct store_change *change, struct str version, struct object *out)
{
    *out = (struct object){.fd = -1};
    if (!store_bucket_exists(store, change->bucket))
        return STORE_NO_BUCKET;
    if (!store_path(arena, store, change->bucket, "versions", change->key).n)
        return STORE_TOO_LONG;
    if (!version.n && change->versioning != VERSIONING_OFF)
        return put_marker(arena, store, change, out);
    pthread_mutex_t *key_lock = store_key_lock(store, change->bucket, change->key);
    pthread_mutex_lock(key_lock);
    enum store_result result = remove_version(arena, store, change, version, out);
    pthread_mutex_unlock(key_lock);
    if (!version.n)
        out->version = STR_EMPTY;
    return result;
}

/* ---- tags ---- */

static struct str tags_path(struct arena *arena, const struct s3_store *store, struct str bucket,
    struct str key, const struct object *object)
{
    struct str dir = store_path(arena, store, bucket, "tags", key);
    return arena_printf(arena, "%.*s/%.*s", STR_ARG(dir), STR_ARG(object->sort));
}

enum store_result store_tags_put(struct s3_store *store, struct str bucket, struct str key,
    const struct object *object, const struct value *tags)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    AUTO_BUF struct buf text = BUF_INIT;
    json_write(&text, tags, JSON_PLAIN);
    struct str path = tags_path(&scratch, store, bucket, key, object);
    return store_write_file(store, path.p, buf_str(&text)) ? STORE_FAILED : STORE_OK;
}

const struct value *store_tags(struct arena *arena, struct s3_store *store, struct str bucket, struct str key,
    const struct object *object)
{
    struct str text, path = tags_path(arena, store, bucket, key, object);
    const struct value *tags = value_getz(object->doc, "tags");
    if (path_exists(path.p) && !file_read(arena, path.p, 1 << 20, &text, ERR_IGNORED))
        json_parse(arena, text, &tags, ERR_IGNORED);
    return tags ? tags : &value_empty_map;
}
