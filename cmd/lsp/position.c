/* Places in a text as editors name them: see position.h. */
#include "cmd/lsp/position.h"

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

size_t position_offset(struct str text, enum text_unit unit, struct position place)
{
    size_t at = 0;
    for (uint32_t line = 0; line < place.line; line++) {
        while (at < text.n && !ends_line(text, at))
            at++;
        if (at == text.n)
            return at;
        at++;
    }
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

struct position position_of(struct str text, enum text_unit unit, size_t offset)
{
    struct position place = {0};
    if (offset > text.n)
        offset = text.n;
    size_t start = 0;
    for (size_t at = 0; at < offset; at++)
        if (ends_line(text, at)) {
            place.line++;
            start = at + 1;
        }
    for (size_t at = start; at < offset;) {
        size_t size = str_char_size(text, at);
        place.character += units(unit, size);
        at += size;
    }
    return place;
}

/* What is no number that counts is the end. */
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

void position_add_range(struct buf *out, struct str text, enum text_unit unit, size_t from, size_t to)
{
    struct position start = position_of(text, unit, from), end = position_of(text, unit, to);
    buf_addf(out,
        "\"range\":{\"start\":{\"line\":%u,\"character\":%u},\"end\":{\"line\":%u,\"character\":%u}}",
        start.line, start.character, end.line, end.character);
}
