/* SHA-256 of files with a cache: see digests.h. */
#include "base/digests.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/threads.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static const char magic[8] = "weirdig1";

enum {
    BLOCK = 128 * 1024,
    TRIES = 3,
    KEEP_DAYS = 30,
    MAX_BYTES = 128 * 1024 * 1024,
    FINE_MS = 20,    /* resolution of file times, with a margin … */
    COARSE_MS = 2000 /* … and that of file systems with whole seconds */
};

/* An entry as in the file, in the machine's byte order. */
struct entry {
    struct file_id id;
    unsigned char sha256[SHA256_SIZE];
    uint64_t day; /* of its last use */
};

struct digests {
    char *path;
    pthread_mutex_t lock;
    bool loaded, changed;
    uint64_t today;
    struct entry *entries;
    size_t n, cap;
    uint32_t *slots; /* open addressing: index of an entry + 1, 0: free */
    size_t slot_count;
};

static int64_t nanoseconds(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

struct file_id file_id_of(const struct stat *st)
{
    return (struct file_id){.device = st->st_dev,
        .inode = st->st_ino,
        .size = st->st_size,
        .modified_ns = nanoseconds(st->st_mtim),
        .changed_ns = nanoseconds(st->st_ctim)};
}

bool file_id_equal(const struct file_id *a, const struct file_id *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->modified_ns == b->modified_ns && a->changed_ns == b->changed_ns;
}

struct digests *digests_new(const char *work_dir)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct digests *d = mem_zalloc(sizeof *d);
    if (work_dir)
        d->path = mem_strdup(path_join(&scratch, str_z(work_dir), STR("cache/digests")).p);
    d->today = (uint64_t)(clock_wall_ms() / (24 * 3600 * 1000));
    pthread_mutex_init(&d->lock, NULL);
    return d;
}

/* ---- the table; with the lock held ---- */

/* Returns the slot of the file's entry, or the free slot for it. */
static uint32_t *slot_of(struct digests *d, const struct file_id *id)
{
    uint64_t hash = (id->inode ^ id->device << 40) * UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = (size_t)(hash >> 20) % d->slot_count;; i = (i + 1) % d->slot_count) {
        const struct entry *entry = d->slots[i] ? &d->entries[d->slots[i] - 1] : NULL;
        if (!entry || (entry->id.inode == id->inode && entry->id.device == id->device))
            return &d->slots[i];
    }
}

static void digests_grow(struct digests *d, size_t need)
{
    MEM_GROW(d->entries, d->cap, need);
    if (need * 2 <= d->slot_count)
        return;
    d->slot_count = d->cap * 4;
    free(d->slots);
    d->slots = mem_zalloc(d->slot_count * sizeof *d->slots);
    for (size_t i = 0; i < d->n; i++)
        *slot_of(d, &d->entries[i].id) = (uint32_t)i + 1;
}

static void digests_put(struct digests *d, const struct entry *entry)
{
    digests_grow(d, d->n + 1);
    uint32_t *slot = slot_of(d, &entry->id);
    if (!*slot)
        *slot = (uint32_t)++d->n;
    d->entries[*slot - 1] = *entry;
}

/* ---- the cache file: magic, entries, CRC of both ---- */

static void digests_load(struct digests *d)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct str text;
    uint64_t crc;
    d->loaded = true;
    if (!d->path || !path_exists(d->path) || file_read(&arena, d->path, MAX_BYTES, &text, ERR_IGNORED) ||
        text.n < sizeof magic + sizeof crc ||
        (text.n - sizeof magic - sizeof crc) % sizeof(struct entry) != 0)
        return;
    memcpy(&crc, text.p + text.n - sizeof crc, sizeof crc);
    if (memcmp(text.p, magic, sizeof magic) != 0 || crc != crc64_update(0, text.p, text.n - sizeof crc))
        return;
    size_t count = (text.n - sizeof magic - sizeof crc) / sizeof(struct entry);
    digests_grow(d, count);
    for (size_t i = 0; i < count; i++) {
        struct entry entry;
        memcpy(&entry, text.p + sizeof magic + i * sizeof entry, sizeof entry);
        digests_put(d, &entry);
    }
}

