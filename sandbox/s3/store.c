/* The S3 store: paths, locks and files: see store.h. */
#include "sandbox/s3/store.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/system.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAIL_MAGIC "WEIROBJ\n"
enum {
    TAIL = 16,
    TAIL_GUESS = 4096,
    MAX_TAIL = 64 << 20,
    TMP_FOLDERS = 32, /* creating a file locks its folder, so writers use several folders */
};

/* ---- directories ---- */

int store_sync_dir(const struct s3_store *store, struct str dir)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    if (!store->durable)
        return 0;
    AUTO_FD int fd = open(arena_strz(&scratch, dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -1 : system_sync(fd);
}

int store_make_dirs(const struct s3_store *store, const char *dir)
{
    if (!mkdir(dir, 0700))
        return store_sync_dir(store, path_dir(str_z(dir)));
    if (errno == EEXIST)
        return 0;
    if (errno != ENOENT)
        return -1;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    if (store_make_dirs(store, arena_strz(&scratch, path_dir(str_z(dir)))))
        return -1;
    if (mkdir(dir, 0700) && errno != EEXIST)
        return -1;
    return store_sync_dir(store, path_dir(str_z(dir)));
}

void store_prune(const char *path, const char *stop)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str dir = path_dir(str_z(path));
    while (dir.n > strlen(stop) && str_starts(dir, str_z(stop))) {
        if (rmdir(arena_strz(&scratch, dir)))
            return;
        dir = path_dir(dir);
    }
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

bool store_is_absent(int error)
{
    return error == ENOENT || error == ENOTDIR;
}

const struct value *store_names(struct arena *arena, const char *path)
{
    char **names = NULL;
    size_t n = 0, cap = 0;
    AUTO_DIR DIR *dir = opendir(path);
    if (!dir && !store_is_absent(errno))
        return NULL;
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        if (entry->d_name[0] == '.')
            continue;
        MEM_GROW(names, cap, n + 1);
        names[n++] = mem_strdup(entry->d_name);
    }
    if (n)
        qsort(names, n, sizeof *names, compare_names);
    AUTO_BUILDER struct value_builder list = VALUE_BUILDER(arena);
    for (size_t i = 0; i < n; i++) {
        value_builder_add(&list, value_stringz(arena, names[i]));
        free(names[i]);
    }
    free(names);
    return value_builder_list(&list);
}

/* ---- paths and locks ---- */

struct str store_path(
    struct arena *arena, const struct s3_store *store, struct str bucket, const char *area, struct str key)
{
    AUTO_BUF struct buf path = BUF_INIT;
    buf_addf(&path, "%s/%.*s", store->root, STR_ARG(bucket));
    if (*area)
        buf_addf(&path, "/%s", area);
    if (key.p) {
        buf_add_char(&path, '/');
        keypath_add(&path, key);
    }
    return path.n < PATH_MAX - 64 ? arena_str(arena, buf_str(&path)) : STR_EMPTY;
}

pthread_rwlock_t *store_bucket_lock(struct s3_store *store, struct str bucket)
{
    return &store->buckets[str_hash(bucket) % BUCKET_LOCKS];
}

pthread_rwlock_t *store_upload_lock(struct s3_store *store, struct str id)
{
    return &store->uploads[str_hash(id) % UPLOAD_LOCKS];
}

pthread_mutex_t *store_key_lock(struct s3_store *store, struct str bucket, struct str key)
{
    return &store->keys[(str_hash(bucket) * 31 + str_hash(key)) % KEY_LOCKS];
}

void store_new_sort(struct s3_store *store, int64_t now_ms, char out[33])
{
    uint64_t count = atomic_fetch_add(&store->counter, 1) & 0xfffff, random;
    uint64_t order = UINT64_MAX - (((uint64_t)now_ms << 20) | count);
    hash_random(&random, sizeof random);
    snprintf(out, 33, "%016llx%016llx", (unsigned long long)order, (unsigned long long)random);
}

/* ---- files ---- */

