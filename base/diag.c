/* Diagnostics: see diag.h. */
#include "base/diag.h"

#include "base/map.h"
#include "base/mask.h"
#include "base/mem.h"

#include <stdlib.h>

enum {
    DEFAULT_LIMIT = 100,
    TEXT_MAX = 1000 /* bytes of a message; quoted input of the user may be megabytes long */
};

void diags_release(struct diags *diags)
{
    arena_release(&diags->arena);
    free(diags->items);
    *diags = (struct diags)DIAGS_INIT;
}

/* ---- places ---- */

/* Returns the start of the line that contains the offset. */
static size_t diag_line_start(struct str text, size_t offset)
{
    const char *newline = offset ? memrchr(text.p, '\n', offset) : NULL;
    return newline ? (size_t)(newline - text.p) + 1 : 0;
}

/* Returns the size of a byte order mark at the start. */
static size_t diag_bom_size(struct str text)
{
    return str_starts(text, STR("\xef\xbb\xbf")) ? 3 : 0;
}

struct span span_at(const struct source *source, size_t offset, size_t length)
{
    struct str text = source->text;
    if (offset > text.n)
        offset = text.n;
    if (length > text.n - offset)
        length = text.n - offset;
    uint32_t line = 1 + source->above;
    for (const char *at = text.p, *end = text.p + offset;
         offset && (at = memchr(at, '\n', (size_t)(end - at))); at++)
        line++;
    size_t start = diag_line_start(text, offset);
    if (start == 0 && diag_bom_size(text) <= offset)
        start = diag_bom_size(text);
    size_t column = str_code_points(str_slice(text, start, offset)) + 1;
    return (struct span){source, (uint32_t)offset, (uint32_t)length, line, (uint32_t)column};
}

/* Spans come without line and column, which are computed only for those that are reported. */
struct span span_complete(struct span span)
{
    if (!span.source || span.line || !span.length)
        return span;
    return span_at(span.source, span.offset, span.length);
}

/* ---- collecting ---- */

static struct str clipped(struct str text)
{
    if (text.n <= TEXT_MAX)
        return text;
    size_t n = TEXT_MAX;
    while (n && ((unsigned char)text.p[n] & 0xc0) == 0x80)
        n--;
    return str_n(text.p, n);
}

/* Called before the text is clipped, since half a secret would not be recognised. */
static struct str masked(struct arena *arena, struct str text)
{
    if (!mask_finds(text))
        return text;
    AUTO_BUF struct buf shown = BUF_INIT;
    mask_text(&shown, text);
    return arena_str(arena, buf_str(&shown));
}

__attribute__((format(printf, 2, 0))) static struct str format_text(
    struct diags *diags, const char *format, va_list args)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct str text = masked(&scratch, arena_vprintf(&scratch, format, args)), kept = clipped(text);
    if (kept.n == text.n)
        return arena_str(&diags->arena, text);
    return arena_concat(&diags->arena, (struct str[]){kept, STR("…")}, 2);
}

static bool same_place(struct span a, struct span b)
{
    if (!a.source || !b.source)
        return a.source == b.source;
    return a.offset == b.offset && a.line == b.line && str_eq(a.source->path, b.source->path);
}

/* Returns the same diagnostic if it was added before: a module that is used twice is checked twice. */
static struct diag *find_same(struct diags *diags, const struct diag *wanted)
{
    for (size_t i = 0; i < diags->n; i++) {
        struct diag *diag = &diags->items[i];
        if (same_place(diag->span, wanted->span) && str_eq(diag->message, wanted->message))
            return diag;
    }
    return NULL;
}

__attribute__((format(printf, 4, 0))) static struct diag *add(
    struct diags *diags, enum diag_severity severity, struct span span, const char *format, va_list args)
{
    size_t limit = diags->limit ? diags->limit : DEFAULT_LIMIT;
    diags->met += severity == DIAG_ERROR;
    if (diags->n >= limit) {
        diags->errors += severity == DIAG_ERROR;
        diags->dropped++;
        diags->spare = (struct diag){.severity = severity};
        return &diags->spare;
    }
    struct diag diag = {.severity = severity, .span = span_complete(span)};
    diag.message = format_text(diags, format, args);
    struct diag *same = find_same(diags, &diag);
    if (same)
        return same;
    diags->errors += severity == DIAG_ERROR;
    MEM_GROW(diags->items, diags->cap, diags->n + 1);
    diags->items[diags->n] = diag;
    return &diags->items[diags->n++];
}

struct diag *diag_error(struct diags *diags, struct span span, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct diag *diag = add(diags, DIAG_ERROR, span, format, args);
    va_end(args);
    return diag;
}

struct diag *diag_warning(struct diags *diags, struct span span, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct diag *diag = add(diags, DIAG_WARNING, span, format, args);
    va_end(args);
    return diag;
}

void diag_label(struct diags *diags, struct diag *diag, const char *format, ...)
{
    if (diag == &diags->spare)
        return;
    va_list args;
    va_start(args, format);
    diag->label = format_text(diags, format, args);
    va_end(args);
}

void diag_hint(struct diags *diags, struct diag *diag, const char *format, ...)
{
    if (diag == &diags->spare)
        return;
    va_list args;
    va_start(args, format);
    diag->hint = format_text(diags, format, args);
    va_end(args);
}