static void save(struct digests *d)
{
    AUTO_BUF struct buf out = BUF_INIT;
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    buf_add(&out, magic, sizeof magic);
    for (size_t i = 0; i < d->n && out.n < MAX_BYTES - 2 * sizeof(struct entry); i++)
        if (d->entries[i].day + KEEP_DAYS >= d->today)
            buf_add(&out, &d->entries[i], sizeof d->entries[i]);
    uint64_t crc = crc64_update(0, out.p, out.n);
    buf_add(&out, &crc, sizeof crc);
    struct str dir = path_dir(str_z(d->path));
    if (dir_make_private(arena_strz(&scratch, path_dir(dir)), ERR_IGNORED) == 0 &&
        dir_make_private(arena_strz(&scratch, dir), ERR_IGNORED) == 0)
        file_write_atomic(d->path, buf_str(&out), 0600, ERR_IGNORED);
}

void digests_free(struct digests *d)
{
    if (!d)
        return;
    if (d->changed && d->path)
        save(d);
    pthread_mutex_destroy(&d->lock);
    free(d->entries);
    free(d->slots);
    free(d->path);
    free(d);
}

/* ---- lookups ---- */

bool digests_find(struct digests *d, const struct file_id *id, unsigned char sha256[SHA256_SIZE])
{
    if (!d)
        return false;
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&d->lock);
    if (!d->loaded)
        digests_load(d);
    uint32_t slot = d->n ? *slot_of(d, id) : 0;
    struct entry *entry = slot ? &d->entries[slot - 1] : NULL;
    bool found = entry && file_id_equal(&entry->id, id);
    if (found) {
        memcpy(sha256, entry->sha256, SHA256_SIZE);
        d->changed |= entry->day + KEEP_DAYS / 2 < d->today; /* so that it does not expire while in use */
        entry->day = d->today;
    }
    return found;
}

static bool digests_settled(const struct file_id *id, int64_t read_ms)
{
    int64_t last_ns = id->modified_ns > id->changed_ns ? id->modified_ns : id->changed_ns;
    int64_t margin_ms = id->changed_ns % 1000000000 ? FINE_MS : COARSE_MS;
    return read_ms > last_ns / 1000000 + margin_ms;
}

void digests_remember(
    struct digests *d, const struct file_id *id, int64_t read_ms, const unsigned char sha256[SHA256_SIZE])
{
    if (!d || !digests_settled(id, read_ms))
        return;
    struct entry entry = {.id = *id, .day = d->today};
    memcpy(entry.sha256, sha256, SHA256_SIZE);
    AUTO_UNLOCK pthread_mutex_t *held = mutex_hold(&d->lock);
    if (!d->loaded)
        digests_load(d);
    digests_put(d, &entry);
    d->changed = true;
}

static int hash_all(int fd, const char *name, unsigned char sha256[SHA256_SIZE], struct err *err)
{
    char block[BLOCK];
    struct sha256 *sha = sha256_new();
    ssize_t n;
    int64_t at = 0;
    while ((n = pread(fd, block, sizeof block, at)) > 0 || (n < 0 && errno == EINTR)) {
        if (n <= 0)
            continue;
        sha256_update(sha, block, (size_t)n);
        at += n;
    }
    int result = n < 0 ? err_errno(err, ERR_IO, "cannot read \"%s\"", name) : 0;
    sha256_final(sha, sha256);
    return result;
}

int digests_of_file(struct digests *d, int fd, const char *name, struct file_id *id,
    unsigned char sha256[SHA256_SIZE], struct err *err)
{
    struct stat st;
    for (int tries = 0; tries < TRIES; tries++) {
        if (fstat(fd, &st))
            return err_errno(err, ERR_IO, "cannot read \"%s\"", name);
        *id = file_id_of(&st);
        if (digests_find(d, id, sha256))
            return 0;
        int64_t began_ms = clock_wall_ms();
        if (hash_all(fd, name, sha256, err))
            return -1;
        if (fstat(fd, &st))
            return err_errno(err, ERR_IO, "cannot read \"%s\"", name);
        struct file_id after = file_id_of(&st);
        if (file_id_equal(id, &after)) {
            digests_remember(d, id, began_ms, sha256);
            return 0;
        }
    }
    err_set(err, ERR_IO, "\"%s\" changes while it is read", name);
    return err_hint(err, "let whatever writes it finish first");
}
