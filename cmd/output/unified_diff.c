/* Two texts as a unified diff, by their longest common subsequence: see render.h. */
#include "cmd/output/render.h"

#include "base/mem.h"
#include "cmd/terminal/term.h"

#include <stdint.h>

/* ---- The longest common subsequence of two sequences, for showing what was added and removed ---- */

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

/* ---- Lines, and hunks of them ---- */

enum { CONTEXT = 3 };

struct side {
    struct str *lines;
    size_t n, cap;
    bool ends_open; /* no newline at the end */
};

struct pair {
    struct side before, after;
};

static struct side cut(struct str text)
{
    struct side side = {.ends_open = text.n && text.p[text.n - 1] != '\n'};
    while (text.n) {
        MEM_GROW(side.lines, side.cap, side.n + 1);
        side.lines[side.n++] = str_cut(text, '\n', &text);
    }
    return side;
}

static bool is_open(const struct side *side, size_t i)
{
    return side->ends_open && i + 1 == side->n;
}

static bool lines_equal(void *ctx, size_t i, size_t j)
{
    const struct pair *p = ctx;
    return str_eq(p->before.lines[i], p->after.lines[j]) && is_open(&p->before, i) == is_open(&p->after, j);
}

static void unified_diff_add_line(struct buf *out, bool color, char sign, const struct side *side, size_t i)
{
    enum style style = sign == '-' ? STYLE_RED : sign == '+' ? STYLE_GREEN : STYLE_PLAIN;
    style_on(out, color, style);
    buf_add_char(out, sign);
    text_add_safe(out, side->lines[i], false);
    style_off(out, color, style);
    buf_addz(out, is_open(side, i) ? "\n\\ No newline at end of file\n" : "\n");
}

/* Where the hunk ends that begins at `from`: after its last change and the lines around it. */
static size_t hunk_end(const enum edit *script, size_t n, size_t from)
{
    size_t end = from, kept = 0;
    for (size_t k = from; k < n && kept <= 2 * CONTEXT; k++) {
        kept = script[k] == EDIT_KEEP ? kept + 1 : 0;
        if (!kept)
            end = k + 1;
    }
    return end + CONTEXT < n ? end + CONTEXT : n;
}

/* i, j: lines before the hunk. */
static void add_hunk(
    const struct pair *p, const enum edit *script, size_t n, size_t i, size_t j, bool color, struct buf *out)
{
    size_t old = 0, new = 0;
    for (size_t k = 0; k < n; k++) {
        old += script[k] != EDIT_ADD;
        new += script[k] != EDIT_REMOVE;
    }
    style_on(out, color, STYLE_CYAN);
    buf_addf(out, "@@ -%zu,%zu +%zu,%zu @@", old ? i + 1 : i, old, new ? j + 1 : j, new);
    style_off(out, color, STYLE_CYAN);
    buf_add_char(out, '\n');
    for (size_t k = 0; k < n; k++) {
        bool added = script[k] == EDIT_ADD, removed = script[k] == EDIT_REMOVE;
        unified_diff_add_line(out, color,
            added     ? '+'
            : removed ? '-'
                      : ' ',
            added ? &p->after : &p->before, added ? j : i);
        i += !added;
        j += !removed;
    }
}

static void add_hunks(const struct pair *p, const enum edit *script, size_t n, bool color, struct buf *out)
{
    size_t i = 0, j = 0, at = 0; /* what has been passed */
    while (at < n) {
        size_t change = at;
        while (change < n && script[change] == EDIT_KEEP)
            change++;
        if (change == n)
            return;
        size_t from = change > at + CONTEXT ? change - CONTEXT : at, end = hunk_end(script, n, change);
        i += from - at;
        j += from - at;
        add_hunk(p, script + from, end - from, i, j, color, out);
        for (at = from; at < end; at++) {
            i += script[at] != EDIT_ADD;
            j += script[at] != EDIT_REMOVE;
        }
    }
}

void unified_diff(struct str name, struct str before, struct str after, bool color, struct buf *out)
{
    if (str_eq(before, after))
        return;
    struct pair p = {cut(before), cut(after)};
    AUTO_FREE enum edit *script = mem_alloc((p.before.n + p.after.n + 1) * sizeof *script);
    size_t n = lcs_edits(p.before.n, p.after.n, lines_equal, &p, script);
    for (int side = 0; side < 2; side++) {
        buf_addz(out, side ? "+++ " : "--- ");
        text_add_safe(out, name, false);
        buf_add_char(out, '\n');
    }
    add_hunks(&p, script, n, color, out);
    mem_free_ptr(&p.before.lines);
    mem_free_ptr(&p.after.lines);
}
