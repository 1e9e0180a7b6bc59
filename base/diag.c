/* Diagnostics: see diag.h. */
#include "base/diag.h"

#include "base/map.h"
#include "base/mask.h"
#include "base/mem.h"

#include <stdlib.h>

enum {
    DEFAULT_LIMIT = 100,
    TEXT_MAX = 1000 /* bytes of a message; what users write may be megabytes long */
};

void diags_release(struct diags *diags)
{
    arena_release(&diags->arena);
    free(diags->items);
    *diags = (struct diags)DIAGS_INIT;
}

/* ---- places ---- */

size_t diag_line_start(struct str text, size_t offset)
{
    const char *newline = offset ? memrchr(text.p, '\n', offset) : NULL;
    return newline ? (size_t)(newline - text.p) + 1 : 0;
}

size_t diag_bom_size(struct str text)
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

/* Spans may come without line and column, which are only worth working out for those that are reported. */
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

/* Before it is clipped: half a secret would not be known any more. */
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

/* A module that is used twice gives the same diagnostics twice; one is enough. */
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

/* Is the word the whole of the name's last part, or of its first one? */
static bool is_part_of(struct str word, struct str name)
{
    if (name.n <= word.n + 1)
        return false;
    return (str_ends(name, word) && name.p[name.n - word.n - 1] == '_') ||
           (str_starts(name, word) && name.p[word.n] == '_');
}

/* `class` for instance_class, `retention` for retention_in_days, serde_info for `serde`: the only name so. */
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
