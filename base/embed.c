/* Files embedded in the binary at build time: see embed.h. */
#include "base/embed.h"

#include "base/buf.h"
#include "base/mem.h"

#include <assert.h>
#include <pthread.h>
#include <zstd.h>

struct embedded_pack {
    struct str packed;
    uint64_t size; /* unpacked */
};

/* Generated at build time: tools/embed writes build/embedded.S from the list of files. */
extern const struct embedded_file embedded_table[];
extern const uint64_t embedded_count;
extern const struct embedded_pack embedded_packs[];

enum { MAX_PACKS = 64 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *texts[MAX_PACKS]; /* NULL: not yet unpacked */

/* Returns the index of the first file whose path is not less than this one. */
static size_t embedded_from(struct str path)
{
    size_t low = 0, high = (size_t)embedded_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_cmp(embedded_table[middle].path, path) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct embedded_file *embedded_under(struct str prefix, size_t *n)
{
    size_t first = embedded_from(prefix), end = first;
    while (end < embedded_count && str_starts(embedded_table[end].path, prefix))
        end++;
    *n = end - first;
    return embedded_table + first;
}

const struct embedded_file *embedded_find(struct str path)
{
    size_t at = embedded_from(path);
    return at < embedded_count && str_eq(embedded_table[at].path, path) ? embedded_table + at : NULL;
}

static char *unpack(const struct embedded_pack *pack)
{
    char *text = mem_alloc((size_t)pack->size);
    size_t size = ZSTD_decompress(text, (size_t)pack->size, pack->packed.p, pack->packed.n);
    assert(size == pack->size);
    (void)size;
    return text;
}

struct str embedded_text(const struct embedded_file *file)
{
    assert(file->pack < MAX_PACKS);
    pthread_mutex_lock(&lock);
    if (!texts[file->pack])
        texts[file->pack] = unpack(&embedded_packs[file->pack]);
    const char *text = texts[file->pack] + file->at;
    pthread_mutex_unlock(&lock);
    return str_n(text, (size_t)file->size);
}

struct str embedded_filled(struct arena *arena, const char *path, const struct embedded_part *parts, size_t n)
{
    AUTO_BUF struct buf out = BUF_INIT;
    struct str rest = embedded_text(embedded_find(str_z(path))), before, name;
    while (str_take_name(&rest, "@{", &before, &name)) {
        buf_add_str(&out, before);
        for (size_t i = 0; i < n; i++)
            if (str_eqz(name, parts[i].name))
                buf_add_str(&out, parts[i].text);
    }
    buf_add_str(&out, rest);
    return arena_str(arena, buf_str(&out));
}

struct str embedded_line(const char *path, struct str words)
{
    const struct embedded_file *file = embedded_find(str_z(path));
    struct str text = file ? embedded_text(file) : STR_EMPTY;
    while (text.n) {
        struct str line = str_cut(text, '\n', &text);
        if (line.n > words.n && line.p[words.n] == ' ' && str_starts(line, words))
            return str_slice(line, words.n + 1, line.n);
    }
    return STR_EMPTY;
}
