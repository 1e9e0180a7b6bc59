/* Keys in order, straight from the directories: nothing is indexed, so nothing has to be rebuilt or kept in
 * memory. */
#include "base/mem.h"
#include "sandbox/s3/keypath.h"
#include "sandbox/s3/store_internal.h"

#include "base/file.h"
#include <errno.h>
#include <stdlib.h>

struct entry {
    char *name;      /* on disk */
    struct str part; /* what it adds to the key; owned */
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

/* Can a key that begins with `start` be among those wanted? */
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

/* path and key are those of the directory; both are left as they were. */
static bool walk_dir(struct walk *walk, struct buf *path, struct buf *key)
{
    size_t n, path_n = path->n, key_n = key->n;
    struct entry *entries = read_entries(walk, path->p, &n);
    bool go_on = !walk->failed;
    for (size_t i = 0; i < n; i++) {
        struct entry *entry = &entries[i];
        buf_add_str(key, entry->part);
        if (!go_on) {
            /* only frees what is left */
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
