/* The longest common subsequence of two sequences, for showing what was added and removed: see lcs.h. */
#include "cmd/output/lcs.h"

#include "base/mem.h"

#include <stdint.h>

enum { CELLS_MAX = 1024 * 1024 };

struct middle {
    size_t start, n, m; /* what is left between the equal head and the equal tail */
};

/* table[i * (m + 1) + j]: length for the items from i and j on. */
static uint32_t *lengths(const struct middle *mid, bool (*equal)(void *, size_t, size_t), void *ctx)
{
    size_t width = mid->m + 1;
    uint32_t *table = mem_zalloc((mid->n + 1) * width * sizeof *table);
    for (size_t i = mid->n; i-- > 0;)
        for (size_t j = mid->m; j-- > 0;) {
            uint32_t right = table[i * width + j + 1], down = table[(i + 1) * width + j];
            if (equal(ctx, mid->start + i, mid->start + j))
                table[i * width + j] = table[(i + 1) * width + j + 1] + 1;
            else
                table[i * width + j] = right > down ? right : down;
        }
    return table;
}

static size_t middle_edits(
    const struct middle *mid, bool (*equal)(void *, size_t, size_t), void *ctx, enum edit *script)
{
    size_t k = 0, i = 0, j = 0, width = mid->m + 1;
    AUTO_FREE uint32_t *table = NULL;
    if (mid->n && mid->m && mid->n * mid->m <= CELLS_MAX)
        table = lengths(mid, equal, ctx);
    while (table && i < mid->n && j < mid->m) {
        if (equal(ctx, mid->start + i, mid->start + j)) {
            script[k++] = EDIT_KEEP;
            i++, j++;
        } else if (table[(i + 1) * width + j] >= table[i * width + j + 1]) {
            script[k++] = EDIT_REMOVE;
            i++;
        } else {
            script[k++] = EDIT_ADD;
            j++;
        }
    }
    for (; i < mid->n; i++)
        script[k++] = EDIT_REMOVE;
    for (; j < mid->m; j++)
        script[k++] = EDIT_ADD;
    return k;
}

size_t lcs_edits(
    size_t n, size_t m, bool (*equal)(void *ctx, size_t i, size_t j), void *ctx, enum edit *script)
{
    size_t head = 0, tail = 0, k = 0;
    while (head < n && head < m && equal(ctx, head, head))
        head++;
    while (tail < n - head && tail < m - head && equal(ctx, n - 1 - tail, m - 1 - tail))
        tail++;
    for (; k < head; k++)
        script[k] = EDIT_KEEP;
    struct middle mid = {head, n - head - tail, m - head - tail};
    k += middle_edits(&mid, equal, ctx, script + k);
    for (size_t i = 0; i < tail; i++)
        script[k++] = EDIT_KEEP;
    return k;
}
