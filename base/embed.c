#include "base/embed.h"

#include "base/mem.h"

#include <assert.h>
#include <pthread.h>
#include <zlib.h>

/* Made at build time: tools/embed writes build/embedded.S from the list of files. */
extern const struct embedded_file embedded_table[];
extern const uint64_t embedded_count;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char **texts; /* by number; NULL: not unpacked yet */

const struct embedded_file *embedded_under(struct str prefix, size_t *n)
{
    size_t first = 0, count = (size_t)embedded_count;
    while (first < count && !str_starts(embedded_table[first].path, prefix))
        first++;
    size_t end = first;
    while (end < count && str_starts(embedded_table[end].path, prefix))
        end++;
    *n = end - first;
    return embedded_table + first;
}

const struct embedded_file *embedded_find(struct str path)
{
    size_t n;
    const struct embedded_file *at = embedded_under(path, &n);
    return n && str_eq(at->path, path) ? at : NULL;
}

static char *unpack(const struct embedded_file *file)
{
    enum { GZIP = 16 };
    char *text = mem_alloc((size_t)file->size + 1);
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)file->packed.p,
        .avail_in = (uInt)file->packed.n,
        .next_out = (unsigned char *)text,
        .avail_out = (uInt)file->size + 1}; /* one more than needed, so that the end is seen */
    int status = inflateInit2(&stream, MAX_WBITS + GZIP);
    if (status == Z_OK)
        status = inflate(&stream, Z_FINISH);
    assert(status == Z_STREAM_END && stream.total_out == file->size);
    inflateEnd(&stream);
    text[file->size] = '\0';
    return text;
}

struct str embedded_text(const struct embedded_file *file)
{
    pthread_mutex_lock(&lock);
    if (!texts)
        texts = mem_zalloc((size_t)embedded_count * sizeof *texts);
    if (!texts[file->number])
        texts[file->number] = unpack(file);
    const char *text = texts[file->number];
    pthread_mutex_unlock(&lock);
    return str_n(text, (size_t)file->size);
}
