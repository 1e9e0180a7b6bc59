/* The documents that are open in the editor, and positions in them: see outline.h. */
#include "cmd/lsp/outline.h"

#include "base/file.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/yaml.h"

#include <stdlib.h>

/* ---- positions in a text as editors count them ---- */

static bool ends_line(struct str text, size_t at)
{
    return text.p[at] == '\n' || (text.p[at] == '\r' && (at + 1 == text.n || text.p[at + 1] != '\n'));
}

size_t position_line_start(struct str text, size_t offset)
{
    if (offset > text.n)
        offset = text.n;
    while (offset && !ends_line(text, offset - 1))
        offset--;
    return offset;
}

size_t position_line_end(struct str text, size_t offset)
{
    while (offset < text.n && text.p[offset] != '\n' && text.p[offset] != '\r')
        offset++;
    return offset;
}

static uint32_t units(enum text_unit unit, size_t size)
{
    switch (unit) {
    case TEXT_UTF8: return (uint32_t)size;
    case TEXT_UTF16: return size == 4 ? 2 : 1;
    case TEXT_UTF32: break;
    }
    return 1;
}

/* Returns 0 if no line follows. */
static size_t next_line_start(struct str text, size_t at)
{
    const char *newline = memchr(text.p + at, '\n', text.n - at);
    size_t end = newline ? (size_t)(newline - text.p) : text.n;
    const char *alone = memchr(text.p + at, '\r', end - at);
    if (alone && ends_line(text, (size_t)(alone - text.p)))
        return (size_t)(alone - text.p) + 1;
    return newline ? end + 1 : 0;
}

size_t position_offset(struct str text, enum text_unit unit, struct position place)
{
    size_t at = 0, next;
    for (uint32_t line = 0; line < place.line; line++, at = next)
        if (!(next = next_line_start(text, at)))
            return text.n;
    uint32_t character = 0;
    while (at < text.n && text.p[at] != '\n' && text.p[at] != '\r') {
        size_t size = str_char_size(text, at);
        character += units(unit, size);
        if (character > place.character)
            break;
        at += size;
    }
    return at;
}

void positions_forget(struct positions *positions)
{
    positions->text = STR_EMPTY;
    positions->n = 0;
}

void positions_release(struct positions *positions)
{
    free(positions->lines);
}

static void find_lines(struct positions *p, struct str text)
{
    if (p->text.p == text.p && p->text.n == text.n)
        return;
    p->text = text;
    p->n = 0;
    for (size_t at = 0; (at = next_line_start(text, at));) {
        MEM_GROW(p->lines, p->cap, p->n + 1);
        p->lines[p->n++] = at;
    }
}

struct position position_of(struct positions *positions, struct str text, size_t offset)
{
    find_lines(positions, text);
    size_t low = 0, high = positions->n;
    if (offset > text.n)
        offset = text.n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (positions->lines[middle] <= offset)
            low = middle + 1;
        else
            high = middle;
    }
    struct position place = {.line = (uint32_t)low};
    for (size_t at = low ? positions->lines[low - 1] : 0; at < offset;) {
        size_t size = str_char_size(text, at);
        place.character += units(positions->unit, size);
        at += size;
    }
    return place;
}