int store_write_begin(struct s3_store *store, struct pending *out)
{
    uint64_t random;
    hash_random(&random, sizeof random);
    snprintf(out->path, sizeof out->path, "%s/%02x/%016llx", store->tmp, (unsigned)(random % TMP_FOLDERS),
        (unsigned long long)random);
    out->fd = open(out->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return out->fd < 0 ? -1 : 0;
}

void store_write_cancel(struct pending *pending)
{
    if (pending->fd < 0)
        return;
    close(pending->fd);
    unlink(pending->path);
    pending->fd = -1;
}

int store_write_tail(struct s3_store *store, struct pending *pending, const struct value *doc)
{
    AUTO_BUF struct buf tail = BUF_INIT;
    json_write(&tail, doc, JSON_PLAIN);
    buf_addf(&tail, "%08zx" TAIL_MAGIC, tail.n);
    if (lseek(pending->fd, 0, SEEK_END) < 0 || fd_write_all(pending->fd, tail.p, tail.n, NULL, pending->path))
        return -1;
    return store->durable ? system_sync_data(pending->fd) : 0;
}

/* Reads the n bytes before `end`. */
static bool read_before(int fd, int64_t end, char *out, size_t n)
{
    for (size_t done = 0; done < n;) {
        ssize_t got = pread(fd, out + done, n - done, end - (int64_t)n + (int64_t)done);
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

const struct value *store_read_tail(struct arena *arena, int fd)
{
    struct stat st;
    char guess[TAIL_GUESS + 1];
    if (fstat(fd, &st) || st.st_size < TAIL)
        return NULL;
    size_t n = st.st_size < TAIL_GUESS ? (size_t)st.st_size : TAIL_GUESS;
    if (!read_before(fd, st.st_size, guess, n) || memcmp(guess + n - 8, TAIL_MAGIC, 8) != 0)
        return NULL;
    guess[n - 8] = '\0';
    char *end;
    size_t length = strtoul(guess + n - TAIL, &end, 16);
    if (*end || length > MAX_TAIL || (int64_t)length > st.st_size - TAIL)
        return NULL;
    struct str text = str_n(guess + n - TAIL - (length <= n - TAIL ? length : 0), length);
    if (length > n - TAIL) {
        char *all = arena_alloc(arena, length);
        if (!read_before(fd, st.st_size - TAIL, all, length))
            return NULL;
        text.p = all;
    }
    const struct value *doc;
    return json_parse(arena, text, &doc, ERR_IGNORED) ? NULL : doc;
}

int store_rename(struct s3_store *store, struct pending *pending, const char *path)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str dir = path_dir(str_z(path));
    int rc = -1;
    /* a directory may be pruned as empty between its creation and the rename */
    for (int tries = 0; rc && tries < 100; tries++) {
        if (store_make_dirs(store, arena_strz(&scratch, dir)))
            return -1;
        rc = rename(pending->path, path);
        if (rc && errno != ENOENT)
            return -1;
    }
    if (rc)
        return -1;
    close(pending->fd);
    pending->fd = -1;
    return store_sync_dir(store, dir);
}

int store_write_file(struct s3_store *store, const char *path, struct str text)
{
    struct pending pending = {.fd = -1};
    if (store_write_begin(store, &pending))
        return -1;
    int rc = fd_write_all(pending.fd, text.p, text.n, NULL, pending.path);
    if (!rc && store->durable)
        rc = system_sync_data(pending.fd);
    if (!rc)
        rc = store_rename(store, &pending, path);
    store_write_cancel(&pending);
    return rc;
}

/* ---- open and close ---- */

int store_open(const char *dir, bool durable, struct s3_store **out, struct err *err)
{
    struct s3_store *store = mem_zalloc(sizeof *store);
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    store->root = mem_strdup(path_join(&scratch, str_z(dir), STR("s3")).p);
    store->tmp = mem_strdup(path_join(&scratch, str_z(dir), STR("tmp")).p);
    store->durable = durable;
    for (int i = 0; i < KEY_LOCKS; i++)
        pthread_mutex_init(&store->keys[i], NULL);
    for (int i = 0; i < BUCKET_LOCKS; i++)
        pthread_rwlock_init(&store->buckets[i], NULL);
    for (int i = 0; i < UPLOAD_LOCKS; i++)
        pthread_rwlock_init(&store->uploads[i], NULL);
    if (strlen(store->tmp) > sizeof(struct pending) - 64) {
        err_set(err, ERR_INVALID, "the path of the sandbox's directory is too long");
        goto fail;
    }
    if (path_exists(store->tmp)) /* left by a killed process */
        tree_remove(store->tmp);
    if (dir_make(store->root, err))
        goto fail;
    for (unsigned i = 0; i < TMP_FOLDERS; i++)
        if (dir_make(arena_printf(&scratch, "%s/%02x", store->tmp, i).p, err))
            goto fail;
    *out = store;
    return 0;
fail:
    store_close(store);
    return -1;
}

void store_close(struct s3_store *store)
{
    if (!store)
        return;
    for (int i = 0; i < KEY_LOCKS; i++)
        pthread_mutex_destroy(&store->keys[i]);
    for (int i = 0; i < BUCKET_LOCKS; i++)
        pthread_rwlock_destroy(&store->buckets[i]);
    for (int i = 0; i < UPLOAD_LOCKS; i++)
        pthread_rwlock_destroy(&store->uploads[i]);
    free(store->root);
    free(store->tmp);
    free(store);
}