void diag_code(struct diags *diags, struct diag *diag, struct str code)
{
    if (diag != &diags->spare)
        diag->code = arena_str(&diags->arena, code);
}

void diag_related(struct diags *diags, struct diag *diag, struct span span, const char *format, ...)
{
    if (diag == &diags->spare)
        return;
    va_list args;
    va_start(args, format);
    diag->related = span_complete(span);
    diag->related_label = format_text(diags, format, args);
    va_end(args);
}

/* True if the name is the word with a prefix or suffix that `_` separates. */
static bool is_part_of(struct str word, struct str name)
{
    if (name.n <= word.n + 1)
        return false;
    return (str_ends(name, word) && name.p[name.n - word.n - 1] == '_') ||
           (str_starts(name, word) && name.p[word.n] == '_');
}

/* Returns the only candidate that is the word with a prefix or suffix, or the reverse: instance_class for
 * `class`, retention_in_days for `retention`, serde for `serde_info`. Empty: none, or several. */
static struct str only_longer(struct str word, const struct str *names, size_t n)
{
    struct str found = STR_EMPTY;
    for (size_t i = 0; word.n >= 3 && i < n; i++) {
        if (!is_part_of(word, names[i]) && (names[i].n < 3 || !is_part_of(names[i], word)))
            continue;
        if (found.n)
            return STR_EMPTY;
        found = names[i];
    }
    return found;
}

bool diag_did_you_mean(
    struct diags *diags, struct diag *diag, struct str word, const struct str *candidates, size_t n)
{
    if (diag == &diags->spare)
        return false;
    struct str nearest = str_nearest(word, candidates, n);
    if (!nearest.n)
        nearest = only_longer(word, candidates, n);
    if (nearest.n)
        diag_label(diags, diag, "did you mean \"%.*s\"?", STR_ARG(nearest));
    return nearest.n;
}

void diag_suggest(
    struct diags *diags, struct diag *diag, struct str word, const struct str *candidates, size_t n)
{
    enum { LISTED_MAX = 12 };
    if (diag_did_you_mean(diags, diag, word, candidates, n) || n > LISTED_MAX)
        return;
    AUTO_BUF struct buf list = BUF_INIT;
    for (size_t i = 0; i < n; i++)
        buf_addf(&list, "%s%.*s", i ? ", " : "", STR_ARG(candidates[i]));
    if (n)
        diag_hint(diags, diag, "known are: %s", list.p);
}

static void add_secret(struct arena *arena, struct source *source, size_t offset, size_t length)
{
    struct source_secret *secret = ARENA_NEW(arena, struct source_secret);
    *secret = (struct source_secret){source->secrets, offset, length};
    source->secrets = secret;
}

void source_hide(struct arena *arena, struct span span)
{
    if (span.source && span.length)
        add_secret(arena, (struct source *)span.source, span.offset, span.length);
}

bool span_is_hidden(struct span span)
{
    const struct source_secret *secret = span.source ? span.source->secrets : NULL;
    size_t at = secret && span.offset && span.offset == span.source->text.n ? span.offset - 1 : span.offset;
    while (secret && (at < secret->offset || at >= secret->offset + secret->length))
        secret = secret->next;
    return secret;
}

static const struct source *own_source(struct diags *diags, struct map *copies, const struct source *source)
{
    if (!source)
        return NULL;
    struct str id = {(const char *)&source, sizeof source};
    struct source *copy = map_get(copies, id);
    if (copy)
        return copy;
    copy = ARENA_NEW(&diags->arena, struct source);
    copy->path = arena_str(&diags->arena, source->path);
    copy->text = arena_str(&diags->arena, source->text);
    for (const struct source_secret *secret = source->secrets; secret; secret = secret->next)
        add_secret(&diags->arena, copy, secret->offset, secret->length);
    map_set(copies, arena_str(&diags->arena, id), copy);
    return copy;
}

void diags_own_sources(struct diags *diags)
{
    AUTO_MAP struct map copies = MAP_INIT;
    for (size_t i = 0; i < diags->n; i++) {
        struct diag *diag = &diags->items[i];
        diag->span.source = own_source(diags, &copies, diag->span.source);
        diag->related.source = own_source(diags, &copies, diag->related.source);
    }
}

/* ---- rendering ---- */

enum {
    EXCERPT_WIDTH = 100, /* bytes shown of a long source line */
    BESIDE = 4096        /* bytes before and after an excerpt that are searched for secrets */
};

struct style {
    const char *error, *warning, *gutter, *bold, *off;
};
static const struct style plain_style = {"", "", "", "", ""};
static const struct style color_style = {"\033[1;31m", "\033[1;33m", "\033[1;34m", "\033[1m", "\033[0m"};

/* Appends text[at] so that it is safe for a terminal: no control characters, no invalid UTF-8. Returns its
 * width. */
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

/* Returns the text, which begins at `from` of the source, with stars for secrets; the copy is in `hidden`. */
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
    /* search by value, with the surrounding text: the excerpt may have only a part of a secret */
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

/* The part of a source line that is shown; `at` is the place in it. Long lines are cut around it. */
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

/* Renders one diagnostic. */
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