/* Returns a number of a position; values that are not valid numbers mean the end. */
static uint32_t count_of(const struct value *position, const char *key)
{
    int64_t n = value_geti(position, key, UINT32_MAX);
    return n < 0 ? 0 : n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

size_t position_offset_of(struct str text, enum text_unit unit, const struct value *position)
{
    return position_offset(
        text, unit, (struct position){count_of(position, "line"), count_of(position, "character")});
}

void position_add_range(struct buf *out, struct positions *positions, struct str text, size_t from, size_t to)
{
    struct position start = position_of(positions, text, from), end = position_of(positions, text, to);
    buf_addf(out,
        "\"range\":{\"start\":{\"line\":%u,\"character\":%u},\"end\":{\"line\":%u,\"character\":%u}}",
        start.line, start.character, end.line, end.character);
}

/* ---- paths and URIs ---- */

struct str documents_real_path(struct arena *arena, struct str path)
{
    char real[PATH_MAX];
    return realpath(arena_strz(arena, path), real) ? arena_str(arena, str_z(real)) : path;
}

/* file:///a/b, file://localhost/a/b */
static struct str uri_path(struct arena *arena, struct str uri)
{
    static const struct str scheme = STR_INIT("file://");
    ptrdiff_t slash = str_starts(uri, scheme) ? str_find_char(uri, '/', scheme.n) : -1;
    if (slash < 0)
        return STR_EMPTY;
    struct str given = str_slice(uri, (size_t)slash, uri.n), path;
    if (!url_decode(arena, given, false, &path)) /* a % that is not an escape */
        path = given;
    return memchr(path.p, 0, path.n) ? STR_EMPTY : documents_real_path(arena, path);
}

struct str documents_uri(const struct documents *documents, struct arena *arena, struct str path)
{
    const struct document *open = documents_at(documents, path);
    if (open)
        return open->uri;
    AUTO_BUF struct buf out = BUF_INIT;
    buf_addz(&out, "file://");
    url_encode(&out, path, true);
    return arena_str(arena, buf_str(&out));
}

/* ---- documents ---- */

struct document *documents_find(const struct documents *documents, struct str uri)
{
    for (struct document *d = documents->first; d; d = d->next)
        if (str_eq(d->uri, uri))
            return d;
    return NULL;
}

struct document *documents_at(const struct documents *documents, struct str path)
{
    for (struct document *d = documents->first; d && path.n; d = d->next)
        if (str_eq(d->path, path))
            return d;
    return NULL;
}

struct document *documents_open(struct documents *documents, struct str uri, struct str text, int64_t version)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    struct document *d = documents_find(documents, uri);
    if (!d) {
        struct str path = uri_path(&scratch, uri);
        d = mem_zalloc(sizeof *d);
        d->uri = str_n(mem_memdup0(uri.p, uri.n), uri.n);
        d->path = str_n(mem_memdup0(path.p, path.n), path.n);
        d->next = documents->first;
        documents->first = d;
    }
    buf_clear(&d->text);
    buf_add_str(&d->text, text);
    d->version = version;
    return d;
}

static void change_range(
    struct document *document, enum text_unit unit, const struct value *range, struct str text)
{
    struct str old = buf_str(&document->text);
    size_t from = position_offset_of(old, unit, value_getz(range, "start"));
    size_t to = position_offset_of(old, unit, value_getz(range, "end"));
    struct buf changed = BUF_INIT;
    buf_add_str(&changed, str_slice(old, 0, from));
    buf_add_str(&changed, text);
    buf_add_str(&changed, str_slice(old, to > from ? to : from, old.n));
    buf_release(&document->text);
    document->text = changed;
}

void document_change(struct document *document, enum text_unit unit, const struct value *changes)
{
    for (uint32_t i = 0; changes && changes->kind == VALUE_LIST && i < changes->count; i++) {
        const struct value *change = changes->items[i], *range = value_getz(change, "range");
        struct str text = value_gets(change, "text");
        if (!value_is_null(range)) {
            change_range(document, unit, range, text);
            continue;
        }
        buf_clear(&document->text);
        buf_add_str(&document->text, text);
    }
}

static void document_free(struct document *d)
{
    free((char *)d->uri.p);
    free((char *)d->path.p);
    buf_release(&d->text);
    free(d);
}

void documents_close(struct documents *documents, struct str uri)
{
    for (struct document **at = &documents->first; *at; at = &(*at)->next)
        if (str_eq((*at)->uri, uri)) {
            struct document *d = *at;
            *at = d->next;
            document_free(d);
            return;
        }
}

void documents_release(struct documents *documents)
{
    while (documents->first) {
        struct document *d = documents->first;
        documents->first = d->next;
        document_free(d);
    }
    positions_release(&documents->positions);
}

bool documents_read(const struct documents *documents, struct arena *arena, struct str path, struct str *text)
{
    struct str real = documents_real_path(arena, path);
    const struct document *open = documents_at(documents, real);
    if (!open)
        return !file_read(arena, real.p, YAML_MAX_SIZE, text, ERR_IGNORED);
    *text = arena_str(arena, buf_str(&open->text));
    return true;
}
