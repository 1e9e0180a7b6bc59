/* JSON without secrets, which stays JSON: see mask.h. */
#include "base/mask.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static size_t string_end(struct str text, size_t at)
{
    for (at++; at < text.n && text.p[at] != '"'; at++)
        at += text.p[at] == '\\';
    return at < text.n ? at : text.n;
}

static size_t number_end(struct str text, size_t at)
{
    while (at < text.n && char_is_among(text.p[at], "+-.0123456789eE"))
        at++;
    return at;
}

/* An escape of what is beyond 16 bits has another after it. */
static bool is_first_half(struct str escape)
{
    return escape.n > 6 && strchr("dD", escape.p[2]) && strchr("89abAB", escape.p[3]) && escape.p[6] == '\\';
}

/* Of the character at `at` in a string, or the escape that stands for it. */
static size_t character_size(struct str text, size_t at)
{
    struct str rest = str_slice(text, at, text.n);
    size_t n = rest.p[0] != '\\' || rest.n == 1 ? 1 : rest.p[1] != 'u' ? 2 : is_first_half(rest) ? 12 : 6;
    while (n < rest.n && ((unsigned char)rest.p[n] & 0xc0) == 0x80)
        n++;
    return n < rest.n ? n : rest.n;
}

/* What stands between quotation marks. Characters are hidden as a whole: a secret may begin with the last
 * letter of an escape, or end with its backslash. */
static void mask_string(struct buf *out, struct str text)
{
    if (!mask_finds(text)) {
        buf_add_str(out, text);
        return;
    }
    char *marks = mem_zalloc(text.n);
    mask_mark(marks, text);
    bool before = false;
    for (size_t at = 0, n; at < text.n; at += n) {
        n = character_size(text, at);
        bool hidden = memchr(marks + at, 1, n) != NULL;
        if (!hidden)
            buf_add(out, text.p + at, n);
        else if (!before)
            buf_addz(out, MASKED);
        before = hidden;
    }
    free(marks);
}

void mask_json(struct buf *out, struct str text)
{
    if (!mask_finds(text)) {
        buf_add_str(out, text);
        return;
    }
    for (size_t at = 0; at < text.n;) {
        size_t end = number_end(text, at);
        if (text.p[at] == '"') {
            end = string_end(text, at);
            buf_add_char(out, '"');
            mask_string(out, str_slice(text, at + 1, end));
        } else if (end > at) {
            struct str number = str_slice(text, at, end);
            buf_add_str(out, mask_finds(number) ? STR("\"" MASKED "\"") : number);
            at = end;
            continue;
        }
        if (end < text.n)
            buf_add_char(out, text.p[end]);
        at = end + 1;
    }
}
