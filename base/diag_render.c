/* Diagnostics as people read them: the message, the line that it is about, marks below it. */
#include "base/diag.h"

#include "base/mask.h"
#include "base/str.h"

#include <stdlib.h>

enum {
    EXCERPT_WIDTH = 100, /* bytes of a long source line that are shown */
    BESIDE = 4096        /* bytes before and after an excerpt in which a secret may begin or end */
};

struct style {
    const char *error, *warning, *gutter, *bold, *off;
};
static const struct style plain_style = {"", "", "", "", ""};
static const struct style color_style = {"\033[1;31m", "\033[1;33m", "\033[1;34m", "\033[1m", "\033[0m"};

/* Adds text[at] so that it cannot steer the terminal: no control characters, no broken UTF-8. */
static unsigned add_cell(struct buf *out, struct str text, size_t at, size_t *size)
{
    uint32_t code = cells_decode(text, at, size);
    bool space = code == '\t' || code == '\n';
    bool bad = code == 0xfffd || code < 0x20 || (code >= 0x7f && code < 0xa0) ||
               (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
    if (space)
        buf_add_char(out, ' ');
    else if (bad)
        buf_addz(out, "\xef\xbf\xbd");
    else
        buf_add(out, text.p + at, *size);
    return bad ? 1 : cells_of(code);
}

void diag_add_text(struct buf *out, struct str text)
{
    size_t size;
    for (size_t at = 0; at < text.n; at += size)
        add_cell(out, text, at, &size);
}

static void add_repeated(struct buf *out, char c, size_t n)
{
    while (n--)
        buf_add_char(out, c);
}

/* The text from `from` on, with stars for secrets; in `hidden` where there are any. */
static struct str without_secrets(
    const struct source *source, size_t from, struct str text, struct buf *hidden)
{
    for (const struct source_secret *secret = source->secrets; secret; secret = secret->next) {
        size_t begin = secret->offset > from ? secret->offset : from;
        size_t end = secret->offset + secret->length;
        end = end < from + text.n ? end : from + text.n;
        if (begin >= end)
            continue;
        if (!hidden->n)
            buf_add_str(hidden, text);
        memset(hidden->p + (begin - from), '*', end - begin);
    }
    /* by value, with what stands beside it: of a secret only a part may be in the excerpt */
    size_t before = from < BESIDE ? from : BESIDE;
    struct str wide = str_slice(source->text, from - before, from + text.n + BESIDE);
    if (mask_finds(wide)) {
        AUTO_BUF struct buf stars = BUF_INIT;
        buf_add_str(&stars, wide);
        mask_stars(stars.p, stars.n);
        if (!hidden->n)
            buf_add_str(hidden, text);
        for (size_t i = 0; i < text.n; i++)
            if (stars.p[before + i] == '*')
                hidden->p[i] = '*';
    }
    return hidden->n ? buf_str(hidden) : text;
}

/* What is shown of a source line: bytes [from, to), `at` the place in it. Long lines are cut around it. */
struct excerpt {
    struct str text;
    size_t at;
    bool cut_left, cut_right;
};

static struct excerpt excerpt_of(struct span span)
{
    struct str text = span.source->text;
    size_t from = diag_line_start(text, span.offset);
    ptrdiff_t newline = str_find_char(text, '\n', span.offset);
    size_t to = newline < 0 ? text.n : (size_t)newline;
    if (from == 0)
        from = diag_bom_size(text);
    if (to > from && text.p[to - 1] == '\r')
        to--;
    struct excerpt excerpt = {.at = span.offset < from ? from : span.offset};
    if (excerpt.at > to)
        excerpt.at = to;
    bool whole = to - from <= EXCERPT_WIDTH * 3 / 2;
    if (!whole && excerpt.at - from > EXCERPT_WIDTH / 2) {
        from = excerpt.at - EXCERPT_WIDTH / 2;
        while (from < excerpt.at && ((unsigned char)text.p[from] & 0xc0) == 0x80)
            from++;
        excerpt.cut_left = true;
    }
    if (!whole && to - from > EXCERPT_WIDTH) {
        to = from + EXCERPT_WIDTH;
        while (to > excerpt.at && ((unsigned char)text.p[to] & 0xc0) == 0x80)
            to--;
        excerpt.cut_right = true;
    }
    excerpt.text = str_slice(text, from, to);
    excerpt.at -= from;
    return excerpt;
}

static size_t digits(uint32_t number)
{
    size_t n = 1;
    while (number /= 10)
        n++;
    return n;
}

struct frame {
    size_t width; /* of the line numbers */
    const struct style *style;
};

static void add_gutter(struct buf *out, const struct frame *frame, uint32_t line)
{
    buf_addz(out, frame->style->gutter);
    if (line)
        buf_addf(out, "%*u |", (int)frame->width, line);
    else
        buf_addf(out, "%*s |", (int)frame->width, "");
    buf_addz(out, frame->style->off);
}

static void add_marks(struct buf *out, const struct frame *frame, const struct excerpt *excerpt,
    size_t length, const char *color, char mark, struct str label)
{
    AUTO_BUF struct buf ignored = BUF_INIT;
    size_t before = excerpt->cut_left, under = 0, size;
    for (size_t at = 0; at < excerpt->text.n && at < excerpt->at + length; at += size) {
        unsigned width = add_cell(&ignored, excerpt->text, at, &size);
        if (at < excerpt->at)
            before += width;
        else
            under += width;
    }
    add_gutter(out, frame, 0);
    add_repeated(out, ' ', before + 1);
    buf_addz(out, color);
    add_repeated(out, mark, under ? under : 1);
    if (label.n) {
        buf_add_char(out, ' ');
        diag_add_text(out, label);
    }
    buf_addz(out, frame->style->off);
    buf_add_char(out, '\n');
}

static bool is_hidden_whole(const struct source *source, struct str line)
{
    size_t from = (size_t)(line.p - source->text.p);
    for (const struct source_secret *secret = source->secrets; secret; secret = secret->next)
        if (secret->offset <= from && from + line.n <= secret->offset + secret->length)
            return true;
    return false;
}

static void add_place(struct buf *out, const struct frame *frame, struct span span, const char *color,
    char mark, struct str label)
{
    add_repeated(out, ' ', frame->width);
    buf_addf(out, "%s-->%s ", frame->style->gutter, frame->style->off);
    diag_add_text(out, span.source->path);
    struct excerpt excerpt = excerpt_of(span);
    if (span.line)
        buf_addf(out, ":%u:%u", span.line, span.column);
    if (!span.line || is_hidden_whole(span.source, excerpt.text)) {
        if (label.n) {
            buf_addz(out, ": ");
            diag_add_text(out, label);
        }
        buf_add_char(out, '\n');
        return;
    }
    buf_add_char(out, '\n');
    AUTO_BUF struct buf hidden = BUF_INIT;
    size_t from = (size_t)(excerpt.text.p - span.source->text.p);
    excerpt.text = without_secrets(span.source, from, excerpt.text, &hidden);
    add_gutter(out, frame, 0);
    buf_add_char(out, '\n');
    add_gutter(out, frame, span.line);
    if (excerpt.text.n) {
        buf_addz(out, excerpt.cut_left ? " …" : " ");
        diag_add_text(out, excerpt.text);
        if (excerpt.cut_right)
            buf_addz(out, "…");
    }
    buf_add_char(out, '\n');
    add_marks(out, frame, &excerpt, span.length, color, mark, label);
}

/* One diagnostic rendered as above; for tests and --json. */
static void diag_render(const struct diag *diag, bool color, struct buf *out)
{
    const struct style *style = color ? &color_style : &plain_style;
    const char *severity = diag->severity == DIAG_ERROR ? style->error : style->warning;
    buf_addf(out, "%s%s:%s ", severity, diag->severity == DIAG_ERROR ? "error" : "warning", style->off);
    buf_addz(out, style->bold);
    diag_add_text(out, diag->message);
    buf_addf(out, "%s\n", style->off);

    uint32_t line = diag->span.source ? diag->span.line : 0;
    if (diag->related.source && diag->related.line > line)
        line = diag->related.line;
    struct frame frame = {digits(line) < 2 ? 2 : digits(line), style};
    if (diag->span.source)
        add_place(out, &frame, diag->span, severity, '^', diag->label);
    if (diag->related.source)
        add_place(out, &frame, diag->related, style->gutter, '-', diag->related_label);
    if (!diag->span.source && diag->label.n) {
        buf_addz(out, "  ");
        diag_add_text(out, diag->label);
        buf_add_char(out, '\n');
    }
    if (diag->hint.n) {
        buf_addf(out, "  %shint:%s ", style->bold, style->off);
        diag_add_text(out, diag->hint);
        buf_add_char(out, '\n');
    }
}

static int by_place(const void *a, const void *b)
{
    const struct diag *x = a, *y = b;
    if (!x->span.source || !y->span.source)
        return (x->span.source != NULL) - (y->span.source != NULL);
    int order = str_cmp(x->span.source->path, y->span.source->path);
    if (order)
        return order;
    if (x->span.line != y->span.line)
        return x->span.line < y->span.line ? -1 : 1;
    if (x->span.column != y->span.column)
        return x->span.column < y->span.column ? -1 : 1;
    return str_cmp(x->message, y->message);
}

void diags_render(struct diags *diags, bool color, struct buf *out)
{
    if (diags->n)
        qsort(diags->items, diags->n, sizeof *diags->items, by_place);
    for (size_t i = 0; i < diags->n; i++) {
        if (i)
            buf_add_char(out, '\n');
        diag_render(&diags->items[i], color, out);
    }
    if (diags->dropped)
        buf_addf(out, "\n… and %zu more\n", diags->dropped);
}
