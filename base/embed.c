#include "base/embed.h"

/* Made at build time: tools/embed writes build/embedded.S from the list of files. */
extern const struct embedded_file embedded_table[];
extern const uint64_t embedded_count;

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
